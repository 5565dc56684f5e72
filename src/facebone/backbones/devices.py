"""Which device PyTorch runs on."""

from __future__ import annotations

import sys
from pathlib import Path

from facebone.errors import UsageError

_NODES = ("nvidia*", "nvhost*", "nvgpu*", "kfd", "dxg")
"""In ``/dev``, of graphics cards."""

_MAKERS = ("0x10de", "0x1002")
"""NVIDIA and AMD on the bus."""


def resolve_torch_device(wanted: str) -> str:
    """The device asked for, checked, or the best there is.

    Args:
        wanted: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        UsageError: PyTorch does not know the device, or it is not there.
    """
    # PyTorch takes seconds to load, and half of the commands need nothing else of it.
    if wanted == "cpu" or (wanted == "auto" and not _may_have_card()):
        return "cpu"
    import torch

    if wanted == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise UsageError(
            f"must be auto, cpu, cuda, cuda:1 or mps, got {wanted!r}", where="device"
        ) from error
    here = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not here.get(device.type, False):
        raise UsageError(
            f"PyTorch finds no {wanted} here", where="device", hint="ask for --device cpu"
        )
    return wanted


def _may_have_card(root: Path = Path("/")) -> bool:
    """Whether a graphics card may be here: by its device, or its maker's number on the bus.

    Only on Linux it can be told without asking a driver.
    """
    if not sys.platform.startswith("linux"):
        return True
    if any(next((root / "dev").glob(name), None) for name in _NODES):
        return True
    for vendor in (root / "sys/bus/pci/devices").glob("*/vendor"):
        try:
            if vendor.read_text("ascii").strip() in _MAKERS:
                return True
        except OSError:
            continue
    return False
