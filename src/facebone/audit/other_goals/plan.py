"""Planning attacks of other goals than membership and reconstruction: a job a target and attack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from facebone.attacks.access import Access
from facebone.attacks.attack import Goal
from facebone.attacks.linkage.base import LinkageAttack
from facebone.audit.attributes.jobs import infer
from facebone.audit.extraction.jobs import copy_target
from facebone.audit.level_material import LevelMaterial
from facebone.audit.linkage.jobs import link_records
from facebone.audit.other_goals.choice import OtherAttack, of_goal, parse_other
from facebone.audit.other_goals.crowd import CROWD, crowd_job
from facebone.audit.other_goals.planned import PlannedAttack
from facebone.audit.plan import Job, JobFunction, JobStore, run_plan
from facebone.audit.target import TargetRecipe
from facebone.data.dataset import Dataset
from facebone.scale.executor import SerialExecutor
from facebone.settings import plain
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import Route

JOBS: Mapping[Goal, JobFunction] = {
    Goal.EXTRACTION: copy_target,
    Goal.LINKAGE: link_records,
    Goal.ATTRIBUTES: infer,
}
"""What runs and measures an attack, by its goal."""


@dataclass(frozen=True, slots=True, eq=False)
class CrowdSource:
    """What people are drawn and embedded from.

    Args:
        dataset: people and pictures.
        engine: of the audit's backbones.
        network: another public backbone, by which another database is made; None where no attack
            needs one.
        seed: of people, targets and attacks.
    """

    dataset: Dataset
    engine: EmbeddingEngine
    network: Route | None
    seed: int


def plan_others(
    specs: Sequence[str],
    targets: Sequence[tuple[str, TargetRecipe, LevelMaterial]],
    store: JobStore,
    source: CrowdSource,
) -> tuple[list[Job], list[PlannedAttack]]:
    """Draw and embed the people, and plan a job for each attack on each target.

    Attacks on templates that anybody can work out are run once for all targets that store them.

    Args:
        specs: of the attacks.
        targets: name, recipe and material of each.
        store: of the audit.
        source: of people.

    Raises:
        DatasetError, PictureError, StorageError: see `crowd_job`.
    """
    crowd = crowd_job(
        source.dataset,
        source.engine,
        network=source.network,
        traits=bool(of_goal(specs, Goal.ATTRIBUTES)),
        seed=source.seed,
    )
    run_plan([crowd], store, SerialExecutor())
    names = tuple(route.backbone.spec.name for route in source.engine.routes)
    jobs, planned = {crowd.name: crowd}, []
    for name, recipe, level in targets:
        for spec in specs:
            job = _job(parse_other(spec), name, recipe, level, names, source.seed)
            jobs.setdefault(job.name, job)
            planned.append(PlannedAttack(name, spec, job.name))
    return list(jobs.values()), planned


def _job(
    asked: OtherAttack,
    target: str,
    recipe: TargetRecipe,
    level: LevelMaterial,
    names: tuple[str, ...],
    seed: int,
) -> Job:
    columns = recipe.columns(names)
    chosen = tuple(names[column] for column in columns)
    public = asked.attack.access is Access.EMBEDDING and recipe.unfitted(chosen).public_templates
    on = " + ".join(chosen) if public else target
    settings: dict[str, Any] = {
        "attack": asked.attack.name,
        "attack_settings": dict(asked.settings),
        "recipe": plain(asdict(recipe)),
        "material": level.source,
        "seed": seed,
    }
    if asked.queries:
        settings["queries"] = list(asked.queries)
    return Job(f"{asked.spec} on {on}", JOBS[asked.attack.goal], settings, (CROWD, level.source))


def needs_other_network(specs: Sequence[str]) -> bool:
    """Whether an attack links to a database that another backbone made."""
    return any(
        isinstance(attack, LinkageAttack) and attack.needs_anchors
        for attack in (parse_other(spec).attack for spec in specs)
    )
