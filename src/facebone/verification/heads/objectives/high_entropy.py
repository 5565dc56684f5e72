"""High-entropy soft labels and a penalty on confidence: what HAMP trains with."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from facebone.settings import check_number
from facebone.verification.heads.objectives.base import Objective

_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class HighEntropySettings:
    """How unsure the network is taught to be.

    Args:
        share: entropy of the soft labels, as a share of the most that there can be (the paper's
            gamma). With 0 labels are as they are.
        strength: weight of the entropy of the answers, in nats, that is taken off the loss (the
            paper's alpha).
    """

    share: float = 0.95
    strength: float = 0.01

    def __post_init__(self) -> None:
        check_number("share", self.share, low=0, high=1)
        check_number("strength", self.strength, low=0)


class HighEntropy(Objective):
    """The mean of KL(soft label || answer) - strength * entropy(answer).

    The soft label gives the true answer the greatest confidence at which its entropy still is the
    asked share of log(2).

    References:
        Z. Chen and K. Pattabiraman, "Overconfidence is a Dangerous Thing: Mitigating Membership
        Inference Attacks by Enforcing Less Confident Prediction", NDSS 2024.
    """

    name = "high_entropy"
    settings_type = HighEntropySettings

    def __init__(self, settings: object | None = None) -> None:
        super().__init__(settings)
        self._confidence = soft_label(self.settings.share)

    def slope(self, logits: Tensor, truth: Tensor, out: Tensor) -> None:
        """(p - soft label + strength z p (1 - p)) / b, with p = sigmoid(z)."""
        # The entropy is H = -p log p - (1 - p) log(1 - p). As log(p / (1 - p)) = z, by p it is -z,
        # and p by z is p (1 - p).
        torch.sigmoid(logits, out=out)
        doubt = 1 - self._confidence
        by_entropy = out * (1 - out) * logits * self.settings.strength
        out.sub_(truth * (self._confidence - doubt) + doubt).add_(by_entropy).div_(len(out))


def soft_label(share: float) -> float:
    """The confidence, at least one half, of two answers whose entropy is `share` of log(2)."""
    low, high = 0.5, 1.0
    # From 1/2 to 1 the entropy falls from log(2) to 0, so one confidence has it.
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if entropy(middle) > share * log(2):
            low = middle
        else:
            high = middle
    return high


def entropy(confidence: float) -> float:
    """Entropy of two answers, in nats."""
    return -sum(p * log(p) for p in (confidence, 1 - confidence) if p > 0)
