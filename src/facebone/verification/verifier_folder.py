"""A verifier on disk: ``verifier.json`` and ``head.safetensors``, nothing that runs code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Literal

import safetensors
import safetensors.numpy
from pydantic import BaseModel, ConfigDict, FiniteFloat, JsonValue, NonNegativeInt, ValidationError

import facebone
from facebone.errors import FaceBoneError, HashMismatchError, StorageError, UsageError, WeightsError
from facebone.files import new_folder, storage_errors
from facebone.verification.heads import head_from_state
from facebone.verification.verifier import TrainingFacts, Verifier

SCHEMA_VERSION: Final = 1
FACTS_FILE = "verifier.json"
ARRAYS_FILE = "head.safetensors"
_ANEW = "train the verifier anew or bring back the files"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HeadDocument(_Strict):
    """The part of a head that JSON holds; see `Head.state`."""

    head: str
    settings: dict[str, JsonValue]
    dimensions: tuple[int, ...] | None


class TrainingDocument(_Strict):
    """See `TrainingFacts`."""

    data: str
    fingerprint: str
    seed: NonNegativeInt
    mitigation: str
    pairs: NonNegativeInt
    pictures: NonNegativeInt = 0


class VerifierDocument(_Strict):
    """The content of ``verifier.json``; see `Verifier`.

    `arrays_sha256` ties it to the arrays it was written with.
    """

    format: Literal["facebone-verifier"]
    schema_version: Literal[1]
    facebone_version: str
    routes: tuple[dict[str, str], ...]
    dimensions: tuple[int, ...]
    head: HeadDocument
    threshold: FiniteFloat
    target_far: FiniteFloat | None
    training: TrainingDocument
    arrays_sha256: str


def check_target(folder: Path) -> None:
    """Refuse a place to save that holds something else than a verifier.

    Raises:
        StorageError: it does, or cannot be looked into.
    """
    with storage_errors(folder):
        if not folder.exists():
            return
        names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else {folder.name}
    if names and not (FACTS_FILE in names and names <= {FACTS_FILE, ARRAYS_FILE}):
        raise StorageError(
            "holds something else than a verifier",
            where=folder,
            hint="name a new folder, or remove what is there yourself",
        )


def save_verifier(verifier: Verifier, folder: Path) -> None:
    """Write a verifier under a temporary name and move it to `folder` when it is whole.

    A verifier that is there already is replaced.

    Raises:
        StorageError: `folder` holds something else than a verifier, or cannot be written; what
            was there stays.
    """
    check_target(folder)
    config, arrays = verifier.head.state()
    content = safetensors.numpy.save(arrays)
    facts = verifier.training
    document = VerifierDocument(
        format="facebone-verifier",
        schema_version=SCHEMA_VERSION,
        facebone_version=facebone.__version__,
        routes=tuple(dict(route) for route in verifier.routes),
        dimensions=verifier.dimensions,
        head=HeadDocument(**config),
        threshold=verifier.threshold,
        target_far=verifier.target_far,
        training=TrainingDocument(**asdict(facts)),
        arrays_sha256=hashlib.sha256(content).hexdigest(),
    )
    # What only adaptations have has a default, and is not written for heads.
    text = document.model_dump_json(indent=2, exclude_defaults=True) + "\n"
    with new_folder(folder) as part:
        (part / ARRAYS_FILE).write_bytes(content)
        (part / FACTS_FILE).write_text(text, "utf-8")


def load_verifier(folder: Path) -> Verifier:
    """Read a verifier that `save_verifier` wrote.

    Args:
        folder: where it lies.

    Raises:
        UsageError: no verifier is there, or one of another schema version.
        WeightsError: a file is missing, damaged, or does not fit the other.
    """
    path = folder / FACTS_FILE
    if not path.is_file():
        raise UsageError("no verifier is here", where=folder, hint="make one with 'facebone train'")
    document = _parse(path)
    content = _read(folder / ARRAYS_FILE)
    if hashlib.sha256(content).hexdigest() != document.arrays_sha256:
        raise HashMismatchError(
            f"is not the file that {FACTS_FILE} was written with",
            where=folder / ARRAYS_FILE,
            hint=_ANEW,
        )
    try:
        arrays = safetensors.numpy.load(content)
        head = head_from_state(document.head.model_dump(), arrays)
        return Verifier(
            routes=document.routes,
            dimensions=document.dimensions,
            head=head,
            threshold=document.threshold,
            target_far=document.target_far,
            training=TrainingFacts(**document.training.model_dump()),
        )
    except safetensors.SafetensorError as error:
        raise WeightsError(
            f"is no safetensors file: {error}", where=folder / ARRAYS_FILE, hint=_ANEW
        ) from error
    except FaceBoneError as error:
        raise WeightsError(f"does not make a verifier: {error}", where=path, hint=_ANEW) from error


def _parse(path: Path) -> VerifierDocument:
    try:
        content: Any = json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"is not JSON: {error}", where=path, hint=_ANEW) from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version != SCHEMA_VERSION:
        raise UsageError(
            f"has schema version {version}, this facebone reads {SCHEMA_VERSION}",
            where=path,
            hint="install the facebone that wrote it, or train the verifier anew",
        )
    try:
        return VerifierDocument.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise WeightsError(f"{place}: {first['msg']}", where=path, hint=_ANEW) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot be read: {error.strerror}", where=path, hint=_ANEW) from error
