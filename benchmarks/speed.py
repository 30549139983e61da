#!/usr/bin/env python3
"""The table of time against multiplications: what of a saving in MACs arrives in milliseconds.

  benchmarks/speed.py NET.onnx[=CALIBRATION] ... [--cnnopt=build/release/cnnopt] [--samples=8] [--markdown]

Slims every net to 0.5 and 0.35 of its MACs and to 0.5 of its time, and times the result against the original in ONNX
Runtime, one thread, alternating pairs. benchmarks/make_models.py makes two large nets with random weights.

  MACs, time   of the result as fractions of the original's
  arrived      the speedup as a share of the reduction of MACs
  slimmed      the same over the layers that were slimmed alone: time that other layers and operators take, by ONNX
               Runtime's own profile of the original, is taken off both sides
  spread       of the ratio of times, lower to upper quartile of the pairs

Speed depends on shapes, not on how well weights are fitted: few samples will do, and nothing is verified. Exits with 1
when a result is slower than its net, misses a target of time, or of a target of MACs less than 85 % arrive over the
slimmed layers. Needs
onnx and onnxruntime.
"""
import argparse
import json
import os
from pathlib import Path
import re
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy as np
import onnx
import onnxruntime

REPOSITORY = Path(__file__).resolve().parent.parent
GOALS = ("--target-macs=0.5", "--target-macs=0.35", "--target-latency=0.5")
ARRIVES = 0.85
TIME_SLACK = 1.05
PROFILED_RUNS = 10
# What ONNX Runtime fuses into the convolution before it.
FUSED = {"Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid", "Tanh", "BatchNormalization", "Add", "Sum", "Mul"}
TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16,
         "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(uint8)": np.uint8}
COLUMNS = (("net", 22), ("goal", 20), ("MACs", 5), ("time", 5), ("spread", 12), ("arrived", 7), ("slimmed", 7),
           ("original ms", 11), ("", 6), ("note", 0))


def load(path, profile=None):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feed(session, shapes):
    random = np.random.default_rng(1)
    return {each.name: random.standard_normal(shapes[each.name]).astype(TYPES[each.type])
            for each in session.get_inputs()}


def pairs(first, second, shapes, seconds=8, most=200):
    """Milliseconds of alternating runs."""
    inputs = feed(first, shapes)
    def once(session):
        start = time.perf_counter()
        session.run(None, inputs)
        return 1e3 * (time.perf_counter() - start)
    for session in (first, second):
        once(session)
    taken, until = [], time.monotonic() + seconds
    while len(taken) < 10 or (time.monotonic() < until and len(taken) < most):
        if len(taken) % 2:
            after = once(second)
            taken.append((once(first), after))
        else:
            taken.append((once(first), once(second)))
    return taken


def runtime_names(path, layers):
    """Names that ONNX Runtime may give to `layers`: of what it fuses, the last value's, as a beginning."""
    graph = onnx.load(str(path), load_external_data=False).graph
    readers = {}
    for node in graph.node:
        for value in node.input:
            readers.setdefault(value, []).append(node)
    names = set()
    for node in graph.node:
        if node.name not in layers and node.output[0] not in layers:
            continue
        names.update(filter(None, [node.name, node.output[0]]))
        value = node.output[0]
        while len(readers.get(value, [])) == 1 and readers[value][0].op_type in FUSED:
            value = readers[value][0].output[0]
            names.add(value)
    return names


def share_of(layers, path, shapes, folder):
    """The share of the net's time that `layers`, by name, take."""
    session = load(path, str(Path(folder) / "profile"))
    inputs = feed(session, shapes)
    for _ in range(PROFILED_RUNS):
        session.run(None, inputs)
    names = runtime_names(path, set(layers))
    events = json.loads(Path(session.end_profiling()).read_text())
    whole = inside = 0
    for event in events:
        if event.get("cat") != "Node" or not event["name"].endswith("_kernel_time"):
            continue
        name = re.sub(r"(_nchwc)?(_token_\d+)?_kernel_time$", "", event["name"])
        whole += event["dur"]
        inside += event["dur"] if name in names else 0
    return inside / whole if whole else 0


def run(net, calibration, goal, options, folder):
    out, report = Path(folder) / "slim.onnx", Path(folder) / "slim.json"
    command = [options.cnnopt, str(net), str(out), goal, "--verify=off", "--no-latency", "--quiet", "--force",
               f"--samples={options.samples}", f"--report={report}"]
    command += options.option + ([f"--calibration={calibration}"] if calibration else [])
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 or not report.exists():
        return ["FAILED", " ".join(done.stderr.split())], False
    content = json.loads(report.read_text())
    if content["verdict"] != "slimmed":
        return ["-", content["reason"]], True
    shapes = content["input"]["shapes"]
    taken = pairs(load(net), load(out), shapes)
    ratios = sorted(after / before for before, after in taken)
    ratio, quartiles = statistics.median(ratios), statistics.quantiles(ratios, n=4)
    macs = content["totals"]["macs"]
    saved = macs["after"] / macs["before"]
    layers = [layer for layer in content["layers"] if layer["now"]]
    before, after = (sum(layer["macs"][when] for layer in layers) for when in ("before", "after"))
    share = share_of([layer["name"] for layer in layers], net, shapes, folder)
    rest = 1 - share
    over = (share / max(ratio - rest, 1e-9)) / (before / after)
    good = ratio < 1 and (ratio <= 0.5 * TIME_SLACK if goal.startswith("--target-latency") else over >= ARRIVES)
    return [f"{saved:.3f}", f"{ratio:.3f}", f"{quartiles[0]:.2f} to {quartiles[2]:.2f}", f"{saved / ratio:.0%}",
            f"{over:.0%}", f"{statistics.median(b for b, _ in taken):.1f}", "ok" if good else "MISSED",
            f"slimmed layers: {share:.0%} of the time, MACs {after / before:.3f}"], good


def show(cells, markdown):
    if markdown:
        print(f"| {' | '.join(cells)} |", flush=True)
    else:
        print("  ".join(cell.ljust(width) for cell, (_, width) in zip(cells, COLUMNS)).rstrip(), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nets", nargs="+", metavar="NET.onnx[=CALIBRATION]")
    parser.add_argument("--cnnopt", default=str(REPOSITORY / "build/release/cnnopt"), help="default %(default)s")
    parser.add_argument("--samples", type=int, default=8, help="of the calibration data, default %(default)s")
    parser.add_argument("--goal", action="append", help=f"instead of {', '.join(GOALS)}")
    parser.add_argument("--option", action="append", default=[],
                        help="a further flag of cnnopt, such as --option=--fit=weights where a net is large")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    show([title for title, _ in COLUMNS], options.markdown)
    if options.markdown:
        show(["---"] * len(COLUMNS), True)
    all_good = True
    for text in options.nets:
        path, _, calibration = text.partition("=")
        for goal in options.goal or GOALS:
            with tempfile.TemporaryDirectory() as folder:
                cells, good = run(Path(path), calibration, goal, options, folder)
            if len(cells) == 2:
                cells = [cells[0], *["-"] * 5, "" if good else "FAILED", cells[1]]
            show([Path(path).stem, goal.lstrip("-"), *cells], options.markdown)
            all_good = all_good and good
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main())
