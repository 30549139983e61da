#!/usr/bin/env python3
"""The table of accuracy against multiplications: slims each net to each of its budgets and scores the result.

Models is a folder of classifiers, NET.onnx, with {cifar,mnist}_calibration.npy (or _samples.npy, as in testdata/) and
{cifar,mnist}_test.npz, the labelled samples that top1.py reads. Without the latter the score is the report's top-1
agreement on held-out samples, marked with a %, and compared with nothing.

Corpus is a folder of other nets, models/NET.onnx, with data/calib/NET.npy, or NET.INPUT.npy for each of several inputs.
`SCRIPT NET FILE.onnx --out CORPUS` scores one; the first number it prints counts, and higher is better.

Exits with 1 when a score was missed or something failed. top1.py runs with the same Python, which then needs numpy and
onnxruntime, SCRIPT with CORPUS/venv/bin/python when there is one.
"""
import argparse
import json
import math
import os
from pathlib import Path
import re
import subprocess
import sys
import tempfile
import time
from typing import Callable, NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent
SYNTHETIC_SAMPLES = 64
# For each net its budgets, fractions of its MACs, and the score to reach there; None: it is only to run.
CLASSIFIERS = {
    "resnet": {0.5: 87.8, 0.3: 87.1, 0.2: 85.5, 0.15: 83.2},
    "vgg": {0.5: 84.9, 0.3: 84.4, 0.2: 83.0},
    "alexnet": {0.5: 78.3, 0.4: 77.8},
    "googlenet": {0.6: 84.4, 0.5: 84.0},
    "lenet": {0.5: 98.5, 0.3: 98.0},
    "mobilenet": {0.6: None},
}
CORPUS = {
    "craft": {0.35: 0.978, 0.25: 0.965, 0.15: 0.940},
    "crnn_english_g2": {0.4: 0.986, 0.25: 0.980},
    "waifu2x_upconv7_photo": {0.6: 32.1, 0.4: 31.7, 0.25: 31.2},
    "opennsfw_resnet50thin": {0.85: 0.6},
    **{name: {0.6: None} for name in ("spindle_eeg", "ddddocr_det", "nudenet_yolov8n", "basic_pitch",
                                      "efficientnet_lite0")},
}
MNIST, FEWER_SAMPLES = {"lenet"}, {"craft": 20}  # the other classifiers are of CIFAR-10; craft's maps are large

# Columns and their widths; a net's name and the note are flush left.
COLUMNS = (("net", 21), ("fitted to", 10), ("original", 8), ("target", 6), ("MACs", 5), ("time", 5), ("score", 7),
           ("to reach", 8), ("", 6), ("wall s", 7), ("CPU s", 7), ("peak MB", 7), ("note", 0))


class Net(NamedTuple):
    name: str
    model: Path
    calibration: list  # flags of cnnopt
    targets: dict
    scorer: Callable  # of a model's path: the command that prints its score; None: there is none


def calibration_flags(folder, name):
    """Flags for NAME.npy in the folder, or for every NAME.INPUT.npy; none when neither is there."""
    if (folder / f"{name}.npy").exists():
        return [f"--calibration={folder / name}.npy"]
    return [f"--calibration={path.stem[len(name) + 1:]}={path}" for path in sorted(folder.glob(f"{name}.*.npy"))]


def classifier(folder, name):
    data = "mnist" if name in MNIST else "cifar"
    labelled = folder / f"{data}_test.npz"
    scorer = lambda path: [sys.executable, str(REPOSITORY / "benchmarks/top1.py"), str(labelled), str(path)]
    calibration = calibration_flags(folder, f"{data}_calibration") or calibration_flags(folder, f"{data}_samples")
    return Net(name, folder / f"{name}.onnx", calibration, CLASSIFIERS[name], scorer if labelled.exists() else None)


def corpus_net(folder, script, name):
    own = folder / "venv/bin/python"
    scorer = lambda path: [str(own) if own.exists() else sys.executable, script, name, str(path), "--out", str(folder)]
    return Net(name, folder / "models" / f"{name}.onnx", calibration_flags(folder / "data/calib", name), CORPUS[name],
               scorer if script else None)


def score(net, path):
    """The first number, not part of a word, that the scorer prints. NaN when it fails; standard error then says why."""
    done = subprocess.run(net.scorer(path), capture_output=True, text=True)
    found = re.search(r"(?<![\w.-])[-+]?(?:nan\b|inf\b|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)", done.stdout)
    if done.returncode == 0 and found:
        return float(found.group())
    print(f"cannot score {net.name}: {done.stderr[-2000:]}{done.stdout[-200:]}", file=sys.stderr)
    return math.nan


