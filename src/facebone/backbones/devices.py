"""Which device PyTorch runs on."""

from __future__ import annotations

from facebone.errors import UsageError


def resolve_torch_device(wanted: str) -> str:
    """The device asked for, checked, or the best there is.

    Args:
        wanted: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        UsageError: PyTorch does not know the device, or it is not there.
    """
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
