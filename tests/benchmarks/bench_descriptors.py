"""Passes 2 and 3 against pandas, scipy, statsmodels and feature-engine, with equality beside speed.

    make bench-setup
    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_descriptors --table "FOLDER/*.parquet"

One thread, processor seconds, the same table in memory for all forms. What is timed of the passes
is what their steps run, ranks written to disk and read back included. Each of the passes' forms
runs once uncounted and then `rounds` times (median); the slow peers run once. Without a table a
synthetic one is made. pandas takes 1 to 2 ms for a pair with missing values, so these comparisons
take a drawn sample of the columns.
"""

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import numpy as np
import tyro
from scipy.stats import spearmanr

from tests.benchmarks import descriptor_forms as forms
from tests.benchmarks.descriptor_samples import Sample, real_sample, synthetic_sample
from tests.benchmarks.processor_time import repeated, require_one_thread, timed

PACKAGES = (
    "numpy", "torch", "pandas", "scipy", "statsmodels", "feature-engine",
)  # fmt: skip
HEADER = (
    "| comparison | rows × columns | s | peer s | times faster | goal | | results |\n"
    "|---|---:|---:|---:|---:|---:|---|---|\n"
)
RHO_TOLERANCE, VIF_TOLERANCE = 1e-5, 1e-6
ROUNDING_DECIMALS = 12  # a coefficient that is 0.95 is 0.95 for all
GOAL_OF_PRODUCTS = 1.5
LEAST_SHARE = 0.03


@dataclass(frozen=True)
class Comparison:
    """A row of the table.

    Attributes:
        what: the form and its peer.
        sample: what both worked on.
        seconds, peer_seconds: processor time of the two.
        goal: how many times faster the form should be; None where none was set.
        equality: how the results compare.
    """

    what: str
    sample: Sample
    seconds: float
    peer_seconds: float
    goal: float | None
    equality: str

    def __str__(self) -> str:
        times = self.peer_seconds / self.seconds
        goal = "" if self.goal is None else f"{self.goal:,.0f}"
        met = "" if self.goal is None else verdict(times >= self.goal)
        return (
            f"| {self.what} | {self.sample.rows:,} × {len(self.sample.names):,} "
            f"| {self.seconds:.3f} | {self.peer_seconds:.2f} | {times:,.1f} | {goal} | {met} "
            f"| {self.equality} |"
        )


def main(
    table: str | None = None,
    filled_columns: int = 2000,
    columns: int = 300,
    vif_columns: int = 150,
    vif_rows: int = 1000,
    tall_copies: int = 4,
    rounds: int = 3,
    output: Path | None = None,
) -> None:
    """Measure and print the table.

    Args:
        table: glob of Parquet parts with descriptors; a synthetic table where None.
        filled_columns: most columns of the comparisons without missing values, which are filled
            with values drawn from the same column.
        columns: columns of the comparisons with missing values.
        vif_columns: columns of the elimination, of those without a missing value.
        vif_rows: rows of it.
        tall_copies: copies of the rows for the products in float32.
        rounds: how often each form of the passes runs.
        output: where the Markdown goes as well.
    """
    require_one_thread()
    forms.quiet_peers()
    sample = synthetic_sample(11_900, 1_800) if table is None else real_sample(table)
    filled, drawn = sample.drawn(filled_columns).filled(), sample.drawn(columns)
    complete = sample.chosen(sample.complete)
    rows = []
    for comparison in chain(
        compare_complete(filled, rounds),
        compare_missing(drawn, rounds),
        compare_selection(drawn, rounds),
        compare_elimination(well_conditioned(complete, vif_rows, vif_columns), rounds),
    ):
        print(comparison, file=sys.stderr, flush=True)
        rows.append(comparison)
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    holes = np.isnan(drawn.values)
    text = "\n".join(
        [
            f"{sample.source}, {len(sample.names):,} descriptors that pass 1 leaves, "
            f"{len(sample.complete):,} of them complete. One thread, processor seconds. "
            f"{_processor()}, Python {platform.python_version()}, {versions}.",
            "",
            HEADER + "\n".join(map(str, rows)),
            "",
            f"- Drawn with missing values: {holes.any(axis=0).sum()} of {len(drawn.names)} columns "
            f"have some, {holes.mean():.1%} of the cells.",
            products(filled, "complete", exact=True),
            products(sample, "with missing values", exact=True),
            products(filled, "complete", exact=False, copies=tall_copies),
            "",
        ]
    )
    print(text)
    if output is not None:
        output.write_text(text, encoding="utf-8")


def compare_complete(sample: Sample, rounds: int) -> Iterator[Comparison]:
    """Compare Spearman's coefficients of columns without missing values."""
    found, seconds = repeated(lambda: forms.spearman(sample), rounds)
    for peer, goal, form in (
        ("pandas", 40.0, lambda: forms.pandas_spearman(sample)),
        ("scipy", None, lambda: spearmanr(sample.values).statistic),
    ):
        theirs, peer_seconds = timed(form)
        what = f"Spearman, complete / {peer}"
        equality = _agreement(found.rho, theirs)
        yield Comparison(what, sample, seconds, peer_seconds, goal, equality)


def compare_missing(sample: Sample, rounds: int) -> Iterator[Comparison]:
    """Compare Spearman's coefficients of columns with missing values."""
    found, seconds = repeated(lambda: forms.spearman(sample), rounds)
    theirs, peer_seconds = timed(lambda: forms.pandas_spearman(sample))
    equality = _agreement(found.rho, theirs, bounded=False)
    equality += f", {found.masks} masks, {found.reranked} pairs ranked anew"
    yield Comparison("Spearman, missing / pandas", sample, seconds, peer_seconds, 100.0, equality)


