"""A template of everybody who was trained on, by which it is known which adaptation may answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from facebone.mitigations.multi_backbone.people_groups import Groups, Rows, choices
from facebone.verification.embedded_pairs import Matrix, normalise

LOOKED_UP_AT_ONCE = 4096
"""Pictures that are compared with all people at a time: 16 MB for 1,000 people."""


@dataclass(frozen=True, slots=True, eq=False)
class Registry:
    """Who was trained on, and in which groups.

    Args:
        people: (m, d) float32 mean unadapted template of each person, of length one.
        groups: (splits, m) group of each person in each split, 0 .. parts - 1.
        parts: number of groups.
        left_out: how many of them each adaptation is trained without.
    """

    people: Matrix
    groups: Groups
    parts: int
    left_out: int

    @classmethod
    def of(
        cls, templates: Matrix, person: Rows, groups: Groups, parts: int, left_out: int
    ) -> Registry:
        """The registry of people by their pictures.

        Args:
            templates: (n, d) of the pictures, of length one.
            person: (n,) whom each shows, 0 .. m - 1, all of them.
            groups: see `Registry`.
            parts: see `Registry`.
            left_out: see `Registry`.
        """
        sums = np.zeros((groups.shape[1], templates.shape[1]))
        np.add.at(sums, person, templates)
        return cls(normalise(sums.astype(np.float32)), groups, parts, left_out)

    def asked(self, rows: Matrix, left: Rows, right: Rows) -> Iterator[tuple[int, Rows]]:
        """Which pairs each adaptation has to answer: its number, counted over all splits, and they.

        Every pair is there once a split.

        Args:
            rows: (u, d) templates.
            left: (n,) rows of the left pictures.
            right: (n,) rows of the right ones.
        """
        each = len(choices(self.parts, self.left_out))
        for split, group in enumerate(self.groups):
            likeness = likeness_to_groups(rows, self.people, group, self.parts)
            chosen = answering(likeness[left], likeness[right], self.left_out)
            for k in np.unique(chosen).tolist():
                yield split * each + k, np.flatnonzero(chosen == k)


def likeness_to_groups(templates: Matrix, people: Matrix, group: Rows, parts: int) -> Matrix:
    """How alike each template is to the likest person of each group, (n, parts).

    Args:
        templates: (n, d) rows of length one.
        people: (m, d) a template of each person, of length one.
        group: (m,) of each person; no group is empty.
        parts: number of groups.
    """
    order = np.argsort(group, kind="stable")
    begins = np.searchsorted(group[order], np.arange(parts))
    found = np.empty((len(templates), parts), dtype=np.float32)
    for begin in range(0, len(templates), LOOKED_UP_AT_ONCE):
        block = slice(begin, begin + LOOKED_UP_AT_ONCE)
        likeness = templates[block] @ people[order].T
        found[block] = np.maximum.reduceat(likeness, begins, axis=1)
    return found


def answering(left: Matrix, right: Matrix, left_out: int) -> Rows:
    """Which adaptation answers each pair, as a position in `choices`, (n,).

    It is the one trained without the group of the person whom the left picture is likest to,
    without that of the right picture, and without those that come next by both pictures together,
    until `left_out` groups are left out. So every pair is answered by exactly one adaptation of a
    split, and a stranger, too, is answered without the people most like them. Were fewer left out
    where both pictures fall into one group, as those of members do, the number, and the absence of
    look-alikes, would tell members from strangers.

    Args:
        left: (n, parts) likeness of the left pictures to groups, see `likeness_to_groups`.
        right: the same of the right ones.
        left_out: number of groups, 2 or more.
    """
    count, parts = left.shape
    both = left + right
    pairs = np.arange(count)
    for side in (left, right):
        both[pairs, side.argmax(axis=1)] = np.inf
    groups = np.argsort(-both, axis=1, kind="stable")[:, :left_out]
    # Groups as bits of a number: choices in a row have numbers of their own.
    codes = np.array([sum(1 << g for g in choice) for choice in choices(parts, left_out)])
    order = np.argsort(codes)
    place: Rows = order[np.searchsorted(codes[order], (1 << groups).sum(axis=1))]
    return place


def distinct(rows: Matrix) -> tuple[Rows, Rows]:
    """Positions of rows that differ, and which of these each of the (n, d) rows is, (n,)."""
    known: dict[bytes, int] = {}
    kept: list[int] = []
    which = np.empty(len(rows), dtype=np.intp)
    for position, row in enumerate(np.ascontiguousarray(rows)):
        which[position] = known.setdefault(row.tobytes(), len(kept))
        if which[position] == len(kept):
            kept.append(position)
    return np.array(kept, dtype=np.intp), which
