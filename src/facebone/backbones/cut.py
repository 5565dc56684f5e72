"""Cut backbones: the first units of a network as a backbone, the others as what can be trained.

``BACKBONE@P`` embeds a picture as the feature maps behind the first P units of a backbone, in rows
that may be scaled; see `homogeneous`. With P = 0 these are the pixels, as the network's preparation
gives them. What is frozen is so computed once a picture, and kept like any other embedding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from facebone.backbones.base import Backbone, BackboneSpec
from facebone.backbones.cut_name import cut_name, parse_cut
from facebone.backbones.homogeneous import lift
from facebone.backbones.onnx_units import read_units
from facebone.backbones.runtimes import ARCHITECTURES, Settings
from facebone.backbones.torch_backend import TorchBackbone, choose_device
from facebone.backbones.views import parse_view
from facebone.backbones.weights import check_hash, load_strictly, network_hash, read_state_dict
from facebone.backbones.zoo import Zoo
from facebone.data.hashes import file_sha256
from facebone.errors import UsageError
from facebone.settings import check_integer


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A network in two parts.

    Args:
        spec: the facts of the whole.
        path: its weights.
        frozen: units before the cut.
        trunk: these units, in evaluation mode.
        tail: the others; pictures through both have the embeddings that the backbone gives them.
        shape: of one picture's feature maps at the cut, such as (128, 7, 7).
    """

    spec: BackboneSpec
    path: Path
    frozen: int
    trunk: nn.Sequential
    tail: nn.Sequential
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """The cut backbone's name."""
        return cut_name(self.spec.name, self.frozen)

    @property
    def width(self) -> int:
        """Length of a row at the cut."""
        return math.prod(self.shape) + 1


def cut_names(names: Sequence[str], blocks: int | Literal["all"]) -> tuple[str, ...]:
    """Names of backbones cut such that the last `blocks` units of each can be trained.

    A name that says its cut already is kept.

    Args:
        names: of the zoo.
        blocks: number of units behind the cut, at least 1; ``all`` for the whole network.

    Raises:
        UsageError: a backbone that cannot be cut, or that has fewer units.
        MissingPartError: its weights are needed to see how it is built, and are not here.
    """
    if blocks != "all":
        check_integer("blocks", blocks, low=1)
    found = []
    for name in names:
        count = None if parse_cut(name) or blocks == "all" else count_units(name)
        if parse_cut(name):
            found.append(name)
        elif count is None or blocks == "all":
            found.append(cut_name(name, 0))
        elif blocks > count:
            raise UsageError(f"{name} has {count} units, got {blocks}", where="blocks")
        else:
            found.append(cut_name(name, count - blocks))
    return tuple(found)


def count_units(name: str) -> int:
    """How many units a backbone of the zoo has.

    Raises:
        UsageError: it cannot be cut.
        MissingPartError: its weights are needed for that, and are not here.
    """
    cut = open_cut(cut_name(name, 0), filled=False)
    return len(cut.tail)


def open_cut(name: str, *, filled: bool = True) -> Cut:
    """A network in two parts, by its name ``BACKBONE@P``.

    Args:
        name: of the cut backbone.
        filled: with the weights; without them a network of a known architecture has its structure
            alone, on PyTorch's device ``meta``, and its file need not be here.

    Raises:
        UsageError: no name of a cut, a cut behind the last unit, or a backbone that cannot be cut.
        UnknownNameError: no such backbone.
        MissingPartError: the weights are not here.
        WeightsError: they are damaged, or others than they were.
    """
    parsed = parse_cut(name)
    if parsed is None:
        raise UsageError(f"must look like BACKBONE@3, got {name!r}", where="cut backbone")
    if parse_view(parsed[0]):
        raise UsageError("a view of a backbone cannot be cut", where=name, hint="leave it out")
    entry = Zoo().find(parsed[0])
    spec, frozen = entry.spec, parsed[1]
    if spec.runtime not in ("torch", "onnx"):
        raise UsageError(
            f"cannot be cut: its runtime {spec.runtime!r} gives no layers to train",
            where=spec.name,
            hint="describe its state dict or its ONNX file with 'facebone backbones add'",
        )
    needed = filled or spec.runtime == "onnx"
    path = entry.require_path() if needed else entry.path or Path()
    # New layers draw random weights, which are overwritten: nobody's random numbers may depend on
    # whether a network was opened.
    with torch.random.fork_rng(devices=[]):
        units = _units(spec, path, filled=filled)
    if frozen >= len(units):
        raise UsageError(f"has {len(units)} units, so there is no cut behind {frozen}", where=name)
    trunk, tail = nn.Sequential(*units[:frozen]).eval(), nn.Sequential(*units[frozen:]).eval()
    return Cut(spec, path, frozen, trunk, tail, _shape(trunk, spec))


def load_cut(name: str, settings: Settings) -> Backbone:
    """The cut backbone ``BACKBONE@P``, which embeds pictures as rows at the cut.

    Raises:
        UsageError, UnknownNameError, MissingPartError, WeightsError: as `open_cut`; the device is
            not there.
    """
    device = choose_device(settings)
    cut = open_cut(name)
    trunk = cut.trunk.requires_grad_(False).to(device)
    trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(pictures: Tensor) -> Tensor:
        return lift(trunk(pictures))

    # Rows depend on what a unit is taken to be, too: the number of units stands for that.
    part = f"{file_sha256(cut.path)}@{cut.frozen}/{cut.frozen + len(cut.tail)}"
    return TorchBackbone(
        replace(cut.spec, name=cut.name, dimension=cut.width),
        embed,
        weights_hash=network_hash(cut.spec, part),
        device=device,
    )


def _units(spec: BackboneSpec, path: Path, *, filled: bool) -> list[nn.Module]:
    if spec.runtime == "onnx":
        _check_file(spec, path)
        return read_units(path)
    with torch.device("cpu" if filled else "meta"):
        network = ARCHITECTURES.get(spec.architecture)(
            spec.architecture, spec.dimension, spec.input_size
        )
    if filled:
        _check_file(spec, path)
        load_strictly(network, read_state_dict(path), where=path)
    units = getattr(network, "units", None)
    if units is None:
        raise UsageError(f"cannot be cut: {spec.architecture} names no units", where=spec.name)
    found: list[nn.Module] = units()
    return found


def _check_file(spec: BackboneSpec, path: Path) -> None:
    if spec.sha256 is not None:
        check_hash(path, spec.sha256)


def _shape(trunk: nn.Sequential, spec: BackboneSpec) -> tuple[int, ...]:
    first = next(trunk.parameters(), None)
    picture = torch.zeros(1, 3, *spec.input_size, device=None if first is None else first.device)
    with torch.no_grad():
        return tuple(trunk(picture).shape[1:])
