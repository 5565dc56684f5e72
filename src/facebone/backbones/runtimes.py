"""Names of runtimes and architectures; what they stand for is imported on first use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facebone.backbones.base import Backbone, BackboneSpec
from facebone.plugin_checks import called_with
from facebone.registry import Registry

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Settings:
    """How a backbone runs.

    Args:
        device: ``auto`` (a GPU where the runtime finds one, else the CPU), ``cpu``, ``cuda``,
            ``cuda:1`` and so on, or ``mps``.
        threads: threads inside one call, or None for what suits the runtime.
        trust: whether to load formats that can run any code on this machine.
    """

    device: str = "auto"
    threads: int | None = None
    trust: bool = False


Loader = Callable[[BackboneSpec, Path, Settings], Backbone]
"""Loads the weights at a path as the spec describes them. The path exists and its hash is right.

Raises:
    WeightsError: the file is damaged, unsafe, or does not fit the spec.
    MissingPartError: the runtime's package is not installed.
    UsageError: the device is not there, or trust is needed.
"""

RUNTIMES: Registry[Loader] = Registry(
    "runtime", group="facebone.runtimes", check=called_with("spec", "path", "settings")
)
RUNTIMES.add("onnx", "facebone.backbones.onnx_backend:load")
RUNTIMES.add("torch", "facebone.backbones.torch_backend:load")
RUNTIMES.add("exported", "facebone.backbones.exported:load")
RUNTIMES.add("torchscript", "facebone.backbones.torchscript:load")
RUNTIMES.add("dlib", "facebone.backbones.dlib_backend:load")

Architecture = Callable[[str, int, tuple[int, int]], "nn.Module"]
"""Builds a network from its name, the length of an embedding and the (height, width) of a face."""

ARCHITECTURES: Registry[Architecture] = Registry("architecture")
"""Networks that the runtime ``torch`` can build; the other runtimes bring their own graph."""

for _name in ("iresnet18", "iresnet34", "iresnet50", "iresnet100", "iresnet200"):
    ARCHITECTURES.add(_name, "facebone.backbones.iresnet:build")
ARCHITECTURES.add("mobilefacenet", "facebone.backbones.mobilefacenet:build")

SUFFIXES = {
    ".onnx": "onnx",
    ".safetensors": "torch",
    ".pt": "torch",
    ".pth": "torch",
    ".pt2": "exported",
    ".torchscript": "torchscript",
    ".dat": "dlib",
}
"""The runtime a file name suggests, where a user does not say."""
