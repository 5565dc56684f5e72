"""How well verifiers are copied by asking them: agreement against queries on LFW.

People are dealt into three groups: the victim learns from pairs of the first, the attacker asks
about pictures of the second, and copies are judged by pairs of the third. Victims are regressions,
MLPs, FaceBone, and an MLP behind each of several guards. A linear victim and an MLP are copied by
their scores; with ``--all`` each is attacked in every way that there is. Writes
results/extraction_study.json; answers and copies' figures are kept in runs/extraction_study, where
an interrupted run goes on.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.results_file import write_result
from benchmarks.study_tools import run_all
from facebone.attacks.access import Access
from facebone.attacks.extraction.answers import AnswerFile
from facebone.attacks.extraction.base import EXTRACTIONS
from facebone.attacks.extraction.curve import CHECKPOINTS, extract
from facebone.attacks.extraction.figures import Verifier, measure_copy
from facebone.attacks.extraction.known import KnownPictures
from facebone.attacks.extraction.oracle import Oracle
from facebone.audit.environment import own_fingerprint
from facebone.audit.gallery import Gallery, hang
from facebone.config import assets_folder
from facebone.data.dataset import Dataset, load_dataset
from facebone.data.pairs import Pairs
from facebone.data.sampling import draw_balanced, draw_pairs
from facebone.files import new_file
from facebone.mitigations.base import make_mitigation
from facebone.progress import for_console
from facebone.seeding import derive_seed, make_rng
from facebone.verification.calibration import calibrate_threshold
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.heads import LearningHead
from facebone.verification.opening import open_store
from facebone.verification.routes import open_routes

KEPT = Path(__file__).parent.parent / "runs" / "extraction_study"

FAR, SEEDS = 0.01, (3, 4, 5)
"""Settings of the attacks were chosen with seeds 1 and 2."""

SHARES = (0.5, 0.8)
"""Where the victim's people end, and the attacker's."""

TRAINING, CALIBRATING, JUDGING = 3000, 6000, 3000
"""Pairs that the victim learns from, strangers that set its threshold, matched and mismatched pairs
that copies are judged by, at most."""

MEASURED = (("logistic, two backbones", "copy_head"), ("MLP", "copy_head"))
"""Victims and attacks whose figures stand in the results: a copy of an MLP by 100,000 answers takes
five minutes of one core, one by decisions several times that. ``--all`` runs every attack on every
victim, with three seeds."""

A, B = "mobilefacenet_ms1m_a", "mobilefacenet_ms1m_b"


@dataclass(frozen=True, slots=True)
class Target:
    """A victim.

    Args:
        name: of the row.
        head: that learns.
        backbones: that the victim has, and the attacker.
        aligned: whether faces are.
        mitigation: that is put on.
        settings: of the mitigation.
        eyes: the attacker's backbones, where these are others.
    """

    name: str
    head: str
    backbones: tuple[str, ...]
    aligned: bool = True
    mitigation: str = "none"
    settings: Mapping[str, Any] = field(default_factory=dict)
    eyes: tuple[str, ...] = ()


TARGETS = (
    Target("logistic, two backbones", "logistic", (A, B)),
    Target("logistic, two backbones, not aligned", "logistic", (A, B), aligned=False),
    Target("products, not aligned", "products", (B,), aligned=False),
    Target("MLP", "mlp", (B,)),
    Target("MLP, not aligned", "mlp", (B,), aligned=False),
    Target("MLP, through another backbone", "mlp", (B,), eyes=(A,)),
    Target("FaceBone, two backbones", "logistic", (A, B), mitigation="facebone"),
    Target("MLP, rounded scores", "mlp", (B,), mitigation="rounding"),
    Target("MLP, decisions alone", "mlp", (B,), mitigation="decision_only"),
    Target("MLP, keyed noise of 2", "mlp", (B,), mitigation="keyed_noise", settings={"scale": 2.0}),
    Target("MLP, keyed noise of 8", "mlp", (B,), mitigation="keyed_noise", settings={"scale": 8.0}),
)


@cache
def pictures() -> tuple[Dataset, npt.NDArray[np.intp]]:
    """LFW, and the positions of its pictures."""
    dataset = load_dataset("lfw", (assets_folder() or Path()) / "lfw")
    return dataset, np.arange(len(dataset.pictures))


@cache
def gallery(backbones: tuple[str, ...], aligned: bool) -> Gallery:
    """All pictures; one in which no face is found has its middle taken for one."""
    dataset, positions = pictures()
    alignment = "five-point" if aligned else "none"
    routes = open_routes(list(backbones), alignment=alignment, missing="centre")
    engine = EmbeddingEngine(routes, store=open_store(), progress=for_console)
    hung = hang(engine, dataset, positions)
    if (hung.row < 0).any():
        raise hung.too_few()
    return Gallery(**hung.parts)


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One attack on one victim, all that a process needs to run it.

    Args:
        target: the victim.
        attack: its name.
        seed: of the split of people, the victim and the attack.
        matrices: (N, d_k) of the victim's backbones.
        eyes: (N, d_k) of the attacker's.
        people: (N,) whose face each picture shows.
        training: pairs that the victim learns from.
        strangers: pairs of the victim's people that set its threshold.
        known: (M,) rows of the attacker's pictures.
        judged: pairs of people whom neither has met.
    """

    target: Target
    attack: str
    seed: int
    matrices: tuple[npt.NDArray[np.float32], ...]
    eyes: tuple[npt.NDArray[np.float32], ...]
    people: npt.NDArray[np.str_]
    training: Pairs
    strangers: Pairs
    known: npt.NDArray[np.intp]
    judged: Pairs

    @property
    def key(self) -> str:
        """What its files are called: another code or another question has other files."""
        asked = [asdict(self.target), self.attack, self.seed, CHECKPOINTS, FAR, SHARES]
        content = json.dumps(asked) + own_fingerprint() + Path(__file__).read_text("utf-8")
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def make_cell(target: Target, attack: str, seed: int) -> Cell:
    """Deal the people, and draw the pairs."""
    dataset, _ = pictures()
    hung = gallery(target.backbones, target.aligned)
    eyes = gallery(target.eyes, target.aligned) if target.eyes else hung
    names, person = np.unique(hung.people, return_inverse=True)
    place = make_rng(seed, "people of the study").permutation(len(names))[person] / len(names)
    first, second, third = (
        np.flatnonzero((place >= low) & (place < high))
        for low, high in ((0, SHARES[0]), SHARES, (SHARES[1], 1))
    )
    return Cell(
        target,
        attack,
        seed,
        hung.matrices,
        eyes.matrices,
        hung.people,
        draw_balanced(dataset, limit=TRAINING // 2, positions=first, seed=seed),
        draw_pairs(dataset, matched=1, mismatched=CALIBRATING, positions=first, seed=seed + 1),
        second,
        draw_balanced(dataset, limit=JUDGING, positions=third, seed=seed),
    )


def run_cell(cell: Cell) -> dict[str, Any]:
    """Train the victim, copy it, and measure the copies."""
    kept = KEPT / f"{cell.key}.json"
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text("utf-8"))
        return found
    target, seed = cell.target, cell.seed
    made = make_mitigation(target.mitigation, target.settings)
    head = made.protect(target.head, {}, backbones=target.backbones)
    if not isinstance(head, LearningHead):
        raise TypeError(head.name)
    learnt, strangers, judged = (
        EmbeddedPairs.gather(cell.matrices, pairs)
        for pairs in (cell.training, cell.strangers, cell.judged)
    )
    # The attacker does not know the seed of the victim: with it, a copy of the same kind would
    # begin where the victim began, and come far closer.
    head.fit(learnt, cell.training.same, seed=derive_seed(seed, "victim"))
    threshold = calibrate_threshold(head.logit(strangers), cell.strangers.same, far=FAR)
    mine = [matrix[cell.known] for matrix in cell.matrices]
    known = KnownPictures(
        tuple(matrix[cell.known] for matrix in cell.eyes), cell.people[cell.known]
    )

    def victim(left: npt.NDArray[np.intp], right: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        return head.logit(EmbeddedPairs.gather(mine, Pairs(left, right, known.same(left, right))))

    attack = EXTRACTIONS.make(cell.attack)
    oracle = Oracle(
        victim,
        pictures=len(known),
        access=attack.access,
        threshold=threshold,
        queries=max(CHECKPOINTS),
        kept=AnswerFile(KEPT / f"{cell.key}.npz", identity=cell.key),
    )
    questions = EmbeddedPairs.gather(cell.eyes, cell.judged)
    found_here = extract(
        attack, oracle, known, questions, far=FAR, seed=derive_seed(seed, "attack")
    )
    answered = Verifier(head.logit(judged), threshold)
    baseline = found_here.baseline
    people = cell.people[cell.judged.left], cell.people[cell.judged.right]
    rows: list[dict[str, Any]] = []
    for kind, point in (
        ("baseline", baseline),
        *(("copy", point) for point in found_here.points),
        *((("control", found_here.control),) if found_here.control else ()),
    ):
        figures = measure_copy(
            Verifier(point.scores, point.threshold),
            answered,
            Verifier(baseline.scores, baseline.threshold),
            same=cell.judged.same,
            people=people,
            seed=seed,
        )
        rows.append(
            {
                "kind": kind,
                "queries": point.queries,
                "made_of": point.made_of,
                "seconds": round(point.seconds, 1),
                **figures.to_json(),
            }
        )
    result: dict[str, Any] = {
        "target": target.name,
        "attack": cell.attack,
        "access": str(attack.access),
        "seed": seed,
        "points": rows,
    }
    with new_file(kept) as part:
        part.write_text(json.dumps(result), "utf-8")
    return result


def _can_be_asked(target: Target, attack: str) -> bool:
    """Whether there is what the attack looks at: behind decisions alone there are no scores."""
    return target.mitigation != "decision_only" or EXTRACTIONS.get(attack).access is Access.DECISION


def main() -> int:
    if assets_folder() is None:
        print("FACEBONE_ASSETS is not set", file=sys.stderr)
        return 2
    every = "--all" in sys.argv[1:]
    seeds = SEEDS if every else SEEDS[:1]
    cells = [
        make_cell(target, attack, seed)
        for seed in seeds
        for target in TARGETS
        for attack in EXTRACTIONS
        if (_can_be_asked(target, attack) if every else (target.name, attack) in MEASURED)
    ]
    found = run_all(run_cell, cells, label="copying")
    write_result("extraction_study", {"far": FAR, "seeds": list(seeds), "cells": found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
