"""The generated sessions: what they hold, that they drift, and that words alone half find it."""

import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from scripts.common.errors import ConfigError
from scripts.retrieval.generate_session import run
from scripts.retrieval.generated_cases import topic_weights
from scripts.retrieval.korean_words import with_particle
from scripts.retrieval.topic_vocabulary import all_topics
from tests.retrieval.session_builders import Input, Session, build
from tests.workflow.harness import ROOT

FILES = ("corpus.jsonl", "queries.jsonl", "qrels.tsv")


def generate(folder, session, *, topics=8, documents=150, queries=120, seed=42):
    """Documents, queries (both by id) and answers of each query that has any."""
    paths = [folder / name for name in FILES]
    run(
        *paths,
        session=session,
        topics=topics,
        documents=documents,
        queries_count=queries,
        seed=seed,
    )
    corpus, asked = (
        {
            row.get("doc_id") or row["qid"]: row
            for row in map(json.loads, path.read_text().splitlines())
        }
        for path in paths[:2]
    )
    header, *lines = paths[2].read_text().splitlines()
    assert header == "query-id\tcorpus-id\tscore"
    answers: dict[str, set[str]] = {}
    for qid, doc_id, score in (line.split("\t") for line in lines):
        assert score == "1"
        answers.setdefault(qid, set()).add(doc_id)
    return corpus, asked, answers


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    return [generate(folder / str(session), session) for session in range(4)]


def test_numbers_lengths_and_answers(sessions):
    for corpus, asked, answers in sessions:
        assert len(corpus) == 150 and len(asked) == 120
        lengths = [len(row["text"].split()) for row in corpus.values()]
        assert min(lengths) >= 15 and np.median(lengths) < 120
        assert 0.01 < np.mean([length > 250 for length in lengths]) < 0.15
        assert answers.keys() <= asked.keys()
        assert set().union(*answers.values()) <= corpus.keys()
        # An answer is of its query's topic.
        for qid, found in answers.items():
            assert {corpus[doc_id]["domain"] for doc_id in found} == {asked[qid]["domain"]}
    numbers = Counter(len(answers.get(qid, ())) for _, asked, answers in sessions for qid in asked)
    total = sum(numbers.values())
    assert 0.01 < numbers[0] / total < 0.12
    assert 0.08 < (numbers[2] + numbers[3]) / total < 0.25
    assert set(numbers) == {0, 1, 2, 3}


def test_ids_and_texts_are_of_one_session(sessions):
    ids = [name for corpus, asked, _ in sessions for name in (*corpus, *asked)]
    assert len(set(ids)) == len(ids)
    texts = [row["text"] for corpus, _, _ in sessions for row in corpus.values()]
    assert len(set(texts)) == len(texts)


def test_each_session_another_topic_surges(sessions):
    surging = []
    for session, (corpus, _, _) in enumerate(sessions):
        (first, most), (_, second) = Counter(row["domain"] for row in corpus.values()).most_common(
            2
        )
        assert most > 1.5 * second
        weights = topic_weights(session, 8, 42)
        assert first == all_topics()[int(np.argmax(weights))].name
        assert weights.sum() == pytest.approx(1)
        surging.append(first)
    assert len(set(surging)) == len(sessions)


def test_names_are_new_in_every_session(sessions):
    """Words that the vocabulary and the sentences do not know are the sessions' own names."""
    words = [
        {word for row in corpus.values() for word in row["text"].split()}
        for corpus, _, _ in sessions
    ]
    endings = ("마을", "연구원", "협회", "공단", "상가", "모임", "재단", "사무소", "센터", "조합")
    # In "NAME 쪽은" a name stands without a particle.
    names = [{word for word in found if word.endswith(endings)} for found in words]
    assert all(len(found) > 20 for found in names)
    for place, found in enumerate(names):
        later = set().union(*names[place + 1 :])
        assert len(found & later) < 0.05 * len(found)


@pytest.mark.parametrize(
    ("documents", "queries", "analyzer", "ngrams"),
    [(60, 40, "word", (1, 1)), (60, 40, "char_wb", (2, 3)), (400, 300, "char_wb", (2, 3))],
)
def test_words_alone_find_some_answers_and_miss_others(
    tmp_path, documents, queries, analyzer, ngrams
):
    """Success@5 of TF-IDF, over sessions: room above chance and below certainty."""
    found = []
    for session in range(4):
        corpus, asked, answers = generate(tmp_path, session, documents=documents, queries=queries)
        vectors = TfidfVectorizer(analyzer=analyzer, ngram_range=ngrams, sublinear_tf=True)
        matrix = vectors.fit_transform([row["text"] for row in corpus.values()])
        names = list(corpus)
        for qid, right in answers.items():
            scores = (matrix @ vectors.transform([asked[qid]["text"]]).T).toarray().ravel()
            best = np.argsort(-scores, kind="stable")[:5]
            found.append(any(names[place] in right for place in best))
    assert 0.3 < np.mean(found) < 0.95


