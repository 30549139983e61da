"""The command `cnnopt`, out of the wheel."""

from __future__ import annotations

import os
import sys

from ._runtime import library


def main() -> None:
    """Becomes the program itself, which finds the onnxruntime wheel's library."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "cnnopt")
    found = library()
    if found is not None:
        os.environ["CNNOPT_ORT"] = found
    os.execv(program, ["cnnopt", *sys.argv[1:]])
