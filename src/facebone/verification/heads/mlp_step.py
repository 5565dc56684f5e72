"""One step of AdamW for stacked MLPs, laid out by hand.

- One batched product a layer stands for k small ones, and so does each element-wise operation.
- Gradients are computed layer by layer from the last to the first, and each layer is updated as
  soon as its gradient is known. So one buffer of the largest layer's size holds every gradient in
  turn, and weights, gradient and moments meet while they are in the processor's cache.
- All buffers are made once.

Sums are the single recipe's, which autograd makes. The few operations that round otherwise in a
stack are done network by network; they are too small to count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from facebone.verification.heads.adamw import apart, move
from facebone.verification.heads.mlp_layer import Products, arrange
from facebone.verification.heads.mlp_mixing import Mixing, mix_stacked
from facebone.verification.heads.mlp_network import Network
from facebone.verification.heads.mlp_norm import Normalised, back_through, normalise_in_place
from facebone.verification.heads.objectives import Objective, teach

if TYPE_CHECKING:
    from facebone.verification.heads.mlp import MLPSettings


@dataclass(frozen=True, slots=True, eq=False)
class Stacked:
    """k networks in training; every tensor has a leading dimension of k.

    Args:
        network: what is trained.
        first: mean gradients, of AdamW.
        second: mean squared gradients.
        generators: one a network, for what is drawn while it learns.
        steps: how many steps were taken, one number for all.
        objectives: one a network, which they have met.
        mixings: one a network, or none where pairs are not mixed.
    """

    network: Network
    first: Network
    second: Network
    generators: list[torch.Generator]
    steps: Tensor
    objectives: list[Objective]
    mixings: list[Mixing]

    def part(self, begin: int, end: int) -> Stacked:
        """Networks begin .. end - 1, in the same memory."""
        return replace(
            self,
            network=self.network.map(lambda tensor: tensor[begin:end]),
            first=self.first.map(lambda tensor: tensor[begin:end]),
            second=self.second.map(lambda tensor: tensor[begin:end]),
            generators=self.generators[begin:end],
            objectives=self.objectives[begin:end],
            mixings=self.mixings[begin:end],
        )


class Buffers:
    """Memory by name, as large as the largest tensor that was asked for under the name."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._flat: dict[str, Tensor] = {}

    def get(self, name: str, *shape: int) -> Tensor:
        """A tensor of this shape; another of the same name may share its memory."""
        size = prod(shape)
        if name not in self._flat or self._flat[name].numel() < size:
            self._flat[name] = torch.empty(size, device=self._device)
        return self._flat[name][:size].view(shape)

    def held(self) -> list[Tensor]:
        """All there are."""
        return list(self._flat.values())


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer of k networks at b pairs a batch, all its tensors laid out for a step.

    Args:
        whole: its tensors, with a leading dimension of k.
        products: see `arrange`.
        by_bias: (k, out), gradient by the biases.
        update: parameters, gradients, first and second moments of this layer for AdamW.
    """

    whole: Products
    products: list[Products]
    by_bias: Tensor
    update: tuple[list[Tensor], ...]


class Run:
    """Steps of stacked networks at one batch size.

    Args:
        settings: the recipe.
        stacked: k networks; they change in place.
        buffers: memory, which runs that never overlap may share.
        size: pairs in a batch, b.
    """

    def __init__(
        self, settings: MLPSettings, stacked: Stacked, buffers: Buffers, size: int
    ) -> None:
        self.dropout, self.size = settings.dropout, size
        self.rate, self.decay = settings.learning_rate, settings.weight_decay
        self.stacked = stacked
        network, first, second = stacked.network, stacked.first, stacked.second
        count, width = network.weights[0].shape[:2]
        self.get = get = buffers.get
        self.batch = get("batch", count * size, width)
        self.labels = get("labels", count * size)
        self.layers: list[Layer] = []
        widths = [bias.shape[1] for bias in network.biases]
        # A slope is needed to make the one before it, and then no more: two buffers do. Of the
        # gradients by weights there is one at a time. The largest is asked for first.
        get("slope 0", count * size * max(widths[0::2]))
        get("slope 1", count * size * max(widths[1::2], default=0))
        get("by weight", max(weight.numel() for weight in network.weights))
        inputs, before = self.batch.view(count, size, width), None
        for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
            out = widths[i]
            slope = get(f"slope {i % 2}", count, size, out)
            by_weight = get("by weight", *weight.shape)
            by_bias = get("by bias", *bias.shape)
            update = (
                apart([weight, bias]),
                apart([by_weight, by_bias]),
                apart([first.weights[i], first.biases[i]]),
                apart([second.weights[i], second.biases[i]]),
            )
            outputs = get(f"output {i}", count, size, out)
            whole = Products(inputs, weight, bias.unsqueeze(1), outputs, slope, before, by_weight)
            self.layers.append(Layer(whole, arrange(whole), by_bias, update))
            inputs, before = outputs, slope
        last = self.layers[-1].whole
        self.logits, self.slope = last.outputs.squeeze(-1), last.slope.squeeze(-1)
        self.truth = self.labels.view_as(self.slope)
        # Of batch normalisation, what the way back needs.
        self.normalised: dict[int, Normalised] = {}

    def step(self, rows: Tensor, truth: Tensor, places: Tensor) -> None:
        """One step of AdamW on each network's objective of its batch.

        Args:
            rows: as in `train_together`.
            truth: as in `train_together`.
            places: (k * b,) rows of the first network's batch, then the second's, ..
        """
        torch.index_select(rows, 0, places, out=self.batch)
        torch.index_select(truth, 0, places, out=self.labels)
        if self.stacked.mixings:
            self._mix()
        norms, last = self.stacked.network.norms, self.layers[-1]
        for i, layer in enumerate(self.layers):
            for products in layer.products:
                products.answer()
            if layer is not last:
                outputs = layer.whole.outputs
                if i in norms:
                    self.normalised[i] = normalise_in_place(outputs, norms[i])
                outputs.relu_()
                if self.dropout:
                    self._drop(outputs)
        teach(self.stacked.objectives, self.logits, self.truth, self.slope)
        for i in range(len(self.layers) - 1, -1, -1):
            self._back(i, self.layers[i])

    def _back(self, i: int, layer: Layer) -> None:
        """From a layer's slope to its update and to the slope of the layer before."""
        whole = layer.whole
        if i in self.stacked.network.norms:
            self._through_norm(i, whole.slope)
        for products in layer.products:  # while the weights are those that answered
            products.differentiate()
        torch.sum(whole.slope, 1, out=layer.by_bias)
        self._update(*layer.update)
        if whole.before is not None:
            # What was rectified or dropped is zero in the outputs, and passes nothing back.
            torch.ops.aten.threshold_backward.grad_input(
                whole.before, whole.inputs, 0, grad_input=whole.before
            )
            if self.dropout:
                whole.before.div_(1 - self.dropout)

    def _mix(self) -> None:
        drawn = [each.draw(self.size) for each in self.stacked.mixings]
        for name, tensor in (("partners", self.batch), ("partners' labels", self.labels)):
            mix_stacked(tensor, self.get(name, *tensor.shape), drawn)

    def _drop(self, outputs: Tensor) -> None:
        shape, device = outputs.shape[1:], outputs.device
        drawn = [
            torch.rand(shape, generator=each, device=device) for each in self.stacked.generators
        ]
        outputs.mul_(torch.stack(drawn) >= self.dropout).div_(1 - self.dropout)

    def _through_norm(self, i: int, slope: Tensor) -> None:
        """From the slope by a normalised layer to the slope by what went in, in place."""
        network, first, second = self.stacked.network, self.stacked.first, self.stacked.second
        slopes = back_through(self.normalised.pop(i), network.norms[i], slope)
        learnt, means, squares = (
            apart([part.norms[i].scale, part.norms[i].shift]) for part in (network, first, second)
        )
        self._update(learnt, apart(list(slopes)), means, squares)

    def _update(
        self, tensors: list[Tensor], slopes: list[Tensor], first: list[Tensor], second: list[Tensor]
    ) -> None:
        move(tensors, slopes, first, second, self.stacked.steps, rate=self.rate, decay=self.decay)
