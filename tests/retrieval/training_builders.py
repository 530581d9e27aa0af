"""Small memories, pairs and trainings for the tests of train_encoder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scripts.common.arrays import write_arrays
from scripts.common.tables import table_of_rows, write_table
from scripts.retrieval import train_encoder
from scripts.retrieval.pairs import Pair, write_pairs
from scripts.retrieval.tables import MEMBERS

# Queries share no word and no n-gram with their answers, so only training can rank them first.
TOPICS = (
    ("bus tram", "버스 지하철 택시 노선"),
    ("cod herring", "고등어 갈치 어선 조업"),
    ("vote law", "국회 예산안 의결 표결"),
    ("chip fab", "반도체 수출 공정 웨이퍼"),
    ("cat dog", "고양이 강아지 사료 산책"),
    ("rain snow", "태풍 장마 기온 폭설"),
)


def write_memory(
    folder: Path,
    documents: dict[str, str],
    queries: dict[str, tuple[str, list[str]]],
    prototypes: dict[int, Sequence[float]] | None = None,
) -> Path:
    """A memory of documents (text by id), queries (text and known answers by id), prototypes."""
    blank = {"session": 0, "domain": None, "cluster": -1, "distance": None, "true_answers": None}
    rows: list[dict[str, Any]] = [
        {**blank, "kind": "document", "id": name, "text": text, "known_answers": None}
        for name, text in documents.items()
    ]
    rows += [
        {**blank, "kind": "query", "id": name, "text": text, "known_answers": known}
        for name, (text, known) in queries.items()
    ]
    write_table(folder / "members.parquet", table_of_rows(rows, MEMBERS), MEMBERS)
    if prototypes is not None:
        write_arrays(
            folder / "prototypes.safetensors",
            {
                "ids": np.array(list(prototypes), np.int64),
                "means": np.array(list(prototypes.values()), np.float32),
            },
        )
    return folder


def topic_memory(folder: Path) -> Path:
    """A memory of one document and one query for each topic, d0 the answer of q0."""
    return write_memory(
        folder,
        {f"d{i}": document for i, (_, document) in enumerate(TOPICS)},
        {f"q{i}": (query, [f"d{i}"]) for i, (query, _) in enumerate(TOPICS)},
    )


def topic_pairs(negatives: int = 2) -> list[Pair]:
    """A labelled pair for each topic, with the next topics' documents as negatives."""
    count = len(TOPICS)
    return [
        Pair(
            query=f"q{i}",
            query_kind="query",
            positive=f"d{i}",
            positive_kind="label",
            negatives=tuple(f"d{(i + step) % count}" for step in range(1, negatives + 1)),
        )
        for i in range(count)
    ]


def train(start: Path, memory: Path, pairs: Sequence[Pair], model: Path, **options: Any) -> Path:
    """Run train_encoder; the folder of the model."""
    settings: dict[str, Any] = {
        "session": 0,
        "budget": "steps",
        "steps": 30,
        "epochs": 1,
        "batch": 4,
        "learning_rate": 3e-3,
        "temperature": 0.1,
        "warmup_ratio": 0.1,
        "weight_decay": 0.0,
        "in_batch": "when_needed",
        "seed": 1,
        "threads": 1,
        "gpu": 0,
    }
    model.parent.mkdir(parents=True, exist_ok=True)
    file = model.with_suffix(".pairs.jsonl")
    write_pairs(file, pairs)
    train_encoder.run(start, memory, file, model, **{**settings, **options})
    return model


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of all files of a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
