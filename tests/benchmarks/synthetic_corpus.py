"""A synthetic corpus for the global steps: shards of documents, signatures, scores, candidates.

Every value is a hash of a document's number, so that shards are made one after the other in bounded
memory and the same for any number of them. Of the documents, 4 % are exact duplicates, 6 % near-
duplicates of a text of their own, 1 % near-duplicates of one template, 10 % share one band with an
unlike text, and 2 % share one band and half their text with each other (a boilerplate page): the
bucket that all-pairs verification could not survive. Bands are drawn, not computed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scripts.common.corpus_tables import CANDIDATES, DOCUMENTS, DUPLICATES, SCORES, SIGNATURES
from scripts.common.tables import read_table, table_writer

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

SOURCE = "synthetic"
BANDS = 20
SHARED_BANDS = 5  # of near-duplicates of similarity 0.85
CHANGED_CHARACTERS = 3
SYLLABLES = 11_172
BLOCK = 20_000
# Upper ends of the ranges of a uniform number that decide what a document is.
EXACT, NEAR, TEMPLATE, ONE_BAND, BOILERPLATE = 0.04, 0.10, 0.11, 0.21, 0.23
_TEMPLATE, _BOILERPLATE = 1 << 40, 1 << 41  # numbers of texts that no document has


def mixed(values: Words, salt: int) -> Words:
    """Return 64-bit hashes of numbers (the finalizer of SplitMix64)."""
    mask = (1 << 64) - 1
    z = values + np.uint64(salt * 0x9E3779B97F4A7C15 & mask)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def fractions(numbers: Words, salt: int) -> npt.NDArray[np.float64]:
    """Return uniform numbers in [0, 1)."""
    return (mixed(numbers, salt) >> np.uint64(11)) / float(1 << 53)


@dataclass(frozen=True)
class Corpus:
    """Where the parts of the synthetic corpus lie.

    Attributes:
        folder: holds everything.
        rows: number of documents.
        shards: number of shards.
        characters: characters of a text.
        mentions: mentions in the lists of a row of scores.
    """

    folder: Path
    rows: int
    shards: int
    characters: int
    mentions: int

    @property
    def documents(self) -> Path:
        return self.folder / "documents" / SOURCE

    @property
    def manifest(self) -> Path:
        return self.folder / "sources" / SOURCE / "shards.json"

    @property
    def groups(self) -> Path:
        return self.folder / "groups.parquet"

    @property
    def splits(self) -> Path:
        return self.folder / "splits.parquet"

    def files(self, kind: str) -> list[Path]:
        """The files of all shards of "duplicates", "signatures", "scores" or "candidates"."""
        return [self.folder / kind / SOURCE / f"{n:03d}.parquet" for n in range(self.shards)]

    def blocks(self, shard: int) -> Iterator[Words]:
        """The numbers of a shard's documents in blocks."""
        first = self.rows * shard // self.shards
        last = self.rows * (shard + 1) // self.shards
        for start in range(first, last, BLOCK):
            yield np.arange(start, min(start + BLOCK, last), dtype=np.uint64)


def write_documents(corpus: Corpus) -> None:
    """Write the shards of documents and their manifest."""
    shards = []
    for shard in range(corpus.shards):
        path = corpus.documents / f"{shard:03d}.parquet"
        with table_writer(path, DOCUMENTS) as writer:
            for numbers in corpus.blocks(shard):
                zeros = np.zeros(numbers.size, dtype=np.int32)
                columns = {
                    "doc_id": _ids(numbers),
                    "key": numbers,
                    "text_hash": _text_hashes(numbers),
                    "removed_characters": zeros,
                    "replaced_surrogates": zeros,
                    "text": _texts(numbers, corpus.characters),
                }
                writer.write_table(pa.table(columns, schema=DOCUMENTS))
        shards.append({"path": path.name, "bytes": path.stat().st_size})
    corpus.manifest.parent.mkdir(parents=True, exist_ok=True)
    corpus.manifest.write_text(json.dumps({"shards": shards}), encoding="utf-8")


