"""Small sessions with planted topics, and the memory's step run on them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scripts.common.files import atomic_folder
from scripts.common.tables import table_of_rows, write_table
from scripts.retrieval.hashed_encoder import HashedSettings, fresh_hashed_encoder
from scripts.retrieval.tables import DOCUMENTS, QRELS, QUERIES
from scripts.retrieval.update_memory import run

TOPIC_WORDS = {
    topic: [f"{syllable}{ending}" for ending in "가나다라마바사아자차카타"]
    for topic, syllable in {"school": "학교", "road": "도로", "sea": "바다", "hill": "산길"}.items()
}
METHOD: dict[str, Any] = {
    "memory": "cluster",
    "positives": "cluster",
    "negatives": "cluster",
    "labels": "none",
    "label_share": None,
    "training": "continue",
}
CLUSTERS: dict[str, Any] = {
    "bits": 5,
    "lookup": "all",
    "k_min": 2,
    "choose": "silhouette",
    "silhouette_distance": "euclidean",
    "iterations": 50,
    "centre_shift": 1e-4,
    "cluster_min_size": 10,
    "z1": 3.0,
    "z2": 0.5,
    "required_doc_size": 7,
    "keep": "z2",
    "keep_fraction": 0.5,
    "update": "session",
    "batch": 16,
    "size_correction": True,
    "merge_distance": None,
    "half_life": None,
    "nearest": 3,
}
SAMPLING: dict[str, Any] = {
    "negatives": 4,
    "from": "next_cluster",
    "false_negative_margin": 0.02,
    "queries": None,
}


@dataclass
class Session:
    """Documents (id, topic, text), training queries (id, topic, text) and answers (qid, doc_id)."""

    documents: list[tuple[str, str, str]] = field(default_factory=list)
    queries: list[tuple[str, str, str]] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)

    def write(self, folder: Path, number: int) -> None:
        documents = [
            {"doc_id": name, "text": text, "domain": topic} for name, topic, text in self.documents
        ]
        queries: list[dict[str, Any]] = [
            {"qid": name, "text": text, "domain": topic, "split": "train"}
            for name, topic, text in self.queries
        ]
        # A query of the test split, which must leave no trace.
        queries.append({"qid": f"test{number}", "text": "시험", "domain": None, "split": "test"})
        qrels = [
            {"qid": qid, "doc_id": name, "score": 1, "session": number}
            for qid, name in self.answers
        ]
        qrels += [
            {"qid": qid, "doc_id": "unjudged", "score": 0, "session": number}
            for qid, _, _ in self.queries[:1]
        ]
        write_table(folder / "documents.parquet", table_of_rows(documents, DOCUMENTS), DOCUMENTS)
        write_table(folder / "queries.parquet", table_of_rows(queries, QUERIES), QUERIES)
        write_table(folder / "qrels.parquet", table_of_rows(qrels, QRELS), QRELS)


def topical(
    number: int, topics: Sequence[str] = ("school", "road"), *, each: int = 20, asked: int = 6
) -> Session:
    """A session of `each` documents a topic, `asked` of which have a query."""
    random = np.random.default_rng(number)
    session = Session()
    for topic in topics:
        for place in range(each):
            name = f"s{number}-{topic}-{place}"
            words = random.choice(TOPIC_WORDS[topic], 9).tolist()
            session.documents.append((name, topic, " ".join([*words, f"고유{number}{place}"])))
            if place < asked:
                qid = f"q{number}-{topic}-{place}"
                text = " ".join([*random.choice(TOPIC_WORDS[topic], 2), f"고유{number}{place}"])
                session.queries.append((qid, topic, text))
                session.answers.append((qid, name))
    return session


def write_encoder(folder: Path, *, dimension: int = 24, seed: int = 0) -> Path:
    """A base encoder of hashed n-grams, untrained."""
    settings = HashedSettings(dimension, 4096, 2, 3, 0.1)
    encoder = fresh_hashed_encoder(settings, np.ones(4096, np.float32), seed=seed)
    with atomic_folder(folder) as inside:
        encoder.write(inside)
    return folder


class Loop:
    """Runs the step session by session in a folder."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder, self.sessions = folder, 0
        self.encoder = write_encoder(folder / "encoder")
        self.settings: dict[str, Any] = {
            "memory_docs": 24,
            "seed": 5,
            "threads": 1,
            **{
                key: changes.pop(key)
                for key in ("memory_docs", "seed", "threads")
                if key in changes
            },
        }
        self.method = {key: changes.pop(key, value) for key, value in METHOD.items()}
        self.sampling = {
            key: changes.pop(name, value)
            for key, value in SAMPLING.items()
            for name in ["form" if key == "from" else "wanted" if key == "negatives" else key]
        }
        self.clusters = {key: changes.pop(key, value) for key, value in CLUSTERS.items()}
        assert not changes, changes

    def add(self, session: Session, encoder: Path | None = None) -> Path:
        """Run the next session and return its memory folder."""
        number = self.sessions
        inside = self.folder / f"sessions/{number}"
        session.write(inside, number)
        memory = self.folder / f"memory/session-{number}"
        run(
            inside / "documents.parquet",
            inside / "queries.parquet",
            inside / "qrels.parquet",
            encoder or self.encoder,
            [self.folder / f"memory/session-{number - 1}"] if number else [],
            memory,
            self.pairs(number),
            session=number,
            method=self.method,
            clusters=self.clusters,
            sampling=self.sampling,
            tmpdir=self.folder / "tmp",
            **self.settings,
        )
        self.sessions += 1
        return memory

    def pairs(self, number: int) -> Path:
        return self.folder / f"pairs-{number}.jsonl"
