"""The architectures of the tiny shipped backbones, five unlike each other.

Each takes (n, 3, s, s) float32 in 0..255, RGB, and normalises inside, so that the exported graph
needs no mean and no deviation from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


class Normalise(nn.Module):
    """From 0..255 to about -1..1."""

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return (x - 127.5) / 64.0


def conv(
    width: int, out: int, size: int, stride: int = 1, groups: int = 1, act: bool = True
) -> nn.Sequential:
    """A convolution with batch norm, and ReLU if asked for."""
    layers: list[nn.Module] = [
        nn.Conv2d(width, out, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out),
    ]
    return nn.Sequential(*layers, *([nn.ReLU()] if act else []))


class Plain(nn.Sequential):
    """Four strided 3x3 convolutions and a linear layer, as AlexNet and VGG had it."""

    def __init__(self, dimension: int) -> None:
        super().__init__(
            Normalise(),
            conv(3, 16, 5, 2),
            conv(16, 48, 3, 2),
            conv(48, 80, 3, 2),
            conv(80, 96, 3, 2),
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(96 * 16, dimension),
            nn.BatchNorm1d(dimension),
        )


class Inverted(nn.Module):
    """MobileNetV2's block: widen, filter each channel by itself, narrow, add."""

    def __init__(self, width: int, out: int, stride: int) -> None:
        super().__init__()
        inner = 3 * width
        self.body = nn.Sequential(
            conv(width, inner, 1),
            conv(inner, inner, 3, stride, groups=inner),
            conv(inner, out, 1, act=False),
        )
        self.skip = stride == 1 and width == out

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x + self.body(x) if self.skip else self.body(x)


class Mobile(nn.Sequential):
    """Depthwise-separable blocks and a global depthwise convolution, a small MobileFaceNet."""

    def __init__(self, dimension: int) -> None:
        super().__init__(
            Normalise(),
            conv(3, 32, 5, 4),
            Inverted(32, 32, 1),
            Inverted(32, 64, 2),
            Inverted(64, 64, 1),
            Inverted(64, 96, 2),
            Inverted(96, 96, 1),
            conv(96, 256, 1),
            nn.Conv2d(256, 256, 4, groups=256, bias=False),
            nn.BatchNorm2d(256),
            nn.Flatten(),
            nn.Linear(256, dimension),
            nn.BatchNorm1d(dimension),
        )


class Residual(nn.Module):
    """Batch norm, two 3x3 convolutions, squeeze and excitation, and the input added."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.Conv2d(width, out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(out),
            nn.PReLU(out),
            nn.Conv2d(out, out, 3, 2, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(out, out // 4, 1),
            nn.ReLU(),
            nn.Conv2d(out // 4, out, 1),
            nn.Sigmoid(),
        )
        self.short = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(width, out, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y = self.body(x)
        return y * self.gate(y) + self.short(x)


class ResNet(nn.Sequential):
    """Two residual blocks with squeeze and excitation, pooled to 2x2."""

    def __init__(self, dimension: int) -> None:
        super().__init__(
            Normalise(),
            conv(3, 32, 5, 4),
            Residual(32, 56),
            Residual(56, 80),
            nn.BatchNorm2d(80),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(80 * 4, dimension),
            nn.BatchNorm1d(dimension),
        )


class MixerBlock(nn.Module):
    """Mix the tokens channel by channel, then the channels token by token."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(tokens, 64), nn.GELU(), nn.Linear(64, tokens))
        self.channels = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = x + self.tokens(self.first(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.second(x))


class Mixer(nn.Module):
    """An MLP-Mixer over 8x8 patches: no convolution beyond the patches."""

    def __init__(self, dimension: int, width: int = 72) -> None:
        super().__init__()
        self.normalise = Normalise()
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.blocks = nn.Sequential(*[MixerBlock(64, width) for _ in range(4)])
        self.narrow = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 12))
        self.out = nn.Sequential(nn.Linear(12 * 64, dimension), nn.BatchNorm1d(dimension))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        tokens = self.patches(self.normalise(x)).flatten(2).transpose(1, 2)
        return self.out(self.narrow(self.blocks(tokens)).flatten(1))


class Wide(nn.Sequential):
    """One layer of large filters, pooled, and a linear layer: wide and shallow."""

    def __init__(self, dimension: int) -> None:
        super().__init__(
            Normalise(),
            conv(3, 64, 9, 4),
            nn.MaxPool2d(2),
            conv(64, 112, 3),
            nn.AvgPool2d(3, 2),
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(112 * 9, dimension),
            nn.BatchNorm1d(dimension),
        )


@dataclass(frozen=True)
class Recipe:
    """How one backbone is built.

    Args:
        build: makes the network from the width of its embeddings.
        size: side of the input in pixels.
        dimension: width of the embeddings.
        epochs: times that training sees every picture.
    """

    build: Callable[[int], nn.Module]
    size: int
    dimension: int
    epochs: int

    def network(self) -> nn.Module:
        """A fresh network, from torch's current random state."""
        network = self.build(self.dimension)
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, self.size, self.size))
        return network.train()


ARCHITECTURES = {
    "tiny_plain": Recipe(Plain, 64, 64, 10),
    "tiny_mobile": Recipe(Mobile, 64, 96, 20),
    "tiny_residual": Recipe(ResNet, 64, 128, 10),
    "tiny_mixer": Recipe(Mixer, 64, 64, 13),
    "tiny_wide": Recipe(Wide, 56, 160, 28),
}
