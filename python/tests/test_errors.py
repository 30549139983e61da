"""What comes back when something is wrong."""
import pickle

import numpy
import onnx
import pytest

import cnnopt


def test_codes(lenet, options):
    with pytest.raises(cnnopt.UsageError, match="--target-macs=2") as usage:
        cnnopt.slim(lenet, target_macs=2)
    assert usage.value.code == 2 and isinstance(usage.value, ValueError) and usage.value.node is None
    with pytest.raises(cnnopt.InputError) as missing:
        cnnopt.slim("none.onnx")
    assert missing.value.code == 3
    with pytest.raises(cnnopt.OutputError) as unwritable:
        cnnopt.slim(lenet, lenet.parent / "none" / "out.onnx", **options)
    assert unwritable.value.code == 74
    with pytest.raises(cnnopt.UsageError, match="expected a path"):
        cnnopt.slim(3)
    with pytest.raises(TypeError):
        cnnopt.slim(lenet, target_mac=0.5)
    with pytest.raises(cnnopt.UsageError, match="complex128"):
        cnnopt.slim(lenet, calibration=numpy.zeros((2, 1, 28, 28), complex), **options)


@pytest.mark.parametrize("operator", ["Conv", "Gemm"])
def test_nodes(lenet, options, operator):
    model = onnx.load(lenet)
    node = next(node for node in model.graph.node if node.op_type == operator)
    node.name = "my node"
    node.attribute.append(onnx.helper.make_attribute("nonsense", 1))
    before = model.SerializeToString()
    with pytest.raises(cnnopt.InputError, match="nonsense") as wrong:
        cnnopt.slim(model, **options)
    assert wrong.value.node == "my node"
    assert model.SerializeToString() == before


def test_layers(lenet):
    with pytest.raises(cnnopt.UsageError) as unknown:
        cnnopt.slim(lenet, layers={"none": "dsc"})
    assert "none" in str(unknown.value)
    name = cnnopt.inspect(lenet)["layers"][0]["name"]
    with pytest.raises(cnnopt.UsageError) as form:
        cnnopt.slim(lenet, layers={name: "dcs"})
    assert form.value.node == name


def test_refusals_keep_their_report_between_processes(lenet, options):
    with pytest.raises(cnnopt.Refused, match="1e-06") as refused:
        cnnopt.slim(lenet, max_error=1e-6, **options)
    assert refused.value.code == 4 and refused.value.report["verdict"] == "refused"
    copy = pickle.loads(pickle.dumps(refused.value))
    assert type(copy) is cnnopt.Refused and str(copy) == str(refused.value)
    assert copy.report == refused.value.report
