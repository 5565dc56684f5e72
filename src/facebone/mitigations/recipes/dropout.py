"""Dropout: in each step of training some of the network's outputs are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from facebone.mitigations.base import MitigationSettings
from facebone.mitigations.choices import Choice, Number
from facebone.mitigations.recipes.base import Recipe
from facebone.settings import check_number


@dataclass(frozen=True, slots=True)
class DropoutSettings(MitigationSettings):
    """How much is dropped.

    Args:
        backbones: see `MitigationSettings`.
        share: of every hidden layer's outputs that training sets to zero.
    """

    share: float = 0.3

    def __post_init__(self) -> None:
        MitigationSettings.__post_init__(self)
        check_number("share", self.share, low=0, high=1)


class Dropout(Recipe):
    """Sets a share of every hidden layer's outputs to zero in each step of training.

    In the default MLP, whose last hidden layer has eight outputs, half of them are too many to
    lose: it learns next to nothing.

    References:
        N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, "Dropout: A
        Simple Way to Prevent Neural Networks from Overfitting", JMLR 2014; as a defence, with half
        of the outputs dropped: A. Salem et al., "ML-Leaks: Model and Data Independent Membership
        Inference Attacks and Defenses on Machine Learning Models", NDSS 2019.
    """

    name = "dropout"
    summary = "a random share of each hidden layer is left out of each step of training"
    settings_type = DropoutSettings
    choices: ClassVar[Mapping[str, Choice]] = {"share": Number(0.1, 0.9)}
    needs = "dropout"

    def changes(self) -> dict[str, Any]:
        """The share that is dropped."""
        return {"dropout": self.settings.share}
