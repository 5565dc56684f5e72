"""The plain objective: cross-entropy of the label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from facebone.verification.heads.objectives.base import Objective


class CrossEntropy(Objective):
    """The mean over a batch of log(1 + exp(z)) - y z, of a logit z and a label y."""

    name = "cross_entropy"

    def slope(self, logits: Tensor, truth: Tensor, out: Tensor) -> None:
        """(sigmoid(z) - y) / b."""
        torch.sigmoid(logits, out=out)
        out.sub_(truth).div_(len(out))

    @classmethod
    def slopes(cls, each: Sequence[Self], logits: Tensor, truth: Tensor, out: Tensor) -> None:
        """See `Objective.slopes`; what rounds the same in a stack is done once for all."""
        for one, slope in zip(logits, out, strict=True):
            torch.sigmoid(one, out=slope)
        out.sub_(truth).div_(out.shape[1])
