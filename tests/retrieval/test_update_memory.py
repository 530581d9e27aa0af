"""The memory's step on planted sessions: bounds, statistics, edge cases, the same bytes again."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.common.errors import ConfigError, InputError
from scripts.common.files import folder_sha256, read_json
from scripts.retrieval.encoders import load_encoder
from scripts.retrieval.lookup import LOOKUPS, scores_of
from scripts.retrieval.maxsim import distances
from scripts.retrieval.memory_store import Memory, empty_memory, read_memory
from scripts.retrieval.pairs import Pair, read_pairs
from scripts.retrieval.prototypes import build_prototypes
from tests.retrieval.memory_builders import TOPIC_WORDS, Loop, Session, topical, write_encoder

MEMORIES = ("none", "random", "cluster", "all")


def ids(members, session: int | None = None) -> list[str]:
    rows = zip(members["id"].to_pylist(), members["session"].to_pylist(), strict=True)
    return [name for name, came in rows if session is None or came == session]


def pairs_of(loop: Loop, number: int) -> list[Pair]:
    return list(read_pairs(loop.pairs(number)))


def report_of(folder: Path) -> dict[str, Any]:
    return read_json(folder / "report.json")


def folder_bytes(folder: Path) -> str:
    return folder_sha256(folder, [file for file in folder.rglob("*") if file.is_file()])


def distances_from_scratch(memory: Memory, encoder: Path) -> dict[str, tuple[int, float]]:
    """Distance of each document to its cluster's others, token by token."""
    assert memory.clusters is not None
    model = load_encoder(encoder, threads=1)
    planes = memory.clusters.hyperplanes
    tokens = {
        name: model.token_vectors([text]).vectors.astype(float)
        for name, text in zip(
            ids(memory.documents), memory.documents["text"].to_pylist(), strict=True
        )
    }
    of_cluster: dict[int, list[str]] = {}
    for name, cluster in zip(
        ids(memory.documents), memory.documents["cluster"].to_pylist(), strict=True
    ):
        of_cluster.setdefault(cluster, []).append(name)
    found = {}
    for cluster, names in of_cluster.items():
        for name in names:
            buckets: dict[tuple[bool, ...], np.ndarray] = {}
            for other in names:
                for vector in tokens[other] if other != name else ():
                    bucket = tuple((planes @ vector > 0).tolist())
                    buckets[bucket] = buckets.get(bucket, 0) + vector
            best = []
            for vector in tokens[name] if buckets else ():
                cosines = [
                    float(vector @ total / np.linalg.norm(vector) / np.linalg.norm(total))
                    for total in buckets.values()
                ]
                best.append(max(cosines))
            found[name] = (cluster, 1 - float(np.mean(best)) if best else np.nan)
    return found


def test_stored_statistics_equal_recomputation_with_the_present_encoder(tmp_path):
    loop = Loop(tmp_path)
    loop.add(topical(0))
    other = write_encoder(tmp_path / "trained", seed=9)
    for encoder in (other, other):
        folder = loop.add(topical(loop.sessions, ("school", "sea")), encoder)
    memory = read_memory(folder)
    assert memory.clusters is not None
    found = distances_from_scratch(memory, other)
    stored = memory.documents["distance"].to_numpy(zero_copy_only=False)
    expected = np.array([found[name][1] for name in ids(memory.documents)])
    np.testing.assert_allclose(stored, expected, atol=1e-5)
    states = memory.clusters.states
    for place, cluster in enumerate(states.ids.tolist()):
        own = np.array([far for of, far in found.values() if of == cluster and far == far])
        assert states.weight[place] == len(own)
        np.testing.assert_allclose(states.distance_sum[place], own.sum(), atol=1e-5)
        np.testing.assert_allclose(states.square_sum[place], (own**2).sum(), atol=1e-5)
        if len(own):
            np.testing.assert_allclose(states.deviation[place], own.std(), atol=1e-4)
    planes = read_memory(tmp_path / "memory/session-0").clusters
    assert planes is not None
    assert np.array_equal(planes.hyperplanes, memory.clusters.hyperplanes), "drawn once"