def write_signatures(corpus: Corpus) -> None:
    """Write the bands of documents that `deduplicate` did not find elsewhere."""
    for shard, (path, elsewhere) in enumerate(_outputs(corpus, "signatures")):
        with table_writer(path, SIGNATURES) as writer:
            for numbers in corpus.blocks(shard):
                numbers = numbers[~np.isin(numbers, elsewhere)]
                offsets = np.arange(0, numbers.size * BANDS + 1, BANDS, dtype=np.int32)
                columns = {
                    "key": numbers,
                    "text_hash": _text_hashes(numbers),
                    "bands": pa.ListArray.from_arrays(offsets, pa.array(_bands(numbers).ravel())),
                }
                writer.write_table(pa.table(columns, schema=SIGNATURES))


def write_scores(corpus: Corpus) -> None:
    """Write attributes of which about a quarter pass, beside mention lists as wide as real ones."""
    mentions = _mention_lists(corpus.mentions)
    for shard, (path, elsewhere) in enumerate(_outputs(corpus, "scores")):
        with table_writer(path, SCORES) as writer:
            for numbers in corpus.blocks(shard):
                analysis = np.where(np.isin(numbers, elsewhere), "duplicate", "analysed")
                integers = {
                    "characters": (300, 3300),
                    "sentence_marks": (0, 60),
                    "kiwi_tokens": (150, 1500),
                    "nnp": (0, 200),
                    "pronouns": (0, 8),
                    "unspanned_nouns": (0, 3),
                }
                columns = {
                    "doc_id": _ids(numbers),
                    "key": numbers,
                    "text_hash": _text_hashes(numbers),
                    "analysis": pa.array(analysis.tolist(), pa.string()),
                    "hangul_ratio": fractions(numbers, 60) * 0.7 + 0.3,
                    "symbol_ratio": fractions(numbers, 61) * 0.35,
                    "nnp_ratio": fractions(numbers, 62) * 0.25,
                }
                for salt, (name, (low, high)) in enumerate(integers.items(), start=70):
                    drawn = low + fractions(numbers, salt) * (high - low)
                    columns[name] = drawn.astype(np.int32)
                table = pa.table(columns)
                for name, one in mentions.items():
                    values = pa.concat_arrays([one] * numbers.size)
                    ends = np.arange(numbers.size + 1, dtype=np.int32) * len(one)
                    table = table.append_column(name, pa.ListArray.from_arrays(ends, values))
                writer.write_table(table)


def write_candidates(corpus: Corpus, *, entities: int = 200_000) -> None:
    """Write one sample a document; an entity's frequency falls with its rank."""
    for shard, (path, _) in enumerate(_outputs(corpus, "candidates")):
        with table_writer(path, CANDIDATES) as writer:
            for numbers in corpus.blocks(shard):
                place = entities ** fractions(numbers, 80)
                columns = {
                    "doc_id": _ids(numbers),
                    "key": numbers,
                    "source": pa.array([SOURCE] * numbers.size),
                    "split": pa.array(
                        np.where(fractions(numbers, 81) < 0.94, "train", "test").tolist()
                    ),
                    "entity": pa.array([f"개체{n}" for n in place.astype(int).tolist()]),
                    "ordinal": np.full(numbers.size, 2, dtype=np.int32),
                    "rank": mixed(numbers, 82),
                }
                writer.write_table(_filled(columns, numbers.size, CANDIDATES))


