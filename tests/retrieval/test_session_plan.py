"""Sessions drawn from domains: shares, density and independence, over random structures."""

from collections import Counter
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.retrieval.query_split import (
    largest_remainders,
    repeated_texts,
    split_queries,
    text_key,
)
from scripts.retrieval.row_index import NONE, Digester
from scripts.retrieval.session_plan import Units, draw_units, find_units, ranges_of_domains
from tests.retrieval.session_builders import Input, Session, build, document, query

NAMES = ["가", "나", "다"]


@st.composite
def structures(draw):
    """Domains of queries and documents, and links between them."""
    queries = draw(st.lists(st.integers(-1, 2), max_size=30))
    documents = draw(st.lists(st.integers(-1, 2), max_size=40))
    link = st.tuples(
        st.integers(0, max(0, len(queries) - 1)), st.integers(0, max(0, len(documents) - 1))
    )
    links = draw(st.lists(link, max_size=40)) if queries and documents else []
    return queries, documents, links


def units_of(queries, documents, links):
    return find_units(
        np.array([first for first, _ in links], np.int64),
        np.array([second for _, second in links], np.int64),
        query_domains=np.array(queries, np.int64),
        document_domains=np.array(documents, np.int64),
        query_digests=Digester(1, "queries").digests(map(str, range(len(queries)))),
        document_digests=Digester(1, "documents").digests(map(str, range(len(documents)))),
        names=NAMES,
    )


@given(structures())
@settings(deadline=None)
def test_units_are_the_connected_components(structure):
    """Against a plain flood over the links, with votes counted one by one."""
    queries, documents, links = structure
    units = units_of(*structure)
    nodes = [("q", n) for n in range(len(queries))] + [("d", n) for n in range(len(documents))]
    near: dict[tuple[str, int], set[tuple[str, int]]] = {node: set() for node in nodes}
    for first, second in links:
        near["q", first].add(("d", second))
        near["d", second].add(("q", first))
    unit_of = {
        node: int((units.of_query if node[0] == "q" else units.of_document)[node[1]])
        for node in nodes
    }
    left = set(nodes)
    while left:
        reached, edge = set(), {next(iter(left))}
        while edge:
            reached |= edge
            edge = {other for node in edge for other in near[node]} - reached
        left -= reached
        (unit,) = {unit_of[node] for node in reached}
        assert {node for node in nodes if unit_of[node] == unit} == reached
        votes = [queries[n] for kind, n in reached if kind == "q" and queries[n] != NONE]
        votes = votes or [documents[n] for kind, n in reached if kind == "d" and documents[n] >= 0]
        counts = Counter(votes)
        expected = min(counts, key=lambda name: (-counts[name], name)) if votes else NONE
        assert units.domains[unit] == expected
        assert units.queries[unit] == sum(kind == "q" for kind, _ in reached)
        assert units.documents[unit] == sum(kind == "d" for kind, _ in reached)
        assert units.answers[unit] == sum(("q", first) in reached for first, _ in links)


def made_units(rng, number):
    """Units of one domain: documents alone, pairs, and larger ones of several shapes."""
    queries = rng.choice([0, 1, 1, 1, 2, 3], size=number)
    documents = np.where(queries == 0, 1, rng.choice([1, 1, 1, 2, 5], size=number))
    answers = queries * documents
    return Units(
        of_query=np.repeat(np.arange(number), queries),
        of_document=np.repeat(np.arange(number), documents),
        domains=np.zeros(number, np.int64),
        digests=Digester(int(rng.integers(1000)), "units").digests(map(str, range(number))),
        queries=queries,
        documents=documents,
        answers=answers,
    )


@given(
    number=st.integers(0, 300),
    shares=st.lists(st.integers(0, 100), min_size=1, max_size=6),
    seed=st.integers(0, 10**6),
)
@settings(deadline=None)
def test_sessions_take_disjoint_parts_of_the_size_asked_for(number, shares, seed):
    """All together what their shares add up to, each within the size of two units and rounding."""
    total = max(100, sum(shares))
    ends = [Fraction(sum(shares[:place]), total) for place in range(len(shares) + 1)]
    units = made_units(np.random.default_rng(seed), number)
    answered = units.queries > 0
    drawn = [draw_units(units, NAMES, {"가": bounds}, seed) for bounds in pairwise(ends)]
    assert (np.sum(drawn, axis=0) <= 1).all()
    whole = draw_units(units, NAMES, {"가": (ends[0], ends[-1])}, seed)
    assert np.array_equal(whole, np.sum(drawn, axis=0).astype(bool))
    for part, (low, high) in zip(drawn, pairwise(ends), strict=True):
        for kind in (answered, ~answered):
            owed = float((high - low) * int(units.documents[kind].sum()))
            largest = int(units.documents[kind].max(initial=0))
            assert abs(int(units.documents[part & kind].sum()) - owed) <= largest


