"""One file on its way over HTTP: requests, resumed after a cut and retried with back-off.

The bytes go to `NAME.part` beside the target. `NAME.origin.json` remembers where the bytes of the
part, or of the complete target, came from: a digest of the address, the server's validators (ETag,
Last-Modified) and the size. So a later run resumes the same bytes, or learns that a complete file
is still the current one.
"""

import hashlib
import json
import logging
import os
import random
import re
import ssl
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from scripts.common.addresses import address_parts, is_open, shown
from scripts.common.errors import DownloadError
from scripts.common.files import sha256_file, write_json
from scripts.common.progress import Progress

_logger = logging.getLogger(__name__)
_RETRIED_STATUSES = {408, 425, 429, *range(500, 600)}
_LONGEST_RETRY_AFTER = 300.0


@dataclass(frozen=True)
class Waits:
    """Waiting times between attempts in seconds: `first`, doubled up to `longest`, plus jitter."""

    first: float = 1.0
    longest: float = 60.0
    jitter: float = 1.0

    def after(self, failures: int) -> float:
        """Return the time to wait after a number of failures in a row."""
        doubled = self.first * 2.0 ** min(failures - 1, 30)
        return min(doubled, self.longest) + random.SystemRandom().uniform(0, self.jitter)


class StoppedError(DownloadError):
    """Another download failed, so this one was left unfinished."""


class _TransientError(Exception):
    """A failure that another attempt may mend; `retry_after` is the server's wish in seconds."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass
class _Origin:
    """Where the bytes of a partial or complete file came from."""

    address: str
    etag: str | None = None
    modified: str | None = None
    size: int | None = None

    def range_validator(self) -> str | None:
        """Return what If-Range accepts: a strong ETag, else the time of modification."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


