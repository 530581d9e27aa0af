"""Events of sound reductions pass, and every way in which they can be broken is caught by name."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scripts.common.errors import IntegrityError
from scripts.descriptors.events import (
    Event,
    read_events,
    require_forest,
    survivors_of,
    write_events,
)
from scripts.descriptors.lineage import treated_names
from tests.descriptors.reductions import EVENTS, ROLES, SLOW_MACHINE, reductions


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(reductions())
def test_sound_reductions_pass(reduction: tuple[dict[str, str], list[Event]]):
    roles, events = reduction
    names = treated_names(roles)
    require_forest(names, events)
    survivors = survivors_of(names, events)
    assert len(survivors) + len(events) == len(names)


def caught(names: list[str], events: list[Event]) -> str:
    with pytest.raises(IntegrityError) as error:
        require_forest(names, events)
    return str(error.value)


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(reductions(), st.data())
def test_every_corruption_is_caught_and_named(
    reduction: tuple[dict[str, str], list[Event]], data: st.DataObject
):
    roles, events = reduction
    names = treated_names(roles)
    assume(any(event.heir for event in events))
    place = data.draw(st.sampled_from([p for p, event in enumerate(events) if event.heir]))
    event = events[place]
    before, after = events[:place], events[place + 1 :]
    unknown = "nobody"
    broken = {
        "removed before": [*events, replace(events[place], pass_number=4)],
        "no descriptor of the table": [*before, replace(event, removed=unknown), *after],
        f"heir, {unknown}": [*before, replace(event, heir=unknown), *after],
        "its own heir": [*before, replace(event, heir=event.removed), *after],
        "no heir": [*before, replace(event, heir=None), *after],
        "behind events of a later pass": [*events, replace(event, pass_number=1)],
    }
    if before:
        dead = data.draw(st.sampled_from(before)).removed
        broken["was removed before"] = [*before, replace(event, heir=dead), *after]
    for complaint, corrupted in broken.items():
        message = caught(names, corrupted)
        assert complaint in message
        assert any(name in message for name in (event.removed, unknown))


def by_hand(*pairs: tuple[str, str], pass_number: int = 3) -> list[Event]:
    return [Event(removed, heir, pass_number, "vif") for removed, heir in pairs]


def test_circles_are_caught():
    names = list("abcd")
    assert "b (removed" in caught(names, by_hand(("a", "b"), ("b", "a")))
    assert "c (removed" in caught(names, by_hand(("a", "b"), ("b", "c"), ("c", "a")))
    message = caught(names, by_hand(("a", "b"), ("b", "a"), pass_number=2))
    assert "descriptor" in message


def test_an_heir_that_goes_in_the_same_pass_is_allowed_in_pass_3_alone():
    pairs = ("a", "b"), ("b", "c")
    require_forest("abc", by_hand(*pairs))
    for number in (2, 4):
        assert "a (removed" in caught(list("abc"), by_hand(*pairs, pass_number=number))


def test_rejects_have_a_reason_and_no_heir():
    assert "without a reason" in caught(["a"], [Event("a", None, 1)])
    assert "yet has an heir" in caught(["a", "b"], [Event("a", "b", 1, reason="mode_share")])


def test_a_pass_that_does_not_exist_is_caught():
    assert "pass other than" in caught(["a", "b"], by_hand(("a", "b"), pass_number=5))


def test_events_come_back_from_their_table_in_order(tmp_path: Path):
    path = tmp_path / "events.parquet"
    write_events(path, EVENTS[2:5])
    assert read_events(path, pass_number=2) == EVENTS[2:5]
    require_forest(treated_names(ROLES), EVENTS)
    with pytest.raises(IntegrityError, match="b was removed by pass 2, not by pass 3"):
        read_events(path, pass_number=3)
    write_events(path, [replace(EVENTS[2], removed=None)])  # type: ignore[arg-type]
    with pytest.raises(IntegrityError, match="names no descriptor"):
        read_events(path)
