"""Fetches one file of molecules or of a table of descriptors over HTTP.

In: nothing but its address. Out: the file, under the last part of its address. A connection that
was cut is taken up where it broke (`scripts.common.downloads`).
"""

from pathlib import Path

from scripts.common.downloads import download
from scripts.common.entry import entry


def run(fetched: Path, *, address: str, sha256: str | None) -> None:
    """Fetch the file.

    Args:
        fetched: where it goes.
        address: its http or https address.
        sha256: its SHA-256 in hexadecimal; None where the source publishes none.

    Raises:
        DownloadError: it could not be fetched completely and correctly.
    """
    download(address, fetched, sha256=sha256)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
