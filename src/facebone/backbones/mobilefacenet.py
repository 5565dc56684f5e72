"""MobileFaceNet of MobileNetV2's blocks, with the names of the public PyTorch state dict.

References:
    Chen et al., MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile
    Devices, 2018.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import nn

from facebone.errors import UsageError

INPUT_SIDE = 112


class Stage(NamedTuple):
    """Equal blocks in a row.

    Args:
        expansion: how many times wider a block is inside.
        width: channels it gives.
        repeats: number of blocks.
        stride: of the first block; the others have 1.
    """

    expansion: int
    width: int
    repeats: int
    stride: int


STAGES = (
    Stage(2, 64, 5, 2),
    Stage(4, 128, 1, 2),
    Stage(2, 128, 6, 1),
    Stage(4, 128, 1, 2),
    Stage(2, 128, 2, 1),
)
STEM_WIDTH = 64
LAST_WIDTH = 512


def _conv_norm_relu(
    inputs: int, outputs: int, *, side: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )


class SeparableConv(nn.Module):
    """A 3x3 convolution of each channel alone, then one across the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) -> (n, c, h, w)."""
        out = torch.relu(self.bn1(self.depthwise(x)))
        return torch.relu(self.bn2(self.pointwise(out)))


class GlobalConv(nn.Module):
    """A weighted sum over the whole picture, channel by channel, in place of average pooling."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, side, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, side, side) -> (n, c, 1, 1)."""
        return cast("torch.Tensor", self.bn(self.depthwise(x)))


class InvertedResidual(nn.Module):
    """Widen, convolve each channel, narrow; plus the input where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        inside = inputs * expansion
        self.has_shortcut = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            _conv_norm_relu(inputs, inside, side=1),
            _conv_norm_relu(inside, inside, side=3, stride=stride, groups=inside),
            nn.Conv2d(inside, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        out = self.conv(x)
        return cast("torch.Tensor", x + out if self.has_shortcut else out)


class MobileFaceNet(nn.Module):
    """The whole network.

    Args:
        dimension: length of an embedding.
    """

    def __init__(self, *, dimension: int = 128) -> None:
        super().__init__()
        self.conv1 = _conv_norm_relu(3, STEM_WIDTH, side=3, stride=2)
        self.dw_conv = SeparableConv(STEM_WIDTH)
        blocks = []
        inputs = STEM_WIDTH
        for stage in STAGES:
            for repeat in range(stage.repeats):
                stride = stage.stride if repeat == 0 else 1
                blocks.append(
                    InvertedResidual(inputs, stage.width, stride=stride, expansion=stage.expansion)
                )
                inputs = stage.width
        self.features = nn.Sequential(*blocks)
        self.conv2 = _conv_norm_relu(inputs, LAST_WIDTH, side=1)
        self.gdconv = GlobalConv(LAST_WIDTH, INPUT_SIDE // 16)
        self.conv3 = nn.Conv2d(LAST_WIDTH, dimension, 1)
        self.bn = nn.BatchNorm2d(dimension)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, 112, 112) -> (n, dimension), not normalised."""
        out = self.features(self.dw_conv(self.conv1(x)))
        out = self.gdconv(self.conv2(out))
        return torch.flatten(self.bn(self.conv3(out)), 1)

    def units(self) -> list[nn.Module]:
        """The same modules as a row of units, for training the last of them alone.

        The two layers of the stem, every block, and the three last layers.
        """
        last = nn.Sequential(self.conv3, self.bn, nn.Flatten())
        return [self.conv1, self.dw_conv, *self.features.children(), self.conv2, self.gdconv, last]


def build(architecture: str, dimension: int, input_size: tuple[int, int]) -> nn.Module:
    """A MobileFaceNet with weights still to be loaded.

    Raises:
        UsageError: the input size is not 112x112, which the last layers are made for.
    """
    if input_size != (INPUT_SIDE, INPUT_SIDE):
        raise UsageError(
            f"{architecture} takes faces of {INPUT_SIDE}x{INPUT_SIDE}, got "
            f"{input_size[0]}x{input_size[1]}",
            where="input_size",
        )
    return MobileFaceNet(dimension=dimension)