def test_everything_is_taken_by_shares_that_add_up_to_one():
    """Ten tenths, as decimal numbers that binary ones cannot hold."""
    units = made_units(np.random.default_rng(1), 500)
    rows = [{"session": str(n), "domain": "가", "share": 0.1} for n in range(10)]
    drawn = [
        draw_units(units, NAMES, ranges_of_domains(rows[: n + 1], str(n)), 3) for n in range(10)
    ]
    assert (np.sum(drawn, axis=0) == 1).all()


def test_density_of_answers_is_equal_across_sessions():
    """Shapes are mixed evenly: half the spread of sessions that are cut from a shuffled order."""
    spreads = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        units = made_units(rng, 400)
        tenths = [Fraction(n, 10) for n in range(11)]
        mixed = [draw_units(units, NAMES, {"가": bounds}, seed) for bounds in pairwise(tenths)]
        shuffled = np.array_split(rng.permutation(400), 10)
        spreads.append(
            [
                np.std([units.answers[part].sum() / units.documents[part].sum() for part in parts])
                for parts in (mixed, shuffled)
            ]
        )
    own, plain = np.mean(spreads, axis=0)
    assert own < 0.5 * plain
    assert own < 0.1


def test_further_session_changes_no_earlier_one(tmp_path):
    rows = [document(f"d{number}", domain="과일") for number in range(50)]
    asked = [query(f"q{number}", domain="과일") for number in range(30)]
    inputs = Input(tmp_path / "input").write(
        rows, asked, [(f"q{number}", f"d{number}", 1) for number in range(30)]
    )
    first, second, third = (
        {"session": f"S{t}", "domain": "과일", "share": share}
        for t, share in enumerate([0.5, 0.2, 0.3])
    )
    alone = build(inputs, tmp_path / "alone", shares=[first])
    again = build(inputs, tmp_path / "again", shares=[first])
    assert alone.bytes() == again.bytes()
    next_one = build(inputs, tmp_path / "1", t=1, name="S1", shares=[first, second], before=[alone])
    last = build(
        inputs,
        tmp_path / "2",
        t=2,
        name="S2",
        shares=[first, second, third],
        before=[alone, next_one],
    )
    assert [len(session.doc_ids) for session in (alone, next_one, last)] == [25, 10, 15]
    assert sorted(alone.doc_ids + next_one.doc_ids + last.doc_ids) == sorted(
        row["doc_id"] for row in rows
    )
    densities = [session.facts["answer_density"] for session in (alone, next_one, last)]
    assert densities == [0.6, 0.6, 0.6]


def test_order_of_rows_and_files_moves_nothing_to_another_session_or_split(tmp_path):
    rows = [document(f"d{number}", domain=NAMES[number % 3]) for number in range(60)]
    asked = [query(f"q{number}", domain=NAMES[number % 3]) for number in range(40)]
    qrels = [(f"q{number}", f"d{number}", 1) for number in range(40)]
    qrels += [(f"q{number}", f"d{40 + number // 5}", 1) for number in range(0, 40, 5)]
    shares = [{"session": "S0", "domain": name, "share": 0.4} for name in NAMES]
    one = Input(tmp_path / "one").write(rows, asked, qrels)
    other = [
        Input(tmp_path / "a").write(rows[:20:-1], asked[:20:-1], qrels[::-1]),
        Input(tmp_path / "b").write(rows[20::-1], asked[20::-1], []),
    ]
    first = build(one, tmp_path / "0", shares=shares)
    second = build(other, tmp_path / "1", shares=shares)
    assert 15 < len(first.doc_ids) < 35
    assert sorted(first.doc_ids) == sorted(second.doc_ids)
    for split in ("train", "test"):
        assert first.qids(split) and sorted(first.qids(split)) == sorted(second.qids(split))


