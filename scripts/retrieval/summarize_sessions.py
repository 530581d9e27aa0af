"""Joins the accounts of all sessions.

In: session.json of every session, in order. Out: manifest.json, which lists them under `sessions`,
and shares.tsv, a row for each session and domain: how many documents, training and test queries,
and their shares of the session.
"""

from pathlib import Path
from typing import Any

from scripts.common.entry import entry
from scripts.common.files import read_json, write_json
from scripts.common.tsv import write_tsv

COLUMNS = (
    *("session", "name", "domain", "documents", "train", "test"),
    *("document_share", "query_share", "test_share"),
)
_DECIMALS = 6


def run(facts: list[Path], manifest: Path, shares: Path) -> None:
    """Write both.

    Args:
        facts: session.json of sessions 0, 1, …
        manifest: JSON to write.
        shares: table to write; shares are empty where a session has no such row.
    """
    sessions = [read_json(path) for path in facts]
    write_json(manifest, {"sessions": sessions})
    write_tsv(shares, COLUMNS, [row for found in sessions for row in _rows(found)])


def _rows(found: dict[str, Any]) -> list[list[Any]]:
    tests = found["queries"]["test"]
    queries = found["queries"]["train"] + tests
    return [
        [
            *(found["t"], found["name"], domain, counts["documents"]),
            *(counts["queries"] - counts["test"], counts["test"]),
            _share(counts["documents"], found["documents"]),
            _share(counts["queries"], queries),
            _share(counts["test"], tests),
        ]
        for domain, counts in sorted(found["shares"].items())
    ]


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, _DECIMALS) if whole else None


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
