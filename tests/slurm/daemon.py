"""A daemon as a child of the test process: it ends with it, however it ends; and waiting."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

# Seconds that a wait may take. It ends as soon as it can, so this bounds only what is broken.
PATIENCE = 1200.0


class Daemon:
    """A program that stays in the foreground, and can be stopped and started again."""

    def __init__(self, name: str, command: list[str], output: Path) -> None:
        self.name = name
        self._command = command
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program; the kernel ends it if this process is killed."""
        with self._output.open("ab") as stream:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *self._command], stdout=stream, stderr=stream
            )

    def stop(self) -> None:
        """End the program, by force if it has not ended after 15 seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def running(self) -> bool:
        """Return whether the program was started and has not ended."""
        return self._process is not None and self._process.poll() is None


def wait_for(
    happened: Callable[[], bool], complaint: Callable[[], str], seconds: float = PATIENCE
) -> None:
    """Wait until something has happened, asking five times a second.

    Raises:
        AssertionError: it did not within `seconds`; with the complaint.
    """
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s\n{complaint()}"
        time.sleep(0.2)
