"""Weight decay: large weights, which single pairs need to be remembered, are made to shrink."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from facebone.mitigations.base import MitigationSettings
from facebone.mitigations.choices import Choice, Number
from facebone.mitigations.recipes.base import Recipe
from facebone.settings import check_number


@dataclass(frozen=True, slots=True)
class WeightDecaySettings(MitigationSettings):
    """How fast weights shrink.

    Args:
        backbones: see `MitigationSettings`.
        strength: weight decay of AdamW. A step takes that share, times the learning rate, off each
            weight.
    """

    strength: float = 10.0

    def __post_init__(self) -> None:
        MitigationSettings.__post_init__(self)
        check_number("strength", self.strength, low=0)


class WeightDecay(Recipe):
    """Shrinks the weights a little in each step.

    It is a blunt tool: little does nothing, and a little too much leaves nothing learnt.

    References:
        I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019; L2
        regularisation as a defence: R. Shokri, M. Stronati, C. Song and V. Shmatikov, "Membership
        Inference Attacks Against Machine Learning Models", IEEE S&P 2017.
    """

    name = "weight_decay"
    summary = "weights shrink a little in each step of training"
    settings_type = WeightDecaySettings
    choices: ClassVar[Mapping[str, Choice]] = {"strength": Number(0.05, 20.0, log=True)}
    needs = "weight decay"

    def changes(self) -> dict[str, Any]:
        """The weight decay."""
        return {"weight_decay": self.settings.strength}
