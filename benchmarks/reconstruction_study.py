"""What each defence does against each attack that does not ask about membership.

LFW, faces aligned, one backbone attacked and another judging: the parts of `facebone audit` that
rebuild faces, copy verifiers and link records, run on an undefended MLP and on the same MLP under
every defence; attributes, which LFW does not state, on synthetic people. Writes
results/reconstruction_study.json and docs/other-attacks-measured.md; results of jobs are kept in
runs/reconstruction_study, where an interrupted run goes on. About 50 minutes of one core.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.reconstruction_page import ON_TWO, write_page
from benchmarks.results_file import write_result
from facebone.audit.job_store import JobStore, open_shared
from facebone.audit.level_material import LevelMaterial, make_material
from facebone.audit.other_goals.plan import CrowdSource, plan_others
from facebone.audit.other_goals.results import results_on
from facebone.audit.plan import run_plan
from facebone.audit.reconstruction.judge import open_judge
from facebone.audit.reconstruction.plan import ReconstructionSource, plan_reconstructions
from facebone.audit.reconstruction.result import reconstruction_result
from facebone.audit.settings import AuditSettings
from facebone.audit.target import TargetRecipe
from facebone.audit.trained_targets import target_recipe
from facebone.config import assets_folder
from facebone.data.dataset import Dataset, load_dataset
from facebone.data.splits import Level
from facebone.data.synthetic import synthetic_dataset
from facebone.progress import for_console
from facebone.scale.executor import SerialExecutor
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.opening import open_store
from facebone.verification.routes import Route, open_routes

KEPT = Path(__file__).parent.parent / "runs" / "reconstruction_study"

ALIGNMENT = "five-point"
SEED = 7
"""Of people, targets and attacks: settings of the attacks were chosen on other draws."""

ATTACKED, SECOND, JUDGE = "mobilefacenet_ms1m_a", "dlib", "mobilefacenet_ms1m_b"
SYNTHETIC, SYNTHETIC_PEOPLE, SYNTHETIC_PICTURES = "tiny_residual", 480, 4

RECIPES = (
    *("early_stopping", "weight_decay", "dropout", "label_smoothing", "mixup"),
    *("relaxloss", "adversarial_regularisation", "hamp", "selena", "dp_sgd"),
)
GUARDS = (
    *("rounding:digits=2", "rounding", "decision_only"),
    *("keyed_noise", "keyed_noise:scale=8", "memguard", "query_budget"),
)
DEFENCES = ("none", "none@logistic", "keyed_templates", *GUARDS, *RECIPES)
FUSED = ("none", "facebone", "keyed_templates")
"""Targets on two backbones, which FaceBone needs."""
DECIDING = ("none", "none@logistic", "rounding@logistic", "keyed_noise:scale=8@logistic")
"""Targets from whose decisions faces are rebuilt, which takes the most questions."""

TEMPLATES = ("template_ridge", *(f"template_ridge:enrolled={n}" for n in (64, 256, 1024)))
UNKEYED = (
    "template_ridge:knows=networks",
    *(f"template_ridge:knows=both,enrolled={n}" for n in (8, 32, 128)),
)
SCORES = "score_regression"
LINKED = ("direct", "open_set_identification", "score_identification")
COPIED = ("copy_head:queries=1000",)


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """Attacks that rebuild faces, on some targets.

    Args:
        attacks: as ``facebone audit --attack`` takes them.
        targets: as ``--mitigation`` takes them.
        people: attacked, at most.
    """

    attacks: tuple[str, ...]
    targets: tuple[str, ...]
    people: int


FUSED_REBUILDING = Rebuilding(("template_ridge", UNKEYED[0], SCORES), FUSED, 100)
REBUILDING = (
    Rebuilding((*TEMPLATES, SCORES), ("none",), 200),
    Rebuilding(("template_ridge", *UNKEYED), ("keyed_templates",), 200),
    Rebuilding((SCORES,), DEFENCES, 100),
    Rebuilding(("decision_bisection",), ("none",), 25),
    Rebuilding(("decision_bisection:queries=1000",), DECIDING, 10),
    Rebuilding(
        (
            *("template_gradient", "template_gradient:moves=template,steps=60"),
            "template_synthesis",
        ),
        ("none",),
        25,
    ),
    Rebuilding(("score_search", "score_gradient", "mi_face"), ("none",), 25),
    Rebuilding(
        ("template_gradient:knows=networks", "template_gradient:knows=both"),
        ("keyed_templates",),
        25,
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Where targets are made and attacked.

    Args:
        dataset: people and pictures.
        engine: of the attacked backbones.
        level: what targets learn from.
        settings: of the audit.
        store: of results.
    """

    dataset: Dataset
    engine: EmbeddingEngine
    level: LevelMaterial
    settings: AuditSettings
    store: JobStore

    @property
    def backbones(self) -> tuple[str, ...]:
        """Names of the attacked ones."""
        return tuple(route.backbone.spec.name for route in self.engine.routes)

    def targets(self, specs: Sequence[str]) -> list[tuple[str, TargetRecipe, LevelMaterial]]:
        """Names, recipes and material, as an audit plans them."""
        return [
            (spec, target_recipe(spec, self.settings, self.backbones, "cpu"), self.level)
            for spec in specs
        ]


