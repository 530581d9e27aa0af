"""Strict scores: is the exact form among the best candidates?

A candidate of k pieces is scored by the mean over its pieces of log p(piece | context with k
masks), from the one forward pass that has k masks. The sum over pieces is the pseudo-log-likelihood
of Salazar et al. (2020, equation 1) with all of a candidate's pieces masked at once; the mean makes
candidates of different numbers of pieces comparable. Equal scores are ordered by form.
"""

from collections.abc import Mapping
from dataclasses import dataclass

DEFINITION = (
    "strict_k: the mention's exact form (spaces ignored) is among the k best candidates. "
    "Candidates are the top single pieces of the pass with one mask that hold Hangul and can stand "
    "at the place (word-initial or continuing), and the context's nouns, each in the pieces that "
    "the place demands; a candidate of n pieces is scored by its mean log-probability a piece in "
    "the pass with n masks. The number of masks never comes from the answer. Chance level: k / "
    "candidates."
)


@dataclass(frozen=True)
class Ranking:
    """Where the answer stands among the candidates.

    Attributes:
        rank: from 1; None where the answer is no candidate.
        candidates: number of candidates.
        best: the best candidate, None where there is none.
    """

    rank: int | None
    candidates: int
    best: str | None

    def within(self, number: int) -> bool:
        """Tell whether the answer is among the best `number` candidates."""
        return self.rank is not None and self.rank <= number


def rank_answer(scores: Mapping[str, float], answer: str) -> Ranking:
    """Rank the answer among candidates, the highest score first.

    Args:
        scores: mean log-probability a piece, in nats, by surface.
        answer: the surface that is right.
    """
    best = min(scores, key=lambda form: (-scores[form], form), default=None)
    if answer not in scores:
        return Ranking(None, len(scores), best)
    own = scores[answer]
    before = sum(score > own or (score == own and form < answer) for form, score in scores.items())
    return Ranking(before + 1, len(scores), best)
