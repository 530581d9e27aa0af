"""Small inputs for the tests of the corpus steps: sources, shards, tokenizers, articles."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from scripts.common.corpus_tables import DOCUMENTS
from scripts.common.normalize import normalize
from scripts.common.wordpiece import WordPiece, wordpiece_of
from scripts.common.wordpiece_training import frequent_characters, train
from scripts.corpus import deduplicate, shard_source
from scripts.corpus.demo_articles import DemoArticle, demo_articles

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SEED = 20


@cache
def articles(count: int) -> list[DemoArticle]:
    """The first `count` demo articles."""
    return list(islice(demo_articles(count, SEED), count))


@cache
def article_texts(count: int) -> list[str]:
    """Their normalized texts."""
    return [normalize(article.text).text for article in articles(count)]


@dataclass(frozen=True)
class Source:
    """A sharded source."""

    name: str
    folder: Path
    manifest: Path
    unreadable: Path

    @property
    def shards(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"))

    @property
    def shard_names(self) -> list[str]:
        return [path.stem for path in self.shards]

    def rows(self) -> list[dict[str, Any]]:
        """The rows of all shards, one shard after the other."""
        return [row for path in self.shards for row in pq.read_table(path).to_pylist()]

    def by_id(self) -> dict[str, dict[str, Any]]:
        return {row["doc_id"]: row for row in self.rows()}


def write_manifest(folder: Path, files: Sequence[Path]) -> Path:
    """The manifest of a local source of these files."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "manifest.json"
    entries = [
        {
            "path": str(file),
            "bytes": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        for file in files
    ]
    path.write_text(json.dumps({"kind": "local", "files": entries}), encoding="utf-8")
    return path


def shard_files(
    folder: Path, name: str, files: Sequence[Path], *, shards: int = 3, **options: Any
) -> Source:
    """Run shard_source on files."""
    source = Source(
        name,
        folder / "documents" / name,
        folder / "sources" / name / "shards.json",
        folder / "sources" / name / "unreadable.parquet",
    )
    settings: dict[str, Any] = {
        "text_fields": ["text"],
        "separator": " ",
        "id_field": "id",
        "txt_unit": "file",
        "max_documents": 10**9,
        "tmpdir": folder / "tmp",
    }
    shard_source.run(
        write_manifest(folder / "raw" / name, files),
        source.folder,
        source.manifest,
        source.unreadable,
        source=name,
        shards=shards,
        **{**settings, **options},
    )
    return source


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """JSON Lines, escaped to ASCII so that lone surrogates can stand in them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def shard_texts(
    folder: Path, name: str, texts: dict[str, str], *, shards: int = 3, **options: Any
) -> Source:
    """Shard texts given by id."""
    rows = [{"id": key, "text": text} for key, text in texts.items()]
    file = write_jsonl(folder / "input" / f"{name}.jsonl", rows)
    return shard_files(folder, name, [file], shards=shards, **options)


def find_duplicates(folder: Path, sources: Sequence[Source]) -> dict[tuple[str, str], Path]:
    """Run deduplicate; its tables by (source, shard)."""
    places = [(source.name, shard) for source in sources for shard in source.shard_names]
    paths = {place: folder / "duplicates" / place[0] / f"{place[1]}.parquet" for place in places}
    deduplicate.run(
        [source.folder for source in sources],
        [source.manifest for source in sources],
        list(paths.values()),
        source_order=[source.name for source in sources],
        tmpdir=folder / "tmp",
    )
    return paths


def write_rows(path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema) -> Path:
    """A Parquet table of rows; columns that a row lacks are null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
    return path


def write_documents(folder: Path, name: str, rows: Sequence[dict[str, Any]]) -> Source:
    """One shard, "000", of documents with given keys, and its manifest."""
    path = write_rows(folder / "documents" / name / "000.parquet", rows, DOCUMENTS)
    manifest = folder / "sources" / name / "shards.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    entry = {"path": path.name, "rows": len(rows), "bytes": path.stat().st_size, "sha256": ""}
    manifest.write_text(json.dumps({"source": name, "shards": [entry]}), encoding="utf-8")
    return Source(name, path.parent, manifest, manifest.parent / "unreadable.parquet")


def hand_wordpiece(pieces: Sequence[str], normalizer: Any = None) -> WordPiece:
    """A WordPiece tokenizer of exactly these pieces; ids follow the special tokens in order."""
    vocabulary = {piece: number for number, piece in enumerate([*SPECIAL, *pieces])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(SPECIAL))
    return checked(tokenizer)


def checked(tokenizer: Tokenizer) -> WordPiece:
    return wordpiece_of(tokenizer, json.loads(tokenizer.to_str()), "test")


@cache
def cased_wordpiece() -> WordPiece:
    """Trained on demo articles as the workflow trains it."""
    texts = article_texts(100)
    return checked(train(texts, 1500, frequent_characters(texts, 500)))


@cache
def uncased_wordpiece() -> WordPiece:
    """Like the published uncased models: lower case, no accents, so Hangul is decomposed."""
    normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True
    )
    texts = [normalizer.normalize_str(text) for text in article_texts(100)]
    trained = train(texts, 1500, frequent_characters(texts, 500))
    model = json.loads(trained.to_str())["model"]["vocab"]
    tokenizer = Tokenizer(models.WordPiece(model, unk_token="[UNK]"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(SPECIAL))
    return checked(tokenizer)
