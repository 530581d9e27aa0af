"""Generates one session of the embedded data: Korean documents, queries and their answers.

In: the session's number, sizes, a seed. Out: corpus.jsonl, queries.jsonl and qrels.tsv, in the
form that a person's own data has. A session depends on its own number and the seed, never on how
many sessions there are; what moves from one to the next stands in `generated_cases`.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scripts.common.entry import entry
from scripts.common.errors import ConfigError
from scripts.common.files import atomic_file
from scripts.common.keyed_generator import keyed_generator
from scripts.common.progress import Progress
from scripts.common.tsv import write_tsv
from scripts.retrieval.generated_cases import CaseMaker
from scripts.retrieval.topic_vocabulary import all_topics
from scripts.retrieval.topical_texts import Case, document_text, query_text

_LEAST_TOPICS = 2
# Documents of a case: chances of 1, 2 and 3.
_REPORTS_OF_CASE = (0.85, 0.1, 0.05)
# Chance that a query asks for a case which no document reports.
_WITHOUT_ANSWER = 0.05

Row = dict[str, Any]


def run(
    corpus: Path,
    queries: Path,
    qrels: Path,
    *,
    session: int,
    topics: int,
    documents: int,
    queries_count: int,
    seed: int,
) -> None:
    """Write a session.

    Args:
        corpus: JSON Lines of the documents: doc_id, text, domain.
        queries: JSON Lines of the queries: qid, text, domain.
        qrels: query-id, corpus-id, score.
        session: its number, from 0.
        topics: how many topics there are, 2 to 10.
        documents: of the session, at least 1.
        queries_count: of the session, 0 or more.
        seed: of the run.

    Raises:
        ConfigError: a number is not allowed.
    """
    _require_allowed(session, topics, documents, queries_count)
    cases, reports = _cases(session, topics, documents, seed)
    progress = Progress("generate_session", total=documents + queries_count, unit="texts")
    _write_lines(corpus, _document_rows(cases, reports, session, seed), progress)
    asked = list(_queries(cases, reports, session, topics, queries_count, seed))
    _write_lines(queries, (row for row, _ in asked), progress)
    answers = [(row["qid"], doc_id, 1) for row, found in asked for doc_id in found]
    write_tsv(qrels, ("query-id", "corpus-id", "score"), answers)
    progress.finish()


def _require_allowed(session: int, topics: int, documents: int, queries: int) -> None:
    most = len(all_topics())
    for name, value, low, high in (
        ("session", session, 0, None),
        ("topics", topics, _LEAST_TOPICS, most),
        ("documents", documents, 1, None),
        ("queries", queries, 0, None),
    ):
        if value < low or (high is not None and value > high):
            allowed = f"{low} to {high}" if high is not None else f"{low} or more"
            raise ConfigError(f"{name} = {value} cannot be generated; allowed: {allowed}")


def _cases(session: int, topics: int, documents: int, seed: int) -> tuple[list[Case], list[int]]:
    """Return the cases, and of which of them each document is a report."""
    maker = CaseMaker(session, topics, seed, expected=documents)
    rng = keyed_generator(seed, "reports", str(session))
    cases: list[Case] = []
    reports: list[int] = []
    while len(reports) < documents:
        wanted = 1 + int(rng.choice(len(_REPORTS_OF_CASE), p=_REPORTS_OF_CASE))
        reports += [len(cases)] * min(wanted, documents - len(reports))
        cases.append(maker.make())
    return cases, [reports[place] for place in rng.permutation(documents)]


def _document_rows(
    cases: Sequence[Case], reports: Sequence[int], session: int, seed: int
) -> Iterator[Row]:
    rng = keyed_generator(seed, "document texts", str(session))
    for number, place in enumerate(reports):
        case = cases[place]
        yield {
            "doc_id": _doc_id(session, number),
            "text": document_text(case, rng),
            "domain": case.topic.name,
        }


def _doc_id(session: int, number: int) -> str:
    return f"s{session}-d{number:05d}"


def _queries(
    cases: Sequence[Case], reports: Sequence[int], session: int, topics: int, count: int, seed: int
) -> Iterator[tuple[Row, list[str]]]:
    """Yield each query with its answers; all cases are asked for once before any is again."""
    rng = keyed_generator(seed, "query texts", str(session))
    unreported = CaseMaker(session, topics, seed, expected=len(reports), purpose="unreported cases")
    answers: list[list[str]] = [[] for _ in cases]
    for number, place in enumerate(reports):
        answers[place].append(_doc_id(session, number))
    order = rng.permutation(len(cases)).tolist()
    for number in range(count):
        if rng.random() < _WITHOUT_ANSWER:
            case, found = unreported.make(), []
        else:
            place = order[number % len(order)]
            case, found = cases[place], answers[place]
        row = {
            "qid": f"s{session}-q{number:05d}",
            "text": query_text(case, rng),
            "domain": case.topic.name,
        }
        yield row, found


def _write_lines(path: Path, rows: Iterator[Row], progress: Progress) -> None:
    with atomic_file(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            progress.advance(1)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
