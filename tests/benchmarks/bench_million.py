"""Memory and time of the four passes of the descriptors track on a million rows.

The table is made from the rows of a real one (`million_rows.py`) and goes through the track's own
steps, each in a process of its own, so that its peak of resident memory is its own. Growth is that
of the resident memory between the first and the last block of a stage, as the steps note it
themselves. Beside each step stands its floor: the same reading, sorting, spilling and matrix
products by bare library calls with the same threads in the same run (`descriptor_floors.py`).
Pass 4 runs on subsamples of rows as well, for what they change; on all rows only where the two
smallest subsamples let expect that it ends in time.

A million rows of 1,775 columns need 7 GB for the table at most and 6 GB for ranks:

    python -m tests.benchmarks.bench_million --table 'DIR/*.parquet' --folder DIR
"""

import multiprocessing
import platform
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from glob import glob
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import tyro

from tests.benchmarks.descriptor_steps import SEED, Cost, Steps
from tests.benchmarks.million_rows import make_table

MOST_MB, MOST_GROWTH_MB = 4000, 50
_PACKAGES = ("numpy", "scipy", "torch", "pyarrow")
_COLUMN_STEPS = (
    *("describe_table", "filter_variance", "correlate_descriptors", "cluster_correlated"),
    "eliminate_collinear",
)


Floors = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Sample:
    """What pass 4 gave on some rows.

    Attributes:
        rows: their number.
        measured: cost of measuring.
        clustered: cost of clustering.
        survivors: descriptors that are left.
        edges: (p, p) whether a pair reaches a threshold.
    """

    rows: int
    measured: Cost
    clustered: Cost
    survivors: set[str]
    edges: np.ndarray


def main(
    table: str,
    folder: Path,
    *,
    rows: int = 1_000_000,
    columns: int = 1775,
    part_rows: int = 50_000,
    memory_mb: float = 2000,
    threads: int = 2,
    subsamples: tuple[int, ...] = (25_000, 50_000, 100_000, 200_000),
    most_minutes: float = 30,
    keep: bool = False,
    markdown: Path | None = None,
) -> None:
    """Make the table, run the passes, print what they took.

    Args:
        table: glob of the real table's Parquet parts.
        folder: local disk for the table and the results.
        rows: rows to make.
        columns: columns to choose.
        part_rows: rows of a part.
        memory_mb: memory that each pass is given.
        threads: threads of each pass and of its floor.
        subsamples: numbers of rows that pass 4 runs on besides.
        most_minutes: time that pass 4 may be expected to take on all rows; above, it runs on the
            largest subsample alone.
        keep: leave the table where it is.
        markdown: file that takes the printed text as well.
    """
    sources = sorted(Path(path) for path in glob(table))
    if not sources:
        raise SystemExit(f"{table} names no file")
    _tell(f"{rows * columns * 4 / 1e9:.1f} GB of values at most, as much again for ranks")
    parts = make_table(
        sources,
        folder / "table",
        rows=rows,
        columns=columns,
        part_rows=part_rows,
        seed=SEED,
        workers=threads,
    )
    steps = Steps(folder / "results", parts, memory_mb, threads)
    costs = [_run(steps, step) for step in _COLUMN_STEPS]
    samples = _samples(steps, [n for n in sorted(subsamples) if n < rows], rows, most_minutes)
    costs += [samples[-1].measured, samples[-1].clustered]
    left = columns_left(steps)
    # In a process of its own, for the limits on threads.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        floors = pool.submit(floors_of, steps, left, samples[-1].rows).result()
    size = sum(part.stat().st_size for part in parts)
    text = "\n".join(
        [
            f"{rows:,} rows × {columns:,} columns of float32, {size / 1e9:.1f} GB in "
            f"{len(parts)} parts, from {sum(pq.read_metadata(s).num_rows for s in sources):,} "
            f"real rows; {threads} threads, memory_mb {memory_mb:g}; pass 4 on "
            f"{samples[-1].rows:,} rows. {_processor()}, Python {platform.python_version()}, "
            + ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
            + ".",
            "",
            *table_of_steps(costs, floors, left),
            "",
            *table_of_stages(costs),
            "",
            *table_of_samples(samples),
            "",
            *verdicts(costs),
            "",
        ]
    )
    print(text)
    if markdown is not None:
        markdown.write_text(text, encoding="utf-8")
    if not keep:
        shutil.rmtree(folder / "table")


