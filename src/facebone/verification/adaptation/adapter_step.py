"""One step of AdamW for stacked adapters, laid out by hand.

As in `mlp_step`, one batched product a layer stands for k small ones, gradients are computed from
the last layer to the first, and each layer is updated as soon as its gradient is known, while its
numbers are in the processor's cache. All buffers are made once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from facebone.verification.adaptation.adapter_network import Plan
from facebone.verification.adaptation.adapter_settings import AdapterSettings
from facebone.verification.adaptation.batch_norm import (
    Normalised,
    back_through_filled,
    normalise_filled,
)
from facebone.verification.adaptation.compared import ToCentres, WithinBatch
from facebone.verification.adaptation.losses import Batch, make_loss
from facebone.verification.heads.adamw import apart, move
from facebone.verification.heads.mlp_layer import Products, arrange
from facebone.verification.heads.mlp_network import Network
from facebone.verification.heads.mlp_step import Buffers


@dataclass(frozen=True, slots=True, eq=False)
class Stacked:
    """k adapters in training; every tensor has a leading dimension of k.

    Args:
        network: their layers.
        centres: (k, t, c) of the people, those that a training has not at zero; None for a loss
            within the batch.
        absent: see `losses.Batch`.
        generators: one an adapter, for noise and for what is dropped.
    """

    network: Network
    centres: Tensor | None
    absent: Tensor
    generators: list[torch.Generator]


class Moments:
    """AdamW's memory of one group of tensors, and its update.

    Args:
        learnt: tensors (k, ..).
        slopes: their gradients, at each update.
    """

    def __init__(self, learnt: list[Tensor], slopes: list[Tensor]) -> None:
        self.learnt, self.slopes = apart(learnt), apart(slopes)
        self.first = apart([torch.zeros_like(tensor) for tensor in learnt])
        self.second = apart([torch.zeros_like(tensor) for tensor in learnt])

    def update(self, steps: Tensor, rate: float, decay: float) -> None:
        """Move the tensors along their gradients."""
        move(self.learnt, self.slopes, self.first, self.second, steps, rate=rate, decay=decay)


class Step:
    """Steps of k stacked adapters at b pictures a batch.

    Args:
        settings: the recipe.
        plan: of the layers.
        stacked: the adapters; they change in place.
        size: pictures in a batch, b.
    """

    def __init__(self, settings: AdapterSettings, plan: Plan, stacked: Stacked, size: int) -> None:
        self.settings, self.plan, self.stacked = settings, plan, stacked
        self.loss = make_loss(settings)
        network = stacked.network
        count, device = len(network.weights[0]), network.weights[0].device
        self.steps = torch.zeros((), device=device)
        buffers = Buffers(device)
        get = buffers.get
        self.batch = get("batch", count * size, plan.widths[0])
        self.inputs = self.batch.view(count, size, -1)
        get("by weight", max(weight.numel() for weight in network.weights))
        self.layers: list[Products] = []
        self.arranged: list[list[Products]] = []
        self.by_bias: list[Tensor] = []
        self.moments: list[Moments] = []
        inputs, before = self.inputs, None
        for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
            outputs = get(f"output {i}", count, size, plan.widths[i + 1])
            slope = get(f"slope {i}", *outputs.shape)
            by_weight, by_bias = get("by weight", *weight.shape), get(f"by bias {i}", *bias.shape)
            layer = Products(inputs, weight, bias.unsqueeze(1), outputs, slope, before, by_weight)
            self.layers.append(layer)
            self.arranged.append(arrange(layer))
            self.by_bias.append(by_bias)
            # A bias before a normalisation has no effect; its gradient would be rounding alone,
            # and AdamW would make steps of full size of it.
            learnt = [weight] if i in plan.norms else [weight, bias]
            self.moments.append(Moments(learnt, [by_weight, by_bias][: len(learnt)]))
            inputs, before = outputs, slope
        last = self.layers[-1]
        self.compared: ToCentres | WithinBatch
        if stacked.centres is None:
            self.compared = WithinBatch(last.outputs, last.slope, buffers)
        else:
            self.compared = ToCentres(last.outputs, last.slope, stacked.centres, buffers)
            self.centres = Moments([stacked.centres], [self.compared.by_centres])
        self.normalised: dict[int, Normalised] = {}
        self.norms: dict[int, Moments] = {}
        self.by_norm: dict[int, list[Tensor]] = {}
        for i, norm in network.norms.items():
            slopes = [torch.empty_like(norm.scale), torch.empty_like(norm.shift)]
            self.norms[i] = Moments([norm.scale, norm.shift], slopes)
            self.by_norm[i] = slopes

    def take(
        self, rows: Tensor, places: Tensor, person: Tensor, weight: Tensor, rate: float
    ) -> Tensor:
        """One step on the mean loss of each adapter's batch.

        Args:
            rows: (R, width) embeddings that all adapters share.
            places: (k * b,) rows of the first adapter's batch, then the second's, ..
            person: (k, b) see `losses.Batch`.
            weight: (k, b) the same.
            rate: the learning rate.

        Returns:
            The losses before the step, (k,).
        """
        torch.index_select(rows, 0, places, out=self.batch)
        if self.settings.noise:
            self._disturb()
        self._forward(weight)
        cosines = self.compared.cosines()
        shown = Batch(person, weight, self.stacked.absent)
        losses = self.loss.slope(cosines, shown, self.compared.by_cosine)
        self.steps.add_(1)
        self.compared.back()
        decay = self.settings.weight_decay
        if self.stacked.centres is not None:
            self.centres.update(self.steps, rate, decay)
        for i in range(len(self.layers) - 1, -1, -1):
            self._back(i, rate, decay)
        return losses

    def _forward(self, weight: Tensor) -> None:
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            for products in self.arranged[i]:
                products.answer()
            if i in self.norms:
                norm = self.stacked.network.norms[i]
                self.normalised[i] = normalise_filled(layer.outputs, weight, norm)
            if i < last and self.plan.rectified:
                layer.outputs.relu_()
                if self.settings.dropout:
                    self._drop(layer.outputs)
        if self.plan.residual:
            self.layers[last].outputs.add_(self.inputs)

    def _back(self, i: int, rate: float, decay: float) -> None:
        """From a layer's slope to its update and to the slope of the layer before."""
        layer = self.layers[i]
        if i in self.norms:
            back_through_filled(self.normalised.pop(i), layer.slope, *self.by_norm[i])
            self.norms[i].update(self.steps, rate, decay)
        for products in self.arranged[i]:  # while the weights are those that answered
            products.differentiate()
        torch.sum(layer.slope, 1, out=self.by_bias[i])
        self.moments[i].update(self.steps, rate, decay)
        if layer.before is not None and self.plan.rectified:
            # What was rectified or dropped is zero in the outputs, and passes nothing back.
            torch.ops.aten.threshold_backward.grad_input(
                layer.before, layer.inputs, 0, grad_input=layer.before
            )
            if self.settings.dropout:
                layer.before.div_(1 - self.settings.dropout)

    def _disturb(self) -> None:
        """Add noise to the batch, and scale its rows back to length one."""
        shape = self.inputs.shape[1:]
        drawn = torch.stack(
            [torch.randn(shape, generator=g, device=g.device) for g in self.stacked.generators]
        )
        # Squares of d numbers add up to about d times their variance: that makes the length.
        self.inputs.add_(drawn, alpha=self.settings.noise / shape[1] ** 0.5)
        self.inputs.div_(self.inputs.norm(dim=2, keepdim=True))

    def _drop(self, outputs: Tensor) -> None:
        shape, share = outputs.shape[1:], self.settings.dropout
        drawn = torch.stack(
            [torch.rand(shape, generator=g, device=g.device) for g in self.stacked.generators]
        )
        outputs.mul_(drawn >= share).div_(1 - share)
