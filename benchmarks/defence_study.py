"""Every defence on LFW's View 2: how well verifiers recognise under it, their leak, and its cost.

Of each row many models learn from a random half of View 2's 6,000 pairs each, all under the same
defence, and each is attacked with the others as shadows. A second part trains under DP-SGD at
several epsilons. Writes docs/defences-measured.md and results/defence_study.json; the figures of a
row are kept in runs/defence_study, where an interrupted run goes on.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.defence_page import write_page
from benchmarks.results_file import write_result
from benchmarks.study_tools import over_models, run_all
from facebone.attacks.base import ATTACKS
from facebone.audit.assemble import AttackFacts
from facebone.audit.calibration import calibrate
from facebone.audit.environment import own_fingerprint
from facebone.audit.epsilon import bound_epsilon
from facebone.audit.gallery import hang
from facebone.audit.material import Material
from facebone.audit.target import TargetRecipe
from facebone.audit.target_spec import parse_target
from facebone.config import assets_folder
from facebone.data.dataset import load_dataset
from facebone.data.pairs import Pairs
from facebone.data.variants import VARIANTS, changed
from facebone.files import new_file
from facebone.harden.ring_models import RingModels, make_ring
from facebone.progress import for_console
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.metrics import auc, eer, tar_at_far
from facebone.verification.opening import open_store
from facebone.verification.routes import open_routes

KEPT = Path(__file__).parent.parent / "runs" / "defence_study"

MODELS, SOME, FEW = 64, 16, 8
"""Of a row; of one that trains many heads or by slow means; attacked by what learns for long."""

SEED = 20
"""Of halves and training: defaults of defences were chosen on models of others."""

FPRS = (0.01, 0.001)
QUICK = ("gap", "entropy", "loss_threshold", "reference", "lira", "rmia")
LABEL_ONLY = ("label_only", "label_only_shadows")
LEARNT = ("shadow_boosting",)

A, B = "mobilefacenet_ms1m_a", "mobilefacenet_ms1m_b"
THREE = (B, A, "dlib")
VIEWS = (f"{A}%60-mirror", f"{B}%60-mirror")
DELTA = 1e-5
EPSILONS = (8, 4, 2, 1)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Args:
        name: of the row.
        target: its words, as ``facebone audit --mitigation`` takes them.
        backbones: names.
        models: how many.
        part: the table it stands in: ``defences`` or ``dp``.
        aligned: whether faces are.
        epsilon: that is claimed, of each person.
    """

    name: str
    target: str
    backbones: tuple[str, ...] = (B,)
    models: int = MODELS
    part: str = "defences"
    aligned: bool = False
    epsilon: float | None = None


RECIPES = (
    *("early_stopping", "weight_decay", "dropout", "label_smoothing", "mixup"),
    *("relaxloss", "adversarial_regularisation", "hamp"),
)
GUARDS = ("rounding", "decision_only", "keyed_noise", "query_budget", "memguard")

ASKED_WITH_CHANGES = (
    *("none", "early_stopping", "weight_decay", "selena"),
    *("rounding", "decision_only", "keyed_noise", "memguard"),
)
"""Targets that are asked about changed pictures: 27 questions more a pair. A query budget compares
every picture it is shown with all before, which took hours."""


def all_rows() -> list[Row]:
    """In the order of the page."""
    return [
        Row("none", "none"),
        *(Row(name, name) for name in (*RECIPES, *GUARDS)),
        Row("selena", "selena", models=SOME),
        Row("relaxloss/dropout", "relaxloss/dropout"),
        Row("none@logistic", "none@logistic"),
        Row("none@products", "none@products"),
        Row("none, three backbones", "none", THREE),
        Row("facebone, three backbones", "facebone", THREE),
        Row("facebone/decision_only, three backbones", "facebone/decision_only", THREE),
        Row("none, two views", "none", VIEWS),
        Row("facebone, two views", "facebone", VIEWS),
        *(
            Row(
                f"{head}, {side}, {epsilon or 'no DP'}",
                f"dp_sgd:epsilon={epsilon}{on}" if epsilon else f"none{on}",
                THREE if on else (B,),
                SOME,
                "dp",
                side == "aligned",
                epsilon,
            )
            for side in ("whole", "aligned")
            for head, on in (("MLP", ""), ("FaceBone", "@logistic"))
            for epsilon in (None, *EPSILONS)
        ),
    ]


