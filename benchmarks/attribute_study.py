"""What templates and scores of synthetic faces tell of people whom the attacker does not know.

Attacks were written with other people of the generator, of another seed, in sight. Writes
results/attribute_study.json: every attribute under every attack, the means by the number of
questions a picture where only scores are shown, and by the number of backbones.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.results_file import write_result
from facebone.attacks.access import Access
from facebone.attacks.attributes.asked import ask_about, order_gallery
from facebone.attacks.attributes.base import ATTRIBUTE_ATTACKS
from facebone.attacks.attributes.evidence import Evidence
from facebone.attacks.attributes.figures import AttributeReport, measure_attributes
from facebone.attacks.attributes.traits import Traits, stated
from facebone.attacks.attributes.trial import infer_attributes
from facebone.data.synthetic import synthetic_dataset
from facebone.progress import for_console
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.heads import make_head
from facebone.verification.routes import open_routes

BACKBONES = ("tiny_plain", "tiny_residual", "tiny_wide")
SETS = (BACKBONES[:1], BACKBONES[1:2], BACKBONES[2:], BACKBONES)
DATA_SEEDS = (0, 1)
PEOPLE, PICTURES = 480, 3
GALLERY, KNOWN = 120, 180
"""People to ask beside and people to learn from; the rest are victims."""
QUESTIONS = (4, 16, 64, 256)

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Synthetic people under all backbones.

    Args:
        unit: a matrix (n, d) a backbone, rows of length one.
        traits: of all pictures.
    """

    unit: dict[str, npt.NDArray[np.float32]]
    traits: Traits

    def rows(self) -> tuple[Rows, Rows, Rows]:
        """Pictures to ask beside, of people who are known, and of victims."""
        ends = np.array([GALLERY, GALLERY + KNOWN]) * PICTURES
        gallery, known, seen = np.split(np.arange(PEOPLE * PICTURES), ends)
        return gallery, known, seen


def world(seed: int) -> World:
    dataset = synthetic_dataset(PEOPLE, PICTURES, seed=seed)
    engine = EmbeddingEngine(open_routes(list(BACKBONES), device="cpu"), progress=for_console)
    matrices = engine.embed(dataset.pictures).matrices
    unit = {name: normalise(matrix) for name, matrix in zip(BACKBONES, matrices, strict=True)}
    return World(unit, Traits.read(dataset, stated(dataset)))


def attacked(
    faces: World, attack: str, backbones: tuple[str, ...], questions: int, seed: int
) -> AttributeReport:
    """One attack on templates, side by side, or on the scores of their mean cosine."""
    made = ATTRIBUTE_ATTACKS.make(attack)
    gallery, known, seen = faces.rows()
    person = faces.traits.person
    beside = order_gallery(person, gallery, seed=seed)[:questions]
    if made.access is Access.EMBEDDING:
        templates = np.concatenate([faces.unit[name] for name in backbones], axis=1)
        shown = [Evidence(person[rows], templates[rows].astype(float)) for rows in (known, seen)]
    else:
        head = make_head("cosine")

        def oracle(left: Rows, right: Rows) -> npt.NDArray[np.floating]:
            sides = [tuple(faces.unit[name][rows] for name in backbones) for rows in (left, right)]
            return head.score(EmbeddedPairs(*sides))

        asked = ask_about(oracle, person, known=known, seen=seen, gallery=beside)
        shown = [asked.known, asked.seen]
    inferred = infer_attributes(
        made,
        shown[0],
        faces.traits.take(known),
        shown[1],
        faces.traits.take(seen),
        seed=seed,
        gallery=faces.traits.take(beside),
    )
    return measure_attributes(inferred, seed=seed)


def main() -> int:
    found: list[dict[str, Any]] = []
    for seed in DATA_SEEDS:
        faces = world(seed)
        tasks = [(name, backbones, 64) for name in ATTRIBUTE_ATTACKS for backbones in SETS]
        tasks += [
            (name, SETS[0], questions)
            for name in ATTRIBUTE_ATTACKS
            if ATTRIBUTE_ATTACKS.get(name).access is Access.SCORE
            for questions in QUESTIONS
            if questions != 64
        ]
        with for_console(f"inferring, seed {seed}", len(tasks)) as progress:
            for name, backbones, questions in tasks:
                report = attacked(faces, name, backbones, questions, seed).to_json()
                # Every attribute of one backbone is enough to read.
                kept = report if backbones == SETS[0] and questions == 64 else {}
                rest = {key: report[key] for key in ("mean", "control", "baseline")}
                access = ATTRIBUTE_ATTACKS.get(name).access
                asked = {"questions": questions} if access is Access.SCORE else {}
                about = {"data_seed": seed, "attack": name, "access": str(access)}
                found.append(about | {"backbones": list(backbones)} | asked | rest | kept)
                progress.advance(1)
    facts = {"people": PEOPLE, "pictures": PICTURES, "gallery": GALLERY, "known": KNOWN}
    write_result("attribute_study", facts | {"rows": found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
