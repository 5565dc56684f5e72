"""Progress: plain lines carry count, rate and time left."""

from __future__ import annotations

import io

import pytest

from facebone.progress import LineProgress, format_seconds


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_lines_come_at_intervals_with_rate_and_time_left() -> None:
    clock, stream = Clock(), io.StringIO()
    with LineProgress("embedding b", 50, stream=stream, interval=10, clock=clock) as progress:
        for _ in range(25):
            clock.now += 1
            progress.advance(2)
    assert stream.getvalue().splitlines() == [
        "embedding b: 20/50, 2.0/s, 15 s left",
        "embedding b: 40/50, 2.0/s, 5 s left",
        "embedding b: 50/50, 2.0/s",
    ]


def test_short_work_writes_nothing() -> None:
    clock, stream = Clock(), io.StringIO()
    with LineProgress("x", 5, stream=stream, clock=clock) as progress:
        clock.now += 1
        progress.advance(5)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7_805, "2 h 10 min")],
)
def test_seconds_as_people_say_them(seconds: float, words: str) -> None:
    assert format_seconds(seconds) == words
