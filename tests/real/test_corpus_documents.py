"""The corpus track on real Korean documents, against a plain recount (recount.py)."""

import csv
import json
import unicodedata
from collections import Counter, defaultdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_from_disk
from kiwipiepy import Kiwi
from tokenizers import Tokenizer

from tests.real.conftest import CAP, FEW_SHARDS, FILES, MANY_SHARDS, NEAR_COPY, RealRun
from tests.real.recount import (
    Document,
    analyse,
    cheap_reason,
    failed_checks,
    fates,
    near_duplicate_pairs,
    pairs,
    plain_text,
    unspaced,
)
from tests.workflow.harness import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow]

LENGTHS = (1536, 2048)
KINDS = ("entity_coref", "mlm")
COREF = {
    "min_characters": 800,
    "min_sentence_marks": 3,
    "min_hangul_ratio": 0.40,
    "max_symbol_ratio": 0.30,
}
MLM = COREF | {"min_characters": 20, "max_characters": None, "min_sentence_marks": 0}
HIGHEST_CEILING = 6000


@pytest.fixture(scope="module")
def documents(real_run: RealRun) -> list[Document]:
    """All documents in order of (priority, id), analysed where they can pass."""
    found = []
    for source, path in real_run.files.items():
        rows = pq.read_table(path, columns=["id", "text"]).to_pylist()
        found += sorted(
            (Document(source, f"{source}:{row['id']}", plain_text(row["text"])) for row in rows),
            key=lambda document: document.doc_id,
        )
    kiwi = Kiwi(num_workers=1)
    limits = COREF | {"max_characters": HIGHEST_CEILING}
    analyse([document for document in found if cheap_reason(document, limits) is None], kiwi)
    return found


@pytest.fixture(scope="module")
def ceilings(real_run: RealRun) -> dict[str, int]:
    fertility = json.loads((real_run.corpus / "tokenizer/fertility.json").read_text())
    measured = fertility["sample_tokens"] / fertility["sample_characters"]
    assert fertility["max_characters"] == {
        str(length): min(HIGHEST_CEILING, int((length - 2) / measured)) for length in LENGTHS
    }
    ceilings: dict[str, int] = fertility["max_characters"]
    return ceilings


def manifest(run: RealRun, kind: str, length: int) -> dict[str, Any]:
    path = run.corpus / kind / str(length) / "manifest.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def table(run: RealRun, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(run.corpus / name).to_pylist()
    return rows


def expected_fates(
    documents: list[Document], kind: str, length: int, ceilings: dict[str, int]
) -> dict[str, str]:
    if kind == "mlm":
        return fates(documents, MLM, nnp=None)
    limits = COREF | {"max_characters": ceilings[str(length)]}
    found = fates(documents, limits, nnp=(0.05, 0.20))
    for document in documents:
        if found[document.doc_id] == "kept" and not pairs(document)[2]:
            found[document.doc_id] = "no_repeated_entity"
    return found


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_document_has_one_fate_and_the_recounts_reason(
    real_run: RealRun,
    documents: list[Document],
    ceilings: dict[str, int],
    kind: str,
    length: int,
) -> None:
    rows = table(real_run, f"{kind}/{length}/fates.parquet")
    found = {row["doc_id"]: row["outcome"] for row in rows}
    assert len(rows) == len(found) == len(documents)
    expected = expected_fates(documents, kind, length, ceilings)
    # What splicing and the cap decide is counted below, pair by pair.
    later = {"no_sample", "entity_cap"}
    assert {
        doc_id: "kept" if outcome in later else outcome for doc_id, outcome in found.items()
    } == expected


