"""Planning the audit of targets that the audit trains itself: data, backbones, mitigations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from facebone.audit import jobs as work
from facebone.audit.assemble import TargetFacts
from facebone.audit.auditor import REFERENCE_ATTACK, AuditPlan, PlannedTarget
from facebone.audit.candidates import FEWEST, draw_candidates
from facebone.audit.environment import code_fingerprint, describe_environment
from facebone.audit.material import Material, embed_candidates
from facebone.audit.plan import Job, JobStore, Result, run_plan
from facebone.audit.schema import SCHEMA_VERSION, DataFacts
from facebone.audit.settings import AuditSettings, target_name
from facebone.audit.shadow_plan import add_shadows, asks_for_shadows, train_all
from facebone.audit.target import REPEATED_QUERIES, TargetRecipe
from facebone.data.dataset import Dataset
from facebone.errors import UsageError
from facebone.mitigations.base import make_mitigation
from facebone.progress import ProgressFactory, SilentProgress
from facebone.scale.executor import Executor, SerialExecutor
from facebone.settings import parse_spec
from facebone.verification.engine import EmbeddingEngine

MATERIAL, PLAIN_MATERIAL = "material", "material unaligned"


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """What the material is made from.

    Args:
        dataset: people and pictures.
        engine: embeds them as the settings ask.
        plain_engine: embeds whole pictures, for the prototype's protocol; None where it is not
            asked for.
        device: where heads are trained, resolved.
    """

    dataset: Dataset
    engine: EmbeddingEngine
    plain_engine: EmbeddingEngine | None
    device: str


def identity(settings: AuditSettings, sources: Sources) -> dict[str, Any]:
    """What makes this audit another than others: all that its figures depend on."""
    import facebone

    engines = [sources.engine] + ([sources.plain_engine] if sources.plain_engine else [])
    asked = asdict(settings) | {"root": None, "head_settings": dict(settings.head_settings)}
    return {
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
        "code": code_fingerprint(),
    }


def check_targets(settings: AuditSettings, engine: EmbeddingEngine, device: str) -> None:
    """Refuse what cannot be trained, before any picture is read.

    Raises:
        UsageError: two mitigations that are the same target, or one that does not fit the head or
            the backbones.
    """
    names = tuple(route.backbone.spec.name for route in engine.routes)
    called = [target_name(spec) for spec in settings.mitigations]
    twice = sorted({name for name in called if called.count(name) > 1})
    if twice:
        raise UsageError(f"{twice[0]} is named twice", where="--mitigation")
    for spec in settings.mitigations:
        _facts(_recipe(spec, settings, device), names)


def plan_trained(
    settings: AuditSettings,
    sources: Sources,
    store: JobStore,
    executor: Executor,
    *,
    shadow_folder: Path,
    progress: ProgressFactory = SilentProgress,
) -> AuditPlan:
    """Embed the candidates, train the shadows if an attack needs them, and plan every job.

    Args:
        settings: what is asked.
        sources: data set and engines.
        store: of the audit's folder.
        executor: trains the shadows.
        shadow_folder: where shadows are kept, for all audits.
        progress: of embedding and training.

    Raises:
        UsageError: see `check_targets`.
        DatasetError, PictureError, StorageError: see `draw_candidates` and `embed_candidates`.
    """
    names = tuple(route.backbone.spec.name for route in sources.engine.routes)
    recipes = [_recipe(spec, settings, sources.device) for spec in settings.mitigations]
    facts = [_facts(recipe, names) for recipe in recipes]
    material_jobs, prepared = _embed(settings, sources, store, progress)
    material = Material.from_arrays(prepared.values, prepared.arrays)
    problems = prepared.values["problems"]
    warnings = list(sources.dataset.warnings)
    if problems:
        warnings.append(f"{problems} pictures could not be embedded and were left out")
    plan = AuditPlan(
        seeds=settings.repeats,
        data=_data_facts(settings, sources.dataset, material),
        command=settings.command(),
        environment=describe_environment(device=_devices(sources)),
        targets=[],
        attacks=settings.attacks,
        jobs=material_jobs,
        warnings=warnings,
    )
    for recipe, fact in zip(recipes, facts, strict=True):
        _add_target(plan, recipe, fact, varies=_varies(recipe, names))
    if asks_for_shadows(settings.attacks):
        shadows = train_all(
            recipes,
            material_jobs[0],
            prepared,
            shadow_folder,
            executor,
            count=settings.shadows,
            seed=settings.seed,
            progress=progress,
        )
        for i, recipe in enumerate(recipes):
            add_shadows(plan, i, recipe, shadows[recipe.name], MATERIAL, store)
    _add_null(plan, recipes[0], material)
    if sources.plain_engine is not None:
        for recipe, fact in zip(recipes, facts, strict=True):
            _add_reference(plan, recipe, fact, settings)
    return plan


def _recipe(spec: str, settings: AuditSettings, device: str) -> TargetRecipe:
    mitigation, given = parse_spec(spec, where="--mitigation")
    return TargetRecipe(
        name=target_name(spec),
        mitigation=mitigation,
        settings=given,
        head=settings.head,
        head_settings=dict(settings.head_settings),
        device=device,
    )


def _facts(recipe: TargetRecipe, names: tuple[str, ...]) -> TargetFacts:
    mitigation = make_mitigation(recipe.mitigation, recipe.settings)
    chosen = tuple(names[i] for i in mitigation.columns(names))
    recipe.unfitted(chosen)  # refuses what cannot be trained
    return TargetFacts(
        name=recipe.name,
        mitigation=recipe.mitigation,
        description=mitigation.describe(chosen),
        backbones=chosen,
        mitigation_settings=mitigation.public_settings(),
        head=recipe.head,
        head_settings=dict(recipe.head_settings),
    )


def _varies(recipe: TargetRecipe, names: tuple[str, ...]) -> bool:
    chosen = tuple(names[i] for i in recipe.columns(names))
    return recipe.unfitted(chosen).answers_vary


def _embed(
    settings: AuditSettings, sources: Sources, store: JobStore, progress: ProgressFactory
) -> tuple[list[Job], Result]:
    """The jobs that make the material, run here: they need the data set and the backbones."""

    def job(name: str, engine: EmbeddingEngine) -> Job:
        def embed(_settings: Mapping[str, Any], _inputs: Mapping[str, Result]) -> Result:
            candidates = draw_candidates(sources.dataset, limit=settings.pairs, seed=settings.seed)
            material, problems = embed_candidates(engine, sources.dataset, candidates)
            facts, arrays = material.to_arrays()
            return Result({**facts, "problems": len(problems)}, arrays)

        asked = {
            "fingerprint": sources.dataset.fingerprint,
            "routes": [dict(route.describe()) for route in engine.routes],
            "pairs": settings.pairs,
            "seed": settings.seed,
        }
        return Job(name, embed, asked)

    jobs = [job(MATERIAL, sources.engine)]
    if sources.plain_engine is not None:
        jobs.append(job(PLAIN_MATERIAL, sources.plain_engine))
    done = run_plan(jobs, store, SerialExecutor(), progress=progress, label="preparing")
    return jobs, done[MATERIAL]


def _add_target(plan: AuditPlan, recipe: TargetRecipe, facts: TargetFacts, *, varies: bool) -> None:
    made = tuple(f"{recipe.name} seed {seed}" for seed in plan.seeds)
    for name, seed in zip(made, plan.seeds, strict=True):
        settings = {"recipe": asdict(recipe), "seed": seed}
        plan.jobs.append(Job(name, work.train_and_ask, settings, (MATERIAL,)))
    plan.targets.append(PlannedTarget(facts, made, REPEATED_QUERIES if varies else 1))


def _add_null(plan: AuditPlan, recipe: TargetRecipe, material: Material) -> None:
    """The self-test of a leak that is not there: other people's target, else other labels."""
    control, seed = material.control, plan.seeds[0]
    if min(int(control.same.sum()), int((~control.same).sum())) >= FEWEST:
        name, function, source = "other people", work.train_null, MATERIAL
        settings = {"recipe": asdict(recipe), "seed": seed}
    else:
        name, function, source = (
            "redrawn membership",
            work.redraw_membership,
            plan.targets[0].made[0],
        )
        settings = {"seed": seed}
        plan.warnings.append(
            f"only {len(control)} control pairs: the self-test without a leak redraws membership "
            "instead of training on control people"
        )
    plan.jobs.append(Job(f"self-test {name}", function, settings, (source,)))
    plan.null = (name, f"self-test {name}")


