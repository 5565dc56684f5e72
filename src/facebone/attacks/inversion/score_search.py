"""Model inversion by evolution: pictures are drawn, scored, and the better ones followed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.inversion.asked_leak import Floats
from facebone.attacks.inversion.base import InversionAttack, OwnFaces
from facebone.attacks.inversion.evolution import Evolution
from facebone.attacks.inversion.linear_decoder import LinearDecoder, Templates
from facebone.attacks.inversion.own_space import OwnSpace
from facebone.attacks.inversion.score_leak import ScoreLeak
from facebone.attacks.inversion.score_regression import AskingSettings, locate_by_own
from facebone.backbones.base import Faces
from facebone.seeding import make_rng
from facebone.settings import check_integer, check_number, check_word

BEST, LOCATED = "best", "located"


@dataclass(frozen=True, slots=True)
class SearchSettings(AskingSettings):
    """What is asked, and how the search goes.

    Args:
        queries, seconds, strength, gain: see `AskingSettings`.
        own: share of the questions that goes to own pictures, which say where to start.
        start: at the ``best`` of these, or where regression has ``located`` the template.
        axes: principal axes of the embeddings that are searched.
        step: of the search at first, in standard deviations of faces.
    """

    own: float = 0.3
    start: str = LOCATED
    axes: int = 64
    step: float = 0.3

    def __post_init__(self) -> None:
        AskingSettings.__post_init__(self)
        check_number("own", self.own, low=0, high=1)
        check_word("start", self.start, (BEST, LOCATED))
        check_integer("axes", self.axes, low=2)
        check_number("step", self.step, low=0, low_open=True)


class ScoreSearch(InversionAttack):
    """Goal: a picture of each enrolled person.

    Access: the score that submitted pictures get when they claim to be a person. Knowledge: faces
    of other people, and the public networks. Success: a recogniser that the attack never used takes
    the picture for the person.

    An evolution strategy walks among the templates that a linear decoder turns into pictures. It
    supposes nothing of how scores come about but that better pictures get larger ones.
    Every question but those about own pictures is a new picture that the networks must look at:
    seconds a person, where regression takes none.

    References:
        N. Hansen, "The CMA Evolution Strategy: A Tutorial", 2016.
    """

    name = "score_search"
    summary = "an evolution strategy follows scores among pictures that a linear decoder draws"
    access = Access.SCORE
    knowledge = "Faces of other people, and the public networks."
    slow = True
    settings_type = SearchSettings
    leak_type = ScoreLeak
    _decoder: LinearDecoder
    _space: OwnSpace
    _own: Templates

    def _learn(self, own: OwnFaces) -> None:
        self._decoder = LinearDecoder.fit(
            own.faces, own.templates, strength=self.settings.strength, gain=self.settings.gain
        )
        self._space = OwnSpace.of(own.templates, most=self.settings.axes)
        self._own = own.templates

    def _rebuild(self, leak: ScoreLeak, *, seed: int, device: str) -> Faces:
        del device
        people = np.arange(len(leak))
        count = min(round(self.settings.own * leak.queries), len(self._own))
        starts = self._starts(leak, count, seed=seed)
        searches = [
            Evolution(start, self.settings.step, rng=make_rng(seed, self.name, person))
            for person, start in zip(people, starts, strict=True)
        ]
        # All people take a step together, for networks are quicker with many pictures at a time.
        size, left = searches[0].size, leak.queries - count
        while left >= size and not leak.late:
            points = np.stack([search.ask() for search in searches])
            flat = points.reshape(len(leak) * size, -1)
            told = leak.ask(np.repeat(people, size), self._draw(flat)).reshape(len(leak), size)
            for search, some, values in zip(searches, points, told, strict=True):
                search.tell(some, values)
            left -= size
        return self._draw(np.stack([search.mean for search in searches]))

    def _starts(self, leak: ScoreLeak, count: int, *, seed: int) -> Floats:
        """Numbers (n, k) where own faces point: regression, or a mean of those that score best."""
        if not count or leak.late:
            return np.zeros((len(leak), len(self._space.reach)))
        rows = make_rng(seed, self.name, "own").permutation(len(self._own))[:count]
        if self.settings.start == LOCATED:
            every = OwnSpace.of(self._own)
            return self._space.numbers(locate_by_own(leak, every, self._own, rows))
        whose = np.repeat(np.arange(len(leak)), count)
        told = leak.ask_own(whose, np.tile(rows, len(leak))).reshape(len(leak), count)
        numbers = self._space.numbers(self._own[rows])
        best = np.argsort(-told, axis=1, kind="stable")[:, : max(1, count // 10)]
        weights = np.log(best.shape[1] + 0.5) - np.log(np.arange(1, best.shape[1] + 1))
        starts: Floats = np.einsum("b,nbk->nk", weights / weights.sum(), numbers[best])
        return starts

    def _draw(self, numbers: Floats) -> Faces:
        return self._decoder.decode(self._space.templates(numbers))
