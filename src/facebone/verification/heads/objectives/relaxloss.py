"""RelaxLoss: the mean loss is held near a target instead of being driven to nothing."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from facebone.errors import UsageError
from facebone.settings import check_number
from facebone.verification.heads.objectives.base import Deck, Objective


@dataclass(frozen=True, slots=True)
class RelaxLossSettings:
    """Where the loss is held, and how.

    Args:
        target: mean cross-entropy of a batch, in nats, below which it is not driven. Who guesses
            has log(2) = 0.69.
        upper: confidence in the true answer that posterior flattening leaves as it is. Greater
            ones are pulled back to it. With 1 nothing is pulled: see `RelaxLoss`.
    """

    target: float = 0.3
    upper: float = 1.0

    def __post_init__(self) -> None:
        check_number("target", self.target, low=0)
        check_number("upper", self.upper, low=0, low_open=True)
        if self.upper > 1:
            raise UsageError(f"must be at most 1, got {self.upper}", where="upper")


class RelaxLoss(Objective):
    """Descends while the batch's mean cross-entropy is at the target or above; below it, ascends.

    In every second epoch it flattens posteriors instead of ascending: it descends on the
    cross-entropy of a soft label, which gives the true answer the confidence c that it has, at
    most `upper`, and spreads the rest over all others. A verifier has one other answer, which has
    the rest already: where c is what the network says, its slope is nothing, and such an epoch
    only waits for the loss to come back above the target.

    References:
        D. Chen, N. Yu and M. Fritz, "RelaxLoss: Defending Membership Inference Attacks without
        Losing Utility", ICLR 2022, algorithm 1; `upper` stands in the authors' program.
    """

    name = "relaxloss"
    settings_type = RelaxLossSettings
    mixes = False
    _flattens = False

    def show(self, epoch: int, trained: Deck, aside: Deck | None) -> None:
        """The first epoch ascends, the second flattens, and so on."""
        self._flattens = epoch % 2 == 1

    def slope(self, logits: Tensor, truth: Tensor, out: Tensor) -> None:
        """Of descent at the target and above, of ascent or flattening below."""
        loss = binary_cross_entropy_with_logits(logits, truth)
        torch.sigmoid(logits, out=out)
        below = self._flattened(out, truth) if self._flattens else truth - out
        # A choice of numbers, not of statements: a device need not be waited for.
        torch.where(loss >= self.settings.target, out.sub_(truth), below, out=out)
        out.div_(len(out))

    def _flattened(self, probability: Tensor, truth: Tensor) -> Tensor:
        """Slopes of the soft label's cross-entropy, times the size of the batch."""
        # With p the confidence in the true answer and c = min(p, upper) its soft label, the slope
        # by the logit of the true answer is p - c; the logit of "one person" is that or minus it.
        sign = truth * 2 - 1
        confidence = probability * sign + (1 - truth)
        excess = (confidence - float(self.settings.upper)).clamp_min(0)
        return excess * sign
