"""Runs examples/parallel on this machine.

  parallel_test.py CNNOPT SOURCE_FOLDER
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "testing"))
from models import OPTIONS, make_zoo
from optional import leave_out


def main(cnnopt, source):
    if shutil.which("parallel") is None:
        leave_out("GNU parallel")
    with tempfile.TemporaryDirectory() as folder:
        make_zoo(folder + "/zoo", source, ["net%d" % n for n in range(6)] + ["broken"])
        plan = subprocess.run([cnnopt, "batch", "plan", folder + "/zoo", "--shards=3"] + OPTIONS, check=True,
                              capture_output=True)
        pathlib.Path(folder, "manifest.jsonl").write_bytes(plan.stdout)
        environment = dict(os.environ, CNNOPT=cnnopt, HOME=folder)

        def run():
            return subprocess.run([source + "/examples/parallel/zoo.sh", folder + "/manifest.jsonl", folder + "/out",
                                   "-S", ":"], env=environment, capture_output=True, text=True, timeout=120, check=False)

        done = run()
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert "7 of 7 models done: 6 slimmed or unchanged, 1 rejected" in done.stderr, done.stderr
        log = pathlib.Path(folder, "out/parallel.log").read_text(encoding="utf-8").splitlines()
        assert len(log) == 1 + 3, log  # a head and three shards
        report = pathlib.Path(folder, "out/report.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(report) == 1 + 7, report
        print("fine: three shards")

        pathlib.Path(folder, "out/net4.onnx").unlink()
        done = run()
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert pathlib.Path(folder, "out/net4.onnx").exists()
        log = pathlib.Path(folder, "out/parallel.log").read_text(encoding="utf-8").splitlines()
        assert len(log) == 1 + 1, log
        print("fine: the shard of a lost output")


main(*sys.argv[1:])
