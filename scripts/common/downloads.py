"""Downloads files over HTTP: resumed after a cut, retried with back-off, checked, then renamed."""

import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote

import httpx

from scripts.common.addresses import address_parts, is_open, shown
from scripts.common.errors import DownloadError
from scripts.common.files import sha256_file
from scripts.common.http_transfer import StoppedError, Transfer, Waits

_CONNECT_SECONDS = 30.0
_STALL_SECONDS = 60.0
_LONGEST_NAME_BYTES = 200  # leaves room for ".part" and ".origin.json" below 255
# A name can become a wildcard (rules/descriptors.smk), and wildcards stand in command lines.
_PLAIN_NAME = re.compile(r"\w[\w.+-]*")
_PATIENT = Waits()


def new_client(*, stall_seconds: float = _STALL_SECONDS) -> httpx.Client:
    """Return a client that follows redirects, checks certificates and gives up on stalls.

    Args:
        stall_seconds: the longest pause between two pieces of an answer.
    """
    connect = min(_CONNECT_SECONDS, stall_seconds)
    return httpx.Client(
        follow_redirects=True, timeout=httpx.Timeout(stall_seconds, connect=connect)
    )


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None,
    attempts: int = 5,
    client: httpx.Client | None = None,
    waits: Waits = _PATIENT,
    stopped: threading.Event | None = None,
) -> None:
    """Fetch `url` into `target`, which appears only when it is complete and correct.

    A target with the right `sha256` is kept. Without a `sha256` a complete target is kept if
    the server says that it has not changed since.

    Args:
        url: an http or https address.
        target: the file to make; its folder is made too.
        sha256: the expected SHA-256 in hexadecimal, or None where the source publishes none.
        attempts: failures in a row, none of which brought a new byte, after which to give up.
        client: the connections to use, see `new_client`; left open.
        waits: the times between attempts.
        stopped: when set, the download ends early and leaves its part to be resumed.

    Raises:
        DownloadError: the file could not be fetched completely and correctly.
    """
    if address_parts(url).scheme not in ("http", "https"):
        raise DownloadError(f"{shown(url)}: only http and https addresses can be fetched")
    if sha256 is None and is_open(url):
        raise DownloadError(
            f"{shown(url)} is not encrypted, so that anyone on the way can change the file; name "
            "an https address, or state the file's sha256"
        )
    if sha256 is not None and target.is_file() and sha256_file(target) == sha256.lower():
        return
    with ExitStack() as stack:
        transfer = Transfer(
            url=url,
            target=target,
            sha256=sha256,
            attempts=attempts,
            waits=waits,
            client=client or stack.enter_context(new_client()),
            stopped=stopped or threading.Event(),
        )
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            transfer.run()
        except OSError as error:
            raise DownloadError(
                f"{shown(url)}: {target} cannot be written ({error.strerror or error}); free "
                "space or correct the permissions and run again, the download resumes"
            ) from error


def download_all(
    urls: Sequence[str],
    folder: Path,
    sha256s: Sequence[str],
    parallel: int = 4,
    *,
    attempts: int = 5,
    waits: Waits = _PATIENT,
) -> list[Path]:
    """Fetch several files into `folder`, at most `parallel` at a time; return them in order.

    When one fails, those under way stop and the others do not begin; parts stay to be resumed.

    Args:
        urls: the addresses; their last path components are the file names.
        folder: where the files go.
        sha256s: one digest for each address, or none at all.
        parallel: number of connections.
        attempts: as for `download`.
        waits: as for `download`.

    Raises:
        DownloadError: a name is unusable or stands twice, or a file could not be fetched.
    """
    targets = distinct_targets(urls, folder)
    if sha256s and len(sha256s) != len(urls):
        raise DownloadError(f"{len(sha256s)} sha256 for {len(urls)} addresses; give one for each")
    digests: list[str | None] = [*sha256s] if sha256s else [None] * len(urls)
    stopped = threading.Event()

    def fetch(url: str, target: Path, sha256: str | None) -> None:
        complete = False
        try:
            download(
                url,
                target,
                sha256=sha256,
                attempts=attempts,
                client=client,
                waits=waits,
                stopped=stopped,
            )
            complete = True
        finally:
            if not complete:
                stopped.set()

    with new_client() as client, ThreadPoolExecutor(max_workers=parallel) as pool:
        jobs = [pool.submit(fetch, *one) for one in zip(urls, targets, digests, strict=True)]
        try:
            failures = [failure for job in jobs if (failure := job.exception())]
        finally:
            stopped.set()  # reached early only when the program itself is interrupted
    # Those that were stopped are not the cause.
    failures.sort(key=lambda failure: isinstance(failure, StoppedError))
    if failures:
        raise failures[0]
    return targets


def distinct_targets(urls: Sequence[str], folder: Path) -> list[Path]:
    """Return where files from `urls` go.

    Raises:
        DownloadError: a name is unusable or stands twice.
    """
    owners: dict[Path, str] = {}
    for url in urls:
        target = folder / file_name(url)
        if target in owners:
            raise DownloadError(
                f"{shown(url)} and {shown(owners[target])} would both be stored as "
                f"{target.name}; make two sources of them"
            )
        owners[target] = url
    return list(owners)


def file_name(url: str) -> str:
    """Return the name under which a file from `url` is stored: its last path component.

    Raises:
        DownloadError: the name is empty, hidden, too long, or holds other characters than those
            that mean nothing to a shell, to Snakemake or to a folder.
    """
    name = unquote(address_parts(url).path.rsplit("/", 1)[-1])
    too_long = len(name.encode(errors="replace")) > _LONGEST_NAME_BYTES
    if too_long or not _PLAIN_NAME.fullmatch(name):
        raise DownloadError(
            f"{shown(url)}: its last part is no usable file name (letters, digits and . _ + - "
            "are); fetch it by hand and make it a local source"
        )
    return name
