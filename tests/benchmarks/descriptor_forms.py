"""The forms that the benchmark of descriptors compares: the passes' own functions, and the peers'.

All take a table that is in memory. The passes' functions rank into a file on disk and read it back,
as the steps do.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from feature_engine.selection import SmartCorrelatedSelection
from statsmodels.stats.outliers_influence import variance_inflation_factor

from scripts.common.files import DEFAULT_TMPDIR, private_folder
from scripts.descriptors.cluster_pass import clustering_of
from scripts.descriptors.cluster_tables import ClusterSettings
from scripts.descriptors.clusters import Columns
from scripts.descriptors.column_statistics import ColumnStatistics
from scripts.descriptors.feature_store import feature_store
from scripts.descriptors.filter_variance import measure
from scripts.descriptors.measures import Measure, joint_similarity
from scripts.descriptors.memory_log import MemoryLog
from scripts.descriptors.pair_correlations import pair_correlations
from scripts.descriptors.products import ROWS_ON_CPU, masked_products, upper_panels
from scripts.descriptors.representatives import ColumnFacts, preference_among
from scripts.descriptors.spearman import Spearman, correlate, write_ranks
from scripts.descriptors.vif import defined_correlation, eliminate, project, spectrum_of
from tests.benchmarks.descriptor_samples import Sample
from tests.benchmarks.processor_time import timed

THRESHOLD, MIN_OVERLAP = 0.95, 100
EXACT_ROWS, MEMORY_MB = 200_000, 2000
VIF_THRESHOLD, EIGENVALUE_FLOOR = 10.0, 1e-4
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Removal:
    """A step of an elimination: the column that went, and its variance inflation factor."""

    name: str
    vif: float


def spearman(sample: Sample) -> Spearman:
    """Return what the first half of pass 2 finds."""
    memory = MemoryLog()
    with (
        private_folder(DEFAULT_TMPDIR) as folder,
        feature_store(folder, sample.rows, len(sample.names)) as store,
    ):
        write_ranks(store, sample, sample.names, memory_mb=MEMORY_MB, threads=1, memory=memory)
        return correlate(
            store,
            threshold=THRESHOLD,
            min_overlap=MIN_OVERLAP,
            exact_rows=EXACT_ROWS,
            memory_mb=MEMORY_MB,
            memory=memory,
            device=_CPU,
        )


def pandas_spearman(sample: Sample) -> np.ndarray:
    """Return the coefficients by pandas, which ranks a pair with missing values anew."""
    frame = pd.DataFrame(sample.values, columns=sample.names)
    return frame.corr("spearman", min_periods=MIN_OVERLAP).to_numpy()


def statistics_of(sample: Sample) -> dict[str, ColumnStatistics]:
    """Return the statistics of pass 1, which choose among the members of a cluster."""
    return measure(sample, "trimmed", memory_mb=MEMORY_MB, threads=1)


def representatives(
    sample: Sample, found: Spearman, statistics: dict[str, ColumnStatistics]
) -> list[str]:
    """Return what the second half of pass 2 keeps, by the default method."""
    facts = {
        name: ColumnFacts(of.missing_ratio, np.nan if (v := of.scaled_variance) is None else v)
        for name, of in statistics.items()
    }
    joint = joint_similarity([Measure("spearman", np.abs(found.rho), THRESHOLD)])
    preference = preference_among(sample.names, force_keep=[], prefer=[])
    settings = ClusterSettings(2, "complete", THRESHOLD, 0.947, 1, 0)
    columns = Columns(sample.names, joint.similarity, facts, preference)
    _, clusters = clustering_of(columns, THRESHOLD, settings.method, settings)
    return sorted(cluster.representative for cluster in clusters)


def selected(sample: Sample) -> list[str]:
    """Return the descriptors that pass 2 keeps, statistics included."""
    return representatives(sample, spearman(sample), statistics_of(sample))


def smart_selected(sample: Sample) -> list[str]:
    """Return the descriptors that feature-engine keeps by the same threshold."""
    selector = SmartCorrelatedSelection(
        method="spearman",
        threshold=THRESHOLD,
        selection_method="missing_values",
        missing_values="ignore",
    )
    selector.fit(pd.DataFrame(sample.values, columns=sample.names))
    return sorted(set(sample.names) - set(selector.features_to_drop_))


def elimination(sample: Sample) -> list[Removal]:
    """Return the path of pass 3 on the correlations of values."""
    return eliminated(sample, value_correlations(sample))


def value_correlations(sample: Sample) -> np.ndarray:
    """Return the correlations that pass 3 takes of values."""
    return pair_correlations(
        sample,
        sample.names,
        "values",
        min_overlap=MIN_OVERLAP,
        memory_mb=MEMORY_MB,
        threads=1,
        tmpdir=DEFAULT_TMPDIR,
        memory=MemoryLog(),
    )


def eliminated(sample: Sample, correlations: np.ndarray) -> list[Removal]:
    """Return the path of pass 3 on a matrix."""
    defined = defined_correlation(correlations)
    projection = project(defined, spectrum_of(defined), EIGENVALUE_FLOOR)
    if projection.clipped:
        raise RuntimeError("the matrix is not well conditioned: its eigenvalues were raised")
    steps = eliminate(projection, correlations, threshold=VIF_THRESHOLD).steps
    return [Removal(sample.names[step.removed], step.vif) for step in steps]


def statsmodels_elimination(sample: Sample) -> list[Removal]:
    """Return the path of a loop over statsmodels' factors of all columns that are left."""
    left, removals = list(range(len(sample.names))), list[Removal]()
    while True:
        values = sample.values[:, left]
        factors = [variance_inflation_factor(values, place) for place in range(len(left))]
        worst = int(np.argmax(factors))
        if factors[worst] < VIF_THRESHOLD:
            return removals
        removals.append(Removal(sample.names[left.pop(worst)], float(factors[worst])))


