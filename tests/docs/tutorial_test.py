"""Does what a tutorial says, and compares what comes out with what the tutorial shows.

  tutorial_test.py CNNOPT SOURCE_FOLDER TUTORIAL.md

The blocks marked sh are run one after the other by bash, in a folder of their own with a copy of testdata/ in it and
cnnopt on the path; each must succeed. A block marked text behind one is its output, on stdout and stderr. In it

  - a line of three dots stands for any number of lines, three dots at the end of a line for the rest of it,
  - <number> stands for any number,
  - where the mark is "text about", numbers may be off by a quarter: machines round differently,
  - runs of blanks count as one, and empty lines as none.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def blocks_of(text):
    """[(script, shown output or None, whether its numbers are exact)]."""
    found = []
    for mark, body in re.findall(r"^```(\S[^\n]*)\n(.*?)^```$", text, re.M | re.S):
        if mark == "sh":
            found.append([body, None, True])
        elif mark in ("text", "text about"):
            assert found and found[-1][1] is None, "output of no command: " + body
            found[-1][1:] = [body, mark == "text"]
    return found


def lines_of(text):
    lines = [re.sub(r"[ \t]+", " ", line.strip()) for line in text.split("\n")]
    return [line for line in lines if line]


def close(shown, found, exact):
    if shown == "<number>" or shown == found:
        return True
    if exact or not (NUMBER.fullmatch(shown) and NUMBER.fullmatch(found)):
        return False
    return abs(float(shown) - float(found)) <= 0.25 * abs(float(shown)) + 0.01


def same_line(shown, found, exact):
    def pieces(line):
        return re.split(r"(<number>|" + NUMBER.pattern + ")", line)

    if shown.endswith("..."):
        shown_pieces = pieces(shown[:-3].rstrip())
        found_pieces = pieces(found)[:len(shown_pieces)]
        if shown_pieces and found_pieces:  # text in which the rest begins
            found_pieces[-1] = found_pieces[-1][:len(shown_pieces[-1])]
    else:
        shown_pieces, found_pieces = pieces(shown), pieces(found)
    return len(shown_pieces) == len(found_pieces) and all(map(close, shown_pieces, found_pieces,
                                                              [exact] * len(shown_pieces)))


def same(shown, found, exact):
    """Whether the lines `found` are what the lines `shown` stand for."""
    if not shown:
        return not found
    if shown[0] == "...":
        return any(same(shown[1:], found[skip:], exact) for skip in range(len(found) + 1))
    return bool(found) and same_line(shown[0], found[0], exact) and same(shown[1:], found[1:], exact)


def check_comparison():
    """The comparison says no where it should."""
    for shown, found, exact, expected in [
            ("a 1", "a  1", True, True), ("a 1", "a 1.1", True, False), ("a 1", "a 1.1", False, True),
            ("a 1", "a 2", False, False), ("a 1", "b 1", False, False), ("a <number> b", "a 77 b", True, True),
            ("a <number>", "a b", True, False), ("a\n...\nz", "a\nb\nc\nz", True, True), ("a\n...", "b", True, False),
            ("a\n...\nz", "a\nz", True, True), ("a", "a\nb", True, False), ("a 1 ...", "a 1 b c", True, True),
            ("a 1 ...", "a 2 b c", True, False), ("a", "", True, False), ("...", "", True, True)]:
        assert same(lines_of(shown), lines_of(found), exact) == expected, (shown, found, exact)


def run(script, folder, cnnopt):
    environment = dict(os.environ, PATH=os.path.dirname(cnnopt) + ":" + os.environ["PATH"], TERM="dumb")
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, timeout=280,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def main(cnnopt, source, tutorial):
    check_comparison()
    blocks = blocks_of(pathlib.Path(tutorial).read_text(encoding="utf-8"))
    assert any(shown for _, shown, _ in blocks), "shows no output"
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(source + "/testdata", folder + "/testdata")
        for script, shown, exact in blocks:
            print("$ " + script, end="", flush=True)
            finished = run(script, folder, os.path.abspath(cnnopt))
            print(finished.stdout)
            assert finished.returncode == 0, "it ended with exit code %d" % finished.returncode
            assert shown is None or same(lines_of(shown), lines_of(finished.stdout), exact), \
                "the tutorial shows another output:\n" + shown


main(*sys.argv[1:])
