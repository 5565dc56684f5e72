"""The embedding engine: pictures -> embeddings under one or many backbones.

Each worker takes a batch of pictures through the whole chain: read, look up, decode, detect, align,
embed, store. The heavy steps release Python's lock, so while one worker's batch is in the network
the others prepare theirs, and no stage waits for a fixed share of the cores: with as many workers
as cores all cores are busy until the last batch, whichever stage is the slow one. A backbone that
keeps the lock gets processes for workers instead, and a cluster, where there is one, gets batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from facebone.data.digest_index import KEY_BYTES
from facebone.data.pictures import Picture
from facebone.data.store import EmbeddingStore, MemorySpace
from facebone.errors import UsageError
from facebone.progress import ProgressFactory, SilentProgress
from facebone.scale.cores import available_cores
from facebone.scale.executor import Executor
from facebone.scale.process_executor import ProcessExecutor
from facebone.verification.chain import BatchResult, Chain, Problem, WhenProblem
from facebone.verification.crews import (
    ChainRecipe,
    TakeBatch,
    open_space,
    work_in_jobs,
    work_in_threads,
)
from facebone.verification.routes import Route

Matrix = npt.NDArray[np.float32]

DEFAULT_BATCH = 64
"""Pictures a worker takes at a time: what a killed run loses at most, per worker."""

# Processes are for backbones that take a tenth of a second a picture: smaller batches for them, and
# none for work that is done before the processes have started.
_SLOW_BATCH = 16
_FEW_PICTURES = 64


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """What the engine made of n pictures.

    Args:
        matrices: one (n, d_k) float32 matrix a route, not normalised; a picture with a problem
            has rows of NaN.
        problems: pictures that could not be embedded, in the order of the pictures.
        guessed: ids of pictures in which no face was found and the place of it was guessed; only
            those prepared in this run, a stored embedding does not remember.
        computed: embeddings computed in this run, over all routes.
        reused: embeddings found in the store.
    """

    matrices: tuple[Matrix, ...]
    problems: tuple[Problem, ...]
    guessed: tuple[str, ...]
    computed: int
    reused: int

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Which pictures have all their embeddings, (n,)."""
        finite = np.stack([np.isfinite(matrix).all(axis=1) for matrix in self.matrices])
        return np.asarray(finite.all(axis=0), dtype=np.bool_)


class EmbeddingEngine:
    """Embeds pictures, computing nothing that the store already holds.

    Args:
        routes: backbones with their preparations; pictures are decoded once for all of them, and
            routes with equal preparations share the crop.
        store: where embeddings are kept between runs; None keeps them in memory only.
        workers: threads, or processes where a backbone keeps Python's lock; the number of cores
            by default.
        batch_size: pictures a worker takes at a time.
        on_problem: ``raise`` the first picture that cannot be embedded, or ``skip`` such pictures
            and list them in the result.
        executor: takes batches as jobs, wherever it runs them; None for threads or processes of
            this machine, which share what they load.
        progress: makes what is told how far the work has got.

    Raises:
        UsageError: no route, or a number that is not positive.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        store: EmbeddingStore | None = None,
        workers: int | None = None,
        batch_size: int = DEFAULT_BATCH,
        on_problem: WhenProblem = "raise",
        executor: Executor | None = None,
        progress: ProgressFactory = SilentProgress,
    ) -> None:
        if not routes:
            raise UsageError("at least one backbone is needed", where="backbones")
        workers = workers if workers is not None else available_cores()
        for name, value in (("workers", workers), ("batch_size", batch_size)):
            if value < 1:
                raise UsageError(f"must be at least 1, got {value}", where=name)
        self.routes = tuple(routes)
        self._workers = workers
        self._batch_size = batch_size
        self._on_problem = on_problem
        self._executor = executor
        self._progress = progress
        self._store = store
        self._spaces = tuple(
            MemorySpace(route.backbone.spec.dimension)
            if store is None
            else open_space(route, store)
            for route in self.routes
        )

    @property
    def executor(self) -> Executor | None:
        """Whose jobs take batches; None where threads of this process do."""
        return self._executor

    def along(self, routes: Sequence[Route]) -> EmbeddingEngine:
        """An engine along other routes that keeps to the store and the ways of this one.

        Raises:
            UsageError: no route.
        """
        return EmbeddingEngine(
            routes,
            store=self._store,
            workers=self._workers,
            batch_size=self._batch_size,
            on_problem=self._on_problem,
            executor=self._executor,
            progress=self._progress,
        )

    def embed(self, pictures: Sequence[Picture]) -> Embedded:
        """Embed pictures under every route.

        Raises:
            PictureError: a picture cannot be embedded, and `on_problem` is ``raise``.
            StorageError: the store cannot be written.
            KeyboardInterrupt: passed on; batches that were done by then are stored.
        """
        keys = np.zeros((len(pictures), KEY_BYTES), dtype=np.uint8)
        batches: list[tuple[int, BatchResult]] = []
        names = dict.fromkeys(route.backbone.spec.name for route in self.routes)
        label = "embedding " + ", ".join(names)
        with self._progress(label, len(pictures)) as progress:

            def take(first: int, batch: BatchResult) -> None:
                keys[first : first + len(batch.keys)] = batch.keys
                batches.append((first, batch))
                progress.advance(len(batch.keys))

            self._run(pictures, take)
        ordered = [batch for _, batch in sorted(batches, key=itemgetter(0))]
        problems = [problem for batch in ordered for problem in batch.problems]
        guessed = [name for batch in ordered for name in batch.guessed]
        computed = sum(batch.computed for batch in ordered)
        reused = sum(batch.reused for batch in ordered)
        matrices = [space.gather(keys) for space in self._spaces]
        broken = {problem.picture for problem in problems}
        if broken:
            rows = [i for i, picture in enumerate(pictures) if picture.id in broken]
            for matrix in matrices:
                matrix[rows] = np.nan
        return Embedded(tuple(matrices), tuple(problems), tuple(guessed), computed, reused)

    def _run(self, pictures: Sequence[Picture], take: TakeBatch) -> None:
        """Take the batches through the chain, by the crew that suits the backbones."""
        recipe = self._recipe() if len(pictures) > _FEW_PICTURES else None
        if recipe is None:
            chain = Chain(self.routes, self._spaces, self._on_problem)
            size, workers = self._batch_size, self._workers
            work_in_threads(chain, pictures, take, size=size, workers=workers)
            return
        slow = any(route.backbone.holds_lock for route in self.routes)
        work_in_jobs(
            recipe,
            pictures,
            take,
            size=min(self._batch_size, _SLOW_BATCH) if slow else self._batch_size,
            executor=self._executor or ProcessExecutor(self._workers),
        )

    def _recipe(self) -> ChainRecipe | None:
        """How processes build this engine's chain, or None where threads do as well or must do."""
        backbones = [route.backbone for route in self.routes]
        slow = self._workers > 1 and any(backbone.holds_lock for backbone in backbones)
        if self._executor is None and not slow:
            return None
        if self._store is None or any(b.spec.runtime == "torchscript" for b in backbones):
            # Results in memory cannot be shared, and trust in a program is not passed on.
            return None
        return ChainRecipe(
            backbones=tuple(backbone.spec.name for backbone in backbones),
            preparations=tuple(route.preparation for route in self.routes),
            devices=tuple(backbone.device for backbone in backbones),
            store=self._store.root,
            on_problem=self._on_problem,
        )
