"""What a finished dataset says about itself: metadata.json and the dataset card."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from scripts.common.arrow_dataset import describe_files
from scripts.common.blocks import markdown_text
from scripts.common.corpus_tables import ENTITIES
from scripts.common.files import sha256_file, write_json
from scripts.common.tables import iterate_batches

FORMAT_VERSION = "1"
DISTANCE_CLASSES = {"short": (10, 200), "medium": (200, 800), "long": (800, 2000)}
_TOP_ENTITIES = 30
_DISTANCE_BIN = 10  # characters; divides the edges of the distance classes
_SAMPLES_OF_SPLIT = {
    "train": "samples_after_cap",
    "validation": "validation",
    "test": "test",
    "holdout": "holdout",
}
_PACKAGES = ("kiwipiepy", "kiwipiepy_model", "tokenizers", "datasets", "pyarrow")


def dataset_metadata(
    dataset_type: str,
    length: int,
    *,
    rows: dict[str, int],
    tokenizer: Path,
    fertility: dict[str, Any],
    sources: list[str],
    seed: int,
    code_hash: str,
    extra: dict[str, Any],
) -> dict[str, Any]:
    """Return the content of metadata.json.

    Args:
        dataset_type: "entity_coref" or "mlm".
        length: length in tokens.
        rows: number of rows of each split.
        tokenizer: path of the tokenizer.
        fertility: content of fertility.json.
        sources: names of the sources.
        seed: seed of the run.
        code_hash: version of the building step's code.
        extra: statistics of the dataset's own kind.
    """
    return {
        "dataset_type": dataset_type,
        "version": FORMAT_VERSION,
        "seq_len": length,
        "num_samples": sum(rows.values()),
        "num_samples_by_split": rows,
        "source_datasets": sources,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "tokenizer_sha256": sha256_file(tokenizer),
        "tokenizer_vocabulary": fertility["vocabulary"],
        "tokens_per_character": fertility["tokens_per_character"],
        "max_characters": fertility["max_characters"].get(str(length)),
        "seed": seed,
        "code_version": code_hash,
        "package_versions": {name: version(name) for name in _PACKAGES},
        **extra,
    }


def describe_dataset(
    folder: Path, metadata: dict[str, Any], licences: dict[str, str]
) -> dict[str, Any]:
    """Write metadata.json and the card into a dataset's folder; return the dataset's manifest.

    The manifest is the metadata without the time, and the files with their SHA-256.
    """
    (folder / "README.md").write_text(dataset_card(metadata, licences), encoding="utf-8")
    files = describe_files(folder)
    write_json(folder / "metadata.json", metadata)
    return {name: value for name, value in metadata.items() if name != "created_at"} | files


class Distribution:
    """Counts of whole numbers, for exact statistics in memory bounded by the range of values."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()

    def add(self, value: int) -> None:
        """Count one value."""
        self.counts[value] += 1

    def summary(self) -> dict[str, float | int]:
        """Return n, mean, minimum, quartiles and maximum; n alone where there is nothing."""
        if not self.counts:
            return {"n": 0}
        values = np.array(sorted(self.counts))
        counts = np.array([self.counts[value] for value in values.tolist()])
        cumulative = np.cumsum(counts)
        total = int(cumulative[-1])
        quartiles = {
            name: int(values[np.searchsorted(cumulative, share * total)])
            for name, share in (("q25", 0.25), ("median", 0.5), ("q75", 0.75))
        }
        return {
            "n": total,
            "mean": float(values @ counts / total),
            "min": int(values[0]),
            **quartiles,
            "max": int(values[-1]),
        }


