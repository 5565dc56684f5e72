"""Planning the audit of targets that the audit trains itself: data, backbones, mitigations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from facebone.attacks.access import Channel
from facebone.attacks.asking import parse_attack
from facebone.attacks.attack import Goal
from facebone.audit import jobs as work
from facebone.audit.answers import REPEATED_QUERIES
from facebone.audit.attack_choice import parse_access
from facebone.audit.audit_plan import (
    NULL_ATTACK,
    AuditPlan,
    PlannedTarget,
    PlannedTest,
    at_level,
)
from facebone.audit.auditor import REFERENCE_ATTACK
from facebone.audit.candidates import FEWEST
from facebone.audit.environment import describe_environment, with_code
from facebone.audit.level_material import (
    PLAIN_MATERIAL,
    LevelMaterial,
    candidates_job,
    make_material,
)
from facebone.audit.material import Material
from facebone.audit.other_goals.choice import of_goal, other_than
from facebone.audit.other_goals.plan import CrowdSource, plan_others
from facebone.audit.plan import Job, JobStore, run_plan
from facebone.audit.reconstruction.plan import ReconstructionSource, plan_reconstructions
from facebone.audit.schema import SCHEMA_VERSION, DataFacts
from facebone.audit.settings import AuditSettings
from facebone.audit.shadow_plan import ShadowSource, asks_for_shadows, level_settings, train_for
from facebone.audit.target import TargetRecipe
from facebone.audit.target_spec import target_name
from facebone.audit.trained_targets import (
    chosen_backbones,
    learns,
    target_facts,
    target_recipe,
)
from facebone.data.dataset import Dataset
from facebone.data.splits import Level, parse_level
from facebone.progress import ProgressFactory, SilentProgress
from facebone.scale.executor import Executor, SerialExecutor
from facebone.scale.shelves import Place
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.heads import LearningHead, PeopleHead
from facebone.verification.routes import Route


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """What the material is made from.

    Args:
        dataset: people and pictures.
        engine: embeds them as the settings ask.
        plain_engine: embeds whole pictures, for the prototype's protocol; None where it is not
            asked for.
        device: where heads are trained, resolved.
        judge: the recogniser that looks at reconstructions, and stands for another system; None
            where neither is asked for.
    """

    dataset: Dataset
    engine: EmbeddingEngine
    plain_engine: EmbeddingEngine | None
    device: str
    judge: Route | None = None


def identity(settings: AuditSettings, sources: Sources) -> dict[str, Any]:
    """What makes this audit another than others: all that its figures depend on."""
    import facebone

    engines = [sources.engine] + ([sources.plain_engine] if sources.plain_engine else [])
    asked = asdict(settings) | {"root": None, "head_settings": dict(settings.head_settings)}
    described = {
        **{
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asked.items()
        },
        "mitigations": [target_name(spec) for spec in settings.mitigations],
        "device": sources.device,
        "fingerprint": sources.dataset.fingerprint,
        "routes": [dict(route.describe()) for engine in engines for route in engine.routes],
        "schema": SCHEMA_VERSION,
        "facebone": facebone.__version__,
    }
    return with_code(described)


def plan_trained(
    settings: AuditSettings,
    sources: Sources,
    store: JobStore,
    executor: Executor,
    *,
    shadow_folder: Place,
    progress: ProgressFactory = SilentProgress,
) -> AuditPlan:
    """Embed the candidates, train the shadows if an attack needs them, and plan every job.

    Args:
        settings: what is asked.
        sources: data set and engines.
        store: of the audit's folder.
        executor: trains the shadows.
        shadow_folder: where shadows are kept, for all audits.
        progress: of training shadows; the engines tell how far embedding has got.

    Raises:
        UsageError: see `check_targets`.
        DatasetError, PictureError, StorageError: see `make_material`.
    """
    names = tuple(route.backbone.spec.name for route in sources.engine.routes)
    recipes = [
        target_recipe(spec, settings, names, sources.device) for spec in settings.mitigations
    ]
    levels = [
        make_material(
            parse_level(level),
            settings,
            sources.dataset,
            sources.engine,
            store,
            with_changed=_asks_for_changed(settings.attacks),
            with_shifted=settings.shifts and any(learns(recipe, names) for recipe in recipes),
        )
        for level in settings.levels
    ]
    plan = AuditPlan(
        seeds=settings.repeats,
        data=_datatarget_facts(settings, sources.dataset, levels),
        command=settings.command(),
        environment=describe_environment(device=_devices(sources)),
        targets=[],
        attacks=settings.attacks,
        jobs=[job for level in levels for job in level.every_job],
        access=parse_access(settings.access),
        warnings=list(sources.dataset.warnings),
    )
    problems = sum(level.problems for level in levels)
    if problems:
        plan.warnings.append(f"{problems} pictures could not be embedded and were left out")
    for level in levels:
        _add_level(plan, level, recipes, names)
        if asks_for_shadows(plan, level.level):
            train_for(
                plan,
                level,
                recipes,
                store,
                ShadowSource(shadow_folder, executor, settings.shadows, settings.seed),
                progress=progress,
            )
        _add_null(plan, recipes[0], level)
    rebuilding = of_goal(settings.others, Goal.RECONSTRUCTION)
    if rebuilding and sources.judge is not None:
        _add_reconstructions(
            plan, rebuilding, recipes, levels, sources, sources.judge, store, executor, progress
        )
    further = other_than(settings.others, Goal.RECONSTRUCTION)
    if further:
        source = CrowdSource(sources.dataset, sources.engine, sources.judge, settings.seed)
        jobs, planned = plan_others(further, _named(recipes, levels), store, source)
        _add_jobs(plan, jobs)
        plan.others += planned
    if sources.plain_engine is not None:
        job = candidates_job(
            PLAIN_MATERIAL, Level.PAIR, settings, sources.dataset, sources.plain_engine
        )
        run_plan([job], store, SerialExecutor())
        plan.jobs.append(job)
        _add_reference(plan, recipes, names, settings)
    return plan


def _add_level(
    plan: AuditPlan, level: LevelMaterial, recipes: Sequence[TargetRecipe], names: tuple[str, ...]
) -> None:
    """The targets of a level."""
    for recipe in recipes:
        unfitted = recipe.unfitted(chosen_backbones(recipe, names))
        target = PlannedTarget(
            facts=target_facts(recipe, names, level.level),
            made=tuple(f"{at_level(recipe.name, level.level)} seed {seed}" for seed in plan.seeds),
            queries=REPEATED_QUERIES if unfitted.answers_vary else 1,
            ways=len(chosen_backbones(recipe, names)) if unfitted.alternates else 1,
            adapts=isinstance(unfitted, PeopleHead),
            material=None if level.level is Level.PAIR else level.source,
        )
        channels = plan.channels_of(target)
        plan.targets.append(target)
        inputs, more = level.inputs, {}
        if level.shifted is not None and isinstance(unfitted, LearningHead):
            inputs, more = (*inputs, level.shifted.name), {"shifted": level.shifted.name}
        for name, seed in zip(target.made, plan.seeds, strict=True):
            asked = level_settings(level, recipe, channels) | more | {"seed": seed}
            plan.jobs.append(Job(name, work.train_and_ask, asked, inputs))


def _add_reconstructions(
    plan: AuditPlan,
    specs: Sequence[str],
    recipes: Sequence[TargetRecipe],
    levels: Sequence[LevelMaterial],
    sources: Sources,
    judge: Route,
    store: JobStore,
    executor: Executor,
    progress: ProgressFactory,
) -> None:
    """Attacks on the templates of every target."""
    jobs, planned = plan_reconstructions(
        specs,
        _named(recipes, levels),
        store,
        ReconstructionSource(
            sources.dataset, sources.engine, judge, sources.device, executor, plan.seeds[0]
        ),
        progress=progress,
    )
    _add_jobs(plan, jobs)
    plan.reconstructions += planned


def _named(
    recipes: Sequence[TargetRecipe], levels: Sequence[LevelMaterial]
) -> list[tuple[str, TargetRecipe, LevelMaterial]]:
    """Every target: its name in results, how it is made, and what of."""
    return [(at_level(one.name, level.level), one, level) for level in levels for one in recipes]


def _add_jobs(plan: AuditPlan, jobs: Sequence[Job]) -> None:
    """Those that the plan does not have."""
    known = {job.name for job in plan.jobs}
    plan.jobs += [job for job in jobs if job.name not in known]


def _asks_for_changed(attacks: Sequence[str]) -> bool:
    wanted = {Channel.VARIANTS, Channel.DECISIONS}
    return any(wanted & set(parse_attack(spec).channels) for spec in attacks)


def _add_null(plan: AuditPlan, recipe: TargetRecipe, level: LevelMaterial) -> None:
    """The self-test of a leak that is not there: other people's target, else other labels."""
    material, seed = level.material, plan.seeds[0]
    control = material.control if isinstance(material, Material) else material.control_pairs()
    of_units = None if level.level is Level.PAIR else level.source
    matched, mismatched = int(control.same.sum()), int((~control.same).sum())
    few = f"only {matched} matched and {mismatched} mismatched pairs of control people"
    few += "" if of_units is None else f" at the level {level.level}"
    if min(matched, mismatched) >= FEWEST:
        kind, function = "other people", work.train_null
        settings: dict[str, Any] = level_settings(level, recipe, ()) | {"seed": seed}
        inputs = level.inputs
    elif of_units is None:
        kind, function = "redrawn membership", work.redraw_membership
        first = next(target for target in plan.targets if target.facts.level is level.level)
        settings, inputs = {"seed": seed}, (first.made[0],)
        plan.warnings.append(
            f"{few}: the self-test without a leak redraws membership instead of training on them"
        )
    else:
        plan.warnings.append(f"{few}: no self-test without a leak was run there")
        return
    name = at_level(kind, level.level)
    plan.jobs.append(Job(f"self-test {name}", function, settings, inputs))
    plan.nulls.append(PlannedTest(name, kind, NULL_ATTACK, f"self-test {name}", of_units))


