"""Addresses of the web: split, shown without secrets, and judged before anything is fetched."""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

from scripts.common.errors import DownloadError

# Names that stand for a secret in a query or a configuration: "access_token", "X-Amz-Signature".
_SECRET_NAME = re.compile(
    r"^key$|(api|access|secret|private)[^a-z]?key|(^|[^a-z])"
    r"(auth|authorization|token|password|passwd|pwd|secret|signature|sig|credentials?)([^a-z]|$)"
)
_ADDRESS = re.compile(r"https?://[^\s'\"<>]+", re.IGNORECASE)
_HUB_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{6,}")


def address_parts(url: str) -> SplitResult:
    """Split an address.

    Raises:
        DownloadError: it is malformed.
    """
    try:
        return urlsplit(url)
    except ValueError as error:
        raise DownloadError(
            f"an address is malformed ({error}); correct the source's location"
        ) from error


def shown(url: str) -> str:
    """Return `url` without user name, password and query, fit for logs."""
    parts = address_parts(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def without_secrets(text: str) -> str:
    """Return a text fit for messages: addresses as `shown` gives them, tokens of the hub cut."""
    return _HUB_TOKEN.sub("hf_…", _ADDRESS.sub(lambda found: _shown_or_cut(found[0]), text))


def _shown_or_cut(url: str) -> str:
    try:
        return shown(url)
    except DownloadError:
        return "(an address)"


def is_secret_name(name: str) -> bool:
    """Whether a key's name says that its value is a secret."""
    return _SECRET_NAME.search(name.lower()) is not None


def is_open(url: str) -> bool:
    """Whether bytes of an address pass other machines without encryption."""
    parts = address_parts(url)
    return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_complaints(location: str, sha256: Iterable[str]) -> Iterator[str]:
    """Yield what forbids to fetch the addresses of a configuration, each without its secrets.

    What stands in the configuration also stands in Snakemake's own records of the jobs, so an
    address may carry no secret. An open one is fetched only if its bytes can be checked.

    Args:
        location: addresses separated by spaces.
        sha256: the files' digests; none where none are stated.
    """
    digests = list(sha256)
    for url in location.split():
        try:
            parts, name = address_parts(url), shown(url)
        except DownloadError as error:
            yield str(error)
            continue
        if parts.scheme not in ("http", "https"):
            yield f"{name} is no address of the web; allowed: one that begins with https:// or http://"
        secrets = [key for key, _ in parse_qsl(parts.query, True) if is_secret_name(key)]
        if "@" in parts.netloc:
            yield (
                f"{name} is given with a user name or password, which would stand in the records "
                "of the run; allowed: an address without, or a local copy of the file"
            )
        elif secrets:
            yield (
                f"{name} is given with a secret ({secrets[0]}=…), which would stand in the records "
                "of the run; allowed: an address without, or a local copy of the file"
            )
        if is_open(url) and not digests:
            yield (
                f"{name} is not encrypted, so that anyone on the way can change the file; allowed: "
                "an https address, or the sha256 of each file beside it"
            )
