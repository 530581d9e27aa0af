"""What stays the same through a stream of sessions."""

from dataclasses import dataclass

from scripts.retrieval.memory_settings import (
    NO_TRAINING,
    ClusterSettings,
    Method,
    SamplingSettings,
)


@dataclass(frozen=True)
class Stream:
    """A method with a seed.

    Attributes:
        method: the method.
        memory_docs: documents carried over from earlier sessions at most.
        clusters: how documents are clustered and evicted.
        sampling: how training pairs are taken.
        seed: of the stream.
        threads: no result depends on them.
    """

    method: Method
    memory_docs: int
    clusters: ClusterSettings
    sampling: SamplingSettings
    seed: int
    threads: int

    @property
    def trains(self) -> bool:
        """Whether training pairs are sampled at all."""
        return self.method.training != NO_TRAINING

    @property
    def encodes(self) -> bool:
        """Whether anything asks for token vectors."""
        scores = self.trains and self.sampling.false_negative_margin is not None
        return self.method.clusters or scores