def _run(steps: Steps, step: str) -> Cost:
    cost = steps.run(step)
    _tell(f"{step}: {cost.seconds:.0f} s, {cost.cpu:.0f} s of CPU, peak {cost.peak_mb:.0f} MB")
    return cost


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _samples(steps: Steps, sizes: list[int], rows: int, most_minutes: float) -> list[Sample]:
    """Run pass 4 on subsamples, and on all rows where that is expected to end in time."""
    found = [_sample(steps, size) for size in sizes]
    if len(found) > 1:
        small, large = found[0], found[1]
        a_row = (large.measured.seconds - small.measured.seconds) / (large.rows - small.rows)
        expected = (small.measured.seconds + a_row * (rows - small.rows)) / 60
        _tell(f"pass 4 on all rows: {expected:.1f} minutes expected")
        if expected > most_minutes:
            return found
    return [*found, _sample(steps, rows)]


def _sample(steps: Steps, rows: int) -> Sample:
    from scripts.descriptors.matrices import read_matrices

    steps = replace(steps, rows=rows)
    nonlinear = steps.settings["nonlinear"]
    _tell(f"pass 4 on {rows:,} rows")
    measured, clustered = (
        _run(steps, step) for step in ("measure_dependence", "cluster_dependent")
    )
    matrices = read_matrices(steps.path("dependence.safetensors"))
    removed = _removed(steps, 4)
    with np.errstate(invalid="ignore"):
        edges = (matrices.arrays["hsic"] >= nonlinear["hsic_threshold"]) | (
            matrices.arrays["rdc"] >= nonlinear["rdc_threshold"]
        )
    return Sample(
        rows, measured, clustered, set(matrices.names) - removed, np.triu(edges, 1).astype(bool)
    )


def _removed(steps: Steps, number: int) -> set[str]:
    return set(pq.read_table(steps.path(f"events{number}.parquet"))["removed"].to_pylist())


def columns_left(steps: Steps) -> list[list[str]]:
    """Return the descriptors of the table, and those that are left after each pass, sorted."""
    left = sorted(pq.read_table(steps.path("statistics.parquet"))["name"].to_pylist())
    found = [left]
    for number in (1, 2, 3, 4):
        removed = _removed(steps, number)
        left = [name for name in left if name not in removed]
        found.append(left)
    return found


def floors_of(steps: Steps, left: list[list[str]], rows: int) -> Floors:
    """Return for each step with a floor what it is made of: (seconds, processor seconds) each.

    Args:
        steps: the steps, their results in place.
        left: descriptors before and after each pass.
        rows: rows of pass 4.
    """
    from scripts.descriptors.columns import DescriptorTable
    from tests.benchmarks import descriptor_floors as bare

    threads, parts = steps.threads, steps.parts
    table = DescriptorTable(steps.path("table.json"), steps.path("converted"))
    exact = table.rows <= steps.settings["spearman"]["exact_rows"]
    everything, after1, after2, after3 = left[:4]
    masks = [bare.masks_of(parts[0], names) for names in left]

    def ordering(names: list[str], *, number: int = table.rows, ranks: bool = True) -> np.ndarray:
        return bare.sorting(table, names, threads, ranks=ranks, rows=number)

    return {
        "describe_table": {"hash": bare.hashing(parts)},
        "filter_variance": {
            "read": bare.reading(parts, everything, threads),
            "sort": ordering(everything, ranks=False),
        },
        "correlate_descriptors": {
            "read": bare.reading(parts, after1, threads),
            "argsort": ordering(after1),
            "spill": bare.spilling(steps.folder, table.rows * len(after1)),
            "GEMM": bare.rank_products(table.rows, len(after1), masks[1], threads, exact=exact),
        },
        # Two matrices: one of ranks, one of the values.
        "eliminate_collinear": {
            "read": 2 * bare.reading(parts, after2, threads),
            "argsort": ordering(after2),
            "spill": 2 * bare.spilling(steps.folder, table.rows * len(after2)),
            "GEMM": 2 * bare.rank_products(table.rows, len(after2), masks[2], threads, exact=True),
        },
        "measure_dependence": {
            "read": bare.reading(parts, after3, threads),
            "argsort": ordering(after3, number=rows),
            "spill": bare.spilling(steps.folder, rows * len(after3)),
            "GEMM": bare.dependence_products(rows, len(after3), masks[3], threads),
        },
    }


