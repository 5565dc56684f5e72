"""The same picture on both sides of a split: found by bytes, and by look where bytes differ.

A near-duplicate is another copy of one photograph: compressed anew, resized, brightened, cropped or
turned a little. Three checks of rising cost find them:

1. perceptual hashes that differ in at most 14 of 64 bits;
2. 32x32 thumbnails that correlate by at least 0.7 as they lie;
3. the details of 64x64 thumbnails, what is left of them without slow changes of brightness,
   correlate by at least 0.95 once one is laid over the other.

The limits were set on the 11,684 pictures of LFW, which form 68 million pairs. Fifteen of these
show one photograph twice, once under two names; their details correlate by 0.976 or more. Then
come pictures taken moments apart, 0.927 at most, and pictures of two people, 0.835. Of copies made
of 508 pictures all were found that were compressed to JPEG quality 10, doubled in size or shrunk
to a third, darkened, noisy, or moved by 2 %; 99 % of those brightened by 30 %, cropped by 6 % or
turned by 4 degrees; 96 % of those cropped by 8 %, 81 % by 10 %; 87 % of those blurred by 3
of 250 pixels. Mirrored copies are not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from facebone.data.dataset import Dataset
from facebone.data.fingerprints import (
    FingerprintCache,
    Fingerprints,
    fingerprint_pictures,
    in_threads,
)
from facebone.data.kept_copies import KeptCopies
from facebone.data.likeness import detail_correlation, hash_distances, unit_rows
from facebone.data.pictures import Picture
from facebone.data.sampling import check_positions
from facebone.errors import LeakageError
from facebone.scale.executor import Executor

MAX_HASH_DISTANCE = 14
MIN_CORRELATION = 0.7
MIN_DETAIL_CORRELATION = 0.95

Rows = npt.NDArray[np.intp]

_BLOCK = 2048
_NAMED = 3


@dataclass(frozen=True, slots=True)
class SharedPicture:
    """One picture that stands on both sides.

    Args:
        left: its position on the left side.
        right: position of the same picture, or of a copy of it, on the right side.
        kind: how they were found to be the same.
    """

    left: int
    right: int
    kind: Literal["same picture", "same bytes", "near-duplicate"]


def check_disjoint(
    dataset: Dataset,
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    *,
    near_duplicates: bool = True,
    cache: FingerprintCache | None = None,
) -> None:
    """Make sure that no picture stands on both sides of a split.

    Args:
        dataset: where the positions point to.
        left: positions on one side.
        right: positions on the other.
        near_duplicates: whether to compare by look; without it only bytes are compared.
        cache: pictures fingerprinted before are not decoded again.

    Raises:
        LeakageError: there are such pictures; the error names the first few and their number.
        UsageError: a position is not in the data set.
        DecodeError: a picture cannot be read.
    """
    shared = find_shared(dataset, left, right, near_duplicates=near_duplicates, cache=cache)
    if not shared:
        return
    named = "; ".join(_describe(dataset, item) for item in shared[:_NAMED])
    more = f"; and {len(shared) - _NAMED} more" if len(shared) > _NAMED else ""
    raise LeakageError(
        f"{len(shared)} pictures stand on both sides of the split: {named}{more}",
        where=dataset.name,
        hint="leave one of each out, as 'facebone train --copies drop' does",
    )


def find_shared(
    dataset: Dataset,
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    *,
    near_duplicates: bool = True,
    cache: FingerprintCache | None = None,
    executor: Executor | None = None,
) -> tuple[SharedPicture, ...]:
    """All pictures that stand on both sides; see `check_disjoint` for the errors.

    Args:
        dataset: where the positions point to.
        left: positions on one side.
        right: positions on the other.
        near_duplicates: whether to compare by look; without it only bytes are compared.
        cache: pictures fingerprinted before are not decoded again.
        executor: see `fingerprint_pictures`.

    Returns:
        Each such pair of positions once, in the order of the left side, then the right.
    """
    sides = [check_positions(dataset, side) for side in (left, right)]
    if not len(sides[0]) or not len(sides[1]):
        return ()
    # A picture that stands on both sides is read once.
    union = np.union1d(sides[0], sides[1])
    pictures = [dataset.pictures[i] for i in union]
    left_rows, right_rows = (np.searchsorted(union, side) for side in sides)
    near: list[tuple[int, int]] = []
    if not near_duplicates:
        prints = fingerprint_pictures(pictures, pixels=False)
    elif executor is not None:
        # A cluster reads what this machine alone would take long to read twice.
        prints = fingerprint_pictures(pictures, cache=cache, executor=executor)
        near = near_duplicate_rows(prints, left_rows, right_rows)
    else:
        prints = fingerprint_pictures(pictures, pixels=False)
        near = _recalled(pictures, prints.digests, (left_rows, right_rows), cache)
    found: dict[tuple[int, int], SharedPicture] = {}
    for i, j in _same_bytes(prints, left_rows, right_rows):
        a, b = int(union[i]), int(union[j])
        found[a, b] = SharedPicture(a, b, "same picture" if a == b else "same bytes")
    for i, j in near:
        a, b = int(union[i]), int(union[j])
        found.setdefault((a, b), SharedPicture(a, b, "near-duplicate"))
    return tuple(found[key] for key in sorted(found))


def _recalled(
    pictures: Sequence[Picture],
    digests: Sequence[bytes],
    sides: tuple[Rows, Rows],
    cache: FingerprintCache | None,
) -> list[tuple[int, int]]:
    """`near_duplicate_rows` of pictures, as an earlier command found them if one did."""
    kept = KeptCopies(digests, *sides, method=_method())
    near = kept.recall()
    if near is None:
        near = near_duplicate_rows(fingerprint_pictures(pictures, cache=cache), *sides)
        kept.keep(near)
    return near


def _method() -> str:
    """What decides who is a copy: limits, and who decodes."""
    import cv2

    limits = (MAX_HASH_DISTANCE, MIN_CORRELATION, MIN_DETAIL_CORRELATION)
    return f"near-duplicates 1 {limits} OpenCV {cv2.__version__}"


def near_duplicate_rows(prints: Fingerprints, left: Rows, right: Rows) -> list[tuple[int, int]]:
    """Rows of `prints`, one of `left` and one of `right`, that look alike but are not the same."""
    left, right = left[prints.decoded[left]], right[prints.decoded[right]]
    itself = np.array_equal(left, right)
    candidates = [
        (int(left[i]), int(right[j]))
        for i, j in _alike(prints, left, right, once=itself)
        if prints.digests[left[i]] != prints.digests[right[j]]
    ]

    def is_copy(pair: tuple[int, int]) -> bool:
        # In the order of their digests, so that swapping the sides changes nothing.
        first, second = sorted(pair, key=prints.digests.__getitem__)
        return (
            detail_correlation(prints.thumbnails[first], prints.thumbnails[second])
            >= MIN_DETAIL_CORRELATION
        )

    verdicts = in_threads(is_copy, candidates)
    found = [pair for pair, verdict in zip(candidates, verdicts, strict=True) if verdict]
    return [*found, *((right, left) for left, right in found)] if itself else found


def _same_bytes(prints: Fingerprints, left: Rows, right: Rows) -> Iterator[tuple[int, int]]:
    holders: dict[bytes, list[int]] = {}
    for row in right:
        holders.setdefault(prints.digests[row], []).append(int(row))
    for row in left:
        for other in holders.get(prints.digests[row], ()):
            yield int(row), other


def _alike(
    prints: Fingerprints, left: Rows, right: Rows, *, once: bool
) -> Iterator[tuple[int, int]]:
    """Places in `left` and `right` whose hashes are near and whose thumbnails correlate.

    With `once` both sides are the same, and only the smaller place is looked for on the left.
    """
    for start in range(0, len(left), _BLOCK):
        for other in range(start if once else 0, len(right), _BLOCK):
            a, b = left[start : start + _BLOCK], right[other : other + _BLOCK]
            near = hash_distances(prints.hashes[a], prints.hashes[b]) <= MAX_HASH_DISTANCE
            if once and start == other:
                near = np.triu(near, k=1)
            rows, columns = np.nonzero(near)
            if len(rows) == 0:
                continue
            used_a, rows_a = np.unique(rows, return_inverse=True)
            used_b, rows_b = np.unique(columns, return_inverse=True)
            flat_a, flat_b = (
                unit_rows(prints.thumbnails[a[used_a]]),
                unit_rows(prints.thumbnails[b[used_b]]),
            )
            for first in range(0, len(rows), _BLOCK):
                part = slice(first, first + _BLOCK)
                value = np.einsum("nd,nd->n", flat_a[rows_a[part]], flat_b[rows_b[part]])
                for k in first + np.flatnonzero(value >= MIN_CORRELATION):
                    yield start + int(rows[k]), other + int(columns[k])


def _describe(dataset: Dataset, shared: SharedPicture) -> str:
    a, b = (dataset.pictures[i].source.location for i in (shared.left, shared.right))
    return (
        f"{a} (the same picture)" if shared.left == shared.right else f"{a} and {b} ({shared.kind})"
    )
