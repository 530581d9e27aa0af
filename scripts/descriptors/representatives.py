"""Which descriptor stands for a cluster.

A column that must be kept, then one that the config prefers, then the lowest missing ratio, the
highest mean similarity to the cluster (in pass 4 the share that it explains of the others, since x
says all of x² and x² nothing of x), the highest variance on the scaled range (which does not depend
on units), the name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from scripts.descriptors.roles import kept_names, names_of
from scripts.descriptors.similarity_graph import Indices, Numbers

_SIMILARITY_DECIMALS = 6
_VARIANCE_DIGITS = 6  # x and 2.54 x differ in the last digits of their scaled variance


@dataclass(frozen=True)
class ColumnFacts:
    """What pass 1 says about a descriptor.

    Attributes:
        missing_ratio: share of rows without a valid value, in [0, 1].
        scaled_variance: variance on the scaled range; NaN where there is none.
    """

    missing_ratio: float
    scaled_variance: float


@dataclass(frozen=True)
class Preference:
    """Which descriptors a person wants.

    Attributes:
        kept: names that are never removed.
        ranks: place of a preferred descriptor in the list of preferences, from 0.
        unpreferred: rank of all others.
    """

    kept: frozenset[str] = frozenset()
    ranks: Mapping[str, int] = field(default_factory=dict)
    unpreferred: int = 0

    def rank(self, name: str) -> int:
        """Return the place in the list of preferences, lower is better."""
        return self.ranks.get(name, self.unpreferred)


def preference_among(
    names: Sequence[str], *, force_keep: Sequence[str], prefer: Sequence[str]
) -> Preference:
    """Resolve names and patterns (`*`, `?`, `[…]`) against the descriptors of a pass.

    Args:
        names: descriptors that the pass works on.
        force_keep: names or patterns of descriptors that are never removed.
        prefer: names or patterns in order of preference; those that match nothing are passed over,
            since an earlier pass may have removed what they name.

    Raises:
        ConfigError: one of `force_keep` matches no descriptor.
    """
    ranks: dict[str, int] = {}
    for place, pattern in enumerate(prefer):
        for name in names_of(pattern, names):
            ranks.setdefault(name, place)
    return Preference(frozenset(kept_names(force_keep, names)), ranks, len(prefer))


def choose_representative(
    members: Sequence[str],
    similarity: Numbers,
    statistics: Mapping[str, ColumnFacts],
    preference: Preference,
) -> str:
    """Return the member that stands for a cluster; the order of the members does not matter.

    Args:
        members: (k,) at least one name.
        similarity: (k, k) what the row's member says of the column's; undefined counts as 0.
        statistics: facts of every member.
        preference: what must be kept and what is preferred.
    """
    means = dict(zip(members, _mean_similarities(members, similarity), strict=True))

    def standing(name: str) -> tuple[bool, int, float, float, float, str]:
        facts = statistics[name]
        return (
            name not in preference.kept,
            preference.rank(name),
            facts.missing_ratio,
            -means[name],
            -_rounded_variance(facts.scaled_variance),
            name,
        )

    return min(members, key=standing)


def _mean_similarities(members: Sequence[str], similarity: Numbers) -> list[float]:
    """Return each member's mean similarity to the others, rounded, 1 where there is no other."""
    count = len(members)
    if count == 1:
        return [1.0]
    order = sorted(range(count), key=lambda place: members[place])  # one order of summation
    others = np.nan_to_num(similarity, nan=0.0)
    np.fill_diagonal(others, 0.0)
    means = others[:, order].sum(axis=1) / (count - 1)
    return [round(float(mean), _SIMILARITY_DECIMALS) for mean in means]


def _rounded_variance(variance: float) -> float:
    return float("-inf") if np.isnan(variance) else float(f"{variance:.{_VARIANCE_DIGITS - 1}e}")


def shares_of_kept(
    vertices: Indices, names: Sequence[str], similarity: Numbers, kept: frozenset[str]
) -> list[Indices]:
    """Part a cluster that holds several kept descriptors: every other goes to the most similar.

    Args:
        vertices: the cluster, ascending numbers into `names`, which are sorted.
        names: (p,) all names.
        similarity: (p, p)
        kept: names that are never removed.

    Returns:
        One group for each kept descriptor, or the whole cluster where there are fewer than two. Of
        equally similar ones the first by name is taken.
    """
    heads = np.array([vertex for vertex in vertices if names[vertex] in kept], dtype=np.int64)
    if heads.size < 2:
        return [vertices]
    nearness = np.nan_to_num(similarity[np.ix_(vertices, heads)], nan=-1.0)
    nearest = nearness.argmax(axis=1)
    nearest[np.searchsorted(vertices, heads)] = np.arange(heads.size)
    return [vertices[nearest == place] for place in range(heads.size)]
