"""Hashes of weights, computed once a process for each file as it stands."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from facebone.errors import MissingPartError, WeightsError


def file_sha256(path: Path) -> str:
    """The sha256 of a file, as hex digits; a file that was not changed is not read again.

    Raises:
        MissingPartError: there is no such file.
        WeightsError: it cannot be read.
    """
    try:
        facts = path.stat()
        if not path.is_file():
            raise WeightsError("is not a file", where=path)
        return _sha256(str(path.absolute()), facts.st_size, facts.st_mtime_ns)
    except FileNotFoundError as error:
        raise MissingPartError(
            "there is no such file", where=path, hint="check the path"
        ) from error
    except OSError as error:
        raise WeightsError(f"cannot be read: {error.strerror}", where=path) from error


@lru_cache(maxsize=256)
def _sha256(path: str, size: int, mtime_ns: int) -> str:
    # Size and time of change are arguments so that they are part of the cache's key.
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
