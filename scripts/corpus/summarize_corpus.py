"""Tables of the corpus track for the report and for people.

In: attributes, fates, manifests and counts of all sources and datasets. Out (TSV and JSON): the
funnel of each dataset and source, what each check costs alone, the documents by number of pronouns,
the character ceilings, histograms of the attributes, of distances and of lengths, the thresholds,
the most frequent entities before and after the cap, figures of each dataset and split, and a
summary.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from scripts.common.corpus_tables import FATES, UNREADABLE
from scripts.common.entry import entry
from scripts.common.files import DEFAULT_TMPDIR, read_json, write_json
from scripts.common.out_of_core import connect
from scripts.common.tables import iterate_batches
from scripts.common.tsv import write_tsv
from scripts.corpus.ceiling_table import CEILING_COLUMNS, PUBLISHED_CEILING, ceiling_row
from scripts.corpus.filter_costs import JudgedDocuments, load_attributes
from scripts.corpus.histogram_rows import attribute_histograms, dataset_histograms

_logger = logging.getLogger(__name__)

OUTCOMES_IN_ORDER = (
    "invalid_utf8",
    "invalid_json",
    "missing_text",
    "wrong_type",
    "empty",
    "too_short",
    "too_long",
    "few_sentences",
    "little_hangul",
    "many_symbols",
    "analysis_failed",
    "few_proper_nouns",
    "many_proper_nouns",
    "pronoun",
    "exact_duplicate",
    "near_duplicate",
    "no_token",
    "no_repeated_entity",
    "no_sample",
    "rare_entity",
    "entity_cap",
    "kept",
)
_THRESHOLDS = {
    "characters": ("min_characters", "max_characters"),
    "sentence_marks": ("min_sentence_marks", None),
    "hangul_ratio": ("min_hangul_ratio", None),
    "symbol_ratio": (None, "max_symbol_ratio"),
    "nnp_ratio": ("min_nnp_ratio", "max_nnp_ratio"),
}
FILTER_COLUMNS = (
    "dataset",
    "source",
    "check",
    "limit",
    "documents",
    "failing",
    "first",
    "alone",
    "unknown",
)
_PACKAGES = (
    "snakemake",
    "kiwipiepy",
    "kiwipiepy_model",
    "tokenizers",
    "datasets",
    "rensa",
    "duckdb",
)


def run(
    scores: list[Path],
    unreadable: list[Path],
    fates: list[Path],
    manifests: list[Path],
    shard_manifests: list[Path],
    fertility: Path,
    funnel: Path,
    samples: Path,
    filter_costs: Path,
    pronouns: Path,
    ceilings: Path,
    histograms: Path,
    thresholds: Path,
    entities: Path,
    datasets: Path,
    summary: Path,
    *,
    dataset_names: list[str],
    dataset_sources: dict[str, dict[str, Any]],
    limits: dict[str, dict[str, Any]],
    licences: dict[str, str],
    max_entity_freq: int,
    tokenizer_name: str,
    code_hash: str,
    seed: int,
    tmpdir: Path = DEFAULT_TMPDIR,
    mem_mb: int = 1000,
    threads: int = 1,
) -> None:
    """Write the tables.

    Args:
        scores: attributes of all shards.
        unreadable: rows without a document, of each source.
        fates: fates of each dataset's documents, in order of `dataset_names`.
        manifests: manifest of each dataset, in the same order.
        shard_manifests: manifest of each source's shards.
        fertility: tokenizer statistics and character ceilings.
        funnel: where documents by dataset, source and outcome go.
        samples: where the samples by dataset and source go.
        filter_costs: where the documents lost to each check go.
        pronouns: where the documents by number of pronouns go.
        ceilings: where the character ceilings go.
        histograms: where the histograms go.
        thresholds: where the thresholds go.
        entities: where the most frequent entities go.
        datasets: where the figures of datasets and splits go.
        summary: where the summary goes.
        dataset_names: kind and length of each dataset, as in "mlm_1536".
        dataset_sources: sources of each kind of dataset, with their own min_characters and
            max_characters.
        limits: thresholds of each kind of dataset.
        licences: licence of each source.
        max_entity_freq: the entity cap.
        tokenizer_name: what the tokenizer is called in the config.
        code_hash: version of this step's code.
        seed: seed of the run.
        tmpdir: local folder for what does not fit into memory.
        mem_mb: memory to use at most, in MB.
        threads: threads of the database.
    """
    metadata = dict(zip(dataset_names, map(read_json, manifests), strict=True))
    measured = read_json(fertility)
    bad = {path.parent.name: _count(path, UNREADABLE, "problem") for path in unreadable}
    documents = funnel_rows(dict(zip(dataset_names, fates, strict=True)), bad, dataset_sources)
    write_tsv(funnel, ("dataset", "source", "outcome", "documents"), documents)
    write_tsv(samples, ("dataset", "source", "samples"), sample_rows(metadata, dataset_sources))
    for line in empty_datasets(dataset_names, documents):
        _logger.warning(line)
    write_tsv(
        thresholds,
        ("dataset", "quantity", "low", "high"),
        threshold_rows(dataset_names, limits, measured["max_characters"]),
    )
    with connect(tmpdir, mem_mb=mem_mb, threads=threads) as database:
        judged = _judged_rows(database, scores, metadata, dataset_sources, limits, measured)
        rows = attribute_histograms(database, scores)
    write_tsv(filter_costs, FILTER_COLUMNS, judged["filter_costs"])
    write_tsv(pronouns, ("dataset", "source", "pronouns", "documents"), judged["pronouns"])
    write_tsv(ceilings, CEILING_COLUMNS, judged["ceilings"])
    rows += [
        ("tokens_per_character", "training sample", low, high, number)
        for low, high, number in measured["documents"]["histogram"]
    ]
    rows += [row for name in dataset_names for row in dataset_histograms(name, metadata[name])]
    write_tsv(histograms, ("quantity", "group", "low", "high", "count"), rows)
    write_tsv(
        entities,
        ("dataset", "rank", "entity", "samples_before_cap", "samples_after_cap"),
        entity_rows(metadata),
    )
    write_tsv(datasets, _DATASET_COLUMNS, dataset_rows(metadata, manifests))
    sources = {path.parent.name: read_json(path) for path in shard_manifests}
    write_json(
        summary,
        {
            "documents": sum(s["documents"] + s["unreadable"] for s in sources.values()),
            "sources": {
                name: {
                    "documents": described["documents"] + described["unreadable"],
                    "unreadable": described["unreadable"],
                    "licence": licences[name],
                }
                for name, described in sources.items()
            },
            "seed": seed,
            "versions": {name: version(name) for name in _PACKAGES},
            "code": code_hash,
            "data_sha256": _joint_sha256(metadata),
            "tokenizer": {"name": tokenizer_name, **_scalars(measured)},
            "max_entity_freq": max_entity_freq,
            "lengths": sorted({described["seq_len"] for described in metadata.values()}),
            "character_ceilings": measured["max_characters"],
            "pairs": {name: d["pairs"] for name, d in metadata.items() if "pairs" in d},
            "particles": {name: d["particles"] for name, d in metadata.items() if "pairs" in d},
        },
    )


def funnel_rows(
    fates: dict[str, Path],
    unreadable: dict[str, Counter[str]],
    sources: dict[str, dict[str, Any]],
) -> list[tuple[Any, ...]]:
    """Return (dataset, source, outcome, documents), outcomes in order, none left out."""
    rows = []
    for dataset, path in fates.items():
        counts: Counter[tuple[str, str]] = Counter()
        for batch in iterate_batches(path, FATES, rows=50_000, columns=["source", "outcome"]):
            counts.update(
                zip(batch["source"].to_pylist(), batch["outcome"].to_pylist(), strict=True)
            )
        for source in sources[kind_of(dataset)]:
            merged = unreadable[source] + Counter(
                {outcome: n for (name, outcome), n in counts.items() if name == source}
            )
            rows += [
                (dataset, source, outcome, merged[outcome])
                for outcome in OUTCOMES_IN_ORDER
                if merged[outcome]
            ]
    return rows


def sample_rows(
    metadata: dict[str, dict[str, Any]], sources: dict[str, dict[str, Any]]
) -> list[tuple[Any, ...]]:
    """Return (dataset, source, samples); MLM rows are packed of several sources and have none."""
    return [
        (name, source, described["num_samples_by_source"].get(source, 0))
        for name, described in metadata.items()
        if "num_samples_by_source" in described
        for source in sources[kind_of(name)]
    ]


def empty_datasets(names: Sequence[str], funnel: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    """Yield a line for each dataset that no document reached, with the most frequent reason."""
    for name in names:
        outcomes: Counter[str] = Counter()
        for dataset, _, outcome, documents in funnel:
            if dataset == name:
                outcomes[outcome] += documents
        if not outcomes["kept"]:
            reasons = ", ".join(f"{reason} {n}" for reason, n in outcomes.most_common(3) if n)
            yield (
                f"{name} keeps none of {outcomes.total()} documents ({reasons}); loosen the "
                f"thresholds of corpus.{kind_of(name)} or add sources"
            )


def kind_of(dataset: str) -> str:
    """Return the kind of a dataset named kind_length."""
    return dataset.rsplit("_", 1)[0]


def threshold_rows(
    datasets: Iterable[str], limits: dict[str, dict[str, Any]], ceilings: dict[str, int]
) -> list[tuple[Any, ...]]:
    """Return (dataset, quantity, low, high), empty where there is no limit."""
    rows = []
    for dataset in datasets:
        values = limits_of(dataset, limits, ceilings)
        for quantity, (low, high) in _THRESHOLDS.items():
            pair = (values.get(low or ""), values.get(high or ""))
            if pair != (None, None):
                rows.append((dataset, quantity, *("" if v is None else v for v in pair)))
    return rows


def limits_of(
    dataset: str, limits: dict[str, dict[str, Any]], ceilings: dict[str, int]
) -> dict[str, Any]:
    """Return the thresholds of a dataset, with the ceiling of its length."""
    values = dict(limits[kind_of(dataset)])
    if kind_of(dataset) == "entity_coref":
        values["max_characters"] = ceilings[dataset.rsplit("_", 1)[1]]
    return values


def _judged_rows(
    database: duckdb.DuckDBPyConnection,
    scores: Sequence[Path],
    metadata: dict[str, dict[str, Any]],
    sources: dict[str, dict[str, Any]],
    limits: dict[str, dict[str, Any]],
    fertility: dict[str, Any],
) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of the tables that need every document judged by every check."""
    load_attributes(database, scores)
    tables: dict[str, list[tuple[Any, ...]]] = {"filter_costs": [], "pronouns": [], "ceilings": []}
    for name, described in metadata.items():
        own_limits = limits_of(name, limits, fertility["max_characters"])
        judged = JudgedDocuments(database, own_limits, sources[kind_of(name)])
        tables["filter_costs"] += [
            (name, source, *("" if v is None else v for v in asdict(cost).values()))
            for source, costs in judged.costs().items()
            for cost in costs
        ]
        tables["pronouns"] += [(name, *row) for row in judged.pronouns()]
        if kind_of(name) == "entity_coref":
            documents, published = judged.passing(), judged.passing(PUBLISHED_CEILING)
            tables["ceilings"].append(
                ceiling_row(
                    name, described, fertility, documents=documents, published_documents=published
                )
            )
    return tables


