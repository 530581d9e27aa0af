"""Logging of a step: the same lines, tracebacks included, to the rule's log and the terminal."""

import logging
import sys
from pathlib import Path
from types import TracebackType

_logger = logging.getLogger(__name__)
_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_TALKATIVE = ("httpx", "httpcore", "fontTools", "matplotlib", "datasets", "filelock", "faiss")


def start_logging(log: Path | None) -> None:
    """Log to `log`, where given, and to stderr; send uncaught errors to both."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        # Appending keeps the record of an attempt that failed and was retried.
        handlers.append(logging.FileHandler(log, mode="a", encoding="utf-8"))
    logging.basicConfig(level=logging.INFO, format=_FORMAT, handlers=handlers, force=True)
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
