"""Model inversion by decisions: mixtures of pictures feel for the boundary of what is accepted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Access
from facebone.attacks.inversion.asked_leak import Floats, Rows
from facebone.attacks.inversion.base import InversionAttack, OwnFaces
from facebone.attacks.inversion.boundary import inwards
from facebone.attacks.inversion.decision_leak import DecisionLeak
from facebone.attacks.inversion.linear_decoder import LinearDecoder, Templates
from facebone.attacks.inversion.multilateration import locate
from facebone.attacks.inversion.own_space import OwnSpace
from facebone.attacks.inversion.score_regression import AskingSettings
from facebone.attacks.inversion.submitted import submit
from facebone.backbones.base import Faces
from facebone.seeding import make_rng
from facebone.settings import check_integer, check_number

Mask = npt.NDArray[np.bool_]

AT_ONCE = 512
"""Mixtures that are asked about together: 77 MB of 112 pixels a side while they are made."""

FEWEST_POINTS = 2
"""Of the boundary, from which something is learnt."""


@dataclass(frozen=True, slots=True)
class BisectionSettings(AskingSettings):
    """What is asked, and how closely.

    Args:
        queries, seconds, strength, gain: see `AskingSettings`.
        own: share of the questions that goes to own pictures, of which some are accepted.
        halvings: questions about the mixtures of an accepted and a rejected picture, each of
            which halves what lies between them.
    """

    queries: int = 2000
    own: float = 0.5
    halvings: int = 5

    def __post_init__(self) -> None:
        AskingSettings.__post_init__(self)
        check_number("own", self.own, low=0, high=1)
        check_integer("halvings", self.halvings, low=1)


class DecisionBisection(InversionAttack):
    """Goal: a picture of each enrolled person.

    Access: whether submitted pictures are accepted when they claim to be a person. Knowledge: faces
    of other people, and the public networks. Success: a recogniser that the attack never used takes
    the picture for the person.

    The attacker submits faces of their own, the same for everybody, and a few are accepted: what
    these have in common says roughly who is enrolled. A picture that is accepted is then mixed with
    rejected ones, and halving finds the mixture at which the verifier changes its mind. The public
    networks say where these mixtures lie: on a plane across the enrolled template, which regression
    works out, and a linear decoder draws the face. Nobody is found of whom no picture is accepted.

    References:
        D. Lowd, C. Meek, "Adversarial Learning", KDD 2005.
    """

    name = "decision_bisection"
    summary = "mixtures that are just accepted give the template away, ridge regression draws it"
    access = Access.DECISION
    knowledge = "Faces of other people, and the public networks."
    needs_sight = True
    slow = True
    settings_type = BisectionSettings
    leak_type = DecisionLeak
    _decoder: LinearDecoder
    _space: OwnSpace
    _own: OwnFaces

    def _learn(self, own: OwnFaces) -> None:
        self._decoder = LinearDecoder.fit(
            own.faces, own.templates, strength=self.settings.strength, gain=self.settings.gain
        )
        self._space, self._own = OwnSpace.of(own.templates), own

    def _rebuild(self, leak: DecisionLeak, *, seed: int, device: str) -> Faces:
        del device
        faces, templates = self._own.faces, self._own.templates
        count = min(max(1, round(self.settings.own * leak.queries)), len(templates))
        rows = make_rng(seed, self.name).permutation(len(templates))[:count]
        told = submit(leak, leak.accepts_own, rows)
        if not len(told):
            return self._decoder.decode(np.repeat(self._decoder.centre[None], len(leak), axis=0))
        rows, accepted = rows[: len(told)], told > 0
        found = locate(self._space, templates[rows], told)
        inside, known = self._inside(leak, rows, accepted, found)
        whose, beyond = self._lines(leak, rows, accepted, known)
        crossed = halve(leak, whose, inside, faces, beyond, self.settings.halvings)
        if crossed is None:
            return self._decoder.decode(found)
        for person in np.unique(whose):
            mine = np.flatnonzero(whose == person)
            if len(mine) >= FEWEST_POINTS:
                pictures = mixed(inside[whose[mine]], faces[beyond[mine]], crossed[mine])
                found[person] = self._direction(inside[person], pictures, found[person])
        return self._decoder.decode(found)

    def _inside(
        self, leak: DecisionLeak, rows: Rows, accepted: Mask, found: Templates
    ) -> tuple[Faces, Mask]:
        """A picture (n, h, w, 3) that is accepted for each person, and of whom there is one, (n,).

        Where the one drawn of what is known roughly is accepted, it lies deeper inside than any
        own one.
        """
        drawn = self._decoder.decode(found)
        deep = np.zeros(len(leak), dtype=np.bool_)
        if leak.asked.max() < leak.queries and not leak.late:
            deep = leak.accepts(np.arange(len(leak)), drawn)
        likeness = np.where(accepted, self._own.templates[rows] @ found.T, -np.inf)
        nearest = self._own.faces[rows[likeness.argmax(axis=0)]]
        return np.where(deep[:, None, None, None], drawn, nearest), deep | accepted.any(axis=0)

    def _lines(
        self, leak: DecisionLeak, rows: Rows, accepted: Mask, known: Mask
    ) -> tuple[Rows, Rows]:
        """People, and rejected own pictures of each, as many as can be asked about; (q,) each."""
        most = (leak.queries - int(leak.asked.max())) // self.settings.halvings
        chosen = [np.flatnonzero(~accepted[:, person])[:most] for person in np.flatnonzero(known)]
        whose = np.repeat(np.flatnonzero(known), [len(some) for some in chosen])
        return whose, rows[np.concatenate([np.empty(0, dtype=np.intp), *chosen])]

    def _direction(self, inside: Faces, boundary: Faces, roughly: Templates) -> Templates:
        if self._own.see is None:  # who has learnt knows
            raise RuntimeError(f"attack {self.name} cannot see")
        seen = self._own.see(np.concatenate([inside[None], boundary]))
        return inwards(self._space, seen[0], seen[1:], roughly=roughly)


def halve(
    leak: DecisionLeak, whose: Rows, inside: Faces, faces: Faces, beyond: Rows, times: int
) -> Floats | None:
    """Shares (q,) of rejected pictures at which mixtures with accepted ones begin to be rejected.

    Args:
        leak: that answers.
        whose: (q,) people.
        inside: (n, h, w, 3) a picture that is accepted for each person.
        faces: (m, h, w, 3) own ones.
        beyond: (q,) rows of those that are rejected.
        times: questions about each.

    Returns:
        The middles of what is left; None where nothing was asked, or the time has run out before
        all were asked about once.
    """
    low, high = np.zeros(len(whose)), np.ones(len(whose))
    for turn in range(times if len(whose) else 0):
        for begin in range(0, len(whose), AT_ONCE):
            some = np.arange(begin, min(begin + AT_ONCE, len(whose)))
            if leak.late:
                return (low + high) / 2 if turn else None
            share = (low[some] + high[some]) / 2
            pictures = mixed(inside[whose[some]], faces[beyond[some]], share)
            accepted = leak.accepts(whose[some], pictures)
            low[some] = np.where(accepted, share, low[some])
            high[some] = np.where(accepted, high[some], share)
    return (low + high) / 2 if len(whose) else None


def mixed(one: Faces, other: Faces, shares: Floats) -> Faces:
    """Pictures (q, h, w, 3) of which the other one makes up such shares (q,)."""
    weights = shares.astype(np.float32)[:, None, None, None]
    faces: Faces = (one + weights * (other.astype(np.float32) - one)).round().astype(np.uint8)
    return faces