@pytest.mark.parametrize("memory", MEMORIES)
def test_carried_documents_stay_within_the_memory(tmp_path, memory):
    loop = Loop(tmp_path, memory=memory, memory_docs=24)
    seen: set[str] = set()
    before = empty_memory()
    for number in range(4):
        session = topical(number, ("school", "road", "sea"))
        held = read_memory(loop.add(session))
        new = {name for name, _, _ in session.documents}
        old = set(ids(held.documents)) - new
        assert set(ids(held.documents, number)) == new
        if number:
            limit = {"none": 0, "random": 24, "cluster": 24, "all": len(seen)}[memory]
            assert old <= set(ids(before.documents))
            assert len(old) == limit if memory != "cluster" else 14 <= len(old) <= 24
        seen |= new
        before = held


def test_eviction_takes_the_far_ones(tmp_path):
    """Documents of foreign words in a cluster are gone in the next session, its core is not."""
    loop = Loop(tmp_path, memory_docs=100, z2=0.5)
    first = topical(0, each=20)
    strange = (
        "strange",
        "school",
        " ".join([*TOPIC_WORDS["school"][:4], "xyz", "uvw", "rst", "opq", "lmn", "ijk"]),
    )
    first.documents.append(strange)
    before = read_memory(loop.add(first))
    far = dict(zip(ids(before.documents), before.documents["distance"].to_pylist(), strict=True))
    folder = loop.add(topical(1))
    held = set(ids(read_memory(folder).documents, 0))
    assert "strange" not in held and 14 <= len(held) < 41
    evicted = report_of(folder)["documents"]["evicted"]
    assert evicted["outside_rule"] == 41 - len(held)
    of_cluster = dict(
        zip(ids(before.documents), before.documents["cluster"].to_pylist(), strict=True)
    )
    for cluster in set(of_cluster.values()):
        own = [name for name in far if of_cluster[name] == cluster]
        stay = [far[name] for name in own if name in held]
        go = [far[name] for name in own if name not in held]
        assert max(stay) <= min(go)


