"""The Python package against the command, beside onnx and onnxruntime in one process."""
import os
import signal
import subprocess
import sys
import threading
import time

import numpy
import onnx
import onnxruntime
import pytest

import cnnopt


def command_bytes(lenet, out, calibration, *more):
    # the command of this very installation
    program = os.path.join(os.path.dirname(sys.executable), "cnnopt")
    done = subprocess.run([program, lenet, out, "--target-macs=0.6", "--samples=10", "--no-latency", "--threads=1",
                           f"--calibration={calibration}", *more], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out.read_bytes()


def run(model, samples):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: samples[:1]})[0]


def test_the_commands_bytes_from_path_bytes_and_model(lenet, samples_path, samples, options, tmp_path):
    expected = command_bytes(lenet, tmp_path / "command.onnx", samples_path)
    from_path = cnnopt.slim(lenet, calibration=samples_path, **options)
    assert from_path.model == expected
    assert from_path.report["verdict"] == "slimmed" and from_path.report["verified"]
    assert cnnopt.slim(lenet.read_bytes(), calibration=str(samples_path), **options).model == expected
    model = onnx.load(lenet)
    before = model.SerializeToString()
    slim = cnnopt.slim(model, calibration=[samples_path], **options).model
    assert isinstance(slim, onnx.ModelProto) and slim.SerializeToString() == expected
    assert model.SerializeToString() == before
    out = tmp_path / "out.onnx"
    assert cnnopt.slim(str(lenet), out, calibration=samples_path, **options).model == out
    assert out.read_bytes() == expected
    onnx.checker.check_model(slim)
    difference = numpy.linalg.norm(run(expected, samples) - run(lenet.read_bytes(), samples))
    assert 0 < difference < 0.5 * numpy.linalg.norm(run(lenet.read_bytes(), samples))


@pytest.mark.parametrize("form", ["array", "dict", "iterable", "generator of dicts", "double", "fortran", "singles"])
def test_calibration_in_memory(lenet, samples_path, samples, options, tmp_path, form):
    expected = command_bytes(lenet, tmp_path / "command.onnx", samples_path, "--no-provenance")
    name = onnx.load(lenet).graph.input[0].name
    given = {
        "array": samples,
        "dict": {name: samples},
        "iterable": [samples[:20], samples[20:]],
        "generator of dicts": ({name: samples[i:i + 8]} for i in range(0, 32, 8)),
        "double": samples.astype(numpy.float64),
        "fortran": numpy.asfortranarray(samples),
        "singles": {name: [samples[i:i + 1] for i in range(10)]},
    }[form]
    if form in ("generator of dicts", "iterable", "singles"):
        options["samples"] = 10
    result = cnnopt.slim(lenet, calibration=given, provenance=False, **options)
    if form == "singles":  # the first ten samples, in place of an even choice
        assert result.report["samples"]["count"] + result.report["samples"]["fitted"] == 10
    else:
        assert result.model == expected


def test_inspect_and_compare(lenet, samples, options):
    facts = cnnopt.inspect(lenet)
    assert facts["layers"] and facts["macs"] > 0
    assert cnnopt.inspect(onnx.load(lenet))["layers"] == facts["layers"]
    slim = cnnopt.slim(lenet, calibration=samples, **options).model
    found = cnnopt.compare(lenet, slim, calibration=samples, latency=False)
    assert found["b"]["macs"] < found["a"]["macs"]
    assert found["samples"] == 32 and 0 < found["outputs"][0]["relative_error"] < 0.5


def fail(*_):
    raise RuntimeError("mine")


def test_progress_and_cancelling(lenet, options, tmp_path):
    steps = []
    cnnopt.slim(lenet, progress=lambda *step: steps.append((threading.get_ident(), *step)), **options)
    assert len(steps) > 5 and {step[0] for step in steps} == {threading.get_ident()}
    assert any(stage == "factorise" for _, stage, _, _ in steps)
    with pytest.raises(cnnopt.Cancelled):
        cnnopt.slim(lenet, tmp_path / "out.onnx", progress=lambda *_: False, **options)
    with pytest.raises(RuntimeError, match="mine"):
        cnnopt.slim(lenet, tmp_path / "out.onnx", progress=fail, **options)
    assert not any(tmp_path.iterdir())


def test_keyboard_interrupt(lenet, options, tmp_path):
    """A signal while C++ is at work ends the call, not the process."""
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        for _ in range(200):
            cnnopt.slim(lenet, tmp_path / "out.onnx", force=True, **options)
    assert time.monotonic() - began < 60
    assert cnnopt.slim(lenet, **options).report["verdict"] == "slimmed"


def test_gil_is_given_up(lenet, options):
    turns = []
    done = threading.Event()

    def count():
        while not done.is_set():
            turns.append(time.monotonic())
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    cnnopt.slim(lenet, **options)
    done.set()
    counter.join()
    assert len(turns) > 50


def test_nothing_is_printed(lenet, options, capfd):
    cnnopt.slim(lenet, **options)
    with pytest.raises(cnnopt.InputError):
        cnnopt.slim(b"no model")
    printed = capfd.readouterr()
    assert printed.out == "" and printed.err == ""


def test_numbers_of_numpy(lenet, samples, options):
    expected = cnnopt.slim(lenet, calibration=samples, **options).model
    options.update(target_macs=numpy.float64(0.6), samples=numpy.int64(10), threads=numpy.int32(1))
    assert cnnopt.slim(lenet, calibration=samples, **options).model == expected
    with pytest.raises(cnnopt.UsageError, match="object"):
        cnnopt.slim(lenet, target_macs=object())
    with pytest.raises(cnnopt.UsageError, match="target_macs: expected a finite number, found nan"):
        cnnopt.slim(lenet, target_macs=float("nan"))


def test_the_wheels_runtime(lenet, options):
    """In a process that imports neither onnx nor onnxruntime, and by the command."""
    folder = os.path.join(os.path.dirname(onnxruntime.__file__), "capi")
    program = f"""
import sys, cnnopt
cnnopt.slim({str(lenet)!r}, **{options!r})
assert "onnxruntime" not in sys.modules and "onnx" not in sys.modules
print({{line.split()[-1] for line in open("/proc/self/maps") if "libonnxruntime" in line}})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (library,) = eval(done.stdout)
    assert os.path.dirname(library) == folder
    command = os.path.join(os.path.dirname(sys.executable), "cnnopt")
    done = subprocess.run([command, lenet, "--dry-run", "--ort=none.so"], capture_output=True, text=True)
    assert "'none.so'" in done.stderr and folder not in done.stderr  # a flag goes before what was found
    found = subprocess.run([sys.executable, "-c", "import os, cnnopt._command as c; os.execv = lambda *_: print("
                            "os.environ['CNNOPT_ORT']); c.main()"], capture_output=True, text=True).stdout
    assert found == library + "\n"


def test_version():
    program = os.path.join(os.path.dirname(sys.executable), "cnnopt")
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    assert said == f"cnnopt {cnnopt.__version__}\n"
