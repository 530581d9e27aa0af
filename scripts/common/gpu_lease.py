"""Hands out the GPUs of one machine to the jobs that run on it.

Snakemake counts how many devices its jobs hold (`gpu` in profiles/gpu) but does not say which.
Each device has a lock file; a job holds a device while it holds the file's lock, and the kernel
releases the lock when the process ends, however it ends. Under SLURM the scheduler has chosen
already, and its choice stands.
"""

import fcntl
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scripts.common.errors import ConfigError

VISIBLE_DEVICES = "CUDA_VISIBLE_DEVICES"
_POLL_SECONDS = 0.2
_logger = logging.getLogger(__name__)


def default_lock_folder() -> Path:
    """Return this user's lock folder, the same for every job on the machine."""
    return Path(tempfile.gettempdir()) / f"dure-gpu-leases-{os.getuid()}"


def machine_devices() -> list[str]:
    """Return the devices that this process may use, as CUDA_VISIBLE_DEVICES names them.

    These are the devices of CUDA_VISIBLE_DEVICES where it is set, else the identifiers that
    nvidia-smi lists; none where there is no driver.
    """
    if (visible := os.environ.get(VISIBLE_DEVICES)) is not None:
        return [device for device in visible.split(",") if device]
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return []
    return listed.stdout.split()


@contextmanager
def lease_gpus(
    count: int,
    *,
    lock_folder: Path | None = None,
    list_devices: Callable[[], list[str]] = machine_devices,
) -> Iterator[list[str]]:
    """Hold `count` devices for the length of the block, and make no others visible to CUDA.

    Waits until enough devices are free. CUDA reads the environment once, so enter the block before
    the first use of a device.

    Args:
        count: number of devices, 0 or more.
        lock_folder: where the lock files stand; this user's own folder by default.
        list_devices: returns the names of all devices that may be leased.

    Yields:
        The names of the leased devices.

    Raises:
        ConfigError: there are fewer devices than `count`, so that waiting would not end.
    """
    devices = list_devices() if count else []
    if len(devices) < count:
        raise ConfigError(
            f"a job asks for {count} GPUs, but this machine offers {len(devices)} "
            f"({', '.join(devices) or 'none'}); lower `gpu` of its rule or set {VISIBLE_DEVICES}"
        )
    with ExitStack() as held:
        chosen_by_slurm = "SLURM_JOB_ID" in os.environ and VISIBLE_DEVICES in os.environ
        if chosen_by_slurm or count == 0:
            leased = devices[:count]
        else:
            folder = lock_folder or default_lock_folder()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            leased = _collect(devices, count, folder, held)
        held.enter_context(_only_visible(leased))
        yield leased


def _collect(devices: list[str], count: int, folder: Path, held: ExitStack) -> list[str]:
    """Lock `count` of `devices`; the locks end with `held`.

    One job collects at a time (the others wait at the door), so that two jobs that need several
    devices never hold half of them each.
    """
    leased: list[str] = []
    waiting = False
    with _open_lock(folder / "door") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        while len(leased) < count:
            for device in devices:
                if len(leased) < count and device not in leased and _lock(device, folder, held):
                    leased.append(device)
            if len(leased) < count:
                if not waiting:
                    _logger.info("waiting for %d of %d GPUs", count - len(leased), count)
                waiting = True
                time.sleep(_POLL_SECONDS)
    return leased


@contextmanager
def _open_lock(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(device: str, folder: Path, held: ExitStack) -> bool:
    """Return whether the device was free and is now locked until `held` ends."""
    with ExitStack() as attempt:
        descriptor = attempt.enter_context(_open_lock(folder / device.replace("/", "_")))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        held.enter_context(attempt.pop_all())
        return True


@contextmanager
def _only_visible(devices: list[str]) -> Iterator[None]:
    before = os.environ.get(VISIBLE_DEVICES)
    os.environ[VISIBLE_DEVICES] = ",".join(devices)
    try:
        yield
    finally:
        if before is None:
            del os.environ[VISIBLE_DEVICES]
        else:
            os.environ[VISIBLE_DEVICES] = before
