"""The steps in a row: one full source, one without documents, one with fewer than shards."""

import copy
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import load_from_disk

from scripts.common.corpus_tables import OUTCOMES
from scripts.common.wordpiece import load_wordpiece
from scripts.corpus import (
    build_entity_coref,
    build_mlm,
    cap_entities,
    fingerprint_shard,
    group_near_duplicates,
    measure_fertility,
    pair_mentions,
    score_shard,
    select_documents,
    split_documents,
    tokenize_shard,
    train_tokenizer,
)
from scripts.corpus.documents import training_texts
from scripts.corpus.sample_limits import DROP_REASONS
from tests.corpus.builders import (
    articles,
    find_duplicates,
    shard_files,
    shard_texts,
    write_jsonl,
    write_rows,
)

FLOOR: dict[str, Any] = {
    "min_characters": 800,
    "max_characters": 6000,
    "min_sentence_marks": 3,
    "min_hangul_ratio": 0.4,
    "max_symbol_ratio": 0.3,
}
PROPER_NOUNS: dict[str, Any] = {"min_nnp_ratio": 0.05, "max_nnp_ratio": 0.2, "max_pronouns": None}
LENGTH = 600


class Steps:
    """The corpus track's steps over some sources, in one folder."""

    stop_list: Path | None = None
    merge_substrings = False
    minimum = 1
    longest: Mapping[str, int] = MappingProxyType({})  # of a source's documents, in characters

    def __init__(self, folder, sources):
        self.folder, self.sources = folder, sources
        self.names = [source.name for source in sources]
        self.shards = [(source, shard) for source in sources for shard in source.shard_names]
        self.folders = [source.folder for source in sources]
        self.manifests = [source.manifest for source in sources]
        self.tmp = {"tmpdir": folder / "tmp"}

    def path(self, step, source, shard):
        return self.folder / step / source.name / f"{shard}.parquet"

    def paths(self, step):
        return [self.path(step, *place) for place in self.shards]

    def each(self, step, function, *inputs, **settings):
        """Run a step of a shard on every shard."""
        for source, shard in self.shards:
            function(
                source.folder,
                source.manifest,
                *(
                    self.path(name, source, shard) if isinstance(name, str) else name
                    for name in inputs
                ),
                *(self.path(name, source, shard) for name in step),
                shard=shard,
                batch_documents=7,
                **settings,
            )

    def prepare(self):
        find_duplicates(self.folder, self.sources)
        self.each(
            ["signatures"],
            fingerprint_shard.run,
            "duplicates",
            shingle_characters=5,
            bands=20,
            band_rows=6,
            seed=1,
        )
        self.each(
            ["scores"],
            score_shard.run,
            "duplicates",
            analyse=True,
            max_failed_share=0,
            chunk_documents=3,
            **FLOOR,
        )
        groups, self.splits = self.folder / "groups.parquet", self.folder / "splits.parquet"
        group_near_duplicates.run(
            self.paths("signatures"),
            self.folders,
            self.manifests,
            groups,
            min_jaccard=0.8,
            shingle_characters=5,
            **self.tmp,
        )
        shares: dict[str, Any] = {"validation": 0.1, "test": 0.1, "holdout": 0.1}
        split_documents.run(
            self.folders, self.manifests, groups, self.splits, seed=4, **shares, **self.tmp
        )

    def tokenizer(self):
        self.tokenizer_path = self.folder / "tokenizer" / "tokenizer.json"
        self.fertility = self.folder / "fertility.json"
        train_tokenizer.run(
            self.folders,
            self.manifests,
            self.splits,
            self.tokenizer_path,
            self.folder / "tokenizer" / "tokenizer_config.json",
            vocabulary=1200,
            training_documents=500,
            batch_documents=7,
        )
        measure_fertility.run(
            self.folders,
            self.manifests,
            self.splits,
            self.tokenizer_path,
            self.fertility,
            lengths=[LENGTH],
            max_characters="measured",
            analysed_characters=6000,
            fertility_documents=500,
            batch_documents=7,
        )

    def datasets(self):
        limits = {**FLOOR, "drop_near_duplicates": True}
        self.selections = {}
        for kind in ("entity_coref", "mlm"):
            self.selections[kind] = self.folder / "selection" / f"{kind}.parquet"
            select_documents.run(
                self.paths("scores"),
                self.splits,
                None,
                self.selections[kind],
                sources={
                    name: {
                        "rank": rank,
                        "min_characters": 0,
                        "max_characters": self.longest.get(name, 10**9),
                    }
                    for rank, name in enumerate(self.names)
                },
                source_order=self.names,
                thresholds=limits | (PROPER_NOUNS if kind == "entity_coref" else {}),
                **self.tmp,
            )
        selections = list(self.selections.values())
        self.each(["tokens"], tokenize_shard.run, selections, self.tokenizer_path)
        self.each(
            ["candidates", "outcomes", "pair_counts"],
            pair_mentions.run,
            "scores",
            "tokens",
            self.selections["entity_coref"],
            self.tokenizer_path,
            self.stop_list,
            length=LENGTH,
            min_syllables=2,
            max_mentions=4,
            min_distance=10,
            max_distance=2000,
            merge_substrings=self.merge_substrings,
            seed=1,
        )
        cutoffs, rare, entities = (
            self.folder / f"{name}.parquet" for name in ("cutoffs", "rare", "entities")
        )
        frequency: dict[str, Any] = {"min_entity_freq": self.minimum, "max_entity_freq": 4}
        cap_entities.run(self.paths("candidates"), cutoffs, rare, entities, **frequency, **self.tmp)
        common: dict[str, Any] = {
            "length": LENGTH,
            "rows_per_file": 100,
            "batch_documents": 7,
            "licences": dict.fromkeys(self.names, "MIT"),
            "code_hash": "0",
            "seed": 1,
        }
        coref, mlm = self.folder / "entity_coref", self.folder / "mlm"
        build_entity_coref.run(
            self.paths("candidates"),
            self.paths("tokens"),
            self.paths("outcomes"),
            self.paths("pair_counts"),
            self.selections["entity_coref"],
            cutoffs,
            rare,
            entities,
            self.fertility,
            self.tokenizer_path,
            self.stop_list,
            coref / "dataset",
            coref / "manifest.json",
            coref / "fates.parquet",
            merge_substrings=self.merge_substrings,
            **frequency,
            **common,
        )
        build_mlm.run(
            self.paths("tokens"),
            self.selections["mlm"],
            self.fertility,
            self.tokenizer_path,
            mlm / "dataset",
            mlm / "manifest.json",
            mlm / "fates.parquet",
            packing="packed",
            **common,
        )
        return coref, mlm


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """45 articles in one source, none in the next, a handful over many shards in the last."""
    folder = tmp_path_factory.mktemp("steps")
    texts = {article.id: article.text for article in articles(50)}
    names = list(texts)
    none = write_jsonl(folder / "none.jsonl", [{"id": "a", "text": None}])
    steps = Steps(
        folder,
        [
            shard_texts(folder, "news", {name: texts[name] for name in names[:45]}, shards=1),
            shard_files(folder, "none", [none], shards=2),
            shard_texts(folder, "few", {name: texts[name] for name in names[45:47]}, shards=4),
        ],
    )
    steps.prepare()
    steps.tokenizer()
    return steps, *steps.datasets()


