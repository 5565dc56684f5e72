"""Mixup: the head never meets a pair as it is, but mixed with another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from facebone.mitigations.base import MitigationSettings
from facebone.mitigations.choices import Choice, Number
from facebone.mitigations.recipes.base import Recipe
from facebone.settings import check_number


@dataclass(frozen=True, slots=True)
class MixupSettings(MitigationSettings):
    """How pairs are mixed.

    Args:
        backbones: see `MitigationSettings`.
        alpha: both parameters of the Beta distribution of the share of a pair that is kept. With 1
            every share is as likely; with less, most are near 0 or 1.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        MitigationSettings.__post_init__(self)
        check_number("alpha", self.alpha, low=0, low_open=True)


class Mixup(Recipe):
    """Mixes the pairs of each batch with one another, and their labels alike.

    References:
        H. Zhang, M. Cisse, Y. Dauphin and D. Lopez-Paz, "mixup: Beyond Empirical Risk
        Minimization", ICLR 2018; as a defence: J. Li, N. Li and B. Ribeiro, "Membership Inference
        Attacks and Defenses in Classification Models", CODASPY 2021.
    """

    name = "mixup"
    summary = "pairs are mixed with one another in training, and their labels alike"
    settings_type = MixupSettings
    choices: ClassVar[Mapping[str, Choice]] = {"alpha": Number(0.1, 8.0, log=True)}
    needs = "mixing of pairs"

    def changes(self) -> dict[str, Any]:
        """The parameter of the mixing."""
        return {"mixup": self.settings.alpha}
