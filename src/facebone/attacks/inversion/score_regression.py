"""Model inversion by multilateration: own pictures are scored, and the template worked out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.inversion.asked_leak import Rows
from facebone.attacks.inversion.base import InversionAttack, OwnFaces
from facebone.attacks.inversion.linear_decoder import GAIN, STRENGTH, LinearDecoder, Templates
from facebone.attacks.inversion.multilateration import locate
from facebone.attacks.inversion.own_space import OwnSpace
from facebone.attacks.inversion.score_leak import ScoreLeak
from facebone.attacks.inversion.submitted import submit
from facebone.backbones.base import Faces
from facebone.seeding import make_rng
from facebone.settings import check_integer, check_number


@dataclass(frozen=True, slots=True)
class AskingSettings:
    """What is asked, and how pictures are drawn.

    Args:
        queries: the budget for each person.
        seconds: the budget of time for the people who are asked about together. What was
            learnt until then counts, and another run may get further; None for no limit.
        strength: of the decoder's penalty; see `LinearDecoder.fit`.
        gain: of the difference from the mean face.
    """

    queries: int = 500
    seconds: float | None = None
    strength: float = STRENGTH
    gain: float = GAIN

    def __post_init__(self) -> None:
        check_integer("queries", self.queries, low=1)
        if self.seconds is not None:
            check_number("seconds", self.seconds, low=0)
        check_number("strength", self.strength, low=0, low_open=True)
        check_number("gain", self.gain, low=0, low_open=True)


class ScoreRegression(InversionAttack):
    """Goal: a picture of each enrolled person.

    Access: the score that submitted pictures get when they claim to be a person. Knowledge: faces
    of other people, and the public networks. Success: a recogniser that the attack never used takes
    the picture for the person.

    The attacker submits faces of their own, the same for everybody. Scores are nearly linear in
    the embeddings of what is submitted, so regression gives the enrolled template, from which a
    linear decoder draws the face.

    References:
        P. Mohanty, S. Sarkar, R. Kasturi, "From Scores to Face Templates: A Model-Based Approach",
        TPAMI 2007: the idea, with multidimensional scaling.
    """

    name = "score_regression"
    summary = "scores of own pictures give the template away, ridge regression draws the face"
    access = Access.SCORE
    knowledge = "Faces of other people, and the public networks."
    settings_type = AskingSettings
    leak_type = ScoreLeak
    _decoder: LinearDecoder
    _space: OwnSpace
    _own: Templates

    def _learn(self, own: OwnFaces) -> None:
        self._decoder = LinearDecoder.fit(
            own.faces, own.templates, strength=self.settings.strength, gain=self.settings.gain
        )
        self._space, self._own = OwnSpace.of(own.templates), own.templates

    def _rebuild(self, leak: ScoreLeak, *, seed: int, device: str) -> Faces:
        del device
        return self._decoder.decode(self.find(leak, seed=seed))

    def find(self, leak: ScoreLeak, *, seed: int) -> Templates:
        """Templates of enrolled people, (n, d) of length one, as far as questions go."""
        order = make_rng(seed, self.name).permutation(len(self._own))[: leak.queries]
        return locate_by_own(leak, self._space, self._own, order)


def locate_by_own(leak: ScoreLeak, space: OwnSpace, own: Templates, rows: Rows) -> Templates:
    """Templates of n enrolled people, from what own pictures score, as far as the time goes.

    Args:
        leak: answers.
        space: of own embeddings.
        own: (m, d) these.
        rows: (q,) of those that are submitted.
    """
    told = submit(leak, leak.ask_own, rows)
    if not len(told):
        return locate(space, own[:1], np.zeros((1, len(leak))))
    return locate(space, own[rows[: len(told)]], told)
