"""Shelves: flat places of small immutable files, in a folder or, by URL, wherever fsspec reaches.

Many processes on many machines share a shelf without locks: a file appears under its name whole or
not at all, nobody changes one that is there, and a process that dies leaves nothing that others
wait for.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from facebone.errors import MissingPartError, StorageError, UsageError
from facebone.files import new_file, storage_errors

Place = Path | str
"""A folder, or the URL of one, such as ``s3://bucket/faces``."""

_PUT_WHOLE = frozenset(
    {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "tos", "memory"}
)
"""Stores where a file that is put appears whole, and is not moved but copied and removed."""


class Shelf(Protocol):
    """A place of files. Small and picklable: it travels to workers."""

    @property
    def place(self) -> Place:
        """Where it is."""
        ...

    def names(self, suffix: str) -> list[str]:
        """Names of the files that end with `suffix`, sorted; none where the place is missing."""
        ...

    def below(self) -> list[str]:
        """Names of the folders in it, sorted."""
        ...

    def sub(self, name: str) -> Shelf:
        """The shelf in a folder of this one."""
        ...

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        ...

    def size(self, name: str) -> int:
        """Bytes of a file.

        Raises:
            FileNotFoundError: it is not there.
        """
        ...

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """A file, or a part of it.

        Raises:
            FileNotFoundError: it is not there.
            OSError: it cannot be read.
        """
        ...

    def write(self, name: str, content: bytes) -> None:
        """Put a file there, whole or not at all; one of that name is replaced.

        Raises:
            StorageError: the place is full or cannot be written.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...


class FolderShelf:
    """A shelf in a folder of this machine, or of one that it has mounted.

    Args:
        folder: made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def place(self) -> Path:
        """The folder."""
        return self.folder

    def names(self, suffix: str) -> list[str]:
        """See `Shelf`."""
        if not self.folder.is_dir():
            return []
        with os.scandir(self.folder) as entries:
            found = [entry.name for entry in entries if entry.is_file()]
        return sorted(name for name in found if name.endswith(suffix) and name[0] != ".")

    def below(self) -> list[str]:
        """See `Shelf`."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir())

    def sub(self, name: str) -> FolderShelf:
        """See `Shelf`."""
        return FolderShelf(self.folder / name)

    def has(self, name: str) -> bool:
        """See `Shelf`."""
        return (self.folder / name).exists()

    def size(self, name: str) -> int:
        """See `Shelf`."""
        return (self.folder / name).stat().st_size

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Shelf`."""
        if start == 0 and length is None:
            return (self.folder / name).read_bytes()
        with (self.folder / name).open("rb") as file:
            file.seek(start)
            return file.read(-1 if length is None else length)

    def write(self, name: str, content: bytes) -> None:
        """See `Shelf`."""
        with new_file(self.folder / name) as part:
            part.write_bytes(content)

    def remove(self, name: str) -> None:
        """See `Shelf`."""
        with storage_errors(self.folder):
            (self.folder / name).unlink(missing_ok=True)


class UrlShelf:
    """A shelf wherever fsspec reaches: an object store, or a file system of a cluster.

    How to sign in is taken from where the store's own tools take it: the environment, files in the
    user's home, the machine's role.

    Args:
        url: such as ``s3://bucket/faces``.

    Raises:
        MissingPartError: the package for such stores is not installed.
        UsageError: no such kind of store.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._fs, self._root = _open(self.url)

    def __reduce__(self) -> tuple[type[UrlShelf], tuple[str]]:
        """Travel as the URL: connections do not."""
        return UrlShelf, (self.url,)

    @property
    def place(self) -> str:
        """The URL."""
        return self.url

    def names(self, suffix: str) -> list[str]:
        """See `Shelf`."""
        found = [name for name, kind in self._list() if kind == "file"]
        return sorted(name for name in found if name.endswith(suffix) and name[0] != ".")

    def below(self) -> list[str]:
        """See `Shelf`."""
        return sorted(name for name, kind in self._list() if kind == "directory")

    def sub(self, name: str) -> UrlShelf:
        """See `Shelf`."""
        return UrlShelf(f"{self.url}/{name}")

    def has(self, name: str) -> bool:
        """See `Shelf`."""
        return bool(self._fs.exists(self._path(name)))

    def size(self, name: str) -> int:
        """See `Shelf`."""
        return int(self._fs.size(self._path(name)))

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Shelf`."""
        end = None if length is None else start + length
        return bytes(self._fs.cat_file(self._path(name), start=start, end=end))

    def write(self, name: str, content: bytes) -> None:
        """See `Shelf`."""
        path = self._path(name)
        with _put_errors(self.url):
            if _is_object_store(self._fs):
                self._fs.pipe_file(path, content)
                return
            part = self._path(f".{name}.{uuid.uuid4().hex[:12]}.part")
            self._fs.makedirs(self._root, exist_ok=True)
            try:
                self._fs.pipe_file(part, content)
                self._fs.mv(part, path)
            except BaseException:
                if self._fs.exists(part):
                    self._fs.rm_file(part)
                raise

    def remove(self, name: str) -> None:
        """See `Shelf`."""
        with _put_errors(self.url):
            try:
                self._fs.rm_file(self._path(name))
            except FileNotFoundError:
                return
            finally:
                self._fs.invalidate_cache(self._root)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _list(self) -> Iterator[tuple[str, str]]:
        # What was listed before is no answer: others write meanwhile.
        self._fs.invalidate_cache(self._root)
        try:
            entries = self._fs.ls(self._root, detail=True)
        except FileNotFoundError:
            return
        for entry in entries:
            yield str(entry["name"]).rstrip("/").rpartition("/")[2], str(entry["type"])


def open_shelf(place: Place) -> Shelf:
    """The shelf at a folder or URL; ``file://`` is a folder.

    Raises:
        MissingPartError, UsageError: see `UrlShelf`.
    """
    folder = as_folder(place)
    return UrlShelf(str(place)) if folder is None else FolderShelf(folder)


def as_folder(place: Place) -> Path | None:
    """The folder of this machine that a place is, or None where it is none."""
    if isinstance(place, Path):
        return place
    protocol, separator, rest = place.partition("://")
    if not separator:
        return Path(place).expanduser()
    return Path(rest) if protocol in {"file", "local"} else None


def join(place: Place, *names: str) -> Place:
    """A place below another."""
    folder = as_folder(place)
    return "/".join([str(place).rstrip("/"), *names]) if folder is None else folder.joinpath(*names)


def _open(url: str) -> tuple[Any, str]:
    """The file system of a URL and the path in it."""
    from fsspec.core import url_to_fs

    kind = url.partition("://")[0]
    try:
        fs, path = url_to_fs(url)
    except ImportError as error:
        raise MissingPartError(
            str(error), where=url, hint="pip install it beside facebone"
        ) from None
    except ValueError as error:
        raise UsageError(
            f"is no kind of store that fsspec knows: {kind!r}: {error}",
            where=url,
            hint="name a folder, or a URL such as s3://bucket/faces",
        ) from None
    return fs, str(path)


def _is_object_store(fs: Any) -> bool:
    kinds = (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
    return not _PUT_WHOLE.isdisjoint(kinds)


@contextmanager
def _put_errors(url: str) -> Iterator[None]:
    """Turn whatever a store raises when it is written into a `StorageError`.

    The libraries of stores raise errors of their own, of no common kind.
    """
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        raise StorageError(
            f"cannot be written: {type(error).__name__}: {error}",
            where=url,
            hint="check the address and the rights to it, and run the same command again",
        ) from error
