"""Asking a verifier about a grid of pictures, within a budget, and going on where it stopped."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from facebone.attacks.observations import Floats
from facebone.errors import StorageError, UsageError
from facebone.files import new_file
from facebone.progress import ProgressFactory, SilentProgress
from facebone.settings import check_integer, check_number

Rows = npt.NDArray[np.intp]
Oracle = Callable[[Rows, Rows], npt.NDArray[np.floating]]
"""Scores of pairs of pictures, by their positions left and right, larger for the same person."""
Stopped = Literal["", "queries", "seconds"]

AT_ONCE = 50_000
"""Questions between two looks at the clock: an interrupted run loses no more."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much an attacker may ask.

    Args:
        queries: questions in all, those of earlier runs included; None for any number.
        seconds: of one run; None for any time.

    Raises:
        UsageError: a value is out of range.
    """

    queries: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.queries is not None:
            check_integer("queries", self.queries, low=1)
        if self.seconds is not None:
            check_number("seconds", self.seconds, low=0, low_open=True)


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a verifier said of n pictures beside the first q of those it was to be asked about.

    Args:
        scores: (n, q) every picture has all its answers.
        wanted: columns that were to be asked.
        stopped: by what the rest was cut off, "" where nothing was.
    """

    scores: Floats
    wanted: int
    stopped: Stopped

    @property
    def queries(self) -> int:
        """Questions that were asked, in this run and those before."""
        return self.scores.size


def ask_grid(
    oracle: Oracle,
    pictures: Rows,
    beside: Rows,
    *,
    budget: Budget | None = None,
    keep: Path | None = None,
    about: str = "",
    progress: ProgressFactory = SilentProgress,
    clock: Callable[[], float] = time.monotonic,
) -> Answers:
    """Ask about each of n pictures beside each of q, a column after the other.

    All pictures are asked about one of the q before the next, so that whenever the budget ends
    every picture has as many answers. An attack then has fewer columns, and no victim has none.

    Args:
        oracle: the verifier.
        pictures: (n,) positions.
        beside: (q,) positions, the most useful first.
        budget: where to stop; None asks everything.
        keep: a file where answers are kept as they come, and which is gone on from.
        about: what tells this verifier from others that the same is asked of.
        progress: told how many questions are answered.
        clock: seconds that only rise, replaceable in tests.

    Raises:
        UsageError: the budget is too small for one column.
        StorageError: the file holds answers to other questions, is damaged or cannot be written.
        RuntimeError: the verifier gave answers of another shape, or that are no numbers.
    """
    allowed = Budget() if budget is None else budget
    n, q = len(pictures), len(beside)
    if not n or not q:
        return Answers(np.empty((n, q)), q, "")
    affordable = q if allowed.queries is None else min(q, allowed.queries // n)
    if not affordable:
        raise UsageError(
            f"{allowed.queries} are too few to ask once about each of {n} pictures",
            where="queries",
            hint="allow more, or ask about fewer pictures",
        )
    key = _fingerprint(pictures, beside, about)
    # What more was asked before than this budget allows is not looked at.
    columns = [] if keep is None else list(_read(keep, key, n).T[:affordable])
    begun, late = clock(), False
    step = max(1, AT_ONCE // n)
    with progress("asking the verifier", n * affordable) as told:
        told.advance(n * len(columns))
        while len(columns) < affordable and not late:
            block = beside[len(columns) : min(len(columns) + step, affordable)]
            columns.extend(_ask(oracle, pictures, block))
            told.advance(n * len(block))
            if keep is not None:
                _write(keep, key, columns)
            late = allowed.seconds is not None and clock() - begun >= allowed.seconds
    stopped: Stopped = ""
    if len(columns) < q:
        stopped = "seconds" if len(columns) < affordable else "queries"
    return Answers(np.stack(columns, axis=1), q, stopped)


def _ask(oracle: Oracle, pictures: Rows, block: Rows) -> Floats:
    """A row for each of the block, (b, n)."""
    left, right = np.tile(pictures, len(block)), np.repeat(block, len(pictures))
    found = np.asarray(oracle(left, right), dtype=np.float64)
    if found.shape != left.shape or not np.isfinite(found).all():
        raise RuntimeError(f"the verifier gave scores of {found.shape}, or not finite")
    return found.reshape(len(block), len(pictures))


def _fingerprint(pictures: Rows, beside: Rows, about: str) -> str:
    digest = hashlib.blake2b(about.encode(), digest_size=16)
    for positions in (pictures, beside):
        digest.update(np.asarray([len(positions), *positions], dtype=np.int64).tobytes())
    return digest.hexdigest()


def _read(keep: Path, key: str, n: int) -> Floats:
    """Answers of an earlier run, (n, c); none where there is no file."""
    if not keep.exists():
        return np.empty((n, 0))
    try:
        with keep.open("rb") as file, np.load(file, allow_pickle=False) as held:
            found: Any = held["scores"]
            theirs = str(held["key"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise StorageError(
            "holds no answers that can be read", where=keep, hint="remove it to ask again"
        ) from error
    if theirs != key or found.ndim != 2 or len(found) != n:
        raise StorageError("holds answers to other questions", where=keep, hint="name another file")
    return np.asarray(found, dtype=np.float64)


def _write(keep: Path, key: str, columns: list[Floats]) -> None:
    with new_file(keep) as part, part.open("wb") as file:
        np.savez(file, scores=np.stack(columns, axis=1), key=np.array(key))
