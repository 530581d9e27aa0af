"""The form of scoring that `score_shard` succeeds, written as well as that form can be.

A pool of worker processes with one Kiwi each takes one document per task. The first pass runs the
cheap checks and, where they pass, one analysis for the NNP ratio; the second pass analyses the
documents that passed once more for their noun mentions. Results are gathered with their document's
key, so that the decisions are right.

    python -m tests.benchmarks.earlier_scoring --shard FILE --target FILE --workers 2
"""

import json
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import tyro
from kiwipiepy import Kiwi

from scripts.common.analysis import Floor, analyse_tokens, count_characters
from scripts.common.corpus_tables import MENTION_LISTS, SCORES

_CHUNK = 1  # one document per task, as that form had it
_COUNTS = ("characters", "sentence_marks", "hangul_ratio", "symbol_ratio")
_COLUMNS = ("key", *_COUNTS, "nnp_ratio", "pronouns", *(name for name, _ in MENTION_LISTS))
_kiwi: Kiwi
_floor: Floor


def main(
    shard: Path,
    target: Path,
    *,
    floor: str,
    min_nnp_ratio: float,
    max_nnp_ratio: float,
    workers: int = 2,
) -> None:
    """Score a shard in two passes and write the decisions.

    Args:
        shard: documents with key and text.
        target: where the table of decisions and mentions goes.
        floor: limits of the cheap checks, as JSON.
        min_nnp_ratio: least NNP ratio of a passing document.
        max_nnp_ratio: largest NNP ratio of a passing document.
        workers: worker processes.
    """
    limits = Floor(**json.loads(floor))
    documents = list(_documents(shard))
    rows: dict[int, dict[str, Any]] = {}
    with get_context("spawn").Pool(workers, _start_worker, (limits,)) as pool:
        for key, counts, analysis in pool.imap_unordered(_judge, documents, chunksize=_CHUNK):
            rows[key] = {"key": key, **counts, **analysis}
        passing = [
            (key, text)
            for key, text in documents
            if rows[key]["nnp_ratio"] is not None
            and min_nnp_ratio <= rows[key]["nnp_ratio"] <= max_nnp_ratio
        ]
        for key, mentions in pool.imap_unordered(_find_mentions, passing, chunksize=_CHUNK):
            rows[key] |= mentions
    schema = pa.schema([SCORES.field(name) for name in _COLUMNS])
    table = pa.Table.from_pylist([rows[key] for key, _ in documents], schema=schema)
    pq.write_table(table, target, compression="zstd")


def _documents(shard: Path) -> Iterator[tuple[int, str]]:
    table = pq.read_table(shard, columns=["key", "text"])
    yield from zip(table["key"].to_pylist(), table["text"].to_pylist(), strict=True)


def _start_worker(floor: Floor) -> None:
    global _kiwi, _floor
    _kiwi, _floor = Kiwi(num_workers=0), floor


def _judge(document: tuple[int, str]) -> tuple[int, dict[str, Any], dict[str, Any]]:
    key, text = document
    counts = count_characters(text)
    if not _floor.admits(counts):
        return key, vars(counts), {"nnp_ratio": None, "pronouns": None}
    tokens = _kiwi.tokenize(text)
    proper_nouns = sum(token.tag == "NNP" for token in tokens)
    pronouns = sum(token.tag == "NP" for token in tokens)
    ratio = proper_nouns / len(tokens) if tokens else 0.0
    return key, vars(counts), {"nnp_ratio": ratio, "pronouns": pronouns}


def _find_mentions(document: tuple[int, str]) -> tuple[int, dict[str, Any]]:
    key, text = document
    columns = analyse_tokens(text, _kiwi.tokenize(text)).as_columns()
    return key, {name: value for name, value in columns.items() if name.startswith("mention_")}


if __name__ == "__main__":
    tyro.cli(main)
