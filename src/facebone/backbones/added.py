"""Backbones that a user described: a small JSON file in the user's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from facebone.backbones.base import BackboneSpec
from facebone.config import home_folder
from facebone.errors import StorageError
from facebone.files import new_file

FILENAME = "backbones.json"


class AddedBackbone(BaseModel):
    """One described weights file.

    Args:
        path: the file, absolute; it stays where the user has it.
        spec: the facts, its hash included.
    """

    model_config = ConfigDict(extra="forbid")

    path: Path
    spec: BackboneSpec


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    backbones: list[AddedBackbone] = []


_FILE = TypeAdapter(_File)


def added_path() -> Path:
    """Where the descriptions are kept."""
    return home_folder() / FILENAME


def read_added() -> tuple[AddedBackbone, ...]:
    """All described backbones, in the order in which they were added.

    Raises:
        StorageError: the file of descriptions is damaged or of a later version.
    """
    path = added_path()
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=path) from error
    try:
        return tuple(_FILE.validate_json(content).backbones)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        raise StorageError(
            f"holds no descriptions of backbones that this version reads: {place}: {first['msg']}",
            where=path,
            hint="correct or remove it",
        ) from error


def write_added(backbones: tuple[AddedBackbone, ...]) -> None:
    """Replace the descriptions.

    Raises:
        StorageError: the file cannot be written; the old one stays.
    """
    file = _File(backbones=list(backbones))
    with new_file(added_path()) as part:
        part.write_text(file.model_dump_json(indent=2) + "\n", encoding="utf-8")
