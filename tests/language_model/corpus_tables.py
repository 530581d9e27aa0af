"""Tables of the corpus track, written by hand for the tests of the evaluation sets."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.common.corpus_tables import DOCUMENTS, ENTITIES, MENTION_LISTS, SCORES, SPLITS
from scripts.common.tables import table_of_rows, write_table
from tests.corpus.builders import write_rows

NAMES = ("삼성", "서울", "박물관", "가나", "대구")
COMMON = ("전자", "부산")
PARTICLES = {"는": "JX", "은": "JX", "이": "JKS", "에": "JKB"}


def text_hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def mentions_of(text: str) -> dict[str, list[Any]]:
    """Every occurrence of a known noun, NNP or NNG, with the particle that follows it."""
    found = []
    for tag, names in (("NNP", NAMES), ("NNG", COMMON)):
        for name in names:
            start = text.find(name)
            while start >= 0:
                end = start + len(name)
                behind = {"는": "JX", "은": "JX", "이": "JKS", "에": "JKB"}.get(
                    text[end : end + 1], ""
                )
                found.append((name, tag, start, end, behind))
                start = text.find(name, end)
    found.sort(key=lambda mention: mention[2])
    return {
        name: [mention[place] for mention in found] for place, (name, _) in enumerate(MENTION_LISTS)
    }


def write_corpus(
    folder: Path,
    rows: Sequence[tuple[str, str, str]],
    *,
    groups: dict[str, str] | None = None,
    outside: Sequence[str] = (),
    entities: dict[str, int] | None = None,
) -> dict[str, Any]:
    """One source `demo` of (doc_id, split, text) rows; the paths that the steps take."""
    groups = groups or {}
    documents, scores, splits = [], [], []
    for key, (doc_id, split, text) in enumerate(rows):
        names = {"doc_id": doc_id, "key": key, "text_hash": text_hash(text)}
        documents.append(names | {"removed_characters": 0, "replaced_surrogates": 0, "text": text})
        analysed = doc_id not in outside
        scores.append(
            names
            | {"analysis": "analysed" if analysed else "outside"}
            | (mentions_of(text) if analysed else {})
        )
        group = text_hash(groups.get(doc_id, doc_id))
        splits.append(names | {"source": "demo", "group": group, "split": split})
    write_rows(folder / "documents" / "demo" / "000.parquet", documents, DOCUMENTS)
    write_rows(folder / "scores" / "demo" / "000.parquet", scores, SCORES)
    write_rows(folder / "splits.parquet", splits, SPLITS)
    counted = [
        {
            "entity": entity,
            "samples_before_cap": number,
            "samples_after_cap": number,
            "validation": 0,
            "test": 0,
            "holdout": 0,
        }
        for entity, number in (entities or {}).items()
    ]
    write_table(folder / "entities.parquet", table_of_rows(counted, ENTITIES), ENTITIES)
    return {
        "documents": [folder / "documents" / "demo"],
        "scores": [folder / "scores" / "demo" / "000.parquet"],
        "splits": folder / "splits.parquet",
    }
