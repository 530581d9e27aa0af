"""A SLURM of two nodes on loopback: slurmctld, two slurmd and munged from the system's packages.

The daemons run in the foreground as children of the test process and end with it, however it
ends. SLURM's clients and the nested Snakemakes look for their configuration in /etc/slurm and for
munge's socket in /run/munge only, so both are lent to the cluster while it runs; what stood there
before is put back.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.slurm.daemon import Daemon, wait_for
from tests.slurm.settings import CLUSTER_NAME, NODES, write_state

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel", "sinfo", "setpriv")
CONFIG_FOLDER = Path("/etc/slurm")
MUNGE_SOCKET = Path("/run/munge/munge.socket.2")
FOLDER_PREFIX = "dure-slurm-"
LOCK = Path(tempfile.gettempdir()) / "dure-slurm-test.lock"
# Of a daemon on a busy machine; it takes one or two.
START_SECONDS = 120.0


@dataclass(frozen=True)
class FinishedJob:
    """One line of SLURM's job completion log."""

    job_id: int
    state: str
    name: str
    node: str
    partition: str


@dataclass(frozen=True)
class Cluster:
    """A running cluster, the folder of its state and logs, and its daemons."""

    folder: Path
    controller: Daemon
    nodes: Mapping[str, Daemon]

    def finished_jobs(self) -> list[FinishedJob]:
        """Return every job that has ended, in order of completion."""
        log = self.folder / "log" / "jobcomp.log"
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        records = [
            dict(pair.split("=", 1) for pair in line.split() if "=" in pair) for line in lines
        ]
        return [
            FinishedJob(
                job_id=int(record["JobId"]),
                state=record["JobState"],
                name=record["Name"],
                node=record["NodeList"],
                partition=record["Partition"],
            )
            for record in records
        ]

    def queue(self) -> dict[int, str]:
        """Return the state of every job that waits, runs or ends."""
        states = "PENDING,RUNNING,COMPLETING"
        listed = ask("squeue", "--noheader", f"--states={states}", "--format=%i %T")
        return {int(job): state for job, state in map(str.split, listed.splitlines())}

    def node_states(self) -> dict[str, str]:
        """Return the state of each node, such as idle or drained."""
        listed = ask("sinfo", "--Node", "--noheader", "--format=%N %T")
        return dict(line.split() for line in listed.splitlines())

    def set_node(self, node: str, state: str) -> None:
        """Change a node's state as an administrator does, with a reason."""
        subprocess.run(
            ["scontrol", "update", f"NodeName={node}", f"State={state}", "Reason=test"], check=True
        )

    def change_setting(self, line: str, other: str) -> None:
        """Put another line into slurm.conf, and let the daemons read it."""
        settings = self.folder / "slurm.conf"
        before = settings.read_text("utf-8")
        assert before.count(f"{line}\n") == 1
        settings.write_text(before.replace(f"{line}\n", f"{other}\n"))
        subprocess.run(["scontrol", "reconfigure"], check=True)

    def answers(self) -> bool:
        """Return whether the controller answers."""
        return ask("scontrol", "ping").endswith("UP")

    def wait_for(self, happened: Callable[[], bool]) -> None:
        """Wait until something has happened; otherwise fail with the ends of the daemons' logs."""
        wait_for(happened, self.log_ends, START_SECONDS)

    def wait_until_idle(self) -> None:
        """Wait until both nodes are free for jobs."""
        self.wait_for(lambda: self.node_states() == dict.fromkeys(NODES, "idle"))

    def log_ends(self) -> str:
        """Return the last lines of the daemons' logs, for a failure's message."""
        logs = sorted((self.folder / "log").iterdir())
        return "\n".join(
            f"== {log.name}\n" + "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:])
            for log in logs
        )

    def cancel_all(self) -> None:
        """End the jobs of an interrupted test before their nodes go away."""
        ask("scancel", "--user=root")
        self.wait_for(lambda: self.queue() == {})
        for process in _processes_of_jobs():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _processes_of_jobs() -> list[int]:
    """Return what jobs of this cluster left running.

    Without cgroups SLURM follows parents: what outlives its job's shell is lost to it.
    """
    mark = f"SLURM_CLUSTER_NAME={CLUSTER_NAME}".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended meanwhile
            if mark in place.read_bytes().split(b"\0"):
                found.append(int(place.parent.name))
    return found


def reason_to_skip() -> str | None:
    """Return why no cluster can be started here, or None where one can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"SLURM's tests need {', '.join(missing)} (apt-get install slurm-wlm munge)"
    if os.geteuid() != 0:
        return "SLURM's tests start its daemons as root"
    config = CONFIG_FOLDER / "slurm.conf"
    if config.exists() and not _is_ours(config) and ask("scontrol", "ping").endswith("UP"):
        return f"this machine belongs to a SLURM cluster already ({config})"
    return None


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start the cluster, wait until its nodes are idle, and remove every trace of it at the end.

    Raises:
        AssertionError: a daemon ended early or the nodes were not idle in time.
    """
    with ExitStack() as stack:
        stack.enter_context(_only_one_at_a_time())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX)))
        write_state(folder)
        for name in ("slurm.conf", "gres.conf"):
            stack.enter_context(_lent(CONFIG_FOLDER / name, folder / name))
        munged = _daemon(folder, "munged", _munge_options(folder))
        config = ["-D", "-f", str(folder / "slurm.conf")]
        cluster = Cluster(
            folder,
            _daemon(folder, "slurmctld", config),
            {node: _daemon(folder, "slurmd", [*config, "-N", node]) for node in NODES},
        )
        _start(cluster, munged, stack)
        cluster.wait_for(MUNGE_SOCKET.is_socket)
        _start(cluster, cluster.controller, stack)
        for node in cluster.nodes.values():
            _start(cluster, node, stack)
        cluster.wait_until_idle()
        stack.callback(cluster.cancel_all)
        yield cluster


def _daemon(folder: Path, program: str, options: list[str]) -> Daemon:
    return Daemon(program, [program, *options], folder / "log" / f"{program}.out")


def _start(cluster: Cluster, daemon: Daemon, stack: ExitStack) -> None:
    daemon.start()
    stack.callback(daemon.stop)
    time.sleep(0.1)
    assert daemon.running(), f"{daemon.name} ended at once\n{cluster.log_ends()}"


def _munge_options(folder: Path) -> list[str]:
    state = folder / "munge"
    MUNGE_SOCKET.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    return [
        "--foreground",
        "--num-threads=2",
        f"--socket={MUNGE_SOCKET}",
        f"--key-file={state / 'munge.key'}",
        f"--pid-file={state / 'munged.pid'}",
        f"--seed-file={state / 'munged.seed'}",
    ]


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


def ask(*command: str) -> str:
    """Return what a client of SLURM prints, nothing where it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
