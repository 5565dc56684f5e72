"""Pictures that a linear decoder draws, moved by the numbers that it draws them from."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from facebone.attacks.inversion.linear_decoder import LinearDecoder, Templates
from facebone.attacks.inversion.refinement import Rows


@dataclass(slots=True, eq=False)
class DrawnTemplates:
    """Templates, and what the decoder makes of them: `refinement.Movable`.

    Args:
        decoder: draws, of d numbers each.
        templates: (n, d) to begin with.
    """

    decoder: LinearDecoder
    templates: Templates
    _parts: tuple[Tensor, Tensor, Tensor] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        decoder = self.decoder
        self._parts = (
            torch.from_numpy(decoder.centre).float(),
            torch.from_numpy(decoder.face).float(),
            torch.from_numpy(decoder.weights),
        )

    def __len__(self) -> int:
        return len(self.templates)

    def numbers(self, rows: Rows, device: str) -> Tensor:
        """Some of the templates, (q, d)."""
        self._parts = tuple(part.to(device) for part in self._parts)  # type: ignore[assignment]
        return torch.from_numpy(self.templates[rows]).to(device)

    def draw(self, numbers: Tensor) -> Tensor:
        """As `LinearDecoder.decode`, without rounding."""
        centre, face, weights = self._parts
        moved = ((numbers - centre) @ weights).view(len(numbers), *face.shape)
        pictures = (face + self.decoder.gain * moved) / 255
        return pictures.clamp(0, 1).permute(0, 3, 1, 2)

    def bound(self, numbers: Tensor) -> None:
        """All numbers stand for pictures."""