def _agreement(ours: np.ndarray, theirs: np.ndarray, *, bounded: bool = True) -> str:
    """Say how far two matrices of coefficients are apart; edges have to be the same.

    Raises:
        RuntimeError: the results disagree.
    """
    upper = np.triu_indices(len(ours), 1)
    one, other = (np.round(np.abs(rho[upper]), ROUNDING_DECIMALS) for rho in (ours, theirs))
    undefined = int((np.isnan(one) != np.isnan(other)).sum())
    largest = float(np.nanmax(np.abs(ours[upper] - theirs[upper])))
    edges = one >= forms.THRESHOLD
    wrong = int((edges != (other >= forms.THRESHOLD)).sum())
    if wrong or undefined or (bounded and largest > RHO_TOLERANCE):
        raise RuntimeError(
            f"the forms disagree: |Δρ| up to {largest:.2g}, {wrong} edges, {undefined} undefined"
        )
    return f"max Δρ {largest:.1e}, all {edges.sum():,} edges equal"


def compare_selection(sample: Sample, rounds: int) -> Iterator[Comparison]:
    """Compare what is kept at the threshold; the algorithms differ, so their sets do."""
    ours, seconds = repeated(lambda: forms.selected(sample), rounds)
    theirs, peer_seconds = timed(lambda: forms.smart_selected(sample))
    rho = np.nan_to_num(np.abs(forms.spearman(sample).rho))
    np.fill_diagonal(rho, 0)
    equality = "; ".join(
        [
            f"{name} keeps {len(kept)}, {_left(sample, rho, kept)}"
            for name, kept in (("pass 2", ours), ("feature-engine", theirs))
        ]
        + [f"{len(set(ours) & set(theirs))} in common"]
    )
    yield Comparison(
        "Selection, missing / feature-engine", sample, seconds, peer_seconds, 40.0, equality
    )


def _left(sample: Sample, rho: np.ndarray, kept: list[str]) -> str:
    """Say how similar the kept ones are, and how far the others are from the nearest of them."""
    inside = np.isin(sample.names, kept)
    among = rho[np.ix_(inside, inside)]
    pairs = int((np.triu(among) >= forms.THRESHOLD).sum())
    nearest = rho[np.ix_(~inside, inside)].max(axis=1).min(initial=1)
    return (
        f"largest ρ left {among.max():.4f} ({pairs} pairs from {forms.THRESHOLD} on), "
        f"each removed one within {nearest:.4f} of a kept one"
    )


def well_conditioned(sample: Sample, rows: int, columns: int) -> Sample:
    """Draw rows and columns whose variance inflation factors are defined beyond rounding.

    Columns come in drawn order; one that leaves less than `LEAST_SHARE` of its variance to those
    before it is passed over.
    """
    generator = np.random.default_rng(0)
    places = np.sort(generator.permutation(sample.rows)[:rows])
    basis, chosen = np.empty((len(places), columns)), list[int]()
    for column in generator.permutation(len(sample.names)):
        values = sample.values[places, column]
        values = values - values.mean()
        left, known = values, basis[:, : len(chosen)]
        for _ in range(2):  # once more for what rounding left
            left = left - known @ (known.T @ left)
        if left @ left > LEAST_SHARE * (values @ values):
            basis[:, len(chosen)] = left / np.linalg.norm(left)
            chosen.append(int(column))
        if len(chosen) == columns:
            break
    drawn = sample.chosen(np.sort(chosen))
    return Sample(drawn.names, np.asfortranarray(drawn.values[places]), drawn.source)


def compare_elimination(sample: Sample, rounds: int) -> Iterator[Comparison]:
    """Compare the paths of the elimination."""
    ours, seconds = repeated(lambda: forms.elimination(sample), rounds)
    correlations = forms.value_correlations(sample)
    _, alone = repeated(lambda: forms.eliminated(sample, correlations), rounds)
    theirs, peer_seconds = timed(lambda: forms.statsmodels_elimination(sample))
    names = [removal.name for removal in theirs]
    if [removal.name for removal in ours] != names:
        raise RuntimeError(f"the orders of removal differ: {ours} and {theirs}")
    largest = max(abs(one.vif / other.vif - 1) for one, other in zip(ours, theirs, strict=True))
    if largest > VIF_TOLERANCE:
        raise RuntimeError(f"variance inflation factors differ by {largest:.1e}")
    equality = f"the same {len(names)} removals in the same order, max relative ΔVIF {largest:.1e}"
    for what, ours_took in (("values", seconds), ("the matrix", alone)):
        name = f"VIF from {what} / statsmodels"
        yield Comparison(name, sample, ours_took, peer_seconds, 1e4, equality)


def products(sample: Sample, kind: str, *, exact: bool, copies: int = 1) -> str:
    """Compare the products of pass 2 with bare ones."""
    ours, bare, rate = forms.products_of(sample, exact=exact, copies=copies)
    return (
        f"- Products in {'float64' if exact else 'float32'}, {kind}, {copies * sample.rows:,} × "
        f"{len(sample.names):,}: {ours:.2f} s, bare products of the same shapes {bare:.2f} s "
        f"({rate:.0f} GFLOP/s): {ours / bare:.2f} times (goal {GOAL_OF_PRODUCTS}: "
        f"{verdict(ours / bare <= GOAL_OF_PRODUCTS)})."
    )


def verdict(met: bool) -> str:
    """Return how a goal is marked."""
    return "met" if met else "**missed**"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))


if __name__ == "__main__":
    tyro.cli(main)
