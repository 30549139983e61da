#!/usr/bin/env python3
"""Writes large models with random weights: the architectures of ResNet-50 and VGG-16, and one beyond 2 GiB.

  benchmarks/make_models.py FOLDER [resnet50] [vgg16] [wide]

  resnet50.onnx   He et al. 2016 with stride on the 3x3; 53 Conv + BatchNormalization kept apart, 98 MB
  vgg16.onnx      Simonyan and Zisserman 2015; 13 Conv 3x3, three Gemm, 528 MB
  wide.onnx       nine Gemm of 8192 x 8192, 2.4 GB in wide.onnx.data

Weights are normal with the variance 2 / fan-in of He et al. 2015, so that signals neither die nor overflow. Two runs
write the same bytes. Needs numpy and onnx.
"""
import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    """A graph that grows at its end."""

    def __init__(self, shape):
        self.random = np.random.default_rng(1)
        self.input = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
        self.value, self.nodes, self.weights = "image", [], []

    def normal(self, name, shape, fan_in):
        numbers = self.random.standard_normal(shape, dtype=np.float32) * np.float32((2 / fan_in) ** 0.5)
        self.weights.append(numpy_helper.from_array(numbers, name))
        return name

    def constant(self, name, numbers):
        self.weights.append(numpy_helper.from_array(np.asarray(numbers, np.float32), name))
        return name

    def node(self, op, inputs, **attributes):
        self.value = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [self.value], name=self.value, **attributes))
        return self.value

    def conv(self, value, channels, to, kernel, stride=1, bias=False):
        name = f"conv{len(self.nodes)}"
        inputs = [value, self.normal(f"{name}.weight", (to, channels, kernel, kernel), channels * kernel * kernel)]
        if bias:
            inputs.append(self.constant(f"{name}.bias", np.zeros(to)))
        return self.node("Conv", inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4)

    def batch_norm(self, value, channels, scale=1.0):
        name = f"norm{len(self.nodes)}"
        numbers = {"scale": self.random.uniform(0.8, 1.2, channels) * scale, "bias": self.random.normal(0, 0.1, channels),
                   "mean": self.random.normal(0, 0.1, channels), "var": self.random.uniform(0.8, 1.2, channels)}
        return self.node("BatchNormalization",
                         [value, *(self.constant(f"{name}.{part}", each) for part, each in numbers.items())])

    def gemm(self, value, columns, to):
        name = f"gemm{len(self.nodes)}"
        inputs = [value, self.normal(f"{name}.weight", (to, columns), columns), self.constant(f"{name}.bias", np.zeros(to))]
        return self.node("Gemm", inputs, transB=1)

    def model(self, shape):
        output = helper.make_tensor_value_info(self.value, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, "net", [self.input], [output], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 7
        return model


def resnet50():
    net = Net([1, 3, 224, 224])
    value = net.node("Relu", [net.batch_norm(net.conv("image", 3, 64, 7, 2), 64)])
    value = net.node("MaxPool", [value], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for width, blocks, first_stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            stride, shortcut = first_stride if block == 0 else 1, value
            value = net.node("Relu", [net.batch_norm(net.conv(value, channels, width, 1), width)])
            value = net.node("Relu", [net.batch_norm(net.conv(value, width, width, 3, stride), width)])
            value = net.batch_norm(net.conv(value, width, 4 * width, 1), 4 * width, 0.5)
            if block == 0:
                shortcut = net.batch_norm(net.conv(shortcut, channels, 4 * width, 1, stride), 4 * width, 0.5)
            value = net.node("Relu", [net.node("Add", [value, shortcut])])
            channels = 4 * width
    value = net.node("Flatten", [net.node("GlobalAveragePool", [value])])
    net.gemm(value, channels, 1000)
    return net.model([1, 1000])


def vgg16():
    net = Net([1, 3, 224, 224])
    value, channels = "image", 3
    for width, layers in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(layers):
            value = net.node("Relu", [net.conv(value, channels, width, 3, bias=True)])
            channels = width
        value = net.node("MaxPool", [value], kernel_shape=[2, 2], strides=[2, 2])
    value = net.node("Flatten", [value])
    value = net.node("Relu", [net.gemm(value, 512 * 7 * 7, 4096)])
    value = net.node("Relu", [net.gemm(value, 4096, 4096)])
    net.gemm(value, 4096, 1000)
    return net.model([1, 1000])


def wide():
    net = Net([1, 8192])
    value = "image"
    for _ in range(9):
        value = net.node("Relu", [net.gemm(value, 8192, 8192)])
    return net.model([1, 8192])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("nets", nargs="*", metavar="NET", default=["resnet50", "vgg16", "wide"])
    options = parser.parse_args()
    makers = {"resnet50": resnet50, "vgg16": vgg16, "wide": wide}
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.nets:
        if name not in makers:
            parser.error(f"unknown net '{name}', expected one of {', '.join(makers)}")
        path = options.folder / f"{name}.onnx"
        external = {"save_as_external_data": True, "location": f"{name}.onnx.data"} if name == "wide" else {}
        if external:
            path.with_name(external["location"]).unlink(missing_ok=True)  # the writer appends
        onnx.save(makers[name](), path, **external)
        print(f"{path}: {sum(part.stat().st_size for part in options.folder.glob(path.name + '*')) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
