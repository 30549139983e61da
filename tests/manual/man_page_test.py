"""The manual page as groff sees it, and what installation puts where.

  man_page_test.py CNNOPT CMAKE BUILD_FOLDER
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "testing"))
from optional import leave_out

INSTALLED = {
    "share/man/man1/cnnopt.1": ["man"],
    "share/bash-completion/completions/cnnopt": ["completions", "bash"],
    "share/zsh/site-functions/_cnnopt": ["completions", "zsh"],
    "share/fish/vendor_completions.d/cnnopt.fish": ["completions", "fish"],
}


def main(cnnopt, cmake, build):
    with tempfile.TemporaryDirectory() as prefix:
        subprocess.run([cmake, "--install", build, "--component", "manual", "--prefix", prefix], check=True,
                       capture_output=True)
        for path, arguments in INSTALLED.items():
            printed = subprocess.run([cnnopt] + arguments, check=True, capture_output=True).stdout
            assert printed and (pathlib.Path(prefix) / path).read_bytes() == printed, path

        if shutil.which("groff") is None:
            leave_out("groff")
        page = prefix + "/share/man/man1/cnnopt.1"
        formatted = subprocess.run(["groff", "-man", "-Tascii", "-ww", page], check=True, capture_output=True, text=True)
        assert formatted.stderr == "", formatted.stderr
        plain = subprocess.run(["col", "-b"], input=formatted.stdout, check=True, capture_output=True, text=True).stdout \
            if shutil.which("col") else formatted.stdout
        for word in ("NAME", "SYNOPSIS", "EXIT STATUS", "ENVIRONMENT", "EXAMPLES"):
            assert word in plain, word


main(*sys.argv[1:])
