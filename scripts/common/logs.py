"""Logging of a step: the same lines, tracebacks included, to the rule's log and the terminal.

No line shows a secret: what addresses carry is cut, and so is each secret of the environment, since
libraries put the addresses that they asked into their messages.
"""

import errno
import logging
import os
import sys
from pathlib import Path
from types import TracebackType

from scripts.common.addresses import is_secret_name, without_secrets
from scripts.common.files import want_of_space

_logger = logging.getLogger(__name__)
_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_TALKATIVE = ("httpx", "httpcore", "fontTools", "matplotlib", "datasets", "filelock", "faiss")

_SHORTEST_SECRET = 8  # characters; shorter values are switches such as "true"


class _SecretFree(logging.Formatter):
    """Formats records, tracebacks included, without secrets."""

    def __init__(self) -> None:
        super().__init__(_FORMAT)
        self._secrets = sorted(_secrets_of_environment(), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return without_secrets(text)


def _secrets_of_environment() -> set[str]:
    """Return the values of variables such as HF_TOKEN; paths are none."""
    return {
        value
        for name, value in os.environ.items()
        if is_secret_name(name) and len(value) >= _SHORTEST_SECRET and not value.startswith("/")
    }


class _LogFile(logging.FileHandler):
    """A log that says once on stderr when it cannot be written, instead of a traceback a line."""

    told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self.told:
            self.told = True
            print(f"{self.baseFilename} cannot be written ({error.strerror})", file=sys.stderr)


def start_logging(log: Path | None) -> None:
    """Log to `log`, where given, and to stderr; send uncaught errors to both."""
    on_terminal = logging.StreamHandler(sys.stderr)
    formatter = _SecretFree()
    on_terminal.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[on_terminal], force=True)
    logging.captureWarnings(True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.excepthook = _log_uncaught
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        # Appending keeps the record of an attempt that failed and was retried.
        in_file = _LogFile(log, mode="a", encoding="utf-8")
        in_file.setFormatter(formatter)
        logging.getLogger().addHandler(in_file)


def log_file() -> Path | None:
    """Return the file that this process logs to, None where it logs to stderr alone."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            return Path(handler.baseFilename)
    return None


def refusal(error: BaseException, path: Path | None = None) -> str | None:
    """Return what to tell when a disk is full or a file may not be used, None for other errors."""
    if not isinstance(error, OSError):
        return None
    named = path or error.filename2 or error.filename or "a file of this step"
    if (full := want_of_space(error, named)) is not None:
        return str(full)
    if error.errno not in _REFUSED:
        return None
    remedy = (
        "mount its disk writable, or take another folder (--directory for results, TMPDIR for "
        "temporary files)"
        if error.errno == errno.EROFS
        else "allow this user to read and write there, or take another folder (--directory)"
    )
    return f"{named}: {os.strerror(error.errno)}; {remedy}, and run again"


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if (told := refusal(error)) is not None:
        _logger.error("%s", told)
        return
    _logger.critical("the step failed", exc_info=(kind, error, trace))