def slim(cnnopt, net, out, flags):
    """The report of a run of cnnopt, or None when it failed, a note, and the cells of wall and CPU time and memory."""
    report, log = out.with_suffix(".json"), out.with_suffix(".log")
    command = [cnnopt, str(net.model), str(out), "--verify=report", "--quiet", f"--report={report}", *flags]
    start = time.monotonic()  # the child's peak memory is at least this process's: load nothing large in here
    with open(log, "wb") as errors:
        process = subprocess.Popen(command, stdout=errors, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - start, usage.ru_utime + usage.ru_stime
    cost = [*(f"{value:.1f}" for value in seconds), f"{usage.ru_maxrss * 1024 / 1e6:.0f}"]
    if process.returncode not in (0, 4) or not report.exists():
        return None, f"exit code {process.returncode}: {' '.join(log.read_text(errors='replace').split())}", cost
    content = json.loads(report.read_text())
    words = {"slimmed": "", "unchanged": "nothing to gain: ", "refused": "refused: "}[content["verdict"]]
    return content, words + content["reason"] or ("" if content["verified"] else "not within the bounds"), cost


def outcome(report, reached, to_reach):
    if report is None or (reached is not None and math.isnan(reached)):
        return "FAILED"
    if to_reach is None:
        return "-"
    within = all(b["reached"] is not None and b["reached"] <= b["limit"] for b in report["budgets"])
    return "ok" if within and reached is not None and reached >= to_reach else "MISSED"


def results(report, reached):
    """The cells that tell what cnnopt reached: samples fitted to, MACs, time, score."""
    if report is None or report["verdict"] == "refused":
        return ["-"] * 4
    macs, agreement = report["totals"]["macs"], (report["comparison"] or {}).get("top1_agreement")
    kept = "-" if agreement is None else f"{100 * agreement:.1f}%"
    return [f"{report['samples']['fitted']}{' made up' if report['samples']['synthetic'] else ''}",
            f"{macs['after'] / macs['before']:.3f}" if macs["before"] else "-",
            f"{report['latency']['ratio']:.2f}x" if report["latency"] else "-",
            kept if reached is None else f"{reached:.5g}"]


def show(row, markdown):
    if markdown:
        line = f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
    else:
        line = "  ".join(cell.ljust(width) if title in ("net", "note") else cell.rjust(width)
                         for cell, (title, width) in zip(row, COLUMNS)).rstrip()
    print(line, flush=True)


def rows(net, options, folder):
    """Prints the rows of a net; true when none was missed or failed."""
    original = score(net, net.model) if net.scorer else None
    good = original is None or not math.isnan(original)
    for number, (target, to_reach) in enumerate(net.targets.items()):
        shapes = []
        for made_up in (False, True) if options.synthetic else (False,):
            samples = SYNTHETIC_SAMPLES if made_up else min(options.samples, FEWER_SAMPLES.get(net.name, math.inf))
            flags = [f"--target-macs={target}", f"--samples={samples}", *(shapes if made_up else net.calibration)]
            out = folder / f"{number}{'made_up' if made_up else ''}.onnx"
            report, note, cost = slim(options.cnnopt, net, out, flags)
            reached = score(net, out) if net.scorer and out.exists() else None
            aim = to_reach if net.scorer and not made_up else None
            fitted, *what = results(report, reached)
            word = outcome(report, reached, aim)
            show([net.name, fitted, "-" if original is None else f"{original:.5g}", f"{target:g}", *what,
                  "-" if aim is None else f"{aim:g}", word, *cost, note], options.markdown)
            good = good and word in ("ok", "-")
            settled = report["input"]["shapes"] if report else {}  # the calibration data may settle open sizes
            shapes = [f"--input-shape={name}:{','.join(map(str, shape))}" for name, shape in settled.items()]
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cnnopt", default=str(REPOSITORY / "build/release/cnnopt"), help="default %(default)s")
    parser.add_argument("--models", type=Path, metavar="DIR")
    parser.add_argument("--corpus", type=Path, metavar="DIR")
    parser.add_argument("--evaluate", metavar="SCRIPT", help="scores the nets of the corpus")
    parser.add_argument("--samples", type=int, default=512, help="of the calibration data, default %(default)s")
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="NET[,NET]")
    parser.add_argument("--synthetic", action="store_true", help="each row once more, fitted to made-up samples")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    if not (os.access(options.cnnopt, os.X_OK) and (options.models or options.corpus)):
        parser.error("needs --models, --corpus or both, and a cnnopt that is built")
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"

    nets = [classifier(options.models, name) for name in CLASSIFIERS] if options.models else []
    nets += [corpus_net(options.corpus, options.evaluate, name) for name in CORPUS] if options.corpus else []
    wanted = options.only or [*CLASSIFIERS, *CORPUS]
    nets = [net for net in nets if net.name in wanted and net.model.exists() and net.calibration]
    missing = set(wanted) - {net.name for net in nets}

    show([title for title, _ in COLUMNS], options.markdown)
    if options.markdown:
        show(["---"] * len(COLUMNS), True)
    good = bool(nets)
    for net in nets:
        with tempfile.TemporaryDirectory() as folder:
            good = rows(net, options, Path(folder)) and good
    if any(net.scorer is None for net in nets):
        print("\n%: held-out samples that keep their top-1 class, there are no labelled ones or no --evaluate")
    if missing:
        print("\nnot run, no such net, model or calibration data:", ", ".join(sorted(missing)))
    return 0 if good and not (options.only and missing) else 1


if __name__ == "__main__":
    sys.exit(main())