def products_of(sample: Sample, *, exact: bool, copies: int = 1) -> tuple[float, float, float]:
    """Measure the products of pass 2 against bare ones.

    Args:
        sample: descriptors, of which the ranks are multiplied.
        exact: in float64, else in float32.
        copies: how often the rows are repeated.

    Returns:
        seconds of the products (reading from disk included), seconds of bare products of the same
        shapes and type, and the rate of these in GFLOP/s.
    """
    values = np.asfortranarray(np.tile(sample.values, (copies, 1)))
    taller = Sample(sample.names, values, sample.source)
    with (
        private_folder(DEFAULT_TMPDIR) as folder,
        feature_store(folder, taller.rows, len(taller.names)) as store,
    ):
        write_ranks(store, taller, taller.names, memory_mb=MEMORY_MB, threads=1, memory=MemoryLog())
        masks = len(store.masked_by())
        masked_products(store, device=_CPU, exact=exact)  # not counted: fills the page cache
        _, ours = timed(lambda: masked_products(store, device=_CPU, exact=exact))
    operations = _bare_products(taller.rows, len(taller.names), masks, exact=exact)
    _, bare = timed(operations)
    return ours, bare, _operations(taller.rows, len(taller.names), masks) / bare / 1e9


def _shapes(columns: int, masks: int) -> list[tuple[int, int]]:
    """Return the (rows, columns) of the products of some rows of the table."""
    panels = [
        (rows.stop - rows.start, others.stop - others.start)
        for rows, others in upper_panels(columns, _CPU)
    ]
    return panels + ([(masks, masks), (columns, masks), (columns, masks)] if masks > 1 else [])


def _operations(rows: int, columns: int, masks: int) -> float:
    return 2.0 * rows * sum(one * other for one, other in _shapes(columns, masks))


def _bare_products(rows: int, columns: int, masks: int, *, exact: bool) -> Any:
    kind = torch.float64 if exact else torch.float32
    chunk = torch.randn(2, max(columns, masks), min(rows, ROWS_ON_CPU), dtype=kind)
    lengths = [min(ROWS_ON_CPU, rows - start) for start in range(0, rows, ROWS_ON_CPU)]

    def multiply() -> None:
        for length in lengths:
            for one, other in _shapes(columns, masks):
                _ = chunk[0, :one, :length] @ chunk[1, :other, :length].T

    return multiply


def quiet_peers() -> None:
    """Hide the peers' warnings about the condition of a matrix, which are checked here."""
    warnings.filterwarnings("ignore", message="The design matrix is poorly conditioned")