def test_the_funnel_adds_up_to_the_fates(real_run: RealRun) -> None:
    counts: Counter[tuple[str, str, str]] = Counter()
    for kind in KINDS:
        for length in LENGTHS:
            for row in table(real_run, f"{kind}/{length}/fates.parquet"):
                counts[f"{kind}_{length}", row["source"], row["outcome"]] += 1
    with (real_run.corpus / "tables/funnel.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    funnel = {(r["dataset"], r["source"], r["outcome"]): int(r["documents"]) for r in rows}
    assert funnel == counts


def rows_of_table(run: RealRun, name: str) -> list[dict[str, str]]:
    with (run.corpus / "tables" / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_check_costs_what_the_recount_says(
    real_run: RealRun,
    documents: list[Document],
    ceilings: dict[str, int],
    kind: str,
    length: int,
) -> None:
    dataset = f"{kind}_{length}"
    limits = MLM if kind == "mlm" else COREF | {"max_characters": ceilings[str(length)]}
    nnp = None if kind == "mlm" else (0.05, 0.20)
    expected: Counter[tuple[str, str, str]] = Counter()
    pronouns: Counter[tuple[str, int]] = Counter()
    passing = published = 0
    for document in documents:
        fails, source = failed_checks(document, limits, nnp=nnp), document.source
        known = nnp is None or document.tokens > 0
        expected.update((source, check, "failing") for check in fails)
        if len(fails) == 1:
            (check,) = fails
            expected[source, check, "alone" if known else "unknown"] += 1
        if known and not fails:
            pronouns[source, document.pronouns] += 1
            passing += 1
        published += known and fails <= {"too_long"} and len(document.text) <= 2500
    found = [
        row for row in rows_of_table(real_run, "filter_costs.tsv") if row["dataset"] == dataset
    ]
    assert {(row["source"], row["check"]) for row in found} >= {key[:2] for key in expected}
    for row in found:
        for column in ("failing", "alone", "unknown"):
            key = row["source"], row["check"], column
            assert int(row[column]) == expected[key], key
    if kind == "entity_coref":
        assert {
            (row["source"], int(row["pronouns"])): int(row["documents"])
            for row in rows_of_table(real_run, "pronouns.tsv")
            if row["dataset"] == dataset
        } == pronouns
        (row,) = (r for r in rows_of_table(real_run, "ceilings.tsv") if r["dataset"] == dataset)
        assert (int(row["documents"]), int(row["published_documents"])) == (passing, published)
        assert row["ceiling"] == row["measured_ceiling"] == str(ceilings[str(length)])
        low, high = (float(row[f"tokens_per_character_{end}"]) for end in ("low", "high"))
        assert low < float(row["tokens_per_character"]) < high
        samples = {
            row["source"]: int(row["samples"])
            for row in rows_of_table(real_run, "samples.tsv")
            if row["dataset"] == dataset
        }
        drawn = load_from_disk(str(real_run.corpus / f"entity_coref/{length}/dataset"))
        assert samples == Counter(name for part in drawn.values() for name in part["source"]) | {
            source: 0 for source in FILES if samples[source] == 0
        }


def test_attributes_and_mentions_are_kiwis_own(
    real_run: RealRun, documents: list[Document]
) -> None:
    by_id = {document.doc_id: document for document in documents}
    paths = sorted((real_run.corpus / "scores").glob("*/*.parquet"))
    rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
    assert len(rows) == len(documents)
    analysed = 0
    for row in rows:
        document = by_id[row["doc_id"]]
        assert row["characters"] == len(document.text)
        assert row["sentence_marks"] == document.marks
        assert row["hangul_ratio"] == document.hangul
        assert row["symbol_ratio"] == document.symbols
        if row["analysis"] == "analysed":
            analysed += 1
            assert (row["kiwi_tokens"], row["nnp"]) == (document.tokens, document.nnp)
            assert row["nnp_ratio"] == document.nnp / document.tokens
            assert row["pronouns"] == document.pronouns
            columns = (row[f"mention_{name}"] for name in ("form", "tag", "start", "end"))
            assert list(zip(*columns, strict=True)) == document.mentions
    assert analysed == sum(document.tokens > 0 for document in documents)


@pytest.mark.parametrize("length", LENGTHS)
def test_samples_are_the_recounts_pairs_and_the_cap_holds(
    real_run: RealRun,
    documents: list[Document],
    ceilings: dict[str, int],
    length: int,
) -> None:
    kept = expected_fates(documents, "entity_coref", length, ceilings)
    usable: dict[tuple[str, str, int], int] = {}
    unusable: Counter[str] = Counter()
    for document in documents:
        if kept[document.doc_id] == "kept":
            good, bad, _ = pairs(document)
            unusable += bad
            usable |= {
                (document.doc_id, entity, start): distance
                for (entity, start), distance in good.items()
            }
    dataset = load_from_disk(str(real_run.corpus / f"entity_coref/{length}/dataset"))
    samples = {}
    train: Counter[str] = Counter()
    for split, part in dataset.items():
        columns = ["doc_id", "entity", "mention_start", "distance"]
        for row in part.select_columns(columns).to_list():
            key = (row["doc_id"], row["entity"], row["mention_start"])
            assert key not in samples
            samples[key] = row["distance"]
            train[row["entity"]] += split == "train"
    outcomes = manifest(real_run, "entity_coref", length)["pairs"]
    counts = {outcome: columns["pairs"] for outcome, columns in outcomes.items()}
    for reason in ("distance_below", "distance_above"):
        assert counts.pop(reason, 0) == unusable[reason]
    assert samples.items() <= usable.items()
    assert sum(counts.values()) == len(usable)
    entities = table(real_run, f"caps/{length}/entities.parquet")
    capped = sum(row["samples_before_cap"] - row["samples_after_cap"] for row in entities)
    assert counts["candidate"] == len(samples) + capped
    assert capped > 0
    assert max(train.values()) == CAP
    after = {row["entity"]: row["samples_after_cap"] for row in entities}
    assert {entity: n for entity, n in after.items() if n} == {e: n for e, n in train.items() if n}


def visible(text: str) -> str:
    """Return what the tokenizer's normalizer leaves of a text: no spaces, no control characters."""
    return "".join(
        c for c in unspaced(text) if c != "\ufffd" and not unicodedata.category(c).startswith("C")
    )


@pytest.mark.parametrize("length", LENGTHS)
def test_label_ids_give_the_surface_and_the_window_holds_the_antecedent(
    real_run: RealRun, documents: list[Document], length: int
) -> None:
    texts = {document.doc_id: document.text for document in documents}
    tokenizer = Tokenizer.from_file(str(real_run.corpus / "tokenizer/tokenizer.json"))
    pieces = {number: piece for piece, number in tokenizer.get_vocab().items()}
    mask, unknown = tokenizer.token_to_id("[MASK]"), tokenizer.token_to_id("[UNK]")

    def spelled(ids: list[int]) -> str:
        return "".join(pieces[number].removeprefix("##") for number in ids)

    dataset = load_from_disk(str(real_run.corpus / f"entity_coref/{length}/dataset"))
    rows = whole = fused = 0
    for part in dataset.values():
        for row in part.to_list():
            rows += 1
            ids, text, k = row["input_ids"], texts[row["doc_id"]], len(row["label_ids"])
            surface = text[row["mention_start"] : row["mention_end"]]
            start = row["mask_token_start"]
            assert len(ids) <= length
            assert surface == row["surface"]
            assert unknown not in row["label_ids"]
            assert spelled(row["label_ids"]) == unspaced(surface)
            assert ids[start : start + k] == [mask] * k
            antecedent = text[row["antecedent_start"] : row["antecedent_end"]]
            assert unspaced(antecedent) == row["entity"]
            in_window = ids[row["antecedent_token_start"] : row["antecedent_token_end"]]
            assert 1 <= row["antecedent_token_start"] < row["antecedent_token_end"] <= start
            assert unspaced(antecedent) in spelled(in_window)
            assert row["distance"] == row["mention_start"] - row["antecedent_end"]
            # The whole row, labels in place of masks, spells a part of the text.
            restored = [*ids[1:start], *row["label_ids"], *ids[start + k : -1]]
            if unknown not in restored:
                whole += 1
                assert spelled(restored) in visible(text)
            # What follows the mention inside its word is a continuation piece. (A surface that
            # ends in a mark, such as 아아!, ends its word.)
            behind = text[row["mention_end"] : row["mention_end"] + 1]
            inside_word = surface[-1].isalnum() and "가" <= behind <= "힣"
            if inside_word and start + k < len(ids) - 1:
                fused += row["fused"]
                assert pieces[ids[start + k]].startswith("##")
    assert whole > rows / 2
    assert fused > 0


@pytest.mark.parametrize("length", LENGTHS)
def test_mlm_rows_hold_every_kept_document_once_and_whole(
    real_run: RealRun, documents: list[Document], ceilings: dict[str, int], length: int
) -> None:
    kept = expected_fates(documents, "mlm", length, ceilings)
    tokenizer = Tokenizer.from_file(str(real_run.corpus / "tokenizer/tokenizer.json"))
    tokenizer.encode_special_tokens = True  # a text that writes out [MASK] holds these letters
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    dataset = load_from_disk(str(real_run.corpus / f"mlm/{length}/dataset"))
    found: defaultdict[str, list[int]] = defaultdict(list)
    for part in dataset.values():
        for number, row in enumerate(part.to_list()):
            assert len(row["input_ids"]) == sum(row["segment_lengths"]) <= length
            assert len(row["input_ids"]) >= length - 2 or number == len(part) - 1
            place = 0
            for doc_id, size in zip(row["doc_ids"], row["segment_lengths"], strict=True):
                segment = row["input_ids"][place : place + size]
                assert (segment[0], segment[-1]) == (cls, sep)
                found[doc_id] += segment[1:-1]
                place += size
    assert found.keys() == {doc_id for doc_id, fate in kept.items() if fate == "kept"}
    for document in documents:
        if document.doc_id in found:
            ids = tokenizer.encode(document.text, add_special_tokens=False).ids
            assert found[document.doc_id] == ids


def test_no_group_of_documents_stands_in_two_splits(
    real_run: RealRun, documents: list[Document]
) -> None:
    splits = {row["doc_id"]: row["split"] for row in table(real_run, "splits.parquet")}
    assert splits.keys() == {document.doc_id for document in documents}
    by_text: defaultdict[str, set[str]] = defaultdict(set)
    for document in documents:
        by_text[document.text].add(splits[document.doc_id])
    assert max(map(len, by_text.values())) == 1
    alike = near_duplicate_pairs(documents[:: -(-len(documents) // 3000)])
    planted = [name for name in splits if name.endswith(NEAR_COPY)]
    alike += [(name.removesuffix(NEAR_COPY), name) for name in planted]
    assert len(planted) > 10
    for first, second in alike:
        assert splits[first] == splits[second], (first, second)
    for kind in KINDS:
        for length in LENGTHS:
            for split, part in load_from_disk(
                str(real_run.corpus / f"{kind}/{length}/dataset")
            ).items():
                column = "doc_id" if kind == "entity_coref" else "doc_ids"
                values = pa.chunked_array(part.data.table[column].chunks)
                flat = values.combine_chunks()
                names = set((flat.flatten() if kind == "mlm" else flat).to_pylist())
                assert {splits[name] for name in names} == {split}


def test_the_same_bytes_for_other_shards_workers_and_hash_seed(
    real_run: RealRun, other_real_run: RealRun
) -> None:
    from scripts.common.comparison import differing

    # These are cut by shard, or describe shards; all that is made of them must be equal.
    by_shard = {
        *("documents", "sources", "duplicates", "scores", "signatures", "tokens"),
        *("candidates", "outcomes", "pair_counts"),
    }
    names = [
        name
        for name in differing(real_run.directory / "results", other_real_run.directory / "results")
        if name.split("/")[1] not in by_shard
    ]
    assert names == []
    assert len(list((real_run.corpus / "scores/ko_documents").iterdir())) == FEW_SHARDS
    assert len(list((other_real_run.corpus / "scores/ko_documents").iterdir())) == MANY_SHARDS


def test_the_shared_documents_are_no_part_of_the_repository() -> None:
    tracked = {path.name for path in ROOT.rglob("*.parquet") if ".venv" not in path.parts}
    assert not tracked & set(FILES.values())
