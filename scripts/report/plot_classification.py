"""Draw the classification track's figures from its tables.

In: rows and text lengths of each class, scores of each class and of the strategies, loss curves
(TSV; columns in `scripts.report.classification_tables`), summary.json. Out: one SVG per figure,
text as outlines of NanumGothic. The same tables give the same bytes.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.report import classification_curves as curves
from scripts.report import classification_figures as figures
from scripts.report.classification_tables import (
    read_class_counts,
    read_class_scores,
    read_classification_summary,
    read_lengths,
    read_losses,
    read_strategies,
)
from scripts.report.drawing import figure_style, save_svg


def run(
    class_counts: Path,
    text_lengths: Path,
    strategies: Path,
    classes: Path,
    losses: Path,
    summary: Path,
    zipf_figure: Path,
    lengths_figure: Path,
    f1_figure: Path,
    losses_figure: Path,
    differences_figure: Path,
) -> None:
    """Draw all figures of the classification track.

    Args:
        class_counts: rows of each class.
        text_lengths: lengths of the texts of each class.
        strategies: scores and differences of the strategies.
        classes: scores of each class by strategy.
        losses: loss curves.
        summary: the comparison's summary.
        zipf_figure: SVG to write: class sizes by rank, before and after the filter.
        lengths_figure: SVG to write: text lengths over class sizes.
        f1_figure: SVG to write: F1 over class sizes.
        losses_figure: SVG to write: loss curves.
        differences_figure: SVG to write: differences to the strategy without repair.
    """
    about = read_classification_summary(summary)
    models = about["models"]
    references = {model: found["reference"] for model, found in models.items()}
    with figure_style():
        drawn = {
            zipf_figure: figures.zipf_figure(
                read_class_counts(class_counts), about["filter"]["threshold"]
            ),
            lengths_figure: figures.lengths_figure(read_lengths(text_lengths)),
            f1_figure: figures.f1_figure(read_class_scores(classes), references),
            losses_figure: curves.losses_figure(read_losses(losses), models),
            differences_figure: curves.differences_figure(read_strategies(strategies)),
        }
        for file, figure in drawn.items():
            save_svg(figure, file)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
