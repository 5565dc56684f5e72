"""Label smoothing: the head is taught to be a little short of certain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from facebone.mitigations.base import MitigationSettings
from facebone.mitigations.choices import Choice, Number
from facebone.mitigations.recipes.base import Recipe
from facebone.settings import check_number, format_spec


@dataclass(frozen=True, slots=True)
class LabelSmoothingSettings(MitigationSettings):
    """How far labels are smoothed.

    Args:
        backbones: see `MitigationSettings`.
        share: of a label that is spread evenly over both answers.
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        MitigationSettings.__post_init__(self)
        check_number("share", self.share, low=0, high=1)


class LabelSmoothing(Recipe):
    """Trains on labels of 1 - share / 2 and share / 2 in the place of 1 and 0.

    It makes the head less sure of itself, which is not the same as remembering less: attacks with
    shadows may find more than before: one soft label for all puts members in one narrow place.

    References:
        C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, "Rethinking the Inception
        Architecture for Computer Vision", CVPR 2016; that it can raise the leak: Y. Kaya and
        T. Dumitras, "When Does Data Augmentation Help With Membership Inference Attacks?", ICML
        2021.
    """

    name = "label_smoothing"
    summary = "the head learns labels a little short of certain"
    settings_type = LabelSmoothingSettings
    choices: ClassVar[Mapping[str, Choice]] = {"share": Number(0.02, 0.5)}
    needs = "objective to choose"

    def changes(self) -> dict[str, Any]:
        """The objective."""
        return {"objective": format_spec("label_smoothing", {"share": self.settings.share})}
