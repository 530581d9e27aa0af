"""What a stream's memory is told: its method, how it clusters, how it samples."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

from scripts.common.errors import ConfigError
from scripts.retrieval.lookup import LOOKUPS
from scripts.retrieval.setting_values import (
    CHOICES,
    KEEP_RULES,
    LABEL_POLICIES,
    MEMORIES,
    NEGATIVE_FORMS,
    SAMPLE_SOURCES,
    SILHOUETTE_DISTANCES,
    TRAININGS,
    UPDATES,
)

NO_MEMORY, REPLAY, CLUSTERED, EVERYTHING = MEMORIES
NO_TRAINING, CONTINUE, RESTART = TRAININGS
SILHOUETTE, ELBOW = CHOICES
EUCLIDEAN, PROTOTYPE = SILHOUETTE_DISTANCES
ONCE, BATCHES = UPDATES

_, _, _SHARE, _NO_LABELS = LABEL_POLICIES
_FROM_LABELS, _FROM_CLUSTERS, _ = SAMPLE_SOURCES


class _Settings:
    """Reads a mapping by the names of a dataclass's fields."""

    _key = ""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Return the settings.

        Raises:
            ConfigError: a name is missing or unknown, or a value is not allowed.
        """
        names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
        for name in given:
            if name not in names:
                raise ConfigError(f"{cls._key}.{name} is unknown; allowed: {', '.join(names)}")
        missing = [name for name in names if name not in given]
        if missing:
            raise ConfigError(f"{cls._key} lacks {', '.join(missing)}; give it")
        return cls(**given)

    def _one_of(self, name: str, allowed: tuple[str, ...]) -> None:
        value = getattr(self, name)
        if value not in allowed:
            raise ConfigError(f"{self._key}.{name} is {value!r}; allowed: {', '.join(allowed)}")

    def _require(self, name: str, holds: bool, allowed: str) -> None:
        if not holds:
            raise ConfigError(f"{self._key}.{name} is {getattr(self, name)!r}; allowed: {allowed}")


@dataclass(frozen=True)
class Method(_Settings):
    """A row of the table of methods.

    Attributes:
        memory: what is carried over: NO_MEMORY, REPLAY, CLUSTERED or EVERYTHING.
        positives: source of positives, one of SAMPLE_SOURCES.
        negatives: source of negatives, one of SAMPLE_SOURCES.
        labels: which answers are known, one of LABEL_POLICIES.
        label_share: share of queries whose answers are known, 0 to 1, where labels are "share";
            None elsewhere.
        training: NO_TRAINING (then no pairs are sampled), CONTINUE or RESTART.
    """

    memory: str
    positives: str
    negatives: str
    labels: str
    label_share: float | None
    training: str

    _key = "method"

    def __post_init__(self) -> None:
        self._one_of("memory", MEMORIES)
        self._one_of("positives", SAMPLE_SOURCES)
        self._one_of("negatives", SAMPLE_SOURCES)
        self._one_of("labels", LABEL_POLICIES)
        self._one_of("training", TRAININGS)
        if self.labels == _SHARE:
            share = self.label_share
            self._require("label_share", share is not None and 0 <= share <= 1, "0 to 1")
        if (self.positives, self.labels) == (_FROM_LABELS, _NO_LABELS):
            raise ConfigError(
                "method.positives is 'labels' while method.labels is 'none'; show some"
            )

    @property
    def clusters(self) -> bool:
        """Whether anything of the method needs clusters."""
        return _FROM_CLUSTERS in (self.positives, self.negatives) or (self.memory == CLUSTERED)


@dataclass(frozen=True)
class ClusterSettings(_Settings):
    """How documents are clustered and evicted.

    Attributes:
        bits: hyperplanes of a prototype.
        lookup: rows of a prototype that a token is compared with, one of `lookup.LOOKUPS`.
        k_min: fewest clusters of a warm-up.
        choose: SILHOUETTE or ELBOW picks the number of clusters.
        silhouette_distance: EUCLIDEAN or PROTOTYPE.
        iterations: limit of a bisection's k-means.
        centre_shift: a bisection ends when its centres move less.
        cluster_min_size: a cluster of at most so many documents takes in any that is nearest to it.
        z1: a larger one takes in documents with δ ≤ μ + z1·σ.
        z2: documents with δ ≤ μ + z2·σ stay, where `keep` is "z2".
        required_doc_size: documents without which a cluster is dropped from a clustered memory.
        keep: one of KEEP_RULES.
        keep_fraction: 0 to 1, where `keep` is "fraction".
        update: ONCE a session are prototypes and statistics updated, or after BATCHES.
        batch: documents of a batch.
        size_correction: whether large prototypes are kept from drawing documents by size alone.
        merge_distance: clusters opened in a session that are nearer than this are merged; None for
            none.
        half_life: sessions in which the weight of a document in prototypes, statistics and quotas
            halves; None for no decay.
        nearest: clusters in which a query's positive is searched.
    """

    bits: int
    lookup: str
    k_min: int
    choose: Literal["silhouette", "elbow"]
    silhouette_distance: str
    iterations: int
    centre_shift: float
    cluster_min_size: int
    z1: float
    z2: float
    required_doc_size: int
    keep: str
    keep_fraction: float
    update: str
    batch: int
    size_correction: bool
    merge_distance: float | None
    half_life: float | None
    nearest: int

    _key = "clusters"

    def __post_init__(self) -> None:
        self._one_of("lookup", LOOKUPS)
        self._one_of("choose", CHOICES)
        self._one_of("silhouette_distance", SILHOUETTE_DISTANCES)
        self._one_of("keep", KEEP_RULES)
        self._one_of("update", UPDATES)
        self._require("keep_fraction", 0 <= self.keep_fraction <= 1, "0 to 1")
        for name in ("bits", "k_min", "iterations", "required_doc_size", "batch", "nearest"):
            self._require(name, getattr(self, name) >= 1, "1 or more")
        self._require("half_life", self.half_life is None or self.half_life > 0, "null, above 0")


@dataclass(frozen=True)
class SamplingSettings(_Settings):
    """How training samples are taken.

    Attributes:
        negatives: of a sample, at most.
        form: where negatives come from clusters: one of NEGATIVE_FORMS.
        false_negative_margin: documents that score above the positive's score less this are no
            negatives; None takes no scores into account.
        queries: trained on in a session, at most; None for all in memory.
    """

    negatives: int
    form: str
    false_negative_margin: float | None
    queries: int | None

    _key = "sampling"

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Return the settings; `form` is called `from` in the config."""
        names = {"from": "form"}
        return super().of({names.get(name, name): value for name, value in given.items()})

    def __post_init__(self) -> None:
        if self.form not in NEGATIVE_FORMS:
            raise ConfigError(
                f"sampling.from is {self.form!r}; allowed: {', '.join(NEGATIVE_FORMS)}"
            )
        self._require("negatives", self.negatives >= 0, "0 or more")
        self._require("queries", self.queries is None or self.queries >= 1, "null, 1 or more")
