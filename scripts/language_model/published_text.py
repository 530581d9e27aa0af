"""The analysis of a bare table of results as a short document, with a Korean summary."""

from collections.abc import Sequence

from scripts.common.blocks import Block, Bullets, Grid, Heading, Paragraph
from scripts.language_model.bootstrap import NORMAL_QUANTILE
from scripts.language_model.composite import PARTS
from scripts.language_model.published import (
    LABELS,
    METRICS,
    Analysis,
    Claim,
    Difference,
    apart_from_best,
)
from scripts.language_model.published_table import Result, repeated_measurements

TITLE = "Checkpoint results"
_KINDS = {
    "same epoch": "Experiments at the same epoch and length",
    "length": "Lengths of an experiment at the same epoch",
    "best of each": "Best checkpoints against each other",
    "best and start": "Best checkpoint against the first",
    "best and last": "Best checkpoint against the last (over-fitting would show here)",
}


def analysis_blocks(
    analysis: Analysis,
    found: Sequence[Difference],
    claims: Sequence[Claim],
    *,
    data_sha256: str,
) -> list[Block]:
    """Return the document.

    Args:
        analysis: the table, its sizes and the formula.
        found: all differences.
        claims: published bests, checked.
        data_sha256: digest of the table's file.
    """
    return [
        Heading(TITLE, 1),
        Paragraph(_basis(analysis, data_sha256)),
        Heading("Summary"),
        Bullets(_summary(analysis, found, claims)),
        Heading("요약"),
        Bullets(_summary_korean(analysis, found, claims), korean=True),
        *_formula(analysis),
        *_bests(analysis),
        *_claims(claims),
        *_repeated(analysis),
        *_differences(found),
        Heading("What aggregates allow"),
        Paragraph(
            "A table of shares holds no items, so only unpaired intervals are possible: each "
            "checkpoint is taken as measured on items of its own. Checkpoints of one length were "
            "in truth scored on the same items; their difference then varies less than stated "
            "here, so what lies within its interval cannot be decided without the items. Items "
            "of one document resemble each other, which makes every interval too narrow by an "
            "unknown factor. Best checkpoints were chosen on the very items that they are "
            "compared on, which flatters them. Intervals are 95 % each: of "
            f"{len(found)} comparisons without any true difference {0.05 * len(found):.0f} would "
            "lie outside by chance."
        ),
    ]


def _basis(analysis: Analysis, data_sha256: str) -> str:
    sizes = ", ".join(f"{n:,} at {length}" for length, n in sorted(analysis.sizes.real.items()))
    formula = " + ".join(f"{analysis.weights[name]:g} · {LABELS[name]}" for name in PARTS)
    return (
        f"{len(analysis.table.rows)} checkpoints; n: Real {sizes} tokens, LAMBADA "
        f"{analysis.sizes.lambada:,}. Composite = {formula}, always recomputed. Intervals: 95 %, "
        f"normal, p ± {NORMAL_QUANTILE:.2f} · √(p(1 − p)/n). Table: sha256 {data_sha256}."
    )


def _summary(analysis: Analysis, found: Sequence[Difference], claims: Sequence[Claim]) -> list[str]:
    points = []
    stated = [row for row in analysis.table.rows if row.stated is not None]
    if stated:
        wrong = analysis.misstated()
        points.append(
            f"{len(wrong)} of {len(stated)} stated composites do not follow the formula"
            + (f": {_counted_by_experiment(wrong)}." if wrong else ".")
        )
    for group, rows in analysis.table.groups.items():
        best = analysis.best(group)
        apart = len(apart_from_best(analysis, group))
        points.append(
            f"{_group(best)}: best by the formula is step {best.step} (epoch {best.epoch}), "
            f"composite {analysis.value(best, 'composite'):.4f} ± "
            f"{analysis.aggregate(best, 'composite').half_width:.4f}; {apart} of {len(rows) - 1} "
            "other checkpoints differ from it by more than noise."
        )
    points += [_claim_sentence(claim) for claim in claims if claim.rank > 1]
    points.append(_noise_sentence(found))
    return points


