"""Runs examples/slurm on a real Slurm of two nodes, and breaks it.

  slurm_test.py CNNOPT SOURCE_FOLDER
"""
import hashlib
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "testing"))
from models import OPTIONS, make_program, make_zoo, write_script
from optional import SKIPPED, leave_out
from slurm import Slurm, is_installed, processes_of_task, wait_for

START = time.monotonic()


def say(text):
    print("[%5.1f s] %s" % (time.monotonic() - START, text), flush=True)


class Zoo:
    """A zoo with its manifest and outputs, run by the scripts of examples/slurm."""

    def __init__(self, slurm, cnnopt, source, folder, names, shards, program, flags):
        self.slurm, self.cnnopt, self.source = slurm, cnnopt, source
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.names = names
        make_zoo(self.folder / "zoo", source, names)
        self.out, self.manifest = self.folder / "out", self.folder / "manifest.jsonl"
        self.reports = self.out / "cnnopt-reports"
        plan = subprocess.run([cnnopt, "batch", "plan", str(self.folder / "zoo"), "--shards=%d" % shards] + OPTIONS,
                              check=True, capture_output=True)
        self.manifest.write_bytes(plan.stdout)
        # What the scripts call: the same cnnopt with the flags of this test.
        self.front = write_script(self.folder / "cnnopt.sh", """[ "$2" = run ] && exec '%s' "$@" --program='%s' %s
exec '%s' "$@"
""" % (cnnopt, program, flags, cnnopt))

    def submit(self, *options):
        """The array and the merge, or nothing when nothing is left."""
        environment = dict(self.slurm.environment, CNNOPT=self.front)
        done = subprocess.run([self.source + "/examples/slurm/submit.sh", str(self.manifest), str(self.out)] +
                              list(options), env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (done.stdout, done.stderr)
        found = re.search(r"shards (\S+): array (\d+), merge (\d+)", done.stdout)
        return found.groups() if found else None

    def status(self):
        done = subprocess.run([self.cnnopt, "batch", "status", str(self.manifest), str(self.reports), "--hash-outputs"],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.strip(), done.stderr

    def shard_of(self, name):
        for line in self.manifest.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry.get("path") == name + ".onnx":
                return entry["shard"]
        raise KeyError(name)

    def merged(self):
        lines = (self.out / "report.jsonl").read_text(encoding="utf-8").splitlines()[1:]
        return {entry["path"]: entry for entry in map(json.loads, lines)}


def check_node_killed(slurm, cnnopt, source, folder):
    """A node's daemon dies in the middle of an array, its task goes on and is started elsewhere, too."""
    # The first copy of shard 1 takes its time, so that both live at once.
    program = make_program(folder + "/program.sh", cnnopt,
                           '[ "$SLURM_ARRAY_TASK_ID" = 1 ] && [ "${SLURM_RESTART_COUNT:-0}" = 0 ] && sleep 3 || sleep 0.2')
    names = ["net%d" % n for n in range(14)] + ["deep/er/net", "broken", "hangs", "eats"]
    zoo = Zoo(slurm, cnnopt, source, folder + "/killed", names, 4, program, "--timeout=3 --memory=600MB")
    shards, array, merge = zoo.submit("--mem=900M")
    assert shards == "0-3", shards
    wait_for("task 1 on a node", lambda: slurm.tasks(array).get(1, [""])[0] == "RUNNING")
    wait_for("a model of task 1", lambda: processes_of_task(1))
    node, job = slurm.tasks(array)[1][1], slurm.job_of(array, 1)
    slurm.kill_daemon(node)
    slurm.run("scontrol", "update", "nodename=" + node, "state=down", "reason=crash")
    wait_for("task 1 in the queue again", lambda: slurm.field(job, "Restarts") == "1")
    slurm.start_now(job)
    say("node %s is down, task 1 goes on there and is queued again" % node)
    wait_for("two copies of shard 1", lambda: len(processes_of_task(1)) >= 2)
    say("two copies of shard 1 are alive")
    slurm.wait_until_over(merge)
    wait_for("the end of the copy on the dead node", lambda: not processes_of_task(1))
    slurm.start_node(node)

    code, left, text = zoo.status()
    assert (code, left) == (0, ""), (code, left, text)
    assert "18 of 18 models done: 15 slimmed or unchanged, 1 rejected, 2 given up after crashes" in text, text
    report = zoo.merged()
    assert len(report) == 18
    assert report["eats.onnx"]["status"] == "crashed" and "MemoryError" in report["eats.onnx"]["reason"]
    assert report["hangs.onnx"]["reason"] == "it took longer than 3 s"
    assert len([1 for path in zoo.reports.iterdir() if path.name.startswith("1.")]) == 2
    say("all models are done")
    return zoo


def check_same_as_alone(zoo, folder):
    """The outputs are those of one process on the folder."""
    alone = pathlib.Path(folder, "alone")
    for name in ("hangs", "eats"):
        (zoo.folder / "zoo" / (name + ".onnx")).unlink()
    done = subprocess.run([zoo.cnnopt, "batch", "run", str(zoo.folder / "zoo"), str(alone), "-q"] + OPTIONS,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 6, done.stderr  # one is broken
    outputs = sorted(path.relative_to(alone) for path in alone.rglob("*.onnx"))
    assert len(outputs) == 15
    assert outputs == sorted(path.relative_to(zoo.out) for path in zoo.out.rglob("*.onnx"))
    report = zoo.merged()
    for path in outputs:
        digest = hashlib.sha256((zoo.out / path).read_bytes()).hexdigest()
        assert digest == hashlib.sha256((alone / path).read_bytes()).hexdigest() == report[str(path)]["output_sha256"]
    leftovers = [path for path in zoo.out.rglob(".*")]
    assert not leftovers, leftovers
    say("the bytes of %d outputs are those of a run on one machine" % len(outputs))


def check_merge(zoo):
    files = [str(path) for path in zoo.reports.iterdir()]
    chance = random.Random(1)
    # Not that of the job behind the array: the copy on the dead node ended later.
    expected = subprocess.run([zoo.cnnopt, "batch", "merge", "-q", str(zoo.reports)], check=True,
                              capture_output=True).stdout
    assert expected.count(b"\n") == 1 + len(zoo.names)
    for _ in range(5):
        some = files + chance.sample(files, 2)
        chance.shuffle(some)
        merged = subprocess.run([zoo.cnnopt, "batch", "merge", "-q"] + some, check=True, capture_output=True).stdout
        assert merged == expected
    say("merging %d reports gives the same bytes in any order" % len(files))


def check_lost(zoo, slurm):
    """An output and the reports of another shard are deleted: only those shards are run again."""
    lost = zoo.out / "net3.onnx"
    before = lost.read_bytes()
    lost.unlink()
    without_report = (zoo.shard_of("net3") + 1) % 4
    for path in list(zoo.reports.iterdir()):
        if path.name.startswith("%d." % without_report):
            path.unlink()
    make_zoo(zoo.folder / "zoo", zoo.source, ["hangs", "eats"])
    code, left, text = zoo.status()
    expected = sorted({zoo.shard_of("net3"), without_report})
    assert code == 75 and "net3.onnx: its output is not there" in text, (code, text)
    shards, _, merge = zoo.submit("--mem=900M")
    assert shards == left
    listed = [n for part in left.split(",") for n in range(int(part.split("-")[0]), int(part.split("-")[-1]) + 1)]
    assert listed == expected, (left, expected)
    slurm.wait_until_over(merge)
    assert zoo.status()[0] == 0, zoo.status()
    assert lost.read_bytes() == before
    assert zoo.submit() is None
    say("a lost output and lost reports were found, shards %s run again, no others" % left)


def check_preempted(slurm, cnnopt, source, folder):
    """SIGTERM to one array, the time limit of another: both end with 75, are queued again and go on."""
    program = make_program(folder + "/pausing.sh", cnnopt, """case "$*" in
*/long.onnx*) [ "${SLURM_RESTART_COUNT:-0}" = 0 ] && exec sleep 1000 ;;
esac""")
    names = ["net%d" % n for n in range(3)] + ["long"]
    preempted = Zoo(slurm, cnnopt, source, folder + "/preempted", names, 1, program, "--grace=4")
    limited = Zoo(slurm, cnnopt, source, folder + "/limited", names, 1, program, "--grace=4")
    _, first, first_merge = preempted.submit("--mem=900M")
    # Slurm counts in minutes, and sends the signal up to a minute early.
    _, second, second_merge = limited.submit("--mem=900M", "--time=1", "--signal=B:TERM@45")

    def all_but_long(zoo):
        return sum(1 for path in zoo.out.glob("net*.onnx.cnnopt.json")) == 3
    wait_for("the other models", lambda: all_but_long(preempted))
    slurm.run("scancel", "--batch", "--signal=TERM", first + "_0")
    for zoo, array, merge, why in ((preempted, first, first_merge, "SIGTERM"),
                                   (limited, second, second_merge, "its time limit")):
        job = wait_for("a job id", lambda array=array: slurm.job_of(array, 0))
        wait_for("a second start after " + why, lambda job=job: slurm.field(job, "Restarts") == "1")
        assert not (zoo.out / "long.onnx.cnnopt.json").exists()  # nothing is held against it
        slurm.start_now(job)
        slurm.wait_until_over(array)
        slurm.wait_until_over(merge)
        assert zoo.status()[0] == 0, zoo.status()
        log = (zoo.out / "logs" / ("%s_0.log" % array)).read_text(encoding="utf-8")
        assert "ended by signal 15" in log and "of them before" in log, log
        say("ended with 75 by %s, queued again, done" % why)


def tell(slurm, folder):
    """What a failure is seen by."""
    print(slurm.run("squeue", "-a", "-r", check=False), slurm.run("scontrol", "show", "job", check=False), sep="\n")
    for log in sorted(pathlib.Path(folder).rglob("*.log")):
        print("== %s" % log, *log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:], sep="\n")


def main(cnnopt, source):
    if not is_installed():
        leave_out("Slurm (slurm-wlm, munge)")
    if os.geteuid() != 0:
        print("left out: a Slurm of its own needs root")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix="cnnopt-slurm-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # munge looks at it
        slurm = Slurm(folder + "/slurm")
        try:
            say("two nodes are up")
            zoo = check_node_killed(slurm, cnnopt, source, folder)
            check_same_as_alone(zoo, folder)
            check_merge(zoo)
            check_lost(zoo, slurm)
            check_preempted(slurm, cnnopt, source, folder)
            say("all is well")
        except BaseException:
            tell(slurm, folder)
            raise
        finally:
            slurm.stop()


main(*sys.argv[1:])
