"""Pairs handed in with what is known of them: same person or not, member of the training or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.attacks.observations import Floats, Mask, Observations
from facebone.audit.existing.direction import check_direction
from facebone.audit.score_table import CONTROL, MEMBER, NON_MEMBER, Codes, ScoreTable, Texts
from facebone.audit.target import draw_membership
from facebone.errors import DatasetError, UsageError

FEWEST = 10
"""Matched, and mismatched, pairs without which members, and non-members, cannot be audited. An
attack is fitted to one half of them and scores the other."""


@dataclass(frozen=True, slots=True, eq=False)
class GivenPairs:
    """n pairs of which a user says whether a verifier was trained on them.

    Args:
        left: (n,) ids of the pictures on the left, or of the pairs.
        right: (n,) ids of the pictures on the right; all empty where pairs have one id.
        same: (n,) bool, whether each pair shows one person.
        membership: (n,) int8, `MEMBER`, `NON_MEMBER` or `CONTROL` (people in neither set).
        people: two (n,) columns, who is left and right; None where it is not known.
        blind: (n,) scores of a verifier that never learnt from any of these pairs, or None.
        source: where the pairs are from, for error messages.
        lines: (n,) the line of `source` that each pair stands on; None where there are no lines.

    Raises:
        UsageError: columns of different lengths or wrong types.
        DatasetError: a pair that occurs twice, labels that contradict people, control pairs that
            show what other pairs show, a constant blind score, or too few pairs to audit.
    """

    left: Texts
    right: Texts
    same: Mask
    membership: Codes
    people: tuple[Texts, Texts] | None = None
    blind: Floats | None = None
    source: str = "pairs"
    lines: npt.NDArray[np.intp] | None = None

    def __post_init__(self) -> None:
        n = len(self.left)
        columns = {"right": self.right, "same": self.same, "membership": self.membership}
        if self.people is not None:
            columns |= dict(zip(("person left", "person right"), self.people, strict=True))
        columns |= {} if self.blind is None else {"blind": self.blind}
        columns |= {} if self.lines is None else {"lines": self.lines}
        wrong = {name: column.shape for name, column in columns.items() if column.shape != (n,)}
        if wrong or self.same.dtype != np.bool_:
            raise UsageError(
                f"needs columns of {n} and bool labels, got {wrong or self.same.dtype}",
                where=self.source,
            )
        if not np.isin(self.membership, (MEMBER, NON_MEMBER, CONTROL)).all():
            raise UsageError(
                f"membership must be {MEMBER}, {NON_MEMBER} or {CONTROL}", where=self.source
            )
        self._check_repeats()
        self._check_people()
        self._check_control()
        self._check_sizes()
        if self.blind is not None:
            self.check_scores(self.blind, "blind")

    def __len__(self) -> int:
        return len(self.left)

    def place(self, row: int) -> str:
        """Where a pair stands, in words: ``line 4``, or ``row 3`` where there are no lines."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"

    def name(self, row: int) -> str:
        """A pair's ids, for messages."""
        right = str(self.right[row])
        return repr(str(self.left[row])) + (f", {right!r}" if right else "")

    def take(self, rows: npt.NDArray[np.intp]) -> GivenPairs:
        """The pairs at `rows`.

        Raises:
            DatasetError: they are too few to audit.
        """
        return GivenPairs(
            self.left[rows],
            self.right[rows],
            self.same[rows],
            self.membership[rows],
            None if self.people is None else (self.people[0][rows], self.people[1][rows]),
            None if self.blind is None else self.blind[rows],
            self.source,
            None if self.lines is None else self.lines[rows],
        )

    def check_scores(self, scores: Floats, name: str) -> None:
        """Refuse scores that no attack can work on.

        Args:
            scores: (n,) or (n, q).
            name: what they are called.

        Raises:
            DatasetError: they are not finite, or all alike.
        """
        bad = np.flatnonzero(~np.isfinite(scores.reshape(len(self), -1)).all(axis=1))
        if len(bad):
            raise DatasetError(
                f"the {name} of pair {self.name(int(bad[0]))} is not finite, {len(bad)} are not",
                where=f"{self.source}, {self.place(int(bad[0]))}",
                hint="leave those pairs out, or find out why the verifier fails on them",
            )
        if (scores == scores.flat[0]).all():
            raise DatasetError(
                f"every {name} is {scores.flat[0]:g}: a verifier that answers everything alike "
                "cannot be audited",
                where=self.source,
                hint=f"check how the column {name!r} was made",
            )

    def to_table(
        self,
        scores: npt.NDArray[np.floating],
        *,
        threshold: float | None = None,
        sign: int = 1,
        seed: int = 0,
    ) -> ScoreTable:
        """These pairs with a verifier's answers.

        Args:
            scores: (n,) or (n, q) for q answers to each pair.
            threshold: the verifier says "same person" where ``score >= threshold``; by default a
                probability of a half where all scores are in [0, 1], else what suits them best.
            sign: 1, or -1 for a verifier of which smaller scores mean the same person; turns the
                threshold too.
            seed: draws the membership of control pairs.

        Raises:
            UsageError: a wrong sign, threshold or shape, or scores that mean the opposite.
            DatasetError: scores that are not finite, or all alike.
        """
        check_sign(sign)
        if threshold is not None and not np.isfinite(threshold):
            raise UsageError(f"must be a finite number, got {threshold}", where="threshold")
        values = np.asarray(scores, dtype=np.float64)
        if values.shape[:1] != (len(self),) or values.ndim > 2 or not values.size:
            raise UsageError(
                f"{len(self)} pairs need as many scores, got an array of {values.shape}",
                where=self.source,
            )
        self.check_scores(values, "score")
        values = sign * values
        mean = values if values.ndim == 1 else values.mean(axis=1)
        strangers = self.membership != MEMBER
        check_direction(mean[strangers], self.same[strangers], where=self.source)
        turned = None if threshold is None else sign * threshold
        blind = self.blind
        return ScoreTable(
            left=self.left,
            right=self.right,
            people=self.people,
            membership=self.membership,
            drawn=draw_membership(self.same, self.membership == CONTROL, seed=seed),
            answers=Observations.from_scores(values, self.same, threshold=turned),
            blind=None if blind is None else Observations.from_scores(blind, self.same),
        )

    def _check_repeats(self) -> None:
        twins = np.flatnonzero((self.left == self.right) & (self.right != ""))
        if len(twins):
            raise DatasetError(
                f"pairs {str(self.left[twins[0]])!r} with itself",
                where=f"{self.source}, {self.place(int(twins[0]))}",
                hint="drop the row",
            )
        seen: dict[frozenset[str], int] = {}
        for row, ids in enumerate(zip(self.left.tolist(), self.right.tolist(), strict=True)):
            first = seen.setdefault(frozenset(ids), row)
            if first == row:
                continue
            as_what = ""
            if self.membership[first] != self.membership[row]:
                kinds = {MEMBER: "member", NON_MEMBER: "non-member", CONTROL: "control"}
                before, now = kinds[self.membership[first]], kinds[self.membership[row]]
                as_what = f", as {now} and as {before}"
            raise DatasetError(
                f"the pair {self.name(row)} stands on {self.place(first)} already{as_what}",
                where=f"{self.source}, {self.place(row)}",
                hint="each pair must occur once, whichever side its pictures stand on",
            )

    def _check_people(self) -> None:
        if self.people is None:
            return
        left, right = self.people
        wrong = np.flatnonzero((left == right) != self.same)
        if len(wrong):
            row = int(wrong[0])
            label = "the same person" if self.same[row] else "two people"
            raise DatasetError(
                f"is said to show {label}, but its people are {str(left[row])!r} and "
                f"{str(right[row])!r}",
                where=f"{self.source}, {self.place(row)}",
                hint="correct the label or the people",
            )

    def _check_control(self) -> None:
        """Nobody in a control pair may stand in another; where people are unknown, no picture."""
        control = self.membership == CONTROL
        columns, what = (self.left, self.right), "picture"
        if self.people is not None:
            columns, what = self.people, "person"
        first_row: dict[str, int] = {}
        for row in np.flatnonzero(~control).tolist():
            for column in columns:
                first_row.setdefault(str(column[row]), row)
        for row in np.flatnonzero(control).tolist():
            for column in columns:
                name = str(column[row])
                if name and name in first_row:
                    raise DatasetError(
                        f"the {what} {name!r} of this control pair also stands on "
                        f"{self.place(first_row[name])}, which is no control",
                        where=f"{self.source}, {self.place(row)}",
                        hint="control pairs show people in no other pair; drop the row",
                    )

    def _check_sizes(self) -> None:
        sides = {"members": MEMBER, "non-members": NON_MEMBER}
        for side, code in sides.items():
            if not (self.membership == code).any():
                count = int((self.membership != CONTROL).sum())
                others = next(other for other in sides if other != side)
                what = (
                    f"all {count} candidates are {others}" if count else "there are no candidates"
                )
                raise DatasetError(
                    f"has no {side}: {what}",
                    where=self.source,
                    hint="an audit compares pairs of the training with pairs like them that were "
                    "not in it",
                )
        for side, code in sides.items():
            kinds = self.same[self.membership == code]
            matched = int(kinds.sum())
            if min(matched, len(kinds) - matched) < FEWEST:
                raise DatasetError(
                    f"has {matched} matched and {len(kinds) - matched} mismatched pairs among the "
                    f"{side}",
                    where=self.source,
                    hint=f"at least {FEWEST} of each are needed among members and among "
                    "non-members, hundreds for narrow intervals",
                )


def check_sign(sign: int) -> None:
    """Refuse what is neither 1 nor -1.

    Raises:
        UsageError: it is not.
    """
    if sign not in {1, -1}:
        raise UsageError(
            f"must be 1, or -1 where smaller scores mean the same person, got {sign}", where="sign"
        )
