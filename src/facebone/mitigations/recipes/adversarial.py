"""Adversarial regularisation: the head is trained against an attacker of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from facebone.mitigations.base import MitigationSettings
from facebone.mitigations.choices import Choice, Integer, Number
from facebone.mitigations.recipes.base import Recipe
from facebone.settings import check_integer, check_number, format_spec


@dataclass(frozen=True, slots=True)
class AdversarialSettings(MitigationSettings):
    """How strong the attacker is, and how much it counts.

    Args:
        backbones: see `MitigationSettings`.
        strength: weight of the attacker's gain beside the head's own loss (the paper's lambda).
        steps: of the attacker before each of the head.
        validation_share: part of the pairs kept aside as the attacker's examples of pairs that are
            not trained on.
    """

    strength: float = 0.3
    steps: int = 1
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        MitigationSettings.__post_init__(self)
        check_number("strength", self.strength, low=0)
        check_integer("steps", self.steps, low=1)
        check_number("validation_share", self.validation_share, low=0, high=1, low_open=True)


class AdversarialRegularisation(Recipe):
    """Trains a small attacker in turn with the head, which learns to give it nothing to go by.

    What is kept aside is chosen anew for each training, from its seed. It belongs to what the
    verifier was given, so an audit counts it among the members, though the head's own loss does
    not look at it.

    The paper's classifiers, of a hundred classes, took a strength of 3 to 10. A verifier has two,
    and loses much of its accuracy to less.

    References:
        M. Nasr, R. Shokri and A. Houmansadr, "Machine Learning with Membership Privacy using
        Adversarial Regularization", CCS 2018.
    """

    name = "adversarial_regularisation"
    summary = "the head learns to foil an attacker that is trained beside it"
    settings_type = AdversarialSettings
    choices: ClassVar[Mapping[str, Choice]] = {
        "strength": Number(0.03, 3.0, log=True),
        "steps": Integer(1, 4),
    }
    needs = "objective to choose"

    def changes(self) -> dict[str, Any]:
        """The objective, and the share kept aside."""
        told = {"strength": self.settings.strength, "steps": self.settings.steps}
        return {
            "objective": format_spec("adversarial", told),
            "validation_share": self.settings.validation_share,
        }
