"""What an objective is: logits and labels of a batch -> the slope of the loss by the logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from facebone.settings import NoSettings
from facebone.verification.heads.mlp_network import Network


@dataclass(frozen=True, slots=True, eq=False)
class Deck:
    """Pairs that an objective may draw from, as rows of a matrix that others share.

    Args:
        rows: (R, width) float32, what goes into the network.
        truth: (R,) float32, 1 where a row shows one person.
        places: (m,) positions of the pairs among the rows, on the same device.
    """

    rows: Tensor
    truth: Tensor
    places: Tensor

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Rows (count, width) and labels (count,) of random pairs, some perhaps twice.

        Args:
            count: how many.
            generator: on the CPU, so that a seed draws the same pairs on every device.
        """
        chosen = torch.randint(len(self.places), (count,), generator=generator)
        places = self.places[chosen.to(self.places.device)]
        return self.rows[places], self.truth[places]


class Objective(ABC):
    """Teaches one network: says how its logits should move.

    A training begins with `start` and shows each epoch by `show`; whatever an objective keeps from
    one step to the next belongs to this network alone. The same object serves a network that is
    trained alone and one in a stack, so both learn the same.

    A subclass implements `slope`.

    Args:
        settings: of type `settings_type`; None for the defaults.
    """

    name: ClassVar[str]
    settings_type: ClassVar[type[Any]] = NoSettings
    mixes: ClassVar[bool] = True
    """Whether labels between 0 and 1, as mixup makes them, mean something to it."""
    keeps_aside: ClassVar[bool] = False
    """Whether it needs pairs that are not trained on."""

    def __init__(self, settings: object | None = None) -> None:
        self.settings: Any = self.settings_type() if settings is None else settings

    def start(self, network: Network, *, seed: int) -> None:
        """Meet the network before its first step; its tensors change in place from then on.

        Args:
            network: unstacked.
            seed: of the training.
        """
        del network, seed  # most need neither

    def show(self, epoch: int, trained: Deck, aside: Deck | None) -> None:
        """Begin an epoch.

        Args:
            epoch: counted from 0.
            trained: the pairs that are trained on, as this epoch shows them.
            aside: the pairs kept aside, where it `keeps_aside`.
        """
        del epoch, trained, aside  # most look at the batch alone

    @abstractmethod
    def slope(self, logits: Tensor, truth: Tensor, out: Tensor) -> None:
        """Write to `out` the slope of the loss of a batch by each of its logits.

        Gradients are off. The loss is a mean over the batch, so slopes shrink with its size.

        Args:
            logits: (b,) float32.
            truth: (b,) labels, 1 for one person and 0 for two; between them where pairs are mixed.
            out: (b,).
        """

    @classmethod
    def slopes(cls, each: Sequence[Self], logits: Tensor, truth: Tensor, out: Tensor) -> None:
        """`slope` of k networks.

        Args:
            each: k objectives of this class.
            logits: (k, b).
            truth: (k, b).
            out: (k, b).
        """
        # Network by network: the end of a batch may not fill whole vectors, see `adamw.apart`.
        for objective, *tensors in zip(each, logits, truth, out, strict=True):
            objective.slope(*tensors)


def teach(each: Sequence[Objective], logits: Tensor, truth: Tensor, out: Tensor) -> None:
    """Slopes of k networks by their objectives, which are of one class; see `Objective.slopes`."""
    type(each[0]).slopes(each, logits, truth, out)