def _summary_korean(
    analysis: Analysis, found: Sequence[Difference], claims: Sequence[Claim]
) -> list[str]:
    points = []
    stated = [row for row in analysis.table.rows if row.stated is not None]
    if stated:
        points.append(
            f"표에 적힌 종합 점수 {len(stated)}개 가운데 {len(analysis.misstated())}개가 공식과 "
            "맞지 않습니다."
        )
    for group in analysis.table.groups:
        best = analysis.best(group)
        points.append(
            f"{best.experiment}({best.length}): 공식으로 계산하면 스텝 {best.step}(에폭 "
            f"{best.epoch})이 가장 높습니다(종합 점수 {analysis.value(best, 'composite'):.4f})."
        )
    points += [
        f"최고라고 발표된 {claim.row.name}은(는) {LABELS[claim.metric]} 기준 {claim.of}개 중 "
        f"{claim.rank}위입니다. 1위는 스텝 {claim.best.step}입니다."
        for claim in claims
        if claim.rank > 1
    ]
    outside = sum(not one.aggregate.within_noise for one in found)
    points.append(
        f"비교 {len(found)}건 가운데 95 % 구간이 0을 벗어나는 것은 {outside}건이며, 나머지는 "
        "오차 범위 안에 있습니다. 집계값만으로는 대응 표본 비교를 할 수 없습니다."
    )
    return points


def _counted_by_experiment(rows: Sequence[Result]) -> str:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.experiment] = counts.get(row.experiment, 0) + 1
    return ", ".join(f"{count} of {experiment}" for experiment, count in counts.items())


def _noise_sentence(found: Sequence[Difference]) -> str:
    outside = [one for one in found if not one.aggregate.within_noise]
    text = f"Of {len(found)} differences {len(found) - len(outside)} lie within noise"
    if not outside:
        return f"{text}: none can be told from 0."
    kinds = []
    for kind, title in _KINDS.items():
        number = sum(one.kind == kind for one in outside)
        if number:
            kinds.append(f"{number} under “{title}”")
    return f"{text}; outside are {', '.join(kinds)}."


def _formula(analysis: Analysis) -> list[Block]:
    if all(row.stated is None for row in analysis.table.rows):
        return []
    wrong = analysis.misstated()
    blocks: list[Block] = [Heading("Stated composites against the formula")]
    if not wrong:
        return [*blocks, Paragraph("Every stated composite follows the formula.")]
    rows = [
        (
            row.experiment,
            f"{row.length}",
            f"{row.step}",
            f"{row.epoch}",
            f"{row.stated:.4f}",
            f"{analysis.value(row, 'composite'):.4f}",
            f"{(row.stated or 0.0) - analysis.value(row, 'composite'):+.4f}",
        )
        for row in wrong
    ]
    return [
        *blocks,
        Paragraph(
            f"Rounding explains {analysis.table.rounding:.5f} at most; these "
            f"{len(wrong)} rows lie further away."
        ),
        Grid(
            "Composites that do not follow the formula",
            ("experiment", "length", "step", "epoch", "stated", "by the formula", "off by"),
            rows,
        ),
    ]