def test_queries_are_thinned_with_their_cluster(tmp_path):
    loop = Loop(tmp_path, keep="fraction", keep_fraction=0.5, memory_docs=100)
    before = read_memory(loop.add(topical(0, each=20, asked=8)))
    after = read_memory(loop.add(topical(1, each=20, asked=8)))
    sizes = Counter(before.documents["cluster"].to_pylist())
    asked = Counter(before.queries["cluster"].to_pylist())
    first = set(ids(before.documents))
    kept = Counter(
        cluster
        for name, cluster in zip(
            ids(before.documents), before.documents["cluster"].to_pylist(), strict=True
        )
        if name in set(ids(after.documents)) & first
    )
    stay = Counter(
        cluster
        for name, cluster in zip(
            ids(before.queries), before.queries["cluster"].to_pylist(), strict=True
        )
        if name in ids(after.queries, 0)
    )
    assert sizes == {0: 20, 1: 20} and kept == {0: 10, 1: 10}
    assert stay == {cluster: number // 2 for cluster, number in asked.items()} == {0: 4, 1: 4}


def test_random_replay_thins_queries_and_keeps_those_with_an_answer_first(tmp_path):
    loop = Loop(
        tmp_path,
        memory="random",
        positives="labels",
        negatives="random",
        labels="all",
        memory_docs=10,
    )
    loop.add(topical(0, each=20, asked=15))
    held = read_memory(loop.add(topical(1)))
    old = set(ids(held.documents, 0))
    queries = held.queries.filter(np.array(held.queries["session"]) == 0)
    answered = [old.intersection(known) for known in queries["known_answers"].to_pylist()]
    assert len(old) == 10 and queries.num_rows == 8, "30 queries, a quarter of 40 documents stays"
    possible = sum(name.rsplit("-", 1)[1] in set(map(str, range(15))) for name in old)
    assert sum(map(bool, answered)) == min(8, possible)


def test_all_clusters_evicted_begins_anew_from_the_largest(tmp_path):
    loop = Loop(tmp_path, memory_docs=5)
    before = read_memory(loop.add(topical(0, each=20)))
    largest = set(before.documents["cluster"].to_pylist())
    folder = loop.add(topical(1, ("sea", "hill"), each=20))
    report, held = report_of(folder), read_memory(folder)
    assert report["documents"]["carried"] == 5
    assert report["clusters"]["warm_up"] and report["clusters"]["before"] == 2
    assert len({name.split("-")[1] for name in ids(held.documents, 0)}) == 1, "of one cluster"
    assert not largest & set(held.documents["cluster"].to_pylist()), "ids are never used again"
    assert all(cluster >= 0 for cluster in held.documents["cluster"].to_pylist())


def test_a_new_domain_opens_a_cluster_and_known_ones_go_on(tmp_path):
    loop = Loop(tmp_path)
    loop.add(topical(0))
    held = read_memory(loop.add(topical(1, ("school", "hill"))))
    of_topic: dict[str, set[int]] = {}
    for name, cluster in zip(
        ids(held.documents), held.documents["cluster"].to_pylist(), strict=True
    ):
        of_topic.setdefault(name.split("-")[1], set()).add(cluster)
    assert all(len(clusters) == 1 for clusters in of_topic.values()), of_topic
    assert len(set.union(*of_topic.values())) == 3


def test_an_empty_session_carries_the_state(tmp_path):
    loop = Loop(tmp_path)
    loop.add(topical(0))
    loop.add(topical(1))
    once, twice = loop.add(Session()), loop.add(Session())
    first, second = read_memory(once), read_memory(twice)
    assert first.documents.equals(second.documents) and first.queries.equals(second.queries)
    assert first.documents.num_rows == 24 and first.queries.num_rows > 0
    assert first.clusters is not None and second.clusters is not None
    assert np.array_equal(first.clusters.states.ids, second.clusters.states.ids)
    assert pairs_of(loop, 2) == pairs_of(loop, 3) == []
    assert report_of(loop.add(topical(4)))["documents"]["carried"] > 0


@pytest.mark.parametrize("memory", MEMORIES)
def test_a_stream_may_begin_with_nothing(tmp_path, memory):
    loop = Loop(tmp_path, memory=memory)
    folder = loop.add(Session())
    assert read_memory(folder).documents.num_rows == 0 and pairs_of(loop, 0) == []
    folder = loop.add(topical(1))
    assert report_of(folder)["documents"] | {"evicted": 0} == {
        **{"before": 0, "carried": 0, "new": 40, "held": 40, "without_tokens": 0},
        "evicted": 0,
    }
    assert len(pairs_of(loop, 1)) == 12


def test_repeated_ids_are_listed(tmp_path):
    loop = Loop(tmp_path)
    loop.add(topical(0))
    again = topical(1)
    again.documents += topical(0).documents
    with pytest.raises(InputError, match=r"documents\.parquet.* s0-school-0, .* and 30 more"):
        loop.add(again)
    twice = topical(1)
    twice.queries.append(twice.queries[0])
    with pytest.raises(
        InputError, match=r"queries\.parquet has ids that came before: q1-school-0;"
    ):
        loop.add(twice)


def wordless(number: int) -> Session:
    session = topical(number)
    session.documents.insert(3, (f"dots{number}", "road", "… — !!"))
    session.queries.append((f"marks{number}", "road", "?!"))
    session.answers += [
        (f"marks{number}", f"s{number}-road-3"),
        (f"q{number}-road-0", f"dots{number}"),
    ]
    return session


@pytest.mark.parametrize("margin", [0.02, None])
@pytest.mark.parametrize("source", ["cluster", "random", "labels"])
def test_texts_without_words_are_counted_and_never_sampled(tmp_path, source, margin):
    loop = Loop(
        tmp_path,
        memory="cluster" if source == "cluster" else "random",
        positives=source,
        negatives=source,
        labels="all",
        memory_docs=60,
        false_negative_margin=margin,
    )
    for number in range(2):
        folder = loop.add(wordless(number))
        report = report_of(folder)
        assert report["documents"]["without_tokens"] >= 1
        assert report["queries"]["without_tokens"] >= 1
        assert report["pairs"]["skipped"]["without_words"] >= 1
        for pair in pairs_of(loop, number):
            assert not pair.query.startswith("marks")
            assert not any("dots" in name for name in (str(pair.positive), *pair.negatives))
    held = read_memory(folder)
    if source == "cluster":
        clusters = dict(
            zip(ids(held.documents), held.documents["cluster"].to_pylist(), strict=True)
        )
        assert clusters["dots1"] == -1 and "dots0" not in clusters


@pytest.mark.parametrize("memory", ["none", "random", "all"])
@pytest.mark.parametrize(("positives", "negatives"), [("labels", "random"), ("random", "labels")])
def test_without_clusters_none_are_made(tmp_path, memory, positives, negatives, monkeypatch):
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("clusters are computed")

    monkeypatch.setattr("scripts.retrieval.held_documents.begin_clusters", refuse)
    loop = Loop(tmp_path, memory=memory, positives=positives, negatives=negatives, labels="all")
    for number in range(2):
        folder = loop.add(topical(number))
        assert len(pairs_of(loop, number)) >= 12
    assert read_memory(folder).clusters is None
    assert (folder / "stats.tsv").read_text(encoding="utf-8").count("\n") == 1
    assert report_of(folder)["clusters"] is None


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("negatives", ["cluster", "random", "labels"])
def test_no_pair_holds_what_it_must_not(tmp_path, memory, negatives):
    loop = Loop(
        tmp_path,
        memory=memory,
        negatives=negatives,
        labels="share",
        label_share=0.5,
        false_negative_margin=0.1,
    )
    labelled = 0
    for number in range(3):
        held = read_memory(loop.add(topical(number, ("school", "road", "sea", "hill"))))
        known = dict(zip(ids(held.queries), held.queries["known_answers"].to_pylist(), strict=True))
        true = dict(zip(ids(held.queries), held.queries["true_answers"].to_pylist(), strict=True))
        documents = set(ids(held.documents))
        pairs = pairs_of(loop, number)
        asked = [pair.query for pair in pairs if pair.query_kind == "query"]
        assert sorted(asked) == sorted(ids(held.queries)), "each query once"
        for pair in pairs:
            assert documents.issuperset(pair.negatives)
            assert len(set(pair.negatives)) == len(pair.negatives) <= 4
            assert not {pair.query, pair.positive, *known.get(pair.query, ())}.intersection(
                pair.negatives
            )
            assert pair.positive_score is not None
            assert all(score < pair.positive_score - 0.1 + 2e-6 for score in pair.negative_scores)
            if negatives == "labels":
                assert not set(true.get(pair.query, ())).intersection(pair.negatives)
            if documents.intersection(known.get(pair.query, ())):
                labelled += 1
                assert pair.positive_kind == "label" and pair.positive in known[pair.query]
        shown = [name for name in ids(held.queries, number) if known[name]]
        assert len(shown) == 12, "half of 24"
        assert not any(name.startswith("test") for name in asked)
    assert labelled > 0


def test_queries_without_a_known_answer_in_memory_are_counted(tmp_path):
    loop = Loop(
        tmp_path, memory="all", positives="labels", negatives="random", labels="first_session"
    )
    loop.add(topical(0))
    report = report_of(loop.add(topical(1)))
    assert report["pairs"]["by_positive"] == {"label": 12}
    assert report["pairs"]["skipped"]["no_known_answer"] == 12


def test_false_negatives_are_counted_by_hand(tmp_path):
    loop = Loop(tmp_path, negatives="random", positives="random", false_negative_margin=None)
    session = topical(0, each=5, asked=5)
    session.queries.append(("nobody", "sea", "학교가 도로나"))
    for qid, topic, _ in session.queries[:10]:
        session.answers += [
            (qid, f"s0-{topic}-{place}")
            for place in range(5)
            if (qid, f"s0-{topic}-{place}") not in session.answers
        ]
    report = report_of(loop.add(session))["pairs"]
    judged = [pair for pair in pairs_of(loop, 0) if pair.query != "nobody"]
    topic_of = {name: topic for name, topic, _ in session.documents + session.queries}
    false = sum(
        topic_of[name] == topic_of[pair.query] for pair in judged for name in pair.negatives
    )
    right = sum(topic_of[str(pair.positive)] == topic_of[pair.query] for pair in judged)
    assert 0 < false < 40
    assert report["negatives"] == {
        "sampled": 44,
        "judged": 40,
        "false": false,
        "false_rate": false / 40,
    }
    assert report["positives"] == {"judged": 10, "right": right, "right_rate": right / 10}


def test_a_document_alone_in_its_cluster_is_its_own_positive(tmp_path):
    loop = Loop(tmp_path)
    loop.add(topical(0))
    session = topical(1)
    session.documents.append(("alone", "sea", " ".join(TOPIC_WORDS["sea"])))
    held = read_memory(loop.add(session))
    clusters = dict(zip(ids(held.documents), held.documents["cluster"].to_pylist(), strict=True))
    distances = dict(zip(ids(held.documents), held.documents["distance"].to_pylist(), strict=True))
    assert list(clusters.values()).count(clusters["alone"]) == 1 and distances["alone"] is None
    (pair,) = [pair for pair in pairs_of(loop, 1) if pair.query_kind == "document"]
    assert (pair.query, pair.positive, pair.positive_kind) == ("alone", None, "self")
    assert len(pair.negatives) == 4 and pair.positive_score == 1.0


def test_one_cluster_leaves_negatives_to_the_batch(tmp_path):
    loop = Loop(tmp_path)
    session = topical(0, ("school",), each=3, asked=3)
    report = report_of(loop.add(session))
    assert report["clusters"]["after"] == 1
    assert report["pairs"]["without_negatives"] == report["pairs"]["pairs"] == 3
    assert [pair.negatives for pair in pairs_of(loop, 0)] == [(), (), ()]


def test_too_few_negatives_are_fewer(tmp_path):
    loop = Loop(tmp_path, negatives="random", wanted=6, false_negative_margin=None)
    report = report_of(loop.add(topical(0, ("school",), each=4, asked=2)))
    assert [len(pair.negatives) for pair in pairs_of(loop, 0)] == [3, 3]
    assert report["pairs"]["with_fewer_negatives"] == 2


def test_queries_of_a_session_are_bounded_by_quotas(tmp_path):
    loop = Loop(tmp_path, queries=6)
    folder = loop.add(topical(0, each=20, asked=10))
    pairs = pairs_of(loop, 0)
    assert Counter(pair.cluster for pair in pairs) == {0: 3, 1: 3}
    assert report_of(folder)["pairs"]["skipped"]["not_chosen"] == 14
    loop = Loop(
        tmp_path / "random",
        queries=6,
        memory="random",
        positives="labels",
        negatives="random",
        labels="all",
    )
    loop.add(topical(0, each=20, asked=10))
    assert len(pairs_of(loop, 0)) == 6


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_keeping_none_leaves_prototypes_as_virtual_samples(tmp_path, lookup):
    loop = Loop(tmp_path, keep="none", memory_docs=50, lookup=lookup)
    first = read_memory(loop.add(topical(0, ("school", "road", "sea"))))
    folder = loop.add(topical(1, ("school", "hill")))
    held, report = read_memory(folder), report_of(folder)
    assert report["documents"]["carried"] == report["queries"]["carried"] == 0
    assert held.clusters is not None and held.clusters.remembered is not None
    assert first.clusters is not None
    assert set(first.clusters.states.ids) <= set(held.clusters.states.ids)
    pairs = [pair for pair in pairs_of(loop, 1) if pair.positive_kind == "prototype"]
    assert pairs and all(pair.positive is None and not pair.negatives for pair in pairs)
    assert {pair.cluster for pair in pairs} <= set(first.clusters.states.ids.tolist())
    assert {pair.query for pair in pairs} >= {f"q1-school-{place}" for place in range(6)}
    # Prototypes are additive: with the same encoder they are those of all documents ever seen.
    later = read_memory(loop.add(topical(2, ("road",))))
    assert later.clusters is not None
    weight = later.clusters.states.prototypes.weights.sum()
    texts = [
        text
        for n, topics in ((0, ("school", "road", "sea")), (1, ("school", "hill")), (2, ("road",)))
        for _, _, text in topical(n, topics).documents
    ]
    assert weight == sum(len(text.split()) for text in texts)


@pytest.mark.parametrize("keep", ["z2", "none"])
def test_what_clusters_remember_halves_once_in_a_half_life(tmp_path, keep):
    loop = Loop(tmp_path, keep=keep, memory_docs=50, half_life=2.0)
    first = read_memory(loop.add(topical(0))).clusters
    held = read_memory(loop.add(topical(1)))
    assert first is not None and held.clusters is not None
    came = Counter(
        cluster
        for cluster, session in zip(
            held.documents["cluster"].to_pylist(),
            held.documents["session"].to_pylist(),
            strict=True,
        )
        if session == 1
    )
    for place, number in enumerate(first.states.ids.tolist()):
        now = held.clusters.states.ids.tolist().index(number)
        faded = first.came[place] * 0.5**0.5
        assert held.clusters.came[now] == pytest.approx(faded + came[number])
        if keep == "none":
            assert held.clusters.remembered is not None
            left = held.clusters.remembered.weight[now]
            assert left == pytest.approx(first.states.weight[place] * 0.5**0.5)
    later = read_memory(loop.add(topical(2))).clusters
    assert later is not None and (later.remembered is None) == (keep != "none")
    if later.remembered is not None:
        once = dict(zip(held.clusters.states.ids, held.clusters.states.weight, strict=True))
        for number, left in zip(later.states.ids, later.remembered.weight, strict=True):
            assert left == pytest.approx(once.get(number, 0) * 0.5**0.5)


def test_a_document_alone_beside_a_prototype_is_trained_towards_it_and_not_towards_itself(tmp_path):
    loop = Loop(tmp_path, keep="none", memory_docs=50)
    loop.add(topical(0))
    session = topical(1, ("school",))
    session.documents.append(("lone", "road", " ".join(TOPIC_WORDS["road"])))
    loop.add(session)
    (pair,) = [pair for pair in pairs_of(loop, 1) if pair.query_kind == "document"]
    assert (pair.query, pair.positive_kind) == ("lone", "prototype")


def test_keeping_none_a_large_cluster_does_not_pass_for_an_empty_one(tmp_path):
    """Its prototype holds 20 documents: more than take in whatever is nearest."""
    loop = Loop(tmp_path, keep="none", memory_docs=50, cluster_min_size=10)
    known = read_memory(loop.add(topical(0))).documents["cluster"].to_pylist()
    held = read_memory(loop.add(topical(1, ("hill", "school"))))
    clusters = dict(zip(ids(held.documents), held.documents["cluster"].to_pylist(), strict=True))
    assert not {of for name, of in clusters.items() if "hill" in name}.intersection(known)


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_keeping_none_measures_documents_to_what_they_are_no_part_of(tmp_path, lookup):
    loop = Loop(tmp_path, keep="none", memory_docs=50, lookup=lookup)
    sessions = [topical(0), topical(1), topical(2, ("school", "hill"))]
    sessions[1].documents.append(("alone", "sea", " ".join(TOPIC_WORDS["sea"])))
    held = [read_memory(loop.add(session)) for session in sessions]
    of_one = held[1].documents.filter(np.array(ids(held[1].documents)) == "alone")
    assert of_one["distance"].to_pylist() == [None]
    where = {
        name: cluster
        for one in held
        for name, cluster in zip(
            ids(one.documents), one.documents["cluster"].to_pylist(), strict=True
        )
    }
    tokens = load_encoder(loop.encoder, threads=1).token_vectors(
        [text for session in sessions for _, _, text in session.documents]
    )
    names = [name for session in sessions for name, _, _ in session.documents]
    assert held[2].clusters is not None
    planes, states = held[2].clusters.hyperplanes, held[2].clusters.states
    stored = held[2].documents["distance"].to_pylist()
    by_cluster: dict[int, list[float]] = {}
    for name, distance in zip(ids(held[2].documents), stored, strict=True):
        others = [place for place, other in enumerate(names) if where[other] == where[name]]
        others.remove(names.index(name))
        if not others:
            assert distance is None
            continue
        prototype = build_prototypes(
            planes, tokens.take(others), np.zeros(len(others), np.int64), 1
        )
        asked = tokens.take([names.index(name)])
        expected = distances(scores_of(planes, asked, lookup)(prototype), asked.lengths)[0, 0]
        assert distance == pytest.approx(expected, abs=1e-5), name
        by_cluster.setdefault(where[name], []).append(distance)
    known = {where[name] for session in sessions[:2] for name, _, _ in session.documents}
    opened = {cluster: own for cluster, own in by_cluster.items() if cluster not in known}
    assert opened and any(len(own) > 5 for own in opened.values())
    for cluster, own in opened.items():
        place = states.ids.tolist().index(cluster)
        assert states.distance_sum[place] == pytest.approx(sum(own), abs=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"memory": "random"},
        {"memory": "cluster"},
        {"memory": "cluster", "keep": "all"},
        {"memory": "cluster", "keep": "none"},
        {"memory": "cluster", "keep": "none", "half_life": 2.0},
    ],
    ids=["random", "z2", "all", "none", "fading"],
)
def test_bytes_are_bounded_over_twenty_sessions(tmp_path, changes):
    loop = Loop(tmp_path, memory_docs=21, **changes)
    topics = list(TOPIC_WORDS)
    carried, clusters = [], []
    for number in range(20):
        chosen = [topics[number % 4], topics[(number + 1 + number // 4) % 4]]
        report = report_of(loop.add(topical(number, sorted(set(chosen)), each=10, asked=2)))
        carried.append(report["bytes"]["carried"])
        clusters.append(report["clusters"]["after"])
        assert report["documents"]["carried"] <= 21
    assert np.mean(carried[12:]) <= 1.3 * np.mean(carried[4:12])
    assert max(clusters) <= 3 + 20, "those that memory_docs can fill, and those of a session"


COMMAND = """
import sys
from pathlib import Path
from tests.retrieval.memory_builders import Loop, topical
loop = Loop(
    Path(sys.argv[1]), threads=int(sys.argv[2]), labels="share", label_share=0.5, queries=9,
    update="batch", merge_distance=0.5, half_life=3.0, lookup=sys.argv[3],
)
for number in range(3):
    loop.add(topical(number, ("school", "road", "sea") if number < 2 else ("hill", "sea")))
"""


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_processes_and_threads_give_the_same_bytes(tmp_path, lookup):
    found = []
    for seed, threads in (("1", "1"), ("2", "2")):
        folder = tmp_path / seed
        subprocess.run(
            [sys.executable, "-c", COMMAND, str(folder), threads, lookup],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            check=True,
            timeout=120,
        )
        found.append((folder_bytes(folder / "memory"), (folder / "pairs-2.jsonl").read_bytes()))
    assert found[0] == found[1]
    assert len(found[0][1].splitlines()) >= 9


@pytest.mark.parametrize("memory", MEMORIES)
def test_a_session_done_again_after_a_kill_gives_the_same_bytes(tmp_path, memory, monkeypatch):
    """The step is killed while it writes; done again, all is as if nothing had happened."""
    sessions = [topical(number, ("school", "road", "sea")) for number in range(3)]
    through, broken = Loop(tmp_path / "one", memory=memory), Loop(tmp_path / "two", memory=memory)
    for session in sessions:
        through.add(session)
    broken.add(sessions[0])

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("scripts.retrieval.memory_report.write_cohesion", die)
        with pytest.raises(KeyboardInterrupt):
            broken.add(sessions[1])
    assert not (tmp_path / "two/memory/session-1").exists() and not broken.pairs(1).exists()
    for session in sessions[1:]:
        broken.add(session)
    assert folder_bytes(tmp_path / "one/memory") == folder_bytes(tmp_path / "two/memory")
    for number in range(3):
        assert through.pairs(number).read_bytes() == broken.pairs(number).read_bytes()


def test_seeds_draw_differently_and_nothing_else_does(tmp_path):
    draws = []
    for seed in (1, 2):
        loop = Loop(
            tmp_path / str(seed),
            seed=seed,
            memory="random",
            positives="labels",
            negatives="random",
            labels="all",
        )
        loop.add(topical(0))
        held = read_memory(loop.add(topical(1)))
        draws.append((ids(held.documents, 0), pairs_of(loop, 0)))
    assert draws[0][0] != draws[1][0] and draws[0][1] != draws[1][1]


def test_no_training_samples_nothing(tmp_path):
    loop = Loop(tmp_path, training="none")
    assert report_of(loop.add(topical(0)))["pairs"]["pairs"] == 0
    assert loop.pairs(0).read_text(encoding="utf-8") == ""


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("method", {"memory": "most"}, "method.memory is 'most'; allowed: none, random"),
        ("method", {"positives": "labels"}, "method.positives is 'labels' while"),
        ("method", {"labels": "share", "label_share": None}, "method.label_share"),
        ("clusters", {"keep": "some"}, "clusters.keep is 'some'"),
        ("clusters", {"z3": 1}, "clusters.z3 is unknown"),
        ("sampling", {"from": "afar"}, "sampling.from is 'afar'"),
        ("sampling", {"queries": 0}, "sampling.queries is 0"),
    ],
)
def test_settings_that_are_not_allowed_are_named(tmp_path, part, change, message):
    loop = Loop(tmp_path)
    getattr(loop, part).update(change)
    with pytest.raises(ConfigError, match=message):
        loop.add(topical(0))


def test_the_report_is_plain_json(tmp_path):
    loop = Loop(tmp_path)
    folder = loop.add(topical(0))
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["session"] == 0
    header, line = (folder / "cohesion.tsv").read_text(encoding="utf-8").splitlines()
    row = dict(zip(header.split("\t"), line.split("\t"), strict=True))
    assert row["documents"] == "40" and row["purity"] == "1.0"


def test_queries_with_a_label_stay_with_their_document(tmp_path):
    """Where each document has a query that knows it, as many pairs stay as documents."""
    loop = Loop(tmp_path, labels="all", positives="labels", memory_docs=20)
    loop.add(topical(0, ("school", "road", "sea", "hill"), each=20, asked=20))
    folder = loop.add(topical(1, ("school",), asked=0))
    held = read_memory(folder)
    old = set(ids(held.documents, 0))
    known = held.queries["known_answers"].to_pylist()
    assert held.queries.num_rows == len(old) == 20
    assert {name for answers in known for name in answers} == old
    assert report_of(folder)["pairs"]["by_positive"] == {"label": 20}
