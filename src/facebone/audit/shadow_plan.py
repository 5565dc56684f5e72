"""Planning shadows: trained into a store that audits share, asked, and handed to each audit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from facebone.attacks.access import Channel
from facebone.audit import jobs as work
from facebone.audit import trial_jobs as trials
from facebone.audit.audit_plan import AuditPlan, PlannedShadows, PlannedTarget, at_level
from facebone.audit.environment import with_code
from facebone.audit.job_store import open_shared
from facebone.audit.level_material import LevelMaterial
from facebone.audit.plan import Job, JobStore, Result, run_plan
from facebone.audit.shadows import AT_ONCE
from facebone.audit.target import TargetRecipe
from facebone.data.splits import Level
from facebone.progress import ProgressFactory, SilentProgress
from facebone.scale.executor import Executor, SerialExecutor
from facebone.scale.shelves import Place


@dataclass(frozen=True, slots=True, eq=False)
class ShadowSource:
    """Where shadows are kept, and how many are wanted.

    Args:
        folder: of the store, shared by all audits; may be a URL.
        executor: runs the training.
        count: shadows of each target.
        seed: of the shadows.
    """

    folder: Place
    executor: Executor
    count: int
    seed: int


def asks_for_shadows(plan: AuditPlan, level: Level) -> bool:
    """Whether any attack on a target of this level needs shadows."""
    return any(
        attack.asking.kind.needs_shadows
        for target in plan.targets
        if target.facts.level is level
        for attack in plan.attacks_on(target)
    )


def level_settings(
    level: LevelMaterial, recipe: TargetRecipe, channels: Iterable[Channel]
) -> dict[str, Any]:
    """Settings of a job that trains by a recipe, or asks, at a level."""
    return {
        "recipe": asdict(recipe),
        "material": level.source,
        "changed": level.changed,
        "channels": [channel.value for channel in channels],
    }


def train_for(
    plan: AuditPlan,
    level: LevelMaterial,
    recipes: Sequence[TargetRecipe],
    store: JobStore,
    source: ShadowSource,
    *,
    progress: ProgressFactory = SilentProgress,
) -> None:
    """Train and ask the shadows that are not in the store yet, and add them to a plan.

    Args:
        plan: with the targets of the level in it.
        level: of the candidates.
        recipes: of the targets of the level, in the plan's order.
        store: of the audit, which takes the answers over.
        source: of the shadows.
        progress: of the training.

    Raises:
        UsageError: a head that learns nothing.
        StorageError: the store cannot be written.
    """
    mine = [i for i, target in enumerate(plan.targets) if target.facts.level is level.level]
    channels = [plan.channels_of(plan.targets[i]) for i in mine]
    answers = train_all(recipes, channels, level, store, source, progress=progress)
    for i, recipe, asked in zip(mine, recipes, channels, strict=True):
        target = plan.targets[i]
        plan.targets[i] = replace(
            target, shadows=_add(plan, target, recipe, level, asked, answers[recipe.name], store)
        )


def train_all(
    recipes: Sequence[TargetRecipe],
    channels: Sequence[Sequence[Channel]],
    level: LevelMaterial,
    store: JobStore,
    source: ShadowSource,
    *,
    progress: ProgressFactory = SilentProgress,
) -> dict[str, Result]:
    """The answers of `source.count` shadows of each recipe, by the recipe's name.

    Heads are kept under a key of data, recipe, seed and code, and answers under that and what was
    asked: what is there already is not made again.

    Args:
        recipes: of the targets.
        channels: what to record of each besides the answers.
        level: of the candidates.
        store: that holds the material.
        source: of the shadows.
        progress: of the training.
    """
    shared = open_shared(source.folder)
    known = run_plan(level.jobs, store, SerialExecutor())
    handed = [
        _hand_over(job.name, job.settings, job.inputs, partial(known.__getitem__, job.name))
        for job in level.jobs
    ]
    run_plan(handed, shared, SerialExecutor())  # handed over in this process alone
    jobs, asked = [], {}
    for recipe, wanted in zip(recipes, channels, strict=True):
        batches = [_batch(recipe, level, wanted, first, source) for first in _firsts(source.count)]
        jobs += [job for batch in batches for job in batch]
        asked[recipe.name] = [batch[1].name for batch in batches]
    label = at_level(f"training shadows, {AT_ONCE} at once", level.level)
    done = run_plan([*handed, *jobs], shared, source.executor, progress=progress, label=label)
    return {
        name: _join([done[job] for job in batches], source.count) for name, batches in asked.items()
    }


def _firsts(count: int) -> range:
    """Numbers that batches begin with: whole ones, so that more shadows later take all over."""
    return range(0, count, AT_ONCE)


def _hand_over(
    name: str, settings: Mapping[str, Any], inputs: tuple[str, ...], load: Callable[[], Result]
) -> Job:
    """A job that was done elsewhere; its result is loaded only where it is not known yet."""

    def give(_settings: Mapping[str, Any], _inputs: Mapping[str, Result]) -> Result:
        return load()

    return Job(name, give, settings, inputs)


def _batch(
    recipe: TargetRecipe,
    level: LevelMaterial,
    channels: Sequence[Channel],
    first: int,
    source: ShadowSource,
) -> tuple[Job, Job]:
    """The jobs that train a batch of shadows, and ask them. Training needs no changed pictures."""
    common = with_code(
        {
            "recipe": asdict(recipe),
            "material": level.source,
            "seed": source.seed,
            "numbers": list(range(first, first + AT_ONCE)),
        }
    )
    name = f"{at_level(recipe.name, level.level)} shadows {first}"
    train = Job(name, work.train_batch, common, (level.source,))
    settings = common | level_settings(level, recipe, channels) | {"heads": name}
    ask = Job(f"{name} answers", work.ask_batch, settings, (*level.inputs, name))
    return train, ask


def _join(batches: Sequence[Result], count: int) -> Result:
    """The first `count` shadows of all batches."""
    arrays = {
        name: np.concatenate([batch.arrays[name] for batch in batches])[:count]
        for name in batches[0].arrays
    }
    return Result({"count": count}, arrays)


def _add(
    plan: AuditPlan,
    target: PlannedTarget,
    recipe: TargetRecipe,
    level: LevelMaterial,
    channels: Sequence[Channel],
    answers: Result,
    store: JobStore,
) -> PlannedShadows:
    """Add to a plan what attacks with shadows need about one target."""
    name, of_units = f"{target.facts.name} shadows", target.material is not None
    asked = {**level_settings(level, recipe, channels), **answers.values}
    taken = _hand_over(name, asked, (), lambda: answers)
    run_plan([taken], store, SerialExecutor())
    plan.jobs.append(taken)
    rows, control, compared = [], [], []
    for made, seed in zip(target.made, plan.seeds, strict=True):
        beside = {"table": made, "shadows": name}
        inputs = [made, name]
        if of_units:
            beside["material"] = level.source
            inputs.append(level.source)
        else:
            rows.append(f"rows seed {seed}")
            beside["rows"] = rows[-1]
            inputs.append(rows[-1])
            if rows[-1] not in {job.name for job in plan.jobs}:
                place = {"material": level.source, "seed": seed}
                plan.jobs.append(Job(rows[-1], work.find_rows, place, (level.source,)))
        control.append(f"{target.facts.name} of other people seed {seed}")
        settings = level_settings(level, recipe, channels) | {"seed": seed}
        plan.jobs.append(Job(control[-1], work.train_null, settings, level.inputs))
        compared.append(f"{made} and its shadows")
        plan.jobs.append(Job(compared[-1], trials.compare_with_shadows, beside, tuple(inputs)))
    return PlannedShadows(name, tuple(rows), tuple(control), tuple(compared))
