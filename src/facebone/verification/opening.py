"""The engine that a data set asks for: what is done where no face is found depends on the data."""

from __future__ import annotations

from collections.abc import Sequence

from facebone.data.store import EmbeddingStore
from facebone.progress import ProgressFactory, SilentProgress
from facebone.scale.executor import Executor
from facebone.scale.kept import kept_in
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import open_routes


def open_engine_for(
    dataset: str,
    backbones: Sequence[str],
    *,
    alignment: str = "five-point",
    detector: str = "auto",
    face: str = "centre",
    missing: str | None = None,
    device: str = "auto",
    workers: int | None = None,
    store: EmbeddingStore | None = None,
    trust: bool = False,
    executor: Executor | None = None,
    progress: ProgressFactory = SilentProgress,
) -> EmbeddingEngine:
    """The engine for the pictures of a data set.

    Args:
        dataset: name of the data set.
        backbones: names of the zoo, or paths to weights that were described.
        alignment: ``five-point`` or ``none``.
        detector: see `open_routes`.
        face: which face counts where there are several.
        missing: pictures without a face: guess it at the ``centre``, ``skip`` them, or stop with
            an ``error``; None for what suits the data set.
        device: where the backbones run.
        workers: see `EmbeddingEngine`.
        store: see `EmbeddingEngine`.
        trust: run TorchScript programs, which may do anything.
        executor: see `EmbeddingEngine`.
        progress: see `EmbeddingEngine`.

    Raises:
        UsageError, MissingPartError, WeightsError: see `open_routes`.
    """
    if missing is None:
        # Every picture of LFW was centred on a face that a detector had found.
        missing = "centre" if dataset == "lfw" else "skip"
    routes = open_routes(
        backbones,
        alignment=alignment,
        detector=detector,
        choose=face,
        missing="centre" if missing == "centre" else "error",
        device=device,
        trust=trust,
    )
    return EmbeddingEngine(
        routes,
        store=store,
        workers=workers,
        on_problem="skip" if missing == "skip" else "raise",
        executor=executor,
        progress=progress,
    )


def open_store(shared: str | None = None) -> EmbeddingStore:
    """The store of embeddings: the user's, or one in a place that machines share."""
    return EmbeddingStore(kept_in("embeddings", shared))
