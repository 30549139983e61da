#!/usr/bin/env python3
"""From a PyTorch module to a slim model that ONNX Runtime runs, as in a notebook.

    pip install '.[onnxruntime]' torch onnx onnxscript
    examples/slim_torch.py                       # a small network of random weights, exported here
    examples/slim_torch.py MODEL.onnx SAMPLES.npy    # without PyTorch: a model and samples that are there
"""
# %% A model and some of its inputs.
import io
import sys

import numpy
import onnxruntime

import cnnopt

if len(sys.argv) == 3:
    model = open(sys.argv[1], "rb").read()
    samples = numpy.load(sys.argv[2])
else:
    try:
        import torch
    except ImportError:
        sys.exit("PyTorch is not installed: pip install torch onnx onnxscript, or give MODEL.onnx SAMPLES.npy")
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 32, 3, padding=1), torch.nn.BatchNorm2d(32), torch.nn.ReLU(),
        torch.nn.Conv2d(32, 64, 3, stride=2, padding=1), torch.nn.BatchNorm2d(64), torch.nn.ReLU(),
        torch.nn.Conv2d(64, 64, 3, padding=1), torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(64, 10)).eval()
    samples = torch.randn(64, 3, 32, 32).cumsum(2).cumsum(3).div(32).numpy()  # smooth, as pictures are
    exported = io.BytesIO()
    torch.onnx.export(network, (torch.from_numpy(samples[:1]),), exported, input_names=["images"])
    model = exported.getvalue()

# %% What could be done.
facts = cnnopt.inspect(model)
print(f"{facts['slimmable_layers']} of {len(facts['layers'])} layers can be slimmed, {facts['macs']} MACs")

# %% Slim it. `result.report` is the whole report, `result.model` the file's bytes.
result = cnnopt.slim(model, target_macs=0.6, calibration=samples)
report = result.report
print(f"{report['verdict']}: {report['totals']['macs']['before']} -> {report['totals']['macs']['after']} MACs, "
      f"output error {report['comparison']['relative_error']:.3g}")

# %% Run it.
session = onnxruntime.InferenceSession(result.model, providers=["CPUExecutionProvider"])
outputs = session.run(None, {session.get_inputs()[0].name: samples[:1]})
print("first output of the slim model:", outputs[0].shape)
