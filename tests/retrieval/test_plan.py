"""What the configuration names as the track's sessions, streams and jobs."""

from pathlib import Path
from typing import Any

import pytest

from scripts.common.check_config import ROOT
from scripts.common.config import checked_config, load_schema
from scripts.common.errors import ConfigError
from scripts.retrieval.plan import RetrievalPlan

SCHEMA = load_schema(ROOT / "config" / "schema.yaml")
TRAINED = {"memory": "cluster", "positives": "cluster", "negatives": "cluster", "labels": "none"}
METHODS: dict[str, dict[str, Any]] = {
    "cluster": {"kind": "continue", **TRAINED},
    "retrain": {"kind": "restart", **TRAINED, "memory": "all", "positives": "random"},
    "plain": {"kind": "continue", **dict.fromkeys(TRAINED, "random")},
    "frozen": {"kind": "frozen"},
    "bm25": {"kind": "bm25"},
}
MODES = ["full", "stored", "clusters"]
FOLDER = "<results>/retrieval"


def plan(
    folder: Path,
    methods: dict[str, Any] = METHODS,
    shares: tuple[dict[str, Any], ...] = (),
    **section: Any,
) -> RetrievalPlan:
    section = {"training_seeds": [7, 8], "evaluation": {"modes": MODES}, **section}
    config = checked_config({"retrieval": section}, SCHEMA)
    return RetrievalPlan(config, methods, list(shares), folder)


def generated(folder: Path, sessions: int = 3) -> RetrievalPlan:
    return plan(folder, input={"kind": "generated"}, generated={"sessions": sessions})


def own(folder: Path, **given: Any) -> RetrievalPlan:
    files = {"corpus": "c.jsonl", "queries": "q.jsonl", "qrels": "r.tsv", **given}
    return plan(folder, input={"kind": "files", "sessions": ["A", "B"], **files})


def test_generated_sessions_have_files_of_their_own(tmp_path: Path) -> None:
    found = generated(tmp_path)
    assert found.sessions == ["D0", "D1", "D2"]
    assert found.files("qrels", 2) == [f"{FOLDER}/generated/2/qrels.tsv"]
    off = plan(tmp_path, {})
    assert not off and off.sessions == [] and off.reference == ""


def test_a_name_with_the_session_reads_each_session_from_its_own_file(tmp_path: Path) -> None:
    for name in ("A", "B"):
        (tmp_path / f"{name}.jsonl").touch()
    for name in ("c.jsonl", "q.jsonl", "r.tsv"):
        (tmp_path / name).touch()
    found = own(tmp_path, corpus="{session}.jsonl")
    found.require_files()
    assert found.files("corpus", 1) == [str(tmp_path / "B.jsonl")]
    assert found.files("queries", 0) == found.files("queries", 1) == [str(tmp_path / "q.jsonl")]


def test_a_session_without_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "A.jsonl").touch()
    with pytest.raises(
        ConfigError, match=r"input\.corpus = \{session\}\.jsonl names no file for session B"
    ):
        own(tmp_path, corpus="{session}.jsonl", queries="A.jsonl", qrels="A.jsonl").require_files()


def test_a_plan_gives_a_session_its_shares_and_those_before(tmp_path: Path) -> None:
    rows = [
        {"session": session, "domain": "x", "share": 0.3} for session in ("first", "next", "last")
    ]
    found = plan(
        tmp_path,
        shares=tuple(rows),
        input={"kind": "files"}
        | dict.fromkeys(("corpus", "queries", "qrels"), "x")
        | {"plan": "p.tsv"},
    )
    assert found.sessions == ["first", "next", "last"] and not found.session_given
    assert found.shares_until(1) == rows[:2]


def test_models_are_tested_on_their_past_their_own_and_the_next_session(tmp_path: Path) -> None:
    found = generated(tmp_path)
    assert found.evaluations("cluster") == [
        *((0, 0), (0, 1)),
        *((1, 0), (1, 1), (1, 2)),
        *((2, 0), (2, 1), (2, 2)),
    ]
    assert found.evaluations("frozen") == [(0, 0), (1, 1), (2, 2)]


def test_a_further_session_leaves_the_inputs_of_earlier_jobs_as_they_are(tmp_path: Path) -> None:
    """All but what a last model lacked: its test on the session that follows."""
    three, four = generated(tmp_path, 3), generated(tmp_path, 4)
    for method in ("cluster", "retrain", "plain", "frozen"):
        assert set(three.evaluations(method)) < set(four.evaluations(method))
        for session, test in three.evaluations(method):
            for ask in (
                lambda p, m=method, t=session, j=test: p.stored_vectors(m, "7", t, j),
                lambda p, m=method, t=session: p.searched_memory(m, "7", t),
                lambda p, m=method, t=session: p.previous_memory(m, "7", t),
                lambda p, m=method, t=session: p.start(m, "7", t),
            ):
                assert ask(three) == ask(four)


def test_a_method_that_restarts_starts_from_the_base_encoder_each_time(tmp_path: Path) -> None:
    found = generated(tmp_path)
    base = f"{FOLDER}/encoder"
    assert [found.start("retrain", "7", session) for session in (0, 2)] == [base, base]
    assert found.start("cluster", "7", 0) == base
    assert found.start("cluster", "7", 2) == f"{FOLDER}/streams/cluster/7/models/session-1"
    assert found.model("frozen", "7", 2) == base
    assert found.model("retrain", "7", 1) == f"{FOLDER}/streams/retrain/7/models/session-1"


def test_searches_are_those_that_a_method_can_do(tmp_path: Path) -> None:
    found = generated(tmp_path)
    assert found.modes("cluster") == found.modes("retrain") == MODES
    assert found.modes("plain") == ["full", "stored"]
    assert found.modes("frozen") == found.modes("bm25") == ["full"]
    assert found.stored_vectors("cluster", "7", 1, 1) == []
    assert found.stored_vectors("cluster", "7", 1, 2) == []
    (stored,) = found.stored_vectors("cluster", "7", 2, 1)
    assert stored == f"{FOLDER}/streams/cluster/7/vectors/model-1-test-1.safetensors"


def test_methods_that_train_nothing_have_one_stream(tmp_path: Path) -> None:
    found = generated(tmp_path)
    assert found.streams(METHODS) == [
        *("cluster/7", "cluster/8", "retrain/7", "retrain/8", "plain/7", "plain/8"),
        *("frozen/7", "bm25/7"),
    ]
    assert (found.pattern_of("bm25"), found.pattern_of("frozen", "bm25")) == ("bm25", "frozen|bm25")


def test_jobs_are_as_many_as_the_files_that_are_compared(tmp_path: Path) -> None:
    found = generated(tmp_path)
    number = {
        rule: len(found.jobs_of(rule, set()))
        for rule in (
            *("generate_session", "build_session", "prepare_encoder", "update_memory"),
            *("train_encoder", "evaluate_session", "evaluate_accumulated", "evaluate_bm25"),
            "compare_methods",
        )
    }
    assert number == {
        **{"generate_session": 3, "build_session": 3, "prepare_encoder": 1},
        **{"update_memory": 18, "train_encoder": 18},
        **{"evaluate_session": 6 * 8 + 3, "evaluate_accumulated": 21, "evaluate_bm25": 3},
        "compare_methods": 1,
    }
    assert len(found.files_of_evaluations("scores", "parquet")) == 6 * 8 + 3 + 3
    assert len(found.files_of_sessions("accumulated/model-{}.parquet", METHODS)) == 24
