"""Small inputs of sessions, and sessions built from them."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.common.files import read_json
from scripts.common.tables import read_table
from scripts.retrieval.build_session import run
from scripts.retrieval.tables import DOCUMENTS, QRELS, QUERIES

Rows = Sequence[Mapping[str, Any]]


@dataclass
class Input:
    """Files of an input; names end in .gz where they are to be compressed."""

    folder: Path
    suffix: str = ""

    def write(self, documents: Rows, queries: Rows, qrels: Sequence[Sequence[Any]]) -> "Input":
        lines = ["\t".join(map(str, row)) for row in [("query-id", "corpus-id", "score"), *qrels]]
        self.put("corpus.jsonl", [json.dumps(row) for row in documents])
        self.put("queries.jsonl", [json.dumps(row, ensure_ascii=False) for row in queries])
        self.put("qrels.tsv", lines)
        return self

    def put(self, name: str, lines: Sequence[str]) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(name)
        data = "".join(line + "\n" for line in lines).encode()
        path.write_bytes(gzip.compress(data) if self.suffix else data)
        return path

    def path(self, name: str) -> Path:
        return self.folder / (name + self.suffix)


@dataclass
class Session:
    """A session that was built."""

    folder: Path
    documents: list[dict[str, Any]] = field(default_factory=list)
    queries: list[dict[str, Any]] = field(default_factory=list)
    qrels: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def doc_ids(self) -> list[str]:
        return [row["doc_id"] for row in self.documents]

    def qids(self, split: str | None = None) -> list[str]:
        return [row["qid"] for row in self.queries if split in (None, row["split"])]

    def bytes(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.folder.iterdir())]


def build(
    inputs: Input | Sequence[Input],
    folder: Path,
    *,
    t: int = 0,
    name: str = "S0",
    shares: list[dict[str, Any]] | None = None,
    before: Sequence[Session] = (),
    test_share: float = 0.3,
    seed: int = 7,
) -> Session:
    """Build a session, from a plan where `shares` are given."""
    several = [inputs] if isinstance(inputs, Input) else list(inputs)
    run(
        [part.path("corpus.jsonl") for part in several],
        [part.path("queries.jsonl") for part in several],
        [part.path("qrels.tsv") for part in several],
        [session.folder / "documents.parquet" for session in before],
        folder / "documents.parquet",
        folder / "queries.parquet",
        folder / "qrels.parquet",
        folder / "session.json",
        folder / "digests.json",
        t=t,
        name=name,
        session_given=shares is None,
        shares=shares or [],
        test_share=test_share,
        seed=seed,
        before_queries=[session.folder / "queries.parquet" for session in before],
    )
    return Session(
        folder,
        read_table(folder / "documents.parquet", DOCUMENTS).to_pylist(),
        read_table(folder / "queries.parquet", QUERIES).to_pylist(),
        read_table(folder / "qrels.parquet", QRELS).to_pylist(),
        read_json(folder / "session.json"),
    )


def document(name: str, text: str = "글 한 편", **more: Any) -> dict[str, Any]:
    return {"doc_id": name, "text": text, **more}


def query(name: str, text: str | None = None, **more: Any) -> dict[str, Any]:
    return {"qid": name, "text": f"물음 {name}" if text is None else text, **more}
