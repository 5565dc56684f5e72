"""Getting published weights: resumed where they broke off, checked, and never kept if wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import requests

from facebone.backbones.specs import PUBLISHED_SPECS, YUNET_FILE
from facebone.backbones.weights import check_hash
from facebone.backbones.zoo import weights_folder
from facebone.errors import HashMismatchError, MissingPartError, UnknownNameError, UsageError
from facebone.files import storage_errors
from facebone.progress import ProgressFactory, SilentProgress

_BLOCK = 1 << 16
_TIMEOUT = (10, 30)
"""Seconds to connect, and to wait for the next bytes."""

_PARTIAL = 206
_RANGE_NOT_SATISFIABLE = 416


class Pullable(Protocol):
    """What `pull` needs to know: a `BackboneSpec` or a `PublishedFile`."""

    @property
    def name(self) -> str:
        """What the user calls it."""
        ...

    @property
    def filename(self) -> str | None:
        """Its name on disk."""
        ...

    @property
    def url(self) -> str | None:
        """Where it is published."""
        ...

    @property
    def sha256(self) -> str | None:
        """Full or leading hex digits of its hash."""
        ...

    @property
    def licence(self) -> str:
        """What its publisher allows."""
        ...

    @property
    def commercial(self) -> bool | None:
        """Whether that includes commercial use; None where it is not known."""
        ...


def pullable() -> dict[str, Pullable]:
    """Everything that `pull` can get, by name."""
    parts: tuple[Pullable, ...] = (*PUBLISHED_SPECS, YUNET_FILE)
    return {part.name: part for part in parts}


def find_pullable(name: str) -> Pullable:
    """What is published under `name`.

    Raises:
        UnknownNameError: nothing is.
    """
    known = pullable()
    if name not in known:
        raise UnknownNameError("published file", name, known)
    return known[name]


def pull(part: Pullable, *, progress: ProgressFactory = SilentProgress) -> Path:
    """Get a published file into the folder of weights, unless it is there already.

    What arrived before a connection broke is kept beside it under ``.part`` and continued by the
    next pull. The file gets its name only when its hash is right.

    Args:
        part: what to get.
        progress: told the bytes that arrive.

    Returns:
        Where the file is.

    Raises:
        UsageError: nothing is published for it.
        HashMismatchError: another file arrived, or one of the name lies there; what arrived is
            deleted.
        MissingPartError: the server is not there, or the connection broke.
        StorageError: the disk is full; what arrived stays for the next pull.
    """
    if part.url is None or part.filename is None or part.sha256 is None:
        raise UsageError(
            "has no published file", where=part.name, hint=f"known: {', '.join(pullable())}"
        )
    path = weights_folder() / part.filename
    if path.is_file():
        _check(path, part.sha256, hint="remove it and pull again")
        return path
    unfinished = path.with_name(path.name + ".part")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _download(part.url, unfinished, progress, label=f"pulling {part.name}")
    except requests.RequestException as error:
        raise _failed(part.url, error, unfinished) from error
    try:
        _check(
            unfinished,
            part.sha256,
            hint="nothing was kept; try later, or get the file elsewhere and describe it with "
            "'facebone backbones add'",
        )
    except HashMismatchError:
        unfinished.unlink()
        raise
    with storage_errors(path):
        unfinished.replace(path)
    return path


def _check(path: Path, sha256: str, *, hint: str) -> None:
    try:
        check_hash(path, sha256)
    except HashMismatchError as error:
        raise HashMismatchError(
            error.what.replace("its description", "the publisher"), where=path, hint=hint
        ) from error


def _download(url: str, path: Path, progress: ProgressFactory, *, label: str) -> None:
    """Append to `path` what is missing of it."""
    have = path.stat().st_size if path.exists() else 0
    # Compressed transfer would make the bytes on the wire others than those of the file.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if have and response.status_code == _RANGE_NOT_SATISFIABLE:
            # Nothing is left to get: the last pull ended between the last byte and the check.
            return
        response.raise_for_status()
        continues = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if response.status_code != _PARTIAL or not continues:
            # The server does not do ranges and sends the whole file: begin anew.
            have = 0
        length = int(response.headers.get("Content-Length") or 0)
        with progress(label, have + length) as told, _opened(path, append=have > 0) as file:
            told.advance(have)
            for block in response.iter_content(_BLOCK):
                # Only the write: an error of requests is an OSError too, and no fault of the disk.
                with storage_errors(path):
                    file.write(block)
                told.advance(len(block))


@contextmanager
def _opened(path: Path, *, append: bool) -> Iterator[BinaryIO]:
    with storage_errors(path):
        # Unbuffered, so that a full disk is met by the write and not by the closing.
        file = path.open("ab" if append else "wb", buffering=0)
    try:
        yield file
    finally:
        file.close()


def _failed(url: str, error: requests.RequestException, unfinished: Path) -> MissingPartError:
    response = error.response
    if response is not None:
        return MissingPartError(
            f"the server answered {response.status_code} {response.reason}",
            where=url,
            hint="get the file elsewhere and describe it with 'facebone backbones add'",
        )
    kept = unfinished.stat().st_size if unfinished.exists() else 0
    if kept:
        return MissingPartError(
            f"the connection broke; {kept / 1e6:.1f} MB are kept",
            where=url,
            hint="run the same command again to go on from there",
        )
    return MissingPartError(
        "cannot be reached", where=url, hint="check the connection and run the same command again"
    )
