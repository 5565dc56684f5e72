"""Training a verifier on a data set: people are split, so that its figures are of strangers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from facebone.data.dataset import Dataset
from facebone.data.fingerprints import FingerprintCache
from facebone.verification.chain import Problem
from facebone.verification.change import Change
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.heads.base import Head
from facebone.verification.heads.fit_report import FitReport
from facebone.verification.metrics import mismatched_needed
from facebone.verification.training_parts import (
    PARTS,
    Copies,
    check_limit,
    draw_part,
    embed_parts,
    split_people,
    without_copies,
)
from facebone.verification.utility import Utility, measure_utility
from facebone.verification.verifier import TrainingFacts, Verifier


@dataclass(frozen=True, slots=True, eq=False)
class Adapted:
    """What adapting to people changed, beside the mean cosine of the same backbones.

    Args:
        pictures: number of pictures that were learnt from.
        strangers: on people never met.
        members: on pictures of the training people that were kept aside; None where these are too
            few.
    """

    pictures: int
    strangers: Change
    members: Change | None

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        members = None if self.members is None else self.members.to_json()
        return {
            "pictures": self.pictures,
            "strangers": self.strangers.to_json(),
            "members": members,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A verifier and what is known of it.

    Args:
        verifier: ready to be saved.
        fit: what fitting the head did.
        utility: measured on people it has never met.
        accepted: share of their matched pairs that the threshold accepts.
        people: number of people in each of `PARTS`.
        pairs: number of pairs in each of `PARTS`.
        removed: ids of pictures left out because a copy stands in another part; of an adaptation
            also repeats among the pictures to learn from.
        problems: pictures that could not be embedded.
        adapted: of an adaptation: what it changed.
    """

    verifier: Verifier
    fit: FitReport
    utility: Utility
    accepted: float
    people: tuple[int, ...]
    pairs: tuple[int, ...]
    removed: tuple[str, ...]
    problems: tuple[Problem, ...]
    adapted: Adapted | None = None


def train_verifier(
    dataset: Dataset,
    engine: EmbeddingEngine,
    head: Head,
    *,
    seed: int,
    target_far: float = 0.01,
    limit: int = 3000,
    copies: Copies = "error",
    mitigation: str = "none",
) -> Trained:
    """Train a verifier, calibrate its threshold and measure it, each on other people.

    Args:
        dataset: pictures of named people.
        engine: its routes become the verifier's.
        head: unfitted; it includes the defence, if there is one.
        seed: for the split, the pairs and the head.
        target_far: false accept rate at which the threshold is set.
        limit: matched pairs drawn for training at most; as many mismatched ones are drawn.
        copies: what to do about a picture, or a near-duplicate of it, in two parts: ``error``, or
            ``drop`` all of its copies but those in the first part that has one.
        mitigation: name and settings of the defence, kept with the verifier; see
            `Mitigation.spec`.

    Raises:
        LeakageError: a picture stands in two parts, and `copies` is ``error``.
        DatasetError: too few people or pictures.
        UsageError: `target_far` needs more mismatched pairs than there are, or a limit below 1.
    """
    check_limit(limit)
    parts = split_people(dataset, seed)
    parts, removed = without_copies(dataset, parts, copies, FingerprintCache())
    needed = mismatched_needed(target_far)
    drawn = [
        draw_part(dataset, part, name, limit=limit, mismatched=0 if i == 0 else needed, seed=seed)
        for i, (name, part) in enumerate(zip(PARTS, parts, strict=True))
    ]
    paired = embed_parts(engine, dataset, drawn, PARTS)
    fitting, calibration, test = paired
    verifier, report = Verifier.fit(
        head,
        fitting.embedded,
        fitting.pairs.same,
        routes=tuple(route.describe() for route in engine.routes),
        training=TrainingFacts(dataset.name, dataset.fingerprint, seed, mitigation),
        target_far=target_far,
        calibration=(calibration.embedded, calibration.pairs.same),
    )
    scores, same = verifier.score(test.embedded), test.pairs.same
    return Trained(
        verifier=verifier,
        fit=report,
        utility=measure_utility(scores, same, people=test.people, seed=seed),
        accepted=float(np.mean(scores[same] >= verifier.threshold)),
        people=tuple(len({dataset.pictures[i].person for i in part}) for part in parts),
        pairs=tuple(len(part.pairs) for part in paired),
        removed=tuple(dataset.pictures[i].id for i in removed),
        problems=fitting.problems,
    )
