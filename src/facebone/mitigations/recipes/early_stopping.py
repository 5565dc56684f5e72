"""Early stopping: training ends before the head has learnt its pairs by heart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from facebone.mitigations.base import MitigationSettings
from facebone.mitigations.choices import Choice, Integer, Number
from facebone.mitigations.recipes.base import Recipe
from facebone.settings import check_integer, check_number


@dataclass(frozen=True, slots=True)
class EarlyStoppingSettings(MitigationSettings):
    """When training ends.

    Args:
        backbones: see `MitigationSettings`.
        patience: epochs without a lower loss on pairs kept aside; the best epoch's head is kept.
        validation_share: part of the pairs, or of the people of an adaptation, kept aside.
    """

    patience: int = 3
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        MitigationSettings.__post_init__(self)
        check_integer("patience", self.patience, low=1)
        check_number("validation_share", self.validation_share, low=0, high=1, low_open=True)


class EarlyStopping(Recipe):
    """Ends training when what is kept aside is answered worse, and keeps the best epoch.

    What is kept aside is chosen anew for each training, from its seed. It belongs to what the
    verifier was given, so an audit counts it among the members, though nothing learns from it.
    Many heads of pairs are trained one after another under this defence: each ends at an epoch of
    its own.

    References:
        L. Song and P. Mittal, "Systematic Evaluation of Privacy Risks of Machine Learning Models",
        USENIX Security 2021.
    """

    name = "early_stopping"
    summary = "training ends when the loss on pairs kept aside no longer falls"
    settings_type = EarlyStoppingSettings
    choices: ClassVar[Mapping[str, Choice]] = {
        "patience": Integer(1, 10),
        "validation_share": Number(0.05, 0.3),
    }
    needs = "early stopping"

    def changes(self) -> dict[str, Any]:
        """Patience, and the share kept aside."""
        return {
            "patience": self.settings.patience,
            "validation_share": self.settings.validation_share,
        }
