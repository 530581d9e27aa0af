"""Draw the descriptors track's figures from its tables.

In: columns left after each stage, sizes of the clusters (TSV), map of |ρ|, steps of pass 3, pairs
of pass 4 (Parquet; columns in `scripts.report.descriptors_tables`), summary.json with the
thresholds; the threshold sweep and the bootstraps (`descriptors_sweep`, `descriptors_stability`).
Out: one SVG per figure, text as outlines of NanumGothic; the map and the pairs are pictures inside
it. The same tables give the same bytes.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.report import descriptors_figures as figures
from scripts.report.descriptors_repeat_figures import stability_figure as draw_stability
from scripts.report.descriptors_repeat_figures import sweep_figure as draw_sweep
from scripts.report.descriptors_stability import read_stability
from scripts.report.descriptors_sweep import read_sweep
from scripts.report.descriptors_tables import (
    read_descriptors_summary,
    read_heatmap,
    read_pairs,
    read_path,
    read_sizes,
    read_stages,
)
from scripts.report.descriptors_view import thresholds_of
from scripts.report.drawing import figure_style, save_svg


def run(
    funnel: Path,
    cluster_sizes: Path,
    heatmap: Path,
    path: Path,
    pairs: Path,
    summary: Path,
    sweep: Path,
    stability: Path,
    stability_summary: Path,
    funnel_figure: Path,
    sizes_figure: Path,
    heatmap_figure: Path,
    vif_figure: Path,
    dependence_figure: Path,
    sweep_figure: Path,
    stability_figure: Path,
) -> None:
    """Draw all figures of the descriptors track.

    Args:
        funnel: columns left after each stage.
        cluster_sizes: clusters by size.
        heatmap: |ρ| among survivors of pass 1.
        path: steps of pass 3.
        pairs: the most dependent pairs of pass 4.
        summary: the track's summary.
        sweep: survivors of each pass for several thresholds.
        stability: how often each descriptor survived in the bootstraps.
        stability_summary: agreement of the bootstraps with the run.
        funnel_figure: SVG to write: descriptors left after each pass.
        sizes_figure: SVG to write: clusters over their size.
        heatmap_figure: SVG to write: |ρ| ordered by cluster.
        vif_figure: SVG to write: variance inflation factors in order of removal.
        dependence_figure: SVG to write: nHSIC and RDC over |ρ|.
        sweep_figure: SVG to write: survivors against thresholds.
        stability_figure: SVG to write: how often survivors survive, and agreement by pass.
    """
    thresholds = thresholds_of(read_descriptors_summary(summary))
    with figure_style():
        drawn = {
            funnel_figure: figures.funnel_figure(read_stages(funnel)),
            sizes_figure: figures.sizes_figure(read_sizes(cluster_sizes)),
            heatmap_figure: figures.heatmap_figure(read_heatmap(heatmap)),
            vif_figure: figures.vif_figure(read_path(path), thresholds),
            dependence_figure: figures.dependence_figure(read_pairs(pairs), thresholds),
            sweep_figure: draw_sweep(read_sweep(sweep)),
            stability_figure: draw_stability(read_stability(stability, stability_summary)),
        }
        for file, figure in drawn.items():
            save_svg(figure, file)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
