"""Changes to pictures between a network's preparation and its first layer, while it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from facebone.backbones.base import BackboneSpec

Augment = Literal["none", "flip", "full"]

SHIFT, SCALE = 0.04, 0.05
"""How far a face moves, in parts of the picture, and how much it grows or shrinks: about what a
detector is off by."""
BRIGHTNESS = 0.15
"""Standard deviation of the factor on all values of a picture."""
CUT_SHARE, CUT_SIDES = 0.3, (0.1, 0.4)
"""Share of pictures with a patch cut out, and the least and the greatest side of the patch."""


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """What black and white are for a network.

    Args:
        black: (3, 1, 1).
        white: (3, 1, 1).
    """

    black: Tensor
    white: Tensor

    @classmethod
    def of(cls, spec: BackboneSpec, *, device: str = "cpu") -> Range:
        """As a backbone's preparation gives them."""
        mean, std = (
            torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]
            for values in (spec.mean, spec.std)
        )
        return cls(-mean / std, (255 - mean) / std)


def augment(pictures: Tensor, kind: Augment, tones: Range, generator: torch.Generator) -> Tensor:
    """Change each picture in a way of its own.

    ``flip`` mirrors every other picture; ``full`` also moves, resizes and brightens each, and fills
    a rectangle of some with the picture's mean.

    Args:
        pictures: (n, 3, h, w) as the network takes them.
        kind: how.
        tones: black and white.
        generator: on the CPU, so that the same seed does the same on every device.
    """
    if kind == "none":
        return pictures
    mirrored = _uniform(pictures, generator) < 0.5
    if kind == "flip":
        return torch.where(mirrored[:, None, None, None], pictures.flip(3), pictures)
    return cut_out(brighten(_move(pictures, mirrored, generator), tones, generator), generator)


def _move(pictures: Tensor, mirrored: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror, shift and resize in one go; what comes in at the edge repeats the edge."""
    scale = 1 + SCALE * (2 * _uniform(pictures, generator) - 1)
    # The coordinates of a picture run from -1 to 1: a part of its side is twice that.
    across, down = (2 * SHIFT * (2 * _uniform(pictures, generator) - 1) for _ in range(2))
    zero = torch.zeros_like(scale)
    turned = torch.where(mirrored, -scale, scale)
    rows = [torch.stack([turned, zero, across], 1), torch.stack([zero, scale, down], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def brighten(pictures: Tensor, tones: Range, generator: torch.Generator) -> Tensor:
    """All values of a picture times one number, as light does it: black stays black."""
    normal = torch.randn(len(pictures), generator=generator).to(pictures.device)
    gain = (1 + BRIGHTNESS * normal).clamp(0.5, 1.5)[:, None, None, None]
    changed = (pictures - tones.black) * gain + tones.black
    return torch.minimum(torch.maximum(changed, tones.black), tones.white)


def cut_out(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """A rectangle of some pictures, filled with the mean of each channel.

    References:
        DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout",
        2017.
    """
    hit = (_uniform(pictures, generator) < CUT_SHARE)[:, None]
    inside = [
        _stretch(pictures.shape[axis], _uniform(pictures, generator), _uniform(pictures, generator))
        for axis in (2, 3)
    ]
    patch = (hit & inside[0])[:, None, :, None] & inside[1][:, None, None, :]
    return torch.where(patch, pictures.mean(dim=(2, 3), keepdim=True), pictures)


def _stretch(side: int, length: Tensor, place: Tensor) -> Tensor:
    """Which of `side` pixels in a row lie in a stretch of random length and place, (n, side)."""
    low, high = CUT_SIDES
    long = side * (low + (high - low) * length)
    begin = (side - long) * place
    at = torch.arange(side, device=length.device) + 0.5
    return (at >= begin[:, None]) & (at < (begin + long)[:, None])


def _uniform(pictures: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(len(pictures), generator=generator).to(pictures.device)
