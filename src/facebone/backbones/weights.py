"""Weights files: their hashes, and state dicts that load without running anything."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from facebone.backbones.base import BackboneSpec
from facebone.data.hashes import file_sha256
from facebone.errors import HashMismatchError, UsageError, WeightsError

if TYPE_CHECKING:
    import torch
    from torch import nn

_SHOWN = 3
"""How many wrong keys an error lists of each kind: enough to recognise the architecture."""

MIN_HASH_DIGITS = 8
"""Published file names carry this many leading hex digits; fewer would guard against nothing."""


def check_hash(path: Path, expected: str) -> str:
    """Return the file's sha256 if `expected`, its full or leading hex digits, agrees.

    Raises:
        HashMismatchError: it does not.
        UsageError: `expected` is too short, or not hexadecimal.
    """
    wanted = expected.lower()
    if not MIN_HASH_DIGITS <= len(wanted) <= 64 or set(wanted) - set("0123456789abcdef"):
        raise UsageError(
            f"must be {MIN_HASH_DIGITS} to 64 hexadecimal digits, got {expected!r}", where="sha256"
        )
    actual = file_sha256(path)
    if not actual.startswith(wanted):
        raise HashMismatchError(
            f"sha256 is {actual[: len(wanted)]}, its description says {wanted}",
            where=path,
            hint="the file is damaged or another one: get it again, or describe it anew with "
            "'facebone backbones add'",
        )
    return actual


def network_hash(spec: BackboneSpec, file_hash: str) -> str:
    """A hash of everything that decides the embeddings of an aligned face.

    The same file described with another mean or colour order gives other embeddings, so the
    file's hash alone must not name them in a store.
    """
    facts = (file_hash, spec.runtime, spec.architecture, spec.input_size, spec.colour)
    numbers = (tuple(map(float, spec.mean)), tuple(map(float, spec.std)))
    return hashlib.sha256(repr((facts, numbers)).encode()).hexdigest()


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict from a safetensors file, or from a torch file without running code.

    A dict wrapped in ``{"state_dict": ...}`` and the prefix ``module.`` of data-parallel training
    are unwrapped.

    Raises:
        WeightsError: the file is damaged, holds something else, or needs code to load.
    """
    state = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    wrapped = state.get("state_dict") if isinstance(state, Mapping) else None
    if isinstance(wrapped, Mapping):
        state = wrapped
    if not isinstance(state, Mapping) or not state:
        raise WeightsError(
            f"holds a {type(state).__name__}, not a state dict", where=path, hint=_SAVE_HINT
        )
    import torch

    prefix = "module." if all(str(key).startswith("module.") for key in state) else ""
    tensors: dict[str, torch.Tensor] = {}
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            raise WeightsError(
                f"entry {key!r} is a {type(value).__name__}, not a tensor",
                where=path,
                hint=_SAVE_HINT,
            )
        tensors[key.removeprefix(prefix)] = value
    return tensors


_SAVE_HINT = "save the network's state_dict() alone"


def _read_safetensors(path: Path) -> object:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"is not a readable safetensors file: {error}", where=path, hint="get it again"
        ) from error


def _read_torch(path: Path) -> object:
    import torch

    try:
        with warnings.catch_warnings():
            # About pickle protocols it may not know: then it fails, and that is told below.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # One exception stands for both cases; only the message tells a refused global from bytes
        # that are no pickle at all.
        if "Unsupported" in str(error) or "global" in str(error).lower():
            raise WeightsError(
                "unsafe: loading it would run code that the file brings",
                where=path,
                hint="ask for a safetensors file, or a torch file of a plain state dict",
            ) from error
        raise _damaged(path, error) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> WeightsError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return WeightsError(
        f"is not a readable torch file: {reason[:160]}", where=path, hint="get it again"
    )


def load_strictly(network: nn.Module, state: Mapping[str, torch.Tensor], *, where: Path) -> None:
    """Fill a network with a state dict: same names, same shapes, nothing left over.

    Only the counters ``num_batches_tracked`` may be absent: they take no part in inference, and
    files from before they existed lack them.

    Raises:
        WeightsError: the state dict is of another architecture; the first wrong keys are listed.
    """
    wanted = network.state_dict()
    missing = [
        key for key in wanted if key not in state and not key.endswith("num_batches_tracked")
    ]
    unexpected = [key for key in state if key not in wanted]
    misshaped = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(tensor.shape)}"
        for key, tensor in wanted.items()
        if key in state and state[key].shape != tensor.shape
    ]
    faults = [
        f"{len(keys)} {kind} ({', '.join(keys[:_SHOWN])}{', ..' if len(keys) > _SHOWN else ''})"
        for kind, keys in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", misshaped),
        )
        if keys
    ]
    if faults:
        raise WeightsError(
            f"is not a {type(network).__name__} as described: {'; '.join(faults)}",
            where=where,
            hint="correct the architecture with 'facebone backbones add'",
        )
    network.load_state_dict(dict(state), strict=True)
