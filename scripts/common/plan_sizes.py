"""How much a job has to do, as far as a config or a finished run says so.

A measure counts what a step's time grows with: documents of the corpus, labelled rows, molecules,
texts of retrieval sessions, steps of an encoder's training, bootstraps. Sizes come from a config
(for a plan) or from the records of a run (for what was measured), and `amount` turns both into the
measure of a single job, so that a rate of the one fits the other.

ASSUME time grows in proportion. It does not for pairs of near-duplicates, for descriptors squared
and for clusterings; docs/scale.md says where.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.common.errors import ConfigError
from scripts.common.job_states import Job
from scripts.common.names import nearest_hint

_DOCUMENTS, _ROWS, _MOLECULES = "documents", "rows", "molecules"
_TEXTS, _STEPS, _BOOTSTRAPS = "texts", "steps", "bootstraps"
_OWN_COUNTS = (_ROWS, _MOLECULES, _TEXTS)

MEASURES: dict[str, str] = {
    **dict.fromkeys(
        (
            *("shard_source", "fingerprint_shard", "score_shard", "tokenize_shard"),
            *("pair_mentions", "deduplicate", "group_near_duplicates", "split_documents"),
            *("select_documents", "cap_entities", "build_entity_coref", "build_mlm"),
            *("summarize_corpus", "check_contamination", "screen_items", "score_baselines"),
            *("train_epoch", "build_real_coref", "build_lambada"),
        ),
        _DOCUMENTS,
    ),
    **dict.fromkeys(
        (
            *("generate_rows", "read_rows", "audit_labels", "filter_classes", "split_rows"),
            *("find_label_noise", "serialize_dataset", "prepare_features", "train_linear"),
            *("prepare_transformer", "train_transformer", "train_unfiltered", "score_audit"),
        ),
        _ROWS,
    ),
    **dict.fromkeys(
        (
            *("enumerate_library", "shard_molecules", "compute_descriptors", "describe_table"),
            *("filter_variance", "correlate_descriptors", "eliminate_collinear"),
        ),
        _MOLECULES,
    ),
    **dict.fromkeys(
        (
            *("generate_session", "build_session", "update_memory", "evaluate_session"),
            *("evaluate_accumulated", "evaluate_bm25", "prepare_encoder"),
        ),
        _TEXTS,
    ),
    "train_encoder": _STEPS,
    "assess_stability": _BOOTSTRAPS,
}
# Their jobs search all sessions so far.
_ACCUMULATED = {"evaluate_accumulated", "evaluate_bm25"}
# What they take hangs on the model, which a record does not tell.
MODEL_STEPS = frozenset(
    {
        *("prepare_base_model", "train_epoch", "evaluate_checkpoint", "train_transformer"),
        *("prepare_encoder", "update_memory", "train_encoder", "evaluate_session"),
    }
)


@dataclass(frozen=True)
class Sizes:
    """What there is to do; None, or no entry, where it is unknown.

    Attributes:
        documents: documents of each source of the corpus.
        shards: shards of each source.
        rows: labelled rows.
        molecules: molecules of the descriptors' table.
        molecule_shards: jobs that compute their descriptors.
        texts: documents and queries of one retrieval session.
        steps: steps of an encoder's training in one session.
        bootstraps: of the descriptors' stability.
    """

    documents: Mapping[str, float] = field(default_factory=dict)
    shards: Mapping[str, int] = field(default_factory=dict)
    rows: float | None = None
    molecules: float | None = None
    molecule_shards: int | None = None
    texts: float | None = None
    steps: float | None = None
    bootstraps: float | None = None


def amount(step: str, wildcards: Mapping[str, str], sizes: Sizes) -> float | None:
    """Return how much a job has to do in its step's measure, None where that is unknown.

    Args:
        step: name of the job's rule.
        wildcards: the job's wildcards.
        sizes: of the plan or run that the job belongs to.
    """
    measure = MEASURES.get(step)
    if measure == _DOCUMENTS:
        return _documents(wildcards, sizes)
    if measure == _ROWS:
        return sizes.rows
    if measure == _MOLECULES:
        return _molecules(wildcards, sizes)
    if measure == _TEXTS and sizes.texts is not None:
        return sizes.texts * (int(wildcards["session"]) + 1 if step in _ACCUMULATED else 1)
    return {_STEPS: sizes.steps, _BOOTSTRAPS: sizes.bootstraps}.get(measure or "")


def _documents(wildcards: Mapping[str, str], sizes: Sizes) -> float | None:
    source = wildcards.get("source")
    if source is None:
        known = [sizes.documents.get(name) for name in sizes.shards]
        return sum(n for n in known if n is not None) if known and None not in known else None
    documents = sizes.documents.get(source)
    if documents is None or "shard" not in wildcards:
        return documents
    return documents / sizes.shards[source] if sizes.shards.get(source) else None


def _molecules(wildcards: Mapping[str, str], sizes: Sizes) -> float | None:
    if "shard" not in wildcards or sizes.molecules is None:
        return sizes.molecules
    return sizes.molecules / sizes.molecule_shards if sizes.molecule_shards else None


def sizes_of_config(
    config: Mapping[str, Any],
    sources: Mapping[str, Mapping[str, Any]],
    *,
    given: Mapping[str, float],
    results: Path,
) -> Sizes:
    """Return the sizes that a config states, those given taking precedence.

    Args:
        config: the settled configuration.
        sources: rows of the sources table by name.
        given: documents of a source by its name; "rows", "molecules", "texts" (of a session).
        results: results of the plan's own folder: manifests of its sources tell their documents.

    Raises:
        ConfigError: a given name is none of these.
    """
    names = [*sources, *_OWN_COUNTS]
    for name in given:
        if name not in names:
            hint = nearest_hint(name, {other: other for other in names})
            raise ConfigError(f"sizes: {name} is unknown; {hint}allowed: {', '.join(names)}")
    documents = {
        name: given.get(name, _documents_of_source(name, row, config, results))
        for name, row in sources.items()
    }
    labelled, table, sessions = (
        config[track] for track in ("classification", "descriptors", "retrieval")
    )
    drawn = sessions["generated"]
    training = sessions["training"]
    return Sizes(
        documents={name: number for name, number in documents.items() if number is not None},
        shards={name: int(row["shards"]) for name, row in sources.items()},
        rows=given.get(_ROWS, _if_kind(labelled, "generated", labelled["generated"]["rows"])),
        molecules=given.get(_MOLECULES, _if_kind(table, "library", table["library"]["molecules"])),
        molecule_shards=int(table["molecules"]["shards"]),
        texts=given.get(
            _TEXTS, _if_kind(sessions, "generated", drawn["documents"] + drawn["queries"])
        ),
        steps=training["steps"] if training["budget"] == _STEPS else None,
        bootstraps=table["stability"]["bootstraps"],
    )


def _if_kind(section: Mapping[str, Any], kind: str, number: float) -> float | None:
    return float(number) if section["input"]["kind"] == kind else None


def _documents_of_source(
    name: str, row: Mapping[str, Any], config: Mapping[str, Any], results: Path
) -> float | None:
    try:
        manifest = json.loads(
            (results / "corpus" / "sources" / name / "shards.json").read_text(encoding="utf-8")
        )
        return float(sum(shard["rows"] for shard in manifest["shards"]))
    except (OSError, ValueError, KeyError, TypeError):
        return float(config["corpus"]["demo_articles"]) if row["kind"] == "demo" else None


def sizes_of_records(jobs: Iterable[Job]) -> Sizes:
    """Return the sizes of the run that left these records, as far as they tell."""
    jobs = [job for job in jobs if job.finished]

    def done(step: str, source: str | None = None) -> float | None:
        """Return the items of a step's first stage, the mean over its jobs."""
        found = [
            job.record.stages[0].done
            for job in jobs
            if _step(job) == step and job.record.stages
            if source is None or job.record.wildcards.get("source") == source
        ]
        return sum(found) / len(found) if found else None

    shards: dict[str, set[str]] = {}
    molecule_shards: set[str] = set()
    for job in jobs:
        wildcards = job.record.wildcards
        if _step(job) == "fingerprint_shard":
            shards.setdefault(wildcards["source"], set()).add(wildcards["shard"])
        if _step(job) == "compute_descriptors":
            molecule_shards.add(wildcards["shard"])
    documents = {source: done("shard_source", source) for source in shards}
    return Sizes(
        documents={name: number for name, number in documents.items() if number is not None},
        shards={source: len(names) for source, names in shards.items()},
        rows=done("read_rows"),
        molecules=done("shard_molecules"),
        molecule_shards=len(molecule_shards) or None,
        texts=done("build_session"),
        steps=done("train_encoder"),
        bootstraps=done("assess_stability"),
    )


def _step(job: Job) -> str:
    return job.key.partition("/")[0]
