"""Sessions of real petitions, given and drawn by domain, and of English questions."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.retrieval.session_builders import Input, Session, build
from tests.workflow.harness import ROOT

pytestmark = pytest.mark.real

GIVEN = ("D0", "D1", "D2", "D3")
# Of five domains: one session of a large part of each, then one domain surges, then another.
DOMAINS = ("인권/성평등", "보건복지", "행정", "일자리", "육아/교육")
PLAN: list[dict[str, Any]] = [
    {"session": session, "domain": domain, "share": share}
    for session, shares in {
        "S0": (0.4, 0.4, 0.7, 0.4, 0.4),
        "S1": (0.5, 0.1, 0.05, 0.05, 0.1),
        "S2": (0.1, 0.5, 0.05, 0.1, 0.05),
    }.items()
    for domain, share in zip(DOMAINS, shares, strict=True)
]


def real_input(name: str) -> Input:
    folder = ROOT.parent / "shared" / "data" / "retrieval" / name
    if not folder.is_dir():
        pytest.skip("the real retrieval sets are not beside this checkout")
    return Input(folder)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def build_all(inputs: Input, folder: Path, names: tuple[str, ...], plan=None) -> list[Session]:
    sessions: list[Session] = []
    for t, name in enumerate(names):
        known = set(names[: t + 1])
        shares = None if plan is None else [row for row in plan if row["session"] in known]
        sessions.append(
            build(inputs, folder / name, t=t, name=name, shares=shares, before=sessions)
        )
    return sessions


def assert_test_shares(session: Session) -> None:
    asked = Counter(row["domain"] for row in session.queries)
    tests = Counter(row["domain"] for row in session.queries if row["split"] == "test")
    assert session.facts["test_short"] == 0
    for domain, number in asked.items():
        assert abs(tests[domain] - 0.3 * number) < 1
        assert abs(tests[domain] / tests.total() - number / asked.total()) < 1 / tests.total()


@pytest.mark.parametrize(
    ("name", "documents", "queries", "answers"),
    [
        ("petitions_ko", [757, 776, 912, 706], [754, 762, 874, 685], [754, 762, 874, 685]),
        ("mtrag_en", [379, 349, 263, 497], [83, 86, 58, 105], [181, 251, 158, 261]),
    ],
)
def test_given_sessions_account_for_every_row(tmp_path, name, documents, queries, answers):
    inputs = real_input(name)
    sessions = build_all(inputs, tmp_path, GIVEN)
    assert [len(session.documents) for session in sessions] == documents
    assert [len(session.queries) for session in sessions] == queries
    assert [session.facts["answers"] for session in sessions] == answers
    for session in sessions:
        assert session.facts["without_answer"] == session.facts["later_judgements"] == 0
        assert_test_shares(session)
    corpus = rows_of(inputs.path("corpus.jsonl"))
    assert [doc_id for session in sessions for doc_id in session.doc_ids] == [
        row["doc_id"] for wanted in GIVEN for row in corpus if row["session"] == wanted
    ]


def test_plan_draws_its_share_of_each_domain(tmp_path):
    inputs = real_input("petitions_ko")
    sessions = build_all(inputs, tmp_path, ("S0", "S1", "S2"), PLAN)
    corpus = Counter(row["domain"] for row in rows_of(inputs.path("corpus.jsonl")))
    for t, session in enumerate(sessions):
        found = Counter(row["domain"] for row in session.documents)
        assert set(found) <= set(DOMAINS)
        for row in PLAN:
            if row["session"] == f"S{t}":
                owed = row["share"] * corpus[row["domain"]]
                # Documents with and without a query are drawn apart: two roundings.
                assert abs(found[row["domain"]] - owed) <= 2
        assert_test_shares(session)
        assert session.facts["leaks"] == 0
    taken = [doc_id for session in sessions for doc_id in session.doc_ids]
    assert len(set(taken)) == len(taken)
    # Within each domain one petition in thirty has no query, in every session.
    densities = [session.facts["answer_density"] for session in sessions]
    assert max(densities) - min(densities) < 0.03
