"""Planning reconstruction: which jobs rebuild pictures for each target, and who looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from facebone.attacks.inversion.base import INVERSIONS
from facebone.attacks.inversion.classifier_leak import ClassifierLeak
from facebone.attacks.inversion.guide import look_through
from facebone.attacks.inversion.leaks import TemplateLeak
from facebone.audit.environment import with_code
from facebone.audit.level_material import LevelMaterial
from facebone.audit.plan import Job, JobStore, run_plan
from facebone.audit.reconstruction import jobs as work
from facebone.audit.reconstruction.material import FACES, OWN_FACES, faces_job, own_faces_job
from facebone.audit.reconstruction.planned import PlannedReconstruction
from facebone.audit.target import TargetRecipe
from facebone.data.dataset import Dataset
from facebone.progress import ProgressFactory, SilentProgress
from facebone.scale.executor import Executor, SerialExecutor
from facebone.settings import parse_spec, plain
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import Route

AT_ONCE = 25
"""People of whom a slow attack makes pictures in a job: what an interrupted run loses."""


@dataclass(frozen=True, slots=True, eq=False)
class ReconstructionSource:
    """What reconstructions are made from.

    Args:
        dataset: people and pictures.
        engine: of the audit's backbones.
        judge: a recogniser that no attack uses.
        device: where attacks look through networks.
        executor: runs them.
        seed: of people, learning and bootstraps.
        people: whose pictures are made, at most; None for all who are attacked.
    """

    dataset: Dataset
    engine: EmbeddingEngine
    judge: Route
    device: str
    executor: Executor
    seed: int
    people: int | None = None


def plan_reconstructions(
    specs: Sequence[str],
    targets: Sequence[tuple[str, TargetRecipe, LevelMaterial]],
    store: JobStore,
    source: ReconstructionSource,
    *,
    progress: ProgressFactory = SilentProgress,
) -> tuple[list[Job], list[PlannedReconstruction]]:
    """Rebuild pictures from what leaks of each target, and look at them.

    Targets that store the same templates share the work on these.

    Args:
        specs: of the attacks.
        targets: name, recipe and material of each.
        store: of the audit.
        source: of faces.
        progress: of the work.

    Raises:
        UsageError: an attack needs gradients that a target's backbones do not give.
        DatasetError, PictureError, StorageError: see `faces_job`.
    """
    _check_gradients(specs, [recipe for _, recipe, _ in targets], source.engine)
    faces = faces_job(
        source.dataset, source.engine, source.judge, seed=source.seed, progress=progress
    )
    own = own_faces_job(source.dataset, source.engine, seed=source.seed, progress=progress)
    reading: dict[str, Job] = {faces.name: faces, own.name: own}
    for _, _, level in targets:
        reading |= {job.name: job for job in level.jobs}
    # Faces are read, and how many there are, before the work is shared out.
    count = len(run_plan(list(reading.values()), store, SerialExecutor())[FACES].arrays["people"])
    count = count if source.people is None else min(count, source.people)
    jobs, looking, planned = dict(reading), {}, []
    for name, recipe, level in targets:
        for spec in specs:
            made, seen = _jobs_of(spec, name, recipe, level, source, count)
            jobs |= {job.name: job for job in made}
            looking[seen.name] = seen
            judge = source.judge.backbone.spec.name
            planned.append(PlannedReconstruction(name, spec, made[0].name, seen.name, judge))
    run_plan(list(jobs.values()), store, source.executor, progress=progress, label="reconstructing")
    every = [*jobs.values(), *looking.values()]
    run_plan(every, store, SerialExecutor(), progress=progress, label="recognising")
    return every, planned


def _check_gradients(
    specs: Sequence[str], recipes: Sequence[TargetRecipe], engine: EmbeddingEngine
) -> None:
    """Refuse attacks that need gradients of networks that give none, before any work is done."""
    if not any(
        INVERSIONS.make(*parse_spec(spec, where="--attack")).needs_gradients for spec in specs
    ):
        return
    names = tuple(route.backbone.spec.name for route in engine.routes)
    for chosen in {recipe.columns(names) for recipe in recipes}:
        look_through([names[column] for column in chosen])


def _jobs_of(
    spec: str,
    target: str,
    recipe: TargetRecipe,
    level: LevelMaterial,
    source: ReconstructionSource,
    count: int,
) -> tuple[list[Job], Job]:
    """The jobs that rebuild pictures of the attacked, some each, and the one that looks at all."""
    name, settings = parse_spec(spec, where="--attack")
    attack = INVERSIONS.make(name, settings)
    routes = source.engine.routes
    names = tuple(route.backbone.spec.name for route in routes)
    columns = recipe.columns(names)
    chosen = [names[column] for column in columns]
    asked: dict[str, Any] = {
        "attack": attack.name,
        "attack_settings": settings,
        "backbones": chosen,
        "columns": list(columns),
        "routes": [dict(route.describe()) for route in routes],
        "seed": source.seed,
        "device": source.device,
    }
    inputs: tuple[str, ...] = (FACES, OWN_FACES)
    stores = " + ".join(chosen)
    # Answers and templates of its own are those of one trained target; other templates anybody can
    # work out.
    of_templates = attack.leak_type in (TemplateLeak, ClassifierLeak)
    if of_templates and recipe.unfitted(tuple(chosen)).public_templates:
        asked["recipe"] = plain(asdict(TargetRecipe("templates", "none", head="cosine")))
    else:
        stores = target
        asked |= {"recipe": plain(asdict(recipe)), "material": level.source}
        inputs = (FACES, OWN_FACES, level.source)
    asked = with_code(asked)
    # Whoever learns anew for each part should not do so in vain.
    size = AT_ONCE if attack.slow else count
    made = [
        Job(
            f"{spec} on {stores} from {first}",
            work.rebuild,
            asked | {"first": first, "end": min(first + size, count)},
            inputs,
        )
        for first in range(0, count, size)
    ]
    seen = work.recognition_job(
        f"{spec} on {stores} recognised",
        [job.name for job in made],
        columns,
        routes,
        source.judge,
        seed=source.seed,
    )
    return made, seen
