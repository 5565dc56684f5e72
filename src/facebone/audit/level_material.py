"""The jobs that make the material of each level, in this process: they read pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facebone.audit.audit_plan import at_level
from facebone.audit.candidates import draw_candidates
from facebone.audit.gallery import changed_arrays
from facebone.audit.material import Material, embed_candidates
from facebone.audit.plan import Job, JobStore, Result, run_plan
from facebone.audit.settings import AuditSettings
from facebone.audit.unit_candidates import draw_units
from facebone.audit.unit_material import UnitMaterial, embed_units
from facebone.data.dataset import Dataset
from facebone.data.splits import Level
from facebone.data.variants import VARIANTS, changed
from facebone.scale.executor import SerialExecutor
from facebone.verification.engine import EmbeddingEngine

MATERIAL, PLAIN_MATERIAL = "material", "material unaligned"


@dataclass(frozen=True, slots=True, eq=False)
class LevelMaterial:
    """The candidates of a level.

    Args:
        level: what a member is.
        jobs: that make them: one, and one more where changed pictures are asked about.
        material: what they made, without changed pictures.
        problems: pictures that could not be embedded.
    """

    level: Level
    jobs: tuple[Job, ...]
    material: Material | UnitMaterial
    problems: int

    @property
    def source(self) -> str:
        """Name of the job that makes the candidates."""
        return self.jobs[0].name

    @property
    def changed(self) -> str | None:
        """Name of the job that makes their changed pictures."""
        return self.jobs[1].name if len(self.jobs) > 1 else None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of both."""
        return tuple(job.name for job in self.jobs)


def make_material(
    level: Level,
    settings: AuditSettings,
    dataset: Dataset,
    engine: EmbeddingEngine,
    store: JobStore,
    *,
    with_changed: bool,
) -> LevelMaterial:
    """Draw and embed the candidates of a level, or take them from the store.

    The engine tells how far it has got.

    Raises:
        DatasetError, PictureError, StorageError: see `draw_candidates`, `draw_units` and `embed`.
    """
    job = candidates_job(at_level(MATERIAL, level), level, settings, dataset, engine)
    done = run_plan([job], store, SerialExecutor())
    made = done[job.name]
    kind = Material if level is Level.PAIR else UnitMaterial
    material: Material | UnitMaterial = kind.from_arrays(made.values, made.arrays)
    jobs = [job]
    if with_changed:
        jobs.append(_changed_job(level, job, material, dataset, engine))
        run_plan(jobs, store, SerialExecutor())
    return LevelMaterial(level, tuple(jobs), material, int(made.values["problems"]))


def candidates_job(
    name: str, level: Level, settings: AuditSettings, dataset: Dataset, engine: EmbeddingEngine
) -> Job:
    """The job that draws and embeds candidates with one engine."""

    def embed(_settings: Mapping[str, Any], _inputs: Mapping[str, Result]) -> Result:
        material: Material | UnitMaterial
        if level is Level.PAIR:
            drawn = draw_candidates(dataset, limit=settings.pairs, seed=settings.seed)
            material, problems = embed_candidates(engine, dataset, drawn)
        else:
            units = draw_units(
                dataset,
                level,
                limit=max(1, settings.pairs // 2),
                seed=settings.seed,
                training_pictures=settings.training_pictures,
            )
            material, problems = embed_units(engine, dataset, units)
        facts, arrays = material.to_arrays()
        return Result({**facts, "problems": len(problems)}, arrays)

    asked: dict[str, Any] = {
        "fingerprint": dataset.fingerprint,
        "routes": [dict(route.describe()) for route in engine.routes],
        "pairs": settings.pairs,
        "seed": settings.seed,
    }
    if level is not Level.PAIR:
        asked |= {"level": level.value, "training_pictures": settings.training_pictures}
    return Job(name, embed, asked)


def _changed_job(
    level: Level,
    source: Job,
    material: Material | UnitMaterial,
    dataset: Dataset,
    engine: EmbeddingEngine,
) -> Job:
    def embed(_settings: Mapping[str, Any], _inputs: Mapping[str, Result]) -> Result:
        by_id = {picture.id: picture for picture in dataset.pictures}
        pictures = [by_id[str(name)] for name in material.ids]
        # All in one run: a change that hides the face leaves the attacker the unchanged answer.
        found = engine.embed([changed(one, variant) for variant in VARIANTS for one in pictures])
        every = []
        for version in range(len(VARIANTS)):
            rows = slice(version * len(pictures), (version + 1) * len(pictures))
            broken = ~found.usable[rows]
            mine = tuple(matrix[rows].copy() for matrix in found.matrices)
            for matrix, plain in zip(mine, material.matrices, strict=True):
                matrix[broken] = plain[broken]
            every.append(mine)
        return Result(asked, changed_arrays(tuple(every)))

    asked = {"variants": [variant.name for variant in VARIANTS]}
    return Job(at_level("changed pictures", level), embed, asked, (source.name,))
