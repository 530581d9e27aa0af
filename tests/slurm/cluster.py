"""A SLURM of one node on loopback: slurmctld, slurmd and munged from the system's packages.

The daemons run in the foreground as children of the test process and end with it, however it
ends. SLURM's clients and the nested Snakemakes look for their configuration in /etc/slurm and for
munge's socket in /run/munge only, so both are lent to the cluster while it runs; what stood there
before is put back.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel", "sinfo", "setpriv")
CONFIG_FOLDER = Path("/etc/slurm")
MUNGE_SOCKET = Path("/run/munge/munge.socket.2")
FOLDER_PREFIX = "dure-slurm-"
LOCK = Path(tempfile.gettempdir()) / "dure-slurm-test.lock"
START_SECONDS = 30.0
CPUS = 2

SLURM_CONF = """\
ClusterName=mini
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
SlurmctldPort={controller_port}
SlurmdPort={node_port}
StateSaveLocation={folder}/ctld
SlurmdSpoolDir={folder}/slurmd
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
# Memory is enforced by sampling every second, which is all that works without cgroups.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/log/jobcomp.log
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
# squeue must still know a job when Snakemake asks for it.
MinJobAge=600
KillWait=5
GresTypes=gpu
# Simulates {cpus} CPUs on a machine that has fewer or more.
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} Gres=gpu:2 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes={host} MaxTime=INFINITE State=UP
"""


class ClusterError(RuntimeError):
    """A daemon did not come up; the message holds the end of its log."""


@dataclass(frozen=True)
class FinishedJob:
    """One line of SLURM's job completion log."""

    job_id: int
    state: str
    name: str


@dataclass(frozen=True)
class Cluster:
    """A running cluster and the folder of its state and logs."""

    folder: Path

    def finished_jobs(self) -> list[FinishedJob]:
        """Return every job that has ended, in order of completion."""
        log = self.folder / "log" / "jobcomp.log"
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        records = [
            dict(pair.split("=", 1) for pair in line.split() if "=" in pair) for line in lines
        ]
        return [
            FinishedJob(int(record["JobId"]), record["JobState"], record["Name"])
            for record in records
        ]

    def log_ends(self) -> str:
        """Return the last lines of the daemons' logs, for a failure's message."""
        logs = sorted((self.folder / "log").iterdir())
        return "\n".join(
            f"== {log.name}\n" + "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:])
            for log in logs
        )


def reason_to_skip() -> str | None:
    """Return why no cluster can be started here, or None where one can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"SLURM's tests need {', '.join(missing)} (apt-get install slurm-wlm munge)"
    if os.geteuid() != 0:
        return "SLURM's tests start its daemons as root"
    config = CONFIG_FOLDER / "slurm.conf"
    if config.exists() and not _is_ours(config) and _ask("scontrol", "ping").endswith("UP"):
        return f"this machine belongs to a SLURM cluster already ({config})"
    return None


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start the cluster, wait until its node is idle, and remove every trace of it at the end.

    Raises:
        ClusterError: a daemon ended early or the node was not idle within 30 seconds.
    """
    with ExitStack() as stack:
        stack.enter_context(_only_one_at_a_time())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX)))
        cluster = Cluster(folder)
        _write_state(folder)
        for name in ("slurm.conf", "gres.conf"):
            stack.enter_context(_lent(CONFIG_FOLDER / name, folder / name))
        stack.enter_context(_daemon(cluster, _munged(folder)))
        _wait(cluster, MUNGE_SOCKET.is_socket, "munged opened no socket")
        config = str(folder / "slurm.conf")
        stack.enter_context(_daemon(cluster, ["slurmctld", "-D", "-i", "-f", config]))
        stack.enter_context(_daemon(cluster, ["slurmd", "-D", "-f", config]))
        _wait(cluster, _node_is_idle, "the node did not become idle")
        stack.callback(_cancel_all)
        yield cluster


def _write_state(folder: Path) -> None:
    for name in ("munge", "ctld", "slurmd", "log", "gpu"):
        (folder / name).mkdir()
    (folder / "munge").chmod(0o700)
    key = folder / "munge" / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))
    host = socket.gethostname().split(".")[0]
    controller_port, node_port = _free_ports(2)
    memory_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20 - 500
    (folder / "slurm.conf").write_text(
        SLURM_CONF.format(
            host=host,
            folder=folder,
            controller_port=controller_port,
            node_port=node_port,
            cpus=CPUS,
            memory_mb=memory_mb,
        )
    )
    # slurmd takes character devices only as GPUs; these two are further names of /dev/null.
    for index in range(2):
        os.mknod(folder / "gpu" / f"gpu{index}", 0o20666, os.makedev(1, 3))
    (folder / "gres.conf").write_text(f"NodeName={host} Name=gpu File={folder}/gpu/gpu[0-1]\n")


def _munged(folder: Path) -> list[str]:
    state = folder / "munge"
    MUNGE_SOCKET.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    return [
        "munged",
        "--foreground",
        "--num-threads=2",
        f"--socket={MUNGE_SOCKET}",
        f"--key-file={state / 'munge.key'}",
        f"--pid-file={state / 'munged.pid'}",
        f"--seed-file={state / 'munged.seed'}",
    ]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def _only_one_at_a_time() -> Iterator[None]:
    """Wait for another test run's cluster to end: /etc/slurm can be lent once."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_ours(place: Path) -> bool:
    return place.is_symlink() and place.readlink().parent.name.startswith(FOLDER_PREFIX)


@contextmanager
def _lent(place: Path, target: Path) -> Iterator[None]:
    """Let `place` be a link to `target`; put back what stood there before."""
    place.parent.mkdir(mode=0o755, exist_ok=True)
    kept = place.with_name(f"{place.name}.before-dure-test")
    if _is_ours(place):
        place.unlink()  # left by a test run that was killed
    if place.exists() and not kept.exists():
        place.rename(kept)
    place.unlink(missing_ok=True)
    place.symlink_to(target)
    try:
        yield
    finally:
        place.unlink()
        if kept.exists():
            kept.rename(place)


@contextmanager
def _daemon(cluster: Cluster, command: list[str]) -> Iterator[None]:
    """Run a daemon in the foreground; the kernel ends it if this process is killed."""
    output = cluster.folder / "log" / f"{command[0]}.out"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command], stdout=stream, stderr=stream
        )
    try:
        time.sleep(0.1)
        if process.poll() is not None:
            raise ClusterError(f"{command[0]} ended at once\n{cluster.log_ends()}")
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(cluster: Cluster, ready: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise ClusterError(f"{complaint} in {START_SECONDS:.0f} s\n{cluster.log_ends()}")
        time.sleep(0.1)


def _node_is_idle() -> bool:
    return _ask("sinfo", "--noheader", "--format=%T").split() == ["idle"]


def _no_job_is_left() -> bool:
    return _ask("squeue", "--noheader", "--states=RUNNING,PENDING,COMPLETING") == ""


def _cancel_all() -> None:
    """End the jobs of an interrupted test before their node goes away."""
    _ask("scancel", "--user=root")
    deadline = time.monotonic() + START_SECONDS
    while not _no_job_is_left() and time.monotonic() < deadline:
        time.sleep(0.1)


def _ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
