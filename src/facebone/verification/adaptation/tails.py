"""Tails of cut backbones: from rows at the cuts to one template a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from facebone.backbones.base import BackboneSpec
from facebone.backbones.cut import Cut, open_cut
from facebone.backbones.homogeneous import lower
from facebone.errors import UsageError
from facebone.verification.embedded_pairs import Matrix
from facebone.verification.heads.inside import SUMMARIES, Floats

Normalisation = Literal["frozen", "batch", "group"]

ROWS_AT_ONCE = 128
"""Pictures in a step where nothing is learnt."""
LOOKED_AT = 2
"""Units, from the end, whose answers are summed up for who holds the weights."""
GROUP = 16
"""Channels that share a mean and a deviation, where the number of channels allows it."""

_COUNTER = "num_batches_tracked"


class Tails(nn.Module):
    """The tails of K cut backbones, whose embeddings are joined into one template.

    Args:
        cuts: the cut backbones; their tails become this module's own.
        normalisation: what becomes of batch normalisation. ``frozen`` keeps the running statistics,
            so each layer is an affine map and pictures do not see each other; ``batch`` lets them
            follow the training; ``group`` puts group normalisation with the same scale and shift in
            its place, whose statistics are each picture's own.
    """

    def __init__(self, cuts: Sequence[Cut], normalisation: Normalisation) -> None:
        super().__init__()
        self.parts = nn.ModuleList([cut.tail for cut in cuts])
        self.shapes = tuple(cut.shape for cut in cuts)
        self.widths = tuple(cut.width for cut in cuts)
        self.specs: tuple[BackboneSpec, ...] = tuple(cut.spec for cut in cuts)
        self.normalisation = normalisation
        if normalisation == "group":
            group_norms(self.parts)

    @classmethod
    def open(
        cls, names: Sequence[str], normalisation: Normalisation, *, filled: bool = True
    ) -> Tails:
        """The tails of cut backbones of the zoo.

        Args:
            names: such as ``mobilefacenet_ms1m_a@17``.
            normalisation: see `Tails`.
            filled: with the published weights; see `open_cut`.

        Raises:
            UsageError: no batch normalisation behind the cuts, and another one is asked for.
            FaceBoneError: see `open_cut`.
        """
        cuts = [open_cut(name, filled=filled) for name in names]
        if normalisation != "frozen" and not any(_norms(cut.tail) for cut in cuts):
            raise UsageError(
                f"there is no batch normalisation behind the cut of {' + '.join(names)}",
                where="normalisation",
                hint="use frozen",
            )
        return cls(cuts, normalisation)

    def train(self, mode: bool = True) -> Self:
        """Into training, where frozen statistics stay frozen, or out of it."""
        super().train(mode)
        if self.normalisation == "frozen":
            for norm in _norms(self):
                norm.eval()
        return self

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """K feature maps of n pictures -> templates of length one, (n, t)."""
        return _joined([way[-1] for way in self._walk(features)])

    def lower(self, rows: Sequence[Matrix], device: str) -> list[Tensor]:
        """Feature maps on a device, as the networks want them, from K matrices of n rows."""
        return [
            _laid_out(lower(torch.from_numpy(matrix).to(device), shape))
            for matrix, shape in zip(rows, self.shapes, strict=True)
        ]

    def embed(self, rows: Sequence[Matrix], device: str) -> Matrix:
        """Templates (n, t) of K matrices (n, d_k); n may be 0."""
        return self.look(rows, device)[0]

    def look(self, rows: Sequence[Matrix], device: str) -> tuple[Matrix, Floats]:
        """Templates, and how the last units of each network answer, batch by batch.

        Returns:
            Templates (n, t), and `inside.SUMMARIES` of `LOOKED_AT` units' rectified outputs, or of
            as many as there are, network by network, (n, 3 H).
        """
        self.eval()
        templates = [np.empty((0, self.width), dtype=np.float32)]
        summaries = [np.empty((0, len(SUMMARIES) * self._looked_at))]
        with torch.inference_mode():
            for begin in range(0, len(rows[0]), ROWS_AT_ONCE):
                batch = [matrix[begin : begin + ROWS_AT_ONCE] for matrix in rows]
                ways = self._walk(self.lower(batch, device))
                templates.append(_joined([way[-1] for way in ways]).cpu().numpy())
                seen = [_summary(one) for way in ways for one in way[-LOOKED_AT:]]
                summaries.append(torch.cat(seen, dim=1).cpu().double().numpy())
        return np.concatenate(templates), np.concatenate(summaries)

    @property
    def width(self) -> int:
        """Length t of a template."""
        return sum(spec.dimension for spec in self.specs)

    @property
    def _looked_at(self) -> int:
        return sum(min(LOOKED_AT, len(list(part.children()))) for part in self.parts)

    def _walk(self, features: Sequence[Tensor]) -> list[list[Tensor]]:
        """What each unit of each network gives."""
        ways = []
        for part, maps in zip(self.parts, features, strict=True):
            way = [maps]
            for unit in part.children():
                way.append(unit(way[-1]))
            ways.append(way[1:])
        return ways

    def place(self, device: str) -> Self:
        """On a device, in the order of numbers in memory that convolutions are quickest with."""
        self.to(device)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """All weights and statistics by name."""
        return {
            _plain(name): tensor.detach().cpu().numpy().copy()
            for name, tensor in self.state_dict().items()
            if not name.endswith(_COUNTER)
        }

    def shapes_of_arrays(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes that `arrays` has."""
        return {
            _plain(name): tuple(tensor.shape)
            for name, tensor in self.state_dict().items()
            if not name.endswith(_COUNTER)
        }

    def fill(self, arrays: dict[str, npt.NDArray[np.float32]]) -> Self:
        """Take back what `arrays` gave; names and shapes are checked."""
        state = self.state_dict()
        if any(tensor.is_meta for tensor in state.values()):
            self.to_empty(device="cpu")
            state = self.state_dict()
        with torch.no_grad():
            for name, tensor in state.items():
                if name.endswith(_COUNTER):
                    tensor.zero_()
                else:
                    tensor.copy_(torch.from_numpy(arrays[_plain(name)]))
        return self


