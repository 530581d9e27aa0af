"""When a descriptor carries too little information to take part."""

from collections.abc import Iterator
from dataclasses import dataclass

from scripts.common.errors import ConfigError
from scripts.descriptors.column_statistics import RANGE_MODES, ColumnStatistics

_MOST_VARIANCE = 0.25  # of values in [0, 1]
FEWEST_ROWS = 3


@dataclass(frozen=True)
class Failure:
    """A criterion that a descriptor fails.

    Attributes:
        statistic: the figure that decided; it names the reason.
        value: what it is, None where there is no value to take it from.
        threshold: what it had to reach or must not exceed.
    """

    statistic: str
    value: float | None
    threshold: float


@dataclass(frozen=True)
class Criteria:
    """Limits of pass 1.

    Attributes:
        max_missing_ratio: largest share of missing values.
        required: fewest valid values.
        min_distinct: fewest different values.
        max_mode_share: largest share of the most frequent value.
        variance_threshold: least scaled variance.
        range_mode: range that the variance is scaled by.
    """

    max_missing_ratio: float
    required: int
    min_distinct: int
    max_mode_share: float
    variance_threshold: float
    range_mode: str

    def failures(self, found: ColumnStatistics) -> Iterator[Failure]:
        """Yield every criterion that a descriptor fails, the most telling first."""
        if found.missing_ratio > self.max_missing_ratio:
            yield Failure("missing_ratio", found.missing_ratio, self.max_missing_ratio)
        if found.valid < self.required:
            yield Failure("valid", found.valid, self.required)
        if found.distinct < self.min_distinct:
            yield Failure("distinct", found.distinct, self.min_distinct)
        if found.mode_share is None or found.mode_share > self.max_mode_share:
            yield Failure("mode_share", found.mode_share, self.max_mode_share)
        if found.scaled_variance is None or found.scaled_variance < self.variance_threshold:
            yield Failure("scaled_variance", found.scaled_variance, self.variance_threshold)

    def refuse_impossible(self, rows: int) -> None:
        """Check that some descriptor of a table with `rows` rows can meet the limits.

        Raises:
            ConfigError: none can.
        """
        for name, value, low, high in (
            ("max_missing_ratio", self.max_missing_ratio, 0, 1),
            ("min_distinct", self.min_distinct, 1, rows),
            ("max_mode_share", self.max_mode_share, 1 / rows, 1),
            ("variance_threshold", self.variance_threshold, 0, _MOST_VARIANCE),
        ):
            if not low <= value <= high:
                raise ConfigError(
                    f"{name} is {value:g}; in a table of {rows} rows it must lie in "
                    f"[{low:.4g}, {high:g}], or no descriptor can pass"
                )
        if self.range_mode not in RANGE_MODES:
            raise ConfigError(f"range_mode is {self.range_mode}; give {' or '.join(RANGE_MODES)}")
