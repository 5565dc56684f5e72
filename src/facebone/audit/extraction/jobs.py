"""The job of an extraction: train the target, copy it by asking, judge the copies."""

from __future__ import annotations

from typing import Any

import numpy as np

from facebone.attacks.extraction.base import EXTRACTIONS
from facebone.attacks.extraction.course import Point
from facebone.attacks.extraction.curve import extract
from facebone.attacks.extraction.figures import Verifier, measure_copy
from facebone.attacks.extraction.known import KnownPictures
from facebone.attacks.extraction.oracle import Oracle
from facebone.audit.extraction.judged import (
    FAR,
    FEWEST_JUDGING,
    judged_pairs,
    own_rows,
    threshold_of,
)
from facebone.audit.jobs import Inputs, Settings, material_of
from facebone.audit.other_goals.crowd import CROWD, Crowd
from facebone.audit.other_goals.victim import train_victim
from facebone.audit.plan import Result
from facebone.audit.target import TargetRecipe
from facebone.seeding import derive_seed
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.metrics import mismatched_needed


def copy_target(settings: Settings, inputs: Inputs) -> Result:
    """Copies of a target after more and more questions, and what they are worth.

    Settings: ``attack``, ``attack_settings``, ``queries`` (numbers, rising), ``recipe`` of the
    target, ``material`` that it is trained on, and ``seed``.
    """
    crowd, material = Crowd.from_result(inputs[CROWD]), material_of(settings, inputs)
    seed = settings["seed"]
    victim = train_victim(TargetRecipe(**settings["recipe"]), material, seed=seed)
    own = own_rows(victim, material, crowd)
    judged = judged_pairs(victim, material, crowd, seed=seed)
    matrices = crowd.chosen(victim.columns)
    mine = tuple(matrix[own] for matrix in matrices)
    people = crowd.people[own]
    facts: dict[str, Any] = {
        "far": FAR,
        "pictures": len(own),
        "people": len(np.unique(people)),
        "pairs": len(judged),
    }
    # Half of the pairs at most: the last ones are hard to find, and none may be left to choose.
    asked = [count for count in settings["queries"] if 4 * count <= len(own) * (len(own) - 1)]
    lacking = _lacking(people, len(judged), asked=bool(asked))
    if lacking:
        return Result(facts | _nothing(lacking))
    threshold = threshold_of(victim, material, seed=seed)
    attack = EXTRACTIONS.make(settings["attack"], settings["attack_settings"])
    oracle = Oracle(
        lambda left, right: victim.answers(mine, left, right),
        pictures=len(own),
        access=attack.access,
        threshold=threshold,
        queries=max(asked),
    )
    found = extract(
        attack,
        oracle,
        KnownPictures(mine, people),
        EmbeddedPairs.gather(matrices, judged),
        far=FAR,
        seed=derive_seed(seed, "extraction"),
        checkpoints=asked,
    )
    answered = Verifier(victim.answers(matrices, judged.left, judged.right), threshold)
    baseline = Verifier(found.baseline.scores, found.baseline.threshold)

    def measured(point: Point | None) -> dict[str, Any] | None:
        if point is None:
            return None
        figures = measure_copy(
            Verifier(point.scores, point.threshold),
            answered,
            baseline,
            same=judged.same,
            people=crowd.people_of(judged),
            seed=seed,
        )
        return {"queries": point.queries, "made_of": point.made_of, **figures.to_json()}

    points = [measured(point) for point in found.points]
    before = measured(found.baseline)
    return Result(
        facts
        | {
            "points": points,
            "control": measured(found.control),
            "baseline": before,
            "refused": None,
        }
    )


def _lacking(people: Any, judged: int, *, asked: bool) -> str:
    """Why nothing can be copied, or nothing said of copies; empty if it can."""
    counts = np.unique(people, return_counts=True)[1]
    strangers = (len(people) ** 2 - int(np.sum(counts**2))) // 2
    needed = mismatched_needed(FAR)
    if judged < 2 * FEWEST_JUDGING:
        return (
            f"copies are judged on {2 * FEWEST_JUDGING} pairs at least, and there are {judged} of "
            "people whom the target has not met"
        )
    if not asked or strangers < needed or not (counts > 1).any():
        return (
            f"the attacker has {len(people)} pictures of {len(counts)} people, too few to ask so "
            f"many questions about, or for {needed} pairs of strangers and one of one person"
        )
    return ""


def _nothing(reason: str) -> dict[str, Any]:
    return {"points": [], "control": None, "baseline": None, "refused": reason}
