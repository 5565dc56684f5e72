"""RelaxLoss: training holds the loss at a target, members' losses spread like others'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from facebone.errors import UsageError
from facebone.mitigations.base import MitigationSettings
from facebone.mitigations.choices import Choice, Number, Words
from facebone.mitigations.recipes.base import Recipe
from facebone.settings import check_number, format_spec


@dataclass(frozen=True, slots=True)
class RelaxLossSettings(MitigationSettings):
    """Where the loss is held.

    Args:
        backbones: see `MitigationSettings`.
        target: mean cross-entropy of a batch, in nats, below which training does not drive it. Who
            guesses has log(2) = 0.69.
        upper: confidence in the true answer that posterior flattening leaves as it is.
    """

    target: float = 0.3
    upper: float = 1.0

    def __post_init__(self) -> None:
        MitigationSettings.__post_init__(self)
        check_number("target", self.target, low=0)
        check_number("upper", self.upper, low=0, low_open=True)
        if self.upper > 1:
            raise UsageError(f"must be at most 1, got {self.upper}", where="upper")


class RelaxLoss(Recipe):
    """Descends to a target loss, and alternately ascends or flattens below it.

    A higher target hides more and costs more.

    References:
        D. Chen, N. Yu and M. Fritz, "RelaxLoss: Defending Membership Inference Attacks without
        Losing Utility", ICLR 2022.
    """

    name = "relaxloss"
    summary = "training holds the loss at a target instead of driving it to nothing"
    settings_type = RelaxLossSettings
    choices: ClassVar[Mapping[str, Choice]] = {
        "target": Number(0.02, 0.65, log=True),
        "upper": Words((None, 0.9, 0.7)),
    }
    needs = "objective to choose"

    def changes(self) -> dict[str, Any]:
        """The objective."""
        told = {"target": self.settings.target, "upper": self.settings.upper}
        return {"objective": format_spec("relaxloss", told)}
