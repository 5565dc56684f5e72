"""Ask adapted verifiers of LFW about people they may have been trained on.

Of each recipe many models are trained, each on its own random half of the people with 4 pictures or
more; each is attacked with the others, trained by the same recipe under the same defence, as
shadows. Half of a person's pictures may be trained on, the others are asked about. Writes
results/adapted_study.json. Models' answers are kept in
runs/adapted_study, so an interrupted study goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.adapted_study_page import write_page
from benchmarks.adapted_subjects import AT_ONCE, FEW_MODELS, Subject, all_subjects
from benchmarks.results_file import write_result
from benchmarks.study_tools import over_models, run_all
from benchmarks.unit_tools import ACCURACIES, accuracies
from facebone.attacks.access import Ask, Channel
from facebone.attacks.asking import parse_attack
from facebone.audit.answers import log_odds_of
from facebone.audit.environment import own_fingerprint
from facebone.audit.shadows import ShadowBatch, ask_shadows, train_shadows
from facebone.audit.target import TargetRecipe
from facebone.audit.unit_candidates import draw_units
from facebone.audit.unit_material import UnitMaterial, embed_units
from facebone.audit.unit_target import make_null_unit_target
from facebone.commands.options import Alignment
from facebone.config import assets_folder
from facebone.data.dataset import Dataset, load_dataset
from facebone.data.pairs import Pairs
from facebone.data.splits import Level
from facebone.files import new_file
from facebone.harden.attacked import Attacked
from facebone.progress import for_console
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.heads import LearningHead
from facebone.verification.opening import open_store
from facebone.verification.routes import open_routes

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "runs" / "adapted_study"


@cache
def embed(backbones: tuple[str, ...], aligned: bool, training: int, assets: Path) -> UnitMaterial:
    """The candidates of subjects on these backbones, with so many pictures of a person."""
    dataset = lfw(assets)
    alignment = Alignment.FIVE_POINT if aligned else Alignment.NONE
    routes = open_routes(list(backbones), alignment=alignment.value, missing="centre")
    engine = EmbeddingEngine(routes, store=open_store(), progress=for_console)
    units = draw_units(dataset, Level.IDENTITY, limit=3000, seed=0, training_pictures=training)
    return embed_units(engine, dataset, units)[0]


@cache
def lfw(assets: Path) -> Dataset:
    """The data set, opened once."""
    return load_dataset("lfw", assets / "lfw")


def recipe_of(subject: Subject) -> TargetRecipe:
    """How its models are made."""
    return TargetRecipe(
        subject.name, subject.mitigation, subject.defence, subject.head, subject.settings
    )


def train_some(task: tuple[Subject, UnitMaterial, int]) -> None:
    """Train a few models, and keep what they answer and how accurate they are."""
    subject, material, first = task
    numbers = range(first, min(first + AT_ONCE, subject.first + subject.models))
    recipe = recipe_of(subject)
    heads = train_shadows(recipe, material, seed=0, numbers=numbers)
    channels, columns = channels_of(subject), recipe.columns(material.backbones)
    batch = ask_shadows(heads, recipe, material, seed=0, numbers=numbers, channels=channels)
    found = [
        accuracies(
            partial(_log_odds, head, material, columns), material, member, columns, seed=number
        )
        for head, member, number in zip(heads, batch.trained, numbers, strict=True)
    ]
    extra = {}
    if subject.null:
        null = [
            make_null_unit_target(recipe, material, seed=number, channels=channels)
            for number in numbers
        ]
        extra = {
            "null_member": np.stack([one.member for one in null]),
            "null": np.stack([one.answers.log_odds[:, 0] for one in null]),
            **{
                f"null_{name}": np.stack([one.answers.channels[name] for one in null])
                for name in channels
            },
        }
    with new_file(_file(subject, first)) as part, part.open("wb") as file:
        np.savez(file, accuracies=np.array(found), **batch.to_arrays(), **extra)


def channels_of(subject: Subject) -> list[Channel]:
    """What must be recorded besides answers."""
    wanted = {
        channel
        for spec in (*subject.attacks, *subject.learnt)
        for channel in parse_attack(spec).channels
    }
    return [channel for channel in Channel if channel in wanted]


def _log_odds(
    head: LearningHead, material: UnitMaterial, columns: tuple[int, ...], pairs: Pairs
) -> npt.NDArray[np.float64]:
    return log_odds_of(head, material, pairs, columns)


def _file(subject: Subject, first: int) -> Path:
    asked = asdict(subject) | {"code": own_fingerprint(), "name": "", "part": ""}
    key = hashlib.sha256(json.dumps(asked, sort_keys=True, default=list).encode()).hexdigest()
    return KEPT / f"{key[:16]}_{first}.npz"


def attack_one(task: tuple[Subject, UnitMaterial, Mapping[str, Any], int]) -> dict[str, float]:
    """One model attacked with all others: by attack and number of probes."""
    subject, material, kept, target = task
    batch = ShadowBatch.from_arrays(kept)
    attacked = Attacked.among(material, batch, target)
    if subject.null:
        channels = {name: kept[f"null_{name}"][target] for name in batch.channels}
        member, log_odds = kept["null_member"][target], kept["null"][target]
        attacked = Attacked.beside(material, batch, target, member, log_odds, channels)
    found: dict[str, float] = {}
    for probes in subject.probes:
        long = subject.learnt if probes is None and target < FEW_MODELS else ()
        for spec in (*subject.attacks, *long):
            if probes == 1 and parse_attack(spec).ask is Ask.AMONG:
                continue  # a single picture has no other beside it
            key = f"{spec} {probes or 'all'}"
            one = attacked.tried(spec, probes=probes)
            found |= {key: one.auc, f"{key} tpr": one.tpr, f"{key} control": one.control}
    return found


def study(subject: Subject, assets: Path) -> dict[str, Any]:
    """All figures of a subject."""
    material = embed(subject.backbones, subject.aligned, subject.training, assets)
    firsts = range(subject.first, subject.first + subject.models, AT_ONCE)
    tasks = [(subject, material, k) for k in firsts if not _file(subject, k).exists()]
    label = f"{subject.part}, {subject.name}, {subject.faces}, {subject.training}"
    run_all(train_some, tasks, label=f"{label}: training")
    parts = [np.load(_file(subject, first)) for first in firsts]
    kept = {name: np.concatenate([part[name] for part in parts]) for name in parts[0].files}
    targets = range(subject.models)
    found = run_all(
        attack_one, [(subject, material, kept, k) for k in targets], label=f"{label}: attacking"
    )
    names = dict.fromkeys(name for one in found for name in one)
    measured = kept["accuracies"]
    return {
        **asdict(subject),
        "people": int((~material.control_units).sum()),
        "accuracy": dict(zip(ACCURACIES, over_models(measured.tolist()), strict=True)),
        "change": over_models((measured[:, [1]] - measured[:, [0]]).tolist())[0],
        "found": {
            name: over_models([[one[name]] for one in found if name in one])[0] for name in names
        },
    }


def main() -> int:
    assets = assets_folder()
    if assets is None:
        print("FACEBONE_ASSETS is not set", file=sys.stderr)
        return 2
    KEPT.mkdir(parents=True, exist_ok=True)
    rows = [study(subject, assets) for subject in all_subjects()]
    write_result("adapted_study", {"rows": rows})
    write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main())
