"""Grouping of similar texts: bounded in large buckets, the same in any order of its inputs."""

import hashlib
import random
import tracemalloc
from itertools import combinations

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.corpus_tables import SIGNATURES
from scripts.common.errors import IntegrityError
from scripts.common.shingles import jaccard, shingle_blocks, shingle_hashes
from scripts.corpus import group_near_duplicates
from scripts.corpus.buckets import RefutedPairs, comparisons, link_bucket
from scripts.corpus.components import Components, in_groups
from scripts.corpus.fingerprint_shard import band_hashes
from tests.corpus.builders import Source, write_documents, write_rows

WHITE = " \n\t　"


def plain_shingles(text, size):
    """The definition, on the whole text."""
    letters = "".join(text.split())
    if len(letters) <= size:
        return {letters} - {""}
    return {letters[start : start + size] for start in range(len(letters) - size + 1)}


def plain_jaccard(one, other):
    return len(one & other) / len(one | other) if one | other else 0.0


texts = st.text(st.sampled_from("가나다" + WHITE), max_size=60)


@settings(max_examples=300, deadline=None)
@given(text=texts, other=texts, size=st.integers(1, 6), block=st.integers(1, 20))
def test_shingles_in_blocks_are_those_of_the_whole_text(text, other, size, block):
    whole, others = plain_shingles(text, size), plain_shingles(other, size)
    assert set().union(*shingle_blocks(text, size, block=block)) == whole
    hashes = shingle_hashes(text, size, block=block)
    assert len(hashes) == len(whole)
    assert (hashes[1:] > hashes[:-1]).all()
    assert jaccard(hashes, shingle_hashes(other, size)) == plain_jaccard(whole, others)


def test_shingles_by_hand():
    assert list(shingle_blocks("가나 다\n라마", 3)) == [{"가나다", "나다라", "다라마"}]
    assert list(shingle_blocks("가 나", 3)) == [{"가나"}]
    assert list(shingle_blocks(" \n", 3)) == []
    assert shingle_hashes(" \n", 3).size == 0
    assert jaccard(shingle_hashes("가나다라", 3), shingle_hashes("가나다마", 3)) == 1 / 3


def test_bands_of_a_long_text_do_not_depend_on_its_blocks():
    text = "".join(random.Random(5).choices("가나다라마바사아자차카타파하 ", k=3_000))
    settings = {"bands": 4, "band_rows": 3, "seed": 1}
    whole = band_hashes([plain_shingles(text, 5)], **settings)
    assert band_hashes(shingle_blocks(text, 5, block=100), **settings) == whole


def test_long_text_takes_a_small_multiple_of_its_size():
    # 3,000,000 characters: as a set of substrings they took 100 times the bound.
    numbers = np.random.default_rng(4).integers(0xAC00, 0xD7A4, 3_000_000, dtype=np.uint32)
    text = numbers.tobytes().decode("utf-32-le")
    tracemalloc.start()
    try:
        hashes = shingle_hashes(text, 5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert hashes.size > 2_990_000
    assert peak < 20 * len(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=25))
def test_components_equal_spreading_of_the_smallest_name(links):
    expected = list(range(16))
    for _ in range(16):
        for a, b in links:
            expected[a] = expected[b] = min(expected[a], expected[b])
    components = Components(16)
    for a, b in links:
        components.join(a, b)
    assert [components.find(member) for member in range(16)] == expected
    names = components.names()
    assert names.tolist() == expected
    assert in_groups(names).tolist() == [m for m in range(16) if expected.count(expected[m]) > 1]


def linked(sets, min_jaccard, **bounds):
    """Names of the components after all sets stood in one bucket, and the comparisons made."""
    asked = []

    def similar(first, second):
        asked.append((first, second))
        return plain_jaccard(sets[first], sets[second]) >= min_jaccard

    components = Components(len(sets))
    sizes = np.array([len(one) for one in sets], dtype=np.uint32)
    members = np.arange(len(sets), dtype=np.uint32)
    link_bucket(members, sizes, components, similar, min_jaccard=min_jaccard, **bounds)
    return components.names().tolist(), len(asked)


def all_pairs(sets, min_jaccard):
    components = Components(len(sets))
    for first, second in combinations(range(len(sets)), 2):
        if plain_jaccard(sets[first], sets[second]) >= min_jaccard:
            components.join(first, second)
    return components.names().tolist()


sets_of_numbers = st.lists(st.frozensets(st.integers(0, 9), min_size=1), min_size=1, max_size=14)


@settings(max_examples=150, deadline=None)
@given(sets=sets_of_numbers, window=st.integers(0, 4), anchors=st.integers(0, 4))
def test_bucket_links_nothing_but_links_of_all_pairs(sets, window, anchors):
    exact = all_pairs(sets, 0.6)
    assert linked(sets, 0.6, window=14, anchors=0)[0] == exact
    names, asked = linked(sets, 0.6, window=window, anchors=anchors)
    assert asked <= comparisons(len(sets), window=window, anchors=anchors)
    for member, name in enumerate(names):
        assert exact[member] == exact[name]


