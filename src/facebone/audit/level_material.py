"""The jobs that make the material of each level, in this process: they read pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facebone.audit.audit_plan import at_level
from facebone.audit.bought_pairs import Groups, pair_groups, shifted_rows, unit_groups
from facebone.audit.candidates import draw_candidates, first_copies
from facebone.audit.gallery import changed_arrays
from facebone.audit.material import Material, embed_candidates
from facebone.audit.plan import Job, JobStore, Result, run_plan
from facebone.audit.settings import AuditSettings
from facebone.audit.shifted import embed_shifted, shifted_to_arrays, shifts_for
from facebone.audit.target import members_of_seed
from facebone.audit.unit_candidates import draw_units
from facebone.audit.unit_material import UnitMaterial, embed_units, members_of
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
        shifted: the job that embeds pictures in shifted domains, which only targets are asked
            about; None where these are left out.
    """

    level: Level
    jobs: tuple[Job, ...]
    material: Material | UnitMaterial
    problems: int
    shifted: Job | None = None

    @property
    def source(self) -> str:
        """Name of the job that makes the candidates."""
        return self.jobs[0].name

    @property
    def changed(self) -> str | None:
        """Name of the job that makes their changed pictures."""
        return self.jobs[1].name if len(self.jobs) > 1 else None

    @property
    def every_job(self) -> tuple[Job, ...]:
        """All of them, in order."""
        return self.jobs if self.shifted is None else (*self.jobs, self.shifted)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of both, by which shadows are asked too."""
        return tuple(job.name for job in self.jobs)


def make_material(
    level: Level,
    settings: AuditSettings,
    dataset: Dataset,
    engine: EmbeddingEngine,
    store: JobStore,
    *,
    with_changed: bool,
    with_shifted: bool = False,
) -> LevelMaterial:
    """Draw and embed the candidates of a level, or take them from the store.

    The engine tells how far it has got.

    Args:
        level: what a member is.
        settings: of the audit.
        dataset: people and pictures.
        engine: that embeds them.
        store: of the audit.
        with_changed: whether changed pictures are asked about.
        with_shifted: whether it is measured what training bought in shifted domains.

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
    shifted = None
    if with_shifted:
        shifted = _shifted_job(level, job, material, settings.repeats, dataset, engine)
        run_plan([job, shifted], store, SerialExecutor())
    return LevelMaterial(level, tuple(jobs), material, int(made.values["problems"]), shifted)


def candidates_job(
    name: str, level: Level, settings: AuditSettings, dataset: Dataset, engine: EmbeddingEngine
) -> Job:
    """The job that draws and embeds candidates with one engine."""

    def embed(_settings: Mapping[str, Any], _inputs: Mapping[str, Result]) -> Result:
        material: Material | UnitMaterial
        first_copies(dataset, engine.executor)  # found once, by whoever embeds
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


def _shifted_job(
    level: Level,
    source: Job,
    material: Material | UnitMaterial,
    seeds: tuple[int, ...],
    dataset: Dataset,
    engine: EmbeddingEngine,
) -> Job:
    """The job that embeds what the targets of all seeds are asked about in shifted domains."""

    def embed(_settings: Mapping[str, Any], _inputs: Mapping[str, Result]) -> Result:
        rows = shifted_rows([_groups(material, seed) for seed in seeds])
        return Result(*shifted_to_arrays(embed_shifted(engine, dataset, material, rows)))

    asked = {"shifts": [shift.name for shift in shifts_for(engine.routes)], "seeds": list(seeds)}
    return Job(at_level("shifted pictures", level), embed, asked, (source.name,))


def _groups(material: Material | UnitMaterial, seed: int) -> Groups:
    """Of whom the target of a seed is asked about."""
    if isinstance(material, Material):
        return pair_groups(material, members_of_seed(material, seed=seed))
    return unit_groups(material, *members_of(material, seed=seed))
