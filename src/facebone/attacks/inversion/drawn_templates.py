"""Pictures that a linear decoder draws, moved by the numbers that it draws them from."""

from __future__ import annotations

import torch
from torch import Tensor

from facebone.attacks.inversion.linear_decoder import LinearDecoder, Templates
from facebone.attacks.inversion.refinement import Rows


class DrawnTemplates:
    """Templates, and what the decoder makes of them: `refinement.Movable`.

    Args:
        decoder: draws, of d numbers each.
        templates: (n, d) to begin with.
        device: where the networks are.
    """

    def __init__(self, decoder: LinearDecoder, templates: Templates, device: str = "cpu") -> None:
        self._templates = torch.from_numpy(templates).to(device)
        self._centre = torch.from_numpy(decoder.centre).float().to(device)
        self._face = torch.from_numpy(decoder.face).float().to(device)
        self._weights = torch.from_numpy(decoder.weights).to(device)
        self._gain = decoder.gain

    def __len__(self) -> int:
        return len(self._templates)

    def numbers(self, rows: Rows) -> Tensor:
        """Some of the templates, (q, d)."""
        return self._templates[torch.from_numpy(rows)]

    def draw(self, numbers: Tensor) -> Tensor:
        """As `LinearDecoder.decode`, without rounding."""
        moved = ((numbers - self._centre) @ self._weights).view(len(numbers), *self._face.shape)
        pictures = (self._face + self._gain * moved) / 255
        return pictures.clamp(0, 1).permute(0, 3, 1, 2)

    def bound(self, numbers: Tensor) -> None:
        """All numbers stand for pictures."""
