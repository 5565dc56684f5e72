"""Inside an MLP: how steeply each layer bears on a pair's logit, and how its units answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import torch
from torch import Tensor
from torch.linalg import vecdot

from facebone.verification.heads.inside import Inside, Labels
from facebone.verification.heads.mlp_network import NORM_EPSILON, Network

ROWS_AT_ONCE = 1024
"""Rows in a block: all layers' outputs are held, 8 MB in float64 for the reference's shape."""


@dataclass(slots=True, eq=False)
class Way:
    """Rows on their way through a network, and how their logits depend on what they meet.

    Args:
        inputs: what went into each layer, (n, in).
        slopes: gradient of the logit by what each layer's affine map gave, (n, out).
        scales: normalised hidden layer -> gradient by its learnt scale, (n, out).
        shifts: the same by its learnt shift.
        logit: (n,).
    """

    inputs: list[Tensor] = field(default_factory=list)
    slopes: list[Tensor] = field(default_factory=list)
    scales: dict[int, Tensor] = field(default_factory=dict)
    shifts: dict[int, Tensor] = field(default_factory=dict)
    logit: Tensor = field(default_factory=lambda: torch.empty(0))


def look_inside(network: Network, rows: Tensor, same: Labels, *, symmetric: bool) -> Inside:
    """What the network's numbers say of n pairs; normalised layers take their running moments.

    A layer's parameters are its weight and bias, and where it is normalised scale and shift.

    Args:
        network: of the precision of `rows`.
        rows: (n, width) what goes in.
        same: (n,) bool.
        symmetric: whether the logit is the mean of those of `rows` and of ``-rows``. Then the
            gradient is that of the mean, and activity is the mean of both ways'.
    """
    parts = []
    with torch.inference_mode():
        for block in torch.split(rows, ROWS_AT_ONCE):
            ways = [walk(network, side) for side in ([block, -block] if symmetric else [block])]
            logit = torch.stack([way.logit for way in ways]).mean(0)
            activity = torch.stack([_activity(way) for way in ways]).mean(0)
            parts.append((logit, _steepness(ways), activity))
    logits, slopes, active = (torch.cat(column).numpy() for column in zip(*parts, strict=True))
    return Inside.of_logits(logits, same, slopes, active)


def walk(network: Network, rows: Tensor) -> Way:
    """Forth and back through the network with (n, width) rows."""
    way = Way()
    hidden, last = rows, len(network.weights) - 1
    normalised: dict[int, Tensor] = {}
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        way.inputs.append(hidden)
        hidden = torch.addmm(bias, hidden, weight)
        if norm := network.norms.get(i):
            normalised[i] = (hidden - norm.mean) * torch.rsqrt(norm.variance + NORM_EPSILON)
            hidden = normalised[i] * norm.scale + norm.shift
        if i < last:
            hidden = torch.relu(hidden)
    way.logit = hidden.squeeze(-1)
    slope = torch.ones_like(hidden)
    for i in range(last, -1, -1):
        if norm := network.norms.get(i):
            way.scales[i], way.shifts[i] = slope * normalised[i], slope
            slope = slope * (norm.scale * torch.rsqrt(norm.variance + NORM_EPSILON))
        way.slopes.insert(0, slope)
        if i:
            # What was not above zero was rectified, and passes nothing back.
            slope = (slope @ network.weights[i].T) * (way.inputs[i] > 0)
    return way


def _steepness(ways: list[Way]) -> Tensor:
    """Length of the gradient of the mean logit by the parameters of each of L layers, (n, L)."""
    squares = []
    for i in range(len(ways[0].inputs)):
        # By the weight it is the mean over ways of the outer products a d' of input and slope, by
        # the bias that of d. As <a d', b e'> = (a.b) (d.e), the square of its length is a sum over
        # pairs of ways, and no matrix need be made.
        square = torch.stack(
            [
                (vecdot(one.inputs[i], other.inputs[i]) + 1)
                * vecdot(one.slopes[i], other.slopes[i])
                for one, other in product(ways, repeat=2)
            ]
        ).mean(0)
        if i in ways[0].scales:
            for learnt in ([way.scales[i] for way in ways], [way.shifts[i] for way in ways]):
                mean = torch.stack(learnt).mean(0)
                square = square + vecdot(mean, mean)
        squares.append(square)
    # Where two ways cancel out, rounding may leave a little less than nothing.
    return torch.stack(squares, dim=1).clamp_min(0).sqrt()


def _activity(way: Way) -> Tensor:
    """`inside.SUMMARIES` of each hidden layer's rectified outputs, (n, 3 H)."""
    found = [torch.empty(len(way.logit), 0, dtype=way.logit.dtype)]
    for outputs in way.inputs[1:]:
        mean = outputs.mean(1)
        # Tensor.std would warn where there are no rows.
        deviation = (outputs - mean[:, None]).square().mean(1).sqrt()
        share = (outputs > 0).to(outputs.dtype).mean(1)
        found.append(torch.stack([mean, deviation, share], dim=1))
    return torch.cat(found, dim=1)
