import os
import pathlib

import numpy
import pytest

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
TESTDATA = pathlib.Path(os.environ["CNNOPT_TESTDATA"])


@pytest.fixture
def lenet():
    return TESTDATA / "lenet.onnx"


@pytest.fixture
def samples_path():
    return TESTDATA / "mnist_samples.npy"


@pytest.fixture
def samples(samples_path):
    return numpy.load(samples_path)


@pytest.fixture
def options():
    """What every test of a whole run gives: fast, and the same bytes every time."""
    return {"target_macs": 0.6, "samples": 10, "latency": False, "threads": 1}
