"""IResNet: the residual networks of ArcFace, with the names of published state dicts.

References:
    Duta et al., Improved Residual Networks for Image and Video Recognition, 2020.
    Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition, 2019.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from facebone.errors import UsageError

DEPTHS: dict[str, tuple[int, int, int, int]] = {
    "iresnet18": (2, 2, 2, 2),
    "iresnet34": (3, 4, 6, 3),
    "iresnet50": (3, 4, 14, 3),
    "iresnet100": (3, 13, 30, 3),
    "iresnet200": (6, 26, 60, 6),
}
"""Residual blocks in each of the four stages."""

WIDTHS = (64, 128, 256, 512)
"""Channels in each stage."""

# Both public ports, the converted model zoo and arcface_torch, normalise with this epsilon, and
# both lay their state dicts out alike: one class loads either.
BATCH_NORM_EPSILON = 1e-5

INPUT_SIDE = 112
_FINAL_SIDE = INPUT_SIDE // 16


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON)


def _conv(inputs: int, outputs: int, *, side: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, stride, padding=side // 2, bias=False)


class Block(nn.Module):
    """Normalise, convolve, normalise, PReLU, convolve, normalise; plus the input.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        stride: 2 halves the picture, in the second convolution and in the shortcut.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.bn1 = _norm(inputs)
        self.conv1 = _conv(inputs, outputs, side=3)
        self.bn2 = _norm(outputs)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = _conv(outputs, outputs, side=3, stride=stride)
        self.bn3 = _norm(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                _conv(inputs, outputs, side=1, stride=stride), _norm(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return cast("torch.Tensor", self.bn3(self.conv2(out)) + shortcut)


class IResNet(nn.Module):
    """The whole network; the modules carry the names of InsightFace's state dicts.

    Args:
        depths: blocks in each stage.
        dimension: length of an embedding.
    """

    def __init__(self, depths: tuple[int, int, int, int], *, dimension: int = 512) -> None:
        super().__init__()
        self.conv1 = _conv(3, WIDTHS[0], side=3)
        self.bn1 = _norm(WIDTHS[0])
        self.prelu = nn.PReLU(WIDTHS[0])
        inputs = WIDTHS[0]
        for number, (depth, width) in enumerate(zip(depths, WIDTHS, strict=True), start=1):
            blocks = [Block(inputs, width, stride=2)]
            blocks += [Block(width, width, stride=1) for _ in range(depth - 1)]
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
            inputs = width
        self.bn2 = _norm(inputs)
        self.fc = nn.Linear(inputs * _FINAL_SIDE**2, dimension)
        self.features = nn.BatchNorm1d(dimension, eps=BATCH_NORM_EPSILON)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, 112, 112) -> (n, dimension), not normalised.

        Training puts dropout before the last layer; it has no weights and does nothing here.
        """
        out = self.prelu(self.bn1(self.conv1(x)))
        for number in range(1, 5):
            out = self.get_submodule(f"layer{number}")(out)
        out = torch.flatten(self.bn2(out), 1)
        return cast("torch.Tensor", self.features(self.fc(out)))

    def units(self) -> list[nn.Module]:
        """The same modules as a row of units, for training the last of them alone.

        The stem, every block, and the last layers.
        """
        blocks = [
            block for k in range(1, 5) for block in self.get_submodule(f"layer{k}").children()
        ]
        return [
            nn.Sequential(self.conv1, self.bn1, self.prelu),
            *blocks,
            nn.Sequential(self.bn2, nn.Flatten(), self.fc, self.features),
        ]


def build(architecture: str, dimension: int, input_size: tuple[int, int]) -> nn.Module:
    """An IResNet with weights still to be loaded.

    Raises:
        UsageError: the input size is not 112x112, which the last layer is made for.
    """
    if input_size != (INPUT_SIDE, INPUT_SIDE):
        raise UsageError(
            f"{architecture} takes faces of {INPUT_SIDE}x{INPUT_SIDE}, got "
            f"{input_size[0]}x{input_size[1]}",
            where="input_size",
        )
    return IResNet(DEPTHS[architecture], dimension=dimension)
