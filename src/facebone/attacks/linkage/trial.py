"""One attack on two databases, beside its control."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.linkage.base import LinkageAttack
from facebone.attacks.linkage.view import Anchors, LinkageView
from facebone.attacks.observations import Floats
from facebone.errors import UsageError
from facebone.seeding import derive_seed, make_rng


@dataclass(frozen=True, slots=True, eq=False)
class Linked:
    """What an attack scores, and what it would score knowing nothing.

    Args:
        scores: (n, m) larger for the same person.
        first: (n,) whom the records of the first database show.
        second: (m,) those of the second.
        control: (n, m) the scores of the same attack where nothing belongs together: with the
            pairs of its anchors broken up, if it has any.
        control_second: (m,) whom the control takes the second database's records for: others of
            them. A map learnt from broken anchors points somewhere, and by chance may draw true
            pairs together or apart.
    """

    scores: Floats
    first: npt.NDArray[Any]
    second: npt.NDArray[Any]
    control: Floats
    control_second: npt.NDArray[Any]


def run_linkage(
    attack: LinkageAttack,
    view: LinkageView,
    first: npt.NDArray[Any],
    second: npt.NDArray[Any],
    *,
    seed: int,
) -> Linked:
    """Run an attack, and its control.

    Args:
        attack: which one.
        view: what the attacker sees.
        first: (n,) whom the records of the first database show, each once.
        second: (m,) likewise.
        seed: for everything random.

    Raises:
        UsageError: people who do not fit the records or the anchors, or see `LinkageAttack.link`.
    """
    if view.anchors is not None:
        shown = np.isin(view.anchors.person, np.concatenate([first, second]))
        if shown.any():
            raise UsageError(
                f"show {view.anchors.person[shown][0]}, who is in a database",
                where="anchors",
                hint="take other people: what is learnt must carry over to strangers",
            )
    scores = attack.link(view, seed=derive_seed(seed, "linkage"))
    if scores.shape != (len(first), len(second)):
        raise UsageError(
            f"{len(first)} and {len(second)} people do not fit scores of {scores.shape}",
            where="people",
        )
    rng = make_rng(seed, "linkage control")
    others, control = second[derangement(len(second), rng)], scores
    if view.anchors is not None:
        broken = replace(view, anchors=break_up(view.anchors, rng))
        control = attack.link(broken, seed=derive_seed(seed, "linkage"))
    return Linked(scores, first, second, control, others)


def break_up(anchors: Anchors, rng: np.random.Generator) -> Anchors:
    """The same templates of both systems, but of different people beside each other."""
    people, number = np.unique(anchors.person, return_inverse=True)
    other = derangement(len(people), rng)
    places = [np.flatnonzero(number == who) for who in range(len(people))]
    taken = np.array([rng.choice(places[other[who]]) for who in number], dtype=np.intp)
    return Anchors(anchors.first, anchors.second[taken], anchors.person)


def derangement(count: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """An order of 0 .. count - 1 in which nothing stays where it was; of one, that one."""
    around = rng.permutation(count)
    found = np.empty(count, dtype=np.intp)
    # Each takes the place of the next in a random circle.
    found[around] = np.roll(around, -1)
    return found
