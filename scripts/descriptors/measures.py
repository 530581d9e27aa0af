"""What a pass measures between two descriptors, and one similarity made of it.

Passes that know several measures need them on one scale: a measure's own threshold becomes the
joint threshold, 0 stays 0 and 1 stays 1, and between these the scale is linear. So a pair reaches
the joint threshold exactly where some measure reaches its own, equal columns have 1, and a
resolution or a minimum as a share of the threshold means the same as for |ρ|. The joint threshold
is the strictest of the measures' own, whose scale therefore stays as it is. Dividing each measure
by its threshold would weigh a strong link at a low threshold (nHSIC, 1 / 0.7) as more than one at a
high threshold (RDC, 1 / 0.9), and make up for more missing edges in a community.

RDC makes an edge only where one of the two columns also explains `min_explained` of the variance of
the other's scores: it reaches 0.9 for columns that share a few rows at one value and are unrelated
elsewhere (`scripts/descriptors/pair_measures.py`), and no such column can stand for the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scripts.common.errors import ConfigError
from scripts.descriptors.similarity_graph import Numbers

_WEIGHTS_ROUNDING = 1e-9


@dataclass(frozen=True)
class Measure:
    """A measure of all pairs.

    Attributes:
        name: as events state it: "spearman", "rdc", "nhsic" or "fusion".
        values: (p, p), symmetric, in [0, 1]; NaN where undefined.
        threshold: least value of an edge, in (0, 1].
    """

    name: str
    values: Numbers
    threshold: float


@dataclass(frozen=True)
class Evidence:
    """Why a pair has an edge: the leading measure, its value and its threshold."""

    statistic: str
    value: float
    threshold: float


@dataclass(frozen=True)
class JointSimilarity:
    """One similarity made of one or more measures.

    Attributes:
        similarity: (p, p) in [0, 1], 1 on the diagonal; NaN where no measure is defined.
        threshold: least similarity of an edge.
        measures: what it was made of.
        leading: (p, p) number of the measure that is nearest to 1 on the joint scale, the first of
            equal ones.
        explained: (p, p) share of the row's column that the other explains, NaN where undefined;
            None where no measure tells the direction.
        min_explained: least share for a column to stand well for another.
    """

    similarity: Numbers
    threshold: float
    measures: tuple[Measure, ...]
    leading: np.ndarray
    explained: Numbers | None = None
    min_explained: float = 0.0

    def evidence(self, first: int, second: int) -> Evidence:
        """Return why two columns are similar."""
        measure = self.measures[int(self.leading[first, second])]
        return Evidence(measure.name, float(measure.values[first, second]), measure.threshold)

    def weak(self, removed: int, heir: int) -> bool:
        """Return whether a column stands poorly for one that is removed."""
        linked = self.similarity[removed, heir] >= self.threshold
        if not linked or self.explained is None:
            return not linked
        return not self.explained[removed, heir] >= self.min_explained


def joint_similarity(measures: Sequence[Measure]) -> JointSimilarity:
    """Bring measures to the scale of the strictest, and take the largest for each pair.

    Raises:
        ConfigError: a threshold is not in (0, 1].
    """
    for measure in measures:
        if not 0 < measure.threshold <= 1:
            raise ConfigError(
                f"threshold {measure.threshold} of {measure.name} is not in (0, 1]; give such a "
                "number"
            )
    threshold = max(measure.threshold for measure in measures)
    scaled = np.stack([_rescaled(measure, threshold) for measure in measures])
    known = np.where(np.isnan(scaled), -1.0, scaled)
    leading = known.argmax(axis=0).astype(np.int8)
    similarity = known.max(axis=0)
    similarity[similarity < 0] = np.nan
    np.fill_diagonal(similarity, 1.0)
    return JointSimilarity(similarity, threshold, tuple(measures), leading)


def _rescaled(measure: Measure, threshold: float) -> Numbers:
    """Return the values with the measure's threshold moved to `threshold`."""
    own, values = measure.threshold, np.clip(measure.values, 0.0, 1.0)
    if own == threshold:
        return values
    above = threshold + (1.0 - threshold) * (values - own) / (1.0 - own)
    # Rounding may not lift a pair without an edge to the threshold.
    below = np.minimum(threshold * values / own, np.nextafter(threshold, 0.0))
    return np.where(np.isnan(values), np.nan, np.where(values >= own, above, below))


def checked_weights(hsic_weight: float, rdc_weight: float) -> tuple[float, float]:
    """Return the weights of nHSIC and RDC in the fused score.

    Raises:
        ConfigError: a weight is negative, or they do not add up to 1.
    """
    if min(hsic_weight, rdc_weight) < 0 or abs(hsic_weight + rdc_weight - 1) > _WEIGHTS_ROUNDING:
        raise ConfigError(
            f"hsic_weight {hsic_weight} and rdc_weight {rdc_weight} must not be negative and must "
            "add up to 1, so that the fused score of equal columns is 1"
        )
    return hsic_weight, rdc_weight


def fused_score(nhsic: Numbers, rdc: Numbers, weights: tuple[float, float]) -> Numbers:
    """Return S = w_hsic · nHSIC + w_rdc · RDC, undefined where one of them is."""
    return np.minimum(weights[0] * nhsic + weights[1] * rdc, 1.0)


def dependence_similarity(
    nhsic: Numbers,
    rdc: Numbers,
    explained: Numbers,
    *,
    hsic_threshold: float,
    rdc_threshold: float,
    min_explained: float,
    weights: tuple[float, float],
    fusion_threshold: float | None,
) -> JointSimilarity:
    """Return the similarity of pass 4: of both measures, or of their fused score.

    Args:
        nhsic: (p, p) in [0, 1]; NaN where undefined.
        rdc: (p, p) in [0, 1]; NaN where undefined.
        explained: (p, p) share of the row's column that the other explains; NaN where undefined.
        hsic_threshold: least nHSIC of an edge.
        rdc_threshold: least RDC of an edge.
        min_explained: least share that one of two columns must explain of the other for RDC to
            link them, in [0, 1]; an heir that explains less is poor.
        weights: of nHSIC and RDC in the fused score.
        fusion_threshold: threshold of the fused score, None for the measures' own.

    Raises:
        ConfigError: a threshold is not in its range.
    """
    if not 0 <= min_explained <= 1:
        raise ConfigError(f"min_explained {min_explained} is not in [0, 1]; give such a number")
    if fusion_threshold is None:
        explains = np.fmax(explained, explained.T) >= min_explained
        linking = np.where(explains, rdc, np.minimum(rdc, np.nextafter(rdc_threshold, 0.0)))
        joint = joint_similarity(
            [Measure("rdc", linking, rdc_threshold), Measure("nhsic", nhsic, hsic_threshold)]
        )
    else:
        fused = Measure("fusion", fused_score(nhsic, rdc, weights), fusion_threshold)
        joint = joint_similarity([fused])
    return replace(joint, explained=explained, min_explained=min_explained)
