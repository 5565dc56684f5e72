"""Progress: plain lines carry count, rate and time left."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest

from facebone.progress import LineProgress, format_rate, format_seconds


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


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        *((1_200.4, "1200/s"), (20.7, "21/s"), (2.0, "2.0/s"), (0.1, "0.1/s")),
        *((0.04, "25 s each"), (0.01, "1 min 40 s each"), (0, "0.0/s")),
    ],
)
def test_rates_as_people_say_them(rate: float, words: str) -> None:
    assert format_rate(rate) == words


BAR = """
import sys, time
from facebone.progress import TerminalProgress, for_console
progress = for_console("embedding b", 40)
assert isinstance(progress, TerminalProgress), progress
with progress:
    for _ in range(20):
        progress.advance(1)
        time.sleep(0.05)
print("data", end="")
"""


def test_a_terminal_gets_a_bar_with_rate_and_time_left() -> None:
    master, slave = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    result = subprocess.run(
        [sys.executable, "-c", BAR], stdout=subprocess.PIPE, stderr=slave, env=environment,
        check=True, text=True,
    )  # fmt: skip
    os.close(slave)
    shown = b""
    try:
        while block := os.read(master, 65536):
            shown += block
    except OSError:  # Linux says end of file of a terminal like this
        pass
    finally:
        os.close(master)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert result.stdout == "data"
    assert re.search(r"embedding b .*20/40 \d+/s 0:00:0\d", text)
