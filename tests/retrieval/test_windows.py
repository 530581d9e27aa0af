"""Windows for every overlap, against a token-by-token choice."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.errors import ConfigError
from scripts.retrieval.windows import cut_windows, require_windows


def _distance(place: int, start: int, end: int, tokens: int) -> float:
    left = place - start if start > 0 else math.inf
    right = end - 1 - place if end < tokens else math.inf
    return min(left, right)


@given(st.integers(0, 120), st.integers(1, 24), st.data())
def test_each_token_is_kept_once_from_the_window_with_most_context(
    tokens: int, window: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, window - 1))
    windows = list(cut_windows(tokens, window, overlap))
    kept = [place for w in windows for place in range(w.kept_start, w.kept_end)]
    assert kept == list(range(tokens))
    stride = window - overlap
    spans = [(s, min(s + window, tokens)) for s in range(0, tokens, stride)]
    for w in windows:
        assert (w.start, w.end) in spans
        for place in range(w.kept_start, w.kept_end):
            mine = _distance(place, w.start, w.end, tokens)
            assert w.start <= place < w.end
            assert all(
                mine >= _distance(place, start, end, tokens)
                for start, end in spans
                if start <= place < end and (end < tokens or end - start > overlap or start == 0)
            )


def test_every_overlap_of_a_small_window() -> None:
    for tokens in range(40):
        for window in range(1, 9):
            for overlap in range(window):
                windows = list(cut_windows(tokens, window, overlap))
                assert sum(w.kept_end - w.kept_start for w in windows) == tokens
                assert all(w.end - w.start <= window for w in windows)


def test_an_overlap_is_shared_in_halves() -> None:
    windows = [tuple(window) for window in cut_windows(20, 10, 4)]
    # Tokens 6 to 9 stand in both: 6 and 7 are farther from an edge in the first.
    assert windows == [(0, 10, 0, 8), (6, 16, 8, 14), (12, 20, 14, 20)]
    # Token 4 is at the edge of both, so that the earlier one has it.
    assert [tuple(window) for window in cut_windows(9, 5, 1)] == [(0, 5, 0, 5), (4, 9, 5, 9)]


def test_a_text_that_fits_has_one_window_and_an_empty_one_none() -> None:
    assert [tuple(window) for window in cut_windows(10, 10, 9)] == [(0, 10, 0, 10)]
    assert list(cut_windows(0, 10, 3)) == []


@pytest.mark.parametrize(("window", "overlap"), [(0, 0), (4, 4), (4, -1)])
def test_windows_that_do_not_go_forward_are_named(window: int, overlap: int) -> None:
    with pytest.raises(ConfigError, match=r"retrieval\.encoder\.(window|overlap)"):
        require_windows(window, overlap)