def test_every_document_has_one_fate(finished):
    steps, coref, mlm = finished
    documents = sorted(row["doc_id"] for source in steps.sources for row in source.rows())
    for folder in (coref, mlm):
        fates = pq.read_table(folder / "fates.parquet").to_pylist()
        assert sorted(row["doc_id"] for row in fates) == documents
        manifest = json.loads((folder / "manifest.json").read_text())
        loaded = load_from_disk(str(folder / "dataset"))
        assert manifest["num_samples"] == sum(map(len, loaded.values())) > 0
    kept = {row["doc_id"] for row in fates if row["outcome"] == "kept"}
    assert {name for part in loaded.values() for row in part["doc_ids"] for name in row} == kept


def test_mlm_rows_are_the_tokens_of_the_texts(finished):
    steps, _, mlm = finished
    wordpiece = load_wordpiece(steps.tokenizer_path)
    found: dict[str, list[int]] = {}
    for part in load_from_disk(str(mlm / "dataset")).values():
        for row in part:
            start = 0
            for name, size in zip(row["doc_ids"], row["segment_lengths"], strict=True):
                piece = row["input_ids"][start + 1 : start + size - 1]
                found.setdefault(name, []).extend(piece)
                start += size
    texts = {row["doc_id"]: row["text"] for source in steps.sources for row in source.rows()}
    for name, ids in found.items():
        assert ids == wordpiece.tokenizer.encode(texts[name], add_special_tokens=False).ids


