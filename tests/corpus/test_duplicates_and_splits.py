"""Equal and similar texts: found by a brute-force recount, and never in two splits."""

from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.corpus_tables import GROUPS
from scripts.common.shingles import jaccard, shingle_hashes
from scripts.corpus import fingerprint_shard, group_near_duplicates, split_documents
from scripts.corpus.split_documents import split_of_group
from tests.corpus.builders import (
    article_texts,
    articles,
    find_duplicates,
    shard_texts,
    write_rows,
)

ARTICLES = 250
SHINGLE = 5
SHARES = {"validation": 0.1, "test": 0.1, "holdout": 0.05}
FEW_BANDS = {"bands": 20, "band_rows": 6}
MANY_BANDS = {"bands": 64, "band_rows": 2}  # finds pairs of similarity 0.5, too


def chain() -> dict[str, str]:
    """Texts in which each is similar to the next, but the first is not to the last."""
    words = [f"{number}번째낱말" for number in range(90)]
    return {
        f"chain{step}": " ".join([*words[step * 5 :], *(w[::-1] for w in words[: step * 5])])
        for step in range(4)
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two sources: demo articles, the later ones also with the chain and some equal texts."""
    texts = {article.id: article.text for article in articles(ARTICLES)}
    names = list(texts)
    news = {name: texts[name] for name in names[:160]}
    wire = {name: texts[name] for name in names[160:]} | chain()
    wire |= {f"again{number}": texts[name] for number, name in enumerate(names[7:160:26])}
    return {"news": news, "wire": wire}


def sharded(folder, corpus, shards, order=("news", "wire")):
    return [shard_texts(folder, name, corpus[name], shards=shards) for name in order]


def grouped(folder, sources, *, min_jaccard, reverse=False, **bands):
    """The path of the groups of these sources."""
    duplicates = find_duplicates(folder, sources)
    signatures = []
    for source in sources:
        for shard in source.shard_names:
            path = folder / "signatures" / source.name / f"{shard}.parquet"
            fingerprint_shard.run(
                source.folder,
                source.manifest,
                duplicates[source.name, shard],
                path,
                shard=shard,
                shingle_characters=SHINGLE,
                seed=3,
                batch_documents=37,
                **bands,
            )
            signatures.append(path)
    step = -1 if reverse else 1
    groups = folder / "groups.parquet"
    group_near_duplicates.run(
        signatures[::step],
        [source.folder for source in sources][::step],
        [source.manifest for source in sources][::step],
        groups,
        min_jaccard=min_jaccard,
        shingle_characters=SHINGLE,
        tmpdir=folder / "tmp",
    )
    return groups


def brute_force_groups(rows, min_jaccard):
    """Members by smallest text hash, from the similarity of every pair of distinct texts."""
    texts = {row["text_hash"]: "".join(row["text"].split()) for row in rows}
    hashes = sorted(text_hash for text_hash, text in texts.items() if text)
    numbers: dict[str, int] = {}
    sets = []
    for text_hash in hashes:
        text = texts[text_hash]
        parts = {text[i : i + SHINGLE] for i in range(max(1, len(text) - SHINGLE + 1))}
        sets.append([numbers.setdefault(part, len(numbers)) for part in parts])
    matrix = np.zeros((len(hashes), len(numbers)), dtype=np.float32)
    for row, columns in enumerate(sets):
        matrix[row, columns] = 1
    shared = matrix @ matrix.T
    sizes = matrix.sum(axis=1)
    similar = shared >= min_jaccard * (sizes[:, None] + sizes[None, :] - shared)
    while True:  # spread along links until nothing changes
        wider = (similar.astype(np.float32) @ similar.astype(np.float32)) > 0
        if (wider == similar).all():
            break
        similar = wider
    return {
        hashes[member]: hashes[int(np.flatnonzero(similar[member])[0])]
        for member in range(len(hashes))
        if similar[member].sum() > 1
    }


def read_groups(path):
    table = pq.read_table(path)
    assert table.schema.equals(GROUPS)
    return dict(zip(table["text_hash"].to_pylist(), table["group"].to_pylist(), strict=True))


@pytest.mark.parametrize(("min_jaccard", "bands"), [(0.8, FEW_BANDS), (0.52, MANY_BANDS)])
def test_groups_equal_brute_force(tmp_path, corpus, min_jaccard, bands):
    sources = sharded(tmp_path, corpus, 3)
    found = read_groups(grouped(tmp_path, sources, min_jaccard=min_jaccard, **bands))
    rows = [row for source in sources for row in source.rows()]
    assert found == brute_force_groups(rows, min_jaccard)
    planted = [article.planted for article in articles(ARTICLES)].count("near_duplicate")
    assert len(found) >= 2 * planted > 0
    # The chain is one group although its ends are unlike.
    texts = chain()
    ends = [shingle_hashes(texts[name], SHINGLE) for name in ("chain0", "chain3")]
    links = [
        jaccard(shingle_hashes(texts[a], SHINGLE), shingle_hashes(texts[b], SHINGLE))
        for a, b in (("chain0", "chain1"), ("chain1", "chain2"), ("chain2", "chain3"))
    ]
    assert min(links) >= 0.8 > jaccard(*ends)
    wire = sources[1].by_id()
    assert len({found[wire[f"wire:chain{step}"]["text_hash"]] for step in range(4)}) == 1


def test_groups_do_not_depend_on_shards_or_their_order(tmp_path, corpus):
    paths = []
    for name, shards, reverse in (("a", 3, False), ("b", 1, True), ("c", 5, True)):
        folder = tmp_path / name
        order = ("wire", "news") if reverse else ("news", "wire")
        sources = sharded(folder, corpus, shards, order)
        paths.append(grouped(folder, sources, min_jaccard=0.8, reverse=not reverse, **FEW_BANDS))
    first, second, third = (path.read_bytes() for path in paths)
    assert first == second == third


@pytest.mark.parametrize("order", [("news", "wire"), ("wire", "news")])
def test_first_of_equal_texts_by_source_and_key_is_analysed(tmp_path, corpus, order):
    sources = sharded(tmp_path, corpus, 4, order)
    paths = find_duplicates(tmp_path, sources)
    first: dict[bytes, str] = {}
    expected = defaultdict(list)
    for source in sources:
        for path in source.shards:
            rows = sorted(pq.read_table(path).to_pylist(), key=lambda row: row["key"])
            for row in rows:
                if first.setdefault(row["text_hash"], row["doc_id"]) != row["doc_id"]:
                    expected[source.name, path.stem].append((row["key"], row["doc_id"]))
    found = {
        place: [(row["key"], row["doc_id"]) for row in pq.read_table(path).to_pylist()]
        for place, path in paths.items()
    }
    assert found == {place: expected[place] for place in paths}
    planted = [article.planted for article in articles(ARTICLES)].count("exact_duplicate")
    assert sum(map(len, found.values())) >= planted + 6


def split(folder, sources, groups, *, seed=11, **shares):
    path = folder / f"splits{seed}.parquet"
    split_documents.run(
        [source.folder for source in sources],
        [source.manifest for source in sources],
        groups,
        path,
        seed=seed,
        tmpdir=folder / "tmp",
        **{**SHARES, **shares},
    )
    return path


def test_no_group_stands_in_two_splits(tmp_path, corpus):
    sources = sharded(tmp_path, corpus, 3)
    groups = grouped(tmp_path, sources, min_jaccard=0.8, **FEW_BANDS)
    rows = pq.read_table(split(tmp_path, sources, groups)).to_pylist()
    documents = [row for source in sources for row in source.rows()]
    assert [row["doc_id"] for row in rows] == [row["doc_id"] for row in documents]
    assert [row["source"] for row in rows] == [d["doc_id"].split(":")[0] for d in documents]
    group_of = read_groups(groups)
    splits = defaultdict(set)
    for row in rows:
        assert row["group"] == group_of.get(row["text_hash"], row["text_hash"])
        splits[row["group"]].add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert max(Counter(row["group"] for row in rows).values()) >= 4
    assert {row["split"] for row in rows} == {"train", "validation", "test", "holdout"}
    # The planted pairs of different sources are among them.
    similar = [
        (a, b)
        for a, b in combinations(rows, 2)
        if a["group"] == b["group"] and a["source"] != b["source"]
    ]
    assert similar


def test_equal_similar_and_chained_texts_share_a_split_for_any_seed(tmp_path, corpus):
    sources = sharded(tmp_path, corpus, 2)
    groups = grouped(tmp_path, sources, min_jaccard=0.8, **FEW_BANDS)
    planted = articles(ARTICLES)
    rows = {row["doc_id"]: row for source in sources for row in source.rows()}
    group_of = read_groups(groups)
    assert sum(article.planted == "near_duplicate" for article in planted) > 3
    by_name = defaultdict(list)
    for doc_id, row in rows.items():
        by_name[group_of.get(row["text_hash"], row["text_hash"])].append(doc_id)
    chained = [f"wire:chain{step}" for step in range(4)]
    assert sorted(chained) in map(sorted, by_name.values())
    together = [ids for ids in by_name.values() if len(ids) > 1]
    equal = [ids for ids in together if len({rows[i]["text_hash"] for i in ids}) < len(ids)]
    assert len(equal) >= 6 and len(together) > len(equal) + 3
    where = set()
    for seed in range(6):
        path = split(tmp_path, sources, groups, seed=seed, validation=0.3, test=0.3, holdout=0.3)
        split_of = {row["doc_id"]: row["split"] for row in pq.read_table(path).to_pylist()}
        assert all(len({split_of[doc_id] for doc_id in ids}) == 1 for ids in together)
        where.add(split_of[chained[0]])
    assert len(where) > 1


def test_split_depends_on_seed_and_group_only(tmp_path, corpus):
    tables = {}
    for name, shards, order in (("a", 3, ("news", "wire")), ("b", 7, ("wire", "news"))):
        sources = sharded(tmp_path / name, corpus, shards, order)
        groups = write_rows(tmp_path / name / "groups.parquet", [], GROUPS)
        for seed in (11, 12):
            rows = pq.read_table(split(tmp_path / name, sources, groups, seed=seed)).to_pylist()
            tables[name, seed] = {row["doc_id"]: row["split"] for row in rows}
    assert tables["a", 11] == tables["b", 11]
    assert tables["a", 12] == tables["b", 12]
    assert tables["a", 11] != tables["a", 12]


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    parts=st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4), st.integers(1, 8)),
)
def test_shares_are_those_asked_for(seed, parts):
    shares = {
        name: part / sum(parts)
        for name, part in zip(("validation", "test", "holdout"), parts[:3], strict=True)
    }
    groups = 4_000
    counts = Counter(split_of_group(n.to_bytes(16, "big"), shares, seed) for n in range(groups))
    shares["train"] = 1 - sum(shares.values())
    for name, share in shares.items():
        # Five standard deviations of a binomial count.
        assert abs(counts[name] - share * groups) <= 5 * (groups * share * (1 - share)) ** 0.5 + 1


def test_empty_texts_are_no_near_duplicates_but_one_group_of_equals(tmp_path):
    source = shard_texts(tmp_path, "news", {"a": "", "b": " \n", "c": "가나다라마바사"})
    groups = grouped(tmp_path, [source], min_jaccard=0.8, **FEW_BANDS)
    assert read_groups(groups) == {}
    rows = pq.read_table(split(tmp_path, [source], groups)).to_pylist()
    assert len({row["group"] for row in rows}) == 2


def test_normalized_texts_of_the_fixture_hold_equal_ones():
    assert len(set(article_texts(ARTICLES))) < ARTICLES
