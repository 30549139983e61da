#!/usr/bin/env python3
"""What a convolution takes besides its multiplications: the numbers behind Effort in passes/cost.h.

  benchmarks/stage_times.py NET.onnx=1,3,224,224 ...

Runs every net in ONNX Runtime, one thread, with its profiler on, and fits the median time of each convolution by
multiplications (channels rounded up to vectors of 16), numbers written and read, those of them beyond what a core's
cache holds, those that pointwise and depthwise convolutions move beyond the last cache, weights, and a constant. Prints
each as a multiple of a multiplication's time, and how far off the fit is.
Give originals and slim versions of them. The constant includes the profiler's own time, which is most of it.

Needs numpy, onnx and onnxruntime.
"""
import argparse
import json
import os
from pathlib import Path
import re
import statistics
import sys
import tempfile

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy as np
import onnx
import onnxruntime

RUNS = 15
VECTOR, IMAGE, CACHED, LAST_CACHED = 16, 4, 500_000, 1_500_000
TERMS = ("multiplications", "written", "read", "written beyond the cache", "read beyond the cache",
         "moved beyond the last", "weights", "constant")
FUSED = {"Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid", "Tanh", "BatchNormalization", "Add", "Sum", "Mul"}


def whole(channels):
    return channels if channels <= IMAGE else -(-channels // VECTOR) * VECTOR


def moved(read, written, in_channels, out_channels, taps, group_in, strides):
    """How many numbers beyond the last cache go to and from memory, see MovedBeyondLastCache in passes/cost.cc."""
    depthwise = group_in == 1 < in_channels
    whole_maps = taps == 1 and group_in == in_channels and strides == 1
    if not depthwise and not whole_maps:
        return 0
    readings, writings = (-(-out_channels // 64), -(-in_channels // 128)) if whole_maps else (1, 1)
    return readings * max(read - LAST_CACHED, 0) + 2 * writings * max(written - LAST_CACHED, 0)


def times(model, shape, folder):
    """Median microseconds of every convolution that ran, by the name ONNX Runtime gives it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_profiling, options.profile_file_prefix = True, str(Path(folder) / "profile")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(1)
    feed = {each.name: random.standard_normal(shape).astype(np.float32) for each in session.get_inputs()}
    for _ in range(RUNS):
        session.run(None, feed)
    taken = {}
    for event in json.loads(Path(session.end_profiling()).read_text()):
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time") and "Conv" in event["args"]["op_name"]:
            name = re.sub(r"(_nchwc)?(_token_\d+)?_kernel_time$", "", event["name"])
            taken.setdefault(name, []).append(event["dur"])
    return {name: statistics.median(durations) for name, durations in taken.items()}


def layers(path, shape, folder):
    """What each convolution is made of, TERMS, and the microseconds it took."""
    model = onnx.load(str(path))
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for value in model.graph.input:
        if value.name not in constants:
            del value.type.tensor_type.shape.dim[:]
            for size in shape:
                value.type.tensor_type.shape.dim.add().dim_value = size
    del model.graph.value_info[:]
    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
              for value in (*graph.value_info, *graph.output, *graph.input)}
    readers = {}
    for node in model.graph.node:
        for value in node.input:
            readers.setdefault(value, []).append(node)
    taken = times(model, shape, folder)
    for node in model.graph.node:
        if node.op_type != "Conv" or node.input[1] not in constants:
            continue
        names, value = [node.name, node.output[0]], node.output[0]
        while len(readers.get(value, [])) == 1 and readers[value][0].op_type in FUSED:
            names.append(readers[value][0].name)
            value = readers[value][0].output[0]
            names.append(value)
        found = [name for name in names if name and name in taken]
        if not found:
            print(f"no time of {path.name}: {node.name or node.output[0]}", file=sys.stderr)
            continue
        out_channels, group_in, *kernel = constants[node.input[1]].dims
        batch, in_channels, *pixels = shapes[node.input[0]]
        positions = int(np.prod(shapes[node.output[0]][2:]))
        if not positions or not all(pixels):
            print(f"no shape of {path.name}: {node.name or node.output[0]}", file=sys.stderr)
            continue
        taps = int(np.prod(kernel))
        strides = int(np.prod(next((each.ints for each in node.attribute if each.name == "strides"), [1])))
        weights = whole(out_channels) * (group_in if group_in < in_channels else whole(in_channels)) * taps
        written, read = positions * whole(out_channels), int(np.prod(pixels)) * whole(in_channels)
        yield [batch * positions * weights, batch * written, batch * read, batch * max(written - CACHED, 0),
               batch * max(read - CACHED, 0),
               batch * moved(read, written, in_channels, out_channels, taps, group_in, strides), weights,
               1], taken[found[0]]


def fit(rows, microseconds):
    """Weights, none negative, of least relative error: projected gradient descent on scaled columns."""
    columns = rows / microseconds[:, None]
    scale = np.linalg.norm(columns, axis=0)
    scale[scale == 0] = 1
    columns = columns / scale
    step = 1 / np.linalg.norm(columns, 2) ** 2
    weights = np.zeros(columns.shape[1])
    for _ in range(100_000):
        weights = np.maximum(0, weights - step * (columns.T @ (columns @ weights - 1)))
    return weights / scale


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nets", nargs="+", metavar="NET.onnx=1,3,224,224")
    rows, microseconds = [], []
    for text in parser.parse_args().nets:
        path, _, shape = text.partition("=")
        with tempfile.TemporaryDirectory() as folder:
            for row, time in layers(Path(path), [int(size) for size in shape.split(",")], folder):
                rows.append(row)
                microseconds.append(time)
    rows, microseconds = np.array(rows, float), np.array(microseconds, float)
    weights = fit(rows, microseconds)
    print(f"{len(rows)} convolutions, {1e-3 / weights[0]:.1f} G multiplications a second")
    for term, weight in zip(TERMS, weights):
        print(f"{term:26} {weight / weights[0]:12.2f}")
    off = np.quantile(rows @ weights / microseconds, [0.05, 0.25, 0.5, 0.75, 0.95])
    print("fit / measured, quantiles .05 .25 .5 .75 .95:", " ".join(f"{value:.2f}" for value in off))
    return 0


if __name__ == "__main__":
    sys.exit(main())