def test_samples_fill_back_into_their_documents(finished):
    steps, coref, _ = finished
    wordpiece = load_wordpiece(steps.tokenizer_path)
    pieces = wordpiece.pieces
    texts = {row["doc_id"]: row["text"] for source in steps.sources for row in source.rows()}
    splits = {r["doc_id"]: r["split"] for r in pq.read_table(steps.splits).to_pylist()}
    frequency: dict[str, int] = {}
    for split, part in load_from_disk(str(coref / "dataset")).items():
        for row in part:
            assert splits[row["doc_id"]] == split
            if split == "train":
                frequency[row["entity"]] = frequency.get(row["entity"], 0) + 1
            text = texts[row["doc_id"]]
            start, label = row["mask_token_start"], row["label_ids"]
            ids = row["input_ids"]
            assert len(ids) <= LENGTH
            assert [n for n, i in enumerate(ids) if pieces[i] == "[MASK]"] == [
                *range(start, start + len(label))
            ]
            spelled = "".join(pieces[i].removeprefix("##") for i in label)
            assert spelled == "".join(row["surface"].split())
            assert text[row["mention_start"] : row["mention_end"]] == row["surface"]
            antecedent = text[row["antecedent_start"] : row["antecedent_end"]]
            assert "".join(antecedent.split()) == row["entity"] == spelled
            span = ids[row["antecedent_token_start"] : row["antecedent_token_end"]]
            assert row["entity"] in "".join(pieces[i].removeprefix("##") for i in span)
            assert row["distance"] == row["mention_start"] - row["antecedent_end"]
            filled = [*ids[1:start], *label, *ids[start + len(label) : -1]]
            letters = "".join(pieces[i].removeprefix("##") for i in filled)
            if "[UNK]" not in letters:
                assert letters in "".join(text.replace("\ufffd", "").split())
    assert max(frequency.values()) == 4


def test_no_more_training_texts_than_asked_for(finished):
    steps, _, _ = finished
    shards = [path for source in steps.sources for path in source.shards]
    found = list(training_texts(shards, steps.splits, documents=1, batch_documents=7))
    assert len(found) <= 1


def rows_of(coref):
    return {split: list(part) for split, part in load_from_disk(str(coref / "dataset")).items()}


def datasets_with(steps, folder, **options):
    """Make the datasets again in a folder of their own, with options of the entities."""
    other = copy.copy(steps)
    other.folder = shutil.copytree(steps.folder, folder / "steps")
    vars(other).update(options)
    return other.datasets()[0]


