"""Near-duplicates among 5,000 real documents and edited copies, against all pairs."""

from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from scripts.common.config import checked_config, load_schema
from scripts.corpus import fingerprint_shard, group_near_duplicates, split_documents
from scripts.corpus.buckets import WINDOW
from tests.corpus.builders import Source, find_duplicates, shard_texts
from tests.real.conftest import FILES
from tests.real.near_duplicates import (
    SHINGLE,
    Pairs,
    all_pairs,
    names_of_components,
    texts_with_planted,
)
from tests.workflow.harness import ROOT

pytestmark = pytest.mark.real

MIN_JACCARD = 0.8
BANDS, BAND_ROWS = 20, 6
RANGES = ((0.8, 0.82), (0.82, 0.85), (0.85, 0.9), (0.9, 1.1))


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Source:
    path = ROOT.parent / "shared" / "data" / "corpus" / FILES["ko_documents"]
    if not path.is_file():
        pytest.skip("the real documents are not beside this checkout")
    folder = tmp_path_factory.mktemp("near_duplicates")
    return shard_texts(folder, "news", texts_with_planted(path), shards=5)


@pytest.fixture(scope="module")
def groups(source: Source) -> Path:
    folder = source.folder.parents[1]
    signatures = []
    for (_, shard), duplicates in find_duplicates(folder, [source]).items():
        path = folder / "signatures" / f"{shard}.parquet"
        fingerprint_shard.run(
            source.folder,
            source.manifest,
            duplicates,
            path,
            shard=shard,
            shingle_characters=SHINGLE,
            bands=BANDS,
            band_rows=BAND_ROWS,
            seed=1,
            batch_documents=500,
        )
        signatures.append(path)
    group_near_duplicates.run(
        signatures,
        [source.folder],
        [source.manifest],
        folder / "groups.parquet",
        min_jaccard=MIN_JACCARD,
        shingle_characters=SHINGLE,
        tmpdir=folder / "tmp",
    )
    return folder / "groups.parquet"


@pytest.fixture(scope="module")
def texts(source: Source) -> dict[bytes, str]:
    return {row["text_hash"]: row["text"] for row in source.rows() if row["text"].strip()}


@pytest.fixture(scope="module")
def pairs(texts: dict[bytes, str]) -> Pairs:
    return all_pairs(list(texts.values()))


@pytest.fixture(scope="module")
def found(texts: dict[bytes, str], groups: Path) -> list[int]:
    """The group of each text that was found, or the text itself; both by number."""
    numbers = {text_hash: number for number, text_hash in enumerate(texts)}
    names = list(range(len(numbers)))
    for row in pq.read_table(groups).to_pylist():
        names[numbers[row["text_hash"]]] = numbers[row["group"]]
    return names


def test_defaults_are_those_that_are_measured_here():
    settings = checked_config({}, load_schema(ROOT / "config" / "schema.yaml"))["corpus"][
        "near_duplicates"
    ]
    assert settings == {
        "min_jaccard": MIN_JACCARD,
        "shingle_characters": SHINGLE,
        "bands": BANDS,
        "band_rows": BAND_ROWS,
    }


def test_boilerplate_fills_buckets_that_are_not_compared_completely(source, groups):
    folder = source.folder.parents[1]
    bands = Counter(
        band
        for path in (folder / "signatures").glob("*.parquet")
        for row in pq.read_table(path, columns=["bands"]).to_pylist()
        for band in row["bands"]
    )
    assert max(bands.values()) > 2 * WINDOW


def test_precision_and_recall_of_pairs(pairs, found):
    similar = pairs.at_least(MIN_JACCARD)
    hits = sum(found[a] == found[b] for a, b in similar)
    print(f"\n{len(found)} texts, {len(similar)} similar pairs, recall {hits / len(similar):.4f}")
    for low, high in RANGES:
        part = pairs.at_least(low, high)
        share = sum(found[a] == found[b] for a, b in part) / len(part)
        middle = (low + min(high, 1.0)) / 2
        by_bands = 1 - (1 - middle**BAND_ROWS) ** BANDS
        print(f"J {low}-{high}: {len(part)} pairs, recall {share:.4f}, of bands {by_bands:.4f}")
        assert len(part) >= 50
        assert share >= 0.97
    assert hits / len(similar) >= 0.99
    # Whatever stands in one group is joined by a chain of truly similar pairs.
    exact = names_of_components(len(found), similar)
    joined = pairs_within(found)
    wrong = [pair for pair in joined if exact[pair[0]] != exact[pair[1]]]
    print(f"{len(joined)} pairs within groups, precision {1 - len(wrong) / len(joined):.4f}")
    assert wrong == []


def test_groups_agree_with_the_components_of_all_pairs(pairs, found):
    exact = names_of_components(len(found), pairs.at_least(MIN_JACCARD))
    members, expected = members_by_name(found), members_by_name(exact)
    same = len(members & expected)
    print(f"\n{len(expected)} exact groups, {len(members)} found, {same} the same")
    assert same >= 0.98 * len(expected)


def test_no_group_is_divided_by_the_splits(source, pairs, texts, found, groups):
    folder = source.folder.parents[1]
    path = folder / "splits.parquet"
    split_documents.run(
        [source.folder],
        [source.manifest],
        groups,
        path,
        validation=0.1,
        test=0.1,
        holdout=0.1,
        seed=4,
        tmpdir=folder / "tmp",
    )
    rows = pq.read_table(path).to_pylist()
    by_group = defaultdict(set)
    split_of = {}
    for row in rows:
        by_group[row["group"]].add(row["split"])
        split_of[row["text_hash"]] = row["split"]
    assert {len(splits) for splits in by_group.values()} == {1}
    assert set(split_of.values()) == {"train", "validation", "test", "holdout"}
    hashes = list(texts)
    divided = [
        (a, b)
        for a, b in pairs.at_least(MIN_JACCARD)
        if found[a] == found[b] and split_of[hashes[a]] != split_of[hashes[b]]
    ]
    assert divided == []


def pairs_within(names: list[int]) -> list[tuple[int, int]]:
    return [pair for group in members_by_name(names) for pair in combinations(sorted(group), 2)]


def members_by_name(names: list[int]) -> set[frozenset[int]]:
    groups = defaultdict(set)
    for member, name in enumerate(names):
        groups[name].add(member)
    return {frozenset(group) for group in groups.values() if len(group) > 1}
