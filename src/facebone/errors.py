"""Every error that FaceBone raises on purpose.

::

    FaceBoneError
    +-- UsageError              a parameter, option or name is wrong
    |   +-- UnknownNameError    a name that no registry knows
    |   +-- MissingPartError    a part exists but its optional package or file is not here
    |   +-- PluginError         a part of another package cannot be used
    +-- DataError               the pictures or tables handed in are wrong
    |   +-- DatasetError        a folder, archive or list as a whole
    |   +-- PictureError        one picture
    |   |   +-- DecodeError     it cannot be read as a picture
    |   |   +-- NoFaceError     it shows no face
    |   |   +-- SeveralFacesError
    |   +-- LeakageError        the same picture stands on both sides of a split
    +-- WeightsError            weights are corrupt, unsafe, or of another architecture
    |   +-- HashMismatchError
    +-- StorageError            the disk is full, read-only, or holds something else

The command turns each into one line on stderr and exit code 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class FaceBoneError(Exception):
    """Base of all errors raised on purpose.

    Args:
        what: what is wrong, with the value that was got.
        where: the file, option or parameter it is about.
        hint: what the reader can do about it.
    """

    def __init__(self, what: str, *, where: object | None = None, hint: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.hint = hint
        super().__init__(what)

    def __str__(self) -> str:
        """One line: where, what, what to do."""
        text = self.what if self.where is None else f"{self.where}: {self.what}"
        if self.hint:
            text = f"{text}; {self.hint}"
        return " ".join(text.split())

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way back from a worker process, keyword arguments included."""
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(
    cls: type[FaceBoneError], args: tuple[object, ...], state: dict[str, object]
) -> FaceBoneError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class UsageError(FaceBoneError):
    """A parameter, option or name is wrong."""


class UnknownNameError(UsageError):
    """A name that the registry of its kind does not know.

    Args:
        kind: what the name stands for, such as "head".
        name: the name got.
        known: all names that would have been right.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(sorted(known))
        near = get_close_matches(name.lower(), self.known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else ""
        listing = ", ".join(self.known) or "none"
        super().__init__(f"unknown {kind} {name!r}", hint=f"{hint} known: {listing}".strip())


class MissingPartError(UsageError):
    """A part exists, but the optional package or file it needs is not here."""


class PluginError(UsageError):
    """A part that another package brings cannot be used."""


class DataError(FaceBoneError):
    """The pictures or tables handed in are wrong."""


class DatasetError(DataError):
    """A folder, archive or list is wrong as a whole."""


class PictureError(DataError):
    """One picture cannot be used."""


class DecodeError(PictureError):
    """A file cannot be read as a picture."""


class NoFaceError(PictureError):
    """A picture shows no face."""


class SeveralFacesError(PictureError):
    """A picture shows several faces where exactly one was asked for."""


class LeakageError(DataError):
    """The same picture, or a near-duplicate of it, stands on both sides of a split."""


class WeightsError(FaceBoneError):
    """Weights are corrupt, unsafe to load, or of another architecture."""


class HashMismatchError(WeightsError):
    """A file does not have the hash that its specification states."""


class StorageError(FaceBoneError):
    """A place to write is full, read-only, or holds something else."""
