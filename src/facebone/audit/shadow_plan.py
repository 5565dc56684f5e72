"""Planning shadows: trained once into a store that audits share, then handed to each audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from facebone.attacks.base import ATTACKS
from facebone.audit import jobs as work
from facebone.audit.auditor import AuditPlan, PlannedShadows
from facebone.audit.environment import code_fingerprint
from facebone.audit.plan import Job, JobStore, Result, run_plan
from facebone.audit.shadows import AT_ONCE
from facebone.audit.target import TargetRecipe
from facebone.files import storage_errors
from facebone.progress import ProgressFactory, SilentProgress
from facebone.scale.executor import Executor, SerialExecutor
from facebone.settings import parse_spec


def asks_for_shadows(attacks: Sequence[str]) -> bool:
    """Whether any of these attacks needs shadows."""
    names = (parse_spec(spec, where="--attack")[0] for spec in attacks)
    return any(ATTACKS.get(name).needs_shadows for name in names)


def train_all(
    recipes: Sequence[TargetRecipe],
    material: Job,
    result: Result,
    folder: Path,
    executor: Executor,
    *,
    count: int,
    seed: int,
    progress: ProgressFactory = SilentProgress,
) -> dict[str, Result]:
    """Train the shadows of every target that are not in the store yet.

    Args:
        recipes: of the targets.
        material: the job that made the material.
        result: its result.
        folder: of the store, shared by all audits.
        executor: runs the training.
        count: shadows of each target.
        seed: of the shadows.
        progress: of the training.

    Returns:
        The answers of each target's `count` shadows, by the target's name.

    Raises:
        UsageError: a head that learns nothing.
        StorageError: the store cannot be written.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    store = JobStore(folder)

    def hand_over(_settings: Mapping[str, Any], _inputs: Mapping[str, Result]) -> Result:
        return Result(result.values, result.arrays)

    source = Job(material.name, hand_over, material.settings)
    run_plan([source], store, SerialExecutor())  # handed over in this process alone
    jobs = {recipe.name: _batches(recipe, source.name, count, seed) for recipe in recipes}
    done = run_plan(
        [source, *(job for batches in jobs.values() for job in batches)],
        store,
        executor,
        progress=progress,
        label="training shadows",
    )
    return {
        name: _join([done[job.name] for job in batches], count) for name, batches in jobs.items()
    }


def add_shadows(
    plan: AuditPlan, i: int, recipe: TargetRecipe, answers: Result, source: str, store: JobStore
) -> None:
    """Add to a plan what attacks with shadows need about its target number `i`.

    Args:
        plan: with the target in it.
        i: position of the target.
        recipe: of it.
        answers: its shadows', from `train_all`.
        source: name of the job that makes the material.
        store: of the audit, which takes the answers over.
    """
    target = plan.targets[i]

    def hand_over(_settings: Mapping[str, Any], _inputs: Mapping[str, Result]) -> Result:
        return answers

    name = f"{recipe.name} shadows"
    taken = Job(name, hand_over, {"recipe": asdict(recipe), **answers.values})
    run_plan([taken], store, SerialExecutor())
    plan.jobs.append(taken)
    rows, control, compared = [], [], []
    for made, seed in zip(target.made, plan.seeds, strict=True):
        rows.append(f"rows seed {seed}")
        if rows[-1] not in {job.name for job in plan.jobs}:
            plan.jobs.append(Job(rows[-1], work.find_rows, {"seed": seed}, (source,)))
        control.append(f"{recipe.name} of other people seed {seed}")
        settings = {"recipe": asdict(recipe), "seed": seed}
        plan.jobs.append(Job(control[-1], work.train_null, settings, (source,)))
        compared.append(f"{made} and its shadows")
        named = {"table": made, "shadows": name, "rows": rows[-1]}
        plan.jobs.append(
            Job(compared[-1], work.compare_with_shadows, named, (made, name, rows[-1]))
        )
    shadows = PlannedShadows(name, tuple(rows), tuple(control), tuple(compared))
    plan.targets[i] = replace(target, shadows=shadows)


def _batches(recipe: TargetRecipe, source: str, count: int, seed: int) -> list[Job]:
    """Whole batches, so that more shadows later take over all that are there."""
    jobs = []
    for first in range(0, count, AT_ONCE):
        settings = {
            "recipe": asdict(recipe),
            "seed": seed,
            "numbers": list(range(first, first + AT_ONCE)),
            "code": code_fingerprint(),
        }
        jobs.append(Job(f"{recipe.name} shadows {first}", work.train_batch, settings, (source,)))
    return jobs


def _join(batches: Sequence[Result], count: int) -> Result:
    """The first `count` shadows of all batches."""
    arrays = {
        name: np.concatenate([batch.arrays[name] for batch in batches])[:count]
        for name in ("log_odds", "trained")
    }
    return Result({"count": count}, arrays)