def _add_reference(
    plan: AuditPlan,
    recipes: Sequence[TargetRecipe],
    names: tuple[str, ...],
    settings: AuditSettings,
) -> None:
    """The prototype's protocol for every target: whole pictures, and always its head, the MLP."""
    for recipe in recipes:
        own = recipe.head_settings if recipe.head == "mlp" else {}
        mlp = replace(recipe, head="mlp", head_settings=own)
        made = tuple(f"{recipe.name} reference seed {seed}" for seed in plan.seeds)
        for name, seed in zip(made, plan.seeds, strict=True):
            asked = {"recipe": asdict(mlp), "seed": seed, "attack": REFERENCE_ATTACK}
            plan.jobs.append(Job(name, work.try_reference, asked, (PLAIN_MATERIAL,)))
        plan.reference.append((target_facts(recipe, names), made))


def _datatarget_facts(
    settings: AuditSettings, dataset: Dataset, levels: Sequence[LevelMaterial]
) -> DataFacts:
    # Of pairs where they are asked about, in whatever order the levels were named.
    material = min(levels, key=lambda one: one.level is not Level.PAIR).material
    if isinstance(material, Material):
        control, pairs, copies = material.control, len(material.pool), material.copies
    else:
        control, pairs, copies = material.control_pairs(), len(material.training), 0
    people = material.people[control.pictures()] if len(control) else ()
    return DataFacts(
        name=dataset.name,
        people=len(dataset.people),
        images=len(dataset.pictures),
        pairs=pairs,
        fingerprint=dataset.fingerprint,
        alignment=settings.alignment,
        control_people=len(set(people)),
        control_pairs=len(control),
        copies=copies,
    )


def _devices(sources: Sources) -> str:
    backbones = sorted({str(route.backbone.device) for route in sources.engine.routes})
    return f"heads on {sources.device}, backbones on {', '.join(backbones)}"
