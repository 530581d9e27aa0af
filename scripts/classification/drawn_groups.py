"""Bootstrap draws of the test split, in which every class keeps its number of groups.

What is drawn is a unit: the test rows of one class in one group, so that rows that belong together
come together. Units are drawn with replacement within their class (Davison and Hinkley 1997,
section 3.2, stratified resampling). Rows of a group with several classes are units of their own in
each of these classes, drawn independently.

A class with one unit would be the same in every draw, and tail classes often have but one: their
intervals would have no width. Such classes of one bucket are therefore drawn among each other, as
collapsed strata are (Cochran 1977, section 5A.12): each then counts as often as it was drawn, and
not at all where it was not. That adds the spread between these classes, so that intervals are
rather too wide than too narrow.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.common.keyed_generator import keyed_generator

Ids = NDArray[np.int64]
Multiplicities = NDArray[np.float64]
_UNITS_AT_A_TIME = 4_000_000


@dataclass(frozen=True)
class DrawnGroups:
    """The units of a test split.

    Attributes:
        unit_of_row: (n,) unit of each test row; units are numbered by class, then by group.
        class_of_unit: (u,) class id of each unit, ascending.
        lone: (C,) whether a class has one unit and is drawn among its like.
        shared_groups: groups with test rows of several classes.
        places: (u,) units, those of one stratum together.
        first: (u,) for each place, where its stratum begins.
        size: (u,) for each place, units of its stratum.
    """

    unit_of_row: Ids
    class_of_unit: Ids
    lone: NDArray[np.bool_]
    shared_groups: int
    places: Ids
    first: Ids
    size: Ids

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.class_of_unit)

    def draws(self, number: int, *, seed: int) -> Iterator[Multiplicities]:
        """Yield blocks (draws, u): how often each unit was drawn; independent of their sizes."""
        generator = keyed_generator(seed, "compare_strategies", "test groups")
        at_a_time = max(1, _UNITS_AT_A_TIME // self.units)
        for start in range(0, number, at_a_time):
            rows = min(at_a_time, number - start)
            chosen = (generator.random((rows, self.units)) * self.size).astype(np.int64)
            drawn = self.places[chosen + self.first]
            drawn += np.arange(rows)[:, None] * self.units
            counts = np.bincount(drawn.ravel(), minlength=rows * self.units)
            yield counts.reshape(rows, self.units).astype(np.float64)

    def class_multiplicities(self, drawn: Multiplicities) -> Multiplicities:
        """Return (draws, C): how often each class counts; 1 but for the lone ones."""
        found = np.ones((len(drawn), len(self.lone)))
        of_lone = np.flatnonzero(self.lone[self.class_of_unit])
        found[:, self.class_of_unit[of_lone]] = drawn[:, of_lone]
        return found


def draw_groups(labels: Ids, groups: NDArray[Any], buckets: Sequence[str]) -> DrawnGroups:
    """Return the units of a test split.

    Args:
        labels: (n,) class id of each row.
        groups: (n,) group of each row.
        buckets: bucket of each class, by class id.
    """
    classes = len(buckets)
    pairs, unit_of_row = np.unique(np.stack([labels, groups]), axis=1, return_inverse=True)
    class_of_unit = pairs[0].astype(np.int64)
    _, classes_of_group = np.unique(pairs[1], return_counts=True)
    lone = np.bincount(class_of_unit, minlength=classes) == 1
    names = sorted(set(buckets))
    bucket_of = np.array([names.index(bucket) for bucket in buckets], np.int64)
    stratum = np.where(lone[class_of_unit], classes + bucket_of[class_of_unit], class_of_unit)
    places = np.argsort(stratum, kind="stable")
    _, first, inverse, size = np.unique(
        stratum[places], return_index=True, return_inverse=True, return_counts=True
    )
    return DrawnGroups(
        unit_of_row=unit_of_row.reshape(-1).astype(np.int64),
        class_of_unit=class_of_unit,
        lone=lone,
        shared_groups=int((classes_of_group > 1).sum()),
        places=places.astype(np.int64),
        first=first[inverse].astype(np.int64),
        size=size[inverse].astype(np.int64),
    )


def draw_seeds(seeds: int, number: int, *, seed: int) -> Multiplicities:
    """Return (number, seeds): the share of each training seed in each draw with replacement."""
    generator = keyed_generator(seed, "compare_strategies", "training seeds")
    drawn = generator.integers(0, seeds, size=(number, seeds))
    return np.stack([(drawn == one).sum(axis=1) for one in range(seeds)], axis=1) / seeds
