"""TorchScript files, only for those who trust them: loading one can run any code."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from facebone.backbones.base import Backbone, BackboneSpec
from facebone.backbones.runtimes import Settings
from facebone.backbones.torch_backend import TorchBackbone, choose_device
from facebone.backbones.weights import network_hash
from facebone.data.hashes import file_sha256
from facebone.errors import UsageError, WeightsError


def load(spec: BackboneSpec, path: Path, settings: Settings) -> Backbone:
    """The loader of the runtime ``torchscript``.

    Raises:
        UsageError: trust was not given, or the device is not there.
        WeightsError: the file is no TorchScript program.
    """
    if not settings.trust:
        raise UsageError(
            "TorchScript is a program: whoever made the file can run any code on this machine",
            where=path,
            hint="give --trust if you trust its maker, or ask for an ONNX file",
        )
    device = choose_device(settings)
    try:
        with warnings.catch_warnings():
            # Newer PyTorch calls TorchScript deprecated at every load; the user knows by now.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            program = torch.jit.load(path, map_location=device)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, OSError) as error:
        raise WeightsError(
            "is not a readable TorchScript program", where=path, hint="get it again"
        ) from error
    return TorchBackbone(
        spec,
        program.eval(),
        weights_hash=network_hash(spec, file_sha256(path)),
        device=device,
    )
