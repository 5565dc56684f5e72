"""What was tried for FaceBone, and what each gives: accuracy and leak of many models a way.

Of each way many models learn from a random half of View 2's 6,000 pairs each, and each is attacked
with the others as shadows. A second part counts backbones: K = 1, 2, 3, 4 and 8 of them on
synthetic faces, under the undefended MLP, under many products, and under FaceBone. Writes
docs/facebone.md and results/facebone_study.json; what models answer is kept in
runs/facebone_study, where an interrupted run goes on.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.facebone_page import write_page
from benchmarks.facebone_variants import (
    Way,
    World,
    axis_by_axis,
    distilled,
    fusion,
    products,
    unseen,
    whitened,
    with_noise,
    with_quality,
    within,
)
from benchmarks.results_file import write_result
from benchmarks.study_tools import over_models, run_all
from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Observations
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.candidates import draw_candidates
from facebone.audit.environment import own_fingerprint
from facebone.audit.gallery import hang
from facebone.config import assets_folder
from facebone.data.dataset import Dataset, load_dataset
from facebone.data.pairs import Pairs
from facebone.data.splits import split_mask
from facebone.files import new_file
from facebone.mitigations.base import make_mitigation
from facebone.progress import for_console
from facebone.seeding import derive_seed
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.folds import draw_folds, fold_accuracies
from facebone.verification.heads import LearningHead
from facebone.verification.heads.base import sigmoid
from facebone.verification.metrics import auc, tar_at_far
from facebone.verification.opening import open_store
from facebone.verification.routes import open_routes

KEPT = Path(__file__).parent.parent / "runs" / "facebone_study"

MODELS, AT_ONCE, FEW_MODELS = 16, 8, 4
NAMES, LEARNT = ("loss_threshold", "lira", "rmia"), "shadow_boosting"
FPRS = (0.01, 0.001)

A, B = "mobilefacenet_ms1m_a", "mobilefacenet_ms1m_b"
PLAIN = (A, B, "dlib")
VIEWS = {
    False: (f"{A}%mirror", f"{B}%mirror", f"{A}%60-mirror", f"{B}%60-mirror"),
    True: (f"{A}%mirror", f"{B}%mirror"),
}
"""By whether faces are aligned: of an aligned face the middle alone is no face any more."""
TINY = ("tiny_plain", "tiny_mobile", "tiny_residual", "tiny_mixer", "tiny_wide")
MANY = (*TINY, "tiny_plain%80", "tiny_residual%80", "tiny_wide%80")
COUNTS = (1, 2, 3, 4, 8)


@dataclass(frozen=True, slots=True)
class Tried:
    """A row of the table.

    Args:
        name: of the row.
        way: see `WAYS`; of the counted ones a mitigation and a head, ``facebone`` or ``none mlp``.
        backbones: names.
        aligned: whether faces are.
        data: ``lfw`` or ``synthetic``.
    """

    name: str
    way: str
    backbones: tuple[str, ...]
    aligned: bool = False
    data: str = "lfw"


WAYS: dict[str, Way] = {
    "fusion": fusion,
    "centred": whitened(0.0, other_pictures=False),
    "half-whitened by other pictures": whitened(0.5, other_pictures=True),
    "half-whitened by its own pictures": whitened(0.5, other_pictures=False),
    "within people": within(0.5),
    "within people, noise 0.05": within(0.5, noise=0.05),
    "within people, noise 0.4": within(0.5, noise=0.4),
    "within people, unseen of 5": unseen(within(0.5), 5),
    "axis by axis": axis_by_axis(0.3),
    "products, C 1": products(1.0),
    "products, C 0.001": products(0.001),
    "products, C 0.001, dropout of backbones": products(0.001, dropped=True),
    "products, distilled": distilled(products(0.001), 0.001),
    "products, unseen of 5": unseen(products(0.001), 5),
    "with quality": with_quality,
    "with noise": with_noise(0.1),
}


ALIGNED = (
    *("fusion", "centred", "within people", "products, C 1", "products, C 0.001"),
    *("products, unseen of 5", "with quality"),
)
"""Ways that are tried on aligned faces too, where there is little to win."""


def all_tried() -> list[Tried]:
    """In the order of the page."""
    found = []
    for aligned in (False, True):
        found += [Tried(way, way, PLAIN, aligned) for way in (ALIGNED if aligned else WAYS)]
        for way in ("fusion", "products, C 0.001", "within people", "within people, unseen of 5"):
            found.append(Tried(f"{way}, with views", way, (*PLAIN, *VIEWS[aligned]), aligned))
        found.append(Tried("fusion, two views alone", "fusion", VIEWS[aligned][-2:], aligned))
    return found


def counted() -> list[Tried]:
    """K backbones under three heads."""
    heads = ("none mlp", "none products", "facebone mlp")
    return [
        Tried(f"{head} {count}", head, MANY[:count], True, "synthetic")
        for head in heads
        for count in COUNTS
    ]


@cache
def data_of(name: str) -> Dataset:
    """A data set, opened once."""
    assets = assets_folder()
    return load_dataset(name, assets / "lfw" if assets and name == "lfw" else None)


@cache
def world_of(data: str, backbones: tuple[str, ...], aligned: bool) -> World:
    """The embeddings of some rows, and their pairs."""
    dataset = data_of(data)
    alignment = "five-point" if aligned else "none"
    routes = open_routes(list(backbones), alignment=alignment, missing="centre")
    engine = EmbeddingEngine(routes, store=open_store(), progress=for_console)
    pairs = dataset.official_pairs
    if pairs is None:
        pairs = draw_candidates(dataset, limit=3000, seed=0).pool
    # Pictures that stand in no pair are asked for where a way learns from them.
    every = data == "lfw" and not aligned and backbones == PLAIN
    hung = hang(engine, dataset, np.arange(len(dataset.pictures)) if every else pairs.pictures())
    placed, _ = hung.place(Pairs(pairs.left, pairs.right, pairs.same))
    stands = np.zeros(len(hung.parts["ids"]), dtype=np.bool_)
    stands[placed.pictures()] = True
    return World.of(hung.parts["matrices"], placed, np.flatnonzero(~stands))


def half(world: World, number: int) -> npt.NDArray[np.bool_]:
    """Which pairs a model learns from, (n,)."""
    return split_mask(world.pairs, fraction=0.5, seed=derive_seed(0, "facebone study", number))


def train_some(task: tuple[Tried, World, int]) -> None:
    """Train a few models of a row, and keep what they answer."""
    tried, world, first = task
    numbers = range(first, first + AT_ONCE)
    learnt = [half(world, number) for number in numbers]
    seeds = [derive_seed(0, "facebone study model", number) for number in numbers]
    if tried.way in WAYS:
        way = WAYS[tried.way]
        answers = [way(world, mask, seed) for mask, seed in zip(learnt, seeds, strict=True)]
    else:
        mitigation, kind = tried.way.split()
        name = "none" if len(tried.backbones) == 1 else mitigation
        kind = "logistic" if name != mitigation else kind
        head = make_mitigation(name).protect(kind, {}, backbones=tried.backbones)
        if not isinstance(head, LearningHead):
            raise TypeError(head.name)
        embedded = EmbeddedPairs.gather(
            [rows.astype(np.float32) for rows in world.rows], world.pairs
        )
        rows = [np.flatnonzero(mask) for mask in learnt]
        fitted = head.fit_many(embedded, world.pairs.same, rows, seeds)
        answers = [one.logit(embedded) for one in fitted]
    with new_file(_file(tried, first)) as part, part.open("wb") as file:
        np.savez(file, log_odds=np.stack(answers), learnt=np.stack(learnt))


def _file(tried: Tried, first: int) -> Path:
    code = (
        Path(__file__).with_name("facebone_variants.py").read_bytes() + own_fingerprint().encode()
    )
    asked = [tried.way, tried.backbones, tried.aligned, tried.data]
    key = hashlib.sha256(json.dumps(asked).encode() + code).hexdigest()[:16]
    return KEPT / f"{key}_{first}.npz"


def attack_one(
    task: tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_], int],
) -> dict[str, list[float]]:
    """One model attacked with all others: AUC and true positive rates by attack."""
    log_odds, learnt, same, target = task
    others = np.arange(len(log_odds)) != target
    odds = log_odds[target][:, None]
    beside = ShadowAnswers(log_odds[others].astype(np.float32), learnt[others])
    seen = Observations(sigmoid(odds), same, odds, 0.5, beside)
    member, found = learnt[target], {}
    for name in (*NAMES, LEARNT) if target < FEW_MODELS else NAMES:
        scores = ATTACKS.make(name, {}).score(seen)
        found[name] = [auc(scores, member), *(tar_at_far(scores, member, fpr) for fpr in FPRS)]
    out = ~member
    folds = draw_folds(same[out], seed=target)
    accuracy = fold_accuracies(log_odds[target][out], same[out], folds)
    found["accuracy"] = [float(np.mean(accuracy))]
    return found


def study(rows: Sequence[Tried]) -> list[dict[str, Any]]:
    """All figures of all rows."""
    worlds = [world_of(row.data, row.backbones, row.aligned) for row in rows]
    firsts = range(0, MODELS, AT_ONCE)
    left = [
        (row, world, first)
        for row, world in zip(rows, worlds, strict=True)
        for first in firsts
        if not _file(row, first).exists()
    ]
    run_all(train_some, left, label="training")
    tasks = []
    for row, world in zip(rows, worlds, strict=True):
        kept = [np.load(_file(row, first)) for first in firsts]
        log_odds, learnt = (
            np.concatenate([part[name] for part in kept]) for name in ("log_odds", "learnt")
        )
        tasks += [(log_odds, learnt, world.pairs.same, target) for target in range(MODELS)]
    found = run_all(attack_one, tasks, label="attacking")
    return [_figures(row, found[k * MODELS : (k + 1) * MODELS]) for k, row in enumerate(rows)]


def _figures(row: Tried, found: Sequence[dict[str, list[float]]]) -> dict[str, Any]:
    names = (*NAMES, LEARNT, "accuracy")
    return asdict(row) | {
        "figures": {
            name: over_models([one[name] for one in found if name in one]) for name in names
        }
    }


def main() -> int:
    if assets_folder() is None:
        print("FACEBONE_ASSETS is not set", file=sys.stderr)
        return 2
    KEPT.mkdir(parents=True, exist_ok=True)
    tried, several = all_tried(), counted()
    found = study([*tried, *several])
    figures = {"tried": found[: len(tried)], "counted": found[len(tried) :]}
    write_result("facebone_study", {"models": MODELS, "few": FEW_MODELS} | figures)
    write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main())
