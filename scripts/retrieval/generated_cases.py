"""The cases of one generated session: which topics they are of, and what they are called.

Both drift. Every session another topic surges and takes `SURGE` times its usual share, each topic
prefers other things of its own, and names are new.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scripts.common.keyed_generator import keyed_generator
from scripts.retrieval.topic_vocabulary import Topic, all_topics
from scripts.retrieval.topical_texts import Case

SURGE = 5.0
# How unevenly a session writes about the things of a topic: the rank's weight is rank ** -_UNEVEN.
_UNEVEN = 0.6
_CASES_A_NAME = 3
_SYLLABLES = tuple(
    "가나다라마바사아자차카타파하고노도로모보소오조초구누두루무부수우주추기니디리미비시이지치"
)
_ENDINGS = ("마을", "연구원", "협회", "공단", "상가", "모임", "재단", "사무소", "센터", "조합")


def topic_weights(session: int, topics: int, seed: int) -> npt.NDArray[np.float64]:
    """Return the share of each topic in a session; they add up to 1."""
    surging = keyed_generator(seed, "surging topics").permutation(topics)[session % topics]
    weights = np.ones(topics)
    weights[surging] = SURGE
    return weights / weights.sum()


@dataclass(frozen=True)
class _Preferences:
    """A topic's things in a session, and how often each is written about."""

    topic: Topic
    weights: npt.NDArray[np.float64]


class CaseMaker:
    """Makes the cases of a session, one after the other.

    Args:
        session: from 0.
        topics: how many topics there are.
        seed: of the run.
        expected: how many cases there will be; it decides how many names there are.
        purpose: what the cases are for; another purpose gives others of the same drift.
    """

    def __init__(
        self, session: int, topics: int, seed: int, *, expected: int, purpose: str = "cases"
    ) -> None:
        self._rng = keyed_generator(seed, purpose, str(session))
        self._weights = topic_weights(session, topics, seed)
        self._preferences = [_preferences(topic, session, seed) for topic in all_topics()[:topics]]
        self._names = _names(session, seed, max(2, expected // _CASES_A_NAME))

    def make(self) -> Case:
        """Return the next case."""
        rng = self._rng
        preferred = self._preferences[int(rng.choice(self._weights.size, p=self._weights))]
        pairs = preferred.topic.pairs
        first, second = rng.choice(len(pairs), size=2, replace=False, p=preferred.weights)
        return Case(
            topic=preferred.topic,
            first=pairs[first],
            second=pairs[second],
            name=self._names[int(rng.integers(len(self._names)))],
            number=str(rng.integers(12, 990)),
        )


def _preferences(topic: Topic, session: int, seed: int) -> _Preferences:
    rng = keyed_generator(seed, "preferred things", str(session), topic.name)
    ranks = rng.permutation(len(topic.pairs)) + 1
    weights = ranks.astype(np.float64) ** -_UNEVEN
    return _Preferences(topic, weights / weights.sum())


def _names(session: int, seed: int, number: int) -> list[str]:
    """Return names that other sessions hardly share, no two equal."""
    rng = keyed_generator(seed, "names", str(session))
    names: dict[str, None] = {}
    while len(names) < number:
        # Three syllables where two would soon run out.
        length = 2 if number < len(_SYLLABLES) ** 2 else 3
        syllables = rng.choice(len(_SYLLABLES), size=length)
        ending = _ENDINGS[int(rng.integers(len(_ENDINGS)))]
        names["".join(_SYLLABLES[place] for place in syllables) + ending] = None
    return list(names)
