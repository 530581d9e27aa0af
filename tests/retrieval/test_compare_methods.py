"""Methods compared: planted differences, the matrix by hand, equal effort, bad files."""

import csv

import numpy as np
import pytest

from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import read_json, write_json
from scripts.common.hashing import keyed_hash
from tests.retrieval.comparison_builders import Streams

LEVELS = {"cluster": 0.6, "random": 0.45, "twin": 0.45, "new": 0.3, "frozen": 0.35, "bm25": 0.5}


def hits(method, seed, model, test, share, queries=40):
    """Success of queries that are easy or hard for everyone, by chance at a level."""
    easy = np.random.default_rng(keyed_hash(0, "easy", str(test)))
    own = np.random.default_rng(keyed_hash(seed, method, str(model), str(test)))
    ease = easy.random(queries) * 0.6 - 0.3
    return (own.random(queries) < np.clip(share + ease, 0, 1)).astype(float)


def level(method, seed, model, test):
    return hits(method, seed, model, test, LEVELS[method])


def read_tsv(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def rows_of(path, **wanted):
    return [
        row for row in read_tsv(path) if all(row[name] == value for name, value in wanted.items())
    ]


MAIN = {"collection": "own", "mode": "full", "measure": "success_5"}
METHODS = {
    **{"random": "random", "cluster": "cluster", "twin": "random", "new": "none"},
    **{"frozen": "none", "bm25": "none"},
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    streams = Streams(tmp_path_factory.mktemp("planted"), METHODS)
    streams.write(level, stored=True)
    return streams, streams.compare("random")


def test_a_planted_better_method_is_called_better_and_equal_ones_are_not(planted):
    _, written = planted
    found = {row["method"]: row for row in rows_of(written["comparison"], figure="average", **MAIN)}
    assert list(found) == ["cluster", "twin", "new", "frozen", "bm25"]
    said = {method: row["verdict"] for method, row in found.items()}
    assert (said["cluster"], said["twin"], said["new"]) == ("better", "within", "worse")
    for row in found.values():
        low, value, high = (float(row[name]) for name in ("low", "difference", "high"))
        assert low <= value <= high
        assert value == pytest.approx(float(row["value"]) - float(row["reference_value"]), abs=2e-6)
        error = float(row["standard_error"])
        assert float(row["smallest_detectable"]) == pytest.approx(2.8 * error, abs=1e-5)
    verdicts = read_json(written["summary"])["verdicts"]
    assert {one["method"] for one in verdicts if one["verdict"] == "better"} >= {"cluster"}


def test_equal_effort_is_the_same_limit_and_the_same_steps(planted):
    _, written = planted
    found = {row["method"]: row for row in rows_of(written["comparison"], figure="average", **MAIN)}
    assert {method: row["equal"] for method, row in found.items()} == {
        "cluster": "yes",
        "twin": "yes",
        "new": "no",
        "frozen": "no",
        "bm25": "no",
    }
    assert (found["new"]["memory_limit"], found["new"]["memory_documents"]) == ("0", "0")
    assert (found["cluster"]["memory_limit"], found["cluster"]["memory_documents"]) == ("50", "40")
    assert (found["cluster"]["steps"], found["bm25"]["steps"]) == ("30", "0")


def test_the_matrix_is_the_mean_over_queries_and_seeds(planted):
    _, written = planted
    for model, test in ((0, 0), (2, 1), (1, 2)):
        means = [level("cluster", seed, model, test).mean() for seed in (1, 2, 3, 4, 5)]
        (row,) = rows_of(
            written["matrix"], method="cluster", model=str(model), test=str(test), **MAIN
        )
        assert float(row["value"]) == pytest.approx(np.mean(means), abs=1e-6)
        assert float(row["sd"]) == pytest.approx(np.std(means, ddof=1), abs=1e-6)
        assert (row["seeds"], row["queries"]) == ("5", "40")
        assert float(row["low"]) < float(row["value"]) < float(row["high"])
    assert rows_of(written["matrix"], method="cluster", model="0", test="2", **MAIN) == []
    frozen = rows_of(written["matrix"], method="frozen", test="1", **MAIN)
    assert [row["model"] for row in frozen] == ["-1", "0", "1", "2"]
    assert len({row["value"] for row in frozen}) == 1 and frozen[0]["sd"] == ""


def test_figures_of_transfer_equal_hand_calculation_over_seeds(planted):
    _, written = planted

    def mean(model, test, method="new"):
        seeds = (0,) if method == "frozen" else (1, 2, 3, 4, 5)
        return np.array([level(method, seed, model, test).mean() for seed in seeds])

    base = [mean(-1, test, "frozen") for test in range(3)]
    best = np.maximum(mean(0, 0), mean(1, 0))
    expected = {
        "average": (mean(2, 0) + mean(2, 1) + mean(2, 2)) / 3,
        "forgetting": (best - mean(2, 0) + mean(1, 1) - mean(2, 1)) / 2,
        "backward": (mean(2, 0) - mean(0, 0) + mean(2, 1) - mean(1, 1)) / 2,
        "forward": (mean(0, 1) - base[1] + mean(1, 2) - base[2]) / 2,
        "prequential": (mean(0, 1) + mean(1, 2)) / 2,
    }
    for figure, values in expected.items():
        (row,) = rows_of(written["transfer"], method="new", figure=figure, session="2", **MAIN)
        assert float(row["value"]) == pytest.approx(values.mean(), abs=1e-6), figure
    summary = read_json(written["summary"])
    assert summary["methods"]["new"]["figures"]["backward"]["value"] == pytest.approx(
        expected["backward"].mean()
    )


def test_searches_of_stored_vectors_and_of_the_accumulated_collection_stand_beside(planted):
    _, written = planted
    searched = read_json(written["summary"])["searched"]
    assert searched == [["own", "full"], ["own", "stored"], ["accumulated", "full"]]
    # A model that is no later than the session searches what it has just made.
    stored = rows_of(written["matrix"], mode="stored", model="1", test="1", measure="mrr_10")
    assert [row["method"] for row in stored] == ["random", "cluster", "twin", "new"]
    for row in stored:
        (same,) = rows_of(
            written["matrix"],
            **{**row, "mode": "full", "collection": "own"},
        )
        assert same["value"] == row["value"]
    figures = {row["figure"] for row in rows_of(written["transfer"], collection="accumulated")}
    assert figures == {"average", "forgetting", "backward"}


def test_what_streams_say_of_themselves_is_joined(planted):
    _, written = planted
    cohesion = read_tsv(written["cohesion_table"])
    assert {row["method"] for row in cohesion} == {"cluster"} and len(cohesion) == 15
    assert cohesion[0] == {
        **{"method": "cluster", "seed": "1", "session": "0"},
        **{"documents": "30", "clusters": "3", "within": "0.25"},
    }
    memory = rows_of(written["memory_table"], method="cluster", seed="2", session="2")
    assert memory[0]["documents.carried"] == "40" and memory[0]["documents.evicted.far"] == "3"
    assert not any(name.startswith("settings") or "curve" in name for name in memory[0])
    losses = rows_of(written["losses_table"], method="new", seed="5", session="1")
    assert [(row["step"], row["loss"]) for row in losses] == [("5", "0.500000"), ("10", "0.250000")]
    metrics = rows_of(written["metrics_table"], method="bm25", collection="own")
    assert [(row["model"], row["test"], row["queries"]) for row in metrics] == [
        ("-1", str(test), "40") for test in range(3)
    ]
    assert float(metrics[2]["success_5"]) == pytest.approx(level("bm25", 0, -1, 2).mean())


def test_the_summary_tells_where_it_comes_from_and_compares_every_pair(planted):
    _, written = planted
    summary = read_json(written["summary"])
    assert summary["code"] == "c0de" and len(summary["data_sha256"]) == 64
    assert summary["versions"].keys() >= {"faiss-cpu", "ir-measures", "numpy"}
    trained = [{"versions": {"torch": f"2.{seed}"}} for seed in range(1, 6)]
    assert summary["trained_with"] == trained, "each once, whatever the number of models"
    assert summary["bootstrap"]["draws"] == 400 and summary["bootstrap"]["level"] == 0.95
    assert summary["sessions"][1] == summary["sessions"][1] | {
        **{"name": "D1", "queries": 42, "scored": 40, "without_answer": 2},
    }
    pairs = {(one["method"], one["reference"]): one for one in summary["pairs"]["average"]}
    assert len(pairs) == 15
    assert pairs["cluster", "new"]["verdict"] == "better"
    assert summary["methods"]["cluster"]["effort"]["memory_bytes"] == 40_000


def test_files_in_any_order_give_the_same_bytes(planted):
    streams, written = planted
    kept = dict(streams.files)
    streams.files = {name: paths[::-1] for name, paths in kept.items()}
    again = streams.compare("random", folder="again")
    streams.files = kept
    for name, path in written.items():
        assert again[name].read_bytes() == path.read_bytes(), name


def test_forgetting_is_worse_where_it_is_larger(tmp_path):
    def forgets(method, seed, model, test):
        lost = 0.3 * (model - test) if method == "new" and model > test else 0.0
        return hits(method, seed, model, test, 0.8 - lost)

    streams = Streams(tmp_path, {"random": "random", "new": "none"})
    streams.write(forgets, accumulated=False)
    written = streams.compare("random")
    said = {row["figure"]: row["verdict"] for row in rows_of(written["comparison"], **MAIN)}
    assert said["forgetting"] == said["backward"] == said["average"] == "worse"
    assert said.keys() == {"average", "forgetting", "backward", "prequential"}  # no base encoder


def test_one_seed_and_an_empty_session_still_compare(tmp_path):
    streams = Streams(
        tmp_path, {"random": "random", "cluster": "cluster"}, queries=[40, 0, 40], seeds=(1,)
    )
    streams.write(lambda *place: level(*place))
    written = streams.compare("random")
    (row,) = rows_of(written["comparison"], figure="average", **MAIN)
    assert (row["seeds"], row["queries"]) == ("1", "80") and row["verdict"] != ""
    (one,) = rows_of(written["transfer"], figure="average", session="2", method="random", **MAIN)
    assert one["sd"] == "" and float(one["low"]) < float(one["value"])
    assert read_json(written["summary"])["untested"] == ["D1"]


def test_all_or_none_has_the_exact_binomial_bound(tmp_path):
    streams = Streams(tmp_path, {"random": "random", "new": "none"}, sessions=1, queries=30)
    streams.write(lambda method, *_: np.full(30, float(method == "new")))
    ends = {
        row["method"]: (float(row["low"]), float(row["high"]))
        for row in rows_of(streams.compare("random")["matrix"], **MAIN)
    }
    # (1 - p)^30 = 0.025
    assert ends["random"][0] == 0 and (1 - ends["random"][1]) ** 30 == pytest.approx(
        0.025, rel=1e-4
    )
    assert ends["new"] == pytest.approx((1 - ends["random"][1], 1), abs=2e-6)


def test_intervals_of_shares_stay_between_0_and_1(tmp_path):
    """Two seeds that differ much: Student's quantile alone would lead far beyond."""
    streams = Streams(tmp_path, {"random": "random", "new": "none"}, sessions=2, seeds=(1, 2))
    streams.write(lambda method, seed, model, test: hits(method, seed, model, test, 0.4 * seed))
    written = streams.compare("random")
    rows = [*read_tsv(written["matrix"]), *rows_of(written["transfer"], figure="average")]
    ends = [float(row[end]) for row in rows for end in ("low", "high")]
    assert min(ends) == 0 and max(ends) == 1


def test_a_single_query_has_no_verdict(tmp_path):
    streams = Streams(tmp_path, {"random": "random", "new": "none"}, queries=[0, 1, 0], seeds=(1,))
    streams.write(lambda method, seed, model, test: np.ones(1) * (method == "new"))
    (row,) = rows_of(streams.compare("random")["comparison"], figure="average", **MAIN)
    assert (row["difference"], row["low"], row["verdict"]) == ("1.000000", "", "")


def test_what_does_not_belong_together_is_refused_in_one_line(tmp_path):
    streams = Streams(tmp_path, {"random": "random", "new": "none"}, sessions=2, seeds=(1,))
    streams.write(level)
    kept = dict(streams.files)

    def refused(match, error=IntegrityError, **more):
        with pytest.raises(error, match=match):
            streams.compare("random", **more)
        streams.files = dict(kept)

    streams.files["scores"] = [path for path in kept["scores"] if "model-1-test-0" not in path.name]
    refused("no scores of model 1 of random/1 on session 0")
    streams.files["scores"] = [*kept["scores"], kept["scores"][0]]
    refused("stands twice")
    streams.files["accumulated"] = kept["scores"]
    refused("on the own collection")
    streams.files["memories"] = [tmp_path]
    write_json(tmp_path / "report.json", {})
    refused("does not lie in METHOD/SEED")
    refused("none of the listed streams", streams=["random/1"])
    other = Streams(
        tmp_path / "other", {"random": "random", "new": "none"}, sessions=2, seeds=(1,), queries=39
    )
    other.write(lambda *place: level(*place)[:39])
    streams.files["scores"] = [*kept["scores"][:3], *other.files["scores"][3:]]
    refused("scores other queries of session")
    with pytest.raises(ConfigError, match="choose one of random, new"):
        streams.compare("cluster")
    with pytest.raises(ConfigError, match="measure 'success'"):
        streams.compare("random", measure="success")
    empty = Streams(tmp_path / "empty", {"random": "random"}, sessions=1, queries=0, seeds=(1,))
    empty.write(level)
    with pytest.raises(IntegrityError, match="no session has a test query"):
        empty.compare("random")
