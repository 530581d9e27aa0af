"""Search in the nearest clusters: which documents are compared, by which model, at what price."""

import numpy as np
import pytest

from scripts.common.files import read_json, write_json
from scripts.common.tables import read_table, table_of_rows
from scripts.retrieval import encoders, evaluate_session
from scripts.retrieval.cluster_state import measure_clusters
from scripts.retrieval.hyperplanes import draw_hyperplanes
from scripts.retrieval.lookup import ALL, LOOKUPS
from scripts.retrieval.memory_store import Clusters, Memory, empty_memory, write_memory
from scripts.retrieval.tables import DOCUMENT, MEMBERS, QUERY_SCORES
from tests.retrieval.search_builders import TokenEncoder, write_session

AXES = {"sun": [1, 0, 0], "sea": [0, 1, 0], "oak": [0, 0, 1]}
# Prototypes of such vectors would draw the sun and "sea sea sun" into one cluster.
OTHER = {"sun": [0, 0, 1], "sea": [0, 0, 1], "oak": [1, 0, 0]}
MEMBERS_OF = {0: ["sun sun", "sun"], 1: ["sea", "sea sea"], 2: ["oak", "oak oak oak"]}


def write_clusters(folder, words, lookup=ALL):
    """A memory of three clusters, its prototypes made of these word vectors."""
    encoder = TokenEncoder(words, 3)
    texts = [(cluster, text) for cluster, listed in MEMBERS_OF.items() for text in listed]
    found = encoder.token_vectors([text for _, text in texts])
    labels = np.array([cluster for cluster, _ in texts])
    hyperplanes = draw_hyperplanes(1, 6, 3)
    states, distances = measure_clusters(
        hyperplanes,
        found,
        labels,
        np.zeros(len(texts), np.int64),
        ids=np.arange(3),
        next_id=3,
        lookup=lookup,
    )
    rows = [
        {
            **{"kind": DOCUMENT, "id": f"m{number}", "session": 0, "domain": None, "text": text},
            **{"cluster": cluster, "distance": float(distances[number])},
            **{"known_answers": None, "true_answers": None},
        }
        for number, (cluster, text) in enumerate(texts)
    ]
    documents = table_of_rows(rows, MEMBERS)
    clusters = Clusters(hyperplanes, states, np.full(3, 2.0))
    write_memory(folder, Memory(documents, MEMBERS.empty_table(), clusters))
    write_json(
        folder / "report.json",
        {"settings": {"clusters": {"half_life": None, "size_correction": True, "lookup": lookup}}},
    )
    return folder


@pytest.fixture
def session(tmp_path):
    return write_session(
        tmp_path / "0",
        {"s": "sun", "mixed": "sea sea sun", "w": "sea", "o": "oak", "blank": "…"},
        {"q": "sun", "both": "sun sea", "dumb": "?"},
        [("q", "s"), ("q", "mixed"), ("both", "mixed"), ("dumb", "o")],
    )


def evaluate(folder, session, monkeypatch, *, words=AXES, memory, nearest=1):
    encoder = TokenEncoder(words, 3)
    monkeypatch.setattr(encoders, "load_encoder", lambda path, **_: encoder)
    names = ("runs", "scores", "vectors", "facts")
    written = {name: folder / f"clusters.{name}" for name in names}
    evaluate_session.run(
        folder,
        **session,
        stored=[],
        memory=memory,
        **written,
        session=0,
        test=0,
        modes=["full", "clusters"],
        nearest=nearest,
        method="cluster",
        seed=1,
        tmpdir=folder,
    )
    rows = read_table(written["scores"], QUERY_SCORES).to_pylist()
    return {(row["mode"], row["qid"]): row for row in rows}, read_json(written["facts"])


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_a_query_searches_its_nearest_cluster_alone(tmp_path, session, monkeypatch, lookup):
    memory = write_clusters(tmp_path / "memory", AXES, lookup)
    scores, facts = evaluate(tmp_path, session, monkeypatch, memory=[memory])
    # "sea sea sun" lies with the sea, where a query for the sun does not look.
    assert scores["full", "q"]["recall_5"] == 1.0
    assert scores["clusters", "q"]["recall_5"] == 0.5
    assert scores["clusters", "q"]["mrr_10"] == 1.0
    assert scores["clusters", "dumb"]["recall_100"] == 0.0
    assert facts["modes"] == ["full", "clusters"] and facts["clusters"] == 3
    assert 0 < facts["searched_share"] < 0.4


def test_all_clusters_find_what_the_whole_collection_holds(tmp_path, session, monkeypatch):
    memory = write_clusters(tmp_path / "memory", AXES)
    scores, facts = evaluate(tmp_path, session, monkeypatch, memory=[memory], nearest=7)
    for qid in ("q", "both", "dumb"):
        full, near = ({**scores[mode, qid], "mode": ""} for mode in ("full", "clusters"))
        assert full == near
    # 4 of 5 documents have words, and 2 of 3 queries.
    assert facts["searched_share"] == pytest.approx(4 / 5 * 2 / 3)


def test_prototypes_are_of_the_model_that_is_evaluated(tmp_path, session, monkeypatch):
    """The memory was written by a model that put every word elsewhere."""
    stale = write_clusters(tmp_path / "stale", OTHER)
    fresh = write_clusters(tmp_path / "fresh", AXES)
    found = [
        evaluate(tmp_path, session, monkeypatch, memory=[memory])[0] for memory in (stale, fresh)
    ]
    assert found[0] == found[1]
    assert found[0]["clusters", "q"]["recall_5"] == 0.5


def test_a_memory_without_clusters_has_no_scores_of_that_mode(tmp_path, session, monkeypatch):
    write_memory(tmp_path / "plain", empty_memory())
    scores, facts = evaluate(tmp_path, session, monkeypatch, memory=[tmp_path / "plain"])
    assert {mode for mode, _ in scores} == {"full"} == set(facts["modes"])


def test_an_empty_session_searches_nothing(tmp_path, monkeypatch):
    memory = write_clusters(tmp_path / "memory", AXES)
    empty = write_session(tmp_path / "empty", {}, {}, [])
    scores, facts = evaluate(tmp_path, empty, monkeypatch, memory=[memory])
    assert scores == {} and facts["searched_share"] is None
