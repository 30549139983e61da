"""Completes command lines in a real shell with the script that the program prints for it.

  completions_test.py CNNOPT SOURCE_FOLDER bash|zsh|fish
"""
import os
import pathlib
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "testing"))
from optional import leave_out

FORMS = ["auto", "bottleneck", "cp", "dsc", "fold-batch-norm", "fold-constants", "fold-scale", "low-rank", "spatial",
         "stack3x3"]
# A command line, of which the last word is completed, and all that the shell offers.
LINES = [
    ("cnnopt insp", ["inspect"]),
    ("cnnopt a.onnx b.onnx --veri", ["--verify"]),
    ("cnnopt a.onnx b.onnx --verify=", ["enforce", "off", "report"]),
    ("cnnopt a.onnx b.onnx --verify=r", ["report"]),
    ("cnnopt a.onnx b.onnx --verify ", ["enforce", "off", "report"]),
    ("cnnopt a.onnx b.onnx --resize=", ["fit"]),
    ("cnnopt a.onnx b.onnx --pass=", FORMS),
    ("cnnopt inspect a.onnx --pass=d", ["dsc"]),
    ("cnnopt inspect a.onnx --no-f", ["--no-forms"]),
    ("cnnopt compare a.onnx b.onnx --no-f", []),  # an option of another command
    ("cnnopt a.onnx b.onnx --calibration=cif", ["cifar_samples.npy"]),
    ("cnnopt compare len", ["lenet.onnx"]),
    ("cnnopt completions ", ["bash", "fish", "zsh"]),
    ("cnnopt bat", ["batch"]),
    ("cnnopt batch ", ["merge", "plan", "run", "status"]),
    ("cnnopt batch sta", ["status"]),
    ("cnnopt batch run zoo out --job", ["--jobs"]),
    ("cnnopt batch status m.jsonl reports --hash", ["--hash-outputs"]),
    ("cnnopt batch plan zoo --verify=r", ["report"]),
]


def in_bash(script, line, folder, breaks):
    """What the function of the script answers when bash cuts `line` at the characters `breaks`."""
    words = line.split(" ")
    if "=" in breaks and "=" in words[-1]:
        flag, value = words.pop().split("=")
        words += [flag, "=", value] if value else [flag, "="]
    quoted = " ".join("'%s'" % word for word in words)
    run = subprocess.run(
        ["bash", "--norc", "-c", 'source "$0"; COMP_WORDS=(%s); COMP_CWORD=%d; _cnnopt cnnopt; printf "%%s\\n" '
         '"${COMPREPLY[@]}"; complete -p cnnopt >&2' % (quoted, len(words) - 1), script],
        capture_output=True, text=True, check=True, cwd=folder, timeout=60)
    assert "-F _cnnopt" in run.stderr, run.stderr  # the function is what bash will call
    return [word[len(line.split(" ")[-1].split("=")[0]) + 1:] if "=" in word[:-1] else word.rstrip("=")
            for word in run.stdout.split("\n") if word]


def check_bash(script, folder):
    subprocess.run(["bash", "-n", script], check=True)
    for breaks in ("=", ""):
        for line, expected in LINES:
            found = in_bash(script, line, folder, breaks)
            assert sorted(found) == expected, (line, breaks, found)
    found = in_bash(script, "cnnopt a.onnx b.onnx --pass=dsc,low", folder, "=")
    assert found == ["dsc,low-rank"], found


def check_fish(script, folder):
    subprocess.run(["fish", "--no-execute", script], check=True)
    for line, expected in LINES:
        run = subprocess.run(["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", script, line],
                             capture_output=True, text=True, check=True, cwd=folder, timeout=60,
                             env=dict(os.environ, HOME=folder))
        found = [offer.split("\t")[0] for offer in run.stdout.split("\n") if offer]
        flag = line.split(" ")[-1].partition("=")
        if flag[1]:  # fish offers the whole word
            found = [offer.removeprefix(flag[0] + "=") for offer in found]
        assert sorted(found) == expected, (line, found)


class Terminal:
    """An interactive zsh without anyone's configuration."""

    def __init__(self, folder):
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(folder)
            os.execvpe("zsh", ["zsh", "-f", "-i"], dict(os.environ, TERM="dumb", HOME=folder, ZDOTDIR=folder))
        self.text = ""

    def type(self, keys, wanted):
        """Types `keys` and reads up to `wanted`."""
        os.write(self.terminal, keys.encode())
        text, deadline = "", time.monotonic() + 60
        while wanted not in text:
            ready = select.select([self.terminal], [], [], deadline - time.monotonic())[0]
            assert ready, "zsh did not answer %r with %r but %r" % (keys, wanted, text)
            text += os.read(self.terminal, 65536).decode(errors="replace")
        return text

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.child, 0)


def check_zsh(script, folder):
    subprocess.run(["zsh", "-n", script], check=True)
    terminal = Terminal(folder)
    try:
        terminal.type("autoload -U compinit; compinit -u -D; source %s; cnnopt() { print -r -- \"<<$*>>\"; }; "
                      "print re''ady\n" % script, "ready")
        for line, expected in LINES:
            if len(expected) != 1:  # only what is unique is inserted
                continue
            begun, _, last = line.rpartition(" ")
            flag, equals, _ = last.partition("=")
            whole = flag + equals + expected[0] if equals else expected[0]
            answer = "<<" + " ".join((begun + " " + whole).split(" ")[1:])
            terminal.type(line + "\t\n", answer)
    finally:
        terminal.close()


def main(cnnopt, source, shell):
    if shutil.which(shell) is None:
        leave_out(shell)
    with tempfile.TemporaryDirectory() as home:
        script = home + "/completion"
        text = subprocess.run([cnnopt, "completions", shell], capture_output=True, text=True, check=True).stdout
        pathlib.Path(script).write_text(text, encoding="utf-8")
        {"bash": check_bash, "zsh": check_zsh, "fish": check_fish}[shell](script, source + "/testdata")


main(*sys.argv[1:])
