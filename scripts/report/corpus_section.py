"""The corpus track's section of the page: from tables and figures to what its template shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from scripts.report.corpus_tables import (
    CeilingRow,
    DatasetRow,
    EntityRow,
    FilterCostRow,
    FunnelRow,
    PronounRow,
    SampleRow,
)
from scripts.report.filter_costs import DatasetFilters, dataset_filters, documents_by_limit
from scripts.report.funnel import (
    DatasetFunnel,
    dataset_funnels,
    outcome_label,
    samples_by_place,
)
from scripts.report.page import Section


def corpus_section(
    summary: dict[str, Any],
    *,
    funnel: Sequence[FunnelRow],
    samples: Sequence[SampleRow],
    filters: Sequence[FilterCostRow],
    pronouns: Sequence[PronounRow],
    ceilings: Sequence[CeilingRow],
    entities: Sequence[EntityRow],
    datasets: Sequence[DatasetRow],
    figures: dict[str, Markup],
) -> Section:
    """Return the section of the corpus track.

    Args:
        summary: the run's summary.
        funnel: fates of documents.
        samples: samples of each dataset and source.
        filters: what each check costs.
        pronouns: documents by number of pronouns.
        ceilings: character ceilings.
        entities: most frequent entities.
        datasets: sizes of the datasets' splits.
        figures: inline figures: funnel, filters, pronouns, attributes, ceilings, entities,
            distances, lengths.
    """
    blocks = dataset_funnels(funnel)
    checks = dataset_filters(filters)
    return Section(
        name="corpus",
        title="Corpus",
        title_korean="말뭉치",
        template="corpus.html.j2",
        glance=_glance(summary, blocks, datasets),
        glance_korean=_glance_korean(summary, blocks, datasets),
        basis=summary,
        values={
            "figures": figures,
            "blocks": blocks,
            "outcome_label": outcome_label,
            "mismatches": mismatches(summary, blocks),
            "samples": samples_by_place(samples),
            "filters": checks,
            "pronouns": pronoun_costs(checks, pronouns),
            "ceilings": list(ceilings),
            "entities": list(entities),
            "max_entity_freq": summary.get("max_entity_freq"),
            "datasets": list(datasets),
            "sources": _sources(summary),
        },
    )


@dataclass(frozen=True)
class PronounCost:
    """What a pronoun limit of 0 would cost one dataset.

    Attributes:
        cheap: documents that pass the cheap checks.
        noun_share: share of them that pass the limits of the NNP ratio too.
        kept: documents that would still pass under limits of 0, 1, 2 and 3.
        kept_share: those of limit 0 among the documents that pass the cheap checks.
        passing: documents that pass every check but the pronoun limit.
    """

    dataset: str
    cheap: int
    noun_share: float | None
    kept: tuple[int, ...]
    kept_share: float | None
    passing: int


def pronoun_costs(
    blocks: Sequence[DatasetFilters], rows: Sequence[PronounRow]
) -> list[PronounCost]:
    """Return what a pronoun limit would cost each entity-coreference dataset."""
    found = []
    curves = documents_by_limit(rows)
    for block in blocks:
        for dataset in block.datasets:
            if dataset in curves:
                kept, cheap = curves[dataset], block.cheap_passing
                found.append(
                    PronounCost(
                        dataset=dataset,
                        cheap=cheap,
                        noun_share=kept[-1] / cheap if cheap else None,
                        kept=tuple(kept[min(limit, len(kept) - 1)] for limit in range(4)),
                        kept_share=kept[0] / cheap if cheap else None,
                        passing=kept[-1],
                    )
                )
    return found


def _sources(summary: dict[str, Any]) -> list[tuple[str, int | None, str]]:
    """Return (name, documents, licence) of each source, by name."""
    sources = summary.get("sources", {})
    return [
        (name, about.get("documents"), str(about.get("licence", "–")))
        for name, about in sorted(sources.items())
    ]


def mismatches(summary: dict[str, Any], blocks: Sequence[DatasetFunnel]) -> list[str]:
    """Return a sentence for each source whose fates do not add up to its documents."""
    raw = {name: documents for name, documents, _ in _sources(summary)}
    return [
        f"{block.dataset}, {one.source}: {one.raw:,} fates for {raw[one.source]:,} documents."
        for block in blocks
        for one in block.sources
        if raw.get(one.source) is not None and raw[one.source] != one.raw
    ]


def _training_rows(datasets: Sequence[DatasetRow], dataset: str) -> DatasetRow | None:
    matching = (row for row in datasets if row.dataset == dataset and row.split == "train")
    return next(matching, None)


def _glance(
    summary: dict[str, Any], blocks: Sequence[DatasetFunnel], datasets: Sequence[DatasetRow]
) -> list[str]:
    sources = len(summary.get("sources", {}))
    origin = f" from {sources:,} {'source' if sources == 1 else 'sources'}" if sources else ""
    sentences = [f"{summary['documents']:,} documents{origin} were read."]
    for block in blocks:
        total = block.total
        text = f"{block.dataset} keeps {total.kept:,} of {total.raw:,} documents"
        if total.kept_share is not None:
            text += f" ({total.kept_share:.1%})"
        train = _training_rows(datasets, block.dataset)
        if train is not None and train.rows is not None:
            text += f" and trains on {train.rows:,} rows"
        if block.largest_loss is not None:
            reason, lost = block.largest_loss
            text += f"; most are lost as “{outcome_label(reason)}” ({lost:,})"
        sentences.append(f"{text}.")
    return sentences


def _glance_korean(
    summary: dict[str, Any], blocks: Sequence[DatasetFunnel], datasets: Sequence[DatasetRow]
) -> list[str]:
    sources = len(summary.get("sources", {}))
    origin = f"출처 {sources:,}곳에서 " if sources else ""
    sentences = [f"{origin}문서 {summary['documents']:,}건을 읽었습니다."]
    for block in blocks:
        total = block.total
        text = f"{block.dataset}: {total.raw:,}건 가운데 {total.kept:,}건"
        if total.kept_share is not None:
            text += f", 곧 {total.kept_share:.1%}"
        text += " 남김"
        train = _training_rows(datasets, block.dataset)
        if train is not None and train.rows is not None:
            text += f" (학습용 행 {train.rows:,}개)"
        sentences.append(f"{text}.")
    sentences.append(
        "문서마다 결과는 하나뿐이며, 걸러진 문서에는 처음으로 통과하지 못한 기준이 적혀 있습니다."
    )
    return sentences
