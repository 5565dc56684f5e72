"""What a list of names adds to an attack on membership: who is on it was likelier trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from facebone.attacks.observations import Floats, Mask
from facebone.errors import UsageError
from facebone.settings import check_number


@dataclass(frozen=True, slots=True)
class NameList:
    """A list of people of whom many were trained on: staff, customers, a class of a school.

    Args:
        hit: share of members that are on it, in (0, 1).
        wrong: share of the others that are, in (0, 1).

    Raises:
        UsageError: a share is out of range.
    """

    hit: float
    wrong: float

    def __post_init__(self) -> None:
        for name, value in (("hit", self.hit), ("wrong", self.wrong)):
            check_number(name, value, low=0, high=1, low_open=True)

    @classmethod
    def learn(cls, listed: Mask, member: Mask) -> Self:
        """The shares among people whose membership is known.

        One person is added to each count, so that no share is 0 or 1 (Laplace): a list that was
        never wrong about a few people proves nothing.
        """
        return cls(
            (float(listed[member].sum()) + 1) / (int(member.sum()) + 2),
            (float(listed[~member].sum()) + 1) / (int((~member).sum()) + 2),
        )

    def log_ratio(self, listed: Mask) -> Floats:
        """By how much the list moves the log odds of membership of each person, (n,)."""
        ratios = np.log([(1 - self.hit) / (1 - self.wrong), self.hit / self.wrong])
        moved: Floats = ratios[listed.astype(np.intp)]
        return moved


class ListedMembership:
    """An attack's scores and a list, put together as log odds.

    By Bayes' rule the log odds of membership are those of the score and those of the list, added
    up, if the two tell different things of a member. The scores of an attack are only ranked: a
    straight line, fitted to people whose membership the attacker knows, makes log odds of them.

    References:
        Jayaraman, Wang, Knipmeyer, Gu and Evans, "Revisiting Membership Inference Under Realistic
        Assumptions", 2021, on what an attacker believes before they ask.
    """

    def __init__(self) -> None:
        self._line: tuple[float, float] | None = None
        self._list: NameList | None = None

    def fit(self, scores: Floats, listed: Mask, member: Mask) -> None:
        """Learn from people whose membership is known.

        Args:
            scores: (n,) of a membership attack, finite, larger for members.
            listed: (n,) bool.
            member: (n,) bool.

        Raises:
            UsageError: columns that do not fit each other, or of one class only.
        """
        if not scores.shape == listed.shape == member.shape or scores.ndim != 1:
            raise UsageError(
                f"scores, list and membership of {scores.shape}, {listed.shape} and "
                f"{member.shape} do not fit each other",
                where="name list",
            )
        if member.all() or not member.any():
            raise UsageError("needs members and others to learn from", where="name list")
        from facebone.verification.heads.people import fit_line

        self._line = fit_line(scores, member)
        self._list = NameList.learn(listed, member)

    def score(self, scores: Floats, listed: Mask) -> Floats:
        """Log odds of membership of other people, (n,).

        Raises:
            UsageError: it was not fitted.
        """
        if self._line is None or self._list is None:
            raise UsageError("scores nothing before it is fitted", where="name list")
        slope, offset = self._line
        found: Floats = slope * scores + offset + self._list.log_ratio(listed)
        return found
