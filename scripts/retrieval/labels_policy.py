"""Which answers a method may know: its labels policy."""

from collections.abc import Sequence

from scripts.common.errors import ConfigError
from scripts.common.hashing import keyed_hash
from scripts.retrieval.setting_values import LABEL_POLICIES

ALL, FIRST_SESSION, SHARE, NONE = LABEL_POLICIES


def known_answers(
    queries: Sequence[str],
    answers: Sequence[Sequence[str]],
    *,
    session: int,
    policy: str,
    share: float | None,
    seed: int,
) -> list[list[str]]:
    """Return the answers of each of a session's training queries that the policy shows.

    A query shows all of its answers or none.

    Args:
        queries: ids of the session's training queries.
        answers: all answers of each, in the same order.
        session: the queries' session.
        policy: ALL; FIRST_SESSION: those of session 0 alone; SHARE: those of `share` of the
            session's queries that have an answer, to the nearest number, the half upwards, drawn
            by keyed hash; NONE.
        share: 0 to 1, read by SHARE alone.
        seed: of the stream.

    Raises:
        ConfigError: the policy is unknown, or the share is outside 0 to 1.
    """
    if policy not in LABEL_POLICIES:
        raise ConfigError(f"labels is {policy!r}; allowed: {', '.join(LABEL_POLICIES)}")
    if policy == ALL or (policy == FIRST_SESSION and session == 0):
        shown = set(queries)
    elif policy == SHARE:
        shown = _drawn(queries, answers, session=session, share=share, seed=seed)
    else:
        shown = set()
    return [
        list(found) if qid in shown else [] for qid, found in zip(queries, answers, strict=True)
    ]


def _drawn(
    queries: Sequence[str],
    answers: Sequence[Sequence[str]],
    *,
    session: int,
    share: float | None,
    seed: int,
) -> set[str]:
    if share is None or not 0 <= share <= 1:
        raise ConfigError(f"label_share is {share}; give 0 to 1")
    answered = [qid for qid, found in zip(queries, answers, strict=True) if found]
    answered.sort(key=lambda qid: (keyed_hash(seed, "shown labels", str(session), qid), qid))
    return set(answered[: int(share * len(answered) + 0.5)])
