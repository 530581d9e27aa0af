"""Files of a comparison of methods whose scores a test plants."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scripts.common.files import write_json
from scripts.common.tsv import write_tsv
from scripts.retrieval import compare_methods
from scripts.retrieval.score_rows import Scored, write_scores
from scripts.retrieval.tables import MEASURES

TABLES = (
    *("metrics_table", "matrix", "transfer", "comparison"),
    *("cohesion_table", "memory_table", "losses_table"),
)
# Scores of the queries of a test session, from (method, seed, model, test session).
Level = Callable[[str, int, int, int], np.ndarray]


class Streams:
    """Writes what the steps before would have written."""

    def __init__(
        self,
        root: Path,
        methods: Mapping[str, str],
        *,
        sessions: int = 3,
        queries: int | list[int] = 40,
        seeds: tuple[int, ...] = (1, 2, 3, 4, 5),
    ) -> None:
        """`methods` gives the memory of each; "frozen" and "bm25" are one stream, never trained."""
        self.root, self.memories, self.seeds, self.sessions = root, dict(methods), seeds, sessions
        self.queries = [queries] * sessions if isinstance(queries, int) else queries
        self.names = [f"D{number}" for number in range(sessions)]
        self.files: dict[str, list[Path]] = {
            name: [] for name in ("scores", "accumulated", "facts", "memories", "models")
        }

    def streams(self, method: str) -> tuple[int, ...]:
        return (0,) if method in ("frozen", "bm25") else self.seeds

    @property
    def stream_names(self) -> list[str]:
        return [f"{method}/{seed}" for method in self.memories for seed in self.streams(method)]

    def write(self, level: Level, *, accumulated: bool = True, stored: bool = False) -> None:
        for method in self.memories:
            for seed in self.streams(method):
                fixed = method in ("frozen", "bm25")
                for model in [-1] if fixed else range(self.sessions):
                    last = self.sessions - 1 if fixed else min(model + 1, self.sessions - 1)
                    for test in range(last + 1):
                        modes = ["full", *(["stored"] if stored and test < model else [])]
                        self.score(method, seed, model, test, level, modes)
                for model in range(self.sessions) if accumulated else ():
                    self.accumulate(method, seed, model, level, fixed=fixed)
                if not fixed:
                    self.record(method, seed)

    def score(
        self,
        method: str,
        seed: int,
        model: int,
        test: int,
        level: Level,
        modes: list[str],
    ) -> None:
        path = self._folder(method, seed) / "scores" / f"model-{model}-test-{test}.parquet"
        rows = [row for mode in modes for row in self._rows(method, seed, model, test, level, mode)]
        write_scores(path, rows, Scored(method, seed, model, test, "own", method == "bm25"))
        facts = path.with_suffix(".json")
        counts = {"queries": self.queries[test] + 2, "scored": self.queries[test]}
        write_json(
            facts,
            {
                "method": method,
                "test": test,
                "lexical": method == "bm25",
                "without_answer": 2,
                **counts,
            },
        )
        self.files["scores"].append(path)
        self.files["facts"].append(facts)

    def accumulate(self, method: str, seed: int, model: int, level: Level, *, fixed: bool) -> None:
        path = self._folder(method, seed) / "accumulated" / f"model-{model}.parquet"
        session = -1 if fixed else model
        rows = [
            row
            for test in range(model + 1)
            for row in self._rows(method, seed, session, test, level, "full")
        ]
        write_scores(
            path, rows, Scored(method, seed, session, model, "accumulated", method == "bm25")
        )
        self.files["accumulated"].append(path)

    def record(self, method: str, seed: int) -> None:
        for session in range(self.sessions):
            memory = self._folder(method, seed) / "memory" / f"session-{session}"
            model = self._folder(method, seed) / "models" / f"session-{session}"
            kept = 0 if self.memories[method] == "none" else 20 * session
            write_json(
                memory / "report.json",
                {
                    "session": session,
                    "seed": seed,
                    "memory_docs": 50,
                    "settings": {"method": {"memory": self.memories[method]}},
                    "documents": {"carried": kept, "new": 30, "evicted": {"far": 3}},
                    "bytes": {"carried": 1000 * kept},
                    "clusters": {"curve": [1, 2], "opened": 1},
                },
            )
            lines = [(30, 3, 0.25)] if self.memories[method] == "cluster" else []
            write_tsv(memory / "cohesion.tsv", ("documents", "clusters", "within"), lines)
            write_json(
                model / "training.json",
                {
                    **{"session": session, "seed": seed, "steps": 10},
                    **{"losses": [[5, 0.5], [10, 0.25]], "versions": {"torch": f"2.{seed}"}},
                },
            )
            self.files["memories"].append(memory)
            self.files["models"].append(model)

    def compare(self, reference: str, folder: str = "tables", **more: Any) -> dict[str, Path]:
        manifest = self.root / "manifest.json"
        write_json(manifest, {"sessions": [{"name": name, "documents": 9} for name in self.names]})
        written = {name: self.root / folder / f"{name}.tsv" for name in TABLES}
        written["summary"] = self.root / folder / "summary.json"
        arguments: dict[str, Any] = {
            **self.files,
            **written,
            "methods": {name: {"memory": memory} for name, memory in self.memories.items()},
            "streams": self.stream_names,
            "sessions": self.names,
            "bootstrap": 400,
            "seed": 7,
            "code_hash": "c0de",
            **more,
        }
        compare_methods.run(manifest=manifest, reference=reference, **arguments)
        return written

    def _folder(self, method: str, seed: int) -> Path:
        return self.root / "streams" / method / str(seed)

    def _rows(
        self, method: str, seed: int, model: int, test: int, level: Level, mode: str
    ) -> list[dict[str, Any]]:
        values = level(method, seed, model, test) if self.queries[test] else np.zeros(0)
        return [
            {
                "mode": mode,
                "test": test,
                "qid": f"q{test}-{number}",
                "domain": "d",
                "answers": 1,
                **dict.fromkeys(MEASURES, float(value)),
            }
            for number, value in enumerate(values)
        ]
