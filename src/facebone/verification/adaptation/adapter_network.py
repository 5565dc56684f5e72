"""The layers of an adapter: which there are, how they start, and what they make of embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from facebone.verification.adaptation.adapter_settings import AdapterSettings
from facebone.verification.heads.mlp_network import Network, assemble, normalise

MADE_AT_ONCE = 4096
"""Pictures in a block: bounds memory to 8 MB a layer of 512."""

NORM_PARTS = ("scale", "shift", "mean", "variance")


@dataclass(frozen=True, slots=True)
class Plan:
    """The layers of an adapter.

    Args:
        widths: of the input, of what is between the maps, and of the template.
        rectified: whether what is between the maps is rectified.
        normalised: whether it is batch-normalised before.
        residual: whether the input is added to the output.
    """

    widths: tuple[int, ...]
    rectified: bool
    normalised: bool
    residual: bool

    @classmethod
    def of(cls, settings: AdapterSettings, width: int) -> Plan:
        """The layers for inputs of a width."""
        between = {"linear": (), "low_rank": (settings.rank,), "mlp": settings.hidden}
        return cls(
            (width, *between[settings.shape], settings.width or width),
            rectified=settings.shape == "mlp",
            normalised=settings.batch_norm,
            residual=settings.residual,
        )

    @property
    def norms(self) -> tuple[int, ...]:
        """Layers whose outputs are batch-normalised, counted from 0."""
        return tuple(range(len(self.widths) - 2)) if self.normalised else ()

    @property
    def numbers(self) -> int:
        """How many numbers the maps hold."""
        return sum(before * after for before, after in pairwise(self.widths))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of its tensors."""
        found: dict[str, tuple[int, ...]] = {}
        for i, (before, after) in enumerate(pairwise(self.widths)):
            found |= {f"weight.{i}": (before, after), f"bias.{i}": (after,)}
        for i in self.norms:
            found |= {f"norm.{i}.{part}": (self.widths[i + 1],) for part in NORM_PARTS}
        return found

    def start(self, generator: torch.Generator) -> Network:
        """A network of random weights.

        Normal weights keep the size of the signal: of variance 2 / inputs before a rectifier, which
        loses half of it, and 1 / inputs elsewhere. Biases are zero, and before a normalisation stay
        so.

        Args:
            generator: on the CPU, so that a seed means the same start on every device.
        """
        tensors: dict[str, Tensor] = {}
        last = len(self.widths) - 2
        for name, shape in self.shapes().items():
            kind, _, part = name.partition(".")
            if kind == "weight":
                gain = 2 if self.rectified and int(part) < last else 1
                tensors[name] = torch.randn(shape, generator=generator) * (gain / shape[0]) ** 0.5
            else:
                ones = part.endswith(("scale", "variance"))
                tensors[name] = torch.ones(shape) if ones else torch.zeros(shape)
        if self.residual:
            tensors[f"weight.{last}"].zero_()
        return self.assemble(tensors)

    def assemble(self, tensors: dict[str, Tensor]) -> Network:
        """The network whose tensors are given."""
        return assemble(tensors, self.norms)

    def forward(self, network: Network, rows: Tensor) -> Tensor:
        """What a trained network makes of rows (n, width): templates of any length, (n, t)."""
        hidden, last = rows, len(network.weights) - 1
        for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
            hidden = torch.addmm(bias, hidden, weight)
            if i in network.norms:
                hidden = normalise(hidden, network.norms[i], training=False)
            if i < last and self.rectified:
                hidden = torch.relu(hidden)
        return hidden + rows if self.residual else hidden

    def templates(self, network: Network, rows: Tensor) -> Tensor:
        """Templates of length one of rows (n, width), (n, t)."""
        with torch.inference_mode():
            parts = [self.forward(network, block) for block in torch.split(rows, MADE_AT_ONCE)]
            return torch.nn.functional.normalize(torch.cat(parts), dim=1)
