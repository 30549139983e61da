"""Validates JSON reports of real runs against docs/report.schema.json.

  schema_test.py CNNOPT SOURCE_FOLDER
"""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "testing"))
from optional import leave_out

try:
    import jsonschema
except ImportError:
    leave_out("python3-jsonschema")

RUNS = [  # verdict, exit code, options
    ("slimmed", 0, ["--target-macs=0.6", "--pass=dsc"]),
    ("slimmed", 0, ["--pass=dsc", "--verify=off", "--fit=weights", "--target-params=0.9", "--dry-run"]),
    ("unchanged", 0, ["--pass=dsc", "--max-error=0.000001", "--no-cleanup", "--no-latency"]),
    ("refused", 4, ["--pass=dsc", "--target-macs=0.001", "--no-latency"]),
    ("refused", 4, ["--pass=dsc:rank=1", "--max-error=0.01", "--no-latency"]),
]


def report_of(cnnopt, source, verdict, code, options):
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/r.json"
        run = subprocess.run(
            [cnnopt, source + "/testdata/resnet.onnx", folder + "/out.onnx", "-q", "--report=" + path, "--samples=10",
             "--calibration=" + source + "/testdata/cifar_samples.npy"] + options,
            capture_output=True, text=True, timeout=120, check=False)
        assert run.returncode == code, (options, run.returncode, run.stderr)
        report = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    assert report["verdict"] == verdict, (options, report["verdict"], report["reason"])
    return report


def main(cnnopt, source):
    schema = json.loads(pathlib.Path(source, "docs/report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    golden = json.loads(pathlib.Path(source, "testdata/report.json").read_text(encoding="utf-8"))
    validator.validate(golden)
    for verdict, code, options in RUNS:
        validator.validate(report_of(cnnopt, source, verdict, code, options))
        print("valid:", verdict, *options)

    # The schema says no where it should.
    for path, value in [(["schema"], "cnnopt-report/2"), (["verdict"], "maybe"), (["layers", 0, "macs", "before"], -1),
                        (["input", "sha256"], "abc"), (["latency", "ratio"], 0), (["new"], 1), (["reason"], "why"),
                        (["curve", "points"], []), (["worst_samples", 0, "index"], 1.5)]:
        wrong = copy.deepcopy(golden)
        place = wrong
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        assert not validator.is_valid(wrong), path
    for key in golden:
        assert not validator.is_valid({name: value for name, value in golden.items() if name != key}), key


main(*sys.argv[1:])
