"""Heads as networks of affine layers, which DP-SGD can train."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from facebone.errors import UsageError
from facebone.seeding import derive_seed
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix
from facebone.verification.heads import LearningHead, head_kind, make_head
from facebone.verification.heads.base import Arrays
from facebone.verification.heads.logistic import FeatureLogisticHead
from facebone.verification.heads.mlp_network import assemble, start

_WHERE = "mitigation dp_sgd"

COSINE_UNIT = 0.25
"""What cosines are divided by: about what they differ by between people. A constant, for what would
be measured on the pairs would have to be hidden like the gradients."""


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """Affine layers with rectified outputs between them; the last has one output, the logit.

    Args:
        weights: one (in, out) matrix a layer.
        biases: one (out,) vector a layer.
    """

    weights: list[Tensor]
    biases: list[Tensor]


class Model(ABC):
    """How a head is trained by the gradients of single pairs.

    A subclass says what goes in and what is learnt. What goes in of a pair depends on no other.

    Args:
        head: unfitted.
    """

    kept: ClassVar[frozenset[str]] = frozenset()
    """Settings of the head that mean the same under DP-SGD."""
    dropped: ClassVar[Mapping[str, Any]] = {}
    """Settings that it cannot have, and what they are instead."""

    def __init__(self, head: LearningHead) -> None:
        self.head = head
        self.dropout = float(getattr(head.settings, "dropout", 0.0))
        self.weight_decay = float(getattr(head.settings, "weight_decay", 0.0))

    @abstractmethod
    def rows(self, pairs: EmbeddedPairs) -> Matrix:
        """What goes in, (n, width)."""

    @abstractmethod
    def start(self, width: int, *, seed: int) -> Layers:
        """The layers before training, which no pair has a say in."""

    @abstractmethod
    def arrays(self, layers: Layers, dimensions: tuple[int, ...]) -> Arrays:
        """The arrays of the head's state that have it answer as the layers do."""


class MLPModel(Model):
    """The MLP, from the start that its own recipe has, without batch normalisation.

    That mixes the pairs of a batch, so that no gradient is of one pair alone.
    """

    kept = frozenset(
        {
            "layers", "batch_norm", "dropout", "weight_decay", "learning_rate", "batch_size",
            "epochs", "initialisation", "symmetric",
        }
    )  # fmt: skip
    dropped: ClassVar[Mapping[str, Any]] = {"batch_norm": []}

    def rows(self, pairs: EmbeddedPairs) -> Matrix:
        """The differences."""
        return pairs.differences()

    def start(self, width: int, *, seed: int) -> Layers:
        """As `mlp_network.start`."""
        settings = self.head.settings
        network = start(
            width,
            settings.layers,
            (),
            initialisation=settings.initialisation,
            generator=torch.Generator().manual_seed(derive_seed(seed, "mlp", "start")),
        )
        return Layers(network.weights, network.biases)

    def arrays(self, layers: Layers, dimensions: tuple[int, ...]) -> Arrays:
        """Weights and biases."""
        del dimensions
        numbered = enumerate(zip(layers.weights, layers.biases, strict=True))
        tensors = {
            f"{part}.{i}": tensor
            for i, both in numbered
            for part, tensor in zip(("weight", "bias"), both, strict=True)
        }
        return {name: t.numpy() for name, t in assemble(tensors, ()).tensors().items()}


class FeatureModel(Model):
    """Logistic regression on a head's features, from nothing, each divided by a constant."""

    head: FeatureLogisticHead

    def rows(self, pairs: EmbeddedPairs) -> Matrix:
        """The features in their units."""
        return (self.head.features(pairs) / self._units(pairs.dimensions)).astype(np.float32)

    def start(self, width: int, *, seed: int) -> Layers:
        """Zeros."""
        del seed
        return Layers([torch.zeros(width, 1)], [torch.zeros(1)])

    def arrays(self, layers: Layers, dimensions: tuple[int, ...]) -> Arrays:
        """Coefficients and intercept of features that are standardised by the constants."""
        units = self._units(dimensions)
        return {
            "mean": np.zeros_like(units),
            "deviation": units,
            "coefficients": layers.weights[0][:, 0].numpy().astype(np.float64),
            "intercept": layers.biases[0].numpy().astype(np.float64),
        }

    @abstractmethod
    def _units(self, dimensions: tuple[int, ...]) -> npt.NDArray[np.float64]:
        """What each feature is divided by, (f,)."""


class CosineModel(FeatureModel):
    """Logistic regression on cosines."""

    def _units(self, dimensions: tuple[int, ...]) -> npt.NDArray[np.float64]:
        return np.full(len(dimensions), COSINE_UNIT)


class ProductModel(FeatureModel):
    """Logistic regression on products: of unit vectors of d numbers, each is about 1 / d."""

    def _units(self, dimensions: tuple[int, ...]) -> npt.NDArray[np.float64]:
        return np.concatenate([np.full(width, 1 / width) for width in dimensions])


MODELS: dict[str, type[Model]] = {
    "mlp": MLPModel,
    "logistic": CosineModel,
    "products": ProductModel,
}


def make_model(head: str, head_settings: Mapping[str, Any], *, device: str) -> Model:
    """How the head of this name is trained, with the head, unfitted, inside.

    Args:
        head: name of the head.
        head_settings: names and values of its settings.
        device: of the head.

    Raises:
        UnknownNameError: no such head, or no such setting.
        UsageError: DP-SGD cannot train this head, or not with these settings.
    """
    if head not in MODELS:
        head_kind(head)  # a name that is none is another error
        raise UsageError(
            f"cannot train head {head} by the gradients of single pairs",
            where=_WHERE,
            hint=f"take {', '.join(MODELS)}",
        )
    kind = MODELS[head]
    own = make_head(head, head_settings, device=device)
    default = head_kind(head).settings_type()
    for each in fields(own.settings):
        value = getattr(own.settings, each.name)
        if each.name not in kind.kept and value != getattr(default, each.name):
            raise UsageError(
                f"trains head {head} by a recipe of its own, which has no {each.name}",
                where=_WHERE,
                hint=f"leave {each.name} out",
            )
    made = make_head(head, {**head_settings, **kind.dropped}, device=device)
    if not isinstance(made, LearningHead):  # each of MODELS is
        raise TypeError(f"head {head} learns nothing")
    return kind(made)