def test_queries_write_their_own_words(sessions):
    """About seven in ten words of a query's case stand in no document of its topic's vocabulary."""
    of_documents = {first for topic in all_topics() for first, _ in topic.pairs}
    of_queries = {second for topic in all_topics() for _, second in topic.pairs}
    own = other = 0
    for _, asked, _ in sessions:
        for row in asked.values():
            words = row["text"].split()
            own += sum(any(word.startswith(known) for known in of_queries) for word in words)
            other += sum(any(word.startswith(known) for known in of_documents) for word in words)
    assert 0.5 < own / (own + other) < 0.9


@pytest.mark.parametrize("seed", ["0", "4711"])
def test_session_depends_on_seed_and_number_alone(tmp_path, seed):
    """Another process, another hash seed, and no word about how many sessions there are."""
    generate(tmp_path / "here", 2, documents=30, queries=20)
    there = tmp_path / "there"
    command = [
        *(sys.executable, "-m", "scripts.retrieval.generate_session"),
        *("--corpus", there / FILES[0], "--queries", there / FILES[1], "--qrels", there / FILES[2]),
        *("--session", "2", "--topics", "8", "--documents", "30", "--queries-count", "20"),
        *("--seed", "42"),
    ]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    subprocess.run(list(map(str, command)), check=True, cwd=ROOT, env=environment)
    for name in FILES:
        assert (there / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_another_seed_or_session_is_another_text(tmp_path):
    texts = []
    for place, (session, seed) in enumerate([(0, 1), (1, 1), (0, 2)]):
        corpus, _, _ = generate(tmp_path / str(place), session, documents=10, queries=5, seed=seed)
        texts.append({row["text"] for row in corpus.values()})
    assert not (texts[0] & texts[1]) | (texts[0] & texts[2])


def test_generated_sessions_can_be_built_one_after_the_other(tmp_path):
    built: list[Session] = []
    for t in range(3):
        generate(tmp_path / f"generated{t}", t, documents=60, queries=40)
        inputs = Input(tmp_path / f"generated{t}")
        built.append(build(inputs, tmp_path / str(t), t=t, name=f"S{t}", before=built))
        facts = built[-1].facts
        assert facts["documents"] == 60 and facts["queries"]["train"] == 28
        assert facts["leaks"] == facts["empty_texts"] == facts["without_words"] == 0
        assert 0.4 < facts["answer_density"] < 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"topics": 11}, "topics = 11 cannot be generated; allowed: 2 to 10"),
        ({"topics": 1}, "topics = 1 cannot be generated"),
        ({"documents": 0}, "documents = 0 cannot be generated; allowed: 1 or more"),
        ({"queries": -1}, "queries = -1 cannot be generated; allowed: 0 or more"),
    ],
)
def test_what_cannot_be_generated_is_refused(tmp_path, change, said):
    with pytest.raises(ConfigError, match=said):
        generate(tmp_path, 0, **change)


def test_smallest_session(tmp_path):
    corpus, asked, answers = generate(tmp_path, 0, documents=1, queries=0)
    assert len(corpus) == 1 and not asked and not answers


def test_vocabulary_has_words_enough_and_no_pair_of_one_word():
    topics = all_topics()
    assert len(topics) == 10 and len({topic.name for topic in topics}) == 10
    for topic in topics:
        words = [word for pair in topic.pairs for word in pair] + list(topic.words)
        assert len(words) >= 60 and len(set(words)) == len(words)
        assert len(topic.acts) >= 6


@pytest.mark.parametrize(
    ("word", "particle", "said"),
    [
        ("서울", "으로", "서울로"),
        ("부산", "로", "부산으로"),
        ("제주", "을", "제주를"),
        ("12", "이", "12가"),
        ("13", "가", "13이"),
        ("21", "으로", "21로"),
        ("감독", "와", "감독과"),
    ],
)
def test_particles_agree(word, particle, said):
    assert with_particle(word, particle) == said
