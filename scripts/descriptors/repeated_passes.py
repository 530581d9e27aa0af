"""The decisions of the passes once more: for other thresholds, or for other rows.

The same functions as in the passes decide; here is only what hands them the configuration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.descriptors.cluster_dependent import linked_minimum
from scripts.descriptors.cluster_pass import checked_minimum, clustering_of
from scripts.descriptors.cluster_tables import ClusterSettings
from scripts.descriptors.clusters import Cluster, Columns
from scripts.descriptors.columns import required_values
from scripts.descriptors.communities import check_clustering
from scripts.descriptors.eliminate_collinear import kept_places
from scripts.descriptors.measures import (
    JointSimilarity,
    Measure,
    checked_weights,
    dependence_similarity,
    joint_similarity,
)
from scripts.descriptors.representatives import ColumnFacts, preference_among
from scripts.descriptors.similarity_graph import Numbers
from scripts.descriptors.variance_criteria import Criteria
from scripts.descriptors.vif import (
    Elimination,
    defined_correlation,
    eliminate,
    project,
    spectrum_of,
)


@dataclass(frozen=True)
class PassSettings:
    """Settings of the passes, by the keys of the configuration's sections.

    Attributes:
        statistics, clustering, spearman, vif, nonlinear: sections of that name.
        force_keep: names or patterns of descriptors that are never removed.
        prefer: names or patterns of descriptors that win as representatives, in this order.
        seed: seed of the run.
    """

    statistics: Mapping[str, Any]
    clustering: Mapping[str, Any]
    spearman: Mapping[str, Any]
    vif: Mapping[str, Any]
    nonlinear: Mapping[str, Any]
    force_keep: tuple[str, ...]
    prefer: tuple[str, ...]
    seed: int

    def required(self, rows: int) -> int:
        """Return the fewest valid values of a column, and of an overlap, in a table of `rows`."""
        return required_values(self.statistics["min_effective_n"], rows)

    def criteria(self, rows: int) -> Criteria:
        """Return the limits of pass 1 in a table of `rows`."""
        given = {name: v for name, v in self.statistics.items() if name != "min_effective_n"}
        return Criteria(required=self.required(rows), **given)

    def with_spearman(self, threshold: float) -> "PassSettings":
        """Return the same with another threshold of pass 2."""
        return replace(self, spearman={**self.spearman, "threshold": threshold})

    def with_dependence(self, scale: float) -> "PassSettings":
        """Return the same with the thresholds of pass 4 scaled, at most 1.

        A least similarity to representatives that the configuration gives rises with them where
        it would otherwise lie below.
        """
        keys = ["fusion_threshold"]
        if self.nonlinear["fusion_threshold"] is None:
            keys = ["hsic_threshold", "rdc_threshold"]
        scaled = {key: min(1.0, round(scale * self.nonlinear[key], 12)) for key in keys}
        minimum = self.nonlinear["min_representative_similarity"]
        if minimum is not None:
            minimum = max(minimum, *scaled.values())
        return replace(
            self,
            nonlinear={
                **self.nonlinear,
                **scaled,
                "min_representative_similarity": minimum,
            },
        )


def correlated_clusters(
    names: Sequence[str], rho: Numbers, facts: Mapping[str, ColumnFacts], settings: PassSettings
) -> list[Cluster]:
    """Return the clusters of pass 2.

    Args:
        names: (p,) descriptors, sorted.
        rho: (p, p) |ρ|; NaN where undefined.
        facts: what pass 1 says about them.
        settings: settings of the passes.

    Raises:
        ConfigError: a setting is out of its range.
    """
    joint = joint_similarity([Measure("spearman", rho, settings.spearman["threshold"])])
    minimum = checked_minimum(settings.spearman["min_representative_similarity"], joint.threshold)
    return _clusters(2, names, joint, minimum, facts, settings)


def dependent_clusters(
    names: Sequence[str],
    nhsic: Numbers,
    rdc: Numbers,
    explained: Numbers,
    facts: Mapping[str, ColumnFacts],
    settings: PassSettings,
) -> list[Cluster]:
    """Return the clusters of pass 4.

    Args:
        names: (p,) descriptors, sorted.
        nhsic: (p, p) in [0, 1]; NaN where undefined.
        rdc: (p, p) in [0, 1]; NaN where undefined.
        explained: (p, p) share of the row's column that the other explains; NaN where undefined.
        facts: what pass 1 says about them.
        settings: settings of the passes.

    Raises:
        ConfigError: a setting is out of its range.
    """
    section = settings.nonlinear
    joint = dependence_similarity(
        nhsic,
        rdc,
        explained,
        hsic_threshold=section["hsic_threshold"],
        rdc_threshold=section["rdc_threshold"],
        min_explained=section["min_explained"],
        weights=checked_weights(section["hsic_weight"], section["rdc_weight"]),
        fusion_threshold=section["fusion_threshold"],
    )
    minimum = linked_minimum(section["min_representative_similarity"], joint)
    return _clusters(4, names, joint, minimum, facts, settings)


def _clusters(
    number: int,
    names: Sequence[str],
    joint: JointSimilarity,
    minimum: float,
    facts: Mapping[str, ColumnFacts],
    settings: PassSettings,
) -> list[Cluster]:
    chosen = ClusterSettings(
        pass_number=number,
        min_representative_similarity=minimum,
        seed=settings.seed,
        force_keep=settings.force_keep,
        prefer=settings.prefer,
        **settings.clustering,
    )
    check_clustering(joint.threshold, chosen.method, chosen.resolution_ratio, chosen.restarts)
    preference = preference_among(names, force_keep=chosen.force_keep, prefer=chosen.prefer)
    columns = Columns(list(names), joint.similarity, facts, preference, joint.explained)
    return clustering_of(columns, joint.threshold, chosen.method, chosen)[1]


def eliminations(
    names: Sequence[str],
    correlation: Numbers,
    settings: PassSettings,
    thresholds: Sequence[float],
) -> list[Elimination]:
    """Return the elimination of pass 3 for each threshold.

    Args:
        names: (p,) descriptors, sorted.
        correlation: (p, p) of the configured matrix; NaN where undefined.
        settings: settings of the passes.
        thresholds: smallest VIF that is removed.
    """
    # One thread, as in the pass: the last bits depend on it.
    with threadpool_limits(1, user_api="blas"):
        defined = defined_correlation(np.asarray(correlation, dtype=np.float64))
        projection = project(defined, spectrum_of(defined), settings.vif["eigenvalue_floor"])
        keep = kept_places(names, settings.force_keep)
        return [
            eliminate(projection, correlation, threshold=threshold, keep=keep)
            for threshold in thresholds
        ]
