"""Windows over a text that is longer than an encoder takes.

A window holds at most W content tokens and shares o of them with the one before. Each token is
taken from the window in which it is farther from an edge, where context is cut off; the beginning
and the end of the text are no such edges. So the windows' kept tokens, one after another, are the
text's tokens, each once.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scripts.common.errors import ConfigError


class Window(NamedTuple):
    """A stretch of a text, by places of its content tokens, ends excluded.

    Attributes:
        start: first token of the window.
        end: behind its last token.
        kept_start: first token that is taken from this window.
        kept_end: behind the last one.
    """

    start: int
    end: int
    kept_start: int
    kept_end: int


def require_windows(window: int, overlap: int) -> None:
    """Check that windows go forward.

    Raises:
        ConfigError: they do not.
    """
    if window < 1:
        raise ConfigError(f"retrieval.encoder.window is {window}; allowed: 1 or more")
    if not 0 <= overlap < window:
        raise ConfigError(
            f"retrieval.encoder.overlap is {overlap}; allowed: 0 to below window, {window}"
        )


def cut_windows(tokens: int, window: int, overlap: int) -> Iterator[Window]:
    """Yield the windows of a text.

    Args:
        tokens: content tokens of the text; none has no window.
        window: W, tokens of a window, 1 or more.
        overlap: o, tokens that it shares with the one before, 0 to W - 1.

    Yields:
        The windows in order, those that no token is taken from left out.
    """
    starts = np.arange(0, max(1, tokens - overlap), window - overlap)
    ends = np.minimum(starts + window, tokens)
    owners, best = np.zeros(tokens, np.int64), np.full(tokens, -1.0)
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        places = np.arange(start, end)
        left = places - start if start > 0 else np.full(end - start, np.inf)
        right = end - 1 - places if end < tokens else np.full(end - start, np.inf)
        distances = np.minimum(left, right)
        # The earlier window has it where both are as far.
        better = distances > best[start:end]
        owners[start:end][better] = number
        best[start:end][better] = distances[better]
    # From window to window the distances cross once, so what a window keeps is one stretch.
    kept = np.searchsorted(owners, np.arange(len(starts) + 1))
    for window_start, window_end, first, last in zip(
        starts.tolist(), ends.tolist(), kept[:-1].tolist(), kept[1:].tolist(), strict=True
    ):
        if first < last:
            yield Window(window_start, window_end, first, last)