def entity_rows(metadata: dict[str, dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return (dataset, rank, entity, samples before, samples after) of the most frequent ones."""
    return [
        (name, rank, row["entity"], row["samples_before_cap"], row["samples_after_cap"])
        for name, described in metadata.items()
        for rank, row in enumerate(described.get("top_entities", []), start=1)
    ]


_DATASET_COLUMNS = (
    "dataset",
    "split",
    "rows",
    "documents",
    "entities",
    "tokens",
    "mean_tokens",
    "bound_share",
    "fused_with_particle_share",
    "packing_efficiency",
    "path",
)


def dataset_rows(
    metadata: dict[str, dict[str, Any]], manifests: list[Path]
) -> list[tuple[Any, ...]]:
    """Return the figures of each dataset and split; a cell is empty where it does not apply."""
    rows: list[tuple[Any, ...]] = []
    for (name, described), manifest in zip(metadata.items(), manifests, strict=True):
        for split, n in described["num_samples_by_split"].items():
            part = described["splits"].get(split, {})
            rows.append(
                (
                    name,
                    split,
                    n,
                    part.get("documents", 0),
                    part.get("entities", ""),
                    part.get("tokens", 0),
                    _share(part.get("tokens"), n),
                    _share(part.get("bound_rows"), n),
                    _share(part.get("fused_with_particle"), n),
                    _share(part.get("packing_efficiency"), 1),
                    (manifest.parent / "dataset" / split).as_posix() if n else "",
                )
            )
    return rows


def _share(part: float | None, whole: float | None) -> float | str:
    return round(part / whole, 6) if part is not None and whole else ""


def _scalars(fertility: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fertility.items() if not isinstance(value, dict)}


def _joint_sha256(metadata: dict[str, dict[str, Any]]) -> str:
    joined = "".join(f"{name} {described['sha256']}\n" for name, described in metadata.items())
    return hashlib.sha256(joined.encode()).hexdigest()


def _count(path: Path, schema: Any, column: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for batch in iterate_batches(path, schema, rows=50_000, columns=[column]):
        counts.update(batch[column].to_pylist())
    return counts


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
