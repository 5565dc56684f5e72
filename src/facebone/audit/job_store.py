"""The folder of an audit, kept for that audit alone, and places of results that audits share."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from facebone.audit.result_store import JobStore, Result
from facebone.errors import StorageError, UsageError
from facebone.files import new_file, storage_errors
from facebone.scale.shelves import Place, as_folder, join

__all__ = ["JobStore", "Result", "bind", "open_shared"]

PLAN_FILE, LOCK_FILE, JOBS_FOLDER = "plan.json", ".lock", "jobs"

STALE = 3600.0
"""Seconds after which nobody is still writing a result."""

# What `files.temporary_sibling` makes.
_LEFTOVER = re.compile(r"\..+\.\d+-[0-9a-f]{8}\.part")


def open_shared(place: Place) -> JobStore:
    """A store that several audits use at the same time.

    What runs that were killed did not finish writing is removed after an hour: until then somebody
    may be writing it.

    Args:
        place: a folder, or the URL of one.

    Raises:
        StorageError: it cannot be written.
        MissingPartError, UsageError: no such kind of store.
    """
    folder = as_folder(place)
    if folder is None:
        return JobStore(place)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder, age=STALE)
    return JobStore(folder)


@contextmanager
def bind(
    folder: Path, identity: Mapping[str, Any], *, shared: Place | None = None
) -> Iterator[JobStore]:
    """Keep `folder` for one audit, and for this process alone while the block runs.

    What a killed run left half-written is removed.

    Args:
        folder: made where it is missing.
        identity: JSON-able; what makes this audit another than others.
        shared: where results of jobs are kept instead of in the folder, for all audits: those of
            another identity are never mistaken for this one's.

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
        if shared is not None:
            _remove_leftovers(folder)
            text = json.dumps(wanted, sort_keys=True)
            yield open_shared(join(shared, hashlib.sha256(text.encode()).hexdigest()[:16]))
            return
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