@st.composite
def inputs_with_plan(draw):
    """A small input of three domains, and a plan of three sessions."""
    documents = [
        document(f"d{number}", domain=draw(st.sampled_from(NAMES))) for number in range(30)
    ]
    queries = [
        query(f"q{number}", draw(st.sampled_from(["가", "나다", f"물음 {number}"])), domain=domain)
        for number, domain in enumerate(draw(st.lists(st.sampled_from(NAMES), max_size=25)))
    ]
    pair = st.tuples(st.integers(0, max(0, len(queries) - 1)), st.integers(0, 29))
    pairs = draw(st.sets(pair, max_size=30)) if queries else set()
    qrels = [
        (f"q{first}", f"d{second}", draw(st.integers(0, 2))) for first, second in sorted(pairs)
    ]
    shares = [
        {"session": f"S{t}", "domain": domain, "share": share / 10}
        for t, part in enumerate(
            draw(
                st.lists(
                    st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=3, max_size=3
                )
            )
        )
        for domain, share in zip(NAMES, part, strict=True)
        if domain in {row["domain"] for row in documents}
    ]
    return documents, queries, qrels, shares


@given(inputs_with_plan(), st.sampled_from([0, 0.25, 0.5]), st.integers(0, 99))
@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_drawn_sessions_keep_their_promises(tmp_path_factory, drawn, test_share, seed):
    documents, queries, qrels, shares = drawn
    folder = tmp_path_factory.mktemp("drawn")
    inputs = Input(folder / "input").write(documents, queries, qrels)
    sessions: list[Session] = []
    for t in range(3):
        sessions.append(
            build(
                inputs,
                folder / str(t),
                t=t,
                name=f"S{t}",
                shares=[row for row in shares if int(row["session"][1:]) <= t],
                before=sessions,
                test_share=test_share,
                seed=seed,
            )
        )
    taken = [name for session in sessions for name in session.doc_ids]
    asked = [name for session in sessions for name in session.qids()]
    assert len(set(taken)) == len(taken) and len(set(asked)) == len(asked)
    answers = {(qid, doc_id) for qid, doc_id, score in qrels if score > 0}
    texts: dict[str, set[bytes]] = {"train": set(), "test": set()}
    for session in sessions:
        # All answers of a query are in its own session.
        own = {(row["qid"], row["doc_id"]) for row in session.qrels if row["score"] > 0}
        assert own == {pair for pair in answers if pair[0] in session.qids()}
        assert {row["session"] for row in session.qrels if row["score"] > 0} <= {session.facts["t"]}
        for row in session.queries:
            texts[row["split"]].add(text_key(row["text"]))
        of_domain = Counter(row["domain"] for row in session.queries)
        tests = Counter(row["domain"] for row in session.queries if row["split"] == "test")
        short = session.facts["test_short"]
        for domain, number in of_domain.items():
            assert -1 - short < tests[domain] - test_share * number < 1
        assert session.facts["queries"]["test"] + short == int(
            test_share * len(session.queries) + 0.5
        )
    assert not texts["train"] & texts["test"]


@given(
    strata=st.lists(st.integers(0, 4), max_size=60),
    share=st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]),
    seed=st.integers(0, 999),
)
def test_tests_are_the_share_of_each_stratum_and_the_first_by_order(strata, share, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(strata)).astype(np.uint64)
    none = np.zeros(len(strata), np.bool_)
    split = split_queries(np.array(strata, np.int64), order, none, share)
    assert split.moved == split.short == 0
    for stratum, number in Counter(strata).items():
        members = np.array(strata) == stratum
        drawn = int((split.test & members).sum())
        assert abs(drawn - share * number) < 1
        chosen, left = order[split.test & members], order[~split.test & members]
        assert not chosen.size or not left.size or chosen.max() < left.min()


@given(st.lists(st.integers(0, 50), max_size=8), st.fractions(0, 1, max_denominator=20))
def test_largest_remainders_sum_up(sizes, share):
    owed = largest_remainders(sizes, share)
    assert sum(owed) == int(sum(sizes) * share + Fraction(1, 2))
    assert all(abs(part - size * share) < 1 for part, size in zip(owed, sizes, strict=True))


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("어디 있나?", "어디있나", True),
        ("Ｓｅｏｕｌ", "seoul", True),
        ("서울", "부산", False),
        ("3.5", "35", True),  # the price of ignoring punctuation: both stay in training
    ],
)
def test_what_counts_as_the_same_text(one, other, equal):
    keys = np.array([text_key(one), text_key(other)])
    assert repeated_texts(keys).tolist() == [equal, equal]
