"""Inside an adapter: how steeply each layer bears on a pair's log odds, how its units answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.linalg import vecdot

from facebone.verification.adaptation.adapter_network import Plan
from facebone.verification.adaptation.compared import SHORTEST
from facebone.verification.embedded_pairs import Matrix
from facebone.verification.heads.inside import Floats
from facebone.verification.heads.mlp_network import NORM_EPSILON, Network
from facebone.verification.heads.people import FEWEST_PEOPLE

PAIRS_AT_ONCE = 1024
"""Pairs in a block: all layers' outputs of both pictures are held, 16 MB in float64."""

CENTRE_NAMES = ("nearest centre", "gap to the second centre")


@dataclass(slots=True, eq=False)
class Way:
    """Pictures on their way through an adapter, and how the log odds depend on what they meet.

    Args:
        inputs: what went into each layer, (n, in).
        normalised: normalised hidden layer -> what it gave before learnt scale and shift.
        output: (n, t) templates of any length.
        slopes: layer -> gradient of the log odds by what its affine map gave, (n, out).
        scales: normalised hidden layer -> gradient by its learnt scale, (n, out).
        shifts: the same by its learnt shift.
    """

    inputs: list[Tensor] = field(default_factory=list)
    normalised: dict[int, Tensor] = field(default_factory=dict)
    output: Tensor = field(default_factory=lambda: torch.empty(0))
    slopes: dict[int, Tensor] = field(default_factory=dict)
    scales: dict[int, Tensor] = field(default_factory=dict)
    shifts: dict[int, Tensor] = field(default_factory=dict)


def look_inside(
    plan: Plan, network: Network, left: Matrix, right: Matrix, slope: float
) -> tuple[Floats, Floats]:
    """What an adapter's numbers say of n pairs; normalised layers take their running moments.

    A layer's parameters are its weight and bias, or where it is normalised scale and shift in the
    place of the bias.

    Args:
        plan: of the layers.
        network: on the CPU.
        left: (n, width) embeddings.
        right: the same.
        slope: of the log odds by the cosine of the pair's templates.

    Returns:
        Length of the gradient of the log odds by the parameters of each of L layers, (n, L), and
        `inside.SUMMARIES` of each of H rectified layers, the mean of both pictures, (n, 3 H).
    """
    precise = network.map(lambda tensor: tensor.double())
    both = [torch.from_numpy(side).double() for side in (left, right)]
    parts = []
    with torch.inference_mode():
        for x, y in zip(*(torch.split(side, PAIRS_AT_ONCE) for side in both), strict=True):
            one, other = _forth(plan, precise, x), _forth(plan, precise, y)
            for way, by_output in zip((one, other), _apart(one.output, other.output), strict=True):
                _back(plan, precise, way, slope * by_output)
            activity = (_activity(plan, one) + _activity(plan, other)) / 2
            parts.append((_steepness(one, other), activity))
    slopes, active = (torch.cat(column).numpy() for column in zip(*parts, strict=True))
    return slopes, active


def look_at_centres(templates: Sequence[Matrix], centres: Matrix) -> Floats:
    """`CENTRE_NAMES` of pairs, the mean of both pictures, (n, 2).

    Args:
        templates: (n, t) left and right, rows of length one.
        centres: (C, t) of the people that were trained on, rows of length one.
    """
    found = []
    for side in templates:
        nearest = np.sort(side.astype(np.float64) @ centres.T.astype(np.float64), axis=1)
        found.append(np.stack([nearest[:, -1], nearest[:, -1] - nearest[:, -2]], axis=1))
    mean: Floats = np.mean(found, axis=0)
    return mean


def count_centres(arrays: Mapping[str, npt.NDArray[Any]]) -> int:
    """Of how many people a saved head's arrays hold centres; the least there can be without any."""
    kept: tuple[int, ...] = np.shape(arrays.get("centres", ()))
    return max(FEWEST_PEOPLE, *kept[:1], 0)


def _forth(plan: Plan, network: Network, rows: Tensor) -> Way:
    way = Way()
    hidden, last = rows, len(network.weights) - 1
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        way.inputs.append(hidden)
        hidden = torch.addmm(bias, hidden, weight)
        if norm := network.norms.get(i):
            way.normalised[i] = (hidden - norm.mean) * torch.rsqrt(norm.variance + NORM_EPSILON)
            hidden = way.normalised[i] * norm.scale + norm.shift
        if i < last and plan.rectified:
            hidden = torch.relu(hidden)
    way.output = hidden + rows if plan.residual else hidden
    return way


def _apart(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of the cosines of x and y (n, t) by x and by y."""
    lengths = [side.norm(dim=1, keepdim=True).clamp_min(SHORTEST) for side in (x, y)]
    u, v = x / lengths[0], y / lengths[1]
    cosine = vecdot(u, v).unsqueeze(1)
    return (v - cosine * u) / lengths[0], (u - cosine * v) / lengths[1]


def _back(plan: Plan, network: Network, way: Way, slope: Tensor) -> None:
    for i in range(len(network.weights) - 1, -1, -1):
        if norm := network.norms.get(i):
            way.scales[i], way.shifts[i] = slope * way.normalised[i], slope
            slope = slope * (norm.scale * torch.rsqrt(norm.variance + NORM_EPSILON))
        way.slopes[i] = slope
        if i:
            slope = slope @ network.weights[i].T
            if plan.rectified:
                # What was not above zero was rectified, and passes nothing back.
                slope = slope * (way.inputs[i] > 0)


def _steepness(one: Way, other: Way) -> Tensor:
    """Length of the gradient of the log odds by the parameters of each of L layers, (n, L)."""
    squares = []
    for i in range(len(one.inputs)):
        # By the weight it is the sum over both pictures of the outer products a d' of input and
        # slope, by the bias that of d. As <a d', b e'> = (a.b) (d.e), the square of its length
        # needs no matrix.
        pairs = ((one, one, 1), (other, other, 1), (one, other, 2))
        bias = 0 if i in one.scales else 1
        square = sum(
            times * (vecdot(x.inputs[i], y.inputs[i]) + bias) * vecdot(x.slopes[i], y.slopes[i])
            for x, y, times in pairs
        )
        if i in one.scales:
            for learnt in (one.scales[i] + other.scales[i], one.shifts[i] + other.shifts[i]):
                square = square + vecdot(learnt, learnt)
        squares.append(square)
    # Where both pictures cancel out, rounding may leave a little less than nothing.
    return torch.stack(squares, dim=1).clamp_min(0).sqrt()


def _activity(plan: Plan, way: Way) -> Tensor:
    """`inside.SUMMARIES` of each rectified layer's outputs, (n, 3 H)."""
    found = [torch.empty(len(way.output), 0, dtype=way.output.dtype)]
    for outputs in way.inputs[1:] if plan.rectified else ():
        mean = outputs.mean(1)
        # Tensor.std would warn where there are no rows.
        deviation = (outputs - mean[:, None]).square().mean(1).sqrt()
        share = (outputs > 0).to(outputs.dtype).mean(1)
        found.append(torch.stack([mean, deviation, share], dim=1))
    return torch.cat(found, dim=1)