def test_large_bucket_keeps_its_clusters_and_its_bound():
    # 12 clusters of 50 texts each: the members of a cluster share 18 to 20 of their shingles.
    rng = random.Random(3)
    sets = []
    for member in range(600):
        start = member % 12 * 100
        sets.append(frozenset(rng.sample(range(start, start + 20), rng.randint(18, 20))))
    names, asked = linked(sets, 0.8)
    assert names == [member % 12 for member in range(600)] == all_pairs(sets, 0.8)
    unlike = [frozenset(range(n * 9, n * 9 + 10)) for n in range(600)]
    names, worst = linked(unlike, 0.8)
    assert names == list(range(600))
    assert asked < worst <= comparisons(600) == 600 * 64 - 64 * 65 // 2


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.integers(41, 80)), max_size=60))
def test_refuted_pairs_may_forget_but_never_invent(steps):
    memory, added = RefutedPairs(bits=3), set()
    for add, first, second in steps:
        if add:
            memory.add((first, second))
            added.add((first, second))
            assert (first, second) in memory
        assert (first, second) not in memory or (first, second) in added


# The step on texts whose bands are given by hand.

SYLLABLES = [chr(code) for code in range(0xAC00, 0xD7A4)]


def planted(rng):
    """Texts with their bands: pairs, chains, a template in a full bucket, and boilerplate."""
    texts: dict[str, list[int]] = {}

    def text(length):
        return rng.choices(SYLLABLES, k=length)

    def add(letters, *bands):
        texts["".join(letters)] = [*bands, rng.getrandbits(63)]

    def changed(letters, changes):
        copy = list(letters)
        for place in rng.sample(range(len(copy)), changes):
            copy[place] = rng.choice(SYLLABLES)
        return copy

    for band in range(40):  # pairs of similarity 0.9, and unlike texts with the same band
        original = text(200)
        add(original, band)
        add(changed(original, 2), band)
        add(text(200), band)
    link = text(200)
    for step in range(12):  # each is like the next, the first unlike the last
        add(link, 100 + step, 101 + step)
        link = changed(link, 3)
    template = text(200)
    for _ in range(150):
        add(changed(template, rng.randint(0, 1)), 200, 201)
    page = text(100)
    for number in range(300):  # half of each text is the page
        add(page + text(100), 300)
        if number % 30 == 0:
            letters = page + text(100)
            add(letters, 300, 400 + number)
            add(changed(letters, 2), 300, 400 + number)
    return texts


@pytest.fixture(scope="module")
def planted_texts():
    return planted(random.Random(12))


def blake(text):
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def step_groups(folder, texts, *, shards, order_seed, threads):
    """Run the step on rows and shards in some order; the path of its groups."""
    rng = random.Random(order_seed)
    names = list(texts)
    rng.shuffle(names)
    sources: list[Source] = []
    signatures = []
    for shard in range(shards):
        own = names[shard::shards]
        rows = [
            {"key": key, "doc_id": f"s{shard}:{key}", "text": text, "text_hash": blake(text)}
            for key, text in enumerate(own)
        ]
        sources.append(write_documents(folder, f"s{shard}", rows))
        rows = [{**row, "bands": texts[row["text"]]} for row in rows]
        rng.shuffle(rows)
        rows = [{name: row[name] for name in SIGNATURES.names} for row in rows]
        signatures.append(write_rows(folder / "signatures" / f"{shard}.parquet", rows, SIGNATURES))
    rng.shuffle(signatures)
    groups = folder / "groups.parquet"
    group_near_duplicates.run(
        signatures,
        [source.folder for source in sources],
        [source.manifest for source in sources],
        groups,
        min_jaccard=0.8,
        shingle_characters=5,
        tmpdir=folder / "tmp",
        threads=threads,
    )
    assert list((folder / "tmp").iterdir()) == []
    return groups


def test_planted_groups_equal_all_pairs_that_share_a_band(tmp_path, planted_texts):
    path = step_groups(tmp_path, planted_texts, shards=3, order_seed=1, threads=1)
    table = pq.read_table(path)
    found = dict(zip(table["text_hash"].to_pylist(), table["group"].to_pylist(), strict=True))
    names = sorted(planted_texts, key=blake)
    sets = [plain_shingles(text, 5) for text in names]
    bands = [set(planted_texts[text]) for text in names]
    components = Components(len(names))
    for first, second in combinations(range(len(names)), 2):
        if bands[first] & bands[second] and plain_jaccard(sets[first], sets[second]) >= 0.8:
            components.join(first, second)
    roots = components.names()
    assert found == {blake(names[m]): blake(names[roots[m]]) for m in in_groups(roots).tolist()}
    assert len(set(found.values())) == 40 + 1 + 1 + 10
    assert max(list(found.values()).count(group) for group in set(found.values())) > 64


@pytest.mark.parametrize(("shards", "order_seed", "threads"), [(1, 2, 1), (4, 3, 2), (9, 4, 2)])
def test_groups_are_the_same_bytes_in_any_order(
    tmp_path, planted_texts, shards, order_seed, threads
):
    one = step_groups(tmp_path / "a", planted_texts, shards=3, order_seed=1, threads=1)
    other = step_groups(
        tmp_path / "b", planted_texts, shards=shards, order_seed=order_seed, threads=threads
    )
    assert one.read_bytes() == other.read_bytes()


def test_signature_of_a_text_that_no_shard_holds(tmp_path):
    rows = [{"key": 1, "doc_id": "news:a", "text": "가나다라마바", "text_hash": b"a" * 16}]
    source = write_documents(tmp_path, "news", rows)
    bands = [{"key": k, "text_hash": bytes([97 + k]) * 16, "bands": [5]} for k in range(2)]
    path = write_rows(tmp_path / "signatures.parquet", bands, SIGNATURES)
    with pytest.raises(IntegrityError, match=r"1 texts .*--forcerun fingerprint_shard"):
        group_near_duplicates.run(
            [path],
            [source.folder],
            [source.manifest],
            tmp_path / "groups.parquet",
            min_jaccard=0.8,
            shingle_characters=5,
            tmpdir=tmp_path / "tmp",
        )
