"""Model inversion by gradients: the verifier's log odds are followed through head and networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.inversion.base import InversionAttack, OwnFaces
from facebone.attacks.inversion.guide import Look
from facebone.attacks.inversion.linear_decoder import GAIN, STRENGTH, LinearDecoder, Templates
from facebone.attacks.inversion.refinement import Pixels, RefinementSettings, Rows, refine
from facebone.attacks.inversion.slope_leak import SlopeLeak
from facebone.backbones.base import Faces
from facebone.seeding import make_rng
from facebone.settings import check_integer, check_number
from facebone.verification.embedded_pairs import normalise


@dataclass(frozen=True)
class ScoreGradientSettings(RefinementSettings):
    """Where gradients are taken, and how pictures are drawn and moved.

    Args:
        steps, step, smoothness, loyalty: see `RefinementSettings`.
        places: own faces at which the first gradients are taken.
        strength: of the decoder's penalty; see `LinearDecoder.fit`.
        gain: of the difference from the mean face.
    """

    places: int = 8
    strength: float = STRENGTH
    gain: float = GAIN

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("places", self.places, low=1)
        check_number("strength", self.strength, low=0, low_open=True)
        check_number("gain", self.gain, low=0, low_open=True)


class ScoreGradient(InversionAttack):
    """Goal: a picture of each enrolled person.

    Access: the weights of the head, which give gradients of a person's log odds by what is
    submitted; what is enrolled is not shown. Knowledge: the public networks, which give gradients,
    and faces of other people. Success: a recogniser that the attack never used takes the picture
    for the person.

    A head that compares by cosines is steepest towards the enrolled template, and other heads
    nearly so. A linear decoder draws where gradients at a few own faces point on average; then the
    picture follows them, asked anew in each step, through head and networks, while it stays smooth
    and near where it began.

    References:
        M. Fredrikson, S. Jha, T. Ristenpart, "Model Inversion Attacks that Exploit Confidence
        Information and Basic Countermeasures", CCS 2015: following a model's confidence.
    """

    name = "score_gradient"
    summary = "gradients of the verifier's log odds are followed through head and public networks"
    access = Access.WEIGHTS
    knowledge = "The public networks, and faces of other people."
    needs_gradients = True
    slow = True
    settings_type = ScoreGradientSettings
    leak_type = SlopeLeak
    _look: Look
    _decoder: LinearDecoder
    _own: Templates

    def _learn(self, own: OwnFaces) -> None:
        if own.look is None:  # checked before
            raise RuntimeError("no networks to look through")
        self._look, self._own = own.look, own.templates
        self._decoder = LinearDecoder.fit(
            own.faces, own.templates, strength=self.settings.strength, gain=self.settings.gain
        )

    def _rebuild(self, leak: SlopeLeak, *, seed: int, device: str) -> Faces:
        def aim(people: Rows, seen: Templates) -> Templates:
            return normalise(leak.slopes(people, seen))

        places = make_rng(seed, self.name).permutation(len(self._own))[: self.settings.places]
        whose = np.repeat(np.arange(len(leak)), len(places))
        pointed = aim(whose, np.tile(self._own[places], (len(leak), 1)))
        mean = pointed.reshape(len(leak), len(places), -1).mean(axis=1)
        return refine(
            Pixels(self._decoder.decode(normalise(mean)), device),
            aim,
            self._look,
            self.settings,
            seed=seed,
        )
