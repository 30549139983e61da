#!/usr/bin/env python3
"""Two ways of writing the same algebra, timed against each other in ONNX Runtime.

  benchmarks/emission.py [--threads=1] [--rounds=60] [--markdown]

Every row runs model A and model B in alternation, each a chain of four equal blocks with a Relu after each, and prints
the median of B's CPU time over A's. Above 1: A is the better way. What cnnopt writes follows from these rows. Needs
numpy, onnx and onnxruntime.
"""
import argparse
import os
import statistics
import time

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import onnxruntime

BLOCKS = 4


class Graph:
    """Nodes and weights in the order in which they were asked for."""

    def __init__(self):
        self.random = np.random.default_rng(1)
        self.nodes, self.weights = [], []

    def node(self, op, inputs, **attributes):
        value = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [value], **attributes))
        return value

    def conv(self, value, channels, to, kernel=1, groups=1):
        shape = (to, channels // groups, kernel, kernel)
        numbers = self.random.standard_normal(shape, dtype=np.float32) * (2 / np.prod(shape[1:])) ** 0.5
        names = [f"w{len(self.nodes)}", f"b{len(self.nodes)}"]
        self.weights.append(numpy_helper.from_array(numbers.astype(np.float32), names[0]))
        self.weights.append(numpy_helper.from_array(np.zeros(to, np.float32), names[1]))
        return self.node("Conv", [value, *names], kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4, group=groups)

    def relu(self, value):
        return self.node("Relu", [value])


# One block each, from `c` channels to `c` channels; r is the rank.

def dense(graph, x, c, r):
    return graph.conv(x, c, c, 3)


def middle(graph, x, c, r):
    """cp: 1x1, depthwise 3x3, 1x1."""
    return graph.conv(graph.conv(graph.conv(x, c, r), r, r, 3, r), r, c)


def sum_of_branches(graph, x, c, r):
    """dsc: r times depthwise, pointwise; added."""
    total = None
    for _ in range(r):
        branch = graph.conv(graph.conv(x, c, c, 3, c), c, c)
        total = branch if total is None else graph.node("Add", [total, branch])
    return total


def depth_multiplier(graph, x, c, r):
    """The same with one depthwise convolution of r outputs a channel and one pointwise."""
    return graph.conv(graph.conv(x, c, r * c, 3, c), r * c, c)


def concat(graph, x, c, r):
    """The same with r depthwise convolutions side by side and one pointwise."""
    parts = [graph.conv(x, c, c, 3, c) for _ in range(r)]
    return graph.conv(graph.node("Concat", parts, axis=1), r * c, c)


def pointwise_first(graph, x, c, r):
    """dsc the other way round: r times pointwise, depthwise; added."""
    total = None
    for _ in range(r):
        branch = graph.conv(graph.conv(x, c, c), c, c, 3, c)
        total = branch if total is None else graph.node("Add", [total, branch])
    return total


def bias_apart(graph, x, c, r):
    """cp with its bias in a node of its own."""
    name = f"apart{len(graph.nodes)}"
    graph.weights.append(numpy_helper.from_array(np.ones((1, c, 1, 1), np.float32), name))
    return graph.node("Add", [middle(graph, x, c, r), name])


def with_shortcut(graph, x, c, r):
    return graph.node("Add", [middle(graph, x, c, r), x])


def with_late_shortcut(graph, x, c, r):
    """An addition that ONNX Runtime cannot fuse into the convolution before it: a Relu stands between."""
    return graph.node("Add", [graph.relu(middle(graph, x, c, r)), x])


def with_inner_relu(graph, x, c, r):
    """cp with a Relu inside, which ONNX Runtime fuses: what an activation costs."""
    return graph.conv(graph.conv(graph.relu(graph.conv(x, c, r)), r, r, 3, r), r, c)


def session(block, channels, size, rank, threads):
    graph = Graph()
    value = "x"
    for _ in range(BLOCKS):
        value = graph.relu(block(graph, value, channels, rank))
    shape = [1, channels, size, size]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                          [helper.make_tensor_value_info(value, TensorProto.FLOAT, None)], graph.weights),
        opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    made = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {"x": graph.random.standard_normal(shape, dtype=np.float32)}
    return lambda: made.run(None, feed)


def ratio(first, second, rounds):
    """The median over alternating pairs of the CPU time of `second` over that of `first`."""
    def seconds(run):
        start = time.process_time()
        run()
        return time.process_time() - start
    for run in (first, second):
        run()
    pairs = [(seconds(first), seconds(second)) for _ in range(rounds)]
    return statistics.median(b / a for a, b in pairs)


# title, (block, rank) A, (block, rank) B
SIZES = ((32, 64), (64, 56), (128, 28), (256, 14))
ROWS = (
    ("dsc rank 2: sum of branches / concat", (sum_of_branches, 2), (concat, 2)),
    ("dsc rank 2: sum of branches / one depthwise with multiplier", (sum_of_branches, 2), (depth_multiplier, 2)),
    ("dsc rank 2: depthwise first / pointwise first", (sum_of_branches, 2), (pointwise_first, 2)),
    ("dsc rank 4: sum of branches / concat", (sum_of_branches, 4), (concat, 4)),
    ("dsc rank 2: sum of branches / the layer itself", (sum_of_branches, 2), (dense, 0)),
    ("cp rank 32: bias inside / bias in an Add", (middle, 32), (bias_apart, 32)),
    ("cp rank 32: shortcut fused / shortcut behind a Relu", (with_shortcut, 32), (with_late_shortcut, 32)),
    ("cp rank 32: as it is / Relu inside", (middle, 32), (with_inner_relu, 32)),
    ("cp rank 32 / rank 24", (middle, 32), (middle, 24)),
    ("cp rank 32 / rank 30", (middle, 32), (middle, 30)),
    ("cp rank 48 / rank 40", (middle, 48), (middle, 40)),
    ("cp rank 64 / rank 63", (middle, 64), (middle, 63)),
    ("cp rank 32 / the layer itself", (middle, 32), (dense, 0)),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    titles = ["A / B", *(f"{channels} channels, {size}x{size}" for channels, size in SIZES)]
    print(f"ONNX Runtime {onnxruntime.__version__}, {options.threads} thread(s)\n")
    show = (lambda cells: print("| " + " | ".join(cells) + " |", flush=True)) if options.markdown else (
        lambda cells: print(cells[0].ljust(64), *(cell.rjust(19) for cell in cells[1:]), flush=True))
    show(titles)
    if options.markdown:
        show(["---"] * len(titles))
    for title, (a, rank_a), (b, rank_b) in ROWS:
        cells = []
        for channels, size in SIZES:
            first = session(a, channels, size, rank_a, options.threads)
            second = session(b, channels, size, rank_b, options.threads)
            cells.append(f"{ratio(first, second, options.rounds):.2f}")
        show([title, *cells])


if __name__ == "__main__":
    main()
