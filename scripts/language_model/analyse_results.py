"""Analyses a bare table of checkpoint results.

In: a tab-separated table with experiment, seq_len, step, epoch, real1, real5, lambada1 and, where
composites were published, score_stated; and the numbers of items behind the shares. Out: Markdown,
an HTML page, and two TSV tables (checkpoints with the recomputed composite; differences). The
composite is computed by its formula and held against the stated one; differences have unpaired
normal intervals, the only ones that aggregates allow.
"""

from pathlib import Path

from scripts.common.blocks import as_html, as_markdown
from scripts.common.entry import entry
from scripts.common.files import sha256_file, write_text
from scripts.common.tsv import write_tsv
from scripts.language_model.composite import DEFAULT_WEIGHTS, checked_weights
from scripts.language_model.published import (
    METRICS,
    Analysis,
    check_claims,
    checked_sizes,
    differences,
)
from scripts.language_model.published_table import read_results
from scripts.language_model.published_text import TITLE, analysis_blocks

CHECKPOINT_COLUMNS = (
    "experiment",
    "length",
    "step",
    "epoch",
    *METRICS,
    "composite_half_width",
    "stated",
    "follows_formula",
    "rank",
)
DIFFERENCE_COLUMNS = (
    "kind",
    "first",
    "second",
    "metric",
    "difference",
    "low",
    "high",
    "within_noise",
)


def run(
    results: Path,
    markdown: Path = Path("results_analysis.md"),
    page: Path = Path("results_analysis.html"),
    checkpoints: Path = Path("results_checkpoints.tsv"),
    comparisons: Path = Path("results_differences.tsv"),
    *,
    n_real: dict[str, int],
    n_lambada: int,
    weights: dict[str, float] | None = None,
    claims: list[str] | None = None,
) -> None:
    """Analyse a table of results.

    Args:
        results: the table.
        markdown: Markdown to write.
        page: HTML page to write.
        checkpoints: TSV to write: every checkpoint with its recomputed composite and rank.
        comparisons: TSV to write: differences with their intervals.
        n_real: items of the real set by length, e.g. {"1536": 2400, "2048": 3200}.
        n_lambada: items of LAMBADA.
        weights: weights of real_1, real_5 and lambada_1 in the composite; 0.4, 0.3 and 0.3 if not
            given.
        claims: checkpoints that were published as the best of their run, as experiment/length/step
            (by composite), or with a further /real_1, /real_5 or /lambada_1 behind it.
    """
    table = read_results(results)
    analysis = Analysis(
        table,
        checked_sizes(table, n_real, n_lambada),
        checked_weights(weights or DEFAULT_WEIGHTS),
    )
    found = differences(analysis)
    blocks = analysis_blocks(
        analysis, found, check_claims(analysis, claims or []), data_sha256=sha256_file(results)
    )
    misstated = {row.name for row in analysis.misstated()}
    write_tsv(
        checkpoints,
        CHECKPOINT_COLUMNS,
        (
            (
                row.experiment,
                row.length,
                row.step,
                row.epoch,
                *(f"{analysis.value(row, metric):.6f}" for metric in METRICS),
                f"{analysis.aggregate(row, 'composite').half_width:.6f}",
                row.stated,
                _follows(row.name, row.stated, misstated),
                analysis.rank(row, "composite"),
            )
            for row in table.rows
        ),
    )
    write_tsv(
        comparisons,
        DIFFERENCE_COLUMNS,
        (
            (
                one.kind,
                one.first.name,
                one.second.name,
                one.metric,
                f"{one.aggregate.value:.6f}",
                f"{one.aggregate.value - one.aggregate.half_width:.6f}",
                f"{one.aggregate.value + one.aggregate.half_width:.6f}",
                "yes" if one.aggregate.within_noise else "no",
            )
            for one in found
        ),
    )
    write_text(markdown, as_markdown(blocks))
    write_text(page, as_html(TITLE, blocks))


def _follows(name: str, stated: float | None, misstated: set[str]) -> str | None:
    if stated is None:
        return None
    return "no" if name in misstated else "yes"


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
