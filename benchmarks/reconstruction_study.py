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

from benchmarks.reconstruction_page import write_page
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

SEED = 7
"""Of people, targets and attacks: settings of the attacks were chosen on other draws."""

ATTACKED, JUDGE = "mobilefacenet_ms1m_a", "mobilefacenet_ms1m_b"
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
"""FaceBone is not among them: it needs several backbones, and one is attacked here."""
SCORED = ("none", "none@logistic", "keyed_templates", *GUARDS, "dp_sgd")
"""Targets from whose scores faces are rebuilt: other training leaves scores much as they are."""

DECIDING = ("none", "none@logistic", "rounding@logistic", "keyed_noise:scale=8@logistic")
"""Targets from whose decisions faces are rebuilt, which takes the most questions."""

TEMPLATES = ("template_ridge", *(f"template_ridge:enrolled={n}" for n in (64, 256, 1024)))
UNKEYED = (
    "template_ridge:knows=networks",
    *(f"template_ridge:knows=both,enrolled={n}" for n in (8, 32, 128)),
)
SCORES = "score_regression"
LINKED = ("direct", "open_set_identification", "score_identification")


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


REBUILDING = (
    Rebuilding((*TEMPLATES, SCORES), ("none",), 200),
    Rebuilding(("template_ridge", *UNKEYED), ("keyed_templates",), 200),
    Rebuilding((SCORES,), SCORED, 100),
    Rebuilding(("decision_bisection",), ("none",), 25),
    Rebuilding(("decision_bisection:queries=1000",), DECIDING, 10),
    Rebuilding(("template_gradient",), ("none",), 25),
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
        engine: of the attacked backbone.
        level: what targets learn from.
        settings: of the audit.
        store: of results.
    """

    dataset: Dataset
    engine: EmbeddingEngine
    level: LevelMaterial
    settings: AuditSettings
    store: JobStore

    def targets(self, specs: Sequence[str]) -> list[tuple[str, TargetRecipe, LevelMaterial]]:
        """Names, recipes and material, as an audit plans them."""
        names = tuple(route.backbone.spec.name for route in self.engine.routes)
        return [
            (spec, target_recipe(spec, self.settings, names, "cpu"), self.level) for spec in specs
        ]


def world(data: str, dataset: Dataset, backbone: str, alignment: str) -> World:
    """Embed what targets learn from."""
    engine = EmbeddingEngine(
        open_routes([backbone], alignment=alignment), store=open_store(), progress=for_console
    )
    settings = AuditSettings(
        data=data,
        backbones=(backbone,),
        mitigations=DEFENCES,
        alignment=alignment,
        seed=SEED,
        device="cpu",
        shifts=False,
    )
    store = open_shared(KEPT)
    level = make_material(Level.PAIR, settings, dataset, engine, store, with_changed=False)
    return World(dataset, engine, level, settings, store)


@cache
def photographs() -> World:
    """LFW."""
    dataset = load_dataset("lfw", (assets_folder() or Path()) / "lfw")
    return world("lfw", dataset, ATTACKED, "five-point")


@cache
def judge() -> Route:
    """The recogniser that no attack uses."""
    return open_judge(JUDGE, photographs().engine, device="cpu")


def rebuild(part: Rebuilding) -> list[dict[str, Any]]:
    """Figures of some attacks that rebuild faces."""
    here = photographs()
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
        {"target": one.target, **reconstruction_result(one, (ATTACKED,), done).model_dump()}
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
    return [
        {"target": target, **one.model_dump()}
        for target in targets
        for several in results_on(target, planned, done).values()
        for one in several
    ]


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

    for part in REBUILDING[:3]:
        keep("rebuilt", rebuild(part))
    keep("linked", attack_others(photographs(), LINKED, DEFENCES))
    keep("copied", attack_others(photographs(), ("copy_head:queries=1000",), DEFENCES))
    people = synthetic_dataset(SYNTHETIC_PEOPLE, SYNTHETIC_PICTURES, seed=SEED)
    drawn = world("synthetic", people, SYNTHETIC, "five-point")
    keep("attributes", attack_others(drawn, ("attribute_probe", "score_probe"), DEFENCES))
    for part in REBUILDING[3:]:
        keep("rebuilt", rebuild(part))
    return 0


if __name__ == "__main__":
    sys.exit(main())