def _outputs(corpus: Corpus, kind: str) -> Iterator[tuple[Path, Words]]:
    """The file of each shard, and the keys whose text is found elsewhere."""
    for path, duplicates in zip(corpus.files(kind), corpus.files("duplicates"), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path, read_table(duplicates, DUPLICATES)["key"].to_numpy()


def _filled(columns: dict[str, pa.Array], rows: int, schema: pa.Schema) -> pa.Table:
    """A table with these columns; the others are null."""
    return pa.table(
        {field.name: columns.get(field.name, pa.nulls(rows, field.type)) for field in schema}
    )


def _ids(numbers: Words) -> pa.Array:
    return pa.array([f"{SOURCE}:{number:010d}" for number in numbers.tolist()])


def _kinds(numbers: Words) -> tuple[npt.NDArray[np.float64], Words]:
    """What each document is, and the earlier number that it is like."""
    earlier = (fractions(numbers, 2) * numbers.astype(np.float64)).astype(np.uint64)
    return fractions(numbers, 1), earlier


def _contents(numbers: Words) -> tuple[Words, Words]:
    """Number of the text that each document's text starts from, and of its own changes to it."""
    kind, earlier = _kinds(numbers)
    base = np.where(kind < NEAR, earlier, numbers)
    base = np.where((kind >= NEAR) & (kind < TEMPLATE), np.uint64(_TEMPLATE), base)
    changed = (kind >= EXACT) & (kind < TEMPLATE)
    return base, np.where(changed, numbers + np.uint64(1), np.uint64(0))


def _text_hashes(numbers: Words) -> pa.Array:
    base, variant = _contents(numbers)
    boilerplate = _is(numbers, ONE_BAND, BOILERPLATE).astype(np.uint64)
    low = mixed(base, 11) ^ mixed(variant, 12)
    high = mixed(base, 13) ^ mixed(variant, 14) ^ boilerplate
    raw = np.stack([low, high], axis=1).tobytes()
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), numbers.size, [None, pa.py_buffer(raw)]
    )


def _is(numbers: Words, low: float, high: float) -> Mask:
    kind, _ = _kinds(numbers)
    return (kind >= low) & (kind < high)


def _texts(numbers: Words, characters: int) -> pa.Array:
    base, variant = _contents(numbers)
    rows = np.arange(numbers.size)
    places = np.arange(characters, dtype=np.uint64)
    starts = base[:, None] * np.uint64(characters) + places[None, :]
    common = np.uint64(_BOILERPLATE * characters) + places[None, : characters // 2]
    boilerplate = _is(numbers, ONE_BAND, BOILERPLATE)
    starts[boilerplate, : characters // 2] = common
    codes = mixed(starts, 21) % np.uint64(SYLLABLES)
    for change in range(CHANGED_CHARACTERS):
        at = (fractions(variant, 30 + change) * characters).astype(int)
        new = mixed(variant, 40 + change) % np.uint64(SYLLABLES)
        changed = (variant > 0) & ((change == 0) | (base != _TEMPLATE))
        codes[rows, at] = np.where(changed, new, codes[rows, at])
    text = (codes.astype("<u4") + np.uint32(0xAC00)).tobytes().decode("utf-32-le")
    return pa.array([text[start : start + characters] for start in range(0, len(text), characters)])


def _bands(numbers: Words) -> Words:
    kind, earlier = _kinds(numbers)
    base, variant = _contents(numbers)
    places = np.arange(BANDS, dtype=np.uint64)

    def drawn(texts: Words) -> Words:
        return mixed(texts[:, None] * np.uint64(BANDS) + places[None, :], 51)

    bands = drawn(numbers)
    # Near-duplicates share some bands, others one, with the text that they are like.
    order = mixed(numbers[:, None] * np.uint64(BANDS) + places[None, :], 52).argsort(axis=1)
    wanted = np.where(variant > 0, SHARED_BANDS, np.where(_is(numbers, TEMPLATE, ONE_BAND), 1, 0))
    like = drawn(np.where(variant > 0, base, earlier))
    bands = np.where(order < wanted[:, None], like, bands)
    bands[(kind >= ONE_BAND) & (kind < BOILERPLATE), 0] = 7
    return bands


def _mention_lists(mentions: int) -> dict[str, pa.Array]:
    starts = np.arange(mentions, dtype=np.int32) * 11
    return {
        "mention_form": pa.array([f"낱말{n % 37}" for n in range(mentions)]),
        "mention_tag": pa.array(["NNP" if n % 4 == 0 else "NNG" for n in range(mentions)]),
        "mention_start": pa.array(starts),
        "mention_end": pa.array(starts + 3),
        "mention_particle": pa.array(["은" if n % 3 else "" for n in range(mentions)]),
    }
