#!/usr/bin/env python3
"""What cnnopt itself takes to read, clean up and write a model, beside tools that do the same.

  benchmarks/own_speed.py MODEL.onnx ... [--cnnopt=build/release/cnnopt] [--rounds=3] [--markdown]

Every round runs all tools on the model, one after the other; the medians of CPU seconds, wall seconds and the peak of
resident memory, the last as a multiple of the model's bytes too, are printed. cnnopt runs its exact passes only:
constants and BatchNormalization folded, nothing compared. Of the others those take part that this Python has:
onnxsim, onnxslim, onnxoptimizer, and ONNX Runtime's offline optimiser at the level BASIC. "copy" reads and writes the
bytes: what no tool can beat. benchmarks/make_models.py makes models of 98 MB, 528 MB and 2.4 GB.
"""
import argparse
import importlib.util
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = Path(__file__).resolve().parent.parent
EXACT = "fold-constants,fold-batch-norm,fold-scale"
COPY = """
import shutil, sys, glob, os
for path in glob.glob(sys.argv[1] + "*"):
    with open(path, "rb") as source, open(os.path.join(os.path.dirname(sys.argv[2]), os.path.basename(path)), "wb") as to:
        while block := source.read(1 << 20):
            to.write(block)
"""
RUNTIME = """
import sys, onnxruntime
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
options.optimized_model_filepath = sys.argv[2]
if len(sys.argv) > 3:
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "out.onnx.data")
onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
"""
OPTIMIZER = """
import sys, onnx, onnxoptimizer
onnx.save(onnxoptimizer.optimize(onnx.load(sys.argv[1])), sys.argv[2])
"""


def tools(cnnopt, model, out):
    """Names and commands."""
    python = [sys.executable, "-c"]
    huge = sum(path.stat().st_size for path in model.parent.glob(model.name + "*")) > 2 ** 31
    yield "copy", [*python, COPY, str(model), out]
    yield "cnnopt", [cnnopt, str(model), out, f"--pass={EXACT}", "--verify=off", "--no-latency", "--quiet", "--force"]
    if importlib.util.find_spec("onnxruntime"):
        yield "ONNX Runtime", [*python, RUNTIME, str(model), out, *(["external"] if huge else [])]
    if importlib.util.find_spec("onnxsim"):
        yield "onnxsim", [sys.executable, "-m", "onnxsim", str(model), out]
    if importlib.util.find_spec("onnxslim"):
        yield "onnxslim", [sys.executable, "-m", "onnxslim", str(model), out]
    if importlib.util.find_spec("onnxoptimizer"):
        yield "onnxoptimizer", [*python, OPTIMIZER, str(model), out]


def measure(command, folder):
    """CPU seconds, wall seconds and peak bytes of a command that succeeds, else None."""
    start = time.monotonic()
    with open(Path(folder) / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        return None
    return usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--cnnopt", default=str(REPOSITORY / "build/release/cnnopt"), help="default %(default)s")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    show = (lambda cells: print("| " + " | ".join(cells) + " |", flush=True)) if options.markdown else (
        lambda cells: print(cells[0].ljust(16), cells[1].ljust(14), *(cell.rjust(10) for cell in cells[2:]), flush=True))
    titles = ["model", "tool", "CPU s", "wall s", "peak MB", "x model"]
    show(titles)
    if options.markdown:
        show(["---"] * len(titles))
    for model in (path.resolve() for path in options.models):
        size = sum(path.stat().st_size for path in model.parent.glob(model.name + "*"))
        results = {}
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                for name, command in tools(str(Path(options.cnnopt).resolve()), model, str(Path(folder) / "out.onnx")):
                    results.setdefault(name, []).append(measure(command, folder))
                    for written in Path(folder).glob("*"):
                        written.unlink()
        for name, runs in results.items():
            runs = [run for run in runs if run is not None]
            if not runs:
                show([model.stem, name, "failed", "", "", ""])
                continue
            cpu, wall, peak = (statistics.median(column) for column in zip(*runs))
            show([model.stem, name, f"{cpu:.2f}", f"{wall:.2f}", f"{peak / 1e6:.0f}", f"{peak / size:.2f}"])


if __name__ == "__main__":
    main()
