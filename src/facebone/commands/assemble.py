"""From options to objects: the data set, the routes and the engine that several commands need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facebone.commands.console import note
from facebone.commands.options import Alignment, FaceChoice, MissingFace

if TYPE_CHECKING:
    from facebone.data.dataset import Dataset
    from facebone.data.store import EmbeddingStore
    from facebone.verification.chain import Problem
    from facebone.verification.engine import EmbeddingEngine
    from facebone.verification.routes import Route

_NAMED_PROBLEMS = 3


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
) -> EmbeddingEngine:
    """The engine for a data set, with its progress on stderr."""
    from facebone.progress import for_console
    from facebone.verification.engine import EmbeddingEngine
    from facebone.verification.routes import open_routes

    if missing is None:
        # Every picture of LFW was centred on a face that a detector had found.
        missing = MissingFace.CENTRE if dataset == "lfw" else MissingFace.SKIP
    routes = open_routes(
        backbones,
        alignment=alignment.value,
        detector=detector,
        choose=face.value,
        missing="centre" if missing is MissingFace.CENTRE else "error",
        device=device,
        trust=trust,
    )
    return EmbeddingEngine(
        routes,
        store=open_store() if store else None,
        workers=workers,
        on_problem="skip" if missing is MissingFace.SKIP else "raise",
        progress=for_console,
    )


def open_store() -> EmbeddingStore:
    """The user's store of embeddings."""
    from facebone.config import home_folder
    from facebone.data.store import EmbeddingStore

    return EmbeddingStore(home_folder() / "embeddings")


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
