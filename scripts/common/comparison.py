"""Comparing the results of two runs: what must be equal, and what comparisons leave out."""

import hashlib
import json
import re
from pathlib import Path

from scripts.common.files import sha256_file

# Times, rates and memory differ from run to run; nothing else may.
LEFT_OUT_FOLDERS = ("logs", "benchmarks", "costs", "events", "graphs")
LEFT_OUT_FIELDS = re.compile(rb'^\s*"created_at":.*$', re.MULTILINE)


def result_digests(results: Path) -> dict[str, str]:
    """Return the SHA-256 of every result file, by its path relative to `results`.

    Folders of logs, benchmarks, costs, TensorBoard events and graphs are left out, and so are
    hidden files and folders and `created_at` lines of JSON files.
    """
    digests: dict[str, str] = {}
    for path in sorted(results.rglob("*")):
        name = path.relative_to(results)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_dir() or hidden or name.parts[0] in LEFT_OUT_FOLDERS:
            continue
        digests[name.as_posix()] = (
            hashlib.sha256(LEFT_OUT_FIELDS.sub(b"", path.read_bytes())).hexdigest()
            if path.suffix == ".json"
            else sha256_file(path)
        )
    return digests


def differing(first: Path, second: Path) -> list[str]:
    """Return the names of result files that are not the same in both folders."""
    one, other = result_digests(first), result_digests(second)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def print_digests(results: Path) -> None:
    """Print the digests of a results folder as JSON."""
    print(json.dumps(result_digests(results), indent=2, sort_keys=True))


if __name__ == "__main__":
    import tyro

    tyro.cli(print_digests)
