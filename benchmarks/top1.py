#!/usr/bin/env python3
"""Top-1 accuracy of ONNX classifiers on a labelled set: the accuracy columns of the README.

    benchmarks/top1.py LABELLED.npz MODEL.onnx [MODEL.onnx ...]

LABELLED.npz holds `images` (uint8, N x C x H x W), `labels` (N) and the `mean` and `std` the models were trained with
(per channel, for images scaled to 0..1): for the README the 10,000 test images of CIFAR-10 or MNIST. Needs numpy and
onnxruntime.
"""
import os
import sys

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import numpy as np
import onnxruntime

BATCH = 500


def top1(path, images, labels):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    hits = 0
    for first in range(0, len(images), BATCH):
        outputs = session.run(None, {name: images[first : first + BATCH]})[0]
        hits += int((outputs.argmax(axis=1) == labels[first : first + BATCH]).sum())
    return 100 * hits / len(labels)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    data = np.load(sys.argv[1])
    images = ((data["images"].astype(np.float32) / 255 - data["mean"]) / data["std"]).astype(np.float32)
    for path in sys.argv[2:]:
        print(f"{top1(path, images, data['labels']):6.2f}  {path}")


if __name__ == "__main__":
    main()