def _add_reference(
    plan: AuditPlan, recipe: TargetRecipe, facts: TargetFacts, settings: AuditSettings
) -> None:
    """The prototype's protocol for one target: always with its head, the MLP."""
    own = recipe.head_settings if settings.head == "mlp" else {}
    mlp = replace(recipe, head="mlp", head_settings=own)
    names = tuple(f"{recipe.name} reference seed {seed}" for seed in plan.seeds)
    for name, seed in zip(names, plan.seeds, strict=True):
        asked = {"recipe": asdict(mlp), "seed": seed, "attack": REFERENCE_ATTACK}
        plan.jobs.append(Job(name, work.try_reference, asked, (PLAIN_MATERIAL,)))
    plan.reference.append((facts, names))


def _data_facts(settings: AuditSettings, dataset: Dataset, material: Material) -> DataFacts:
    control = material.people[material.control.pictures()] if len(material.control) else ()
    return DataFacts(
        name=dataset.name,
        people=len(dataset.people),
        images=len(dataset.pictures),
        pairs=len(material.pool),
        fingerprint=dataset.fingerprint,
        alignment=settings.alignment,
        control_people=len(set(control)),
        control_pairs=len(material.control),
        copies=material.copies,
    )


def _devices(sources: Sources) -> str:
    backbones = sorted({str(route.backbone.device) for route in sources.engine.routes})
    return f"heads on {sources.device}, backbones on {', '.join(backbones)}"
