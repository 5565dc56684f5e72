"""The layers of the MLP head as plain tensors and functions: no hidden state, no global seed.

Everything works on the last two dimensions, (rows, width). With a leading dimension of K on the
input and on every tensor, K networks of one shape run side by side in one batched product a layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Initialisation = Literal["uniform", "he"]

# Of torch's and the reference's batch normalisation.
NORM_EPSILON = 1e-5
NORM_MOMENTUM = 0.1


@dataclass(slots=True, eq=False)
class Norm:
    """Batch normalisation after one affine map: learnt scale and shift, running moments."""

    scale: Tensor
    shift: Tensor
    mean: Tensor
    variance: Tensor


@dataclass(slots=True, eq=False)
class Network:
    """A multi-layer perceptron with one output, the logit.

    Args:
        weights: one (in, out) matrix a layer, the output layer last.
        biases: one (out,) vector a layer.
        norms: hidden layer, counted from 0 -> its batch normalisation.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    norms: dict[int, Norm]

    def learnt(self) -> list[Tensor]:
        """What an optimiser changes."""
        norms = self.norms.values()
        return [*self.weights, *self.biases, *(t for n in norms for t in (n.scale, n.shift))]

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by name, running moments included."""
        named = {f"weight.{i}": weight for i, weight in enumerate(self.weights)}
        named |= {f"bias.{i}": bias for i, bias in enumerate(self.biases)}
        for i, norm in self.norms.items():
            named[f"norm.{i}.scale"] = norm.scale
            named[f"norm.{i}.shift"] = norm.shift
            named[f"norm.{i}.mean"] = norm.mean
            named[f"norm.{i}.variance"] = norm.variance
        return named

    def map(self, change: Callable[[Tensor], Tensor]) -> Network:
        """The network with `change` applied to every tensor."""
        norms = {
            i: Norm(change(n.scale), change(n.shift), change(n.mean), change(n.variance))
            for i, n in self.norms.items()
        }
        return Network([change(w) for w in self.weights], [change(b) for b in self.biases], norms)


def shapes(
    width: int, layers: tuple[int, ...], normalised: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of `Network.tensors` for inputs of `width` and hidden `layers`."""
    found: dict[str, tuple[int, ...]] = {}
    before = width
    for i, after in enumerate((*layers, 1)):
        found[f"weight.{i}"] = (before, after)
        found[f"bias.{i}"] = (after,)
        before = after
    for i in normalised:
        for part in ("scale", "shift", "mean", "variance"):
            found[f"norm.{i}.{part}"] = (layers[i],)
    return found


def assemble(tensors: dict[str, Tensor], normalised: tuple[int, ...]) -> Network:
    """The network whose `Network.tensors` are given."""
    count = sum(name.startswith("weight.") for name in tensors)
    parts = ("scale", "shift", "mean", "variance")
    return Network(
        [tensors[f"weight.{i}"] for i in range(count)],
        [tensors[f"bias.{i}"] for i in range(count)],
        {i: Norm(*(tensors[f"norm.{i}.{part}"] for part in parts)) for i in normalised},
    )


def start(
    width: int,
    layers: tuple[int, ...],
    normalised: tuple[int, ...],
    *,
    initialisation: Initialisation,
    generator: torch.Generator,
) -> Network:
    """A network of random weights.

    Args:
        width: of the input.
        layers: widths of the hidden layers.
        normalised: hidden layers with batch normalisation.
        initialisation: ``uniform``: weights and biases in +-1/sqrt(inputs), as `torch.nn.Linear`
            and so the reference start; ``he``: normal weights of variance 2/inputs, biases zero,
            which keep the size of the signal through rectified layers.
        generator: on the CPU, so that a seed means the same start on every device.
    """
    tensors: dict[str, Tensor] = {}
    for name, shape in shapes(width, layers, normalised).items():
        kind, _, part = name.partition(".")
        if kind == "norm":
            ones = part.endswith(("scale", "variance"))
            tensors[name] = torch.ones(shape) if ones else torch.zeros(shape)
        elif initialisation == "he":
            normal = torch.randn(shape, generator=generator)
            tensors[name] = normal * (2 / shape[0]) ** 0.5 if kind == "weight" else normal * 0
        else:
            inputs = tensors[f"weight.{part}"].shape[0] if kind == "bias" else shape[0]
            tensors[name] = (torch.rand(shape, generator=generator) * 2 - 1) * inputs**-0.5
    return assemble(tensors, normalised)


def forward(
    network: Network,
    rows: Tensor,
    *,
    training: bool = False,
    dropout: float = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Logits of rows.

    Args:
        network: the tensors; running moments change in place while `training`.
        rows: (n, width).
        training: normalise by the batch and drop out, instead of by the running moments.
        dropout: share of every hidden layer's outputs set to zero while `training`.
        generator: draws what is dropped, on the device of `rows`.

    Returns:
        (n,).
    """
    hidden = rows
    last = len(network.weights) - 1
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        hidden = _affine(hidden, weight, bias)
        if i == last:
            break
        if i in network.norms:
            hidden = normalise(hidden, network.norms[i], training=training)
        hidden = torch.relu(hidden)
        if training and dropout:
            drawn = torch.rand(hidden.shape, generator=generator, device=hidden.device)
            hidden = hidden * (drawn >= dropout) / (1 - dropout)
    return hidden.squeeze(-1)


def _affine(rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    if weight.dim() == 2:
        return torch.addmm(bias, rows, weight)
    return torch.baddbmm(bias.unsqueeze(-2), rows, weight)


def normalise(rows: Tensor, norm: Norm, *, training: bool) -> Tensor:
    """Batch-normalise (b, width) rows; while `training` the running moments change in place."""
    mean, variance = norm.mean, norm.variance
    if training:
        count = rows.shape[-2]
        mean = rows.mean(-2)
        variance = rows.var(-2, correction=0)
        with torch.no_grad():
            norm.mean.lerp_(mean, NORM_MOMENTUM)
            # The batch is normalised by its own variance; what runs estimates the population's.
            norm.variance.lerp_(variance * (count / (count - 1)), NORM_MOMENTUM)
    factor = norm.scale * torch.rsqrt(variance + NORM_EPSILON)
    return (rows - mean.unsqueeze(-2)) * factor.unsqueeze(-2) + norm.shift.unsqueeze(-2)
