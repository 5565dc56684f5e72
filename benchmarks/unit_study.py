"""Ask verifiers of LFW about pictures and people they may have been trained on; see `shadow_study`.

Of each recipe many models are trained, each on its own random half of the people (or pictures), and
each is attacked with the others as shadows. People with 4 pictures or more; half of a person's
pictures may be trained on, the others are asked about. Writes results/unit_study.json and the page.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results_file import RESULTS, write_result
from benchmarks.shadow_study_page import write_page
from benchmarks.study_tools import over_models, run_all
from facebone.audit.shadows import ShadowBatch, ask_shadows, train_shadows
from facebone.audit.target import TargetRecipe
from facebone.audit.unit_candidates import draw_units
from facebone.audit.unit_material import UnitMaterial, embed_units
from facebone.commands.options import Alignment
from facebone.config import assets_folder
from facebone.data.dataset import load_dataset
from facebone.data.splits import Level
from facebone.files import new_file
from facebone.harden.attacked import Attacked
from facebone.progress import for_console
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.opening import open_store
from facebone.verification.routes import open_routes

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "runs" / "unit_study"

MODELS, AT_ONCE = 32, 4
BACKBONE = "mobilefacenet_ms1m_b"
RECIPE = TargetRecipe("mlp", "none", head_settings={"batch_norm": []})
PROBES = (1, 2, 5, None)
TRAINING = (2, 5, 10)
ATTACKS = ("loss_threshold", "lira", "set_likelihood")
LEARNT = "set_classifier"
"""It takes long: tried on a few models, with all probes."""
FEW_MODELS = 8


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one set of models.

    Args:
        level: of it.
        aligned: whether faces are.
        training: pictures of a person that may be trained on, at most.
    """

    level: Level
    aligned: bool
    training: int

    @property
    def key(self) -> str:
        """Of its files."""
        side = "aligned" if self.aligned else "unaligned"
        return f"{self.level}_{side}_{self.training}"


def questions() -> list[Question]:
    """In the order of the page."""
    people = [
        Question(Level.IDENTITY, aligned, training)
        for aligned in (False, True)
        for training in TRAINING
    ]
    return [*people, Question(Level.IMAGE, False, 10), Question(Level.IMAGE, True, 10)]


def embed(question: Question, assets: Path) -> UnitMaterial:
    """The candidates of a question."""
    dataset = load_dataset("lfw", assets / "lfw")
    alignment = Alignment.FIVE_POINT if question.aligned else Alignment.NONE
    routes = open_routes([BACKBONE], alignment=alignment.value)
    engine = EmbeddingEngine(routes, store=open_store(), progress=for_console)
    units = draw_units(
        dataset, question.level, limit=3000, seed=0, training_pictures=question.training
    )
    return embed_units(engine, dataset, units)[0]


def train_some(task: tuple[Question, UnitMaterial, int]) -> None:
    """Train a few models, and keep what they answer."""
    question, material, first = task
    numbers = range(first, first + AT_ONCE)
    heads = train_shadows(RECIPE, material, seed=0, numbers=numbers)
    batch = ask_shadows(heads, RECIPE, material, seed=0, numbers=numbers)
    with new_file(_file(question, first)) as part, part.open("wb") as file:
        np.savez(file, log_odds=batch.log_odds, trained=batch.trained)


def _file(question: Question, first: int) -> Path:
    return KEPT / f"{question.key}_{first}.npz"


def attack_one(task: tuple[UnitMaterial, ShadowBatch, int]) -> dict[str, float]:
    """One model attacked with all others: AUC by attack and number of probes."""
    material, batch, target = task
    attacked = Attacked.among(material, batch, target)
    found = {}
    for probes in PROBES:
        names = [*ATTACKS, LEARNT] if probes is None and target < FEW_MODELS else ATTACKS
        for name in names:
            found[f"{name} {probes or 'all'}"] = attacked.tried(name, probes=probes).auc
    return found


def main() -> int:
    assets = assets_folder()
    if assets is None:
        print("FACEBONE_ASSETS is not set", file=sys.stderr)
        return 2
    KEPT.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for question in questions():
        material = embed(question, assets)
        firsts = range(0, MODELS, AT_ONCE)
        tasks = [(question, material, k) for k in firsts if not _file(question, k).exists()]
        run_all(train_some, tasks, label=f"{question.key}: training")
        kept = [np.load(_file(question, first)) for first in firsts]
        batch = ShadowBatch(
            np.concatenate([part["log_odds"] for part in kept]),
            np.concatenate([part["trained"] for part in kept]),
        )
        found = run_all(
            attack_one,
            [(material, batch, target) for target in range(MODELS)],
            label=f"{question.key}: attacking",
        )
        names = dict.fromkeys(name for one in found for name in one)
        rows.append(
            {
                "level": question.level.value,
                "aligned": question.aligned,
                "training": question.training,
                "units": int((~material.control_units).sum()),
                "auc": {
                    name: over_models([[one[name]] for one in found if name in one])[0]
                    for name in names
                },
            }
        )
    write_result("unit_study", {"models": MODELS, "rows": rows})
    if (RESULTS / "shadow_study.json").exists():
        write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main())
