"""A Slurm of two nodes on this machine's loopback, without systemd and control groups, in one folder."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

CONFIGURATION = """ClusterName=ci
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge-run/socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/controller.pid
SlurmdPidFile={folder}/run/%n.pid
SlurmctldLogFile={folder}/log/controller.log
SlurmdLogFile={folder}/log/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobRequeue=1
RequeueExit=75
ReturnToService=2
KillWait=2
MinJobAge=3600
NodeName=n[1-2] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[{ports[1]}-{ports[2]}] CPUs=1 RealMemory=2000
PartitionName=main Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP
"""
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "sinfo", "munged", "setpriv")


def is_installed():
    return all(shutil.which(name) for name in PROGRAMS)


def wait_for(what, condition, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.2)
    raise AssertionError("waited %d s in vain for %s" % (seconds, what))


def free_ports(count):
    """Ports in a row that nobody listens at."""
    for first in range(16000 + os.getpid() % 10000, 32000, count):
        sockets = [socket.socket() for _ in range(count)]
        try:
            for port, one in enumerate(sockets, first):
                one.bind(("127.0.0.1", port))
            return list(range(first, first + count))
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise AssertionError("no free ports")


def is_alive(process):
    """Whether it runs: where nobody waits for it, it stays as a zombie."""
    try:
        return pathlib.Path("/proc/%d/stat" % process).read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Slurm:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for name in ("state", "spool/n1", "spool/n2", "log", "run"):
            (self.folder / name).mkdir(parents=True)
        self._start_munge()
        configuration = self.folder / "slurm.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder, ports=free_ports(3)), encoding="utf-8")
        self.environment = dict(os.environ, SLURM_CONF=str(configuration))
        for name in ("SLURM_ARRAY_TASK_ID", "CI"):
            self.environment.pop(name, None)
        self.run("slurmctld", "-c")
        for node in ("n1", "n2"):
            self.start_node(node)
        wait_for("two idle nodes", lambda: self.run("sinfo", "-h", "-t", "idle", "-o", "%D") == "2")

    def _start_munge(self):
        user = pwd.getpwnam("munge")
        for name, mode in (("munge", 0o700), ("munge-run", 0o755)):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, user.pw_uid, user.pw_gid)
            os.chmod(self.folder / name, mode)
        key = self.folder / "munge/key"
        key.write_bytes(os.urandom(1024))
        os.chown(key, user.pw_uid, user.pw_gid)
        key.chmod(0o400)
        subprocess.run(["setpriv", "--reuid", "munge", "--regid", "munge", "--clear-groups", "munged",
                        "--key-file=%s" % key, "--socket=%s/munge-run/socket" % self.folder,
                        "--pid-file=%s/munge-run/pid" % self.folder, "--log-file=%s/munge/log" % self.folder,
                        "--seed-file=%s/munge/seed" % self.folder], check=True)

    def run(self, *words, check=True):
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0 or not check, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout.strip()

    def start_node(self, node):
        self.run("slurmd", "-N", node)

    def kill_daemon(self, node):
        """The node's own daemon dies at once; what runs there goes on."""
        os.kill(int((self.folder / "run" / (node + ".pid")).read_text()), signal.SIGKILL)

    def tasks(self, array):
        """State and node of each task of `array` that is not over, by its index."""
        lines = self.run("squeue", "-h", "-r", "-j", array, "-o", "%K %T %N", check=False).splitlines()
        return {int(line.split()[0]): line.split()[1:] for line in lines if line}

    def job_of(self, array, task):
        """The job id of a single task."""
        return self.run("squeue", "-h", "-r", "-j", "%s_%d" % (array, task), "-o", "%A")

    def field(self, job, name):
        fields = dict(word.split("=", 1) for word in self.run("scontrol", "show", "job", job).split() if "=" in word)
        return fields.get(name, "")

    def start_now(self, job):
        """A job that is queued again waits two minutes otherwise; a node that has just ended it needs two seconds."""
        self.run("scontrol", "update", "JobId=" + job, "StartTime=now+2")

    def wait_until_over(self, job, seconds=90):
        def is_over():
            return not self.run("squeue", "-h", "-j", job, "-o", "%T", check=False)
        wait_for("the end of job " + job, is_over, seconds)

    def stop(self):
        self.run("scancel", "-u", "root", check=False)
        time.sleep(0.5)
        for path in sorted((self.folder / "run").glob("*.pid")) + [self.folder / "munge-run/pid"]:
            try:
                process = int(path.read_text())
                os.kill(process, signal.SIGTERM)
            except (OSError, ValueError):
                continue  # it is gone already
            wait_for("the end of " + path.name, lambda process=process: not is_alive(process), 20)


def processes_of_task(task):
    """The ids of all `cnnopt batch run` that Slurm started as that task of an array."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[1:3] == [b"batch", b"run"] and b"SLURM_ARRAY_TASK_ID=%d" % task in variables:
            found.append(int(entry.name))
    return found
