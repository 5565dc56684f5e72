"""The folder of an audit: kept for that audit alone, each result of a job in it whole or absent."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.errors import StorageError, UsageError
from facebone.files import new_file, new_folder, storage_errors

PLAN_FILE, LOCK_FILE, JOBS_FOLDER = "plan.json", ".lock", "jobs"
VALUES_FILE, SUMS_FILE = "values.json", "SHA256SUMS"

STALE = 3600.0
"""Seconds after which nobody is still writing a result."""

_ARRAY_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# What `files.temporary_sibling` makes.
_LEFTOVER = re.compile(r"\..+\.\d+-[0-9a-f]{8}\.part")


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a job found.

    Args:
        values: JSON-able, all numbers finite.
        arrays: by names that may be file names; no objects.
        seconds: the job took; filled in when it is stored.
    """

    values: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    seconds: float = 0.0


class JobStore:
    """Results of jobs by key, a folder each, with a list of checksums. See `bind`, `open_shared`.

    Args:
        folder: of the results.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Checked once a process: nobody changes what is there. Goes along to worker processes.
        self._sound: set[str] = set()

    def has(self, key: str) -> bool:
        """Whether a result is there, whole and unchanged; one that is not sound is removed."""
        if key in self._sound:
            return True
        path = self.folder / key
        if not path.is_dir():
            return False
        if not _is_sound(path):
            with storage_errors(path):
                shutil.rmtree(path)
            return False
        self._sound.add(key)
        return True

    def load(self, key: str) -> Result:
        """A result that is there.

        Raises:
            StorageError: it is not, or it was changed by others since it was found sound.
        """
        path = self.folder / key
        try:
            stored = json.loads((path / VALUES_FILE).read_text("utf-8"))
            arrays = {
                file.stem: np.load(file, allow_pickle=False) for file in sorted(path.glob("*.npy"))
            }
            return Result(stored["values"], arrays, stored["seconds"])
        except (OSError, ValueError, EOFError, KeyError) as error:
            raise StorageError(
                f"cannot be read any more: {error}", where=path, hint="run the same command again"
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
        text = json.dumps(stored, ensure_ascii=False, allow_nan=False, indent=1)
        try:
            with new_folder(self.folder / key) as part:
                (part / VALUES_FILE).write_text(text + "\n", "utf-8")
                for name, array in result.arrays.items():
                    if not _ARRAY_NAME.fullmatch(name):
                        raise ValueError(f"{name!r} cannot name an array")
                    np.save(part / f"{name}.npy", array, allow_pickle=False)
                sums = [f"{_sha256(file)}  {file.name}\n" for file in sorted(part.iterdir())]
                (part / SUMS_FILE).write_text("".join(sums), "utf-8")
        except StorageError:
            # Two that end at the same moment cannot both take the name.
            if not self.has(key):
                raise
        self._sound.add(key)


def open_shared(folder: Path) -> JobStore:
    """A store that several audits use at the same time.

    What runs that were killed did not finish writing is removed after an hour: until then somebody
    may be writing it.

    Raises:
        StorageError: it cannot be written.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder, age=STALE)
    return JobStore(folder)


@contextmanager
def bind(folder: Path, identity: Mapping[str, Any]) -> Iterator[JobStore]:
    """Keep `folder` for one audit, and for this process alone while the block runs.

    What a killed run left half-written is removed.

    Args:
        folder: made where it is missing.
        identity: JSON-able; what makes this audit another than others.

    Raises:
        UsageError: the folder holds another audit or something else, or another process is at work
            in it.
        StorageError: it cannot be written.
    """
    wanted = json.loads(json.dumps(dict(identity), allow_nan=False))
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    # Before anything is written: what is not ours stays as it is.
    _check_identity(folder, wanted)
    with _alone(folder):
        # Again: another process may have been first.
        if not _check_identity(folder, wanted):
            with new_file(folder / PLAN_FILE) as part:
                part.write_text(json.dumps({"identity": wanted}, indent=2) + "\n", "utf-8")
        jobs = folder / JOBS_FOLDER
        with storage_errors(jobs):
            jobs.mkdir(exist_ok=True)
        for place in (folder, jobs):
            _remove_leftovers(place)
        yield JobStore(jobs)


def _check_identity(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether the folder holds this audit; false where it is empty.

    Raises:
        UsageError: it holds something else.
    """
    path = folder / PLAN_FILE
    hint = "name another folder with --out"
    if not path.exists():
        with storage_errors(folder):
            names = sorted(entry.name for entry in folder.iterdir())
        strange = [name for name in names if name != LOCK_FILE and not _LEFTOVER.fullmatch(name)]
        if strange:
            more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
            raise UsageError(
                f"is not empty and holds no audit to go on with: {strange[0]}{more}",
                where=folder,
                hint=hint,
            )
        return False
    try:
        found = json.loads(path.read_text("utf-8"))["identity"]
        differences = _differences(found, wanted)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise UsageError("is not the plan of an audit", where=path, hint=hint) from None
    if differences:
        shown = "; ".join(differences[:3])
        more = f"; and {len(differences) - 3} more" if len(differences) > 3 else ""
        raise UsageError(
            f"holds another audit: {shown}{more}",
            where=folder,
            hint=f"{hint}, or give the same settings again to go on with it",
        )
    return True


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any], above: str = "") -> list[str]:
    """What differs, such as ``seed 0, now 1``."""
    differences = []
    for name in sorted({*found, *wanted}):
        old, new = found.get(name), wanted.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            differences += _differences(old, new, f"{above}{name}.")
        elif old != new:
            differences.append(f"{above}{name} {_short(old)}, now {_short(new)}")
    return differences


def _short(value: object) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system takes back from a process that ends in any way."""
    try:
        import fcntl
    except ImportError:  # no such locks on Windows: there two runs at once are up to the user
        yield
        return
    with storage_errors(folder):
        handle = (folder / LOCK_FILE).open("a")
    with handle:
        try:
            with storage_errors(folder):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except StorageError as error:
            if not isinstance(error.__cause__, BlockingIOError):
                raise
            raise UsageError(
                "another process is at work in this folder",
                where=folder,
                hint="wait until it is done, or name another folder with --out",
            ) from None
        yield


def _remove_leftovers(folder: Path, *, age: float = 0.0) -> None:
    """Remove what a killed run did not finish writing, if it is at least `age` seconds old."""
    latest = time.time() - age
    with storage_errors(folder):
        for path in folder.iterdir():
            if not _LEFTOVER.fullmatch(path.name):
                continue
            with suppress(FileNotFoundError):  # whoever wrote it was faster
                if age and path.stat().st_mtime > latest:
                    continue
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()


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