def world(data: str, dataset: Dataset, backbones: tuple[str, ...]) -> World:
    """Embed what targets learn from."""
    # A second backbone's detector overlooks a few faces, which stand in the middle all the same.
    missing = "error" if len(backbones) == 1 else "centre"
    routes = open_routes(backbones, alignment=ALIGNMENT, missing=missing)
    engine = EmbeddingEngine(routes, store=open_store(), progress=for_console)
    settings = AuditSettings(
        data=data,
        backbones=backbones,
        mitigations=DEFENCES,
        alignment=ALIGNMENT,
        seed=SEED,
        device="cpu",
        shifts=False,
    )
    store = open_shared(KEPT)
    level = make_material(Level.PAIR, settings, dataset, engine, store, with_changed=False)
    return World(dataset, engine, level, settings, store)


@cache
def photographs(*backbones: str) -> World:
    """LFW."""
    dataset = load_dataset("lfw", (assets_folder() or Path()) / "lfw")
    return world("lfw", dataset, backbones)


@cache
def judge() -> Route:
    """The recogniser that no attack uses."""
    return open_judge(JUDGE, photographs(ATTACKED).engine, device="cpu")


def rebuild(here: World, part: Rebuilding) -> list[dict[str, Any]]:
    """Figures of some attacks that rebuild faces."""
    jobs, planned = plan_reconstructions(
        part.attacks,
        here.targets(part.targets),
        here.store,
        ReconstructionSource(
            here.dataset, here.engine, judge(), "cpu", SerialExecutor(), SEED, part.people
        ),
        progress=for_console,
    )
    done = run_plan(jobs, here.store, SerialExecutor())
    return [
        {"target": one.target, **reconstruction_result(one, here.backbones, done).model_dump()}
        for one in planned
    ]


def attack_others(
    here: World, specs: Sequence[str], targets: Sequence[str]
) -> list[dict[str, Any]]:
    """Figures of attacks of the other goals."""
    source = CrowdSource(here.dataset, here.engine, None, SEED)
    jobs, planned = plan_others(specs, here.targets(targets), here.store, source)
    every = [*here.level.jobs, *jobs]
    done = run_plan(every, here.store, SerialExecutor(), progress=for_console, label="attacking")
    # Each attribute by itself is for the study of attributes.
    return [
        {"target": target, **one.model_dump(exclude={"attributes"})}
        for target in targets
        for several in results_on(target, planned, done).values()
        for one in several
    ]


def on_two(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of targets on two backbones, which say so."""
    return [row | {"target": f"{row['target']}{ON_TWO}"} for row in rows]


def main() -> int:
    if assets_folder() is None:
        print("FACEBONE_ASSETS is not set", file=sys.stderr)
        return 2
    figures: dict[str, Any] = {"rebuilt": [], "copied": [], "linked": [], "attributes": []}

    def keep(part: str, found: Sequence[dict[str, Any]]) -> None:
        # A page of what there is, while the rest is at work.
        figures[part] += found
        write_result("reconstruction_study", figures)
        write_page()

    real = photographs(ATTACKED)
    for part in REBUILDING[:3]:
        keep("rebuilt", rebuild(real, part))
    keep("linked", attack_others(real, LINKED, DEFENCES))
    keep("copied", attack_others(real, COPIED, DEFENCES))
    people = synthetic_dataset(SYNTHETIC_PEOPLE, SYNTHETIC_PICTURES, seed=SEED)
    drawn = world("synthetic", people, (SYNTHETIC,))
    keep("attributes", attack_others(drawn, ("attribute_probe", "score_probe"), DEFENCES))
    fused = photographs(ATTACKED, SECOND)
    keep("rebuilt", on_two(rebuild(fused, FUSED_REBUILDING)))
    keep("linked", on_two(attack_others(fused, LINKED, FUSED)))
    keep("copied", on_two(attack_others(fused, COPIED, FUSED)))
    for part in REBUILDING[3:]:
        keep("rebuilt", rebuild(real, part))
    return 0


if __name__ == "__main__":
    sys.exit(main())
