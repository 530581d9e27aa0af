"""Logging of a step: the same lines, tracebacks included, to the rule's log and the terminal.

No line shows a secret: what addresses carry is cut, and so is each secret of the environment, since
libraries put the addresses that they asked into their messages.
"""

import logging
import os
import sys
from pathlib import Path
from types import TracebackType

from scripts.common.addresses import is_secret_name, without_secrets

_logger = logging.getLogger(__name__)
_FORMAT = "%(asctime)s %(levelname)s %(message)s"
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


def start_logging(log: Path | None) -> None:
    """Log to `log`, where given, and to stderr; send uncaught errors to both."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        # Appending keeps the record of an attempt that failed and was retried.
        handlers.append(logging.FileHandler(log, mode="a", encoding="utf-8"))
    formatter = _SecretFree()
    for handler in handlers:
        handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    logging.captureWarnings(True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.excepthook = _log_uncaught


def log_file() -> Path | None:
    """Return the file that this process logs to, None where it logs to stderr alone."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            return Path(handler.baseFilename)
    return None


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    _logger.critical("the step failed", exc_info=(kind, error, trace))