@dataclass
class Transfer:
    """One file on its way, over all its attempts."""

    url: str
    target: Path
    sha256: str | None
    attempts: int
    waits: Waits
    client: httpx.Client
    stopped: threading.Event
    failures: int = 0
    farthest: int = 0
    origin: _Origin | None = None
    part: Path = field(init=False)
    origin_file: Path = field(init=False)

    def __post_init__(self) -> None:
        self.part = self.target.with_name(f"{self.target.name}.part")
        self.origin_file = self.target.with_name(f"{self.target.name}.origin.json")

    @property
    def address(self) -> str:
        """A digest of the address, which itself may hold a password or a token."""
        return hashlib.sha256(self.url.encode()).hexdigest()

    def run(self) -> None:
        """Bring the target up to date.

        Raises:
            DownloadError: the file could not be fetched completely and correctly.
        """
        self._recall_origin()
        retrying = Retrying(
            retry=retry_if_exception_type(_TransientError),
            stop=lambda state: self.failures >= self.attempts,
            wait=self._wait,
            sleep=self._sleep,
            before_sleep=self._log,
            reraise=True,
        )
        try:
            retrying(self._attempt)
        except _TransientError as error:
            raise DownloadError(
                f"{shown(self.url)}: gave up after {self.failures} attempts without a new byte "
                f"({error}); check the address and the network, then run again to resume"
            ) from error
        self._finish()

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        wished = error.retry_after if isinstance(error, _TransientError) else 0.0
        return max(self.waits.after(self.failures), min(wished, _LONGEST_RETRY_AFTER))

    def _sleep(self, seconds: float) -> None:
        self.stopped.wait(seconds)

    def _log(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        _logger.warning("%s: %s; trying again", shown(self.url), error)

    def _recall_origin(self) -> None:
        """Read what an earlier run knew; drop a part that nothing can prove to be the same file."""
        try:
            origin = _Origin(**json.loads(self.origin_file.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            origin = None
        if origin is not None and origin.address == self.address:
            self.origin = origin
        if self.origin is None or not (self.origin.range_validator() or self.sha256):
            self.part.unlink(missing_ok=True)

    def _attempt(self) -> None:
        """Make one request; a failure counts anew when it brought bytes never reached before."""
        try:
            self._request()
        except (httpx.TooManyRedirects, httpx.InvalidURL) as error:
            raise DownloadError(
                f"{shown(self.url)}: {error}; correct the source's location"
            ) from error
        except (httpx.TransportError, _TransientError) as error:
            if _is_final(error):
                raise DownloadError(
                    f"{shown(self.url)}: {error}; check the address and the certificates"
                ) from error
            reached = file_size(self.part)
            self.failures = 1 if reached > self.farthest else self.failures + 1
            self.farthest = max(self.farthest, reached)
            if isinstance(error, _TransientError):
                raise
            raise _TransientError(f"{type(error).__name__} {error}".strip()) from error

    def _request(self) -> None:
        self._leave_if_stopped()
        offset = file_size(self.part)
        if self.origin and offset and offset == self.origin.size:
            return  # cut off between the last byte and the check
        headers = {"Accept-Encoding": "identity", **self._conditions(offset)}
        with self.client.stream("GET", self.url, headers=headers) as response:
            _refuse_open_hops(self.url, response, checked=self.sha256 is not None)
            status = response.status_code
            if status == 304:
                self.part.unlink(missing_ok=True)
            elif status == 416:
                self.part.unlink(missing_ok=True)
                raise _TransientError("the server has no such range, starting afresh")
            elif status in _RETRIED_STATUSES:
                raise _TransientError(f"HTTP {status}", _retry_after(response))
            elif status == 206:
                self._resume(response, offset)
            elif status == 200:
                self._restart(response)
            else:
                raise DownloadError(
                    f"{shown(self.url)}: HTTP {status} {response.reason_phrase}; correct the "
                    "source's location, or ask its owner for access"
                )

    def _conditions(self, offset: int) -> dict[str, str]:
        """Return the headers that resume a part, or ask whether a complete file has changed."""
        if self.origin is None:
            return {}
        if offset:
            validator = self.origin.range_validator()
            return {"Range": f"bytes={offset}-"} | ({"If-Range": validator} if validator else {})
        if self.sha256 is None and self.origin.size == file_size(self.target) > 0:
            if self.origin.etag:
                return {"If-None-Match": self.origin.etag}
            if self.origin.modified:
                return {"If-Modified-Since": self.origin.modified}
        return {}

    def _resume(self, response: httpx.Response, offset: int) -> None:
        start, size = _content_range(response)
        origin = self.origin
        same = origin is not None and (
            start == offset
            and size in (None, origin.size or size)
            and response.headers.get("ETag", origin.etag) in (None, origin.etag)
        )
        if not same:
            self.part.unlink(missing_ok=True)
            raise _TransientError("the server sent another range or file, starting afresh")
        self._receive(response, start)

    def _restart(self, response: httpx.Response) -> None:
        encoding = response.headers.get("Content-Encoding", "identity")
        # A server may call the compression of a .gz file its encoding; the raw bytes are the file.
        if encoding != "identity" and self.target.suffix not in (".gz", ".zst"):
            raise DownloadError(
                f"{shown(self.url)}: the server compresses the file on its way ({encoding}) "
                "although asked not to; fetch it by hand and make it a local source"
            )
        length = response.headers.get("Content-Length", "")
        self.origin = _Origin(
            self.address,
            response.headers.get("ETag"),
            response.headers.get("Last-Modified"),
            int(length) if length.isdecimal() else None,
        )
        self.part.unlink(missing_ok=True)
        self.target.unlink(missing_ok=True)
        write_json(self.origin_file, asdict(self.origin))
        self._receive(response, 0)

    def _receive(self, response: httpx.Response, start: int) -> None:
        """Append the answer's body to the part and check the size."""
        size = self.origin.size if self.origin else None
        progress = Progress(
            f"download {self.target.name}",
            total=None if size is None else size - start,
            unit="bytes",
        )
        with self.part.open("ab") as stream:
            # Pieces as they arrive: a fixed size would lose what a cut leaves unfilled.
            for block in response.iter_raw():
                self._leave_if_stopped()
                stream.write(block)
                progress.advance(len(block))
        reached = file_size(self.part)
        if size is not None and reached != size:
            if reached > size:
                self.part.unlink()
            raise _TransientError(f"{reached} bytes came, {size} were announced")
        progress.finish()

    def _finish(self) -> None:
        """Check the part's digest and put it in the target's place."""
        if not self.part.exists():
            return  # the complete target is still the current one
        if self.sha256 is not None:
            found = sha256_file(self.part)
            if found != self.sha256.lower():
                self.part.unlink()
                raise DownloadError(
                    f"{shown(self.url)}: sha256 is {found}, not {self.sha256}; correct the "
                    "source's sha256 if the file was changed on purpose, else use another mirror"
                )
        if self.origin is not None:
            self.origin.size = file_size(self.part)
            write_json(self.origin_file, asdict(self.origin))
        os.replace(self.part, self.target)

    def _leave_if_stopped(self) -> None:
        if self.stopped.is_set():
            raise StoppedError(f"{shown(self.url)}: stopped because another download failed")


def file_size(path: Path) -> int:
    """Return a file's size in bytes, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def _is_final(error: BaseException) -> bool:
    """Say whether an error stays however often one tries: a bad certificate or address."""
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return True
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _content_range(response: httpx.Response) -> tuple[int, int | None]:
    """Return the first byte and the whole size that a partial answer states; (-1, None) if none."""
    stated = response.headers.get("Content-Range", "").strip()
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", stated)
    if match is None:
        return -1, None
    return int(match[1]), None if match[2] == "*" else int(match[2])


def _retry_after(response: httpx.Response) -> float:
    wish = response.headers.get("Retry-After", "")
    return float(wish) if wish.isdecimal() else 0.0


def _refuse_open_hops(url: str, response: httpx.Response, *, checked: bool) -> None:
    """Refuse an answer that came over a redirect without encryption, unless its bytes are checked.

    Raises:
        DownloadError: an https address led to an http one, or an http one to another machine.
    """
    for hop in [*response.history, response]:
        open_hop = str(hop.url)
        downgraded = address_parts(url).scheme == "https" and hop.url.scheme != "https"
        if downgraded or (is_open(open_hop) and not checked):
            raise DownloadError(
                f"{shown(url)}: redirects to {shown(open_hop)} without encryption; "
                "name an https address"
            )
