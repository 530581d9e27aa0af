"""A labels policy shows exactly what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.errors import ConfigError
from scripts.retrieval.labels_policy import known_answers

QUERIES = [f"q{number}" for number in range(12)]
ANSWERS = [[f"d{number}", "d99"] if number % 4 else [] for number in range(12)]


def shown(policy: str, *, session: int = 1, share: float = 0.0, seed: int = 0) -> list[list[str]]:
    return known_answers(QUERIES, ANSWERS, session=session, policy=policy, share=share, seed=seed)


def test_all_first_session_and_none():
    nothing: list[list[str]] = [[] for _ in QUERIES]
    assert shown("all") == ANSWERS
    assert shown("none") == shown("none", session=0) == nothing
    assert shown("first_session", session=0) == ANSWERS
    assert shown("first_session", session=1) == nothing


@given(share=st.floats(0, 1), seed=st.integers(0, 50), session=st.integers(0, 3))
def test_share_shows_its_number_of_answered_queries(share, seed, session):
    found = shown("share", session=session, share=share, seed=seed)
    assert sum(map(bool, found)) == int(9 * share + 0.5)
    for answers, known in zip(ANSWERS, found, strict=True):
        assert known in ([], answers)


def test_a_larger_share_shows_more_of_the_same():
    small, large = shown("share", share=0.3), shown("share", share=0.7)
    assert all(not few or few == many for few, many in zip(small, large, strict=True))
    assert shown("share", share=0.5, seed=1) != shown("share", share=0.5, seed=2)


def test_errors_name_what_is_allowed():
    with pytest.raises(ConfigError, match="first_session"):
        shown("some")
    with pytest.raises(ConfigError, match="0 to 1"):
        shown("share", share=1.5)
