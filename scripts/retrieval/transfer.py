"""What the matrix A says of learning and forgetting, as a sum over test sessions for each query.

Each figure is a mean over test sessions of differences of entries of A, so that a query adds to it
in one test session only, which is what resampling needs. As of session t:

- average: mean over j <= t of A[t, j] (Lopez-Paz and Ranzato 2017, "average accuracy").
- backward: mean over j < t of A[t, j] - A[j, j] (the same, "backward transfer").
- forward: mean over 1 <= j <= t of A[j-1, j] - A[base, j] (the same, "forward transfer"), the base
  being the encoder before session 0. A stream that matches words has no encoder, and none of this.
- forgetting: mean over j < t of max over j <= t' < t of A[t', j], minus A[t, j] (Chaudhry et al.
  2018, section 3.2). The maximum takes what is luck for learning, so a stream that never changes
  for better or worse still "forgets" a little; `backward` has no such bias.
- prequential: mean over 1 <= j <= t of A[j-1, j]: tested, then trained on.

Sessions without a scored query are no part of a mean.
"""

from collections.abc import Callable

import numpy as np

from scripts.retrieval.score_book import ScoreBook, Values

AVERAGE, BACKWARD, FORWARD = "average", "backward", "forward"
FORGETTING, PREQUENTIAL = "forgetting", "prequential"
FIGURES = (AVERAGE, FORGETTING, BACKWARD, FORWARD, PREQUENTIAL)
LOWER_IS_BETTER = frozenset({FORGETTING})
SHARES = frozenset({AVERAGE, PREQUENTIAL})  # between 0 and 1, where the others are differences
Parts = dict[int, Values]  # by test session: what each of its queries adds, by measure


def figure_parts(book: ScoreBook, stream: str, figure: str, session: int) -> Parts | None:
    """Return what the queries of each test session add to a figure.

    The figure is the sum over test sessions of the mean over queries.

    Args:
        book: the scores.
        stream: of which stream.
        figure: one of FIGURES.
        session: t, as of which session.

    Returns:
        Arrays (queries, measures); None where the figure has no test session, or an entry of A is
        not known.
    """
    first, last, part = _KINDS[figure]
    tests = [test for test in book.tested if first <= test <= session + last]
    parts = {test: part(book, stream, session, test) for test in tests}
    known = {test: values for test, values in parts.items() if values is not None}
    if not tests or len(known) < len(tests):
        return None
    return {test: values / len(tests) for test, values in known.items()}


def entry_parts(book: ScoreBook, stream: str, model: int, test: int) -> Parts | None:
    """Return the queries' part in one entry A[model, test], None where it is not known."""
    found = book.cell(stream, model, test)
    return None if found is None or not len(found) else {test: found}


def _average(book: ScoreBook, stream: str, session: int, test: int) -> Values | None:
    return book.cell(stream, session, test)


def _backward(book: ScoreBook, stream: str, session: int, test: int) -> Values | None:
    return _minus(book.cell(stream, session, test), book.cell(stream, test, test))


def _forgetting(book: ScoreBook, stream: str, session: int, test: int) -> Values | None:
    earlier = [book.cell(stream, model, test) for model in range(test, session)]
    known = [values for values in earlier if values is not None]
    if len(known) < len(earlier):
        return None
    # The maximum's place is settled by the means, measure by measure, and the earliest wins; the
    # resamples keep it. Searching it anew in each would add the luck of the draw to that of the
    # sample, and the interval would not hold the estimate.
    stacked = np.stack(known)
    best = stacked.mean(axis=1).argmax(axis=0)
    return _minus(stacked[best, :, np.arange(len(best))].T, book.cell(stream, session, test))


def _forward(book: ScoreBook, stream: str, session: int, test: int) -> Values | None:
    if stream in book.lexical:
        return None
    return _minus(book.cell(stream, test - 1, test), book.base(test))


def _prequential(book: ScoreBook, stream: str, session: int, test: int) -> Values | None:
    return book.cell(stream, test - 1, test)


def _minus(one: Values | None, other: Values | None) -> Values | None:
    return None if one is None or other is None else one - other


# First test session, the last one after t, and what a query adds.
_Part = Callable[[ScoreBook, str, int, int], Values | None]
_KINDS: dict[str, tuple[int, int, _Part]] = {
    AVERAGE: (0, 0, _average),
    FORGETTING: (0, -1, _forgetting),
    BACKWARD: (0, -1, _backward),
    FORWARD: (1, 0, _forward),
    PREQUENTIAL: (1, 0, _prequential),
}
