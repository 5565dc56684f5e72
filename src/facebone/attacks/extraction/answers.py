"""Answers that an attacker has got, as columns, and the file that outlives an interrupted run."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facebone.attacks.extraction.known import Positions
from facebone.errors import StorageError, UsageError
from facebone.files import new_file

Floats = npt.NDArray[np.float64]

SYMMETRIC = 0.99
"""Correlation of answers to both orders from which a victim is taken not to mind the order."""

FEWEST_TURNED = 5
"""Pairs asked in both orders below which nothing is concluded from them."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a victim said of n pairs of the attacker's pictures.

    Args:
        left: (n,) positions of pictures.
        right: (n,) positions of pictures.
        margin: (n,) log odds less the victim's threshold, at least 0 for one person; of decisions
            alone infinity with the sign of the decision, for nothing says how sure they are.
    """

    left: Positions
    right: Positions
    margin: Floats

    def __len__(self) -> int:
        return len(self.margin)

    @property
    def decided(self) -> npt.NDArray[np.bool_]:
        """Whether the victim takes each pair for one person, (n,)."""
        decisions: npt.NDArray[np.bool_] = self.margin >= 0
        return decisions

    @property
    def scored(self) -> bool:
        """Whether the margins are scores, not decisions alone."""
        return bool(np.isfinite(self.margin).all())

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Answers:
        """The answers at `rows`, as positions or as a mask."""
        return Answers(self.left[rows], self.right[rows], self.margin[rows])

    def both_orders(self) -> Answers:
        """Each answer twice, the second time about the turned pair, (2n,)."""
        return Answers(
            np.concatenate([self.left, self.right]),
            np.concatenate([self.right, self.left]),
            np.tile(self.margin, 2),
        )

    def symmetric(self) -> bool:
        """Whether the victim seems to answer alike whichever picture comes first.

        Told by the pairs that were asked in both orders; true where these are too few to tell.
        """
        forward, backward = self._turned()
        if len(forward) < FEWEST_TURNED:
            return True
        first, second = self.margin[forward], self.margin[backward]
        if not self.scored:
            return bool(np.mean((first >= 0) == (second >= 0)) >= SYMMETRIC)
        if first.std() == 0 or second.std() == 0:
            return bool((first == second).all())
        return bool(np.corrcoef(first, second)[0, 1] >= SYMMETRIC)

    def _turned(self) -> tuple[Positions, Positions]:
        """Rows of pairs that were asked in both orders, and the rows of the other order."""
        if not len(self):
            return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
        size = int(max(self.left.max(), self.right.max())) + 1
        keys, turned = self.left * size + self.right, self.right * size + self.left
        order = np.argsort(keys, kind="stable")
        place = np.minimum(np.searchsorted(keys[order], turned), len(keys) - 1)
        other = order[place]
        # Each pair of rows once.
        rows = np.flatnonzero((keys[other] == turned) & (self.left < self.right))
        return rows, other[rows]


class AnswerFile:
    """Answers on disk, each version of the file whole; see `Oracle`.

    Args:
        path: of the file.
        identity: what the answers belong to: victim, pictures and access, however the caller names
            them. Answers of another identity are refused.
    """

    def __init__(self, path: Path, *, identity: str) -> None:
        self.path = path
        self.identity = identity

    def load(self) -> Answers | None:
        """The answers that are there; None where there is no file.

        Raises:
            UsageError: they belong to another victim.
            StorageError: the file cannot be read.
        """
        if not self.path.exists():
            return None
        try:
            # NumPy would leave a file open that is no archive after all.
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as found:
                columns = {name: found[name] for name in found.files}
            identity = str(columns["identity"])
            answers = _checked(columns)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise StorageError(
                f"holds no answers that can be read: {error}",
                where=self.path,
                hint="remove it to ask again",
            ) from error
        if identity != self.identity:
            raise UsageError(
                f"holds answers of {identity!r}, not of {self.identity!r}",
                where=self.path,
                hint="name another file or remove this one",
            )
        return answers

    def save(self, answers: Answers) -> None:
        """Replace what is there.

        Raises:
            StorageError: the disk is full or read-only; what was there before stays.
        """
        with new_file(self.path) as part, part.open("wb") as file:
            np.savez(
                file,
                left=answers.left,
                right=answers.right,
                margin=answers.margin,
                identity=np.array(self.identity),
            )


def _checked(columns: Mapping[str, npt.NDArray[np.generic]]) -> Answers:
    """Answers of columns that a file held.

    Raises:
        KeyError: a column is missing.
        ValueError: they do not fit each other.
    """
    left, right = (columns[name].astype(np.intp) for name in ("left", "right"))
    margin = columns["margin"].astype(np.float64)
    if not left.shape == right.shape == margin.shape == (margin.size,) or np.isnan(margin).any():
        raise ValueError("its columns do not fit each other")
    return Answers(left, right, margin)