def test_stop_list_and_minimum_leave_out_what_they_should(finished, tmp_path):
    steps, plain_coref, _ = finished
    frequent = [
        row["entity"] for row in pq.read_table(steps.folder / "entities.parquet").to_pylist()[:3]
    ]
    stopped = set(frequent[1:])
    stop_list = tmp_path / "stop.txt"
    stop_list.write_text("# too frequent\n" + "".join(f" {name}\n" for name in stopped))
    coref = datasets_with(steps, tmp_path, stop_list=stop_list, minimum=3)

    plain, rows = rows_of(plain_coref), rows_of(coref)
    train = Counter(row["entity"] for row in rows["train"])
    assert set(train.values()) == {3, 4}
    assert frequent[0] in train
    # Evaluation splits lose the stopped entities alone, and no rare one.
    for split in ("validation", "test", "holdout"):
        assert rows[split] == [row for row in plain[split] if row["entity"] not in stopped]
    assert {row["entity"] for row in rows["test"]} - set(train)
    assert [row for row in plain["train"] if row["entity"] in train] == rows["train"]

    before, after = (
        json.loads((folder / "manifest.json").read_text()) for folder in (plain_coref, coref)
    )
    assert after["pairs"]["stop_list"]["pairs"] > 0
    assert after["dropped_samples"]["rare_entity"] > 0 == before["dropped_samples"]["rare_entity"]
    for found in (before, after):
        dropped = sum(found["dropped_samples"].values())
        assert found["pairs"]["candidate"]["pairs"] == found["num_samples"] + dropped
    total_before, total_after = (
        sum(number["pairs"] for number in found["pairs"].values()) for found in (before, after)
    )
    assert total_before == total_after
    assert (after["min_entity_freq"], after["max_entity_freq"]) == (3, 4)
    assert before["stop_list_sha256"] is None
    assert after["stop_list_sha256"] == hashlib.sha256(stop_list.read_bytes()).hexdigest()
    entities = {row["entity"] for part in rows.values() for row in part}
    assert after["num_unique_entities"] == len(entities)
    assert after["splits"]["train"]["entities"] == len(train)
    sampled = {row["doc_id"] for part in rows.values() for row in part}
    fates = pq.read_table(coref / "fates.parquet").to_pylist()
    assert {row["doc_id"] for row in fates if row["outcome"] == "kept"} == sampled


def test_merged_entities_have_their_full_form_as_antecedent(finished, tmp_path):
    steps, _, _ = finished
    coref = datasets_with(steps, tmp_path, merge_substrings=True)
    texts = {row["doc_id"]: row["text"] for source in steps.sources for row in source.rows()}
    found = [row for part in rows_of(coref).values() for row in part]
    for row in found:
        antecedent = texts[row["doc_id"]][row["antecedent_start"] : row["antecedent_end"]]
        assert "".join(antecedent.split()) == row["entity"]
        assert row["entity"].startswith("".join(row["surface"].split()))
    assert any(len(row["surface"]) < len(row["entity"]) for row in found)


def test_samples_count_for_the_source_that_their_document_is_from(tmp_path):
    """Both sources hold the same texts, analysed in the first one, which may not use them."""
    texts = {article.id: article.text for article in articles(30)}
    sources = [shard_texts(tmp_path, name, texts, shards=1) for name in ("first", "second")]
    steps = Steps(tmp_path, sources)
    steps.longest = {"first": 1}
    steps.prepare()
    steps.tokenizer()
    coref, _ = steps.datasets()
    rows = [row for part in rows_of(coref).values() for row in part]
    assert rows and {row["source"] for row in rows} == {"second"}
    manifest = json.loads((coref / "manifest.json").read_text())
    assert manifest["num_samples_by_source"] == {"second": len(rows)}


@pytest.mark.parametrize(
    ("reasons", "fate"),
    [
        (["rare_entity", "entity_cap"], "entity_cap"),
        (["rare_entity"], "rare_entity"),
        ([], "no_sample"),
    ],
)
def test_the_fate_is_how_far_the_best_sample_came(tmp_path, reasons, fate):
    outcomes = [{"doc_id": "news:1", "source": "news", "outcome": "no_sample"}]
    path = write_rows(tmp_path / "outcomes.parquet", outcomes, OUTCOMES)
    dropped = {reason: {"news:1"} if reason in reasons else set() for reason in DROP_REASONS}
    (table,) = build_entity_coref.fates_of_shard(path, set(), dropped, 7)
    assert table["outcome"].to_pylist() == [fate]
    (table,) = build_entity_coref.fates_of_shard(path, {"news:1"}, dropped, 7)
    assert table["outcome"].to_pylist() == ["kept"]
