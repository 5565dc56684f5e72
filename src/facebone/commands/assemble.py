"""From options to objects: the data set, the routes and the engine that several commands need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facebone.commands.console import note
from facebone.commands.options import DEFAULT_HEAD, Alignment, FaceChoice, MissingFace
from facebone.errors import UsageError
from facebone.settings import parse_spec, parse_words

if TYPE_CHECKING:
    from facebone.data.dataset import Dataset
    from facebone.scale.executor import Executor
    from facebone.verification.chain import Problem
    from facebone.verification.engine import EmbeddingEngine
    from facebone.verification.routes import Route

_NAMED_PROBLEMS = 3


def choose_head(
    head: str | None, setting: Sequence[str] | None, adapt: str | None
) -> tuple[str, dict[str, Any]]:
    """Name and settings of the head, or of the adaptation, that is to be trained.

    Args:
        head: as given, if it is.
        setting: words of ``--set``.
        adapt: as given, if it is.

    Raises:
        UnknownNameError: no such adaptation; the nearest is named.
        UsageError: a head and an adaptation, or words that do not look as they should.
    """
    from facebone.verification.heads import ADAPTATIONS

    if adapt is None:
        if head in ADAPTATIONS:
            raise UsageError(
                f"{head} is an adaptation, which learns from people instead of pairs",
                where="--head",
                hint=f"give --adapt {head} instead",
            )
        return head or DEFAULT_HEAD, parse_words(setting or (), where="--set")
    if head is not None or setting:
        given = "--set" if head is None else "--head"
        raise UsageError(
            f"an adaptation takes the place of a head, so {given} is not for it",
            where="--adapt",
            hint="leave one of them out, or set as in --adapt adapter:epochs=20",
        )
    name, settings = parse_spec(adapt, where="--adapt")
    ADAPTATIONS.get(name)
    return name, settings


def open_data(name: str, root: Path | None, seed: int) -> Dataset:
    """The data set, with its warnings shown."""
    from facebone.data.dataset import load_dataset

    dataset = load_dataset(name, root, seed=seed)
    for warning in dataset.warnings:
        note(f"warning: {warning}")
    return dataset


def open_engine(
    dataset: str,
    backbones: Sequence[str],
    *,
    alignment: Alignment,
    detector: str,
    face: FaceChoice,
    missing: MissingFace | None,
    device: str,
    workers: int | None,
    store: bool,
    trust: bool,
    shared: str | None = None,
    executor: Executor | None = None,
) -> EmbeddingEngine:
    """The engine for a data set, with its progress on stderr."""
    from facebone.progress import for_console
    from facebone.verification.opening import open_engine_for, open_store

    return open_engine_for(
        dataset,
        backbones,
        alignment=alignment.value,
        detector=detector,
        face=face.value,
        missing=None if missing is None else missing.value,
        device=device,
        workers=workers,
        store=open_store(shared) if store else None,
        trust=trust,
        executor=executor,
        progress=for_console,
    )


def describe_routes(routes: Sequence[Route]) -> str:
    """Backbones, alignment and devices in one line for people."""
    parts = []
    for route in routes:
        preparation = route.preparation
        how = preparation.alignment
        if how != "none":
            how = f"{how}, detector {Path(preparation.detector).name}"
        parts.append(f"{route.backbone.spec.name} ({how}, {route.backbone.device})")
    return " + ".join(parts)


def show_problems(problems: Sequence[Problem], guessed: Sequence[str]) -> None:
    """Say which pictures could not be used, or only by a guess."""
    for problem in problems[:_NAMED_PROBLEMS]:
        note(f"left out: {problem.reason}")
    if len(problems) > _NAMED_PROBLEMS:
        note(f"left out: {len(problems) - _NAMED_PROBLEMS} more pictures")
    if guessed:
        note(f"no face found in {len(guessed)} pictures, guessed at the centre: {guessed[0]} ..")