class PictureNorm(nn.GroupNorm):
    """Group normalisation, safe from a fault of PyTorch.

    On the CPU its way back reads beyond the end of memory if the pictures lie with channels last
    and need no gradient, as behind a cut. Channels and places in a row have no such order.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, ..) -> (n, c, ..)."""
        return super().forward(x.flatten(2) if x.ndim > 3 else x).reshape(x.shape)


def group_norms(module: nn.Module) -> None:
    """Put group normalisation with the same scale and shift in the place of batch normalisation.

    References:
        Wu and He, "Group Normalization", 2018.
    """
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            channels = child.num_features
            groups = channels // GROUP if channels % GROUP == 0 else 1
            norm = PictureNorm(groups, channels, eps=child.eps, device=child.weight.device)
            with torch.no_grad():
                norm.weight.copy_(child.weight)
                norm.bias.copy_(child.bias)
            setattr(module, name, norm)
        else:
            group_norms(child)


def _norms(module: nn.Module) -> list[nn.Module]:
    return [one for one in module.modules() if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d)]


def _plain(name: str) -> str:
    """``parts.0.2.weight`` as ``tail_0.2.weight``."""
    return name.replace("parts.", "tail_", 1)


def _joined(embeddings: Sequence[Tensor]) -> Tensor:
    """Embeddings of K networks as one template, whose cosine is the mean of theirs."""
    parts = [functional.normalize(one, dim=1) for one in embeddings]
    return torch.cat(parts, dim=1) / math.sqrt(len(parts))


def _summary(outputs: Tensor) -> Tensor:
    """`inside.SUMMARIES` of one unit's outputs, rectified, (n, 3)."""
    rectified = outputs.flatten(1).relu()
    share = (rectified > 0).to(rectified.dtype).mean(1)
    return torch.stack([rectified.mean(1), rectified.std(1, correction=0), share], dim=1)


def _laid_out(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last) if maps.ndim == 4 else maps
