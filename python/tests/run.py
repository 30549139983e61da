#!/usr/bin/env python3
"""Installs the wheel of a build into a fresh environment and runs the suite: run.py BUILD SOURCE.

Exit code 77 where the environment or its packages cannot be had.
"""
import os
import pathlib
import subprocess
import sys

build, source = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
environment = build / "python"
python = environment / "bin/python"
PACKAGES = ["scikit-build-core==1.1.2", "numpy", "onnx", "onnxruntime==1.32.0", "pytest", "mypy"]


def run(*command, **options):
    return subprocess.run([str(word) for word in command], **options).returncode


def skip(why):
    print(f"skipped: {why}", flush=True)
    sys.exit(77)


mark = environment / "packages"
if not mark.exists() or mark.read_text() != " ".join(PACKAGES):
    if run(sys.executable, "-m", "venv", "--clear", environment) != 0:
        skip("no venv, which the package python3-venv has")
    if run(python, "-m", "pip", "install", "-q", *PACKAGES) != 0:
        skip("pip could not install " + ", ".join(PACKAGES))
    mark.write_text(" ".join(PACKAGES))
# The build is there already: the wheel takes its library and command.
code = run(python, "-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps", "--force-reinstall",
           f"--config-settings=cmake.define.CNNOPT_PREBUILT={build}",
           f"--config-settings=build-dir={build}/wheel", source)
if code != 0:
    sys.exit(code)
variables = {name: value for name, value in os.environ.items() if name not in ("CNNOPT_ORT", "PYTHONPATH")}
variables["CNNOPT_TESTDATA"] = str(source / "testdata")
sys.exit(run(python, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", source / "python/tests", cwd=build, env=variables))
