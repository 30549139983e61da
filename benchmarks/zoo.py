#!/usr/bin/env python3
"""What a zoo costs beside its models: a synthetic one is planned, run, looked at and merged.

  benchmarks/zoo.py [--models=5000] [--jobs=2] [--cnnopt=build/release/cnnopt] [--folder=DIR] [--options=...]

Prints a table. "own work" is what the same models take one after the other without a batch, measured on some of them.
The models are small on purpose: 16 KB, two convolutions. Exits with 1 when the overhead per model is above 20 ms or the
batch's memory grows by more than 4 KB a model. Needs Python alone.
"""
import argparse
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time

CHANNELS = 16


def number(value):
    """A varint of protobuf."""
    text = b""
    while value >= 0x80:
        text += bytes([value & 0x7f | 0x80])
        value >>= 7
    return text + bytes([value])


def field(index, content):
    if isinstance(content, int):
        return number(index << 3) + number(content)
    content = content.encode() if isinstance(content, str) else content
    return number(index << 3 | 2) + number(len(content)) + content


def value_info(name, shape):
    sizes = b"".join(field(1, field(1, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, sizes)))


def weight(name, chance):
    shape = (CHANNELS, CHANNELS, 3, 3)
    values = [chance.gauss(0, 0.1) for _ in range(CHANNELS * CHANNELS * 9)]
    return (b"".join(field(1, size) for size in shape) + field(2, 1) + field(8, name) +
            field(9, struct.pack("<%df" % len(values), *values)))


def conv(x, w, y):
    pads = field(1, "pads") + b"".join(field(8, 1) for _ in range(4)) + field(20, 7)
    return field(1, x) + field(1, w) + field(2, y) + field(3, y) + field(4, "Conv") + field(5, pads)


def relu(x, y):
    return field(1, x) + field(2, y) + field(3, y) + field(4, "Relu")


def small_network(seed):
    """An ONNX file: two convolutions of 16 channels with random weights."""
    chance = random.Random(seed)
    shape = (1, CHANNELS, 8, 8)
    graph = (field(1, conv("x", "w1", "a")) + field(1, relu("a", "b")) + field(1, conv("b", "w2", "y")) +
             field(2, "net") + field(5, weight("w1", chance)) + field(5, weight("w2", chance)) +
             field(11, value_info("x", shape)) + field(12, value_info("y", shape)))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))


def make_zoo(folder, count):
    for m in range(count):
        path = folder / ("%03d" % (m // 100)) / ("net%05d.onnx" % m)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(small_network(m))


class Watch:
    """Runs a command; its own time on a processor and its largest memory, without its children."""

    def __init__(self, words, stdout=None, allowed=(0,)):
        began = time.monotonic()
        with subprocess.Popen(words, stdout=stdout, stderr=subprocess.DEVNULL) as process:
            self.processor, self.memory = 0.0, 0
            done = threading.Event()
            watcher = threading.Thread(target=self._look, args=(process.pid, done))
            watcher.start()
            # Waits without reaping, so that the last look sees the process whole.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            self.seconds = time.monotonic() - began
            done.set()
            watcher.join()
        assert process.returncode in allowed, (words, process.returncode)

    def _look(self, process, done):
        while True:
            last = done.wait(0.05)
            try:
                words = pathlib.Path("/proc/%d/stat" % process).read_text().rsplit(")", 1)[1].split()
                self.processor = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
                status = pathlib.Path("/proc/%d/status" % process).read_text()
                peak = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
                self.memory = max(self.memory, int(peak[0]) * 1024 if peak else 0)
            except OSError:
                pass
            if last:
                return


def own_work(cnnopt, zoo, folder, options, count):
    """Seconds for one model without a batch, on average."""
    paths = sorted(zoo.rglob("*.onnx"))[:count]
    began = time.monotonic()
    for path in paths:
        subprocess.run([cnnopt, str(path), str(folder / "own.onnx"), "-q", "--threads=1",
                        "--report=%s/own.json" % folder] + options, check=True)
    return (time.monotonic() - began) / len(paths)


def measure(arguments, folder):
    zoo, count, options = folder / "zoo", arguments.models, arguments.options.split()
    batch = [arguments.cnnopt, "batch"]
    make_zoo(zoo, count)
    before = own_work(arguments.cnnopt, zoo, folder, options, min(count, 100))
    manifest, out = folder / "manifest.jsonl", folder / "out"
    with open(manifest, "wb") as file:
        plan = Watch(batch + ["plan", str(zoo), "--shards=1"] + options, file)
    run = Watch(batch + ["run", str(manifest), str(out), "-q", "--jobs=%d" % arguments.jobs])
    again = Watch(batch + ["run", str(manifest), str(out), "-q", "--jobs=%d" % arguments.jobs])
    status = Watch(batch + ["status", str(manifest), str(out / "cnnopt-reports")])
    with open(folder / "merged.jsonl", "wb") as file:
        merge = Watch(batch + ["merge", str(out / "cnnopt-reports")], file)
    own = (before + own_work(arguments.cnnopt, zoo, folder, options, min(count, 100))) / 2
    return own, {"plan": plan, "run": run, "run again": again, "status": status, "merge": merge}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=5000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cnnopt", default="build/release/cnnopt")
    parser.add_argument("--options", default="--fit=weights --verify=off --target-macs=0.9 --pass=dsc")
    parser.add_argument("--folder", help="where the zoo is made, and kept; default: a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(arguments.folder or temporary)
        own, steps = measure(arguments, folder)
    count = arguments.models
    print("%d models, %d jobs, own work %.1f ms a model" % (count, arguments.jobs, 1000 * own))
    print("%-10s %9s %12s %15s %12s" % ("", "seconds", "ms a model", "own processor", "memory"))
    for name, step in steps.items():
        print("%-10s %9.2f %12.2f %12.2f ms %9.1f MB" % (name, step.seconds, 1000 * step.seconds / count,
                                                        1000 * step.processor / count, step.memory / 1e6))
    overhead = steps["run"].processor / count
    print("overhead %.2f ms of processor a model; %.0f models a minute" %
          (1000 * overhead, 60 * count / steps["run"].seconds))
    base = 40e6
    wrong = overhead > 0.02 or any(step.memory - base > 4096 * count for step in steps.values())
    sys.exit(1 if wrong else 0)


main()
