"""Losses of metric learning on stacked cosines, with their slopes by hand.

Every loss is a function of cosines: to the centres of people, or between the pictures of a batch.
A leading dimension of k holds as many trainings side by side, which never meet.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import cos, pi, sin
from typing import ClassVar

import torch
from torch import Tensor

from facebone.verification.adaptation.adapter_settings import MARGINS, AdapterSettings

LEAST_SINE = 1e-4
"""Below it a cosine near one has lost the sine in rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What a batch shows.

    Args:
        person: (k, b) int64, 0 .. c - 1.
        weight: (k, b), 1 over the number of pictures in the batch, or 0 where no picture is.
        absent: (k, 1, c), 0 for a person that the training has, minus infinity for one that it has
            not.
    """

    person: Tensor
    weight: Tensor
    absent: Tensor


class CosineLoss(ABC):
    """A mean over the pictures, pairs or triplets of each batch.

    Args:
        margin: what right and wrong answers must lie apart.
        scale: of cosines before the softmax.
    """

    to_centres: ClassVar[bool]
    """Whether cosines are those to centres, else between the pictures of the batch."""

    def __init__(self, margin: float, scale: float) -> None:
        self.margin, self.scale = margin, scale

    @abstractmethod
    def slope(self, cosine: Tensor, batch: Batch, out: Tensor) -> Tensor:
        """The loss of each training, (k,), and in `out` its gradient by the cosines.

        Args:
            cosine: (k, b, c) to centres, or (k, b, b) between pictures.
            batch: what it shows.
            out: as `cosine`, in memory of its own.
        """


class SoftmaxLoss(CosineLoss):
    """Cross-entropy of the softmax over the scaled cosines to all centres."""

    to_centres = True

    def slope(self, cosine: Tensor, batch: Batch, out: Tensor) -> Tensor:
        """See `CosineLoss.slope`."""
        at = batch.person.unsqueeze(-1)
        own, steepness = self._with_margin(cosine.gather(2, at))
        torch.add(batch.absent, cosine, alpha=self.scale, out=out)
        out.scatter_(2, at, own * self.scale)
        torch.log_softmax(out, 2, out=out)
        losses = (out.gather(2, at).squeeze(-1) * batch.weight).sum(1).neg()
        # By a scaled cosine it is the probability, less one for the right person.
        out.exp_().scatter_add_(2, at, torch.full_like(own, -1.0))
        if steepness is not None:
            out.scatter_(2, at, out.gather(2, at) * steepness)
        out.mul_(batch.weight.unsqueeze(-1) * self.scale)
        return losses

    def _with_margin(self, own: Tensor) -> tuple[Tensor, Tensor | None]:
        """The cosines to the right centres (k, b, 1) made worse, and their slope if not one."""
        return own, None


class CosFaceLoss(SoftmaxLoss):
    """The softmax loss with the cosine to the right centre lowered by the margin."""

    def _with_margin(self, own: Tensor) -> tuple[Tensor, Tensor | None]:
        return own - self.margin, None


class ArcFaceLoss(SoftmaxLoss):
    """The softmax loss with the angle to the right centre widened by the margin, in radians."""

    def _with_margin(self, own: Tensor) -> tuple[Tensor, Tensor | None]:
        # cos(a + m) = cos a cos m - sin a sin m; by cos a its slope is cos m + sin m cos a / sin a.
        sine = (1 - own * own).clamp_min(0).sqrt().clamp_min(LEAST_SINE)
        wider = own * cos(self.margin) - sine * sin(self.margin)
        steepness = cos(self.margin) + sin(self.margin) * own / sine
        # Beyond half a turn the cosine would rise again; from there on it falls straight.
        beyond = own < cos(pi - self.margin)
        straight = own - self.margin * sin(self.margin)
        return torch.where(beyond, straight, wider), torch.where(beyond, 1.0, steepness)


class ContrastiveLoss(CosineLoss):
    """What a pair of one person lacks of a cosine of one, and one of two has above the margin.

    The mean of the former plus that of the latter, of those that cost anything.
    """

    to_centres = False

    def slope(self, cosine: Tensor, batch: Batch, out: Tensor) -> Tensor:
        """See `CosineLoss.slope`."""
        alike, unlike = _pairs(batch)
        lacking = (1 - cosine).clamp_min(0) * alike
        excess = (cosine - self.margin).clamp_min(0) * unlike
        wanting, crowded = lacking > 0, excess > 0
        fewer, more = (_count(each).clamp_min(1) for each in (wanting, crowded))
        torch.div(crowded, more[:, None, None], out=out).sub_(wanting / fewer[:, None, None])
        return lacking.sum((1, 2)) / fewer + excess.sum((1, 2)) / more


class TripletLoss(CosineLoss):
    """How much an anchor's cosine to another person is above that to its own, less the margin.

    The mean over all triplets of the batch that cost anything.
    """

    to_centres = False

    def slope(self, cosine: Tensor, batch: Batch, out: Tensor) -> Tensor:
        """See `CosineLoss.slope`."""
        alike, unlike = _pairs(batch)
        # (k, anchor, own, other)
        violation = cosine.unsqueeze(2) - cosine.unsqueeze(3) + self.margin
        violation.clamp_min_(0).mul_(alike.unsqueeze(3)).mul_(unlike.unsqueeze(2))
        costs = violation > 0
        count = _count(costs).clamp_min(1)
        torch.sub(costs.sum(2), costs.sum(3), out=out).div_(count[:, None, None])
        return violation.sum((1, 2, 3)) / count


LOSSES: dict[str, type[CosineLoss]] = {
    "cosface": CosFaceLoss,
    "arcface": ArcFaceLoss,
    "softmax": SoftmaxLoss,
    "triplet": TripletLoss,
    "contrastive": ContrastiveLoss,
}
if set(LOSSES) != set(MARGINS):
    raise RuntimeError("every loss has a margin")


def make_loss(settings: AdapterSettings) -> CosineLoss:
    """The loss of a recipe."""
    return LOSSES[settings.loss](settings.chosen_margin, settings.scale)


def _pairs(batch: Batch) -> tuple[Tensor, Tensor]:
    """Pairs of two pictures of one person, and of two people, (k, b, b) bool each."""
    filled = batch.weight > 0
    both = filled.unsqueeze(2) & filled.unsqueeze(1)
    same = batch.person.unsqueeze(2) == batch.person.unsqueeze(1)
    itself = torch.eye(batch.person.shape[1], dtype=torch.bool, device=same.device)
    return same & both & ~itself, ~same & both


def _count(mask: Tensor) -> Tensor:
    """True ones of each training, (k,)."""
    return mask.flatten(1).sum(1)