class EntityCorefStatistics:
    """Statistics of the rows of an entity-coreference dataset, added row by row."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.distances, self.entity_lengths = Distribution(), Distribution()
        self.tokens: defaultdict[str, Distribution] = defaultdict(Distribution)
        self.documents: Counter[str] = Counter()
        self._last_document = ""
        self.rows: Counter[str] = Counter()
        self.bound: Counter[str] = Counter()
        self.fused: Counter[str] = Counter()
        self.fused_with_particle: Counter[str] = Counter()
        self.particles: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()

    def add(self, split: str, row: dict[str, Any]) -> None:
        """Add one row; the rows of a document come one after the other."""
        self.rows[split] += 1
        self.documents[split] += row["doc_id"] != self._last_document
        self._last_document = row["doc_id"]
        self.bound[split] += row["bound"]
        self.fused[split] += row["fused"]
        self.fused_with_particle[split] += row["fused"] and row["particle"] != ""
        self.distances.add(row["distance"])
        self.entity_lengths.add(len(row["entity"]))
        self.tokens[split].add(len(row["input_ids"]))
        self.particles[row["particle"] or "none"] += 1
        self.sources[row["source"]] += 1

    def summary(self, entities: Path) -> dict[str, Any]:
        """Return the statistics by name.

        Args:
            entities: table of the samples of each entity, most frequent first.
        """
        top, unique = _entity_counts(entities)
        counts = self.distances.counts
        return {
            "num_samples_by_source": dict(sorted(self.sources.items())),
            "num_unique_entities": unique["any"],
            "top_entities": top,
            "entity_length_stats": self.entity_lengths.summary(),
            "distance_stats": self.distances.summary(),
            "distance_distribution": {
                name: sum(number for distance, number in counts.items() if low <= distance < high)
                for name, (low, high) in _distance_edges().items()
            },
            "distance_histogram": _histogram(counts, _DISTANCE_BIN),
            "particles": dict(sorted(self.particles.items())),
            "splits": {
                split: {
                    "rows": self.rows[split],
                    "documents": self.documents[split],
                    "entities": unique[split],
                    "tokens": _total(self.tokens[split]),
                    "bound_rows": self.bound[split],
                    "fused_mentions": self.fused[split],
                    "fused_with_particle": self.fused_with_particle[split],
                }
                for split in self.rows
            },
            "token_histogram": _histogram(
                _merged(self.tokens.values()), max(1, self.length // 32), upper=True
            ),
        }


class MlmStatistics:
    """Statistics of the rows of an MLM dataset, added row by row."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.rows: Counter[str] = Counter()
        self.tokens: defaultdict[str, Distribution] = defaultdict(Distribution)
        self.documents: Counter[str] = Counter()
        self.document_tokens: Counter[str] = Counter()
        self.longer: Counter[str] = Counter()

    def add_document(self, split: str, tokens: int) -> None:
        """Add one document of `tokens` tokens, special tokens not included."""
        self.documents[split] += 1
        self.document_tokens[split] += tokens
        self.longer[split] += tokens + 2 > self.length

    def add(self, split: str, row: dict[str, Any]) -> None:
        """Add one row."""
        self.rows[split] += 1
        self.tokens[split].add(len(row["input_ids"]))

    def summary(self) -> dict[str, Any]:
        """Return the statistics by name."""
        rows = sum(self.rows.values())
        tokens = sum(map(_total, self.tokens.values()))
        return {
            "packing_efficiency": tokens / (rows * self.length) if rows else None,
            "splits": {
                split: {
                    "rows": self.rows[split],
                    "documents": self.documents[split],
                    "document_tokens": self.document_tokens[split],
                    "tokens": _total(self.tokens[split]),
                    "documents_longer_than_row": self.longer[split],
                    "packing_efficiency": _total(self.tokens[split])
                    / (self.rows[split] * self.length),
                }
                for split in self.rows
            },
            "token_histogram": _histogram(
                _merged(self.tokens.values()), max(1, self.length // 32), upper=True
            ),
        }


def _entity_counts(entities: Path) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Return the most frequent entities, and how many entities each split (and any) has."""
    top: list[dict[str, Any]] = []
    unique: Counter[str] = Counter()
    for batch in iterate_batches(entities, ENTITIES, rows=10_000):
        top += batch.slice(0, max(0, _TOP_ENTITIES - len(top))).to_pylist()
        has = {split: batch[column].to_numpy() > 0 for split, column in _SAMPLES_OF_SPLIT.items()}
        unique["any"] += int(np.count_nonzero(np.logical_or.reduce(list(has.values()))))
        for split in has:
            unique[split] += int(np.count_nonzero(has[split]))
    return top, unique


def _distance_edges() -> dict[str, tuple[int, int]]:
    """Return the distance classes with open ends: shorter ones are short, longer ones long."""
    edges = dict(DISTANCE_CLASSES)
    edges["short"] = (0, edges["short"][1])
    edges["long"] = (edges["long"][0], 1 << 62)
    return edges


def _merged(distributions: Any) -> Counter[int]:
    merged: Counter[int] = Counter()
    for distribution in distributions:
        merged.update(distribution.counts)
    return merged


def _total(distribution: Distribution) -> int:
    return sum(value * number for value, number in distribution.counts.items())


def _histogram(counts: Counter[int], width: int, *, upper: bool = False) -> list[list[int]]:
    """Return [low, high, count] of the bins of `width` from 0 to the largest value.

    A value on an edge counts in the bin above it, or with `upper` in the bin below: so a full row
    of a model's length stands below that length.
    """
    binned: Counter[int] = Counter()
    for value, number in counts.items():
        binned[max(0, value - upper) // width] += number
    return [[b * width, (b + 1) * width, binned[b]] for b in range(max(binned, default=-1) + 1)]


def dataset_card(metadata: dict[str, Any], licences: dict[str, str]) -> str:
    """Return the dataset card as Markdown."""
    lines = [
        f"# dure {metadata['dataset_type']}, {metadata['seq_len']} tokens",
        "",
        f"{metadata['num_samples']:,} rows; open with "
        "`datasets.load_from_disk(...)`; figures in `metadata.json`.",
        "",
        "| split | rows |",
        "|---|---:|",
        *(f"| {split} | {rows:,} |" for split, rows in metadata["num_samples_by_split"].items()),
        "",
        "| source | licence of the texts |",
        "|---|---|",
        *(
            f"| {source} | {markdown_text(licences[source])} |"
            for source in metadata["source_datasets"]
        ),
        "",
        f"Tokenizer: WordPiece, {metadata['tokenizer_vocabulary']:,} pieces, SHA-256 "
        f"`{metadata['tokenizer_sha256']}`. Seed {metadata['seed']}, code "
        f"`{metadata['code_version']}`.",
        "",
        "`holdout` is for evaluation only: no training set may contain it.",
        "",
    ]
    return "\n".join(lines)
