"""Archives: unpacked once into the user's cache, nothing in them trusted."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
import time
import zipfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from facebone.config import home_folder
from facebone.errors import DatasetError
from facebone.files import new_file, storage_errors, temporary_sibling

MAX_FILES = 2_000_000
MAX_BYTES = 64 * 2**30
# Pictures hardly compress: an archive that grows a hundredfold is a bomb, unless it is small.
MAX_GROWTH = 100
HARMLESS_BYTES = 2**30

_CHUNK = 2**20
# A file that changed within the last seconds may change again within the same clock tick.
_SETTLED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Entry:
    """One regular file of an archive."""

    path: PurePosixPath
    size: int
    content: IO[bytes]


def unpack(path: Path, *, max_files: int = MAX_FILES, max_bytes: int | None = None) -> Path:
    """The folder that holds what is in an archive; unpacked at the first call.

    It lies in `home_folder` under the sha256 of the archive, so a copy elsewhere finds it too. It
    appears whole or not at all, and several processes may ask for it at once.

    Args:
        path: a tar (plain or compressed) or zip archive, whatever its name ends in.
        max_files: how many files it may hold.
        max_bytes: what they may add up to; by default 64 GiB, and a hundred times the archive for
            archives that hold more than 1 GiB.

    Raises:
        DatasetError: the archive is cut short, damaged, larger than the limits, or hostile: it
            holds links, devices or paths that lead out of the folder.
        StorageError: there is no room for what it holds.
    """
    path = path.resolve()
    digest = _known_digest(path)
    folder = home_folder() / "archives" / digest
    if folder.is_dir():
        return folder
    if max_bytes is None:
        max_bytes = min(MAX_BYTES, max(HARMLESS_BYTES, MAX_GROWTH * path.stat().st_size))
    part = temporary_sibling(folder)
    try:
        with storage_errors(folder):
            part.mkdir(parents=True)
        _unpack_into(part, path, max_files=max_files, max_bytes=max_bytes)
        with storage_errors(folder):
            try:
                part.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was first, with the same content
                    raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _unpack_into(folder: Path, path: Path, *, max_files: int, max_bytes: int) -> None:
    count = total = 0
    with closing(_entries(path)) as entries:
        for entry in entries:
            count += 1
            total += entry.size
            if count > max_files or total > max_bytes:
                raise DatasetError(
                    f"holds more than {max_files} files or {max_bytes} bytes",
                    where=path,
                    hint="if you trust it, unpack it yourself and name the folder",
                )
            target = folder / entry.path
            with storage_errors(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                file = target.open("xb")
            with file:
                _copy(entry, file, path)


def _copy(entry: _Entry, file: IO[bytes], archive: Path) -> None:
    """Write exactly the bytes that the archive's directory states."""
    left = entry.size
    while left:
        with _reading(archive):
            chunk = entry.content.read(min(left, _CHUNK))
        if not chunk:
            raise _damaged(archive, f"{entry.path} ends too early")
        with storage_errors(archive):
            file.write(chunk)
        left -= len(chunk)
    with _reading(archive):
        entry.content.read(1)  # reaching the end is what makes zipfile compare the checksum


def _entries(path: Path) -> Generator[_Entry, None, None]:
    """The regular files of an archive, each to be read before the next is asked for."""
    with _reading(path), path.open("rb") as file:
        is_zip = file.read(2) == b"PK"
    return _zip_entries(path) if is_zip else _tar_entries(path)


def _tar_entries(path: Path) -> Generator[_Entry, None, None]:
    # Members are written by us as plain new files: no owner, mode, link or device of the archive
    # ever reaches the disk, on any version of tarfile.
    with _reading(path):
        archive = tarfile.open(path, "r:*")  # noqa: SIM115 - closed below
    with archive:
        while True:
            with _reading(path):
                member = archive.next()
            if member is None:
                break
            inner = _safe_path(member.name, path)
            if member.isdir():
                continue
            if not member.isreg():
                raise _hostile(path, f"{member.name!r} is a link or a device")
            content = archive.extractfile(member)
            if content is not None and not _is_hidden(inner):
                yield _Entry(inner, member.size, content)
        # tarfile takes a file that stops between two members for complete; a whole archive
        # ends with blocks of zeros.
        with _reading(path):
            stream = archive.fileobj
            if stream is not None:
                stream.seek(archive.offset)
                if len(stream.read(tarfile.BLOCKSIZE)) < tarfile.BLOCKSIZE:
                    raise _damaged(path, "its end is missing")


def _zip_entries(path: Path) -> Generator[_Entry, None, None]:
    with _reading(path):
        archive = zipfile.ZipFile(path)
    with archive:
        for info in archive.infolist():
            inner = _safe_path(info.filename, path)
            if info.is_dir():
                continue
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise _hostile(path, f"{info.filename!r} is a link or a device")
            if _is_hidden(inner):
                continue
            with _reading(path):
                content = archive.open(info)
            with content:
                yield _Entry(inner, info.file_size, content)


def _safe_path(name: str, archive: Path) -> PurePosixPath:
    """A relative path below the folder, or an error."""
    inner = PurePosixPath(name.replace("\\", "/"))
    windows = PureWindowsPath(name)
    if inner.is_absolute() or ".." in inner.parts or windows.anchor or "\0" in name:
        raise _hostile(archive, f"{name!r} leads out of the folder")
    return inner


def _is_hidden(inner: PurePosixPath) -> bool:
    """Hidden files, and the notes that macOS adds to archives."""
    return any(part.startswith(".") or part == "__MACOSX" for part in inner.parts)


def _hostile(archive: Path, what: str) -> DatasetError:
    return DatasetError(
        f"refused: {what}", where=archive, hint="nothing was unpacked; get it from its publisher"
    )


def _damaged(archive: Path, what: str) -> DatasetError:
    return DatasetError(
        f"is cut short or damaged, or no tar or zip archive ({what})",
        where=archive,
        hint="fetch it again",
    )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what the readers of archives raise into a `DatasetError` about `path`."""
    try:
        yield
    except DatasetError:
        raise
    except PermissionError as error:
        raise DatasetError("no permission to read it", where=path) from error
    # Damage shows itself in any layer: container, compression, or numbers that make no sense.
    except Exception as error:
        raise _damaged(path, str(error) or type(error).__name__) from error


def _known_digest(path: Path) -> str:
    """The sha256 of a file, remembered while neither its size nor its times change."""
    with _reading(path):
        before = path.stat()
    facts = (str(path), before.st_dev, before.st_ino, before.st_size, before.st_mtime_ns)
    key = hashlib.blake2b(repr((*facts, before.st_ctime_ns)).encode(), digest_size=16).hexdigest()
    note = home_folder() / "archives" / "known" / key
    if note.is_file():
        return note.read_text("ascii")
    with _reading(path), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        after = os.fstat(file.fileno())
    settled = time.time() - before.st_mtime > _SETTLED_SECONDS
    if settled and (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns):
        with new_file(note) as part:
            part.write_text(digest, "ascii")
    return digest
