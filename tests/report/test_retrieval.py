"""The retrieval section: what a reader gets says what the tables say."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import read_json, write_json
from scripts.report import plot_corpus, plot_retrieval, write_report
from scripts.report.retrieval_korean import glance_korean
from scripts.report.retrieval_memory_grids import sampling_table
from scripts.report.retrieval_tables import (
    CohesionRow,
    ComparisonRow,
    MatrixRow,
    MemoryRow,
    ShareRow,
    TransferRow,
    read_cohesion,
    read_comparison,
    read_matrix,
    read_memory,
    read_retrieval_summary,
    read_shares,
    read_transfer,
)
from scripts.report.retrieval_text import glance, verdict_sentences, warnings
from scripts.report.retrieval_verdicts import average_pairs, largest_loss, telling_pairs
from scripts.report.tables import columns_of
from scripts.retrieval import comparison_tables as written
from scripts.retrieval.memory_report import COHESION_COLUMNS
from scripts.retrieval.summarize_sessions import COLUMNS as SHARE_COLUMNS
from tests.report.fake_tables import FIGURES, PLOTTED, SHOWN, write_fake_tables
from tests.report.retrieval_builders import HALF, MEMORY_COLUMNS, QUERIES, Tables
from tests.report.test_page import HOSTILE, Page, edit_table

DRAWN = ("matrix", "forgetting", "progress", "differences", "memory", "cohesion", "drift")
READERS = {
    "matrix": read_matrix,
    "transfer": read_transfer,
    "comparison": read_comparison,
    "cohesion": read_cohesion,
    "memory": read_memory,
    "shares": read_shares,
}


def draw(files: dict[str, Path], folder: Path) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    figures = {f"{name}_figure": folder / f"{name}.svg" for name in DRAWN}
    plot_retrieval.run(**files, **figures)
    return figures


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tables and figures of the corpus, without which there is no page."""
    folder = tmp_path_factory.mktemp("corpus")
    fake = write_fake_tables(folder, sources=1)
    figures = {f"{name}_figure": folder / f"corpus_{name}.svg" for name in FIGURES}
    plot_corpus.run(**{name: fake[name] for name in PLOTTED}, **figures)
    return {**{name: fake[name] for name in SHOWN}, **figures}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, corpus: dict[str, Path]) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("made")
    files = Tables(folder).write()
    own = {**files, **draw(files, folder / "drawn")}
    return {**corpus, **{f"retrieval_{name}": path for name, path in own.items()}}


