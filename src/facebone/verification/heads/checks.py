"""What heads refuse: labels or embeddings that do not do, and devices."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs

Labels = npt.NDArray[np.bool_]


def check_finite(pairs: EmbeddedPairs, *, where: str) -> None:
    """Refuse embeddings that hold NaN or infinity.

    Raises:
        UsageError: they do.
    """
    lengths = () if pairs.lengths is None else (pairs.lengths[:, 0], pairs.lengths[:, 1])
    for matrix in (*pairs.left, *pairs.right, *lengths):
        if not np.isfinite(matrix).all():
            row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
            raise UsageError(
                f"the embeddings of pair {row} are not finite",
                where=where,
                hint="leave out pairs whose pictures could not be embedded",
            )


def check_labels(pairs: EmbeddedPairs, same: Labels, *, where: str) -> None:
    """Refuse labels that do not fit the pairs; labels of one class, or none, will do.

    Raises:
        UsageError: wrong shape or type.
    """
    if same.shape != (len(pairs),) or same.dtype != np.bool_:
        raise UsageError(
            f"labels must be bool of shape ({len(pairs)},), got {same.dtype} of {same.shape}",
            where=where,
        )


def check_labelled(pairs: EmbeddedPairs, same: Labels, *, where: str) -> None:
    """Refuse labels that do not fit the pairs.

    Raises:
        UsageError: wrong shape or type, one class only, or embeddings that are not finite.
    """
    check_labels(pairs, same, where=where)
    if same.all() or not same.any():
        got = "no pair" if not len(same) else f"only {'matched' if same[0] else 'mismatched'} pairs"
        raise UsageError(f"needs matched and mismatched pairs, got {got}", where=where)
    check_finite(pairs, where=where)


def check_validation(
    pairs: EmbeddedPairs, same: Labels, dimensions: tuple[int, ...], *, where: str
) -> None:
    """Refuse what a head cannot be validated on whose training has these dimensions.

    Raises:
        UsageError: as `check_labelled`, or embeddings of other widths.
    """
    check_labelled(pairs, same, where=where)
    if pairs.dimensions != dimensions:
        raise UsageError(
            f"embeddings of width {pairs.dimensions}, training has {dimensions}", where=where
        )


def check_device(device: str) -> None:
    """Refuse a device that nothing can be trained on by the hand-made steps.

    Raises:
        UsageError: it is neither the CPU nor CUDA, or there is no CUDA device.
    """
    import torch

    if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
        raise UsageError(f"must be cpu, cuda or cuda:N, got {device!r}", where="device")
    if device != "cpu" and not torch.cuda.is_available():
        raise UsageError("no CUDA device is at hand", where="device", hint="use cpu")
