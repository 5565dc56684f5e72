"""Results of jobs by key: in a folder, or in an object store that many machines share."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
import numpy.typing as npt

from facebone.errors import StorageError
from facebone.files import new_folder, storage_errors
from facebone.scale.shelves import Place, Shelf, as_folder, join, open_shelf

Arrays = Mapping[str, npt.NDArray[Any]]

VALUES_FILE, SUMS_FILE = "values.json", "SHA256SUMS"

_OBJECT = ".zip"
_ARRAY_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a job found.

    Args:
        values: JSON-able, all numbers finite.
        arrays: by names that may be file names; no objects.
        seconds: the job took; filled in when it is stored.
    """

    values: Mapping[str, Any]
    arrays: Arrays = field(default_factory=dict)
    seconds: float = 0.0


class JobStore:
    """Results of jobs by key, each whole or absent. See `bind`, `open_shared`.

    Args:
        place: a folder, or the URL of one.

    Raises:
        MissingPartError, UsageError: no such kind of store.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        folder = as_folder(place)
        self._kept: _Folders | _Objects
        self._kept = _Objects(open_shelf(place)) if folder is None else _Folders(folder)
        # Checked once a process: nobody changes what is there. Goes along to worker processes.
        self._sound: set[str] = set()

    def has(self, key: str) -> bool:
        """Whether a result is there, whole and unchanged; one that is not sound is removed."""
        if key not in self._sound and self._kept.has(key):
            self._sound.add(key)
        return key in self._sound

    def load(self, key: str) -> Result:
        """A result that is there.

        Raises:
            StorageError: it is not, or it was changed by others since it was found sound.
        """
        try:
            return self._kept.load(key)
        except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
            raise StorageError(
                f"cannot be read any more: {error}",
                where=join(self.place, key),
                hint="run the same command again",
            ) from error

    def save(self, key: str, result: Result) -> None:
        """Keep a result; it appears whole or not at all.

        One that another process has kept under the key meanwhile stays: others may be reading it.

        Raises:
            StorageError: the disk is full or read-only.
            TypeError, ValueError: values that JSON cannot hold, or arrays of objects.
        """
        if self.has(key):
            return
        stored = {"seconds": result.seconds, "values": dict(result.values)}
        text = json.dumps(stored, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
        for name in result.arrays:
            if not _ARRAY_NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot name an array")
        try:
            self._kept.save(key, text, result.arrays)
        except StorageError:
            # Two that end at the same moment cannot both take the name.
            if not self.has(key):
                raise
        self._sound.add(key)


class _Folders:
    """Each result a folder of files that people can look into, with a list of checksums."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, key: str) -> bool:
        path = self._folder / key
        if not path.is_dir():
            return False
        if _is_sound(path):
            return True
        with storage_errors(path):
            shutil.rmtree(path)
        return False

    def load(self, key: str) -> Result:
        path = self._folder / key
        stored = json.loads((path / VALUES_FILE).read_text("utf-8"))
        arrays = {
            file.stem: np.load(file, allow_pickle=False) for file in sorted(path.glob("*.npy"))
        }
        return Result(stored["values"], arrays, stored["seconds"])

    def save(self, key: str, text: str, arrays: Arrays) -> None:
        with new_folder(self._folder / key) as part:
            (part / VALUES_FILE).write_text(text, "utf-8")
            for name, array in arrays.items():
                np.save(part / f"{name}.npy", array, allow_pickle=False)
            sums = [f"{_sha256(file)}  {file.name}\n" for file in sorted(part.iterdir())]
            (part / SUMS_FILE).write_text("".join(sums), "utf-8")


class _Objects:
    """Each result one object, which is put whole: a zip archive of the same files.

    The archive has a checksum of each; they are compared when it is read, since to read all results
    only to know that they are there would move them over the network at every start.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def has(self, key: str) -> bool:
        return self._shelf.has(key + _OBJECT)

    def load(self, key: str) -> Result:
        content = self._shelf.read(key + _OBJECT)
        try:
            with ZipFile(io.BytesIO(content)) as archive:
                stored = json.loads(archive.read(VALUES_FILE))
                arrays = {
                    name.removesuffix(".npy"): np.load(
                        io.BytesIO(archive.read(name)), allow_pickle=False
                    )
                    for name in sorted(archive.namelist())
                    if name.endswith(".npy")
                }
            return Result(stored["values"], arrays, stored["seconds"])
        except (ValueError, EOFError, KeyError, BadZipFile):
            self._shelf.remove(key + _OBJECT)  # the next run makes it again
            raise

    def save(self, key: str, text: str, arrays: Arrays) -> None:
        packed = io.BytesIO()
        with ZipFile(packed, "w") as archive:
            archive.writestr(ZipInfo(VALUES_FILE), text)
            for name, array in arrays.items():
                content = io.BytesIO()
                np.save(content, array, allow_pickle=False)
                archive.writestr(ZipInfo(f"{name}.npy"), content.getbuffer())
        self._shelf.write(key + _OBJECT, packed.getvalue())


def _is_sound(path: Path) -> bool:
    """Whether the files of a result are those, and as, its list of checksums says."""
    try:
        lines = (path / SUMS_FILE).read_text("utf-8").splitlines()
        listed = dict(line.split("  ", 1)[::-1] for line in lines)
        found = {file.name: _sha256(file) for file in path.iterdir() if file.name != SUMS_FILE}
    except (OSError, ValueError):
        return False
    return listed == found and VALUES_FILE in found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
