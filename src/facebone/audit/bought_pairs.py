"""Pairs by which it is told what training bought: of members, and of those it never met.

A pair's rank among all that might be asked about does not depend on the seed of a target. So the
targets of several seeds are asked about the same pairs where they can be, and few pictures are
needed in shifted domains.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facebone.audit.candidates import join
from facebone.audit.material import Material
from facebone.audit.unit_material import UnitMaterial
from facebone.data.pairs import Pairs
from facebone.data.splits import Level
from facebone.seeding import make_rng

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

MOST = 1000
"""Matched, and mismatched, pairs of each group at most."""

_TRIES = 16
"""Mismatched pairs of people that are drawn for each that is wanted: of four a target of half of
the people knows both in one, and neither in another."""


class Groups(NamedTuple):
    """Balanced pairs by rows of a gallery, matched ones first.

    Args:
        members: pairs that were trained on; at the level of people, pairs of other pictures of
            people who were.
        strangers: pairs that were not, of pictures or people that were not.
    """

    members: Pairs
    strangers: Pairs


def pair_groups(material: Material, member: Mask) -> Groups:
    """At the level of pairs: those trained on and those not.

    Args:
        material: of the level.
        member: (n,) bool, pairs of the pool that were trained on.
    """
    pool, order = material.pool, _order(len(material.pool))
    return Groups(_balanced(pool, order[member[order]]), _balanced(pool, order[~member[order]]))


def unit_groups(material: UnitMaterial, chosen: Mask, rows: Rows, member: Mask) -> Groups:
    """At the levels of pictures and people.

    Args:
        material: of the level.
        chosen: (u,) bool, units that a target might have been trained on; see `members_of`.
        rows: of `material.training` that it was trained on.
        member: (u,) bool, units that it was trained on.
    """
    others = ~chosen  # no control people: they stand in none of these pairs
    if material.level is Level.IDENTITY:
        pairs, units = _probe_pairs(material)
        both = [np.flatnonzero(group[units].all(axis=1)) for group in (member, others)]
        return Groups(*(_balanced(pairs, order) for order in both))
    training = material.training
    order = _order(len(training))
    strange = np.flatnonzero(others[material.training_units].all(axis=1))
    return Groups(*(_balanced(training, order[np.isin(order, group)]) for group in (rows, strange)))


def shifted_rows(groups: list[Groups]) -> Rows:
    """Sorted rows of the pictures that are asked about in shifted domains."""
    found = [one.strangers.pictures() for one in groups]
    return np.unique(np.concatenate([np.empty(0, dtype=np.intp), *found]))


def _order(count: int) -> Rows:
    return make_rng(0, "rank of pairs").permutation(count)


def _balanced(pairs: Pairs, order: Rows) -> Pairs:
    """As many matched as mismatched ones of the pairs at `order`, the first ones."""
    matched, mismatched = order[pairs.same[order]], order[~pairs.same[order]]
    count = min(len(matched), len(mismatched), MOST)
    return pairs.take(np.concatenate([matched[:count], mismatched[:count]]))


def _probe_pairs(material: UnitMaterial) -> tuple[Pairs, npt.NDArray[np.intp]]:
    """Pairs of probes by rank, and the (n, 2) units whose probes they are.

    Matched are those that are asked about, first one of each person, then another one of each, so
    that many people count rather than few with many pictures. Mismatched ones are drawn, for in
    those that are asked about everybody meets control people alone.
    """
    rng = make_rng(0, "pairs of probes")
    questions, asked = material.questions, material.asked
    free = asked[~material.control_units[asked[:, 1]]]
    row, unit = free[:, 0], free[:, 1]
    same = questions.same[row]
    order = rng.permutation(np.flatnonzero(same))
    order = order[np.argsort(_occurrence(unit[order]), kind="stable")]
    # The left picture of a question is the candidate's own.
    owner = np.full(len(material.ids), -1, dtype=np.intp)
    owner[questions.left[row]] = unit
    owner[questions.right[row[same]]] = unit[same]
    drawn = rng.choice(np.flatnonzero(owner >= 0), size=(_TRIES * min(MOST, len(order)), 2))
    drawn = drawn[owner[drawn[:, 0]] != owner[drawn[:, 1]]]
    first = np.unique(np.sort(drawn, axis=1), axis=0, return_index=True)[1]
    drawn = drawn[np.sort(first)]
    mismatched = Pairs(drawn[:, 0], drawn[:, 1], np.zeros(len(drawn), dtype=np.bool_))
    units = np.concatenate([np.repeat(unit[order][:, None], 2, axis=1), owner[drawn]])
    return join([questions.take(row[order]), mismatched]), units


def _occurrence(values: Rows) -> Rows:
    """How often each value has occurred before its place, (n,)."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    found = np.empty(len(values), dtype=np.intp)
    found[order] = np.arange(len(values)) - np.searchsorted(ordered, ordered)
    return found
