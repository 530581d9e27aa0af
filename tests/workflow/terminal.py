"""A command in a terminal of its own, and the pages that it draws there."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

_REDRAW = re.compile(r"(?:\x1b\[1A\x1b\[2K)+")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """Runs a command in a pseudo-terminal of 50 rows and 120 columns.

    Args:
        command: the command and its arguments.
        cwd: its working directory.
    """

    def __init__(self, command: Sequence[str], cwd: Path) -> None:
        self._reading, writing = pty.openpty()
        fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=writing,
            stdout=writing,
            stderr=writing,
            start_new_session=True,
            preexec_fn=_take_the_terminal,
        )
        os.close(writing)
        self._bytes = bytearray()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                block = os.read(self._reading, 1 << 16)
            except OSError:  # how Linux tells that the other end is closed
                return
            if not block:
                return
            self._bytes += block

    @property
    def pages(self) -> list[str]:
        """The pages as they were drawn, without colours."""
        text = self._bytes.decode("utf-8", "replace").replace("\r", "")
        return [_ESCAPE.sub("", page) for page in _REDRAW.split(text)]

    def wait_for(self, text: str, seconds: float) -> None:
        """Wait until a page shows `text`; fail after so many seconds."""
        end = time.monotonic() + seconds
        while not any(text in page for page in self.pages):
            assert time.monotonic() < end, f"no page shows {text!r}: {self.pages[-1]}"
            time.sleep(0.1)

    def interrupt(self) -> int:
        """Press Ctrl-C, wait for the end, and return the exit code."""
        os.write(self._reading, b"\x03")
        try:
            code = self.process.wait(timeout=60)
        finally:
            self.process.kill()
            self._reader.join(timeout=60)
            os.close(self._reading)
        return code


def _take_the_terminal() -> None:
    """Make standard input the controlling terminal, so that Ctrl-C there reaches the command."""
    # Tests that were started in the background ignore this signal, and so would their children.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
