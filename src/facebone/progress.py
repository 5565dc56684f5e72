"""Progress of long work: a live bar on a terminal, plain lines elsewhere, silence in a library."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as RichBar


class Progress(Protocol):
    """Told how far one piece of work has got. Used as a context manager, from one thread."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def advance(self, count: int) -> None:
        """Report that `count` more items are done."""
        ...


ProgressFactory = Callable[[str, int], Progress]
"""Makes the progress of one piece of work from its label and its number of items."""


class SilentProgress:
    """Reports nothing: the default in the library."""

    def __init__(self, label: str = "", total: int = 0) -> None:
        del label, total

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def advance(self, count: int) -> None:
        """Do nothing."""


class LineProgress:
    """Writes a line at the start of work that lasts, then one every `interval` seconds.

    Args:
        label: what is being done.
        total: number of items.
        stream: where the lines go.
        interval: seconds between lines; work that ends sooner writes none.
        clock: monotonic seconds, replaceable in tests.
    """

    def __init__(
        self,
        label: str,
        total: int,
        *,
        stream: TextIO | None = None,
        interval: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = label
        self._total = total
        self._stream = stream if stream is not None else sys.stderr
        self._interval = interval
        self._clock = clock
        self._done = 0
        self._written = 0
        self._started = clock()
        self._last = self._started

    def __enter__(self) -> Self:
        self._started = self._last = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        # A last line only where earlier ones promised more to come.
        if 0 < self._written < self._done:
            self._write(self._clock())

    def advance(self, count: int) -> None:
        """Count items; write a line when the last one is `interval` seconds old."""
        self._done += count
        now = self._clock()
        if now - self._last >= self._interval:
            self._last = now
            self._write(now)

    def _write(self, now: float) -> None:
        rate = self._done / max(now - self._started, 1e-9)
        left = (self._total - self._done) / rate if rate > 0 else float("inf")
        tail = f", {format_seconds(left)} left" if self._done < self._total else ""
        line = f"{self._label}: {self._done}/{self._total}, {format_rate(rate)}{tail}"
        print(line, file=self._stream, flush=True)
        self._written = self._done


class TerminalProgress:
    """A live bar with rate and time left, erased when the work ends."""

    def __init__(self, label: str, total: int) -> None:
        from rich import progress as rich_progress
        from rich.console import Console

        self._bar: RichBar = rich_progress.Progress(
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TextColumn("{task.fields[rate]}"),
            rich_progress.TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(label, total=total, rate="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self, count: int) -> None:
        """Count items and redraw."""
        self._bar.advance(self._task, count)
        task = self._bar.tasks[0]
        if task.elapsed:
            self._bar.update(self._task, rate=format_rate(task.completed / task.elapsed))


def for_console(label: str, total: int) -> Progress:
    """The progress a command shows: a bar where stderr is a terminal, else lines."""
    if sys.stderr.isatty():
        return TerminalProgress(label, total)
    return LineProgress(label, total)


def format_rate(rate: float) -> str:
    """Items a second as people say them: ``120/s``, ``2.0/s``, or ``42 s each`` of slow ones."""
    if 0 < rate < 0.1:
        return f"{format_seconds(1 / rate)} each"
    return f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s"


def format_seconds(seconds: float) -> str:
    """Seconds as people say them: ``42 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds == float("inf"):
        return "unknown time"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