@cache
def material_of(backbones: tuple[str, ...], aligned: bool) -> Material:
    """View 2's pairs; of a single backbone with the changed pictures for label-only attacks."""
    assets = assets_folder()
    if assets is None:
        raise RuntimeError("FACEBONE_ASSETS is not set")
    dataset = load_dataset("lfw", assets / "lfw")
    official = dataset.official_pairs
    if official is None:
        raise RuntimeError(dataset.name)
    routes = open_routes(
        list(backbones), alignment="five-point" if aligned else "none", missing="centre"
    )
    engine = EmbeddingEngine(routes, store=open_store(), progress=for_console)
    pairs = Pairs(official.left, official.right, official.same)
    hung = hang(engine, dataset, pairs.pictures())
    none = pairs.take(np.arange(0))
    parts: dict[str, Any] = {
        "pool": hung.place(pairs)[0],
        "control": hung.place(none)[0],
        "strangers": hung.place(none)[0],
    }
    versions: tuple[Any, ...] = ()
    if label_only(backbones, aligned):
        shown = [dataset.pictures[i] for i in pairs.pictures()]
        versions = tuple(
            engine.embed([changed(one, variant) for one in shown]).matrices for variant in VARIANTS
        )
    return Material(**hung.parts, **parts, copies=0, changed=versions)


def label_only(backbones: tuple[str, ...], aligned: bool) -> bool:
    """Whether rows of these are asked about changed pictures, of which there are nine of each."""
    return backbones == (B,) and not aligned


def measure(task: tuple[Row, Material]) -> None:
    """Train and attack the models of a row, and keep its figures."""
    row, material = task
    spec = parse_target(row.target)
    recipe = TargetRecipe(
        row.target,
        spec.mitigation,
        spec.settings,
        head=spec.head or "mlp",
        head_settings=spec.head_settings,
    )
    label_only_too = material.changed and row.target in ASKED_WITH_CHANGES
    quick = QUICK + (LABEL_ONLY if label_only_too else ())
    ring = make_ring(recipe, material, models=row.models, seed=SEED, attacks=quick + LEARNT)
    found: dict[str, list[list[float]]] = {}
    bounds: dict[str, list[float]] = {}
    before: dict[str, Any] = {}
    for number in range(len(ring)):
        seen = ring.attacked(number)
        for way in ring.ways:
            if way.asking.name in LEARNT and number >= FEW:
                continue
            scored = seen.scored(way.asking)
            rates = [tar_at_far(scored.score, scored.member, fpr) for fpr in FPRS]
            found.setdefault(way.label, []).append([auc(scored.score, scored.member), *rates])
            if row.part == "dp":
                if way.label in before:
                    bounds.setdefault(way.label, []).append(bound(before[way.label], scored))
                before[way.label] = scored
    held = [ring.held_out(number) for number in range(len(ring))]
    figures = {
        **asdict(row),
        "attacks": {name: over_models(values) for name, values in found.items()},
        "hidden": [way.label for way in ring.ways if sees_decisions(way)],
        "accuracy": over_models(
            [[float(np.mean(ring.accuracies(number)[0]))] for number in range(len(ring))]
        )[0],
        "eer": over_models([[eer(*one)] for one in held])[0],
        "training_seconds": ring.seconds / len(ring),
        "query_seconds": query_seconds(ring, material),
        "epsilon_bounds": {
            name: {"mean": float(np.mean(values)), "most": float(max(values))}
            for name, values in bounds.items()
        },
    }
    with new_file(_file(row)) as part, part.open("w", encoding="utf-8") as file:
        json.dump(figures, file)


def sees_decisions(way: AttackFacts) -> bool:
    """Whether an attack needs no scores."""
    return ATTACKS.get(way.asking.name).access.value == "decision"


def bound(chosen: Any, held: Any) -> float:
    """What epsilon is at least by an attack on one model, its threshold chosen on another."""
    rule = calibrate(chosen.score, chosen.member)
    return bound_epsilon(
        held.score, held.member, rule.epsilon_threshold, rule.epsilon_side, delta=DELTA
    ).value


def query_seconds(ring: RingModels, material: Material) -> float:
    """Time of a thousand answers of one model, the quickest of five."""
    pairs = material.embedded(material.pool.take(np.arange(1000)), ring.columns)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        ring.heads[0].logit(pairs)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _file(row: Row) -> Path:
    asked = json.dumps([asdict(row), SEED, FEW, QUICK, LABEL_ONLY, LEARNT]) + own_fingerprint()
    return KEPT / f"{hashlib.sha256(asked.encode()).hexdigest()[:16]}.json"


def studied(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Figures of all rows; those with most models to train come first."""
    left = [row for row in rows if not _file(row).exists()]
    left.sort(key=lambda row: (row.part == "dp", row.models == MODELS))
    tasks = [(row, material_of(row.backbones, row.aligned)) for row in left]
    run_all(measure, tasks, label="defences")
    return [json.loads(_file(row).read_text("utf-8")) for row in rows]


def main() -> int:
    if assets_folder() is None:
        print("FACEBONE_ASSETS is not set", file=sys.stderr)
        return 2
    KEPT.mkdir(parents=True, exist_ok=True)
    write_result("defence_study", {"few": FEW, "rows": studied(all_rows())})
    write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main())
