"""What a person reads while a step runs."""

import logging

import pytest

from scripts.common.progress import Progress, format_seconds


class Clock:
    """A clock that is set by hand, in seconds."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00:00"),
        (59.4, "0:00:59"),
        (59.6, "0:01:00"),
        (3661, "1:01:01"),
        (360_000, "100:00:00"),
        (-3, "0:00:00"),
    ],
)
def test_duration(seconds, text):
    assert format_seconds(seconds) == text


def test_line_has_batch_done_passed_rate_and_time_left():
    clock = Clock()
    progress = Progress("score_shard news/000", total=8000, batches=8, clock=clock)
    clock.now += 4
    progress.advance(1000, 250, batch_ended=True)
    clock.now += 6
    progress.advance(1000, 270, batch_ended=True)
    assert progress.line() == (
        "score_shard news/000: 2,000/8,000 documents, batch 2/8, passed 520 (26.0%), "
        "200.0 documents/s, ETA 0:00:30"
    )


def test_line_without_a_total_promises_no_end():
    clock = Clock()
    progress = Progress("read", total=None, unit="rows", clock=clock)
    clock.now += 2
    progress.advance(10)
    assert progress.line() == "read: 10 rows, passed 10 (100.0%), 5.0 rows/s"


def test_line_before_anything_is_done():
    assert Progress("read", total=5, clock=Clock()).line() == (
        "read: 0/5 documents, passed 0, 0.0 documents/s"
    )


def test_reports_come_at_most_once_in_the_interval(caplog):
    caplog.set_level(logging.INFO)
    clock = Clock()
    progress = Progress("read", total=100, every_seconds=5, clock=clock)
    for _ in range(100):
        clock.now += 0.25
        progress.advance(1)
    assert [record.getMessage().split()[1] for record in caplog.records] == [
        "20/100",
        "40/100",
        "60/100",
        "80/100",
        "100/100",
    ]


def test_closing_summary_has_the_whole_time_and_share(caplog):
    caplog.set_level(logging.INFO)
    clock = Clock()
    progress = Progress("read", total=4, clock=clock)
    progress.advance(4, 1)
    clock.now += 65
    progress.finish()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("read: 4/4 documents, passed 1 (25.0%)")
    assert line.endswith("finished in 0:01:05")
