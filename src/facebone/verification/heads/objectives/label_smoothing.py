"""Label smoothing: labels a little short of certain."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from facebone.settings import check_number
from facebone.verification.heads.objectives.base import Objective


@dataclass(frozen=True, slots=True)
class LabelSmoothingSettings:
    """How far labels are smoothed.

    Args:
        share: of a label that is spread evenly over both answers: one person is taught as
            1 - share / 2, two as share / 2.
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        check_number("share", self.share, low=0, high=1)


class LabelSmoothing(Objective):
    """Cross-entropy of smoothed labels, the mean of log(1 + exp(z)) - ((1 - s) y + s / 2) z.

    References:
        C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, "Rethinking the Inception
        Architecture for Computer Vision", CVPR 2016.
    """

    name = "label_smoothing"
    settings_type = LabelSmoothingSettings

    def slope(self, logits: Tensor, truth: Tensor, out: Tensor) -> None:
        """(sigmoid(z) - smoothed y) / b."""
        share = self.settings.share
        torch.sigmoid(logits, out=out)
        out.sub_(truth * (1 - share) + share / 2).div_(len(out))
