"""Attack verifiers of LFW's View 2 with shadows, one against the others, and write the page of it.

Of each recipe many models are trained, each on its own random half of the 6,000 pairs; each is then
attacked with others as shadows. Reads view2_embeddings.npz and pairs.txt of FACEBONE_ASSETS/lfw.
Log odds are kept in runs/shadow_study, where an interrupted run goes on. Writes
docs/shadow-attacks.md and results/shadow_study.json.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results_file import write_result
from benchmarks.shadow_study_page import write_page
from benchmarks.study_tools import over_models, run_all
from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Observations
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.config import assets_folder
from facebone.data.pairs import Pairs
from facebone.data.splits import split_mask
from facebone.files import new_file
from facebone.mitigations.base import make_mitigation
from facebone.seeding import derive_seed, make_rng
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.folds import draw_folds, fold_accuracies
from facebone.verification.heads import LearningHead
from facebone.verification.heads.base import sigmoid
from facebone.verification.metrics import auc, tar_at_far

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "runs" / "shadow_study"

MODELS = 32
"""Of each recipe: each is attacked with the other 31."""

AT_ONCE = 8
FPRS = (0.01, 0.001)
FEW = (4, 8, 16, 31)
MLP = {"batch_norm": []}
"""The recipe of the table that is reproduced has no batch normalisation."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A row of the table.

    Args:
        name: of the row.
        aligned: whether faces are.
        backbones: a, b, dlib.
        head: name.
        mitigation: name and settings.
        models: how many are trained.
    """

    name: str
    aligned: bool
    backbones: tuple[str, ...]
    head: str = "mlp"
    mitigation: tuple[str, dict[str, Any]] = ("none", {})
    models: int = MODELS

    @property
    def key(self) -> str:
        """Of its file."""
        side = "aligned" if self.aligned else "plain"
        told = "-".join(f"{value}" for value in self.mitigation[1].values())
        return "_".join(
            word for word in (side, "+".join(self.backbones), self.head, told) if word
        ).replace("+", "-")


ROTATION = ("facebone", {"assignment": "pair", "query": "fixed", "answering": "b", "space": "raw"})
ALL = ("b", "a", "dlib")


def recipes() -> list[Recipe]:
    """The rows, in the order of the page."""
    rows = []
    for aligned in (False, True):
        for backbone in ("b", "a", "dlib"):
            # Of the first target as many again: what was chosen on some is reported on others.
            twice = 2 * MODELS if backbone == "b" and not aligned else MODELS
            rows.append(Recipe(f"MLP on {backbone}", aligned, (backbone,), models=twice))
        rows.append(Recipe("MLP, rotation over the three", aligned, ALL, mitigation=ROTATION))
        rows.append(Recipe("logistic on the three cosines", aligned, ALL, head="logistic"))
        rows.append(Recipe("logistic on 384 products", aligned, ALL, head="products"))
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class Models:
    """M models of one recipe and what they say of n pairs.

    Args:
        log_odds: (M, n) as they answer.
        through: (M, n) mean over the backbones, for heads that take any of several; else the same.
        members: (M, n) bool.
        same: (n,) bool.
    """

    log_odds: np.ndarray[Any, np.dtype[np.float64]]
    through: np.ndarray[Any, np.dtype[np.float64]]
    members: np.ndarray[Any, np.dtype[np.bool_]]
    same: np.ndarray[Any, np.dtype[np.bool_]]

    def seen(self, target: int, shadows: Sequence[int], *, through: bool = False) -> Observations:
        """One model beside others."""
        answers = self.through if through else self.log_odds
        odds = answers[target][:, None]
        chosen = list(shadows)
        beside = ShadowAnswers(answers[chosen].astype(np.float32), self.members[chosen])
        return Observations(sigmoid(odds), self.same, odds, 0.5, beside)


@dataclass(frozen=True, slots=True)
class Study:
    """The material: View 2's pairs under all backbones.

    Args:
        pairs: rows of the matrices.
        matrices: by name, ``b_plain``.
    """

    pairs: Pairs
    matrices: dict[str, np.ndarray[Any, np.dtype[np.float32]]] = field(repr=False)

    def embedded(self, recipe: Recipe) -> EmbeddedPairs:
        """The pairs as a recipe sees them."""
        side = "aligned" if recipe.aligned else "plain"
        return EmbeddedPairs.gather(
            [self.matrices[f"{name}_{side}"] for name in recipe.backbones], self.pairs
        )


def load(assets: Path) -> Study:
    """Pairs and embeddings."""
    stored = np.load(assets / "lfw" / "view2_embeddings.npz")
    row = {name: i for i, name in enumerate(stored["names"])}
    left, right, same = [], [], []
    for line in (assets / "lfw" / "pairs.txt").read_text().splitlines()[1:]:
        words = line.split("\t")
        matched = len(words) == 3
        other = words[0] if matched else words[2]
        left.append(row[_picture(words[0], words[1])])
        right.append(row[_picture(other, words[-1])])
        same.append(matched)
    names = [name for name in stored.files if name != "names"]
    matrices = {name: stored[name].astype(np.float32) for name in names}
    return Study(Pairs(np.array(left), np.array(right), np.array(same)), matrices)


def _picture(person: str, number: str) -> str:
    return f"{person}_{int(number):04d}"


def train(study: Study, recipe: Recipe, *, label: str) -> Models:
    """The models of a recipe, or what was kept of them."""
    KEPT.mkdir(parents=True, exist_ok=True)
    firsts = range(0, recipe.models, AT_ONCE)
    tasks = [
        (study, recipe, first) for first in firsts if not (KEPT / _file(recipe, first)).exists()
    ]
    run_all(train_some, tasks, label=f"{label}: training")
    kept = [np.load(KEPT / _file(recipe, first)) for first in firsts]
    return Models(
        np.concatenate([part["log_odds"] for part in kept]),
        np.concatenate([part["through"] for part in kept]),
        np.stack([_members(study, number) for number in range(recipe.models)]),
        study.pairs.same,
    )


def _file(recipe: Recipe, first: int) -> str:
    return f"{recipe.key}_{first}.npz"


def _members(study: Study, number: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return split_mask(study.pairs, fraction=0.5, seed=derive_seed(0, "model", number))


def train_some(task: tuple[Study, Recipe, int]) -> None:
    """Train a few models of a recipe, and keep what they answer."""
    study, recipe, first = task
    name, settings = recipe.mitigation
    head = make_mitigation(name, settings).protect(
        recipe.head, MLP if recipe.head == "mlp" else {}, backbones=recipe.backbones
    )
    if not isinstance(head, LearningHead):
        raise TypeError(head.name)
    embedded, numbers = study.embedded(recipe), range(first, first + AT_ONCE)
    rows = [np.flatnonzero(_members(study, number)) for number in numbers]
    seeds = [derive_seed(0, "study", number) for number in numbers]
    answers, through = [], []
    for fitted in head.fit_many(embedded, study.pairs.same, rows, seeds):
        answers.append(fitted.logit(embedded))
        through.append(fitted.through(embedded).mean(axis=1) if fitted.alternates else answers[-1])
    with new_file(KEPT / _file(recipe, first)) as part, part.open("wb") as file:
        np.savez(file, log_odds=np.stack(answers), through=np.stack(through))


def attack(name: str, seen: Observations, **settings: Any) -> Any:
    """Scores of an attack."""
    return ATTACKS.make(name, settings).score(seen)


def attack_one(task: tuple[Models, int, bool]) -> dict[str, list[float]]:
    """One model attacked with all others of its half: figures by attack."""
    models, target, through = task
    half = range(target // MODELS * MODELS, target // MODELS * MODELS + MODELS)
    seen = models.seen(target, [k for k in half if k != target], through=through)
    member = models.members[target]
    found = {}
    for name in ("loss_threshold", "lira", "rmia", "shadow_boosting"):
        scores = attack(name, seen)
        found[name] = [auc(scores, member), *(tar_at_far(scores, member, fpr) for fpr in FPRS)]
    answers = models.through[target] if through else models.log_odds[target]
    out = ~member
    same = models.same[out]
    folds = draw_folds(same, seed=target)
    found["accuracy"] = [float(np.mean(fold_accuracies(answers[out], same, folds)))]
    return found


def attack_few(task: tuple[Models, int, int]) -> dict[str, float]:
    """One model attacked with few others of its half, chosen at random: AUC by attack."""
    models, target, count = task
    half = target // MODELS
    others = [k for k in range(half * MODELS, (half + 1) * MODELS) if k != target]
    chosen = make_rng(target, "few", count).choice(others, count, replace=False)
    seen, member = models.seen(target, chosen.tolist()), models.members[target]
    attacks = {
        "LiRA, one variance for all": ("lira", {"variance": "global"}),
        "LiRA, each its own variance": ("lira", {"variance": "candidate"}),
        "LiRA, shrunk variances": ("lira", {}),
        "LiRA, offline": ("lira", {"mode": "offline"}),
        "RMIA": ("rmia", {}),
        "reference": ("reference", {}),
        "quantile regression": ("quantile", {}),
        "boosting on shadows": ("shadow_boosting", {}),
    }
    return {
        label: auc(attack(name, seen, **settings), member)
        for label, (name, settings) in attacks.items()
    }


def main() -> int:
    assets = assets_folder()
    if assets is None:
        print("FACEBONE_ASSETS is not set", file=sys.stderr)
        return 2
    study = load(assets)
    rows, few = [], {}
    for recipe in recipes():
        side = "aligned" if recipe.aligned else "unaligned"
        label = f"{side}, {recipe.name}"
        models = train(study, recipe, label=label)
        for through in (False, True) if recipe.mitigation is ROTATION else (False,):
            tasks = [(models, target, through) for target in range(MODELS)]
            found = run_all(attack_one, tasks, label=f"{label}: attacking")
            rows.append(
                {
                    "aligned": recipe.aligned,
                    "target": recipe.name,
                    "asked": "each of the three, averaged" if through else None,
                    "figures": {
                        name: over_models([one[name] for one in found]) for name in found[0]
                    },
                }
            )
        if recipe.models > MODELS:
            for split in range(2):
                for count in FEW:
                    targets = range(split * MODELS, (split + 1) * MODELS)
                    found = run_all(
                        attack_few,
                        [(models, target, count) for target in targets],
                        label=f"{label}: attacking with {count} shadows",
                    )
                    few[f"{split} {count}"] = {
                        name: over_models([[one[name]] for one in found])[0] for name in found[0]
                    }
    figures = {"models": MODELS, "rows": rows, "few": few}
    write_result("shadow_study", figures)
    write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main())
