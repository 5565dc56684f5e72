"""Template inversion through the public networks: a linear decoder, and their gradients."""

from __future__ import annotations

from dataclasses import dataclass

from facebone.attacks.inversion.base import OwnFaces
from facebone.attacks.inversion.drawn_templates import DrawnTemplates
from facebone.attacks.inversion.guide import Look
from facebone.attacks.inversion.leaks import TemplateLeak
from facebone.attacks.inversion.refinement import (
    Movable,
    Pixels,
    RefinementSettings,
    refine,
    towards,
)
from facebone.attacks.inversion.template_ridge import RidgeSettings, TemplateRidge
from facebone.backbones.base import Faces
from facebone.settings import check_word

PIXELS, TEMPLATE = "pixels", "template"


@dataclass(frozen=True, slots=True)
class GradientSettings(RidgeSettings):
    """How pictures are drawn, and moved.

    Args:
        strength, gain, knows, enrolled: see `RidgeSettings`.
        moves: ``pixels``, each by itself, or the numbers of the ``template`` that the decoder
            draws, so that every picture is one of its own.
        steps, step, smoothness, loyalty: see `RefinementSettings`.
    """

    moves: str = PIXELS
    steps: int = RefinementSettings.steps
    step: float = RefinementSettings.step
    smoothness: float = RefinementSettings.smoothness
    loyalty: float = RefinementSettings.loyalty

    def __post_init__(self) -> None:
        RidgeSettings.__post_init__(self)
        check_word("moves", self.moves, (PIXELS, TEMPLATE))
        self.refinement()

    def refinement(self) -> RefinementSettings:
        """What moves the pictures."""
        return RefinementSettings(self.steps, self.step, self.smoothness, self.loyalty)


class TemplateGradient(TemplateRidge):
    """Goal: a picture of each person whose template leaked.

    Access: stored templates. Knowledge: the networks that made them, which are public and give
    gradients, and faces of other people. Success: a recogniser that the attack never used takes
    the picture for the person.

    What ridge regression draws is moved by gradients towards its template, while it stays smooth
    and near where it began. As the networks look at it shaken, what they see in it others see too.
    Or the numbers are moved from which it was drawn: few as they are, they can mislead nobody, and
    say no more than the decoder can draw.

    References:
        A. Mahendran, A. Vedaldi, "Understanding Deep Image Representations by Inverting Them",
        CVPR 2015.
    """

    name = "template_gradient"
    summary = "what ridge regression draws, moved by gradients of the public networks"
    knowledge = "The public networks that made the templates, and faces of other people."
    needs_gradients = True
    slow = True
    settings_type = GradientSettings
    _look: Look

    def _learn(self, own: OwnFaces) -> None:
        super()._learn(own)
        if own.look is None:  # checked before
            raise RuntimeError("no networks to look through")
        self._look = own.look

    def _rebuild(self, leak: TemplateLeak, *, seed: int, device: str) -> Faces:
        self._check_width(leak)
        faces: Movable
        if self.settings.moves == PIXELS:
            faces = Pixels(self._decoder.decode(leak.templates), device)
        else:
            faces = DrawnTemplates(self._decoder, leak.templates, device)
        return refine(
            faces,
            towards(leak.templates),
            self._look,
            self.settings.refinement(),
            seed=seed,
        )
