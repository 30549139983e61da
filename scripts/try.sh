#!/usr/bin/env bash
# Sets up what is missing, builds cnnopt and slims a trained network: testdata/resnet.onnx to 70 % of its MACs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh
cmake --preset release -DBUILD_TESTING=OFF -DCNNOPT_BENCHMARKS=OFF >/dev/null
cmake --build --preset release -j "$(nproc)" --target cnnopt
set -x
build/release/cnnopt testdata/resnet.onnx build/slim.onnx --pass=dsc --target-macs=0.7 \
  --calibration=testdata/cifar_samples.npy
