"""The example, and what type checkers make of the package."""
import os
import pathlib
import subprocess
import sys

import pytest

import cnnopt

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/slim_torch.py"


def run_example(*arguments):
    done = subprocess.run([sys.executable, EXAMPLE, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "slimmed: " in done.stdout and "first output of the slim model: (1, 10)" in done.stdout


def test_example_on_a_file(lenet, samples_path):
    run_example(lenet, samples_path)


def test_example_from_pytorch():
    for package in ("torch", "onnxscript"):
        pytest.importorskip(package, reason=f"no {package}: it is too large to install for one test")
    run_example()


PROGRAM = """
import pathlib
from typing import Iterator
import numpy
import onnx
import cnnopt

def batches() -> Iterator[dict[str, numpy.ndarray]]:
    yield {"x": numpy.zeros((1, 3, 8, 8), numpy.float32)}

result: cnnopt.Result = cnnopt.slim("in.onnx", target_macs=0.5, calibration=numpy.zeros((1, 3, 8, 8)))
cnnopt.slim(onnx.ModelProto(), passes=["dsc"], calibration=batches(), progress=lambda stage, done, total: None)
cnnopt.slim(pathlib.Path("in.onnx"), "out.onnx", calibration={"x": "x.npy"}, input_shapes={"x": [1, 3, 8, 8]})
cnnopt.compare(b"", result.model)["outputs"]
"""


def mypy(folder, *arguments):
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", *arguments], cwd=folder, capture_output=True,
                          text=True)
    return done.returncode, done.stdout + done.stderr


def test_types(tmp_path):
    folder = os.path.dirname(cnnopt.__file__)
    assert os.path.exists(os.path.join(folder, "py.typed"))
    code, said = mypy(tmp_path, "-p", "cnnopt")
    assert code == 0, said
    (tmp_path / "right.py").write_text(PROGRAM)
    code, said = mypy(tmp_path, "right.py")
    assert code == 0, said
    (tmp_path / "wrong.py").write_text("import cnnopt\ncnnopt.slim('in.onnx', target_macs='half')\ncnnopt.slim(3)\n")
    code, said = mypy(tmp_path, "wrong.py")
    assert code == 1 and said.count("arg-type") == 2, said