def _bests(analysis: Analysis) -> list[Block]:
    rows = []
    for group, members in analysis.table.groups.items():
        best = analysis.best(group)
        stated = [row for row in members if row.stated is not None]
        by_stated = max(stated, key=lambda row: (row.stated or 0.0, -row.step), default=None)
        rows.append(
            (
                group[0],
                f"{group[1]}",
                f"{len(members)}",
                f"{best.step}",
                f"{best.epoch}",
                _with_interval(analysis, best, "composite"),
                "–" if by_stated is None else f"{by_stated.step}",
                *(f"{analysis.best(group, metric).step}" for metric in PARTS),
                f"{len(apart_from_best(analysis, group))} of {len(members) - 1}",
            )
        )
    return [
        Heading("Best checkpoints"),
        Paragraph(
            "By the recomputed composite, by the stated one, and by each metric alone: the step "
            "that a bold mark in that column should stand at. The last column counts the "
            "checkpoints that the best one beats by more than noise."
        ),
        Grid(
            "Best checkpoint of each experiment and length",
            (
                "experiment",
                "length",
                "checkpoints",
                "best step",
                "epoch",
                "composite",
                "best step as stated",
                *(f"best step by {LABELS[metric]}" for metric in PARTS),
                "beaten beyond noise",
            ),
            rows,
        ),
        Grid(
            "All checkpoints, by rank within experiment and length",
            ("experiment", "length", "rank", "step", "epoch", *(LABELS[m] for m in METRICS)),
            [
                (
                    group[0],
                    f"{group[1]}",
                    f"{analysis.rank(row, 'composite')}",
                    f"{row.step}",
                    f"{row.epoch}",
                    *(_with_interval(analysis, row, metric) for metric in METRICS),
                )
                for group in analysis.table.groups
                for row in analysis.ranked(group, "composite")
            ],
        ),
    ]


def _claims(claims: Sequence[Claim]) -> list[Block]:
    if not claims:
        return []
    return [
        Heading("Published bests, checked"),
        Bullets([_claim_sentence(claim) for claim in claims]),
    ]


def _claim_sentence(claim: Claim) -> str:
    text = (
        f"{claim.row.name}, said to be the best by {LABELS[claim.metric]}, ranks {claim.rank} of "
        f"{claim.of}"
    )
    return f"{text}." if claim.rank == 1 else f"{text}; the best is step {claim.best.step}."


def _repeated(analysis: Analysis) -> list[Block]:
    repeated = repeated_measurements(analysis.table)
    if not repeated:
        return []
    return [
        Heading("Checkpoints that are one measurement"),
        Bullets(
            [
                f"{_group(rows[0])}: steps {', '.join(str(row.step) for row in rows)} have the "
                f"same epoch ({rows[0].epoch}) and the same metrics throughout."
                for rows in repeated
            ]
        ),
    ]


def _differences(found: Sequence[Difference]) -> list[Block]:
    blocks: list[Block] = [
        Heading("Differences"),
        Paragraph(
            "First minus second, in points (hundredths), with the half-width of the unpaired 95 % "
            "interval; an asterisk marks what lies outside noise."
        ),
    ]
    for kind, title in _KINDS.items():
        of_kind = [one for one in found if one.kind == kind]
        if not of_kind:
            continue
        pairs: dict[tuple[str, str], dict[str, Difference]] = {}
        for one in of_kind:
            pairs.setdefault((one.first.name, one.second.name), {})[one.metric] = one
        blocks.append(
            Grid(
                title,
                ("first", "second", "epochs", *(LABELS[metric] for metric in METRICS)),
                [
                    (
                        by_metric[METRICS[0]].first.name,
                        by_metric[METRICS[0]].second.name,
                        _epochs(by_metric[METRICS[0]]),
                        *(_points(by_metric[metric]) for metric in METRICS),
                    )
                    for by_metric in pairs.values()
                ],
                texts=frozenset({0, 1, 2}),
            )
        )
    return blocks


def _epochs(one: Difference) -> str:
    first, second = one.first.epoch, one.second.epoch
    return f"{first}" if first == second else f"{first}, {second}"


def _points(one: Difference) -> str:
    mark = "" if one.aggregate.within_noise else " *"
    return f"{100 * one.aggregate.value:+.2f} ± {100 * one.aggregate.half_width:.2f}{mark}"


def _with_interval(analysis: Analysis, row: Result, metric: str) -> str:
    aggregate = analysis.aggregate(row, metric)
    return f"{aggregate.value:.4f} ± {aggregate.half_width:.4f}"


def _group(row: Result) -> str:
    return f"{row.experiment} at {row.length}"
