"""The language_model track's section of the page: from tables and figures to its template."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from scripts.report.language_model_basis import (
    PART_NAMES,
    flattened,
    formula,
    left_out_table,
    provenance_table,
    set_table,
)
from scripts.report.language_model_forest import (
    SAME_EPOCH,
    TITLES,
    difference_label,
    measures,
    shown_differences,
)
from scripts.report.language_model_heldout import heldout_table
from scripts.report.language_model_tables import (
    REAL,
    DifferenceRow,
    MetricRow,
    RunRow,
    SeedRow,
    TargetRow,
)
from scripts.report.language_model_text import (
    advice_lines,
    contaminated_items,
    glance,
    glance_korean,
    stopped_lines,
)
from scripts.report.language_model_view import (
    COMPOSITE_STRICT,
    LOSS,
    PERPLEXITY,
    REAL_1,
    SHARES,
    Measure,
    MetricBook,
    Table,
    baseline_name,
    decimals,
    difference_of,
    millions,
    nats_of,
    percent,
    percent_of,
    points,
    points_of,
)
from scripts.report.page import Section


@dataclass(frozen=True)
class LanguageModelTables:
    """What the section is made from.

    Attributes:
        summary: sizes, definitions, advice, versions, hashes.
        metrics: metrics of all checkpoints and baselines.
        runs: a verdict on each run.
        differences: paired differences.
        targets: targets and expected ranges.
        seeds: spread over seeds.
    """

    summary: dict[str, Any]
    metrics: Sequence[MetricRow]
    runs: Sequence[RunRow]
    differences: Sequence[DifferenceRow]
    targets: Sequence[TargetRow]
    seeds: Sequence[SeedRow]


def language_model_section(tables: LanguageModelTables, figures: dict[str, Markup]) -> Section:
    """Return the section of the language_model track.

    Args:
        tables: the track's tables.
        figures: inline figures: curves, cost, differences, losses.
    """
    book = MetricBook(tables.metrics)
    return Section(
        name="language_model",
        title="Language models",
        title_korean="언어 모델",
        template="language_model.html.j2",
        glance=glance(tables.summary, book, tables.runs, tables.differences),
        glance_korean=glance_korean(tables.summary, book, tables.runs, tables.differences),
        basis=tables.summary,
        values={
            "figures": figures,
            "ranking": ranking(tables.runs),
            "stopped": stopped_lines(tables.summary, tables.runs),
            "aspects": aspects(tables.runs),
            "checkpoints": {row.run: checkpoint_table(book, row) for row in tables.runs},
            "heldout": heldout_table(book, tables.runs, tables.differences),
            "baselines": baseline_table(book),
            "particles": particle_table(book, tables.runs),
            "targets": target_table(tables.targets),
            "seeds": seed_table(tables.seeds),
            "differences": difference_tables(tables.differences, tables.runs),
            "same_epoch": same_epoch_table(tables.differences),
            "sets": set_table(tables.summary),
            "left_out": left_out_table(tables.summary),
            "contaminated": contaminated_items(tables.summary),
            "contamination": flattened(tables.summary["contamination"]),
            "definitions": sorted(tables.summary["definitions"].items()),
            "formula": formula(tables.summary["weights"]),
            "resamples": tables.summary["resamples"],
            "advice": advice_lines(tables.summary),
            "provenance": provenance_table(tables.summary),
        },
    )


def ranking(runs: Sequence[RunRow]) -> Table:
    """Return the runs in order of their test score."""
    headings = [
        "rank",
        "run",
        "kind",
        "length",
        "starts from",
        "best epoch",
        "step",
        "composite, strict: validation",
        "test",
        "composite, lenient: test",
        "gain over the start (points, test)",
        "converged at epoch",
        "over-fitting",
        "best minus last (points, test)",
        "early stopping would end at",
        "stopped after epoch",
    ]
    rows = [
        [
            str(row.rank),
            row.run,
            row.kind,
            f"{row.length:,}",
            row.init,
            row.best_epoch,
            f"{row.best_step:,}",
            percent(row.validation, row.validation_low, row.validation_high),
            percent(row.test, row.test_low, row.test_high),
            percent(row.test_lenient, row.test_lenient_low, row.test_lenient_high),
            points(row.gain, row.gain_low, row.gain_high),
            row.convergence_epoch,
            row.overfitting,
            points(row.peak_to_last, row.peak_to_last_low, row.peak_to_last_high),
            row.stop_epoch or "–",
            row.stopped_after or "–",
        ]
        for row in sorted(runs, key=lambda row: row.rank)
    ]
    words = ("run", "kind", "starts from", "over-fitting")
    return Table(headings, rows, texts=frozenset(map(headings.index, words)))


def aspects(runs: Sequence[RunRow]) -> Table:
    """Return the aspect summary; the best value of each column is marked with an asterisk."""
    headings = [
        "run",
        "start (composite, %)",
        "peak (composite, %)",
        "tokens to converge (millions)",
        "stability (SD from convergence on, points)",
        "tokens to the peak (millions)",
        "efficiency (points gained per million tokens of its own)",
    ]
    columns: list[list[float | None]] = [
        [row.start for row in runs],
        [row.test for row in runs],
        [float(row.tokens_at_convergence) for row in runs],
        [row.stability for row in runs],
        [float(row.tokens_at_best) for row in runs],
        [efficiency(row) for row in runs],
    ]
    largest_is_best = (True, True, False, False, False, True)
    texts = [
        [percent(value) for value in columns[0]],
        [percent(value) for value in columns[1]],
        [millions(row.tokens_at_convergence) for row in runs],
        ["–" if value is None else f"{100 * value:.2f}" for value in columns[3]],
        [millions(row.tokens_at_best) for row in runs],
        ["–" if value is None else f"{value:,.2f}" for value in columns[5]],
    ]
    for values, shown, largest in zip(columns, texts, largest_is_best, strict=True):
        known = [value for value in values if value is not None]
        best = (max(known) if largest else min(known)) if len(known) > 1 else None
        for place, value in enumerate(values):
            if value is not None and value == best:
                shown[place] += " *"
    return Table(
        headings,
        [[row.run, *(column[place] for column in texts)] for place, row in enumerate(runs)],
    )


def efficiency(row: RunRow) -> float | None:
    """Return points of the composite gained on the start per million of the run's own tokens.

    The tokens are those up to the best checkpoint. What the runs that it started from have read is
    part of the start, and not of the gain.
    """
    if row.gain is None or not row.own_tokens_at_best:
        return None
    return 100 * row.gain / (row.own_tokens_at_best / 1e6)


def checkpoint_table(book: MetricBook, run: RunRow) -> Table:
    """Return all metrics of a run by checkpoint, on all items; the best epoch has a ring."""
    measures = [one for one in SHARES if book.curve(run.run, one)]
    heldout = [one for one in (LOSS, PERPLEXITY) if book.curve(run.run, one)]
    headings = ["epoch", "step", *(f"{one[0]} (%)" for one in measures), *(m[0] for m in heldout)]
    rows = [
        [
            f"{epoch} ○" if epoch == run.best_epoch else epoch,
            f"{book.step(run.run, epoch):,}",
            *(percent_of(book.get(run.run, epoch, one)) for one in measures),
            *(decimals(book.get(run.run, epoch, one)) for one in heldout),
        ]
        for epoch in book.epochs[run.run]
    ]
    return Table(headings, rows)


def baseline_table(book: MetricBook) -> Table:
    """Return the baselines without a model, on all items."""
    measures = [one for one in SHARES if any(book.get(name, "", one) for name in book.baselines)]
    return Table(
        ["baseline", *(f"{one[0]} (%)" for one in measures)],
        [
            [baseline_name(name), *(percent_of(book.get(name, "", one)) for one in measures)]
            for name in book.baselines
        ],
    )


def particle_table(book: MetricBook, runs: Sequence[RunRow]) -> Table:
    """Return strict Real@1 by the particle that follows, of best checkpoints and baselines."""
    subsets = ["all", "seen", "unseen", *book.subsets(REAL, "particle:")]
    columns = [
        *((f"{row.run}@{row.best_epoch}", row.run, row.best_epoch) for row in runs),
        *((baseline_name(name), name, "") for name in book.baselines),
    ]
    rows = []
    for subset in subsets:
        measure: Measure = ("", REAL, REAL_1[2], subset)
        found = [book.get(run, epoch, measure) for _, run, epoch in columns]
        items = max((one.items for one in found if one is not None), default=0)
        if items:
            label = subset.removeprefix("particle:") if ":" in subset else f"{subset} entities"
            rows.append([label, f"{items:,}", *(percent_of(one) for one in found)])
    return Table(["particle", "items", *(label for label, _, _ in columns)], rows)


def target_table(targets: Sequence[TargetRow]) -> Table:
    """Return targets and expected ranges against what was reached on the test half."""
    rows = [
        [
            f"{row.run}@{row.epoch}",
            f"{PART_NAMES.get(row.metric, row.metric)}, {row.rule}",
            f"> {percent(row.target_low)}"
            if row.target_high is None
            else f"{percent(row.target_low)}–{percent(row.target_high)} (expected)",
            percent(row.value, row.low, row.high),
            row.verdict,
        ]
        for row in targets
    ]
    headings = ["checkpoint", "metric (%)", "wanted", "reached on the test half", "met"]
    return Table(headings, rows, texts=frozenset({0, 1, 4}))


def seed_table(seeds: Sequence[SeedRow]) -> Table:
    """Return the spread over seeds."""
    return Table(
        ["row of runs.tsv", "metric (%)", "seeds", "mean", "SD", "lowest", "highest"],
        [
            [
                row.group,
                row.metric,
                str(row.seeds),
                *(percent(value) for value in (row.mean, row.sd, row.lowest, row.highest)),
            ]
            for row in seeds
        ],
        texts=frozenset({0, 1}),
    )


def difference_tables(
    differences: Sequence[DifferenceRow], runs: Sequence[RunRow]
) -> list[tuple[str, Table]]:
    """Return (heading, table) of what the forest plot shows."""
    headings = [
        "difference",
        "metric",
        "items or tokens",
        "documents",
        "points, or nats (95 % interval)",
        "within noise",
    ]
    return [
        (
            TITLES[kind],
            Table(
                headings,
                [
                    [
                        difference_label(kind, row),
                        measure[0],
                        f"{row.items:,}",
                        f"{row.documents:,}",
                        difference_of(row),
                        row.within_noise,
                    ]
                    for measure, row in shown
                ],
                texts=frozenset({0, 1, len(headings) - 1}),
            ),
        )
        for kind, shown in shown_differences(differences, runs).items()
    ]


def same_epoch_table(differences: Sequence[DifferenceRow]) -> Table:
    """Return the strict composites' and held-out losses' differences at the same epoch."""
    of_kind = [row for row in differences if row.kind == SAME_EPOCH]
    losses = {(row.first, row.second): row for row in of_kind if measures(row, LOSS)}
    rows = []
    for row in of_kind:
        if measures(row, COMPOSITE_STRICT):
            loss = losses.get((row.first, row.second))
            rows.append(
                [
                    row.first,
                    row.second,
                    points_of(row),
                    row.within_noise,
                    *(["–", "–"] if loss is None else [nats_of(loss), loss.within_noise]),
                ]
            )
    headings = [
        "first",
        "second",
        "composite, points (95 % interval)",
        "within noise",
        "held-out loss, nats (95 % interval)",
        "within noise",
    ]
    return Table(headings, rows, texts=frozenset({0, 1, 3, 5}))