@pytest.fixture
def inputs(made: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Return the files of a page, those of the track as copies that a test may damage."""
    copies = {}
    for name, path in made.items():
        if name.startswith("retrieval_"):
            copies[name] = tmp_path / f"{name}{path.suffix}"
            shutil.copy(path, copies[name])
    return {**made, **copies}


def build(inputs: dict[str, Any], folder: Path) -> str:
    page = folder / "index.html"
    write_report.run(**inputs, page=page)
    return page.read_text(encoding="utf-8")


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def signed(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def difference(share: float) -> str:
    return f"{signed(share)} ({signed(share - HALF)} to {signed(share + HALF)})"


def test_columns_that_are_read_are_columns_that_are_written():
    named = {"method", "seed", "session"}
    for row, columns in (
        (MatrixRow, written.MATRIX_COLUMNS),
        (TransferRow, written.TRANSFER_COLUMNS),
        (ComparisonRow, written.COMPARISON_COLUMNS),
        (MemoryRow, named.union(MEMORY_COLUMNS)),
    ):
        assert set(columns_of(row)) <= set(columns)
    assert set(columns_of(CohesionRow)) == named | set(COHESION_COLUMNS)
    assert set(columns_of(ShareRow)) == set(SHARE_COLUMNS)


def test_the_page_says_what_the_tables_say(inputs, tmp_path):
    text = build(inputs, tmp_path)
    said, page = plain(text), Page(text)
    known = Tables(tmp_path)
    queries = QUERIES * len(known.sessions)
    assert f"3 sessions of 300 documents, {queries} test queries with an answer" in said
    reference = f"new_only ({100 * known.average('new_only', 2):.1f} %)"
    better = [name for name in known.methods if known.difference(name) > HALF]
    assert better == ["cluster", "retrain", "frozen", "bm25"]
    for method in better:
        assert f"{method} {difference(known.difference(method))}" in said
    assert f"Better than {reference} in average Success@5 beyond the interval: bm25 " in said
    assert f"Within it, so not told apart: replay {difference(0.05)}." in said
    assert "Smallest detectable difference: 11.2 points." in said
    korean = f"new_only({100 * known.average('new_only', 2):.1f} %)보다 나은 방법: bm25"
    assert f"평균 Success@5에서 구간을 넘어 {korean}" in said
    assert "Every memory stayed within its bound: 45 of 50 documents carried over at most." in said
    assert "Without a bound: retrain up to 200." in said
    assert "No document answers both a training and a test query" in said
    # 3 false of 200 judged in each of 4 methods, 2 seeds and 3 sessions
    assert "72 of 4,800 judged negatives are answers, at most 1.5%" in said

    figures = page.tables[
        "Figures as of the last session in Success@5, with 95 % intervals: average and next "
        "session in per cent, the others in points"
    ]
    average = known.average("cluster", 2)
    assert figures[3][:2] == [
        "cluster",
        f"{100 * average:.1f} ({100 * (average - HALF):.1f} to {100 * (average + HALF):.1f})",
    ]
    pairs = page.tables[
        "Every two methods: difference in average Success@5 on each session's own collection, the "
        "largest first"
    ]
    assert len(pairs) == 1 + 6 * 5 // 2
    # Differences of five methods to the reference, and the pairs without it.
    compared = read_comparison(inputs["retrieval_comparison"])
    comparisons = sum(row.measure == "success_5" for row in compared)
    assert comparisons > 5 and f"Of {comparisons + 10} intervals of 95 %" in said
    assert any("judged are those whose query has an answer" in name for name in page.tables)
    assert ["cluster", "replay", difference(0.05), "11.2", "within"] in pairs
    held = next(rows for caption, rows in page.tables.items() if caption.startswith("Memories"))
    # Clusters opened, merged and dropped: 2, 1 and 0 in each of three sessions of a seed.
    assert held[3] == ["cluster", "45", "145", "80", "45,500", "5", "6", "3", "0"]
    sessions = next(rows for caption, rows in page.tables.items() if "The sessions" in caption)
    assert sessions[2][:5] == ["D1", "요리 (60.0%)", "100", "50", str(QUERIES)]
    loaded = [value for _, name, value in page.attributes if name in ("src", "data")]
    assert not loaded


def test_the_same_tables_give_the_same_bytes(inputs, tmp_path):
    assert build(inputs, tmp_path) == build(inputs, tmp_path)
    again = draw(Tables(tmp_path / "again").write(), tmp_path / "drawn")
    for name in DRAWN:
        first = inputs[f"retrieval_{name}_figure"].read_bytes()
        assert again[f"{name}_figure"].read_bytes() == first, name


def test_without_its_files_the_page_has_no_such_section(corpus, tmp_path):
    assert "Lifelong retrieval" not in build(corpus, tmp_path)


@pytest.mark.parametrize("missing", ["retrieval_memory", "retrieval_drift_figure"])
def test_some_files_without_others_are_refused(inputs, tmp_path, missing):
    del inputs[missing]
    with pytest.raises(ConfigError, match=missing):
        build(inputs, tmp_path)


def test_texts_of_the_data_are_escaped(inputs, tmp_path):
    edit_table(inputs["retrieval_shares"], "domain", HOSTILE)
    summary = read_json(inputs["retrieval_summary"])
    summary["sessions"][1]["name"] = HOSTILE
    write_json(inputs["retrieval_summary"], summary)
    page = Page(build(inputs, tmp_path))
    assert "script" not in page.tags
    assert HOSTILE in page.text


@pytest.mark.parametrize("key", ["verdicts", "methods", "bootstrap", "sessions"])
def test_a_summary_without_a_key_is_refused(inputs, tmp_path, key):
    content = read_json(inputs["retrieval_summary"])
    del content[key]
    write_json(inputs["retrieval_summary"], content)
    with pytest.raises(IntegrityError, match=key):
        build(inputs, tmp_path)


@pytest.mark.parametrize("table", list(READERS))
def test_a_broken_table_is_refused(inputs, table):
    path, read = inputs[f"retrieval_{table}"], READERS[table]
    assert read(path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines, lines[1]]), encoding="utf-8")
    with pytest.raises(IntegrityError, match="twice"):
        read(path)
    path.write_text("".join([lines[0], lines[1].rstrip("\n") + "\tmore\n"]), encoding="utf-8")
    with pytest.raises(IntegrityError, match="cells in place of"):
        read(path)
    first = lines[0].split("\t")[0]
    path.write_text(lines[0].replace(first, "other", 1), encoding="utf-8")
    with pytest.raises(IntegrityError, match=f"no column '{first}'"):
        read(path)
    path.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        read(path)


def test_values_out_of_their_range_are_refused(inputs):
    edit_table(inputs["retrieval_memory"], "documents.carried", "-3")
    with pytest.raises(IntegrityError, match=r"documents\.carried"):
        read_memory(inputs["retrieval_memory"])
    edit_table(inputs["retrieval_matrix"], "value", "nan")
    with pytest.raises(IntegrityError, match="value"):
        read_matrix(inputs["retrieval_matrix"])


def test_a_memory_without_clusters_has_dashes(tmp_path):
    path = Tables(tmp_path).write()["memory"]
    kept = [
        [
            cell
            for name, cell in zip(MEMORY_COLUMNS_ALL, line.split("\t"), strict=True)
            if "clusters" not in name
        ]
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    path.write_text("".join("\t".join(line) + "\n" for line in kept), encoding="utf-8")
    rows = read_memory(path)
    assert {row.clusters for row in rows} == {None}
    assert sampling_table(rows)[1][0][1] == str(60 * 2 * 3)


MEMORY_COLUMNS_ALL = ("method", "seed", "session", *MEMORY_COLUMNS)


def said_of(folder: Path, **more: Any) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """Return a summary that a test may change, and the tables that go with it."""
    files = Tables(folder, **more).write()
    read = tuple(READERS[name](files[name]) for name in ("comparison", "matrix", "memory"))
    return read_retrieval_summary(files["summary"]), read


def test_warnings_of_few_queries_seeds_leaks_and_false_negatives(tmp_path):
    summary, (comparison, _, memory) = said_of(tmp_path)
    said = warnings(summary, comparison, memory)
    (first, second, third, fourth) = said
    queries = QUERIES * 3
    assert first.startswith(
        f"replay against new_only: {queries} test queries cannot tell them apart."
    )
    assert "only one of 11.2 points or more" in first
    assert {one.split(":")[0] for one in (second, third)} == {
        "bm25 against frozen",
        "cluster against replay",
    }
    assert "Fewer than 3 training seeds: cluster, new_only, replay, retrain" in fourth

    summary["untested"] = ["D2"]
    summary["sessions"][1]["scored"] = 7
    summary["sessions"][0]["data"]["leaks"] = 4
    summary["sessions"][0]["data"]["tested_before"] = 1
    summary["methods"]["replay"]["effort"]["memory_limit"] = 40
    rows = [row for row in memory if row.method != "cluster"]
    rows += [
        type(row)(**vars(row) | {"false_negatives": 30})
        for row in memory
        if row.method == "cluster"
    ]
    said = warnings(summary, comparison, rows)
    assert any(one.startswith("Fewer than 30 scored test queries: D1;") for one in said)
    assert any("in no average: D2." in one for one in said)
    assert any(one.startswith("4 documents answer both") for one in said)
    assert "1 training query has the text of an earlier session's test query." in said
    assert "replay carried 45 documents over, beyond its bound of 40." in said
    assert any(one.startswith("cluster: 15.0% of the judged negatives") for one in said)
    head = " ".join(glance(summary, comparison, [], rows))
    assert "Memory beyond its bound: replay (45 of 40)." in head
    assert "at most 15.0% (cluster)" in head
    assert "한도를 넘은 메모리: replay(45/40)." in " ".join(
        glance_korean(summary, comparison, [], rows)
    )


def test_a_method_that_does_not_beat_the_reference_is_said_plainly(tmp_path):
    summary, (comparison, matrix, memory) = said_of(tmp_path, reference="bm25")
    head = " ".join(glance(summary, comparison, matrix, memory))
    assert "No method beats bm25 (" in head
    assert "Worse beyond it: new_only " in head
    assert "나은 방법이 없습니다" in " ".join(glance_korean(summary, comparison, matrix, memory))
    sentence = next(
        one for one in verdict_sentences(summary, comparison) if one.startswith("new_only: average")
    )
    assert "worse beyond the interval; smallest detectable difference 11.2 points." in sentence


def test_one_method_has_nothing_to_be_compared_with(tmp_path):
    summary, (comparison, matrix, memory) = said_of(tmp_path, methods={"only": "cluster"})
    assert "There is one method only" in " ".join(glance(summary, comparison, matrix, memory))
    assert verdict_sentences(summary, comparison) == []


def test_pairs_put_the_better_method_first_with_the_interval_turned(tmp_path):
    summary, _ = said_of(tmp_path)
    pairs = average_pairs(summary)
    assert all(pair.difference >= 0 for pair in pairs)
    turned = next(pair for pair in pairs if {pair.first, pair.second} == {"new_only", "bm25"})
    known = Tables(tmp_path)
    by_hand = known.average("bm25", 2) - known.average("new_only", 2)
    assert (turned.first, turned.verdict) == ("bm25", "better")
    assert (turned.low, turned.high) == pytest.approx((by_hand - HALF, by_hand + HALF))
    # cluster and replay differ in their memory alone
    assert ("cluster", "replay") in {(pair.first, pair.second) for pair in telling_pairs(summary)}
    summary["methods"]["cluster"]["settings"]["negatives"] = "random"
    assert ("cluster", "replay") not in {(one.first, one.second) for one in telling_pairs(summary)}


def test_the_best_two_are_named_also_where_they_are_equal(tmp_path):
    summary, _ = said_of(tmp_path)
    methods = summary["methods"]
    ranked = sorted(methods, key=lambda one: -methods[one]["figures"]["average"]["value"])[:2]
    value = methods[ranked[0]]["figures"]["average"]["value"]
    methods[ranked[1]]["figures"]["average"]["value"] = value
    for pair in summary["pairs"]["average"]:
        if {pair["method"], pair["reference"]} == set(ranked):
            for first, second in (ranked, reversed(ranked)):
                pair |= {"method": first, "reference": second, "difference": 0.0}
                told = telling_pairs(summary)[0]
                assert {told.first, told.second} == set(ranked)


def test_forgetting_is_told_by_its_interval_and_the_largest_loss_by_the_matrix(tmp_path):
    summary, (comparison, matrix, memory) = said_of(tmp_path)
    assert largest_loss(matrix, "success_5") is None  # every later model is better here
    for low, high, words in (
        (0.01, 0.09, "Forgotten beyond the interval: cluster +5.0 (+1.0 to +9.0)."),
        (-0.09, -0.01, "Scores on earlier sessions rose beyond it"),
    ):
        summary["methods"]["cluster"]["figures"]["forgetting"] = {
            "value": (low + high) / 2,
            "low": low,
            "high": high,
        }
        assert words in " ".join(glance(summary, comparison, matrix, memory))
    fallen = [
        type(row)(**vars(row) | {"value": 0.125})
        if (row.method, row.model, row.test) == ("replay", 2, 1)
        else row
        for row in matrix
    ]
    lost = largest_loss(fallen, "success_5")
    assert lost is not None
    best = Tables(tmp_path).entry("replay", 1, 1)
    assert (lost.method, lost.test, lost.best_model, lost.last) == ("replay", 1, 1, 0.125)
    assert lost.best == pytest.approx(best)
    assert f"that of replay on D1: {100 * best:.1f} % after D1, 12.5 % at the end." in " ".join(
        glance(summary, comparison, fallen, memory)
    )
