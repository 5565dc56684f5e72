"""Writing without halves: a file or folder appears under its name whole, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facebone.errors import StorageError

_ADVICE = {
    errno.ENOSPC: ("the disk is full", "free some space and run the same command again"),
    errno.EDQUOT: ("the disk quota is used up", "free some space and run the same command again"),
    errno.EROFS: ("the file system is read-only", "name a folder that can be written"),
    errno.EACCES: ("no permission to write", "name a folder that can be written"),
    errno.EPERM: ("no permission to write", "name a folder that can be written"),
    errno.ENOTDIR: ("a part of this path is a file", "name another folder"),
    errno.EEXIST: ("something is already there", "name another folder or remove it"),
}


@contextmanager
def storage_errors(where: Path) -> Iterator[None]:
    """Turn any `OSError` of the block into a `StorageError` about `where`."""
    try:
        yield
    except OSError as error:
        what, hint = _ADVICE.get(error.errno or 0, (f"cannot be written: {error.strerror}", ""))
        raise StorageError(what, where=where, hint=hint or None) from error


def temporary_sibling(path: Path) -> Path:
    """A hidden name beside `path`, on the same file system, that no other process uses."""
    return path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part")


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path; what is written there becomes `path` if the block succeeds.

    Raises:
        StorageError: the disk is full or read-only; nothing is left behind.
    """
    part = temporary_sibling(path)
    with storage_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield part
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder; it becomes `path` if the block succeeds.

    A folder that is already at `path` is replaced: callers check first what it holds.

    Raises:
        StorageError: the disk is full or read-only; nothing is left behind.
    """
    part = temporary_sibling(path)
    with storage_errors(path):
        try:
            part.mkdir(parents=True)
            yield part
            if path.is_dir():
                old = temporary_sibling(path)
                os.replace(path, old)
                os.replace(part, path)
                shutil.rmtree(old, ignore_errors=True)
            else:
                os.replace(part, path)
        finally:
            shutil.rmtree(part, ignore_errors=True)
