"""Backbones that a user exported with `torch.export`, in ``.pt2`` files."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from facebone.backbones.base import Backbone, BackboneSpec
from facebone.backbones.exported_check import safe_copy
from facebone.backbones.runtimes import Settings
from facebone.backbones.torch_backend import TorchBackbone, choose_device
from facebone.backbones.weights import network_hash
from facebone.data.hashes import file_sha256
from facebone.errors import WeightsError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

# The loader has no error class of its own: a file of another version fails wherever it happens to.
_LOADER_ERRORS = (
    RuntimeError,
    ValueError,
    LookupError,
    AssertionError,
    AttributeError,
    TypeError,
    EOFError,
    zipfile.BadZipFile,
)

_LOADER_LOGGERS = (
    "torch.export",
    "torch.export.pt2_archive._package",
    "torch._export.serde.serialize",
)


def load(spec: BackboneSpec, path: Path, settings: Settings) -> Backbone:
    """The loader of the runtime ``exported``.

    Raises:
        WeightsError: the file is damaged or unsafe, or its input does not fit the spec.
        UsageError: the device is not there.
    """
    device = choose_device(settings)
    source = _read(path) if settings.trust else safe_copy(path)
    try:
        with _quiet_loader():
            program = torch.export.load(source)
            if device.type != "cpu":
                from torch.export.passes import move_to_device_pass

                program = move_to_device_pass(program, device)
            network = program.module()
    except _LOADER_ERRORS as error:
        raise WeightsError(
            f"is not a program that PyTorch {torch.__version__} reads",
            where=path,
            hint="export it anew with this version",
        ) from error
    fixed_batch = _check_input(program, spec, path)
    return TorchBackbone(
        spec,
        network,
        weights_hash=network_hash(spec, file_sha256(path)),
        device=device,
        fixed_batch=fixed_batch,
    )


def _read(path: Path) -> io.BytesIO:
    try:
        return io.BytesIO(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"cannot be read: {error.strerror}", where=path) from error


def _check_input(program: ExportedProgram, spec: BackboneSpec, path: Path) -> int | None:
    """The batch size if the program was exported for exactly one, else None."""
    names = set(program.graph_signature.user_inputs)
    shapes = [
        tuple(node.meta["val"].shape)
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in names
    ]
    wanted = (3, *spec.input_size)
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][1:] != wanted:
        raise WeightsError(
            f"takes {shapes}, its spec says one input of (n, {wanted[0]}, {wanted[1]}, "
            f"{wanted[2]})",
            where=path,
            hint="correct the input size with 'facebone backbones add'",
        )
    batch = shapes[0][0]
    return batch if isinstance(batch, int) else None


@contextmanager
def _quiet_loader() -> Iterator[None]:
    """Keep the loader from logging the tracebacks that we turn into one line."""
    loggers = [logging.getLogger(name) for name in _LOADER_LOGGERS]
    before = [logger.disabled for logger in loggers]
    try:
        for logger in loggers:
            logger.disabled = True
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