def table_of_steps(costs: list[Cost], floors: Floors, left: list[list[str]]) -> list[str]:
    """Return the table of steps as Markdown lines."""
    counts = [len(names) for names in left]
    passes = dict(
        zip(_PASS_OF, [(0, 0), (0, 1), (1, 1), (1, 2), (2, 3), (3, 3), (3, 4)], strict=True)
    )
    lines = [
        "| pass | step | s | floor s | ratio | CPU s | floor CPU s | CPU ratio | floor is "
        "| peak MB | growth MB | columns in | columns out |",
        "|---|---|" + "---:|" * 6 + "---|" + "---:|" * 4,
    ]
    for cost in costs:
        floor = floors.get(cost.step, {})
        least = sum(floor.values(), np.zeros(2))
        before, after = passes[cost.step]
        growth = [stage.growth for stage in cost.stages if stage.blocks > 1]
        cells = [
            _PASS_OF[cost.step],
            cost.step,
            f"{cost.seconds:.0f}",
            f"{least[0]:.0f}" if floor else "",
            f"{cost.seconds / least[0]:.1f}" if floor else "",
            f"{cost.cpu:.0f}",
            f"{least[1]:.0f}" if floor else "",
            f"{cost.cpu / least[1]:.1f}" if floor else "",
            " + ".join(f"{name} {seconds[0]:.0f}" for name, seconds in floor.items()),
            f"{cost.peak_mb:,.0f}",
            f"{max(growth):+.0f}" if growth else "",
            f"{counts[before]:,}",
            f"{counts[after]:,}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


_PASS_OF = {
    "describe_table": "",
    "filter_variance": "1",
    "correlate_descriptors": "2",
    "cluster_correlated": "2",
    "eliminate_collinear": "3",
    "measure_dependence": "4",
    "cluster_dependent": "4",
}


def table_of_stages(costs: list[Cost]) -> list[str]:
    """Return resident memory by stage as Markdown lines."""
    lines = [
        "| step | stage | blocks | s | MB after the first | MB after the last | most MB |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for cost in costs:
        for stage in cost.stages:
            lines.append(
                f"| {cost.step} | {stage.name} | {stage.blocks} | {stage.seconds:.1f} "
                f"| {stage.first:,.0f} | {stage.last:,.0f} | {stage.largest:,.0f} |"
            )
    return lines


def table_of_samples(samples: list[Sample]) -> list[str]:
    """Return what pass 4 gives on more and more rows as Markdown lines."""
    last = samples[-1]
    lines = [
        f"| rows of pass 4 | s | survivors | Jaccard to {last.rows:,} | edges "
        f"| edges that differ from {last.rows:,} | from the row before |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    before = {late.rows: early for early, late in pairwise(samples)}
    for sample in samples:
        union = sample.survivors | last.survivors
        jaccard = len(sample.survivors & last.survivors) / len(union)
        early = before.get(sample.rows)
        differ = "" if early is None else f"{int((sample.edges ^ early.edges).sum()):,}"
        lines.append(
            f"| {sample.rows:,} | {sample.measured.seconds:.0f} | {len(sample.survivors):,} "
            f"| {jaccard:.4f} | {int(sample.edges.sum()):,} "
            f"| {int((sample.edges ^ last.edges).sum()):,} | {differ} |"
        )
    return lines


def verdicts(costs: list[Cost]) -> list[str]:
    """Return whether the bounds are met."""
    peak = max(cost.peak_mb for cost in costs)
    growth = max(stage.growth for cost in costs for stage in cost.stages if stage.blocks > 1)
    return [
        f"- Largest peak {peak:,.0f} MB (bound {MOST_MB:,}: {_verdict(peak <= MOST_MB)}).",
        f"- Largest growth between the first and the last block of a stage {growth:+.0f} MB "
        f"(bound {MOST_GROWTH_MB}: {_verdict(growth < MOST_GROWTH_MB)}).",
    ]


def _verdict(met: bool) -> str:
    return "met" if met else "not met"


def _processor() -> str:
    cpus = Path("/proc/cpuinfo")
    names = cpus.read_text(encoding="utf-8").splitlines() if cpus.exists() else []
    models = [line.split(":", 1)[1].strip() for line in names if line.startswith("model name")]
    return f"{len(models)} × {models[0]}" if models else platform.processor()


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
