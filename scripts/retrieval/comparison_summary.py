"""What a comparison of methods came to: counts, figures, verdicts, provenance."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.common.files import sha256_file
from scripts.retrieval.method_figures import estimates, figure_sample
from scripts.retrieval.paired_draws import LEVEL, PairedDraws
from scripts.retrieval.score_book import ScoreBook, streams_by_method
from scripts.retrieval.score_rows import OWN
from scripts.retrieval.tables import FULL, MEASURES
from scripts.retrieval.transfer import FIGURES, LOWER_IS_BETTER

_PACKAGES = ("numpy", "faiss-cpu", "ir-measures", "bm25s")
_COUNTS = ("queries", "scored", "without_answer", "without_words", "documents", "empty_documents")


def session_facts(
    sessions: Sequence[str], facts: Iterable[Mapping[str, Any]], manifest: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return counts of each session: what the data hold, and what the evaluation scored.

    `scored` and the like are of dense encoders where there are any; BM25 and they may differ in
    which texts have no words.
    """
    by_test: dict[int, Mapping[str, Any]] = {}
    for one in sorted(facts, key=lambda one: (one["lexical"], one["method"])):
        by_test.setdefault(int(one["test"]), one)
    by_name = {str(one["name"]): one for one in manifest["sessions"]}
    return [
        {
            "session": number,
            "name": name,
            "data": by_name.get(name),
            **{key: by_test.get(number, {}).get(key) for key in _COUNTS},
        }
        for number, name in enumerate(sessions)
    ]


def documents_of(sessions: Iterable[Mapping[str, Any]]) -> int:
    """Return the documents of all sessions of `session_facts` that the manifest describes."""
    return sum((one["data"] or {}).get("documents", 0) for one in sessions)


def method_facts(
    books: Sequence[ScoreBook],
    methods: Mapping[str, Mapping[str, Any]],
    effort: Mapping[str, Mapping[str, Any]],
    measure: str,
    draws: PairedDraws,
) -> dict[str, dict[str, Any]]:
    """Return settings, seeds, effort and the figures at the end of each method, in one measure."""
    book = main_book(books)
    column = MEASURES.index(measure)
    found = {}
    for method, streams in streams_by_method(book, methods).items():
        figures = {}
        for figure in FIGURES:
            sample = figure_sample(book, streams, figure, book.sessions - 1)
            one = None if sample is None else estimates(sample, figure, draws)[column]
            figures[figure] = None if one is None else vars(one)
        found[method] = {
            "settings": methods.get(method),
            "seeds": [stream.rpartition("/")[2] for stream in streams],
            "effort": effort.get(method),
            "figures": figures,
        }
    return found


def main_book(books: Sequence[ScoreBook]) -> ScoreBook:
    """Return the scores on sessions' own collections by vectors made anew."""
    return next(book for book in books if (book.collection, book.mode) == (OWN, FULL))


def bootstrap_facts(draws: PairedDraws) -> dict[str, Any]:
    """Return how intervals were drawn."""
    return {
        "draws": draws.number,
        "seed": draws.seed,
        "level": LEVEL,
        "over": ["queries within test sessions", "training seeds"],
        "lower_is_better": sorted(LOWER_IS_BETTER),
    }


def training_versions(trainings: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the versions with which models were trained, each combination once."""
    found: list[dict[str, Any]] = []
    for one in trainings:
        named = {"versions": one["versions"]}
        if named not in found:
            found.append(named)
    return found


def provenance(sources: Sequence[Path], code: str) -> dict[str, Any]:
    """Return versions, the code's hash, and one hash of all files read."""
    digest = hashlib.sha256()
    for content in sorted(map(sha256_file, sources)):
        digest.update(f"{content}\n".encode())
    return {
        "versions": {package: version(package) for package in _PACKAGES},
        "code": code,
        "data_sha256": digest.hexdigest(),
    }
