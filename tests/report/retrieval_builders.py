"""Tables of the retrieval track whose numbers a test knows, with the columns that steps write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.common.files import write_json
from scripts.retrieval.comparison_tables import (
    COMPARISON_COLUMNS,
    MATRIX_COLUMNS,
    TRANSFER_COLUMNS,
)
from scripts.retrieval.memory_report import COHESION_COLUMNS
from scripts.retrieval.summarize_sessions import COLUMNS as SHARE_COLUMNS
from scripts.retrieval.tables import MEASURES
from scripts.retrieval.transfer import FIGURES
from tests.report.fake_tables import write_tsv

METHODS = {
    **{"new_only": "none", "replay": "random", "cluster": "cluster", "retrain": "all"},
    **{"frozen": "frozen", "bm25": "bm25"},
}
FIXED = ("frozen", "bm25")
SEEDS = (1, 2)
QUERIES = 30
LIMIT = 50
DOMAINS = ("health", "요리", "")
HALF = 0.08  # of an interval
SEARCHES = (("own", "full"), ("own", "stored"), ("accumulated", "full"))
MEMORY_COLUMNS = (
    *("bytes.carried", "bytes.texts", "clusters.after", "clusters.opened", "clusters.merged"),
    *("clusters.dropped", "documents.carried", "documents.held", "memory_docs"),
    *("pairs.by_positive.label", "pairs.negatives.false", "pairs.negatives.judged"),
    *("pairs.negatives.sampled", "pairs.pairs", "pairs.positives.judged"),
    *("pairs.positives.right", "pairs.with_fewer_negatives", "pairs.without_negatives"),
    "queries.held",
)


class Tables:
    """Writes the tables of methods whose average rises with their place in the list.

    A method's entry A[t, j] is 0.2 + 0.05 place + 0.02 t - 0.01 j; a fixed one's has no t.
    """

    def __init__(
        self,
        folder: Path,
        methods: dict[str, str] | None = None,
        *,
        sessions: int = 3,
        reference: str | None = None,
    ) -> None:
        """`methods` gives the memory of each, or "frozen" or "bm25"."""
        self.folder, self.methods = folder, METHODS if methods is None else methods
        self.sessions = [f"D{number}" for number in range(sessions)]
        self.reference = next(iter(self.methods)) if reference is None else reference

    def entry(self, method: str, model: int, test: int) -> float:
        place = list(self.methods).index(method)
        return 0.2 + 0.05 * place + (0.0 if model < 0 else 0.02 * model) - 0.01 * test

    def average(self, method: str, session: int) -> float:
        model = -1 if self.methods[method] in FIXED else session
        return sum(self.entry(method, model, test) for test in range(session + 1)) / (session + 1)

    def figure(self, method: str, name: str, session: int) -> float:
        gain = 0.0 if self.methods[method] in FIXED else 0.02
        return {
            "average": self.average(method, session),
            "forgetting": -gain,
            "backward": gain * (session + 1) / 2,
            "forward": 0.05 * list(self.methods).index(method),
            "prequential": 0.3,
        }[name]

    def difference(self, method: str, name: str = "average") -> float:
        last = len(self.sessions) - 1
        return self.figure(method, name, last) - self.figure(self.reference, name, last)

    def verdict(self, difference: float, name: str = "average") -> str:
        if abs(difference) <= HALF:
            return "within"
        return "better" if (difference > 0) != (name == "forgetting") else "worse"

    def write(self) -> dict[str, Path]:
        """Write all tables; return their paths by the names that figures and page give them."""
        files = {
            name: self.folder / f"{name}.tsv"
            for name in ("matrix", "transfer", "comparison", "cohesion", "memory", "shares")
        }
        write_tsv(files["matrix"], MATRIX_COLUMNS, self._matrix())
        write_tsv(files["transfer"], TRANSFER_COLUMNS, self._transfer())
        compared = self._compared()
        rows = [[row[name] for name in COMPARISON_COLUMNS] for row in compared]
        write_tsv(files["comparison"], COMPARISON_COLUMNS, rows)
        header = ("method", "seed", "session", *COHESION_COLUMNS)
        write_tsv(files["cohesion"], header, self._cohesion())
        write_tsv(files["memory"], ("method", "seed", "session", *MEMORY_COLUMNS), self._memory())
        write_tsv(files["shares"], SHARE_COLUMNS, self._shares())
        files["summary"] = self.folder / "summary.json"
        write_json(files["summary"], self._summary(compared))
        return files

    def seeds(self, method: str) -> Sequence[int]:
        return (0,) if self.methods[method] in FIXED else SEEDS

    def _estimate(self, method: str, value: float, queries: int) -> list[Any]:
        spread = None if self.methods[method] in FIXED else 0.01
        return [
            *(len(self.seeds(method)), queries, f"{value:.6f}", spread, 0.04),
            *(f"{value - HALF:.6f}", f"{value + HALF:.6f}"),
        ]

    def _matrix(self) -> list[list[Any]]:
        last = len(self.sessions) - 1
        return [
            [
                *(method, collection, mode, measure, model, test),
                *self._estimate(
                    method,
                    self.entry(method, -1 if kind in FIXED else model, test),
                    QUERIES,
                ),
            ]
            for collection, mode in SEARCHES
            for method, kind in self.methods.items()
            for model in range(-1 if kind in FIXED else 0, last + 1)
            for test in range(last + 1 if kind in FIXED else min(model + 1, last) + 1)
            for measure in MEASURES
        ]

    def _transfer(self) -> list[list[Any]]:
        return [
            [
                *(method, collection, mode, measure, name, session),
                *self._estimate(
                    method, self.figure(method, name, session), QUERIES * (session + 1)
                ),
            ]
            for collection, mode in SEARCHES
            for method in self.methods
            for name in FIGURES
            for session in range(0 if name == "average" else 1, len(self.sessions))
            for measure in MEASURES
        ]

    def _compared(self) -> list[dict[str, Any]]:
        last, found = len(self.sessions) - 1, []
        for collection, mode in SEARCHES:
            for name in FIGURES:
                for measure in MEASURES:
                    for method in self.methods:
                        if method == self.reference:
                            continue
                        found.append(
                            {
                                **{"method": method, "reference": self.reference},
                                **{"collection": collection, "mode": mode, "measure": measure},
                                **{"figure": name, "seeds": len(self.seeds(method))},
                                "reference_seeds": len(self.seeds(self.reference)),
                                "value": self.figure(method, name, last),
                                "reference_value": self.figure(self.reference, name, last),
                                **self._difference(self.difference(method, name), name),
                                **self._effort(method),
                                **{
                                    f"reference_{key}": value
                                    for key, value in self._effort(self.reference).items()
                                },
                                "equal": "yes" if self._bounded(method) else "no",
                            }
                        )
        return found

    def _difference(self, value: float, name: str) -> dict[str, Any]:
        return {
            **{"queries": QUERIES * len(self.sessions), "difference": value},
            **{"standard_error": 0.04, "low": value - HALF, "high": value + HALF},
            **{"smallest_detectable": 0.112, "verdict": self.verdict(value, name)},
        }

    def _bounded(self, method: str) -> bool:
        return self.methods[method] in ("random", "cluster")

    def _effort(self, method: str) -> dict[str, Any]:
        memory = self.methods[method]
        limit = {"all": None, "random": LIMIT, "cluster": LIMIT}.get(memory, 0)
        return {
            "memory_limit": limit,
            "memory_documents": self.carried(method, len(self.sessions) - 1),
            "steps": 0 if memory in FIXED else 300,
        }

    def carried(self, method: str, session: int) -> int:
        memory = self.methods[method]
        if memory == "all":
            return 100 * session
        return LIMIT - 5 if memory in ("random", "cluster") and session else 0

    def _cohesion(self) -> list[list[Any]]:
        return [
            [method, seed, session, 100, 5, 0.3, -0.01, 3.2, None, 120.5, 9.0, 0.5 + 0.1 * session]
            for method, memory in self.methods.items()
            if memory not in FIXED
            for seed in self.seeds(method)
            for session in range(len(self.sessions))
        ]

    def _memory(self) -> list[list[Any]]:
        found = []
        for method, memory in self.methods.items():
            for seed in self.seeds(method) if memory not in FIXED else ():
                for session in range(len(self.sessions)):
                    carried = self.carried(method, session)
                    found.append(
                        [
                            *(method, seed, session),
                            *(1000 * carried + 500, 90_000, 5, 2, 1, 0, carried, carried + 100),
                            *(LIMIT, 60, 3, 200, 240, 60, 60, 54, 4, 1, 80),
                        ]
                    )
        return found

    def _shares(self) -> list[list[Any]]:
        return [
            [number, name, domain, *self._share(domain, number)]
            for number, name in enumerate(self.sessions)
            for domain in DOMAINS
        ]

    def _share(self, domain: str, session: int) -> list[Any]:
        surging = DOMAINS[session % len(DOMAINS)] == domain
        return [60, 30, 18, 0.6, 0.6, 0.6] if surging else [20, 10, 6, 0.2, 0.2, 0.2]

    def _summary(self, compared: list[dict[str, Any]]) -> dict[str, Any]:
        last = len(self.sessions) - 1
        return {
            "documents": 100 * len(self.sessions),
            "sessions": [
                {
                    **{"session": number, "name": name, "queries": QUERIES, "scored": QUERIES},
                    **{"without_answer": 2, "without_words": 0, "documents": 100},
                    "data": {
                        **{"documents": 100, "queries": {"train": 50, "test": QUERIES}},
                        **{"answers": 90, "answer_density": 0.9, "leaks": 0, "without_answer": 5},
                        **{"empty_texts": 0, "without_words": 0, "moved_to_train": 0},
                        **{"tested_before": 0, "later_judgements": 0, "test_short": 0},
                    },
                }
                for number, name in enumerate(self.sessions)
            ],
            "untested": [],
            "measure": "success_5",
            "reference": self.reference,
            "methods": {
                method: {
                    "settings": {
                        "method": method,
                        "kind": memory if memory in FIXED else "continue",
                        "memory": "none" if memory in FIXED else memory,
                        **{"positives": "labels", "negatives": "cluster", "labels": "all"},
                        "label_share": 0.1,
                    },
                    "seeds": [str(seed) for seed in self.seeds(method)],
                    "effort": {
                        **self._effort(method),
                        "memory_bytes": 1000 * self.carried(method, last) + 500,
                    },
                    "figures": {
                        name: {
                            "value": self.figure(method, name, last),
                            "low": self.figure(method, name, last) - HALF,
                            "high": self.figure(method, name, last) + HALF,
                        }
                        for name in FIGURES
                    },
                }
                for method, memory in self.methods.items()
            },
            "verdicts": [row for row in compared if row["measure"] == "success_5"],
            "pairs": {
                name: [
                    {
                        **{"method": first, "reference": second},
                        **self._difference(
                            self.figure(first, name, last) - self.figure(second, name, last), name
                        ),
                    }
                    for place, first in enumerate(self.methods)
                    for second in list(self.methods)[place + 1 :]
                ]
                for name in FIGURES
            },
            "searched": [list(search) for search in SEARCHES],
            "bootstrap": {"draws": 1000, "seed": 42, "level": 0.95},
            "streams": [f"{m}/{seed}" for m in self.methods for seed in self.seeds(m)],
            **{"versions": {"numpy": "2"}, "code": "c0de", "data_sha256": "da7a", "seed": 42},
        }
