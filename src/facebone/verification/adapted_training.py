"""Training an adaptation on a data set, and measuring what it changed for people it never met."""

from __future__ import annotations

import numpy as np

from facebone.data.dataset import Dataset
from facebone.data.fingerprints import FingerprintCache
from facebone.data.sampling import Positions, count_pairs
from facebone.errors import DatasetError
from facebone.seeding import make_rng
from facebone.settings import check_integer
from facebone.verification.chain import Problem
from facebone.verification.change import Change, measure_change
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.heads import PeopleHead
from facebone.verification.heads.base import Scores
from facebone.verification.labelled_pictures import LabelledPictures
from facebone.verification.metrics import mismatched_needed
from facebone.verification.pairing import Paired
from facebone.verification.training import Adapted, Trained
from facebone.verification.training_parts import (
    PARTS,
    Copies,
    check_limit,
    draw_part,
    embed_parts,
    split_people,
    without_copies,
    without_repeats,
)
from facebone.verification.unadapted import unadapted_scores
from facebone.verification.utility import measure_utility
from facebone.verification.verifier import TrainingFacts, Verifier

MOST_PICTURES = 20
"""Pictures of a person to learn from, at most."""

FEWEST_TO_KEEP, KEPT_SHARE = 8, 4
"""Of who has so many pictures, one in four is kept aside: two at least, for a matched pair."""

FEWEST_OF_MEMBERS = 10
"""Matched pairs of pictures kept aside without which nothing is said of them."""

_KEPT = "kept aside"


def train_adapted(
    dataset: Dataset,
    engine: EmbeddingEngine,
    head: PeopleHead,
    *,
    seed: int,
    target_far: float = 0.01,
    limit: int = 3000,
    pictures: int = MOST_PICTURES,
    copies: Copies = "error",
    mitigation: str = "none",
) -> Trained:
    """Adapt to some people, set the threshold on others, and measure on others again.

    Beside the adapted verifier stands the unadapted one, the mean cosine of the same backbones: on
    people whom neither has met, and on pictures of the training people that were kept aside.

    Args:
        dataset: pictures of named people.
        engine: its routes become the verifier's.
        head: unfitted; it includes the defence, if there is one.
        seed: for the split, the pictures, the pairs and the head.
        target_far: false accept rate at which the threshold is set.
        limit: matched pairs at most that anything is set or measured on.
        pictures: of one person to learn from, at most; those beyond are kept aside, and a quarter
            of all where a person has `FEWEST_TO_KEEP` or more.
        copies: what to do about a picture, or a near-duplicate of it, in two parts: ``error``, or
            ``drop`` all of its copies but those in the first part that has one. Repeats among the
            training people's own pictures are left out either way.
        mitigation: name and settings of the defence, kept with the verifier.

    Raises:
        LeakageError: a picture stands in two parts, and `copies` is ``error``.
        DatasetError: too few people or pictures.
        UsageError: `target_far` needs more mismatched pairs than there are, or a number below 1.
    """
    check_limit(limit)
    check_integer("--training-pictures", pictures, low=2)
    cache = FingerprintCache()
    parts, removed = without_copies(dataset, split_people(dataset, seed), copies, cache)
    own, repeated = without_repeats(dataset, parts[0], cache)
    learnt, kept = share_out(dataset, own, most=pictures, seed=seed)
    needed = mismatched_needed(target_far)
    drawn = {
        name: draw_part(dataset, part, name, limit=limit, mismatched=needed, seed=seed)
        for name, part in zip(PARTS[1:], parts[1:], strict=True)
    }
    if _can_be_measured(dataset, kept):
        drawn[_KEPT] = draw_part(dataset, kept, _KEPT, limit=limit, mismatched=0, seed=seed)
    labelled, problems = embed_labelled(engine, dataset, learnt)
    paired = dict(
        zip(drawn, embed_parts(engine, dataset, [*drawn.values()], [*drawn]), strict=True)
    )
    calibration, test = paired[PARTS[1]], paired[PARTS[2]]
    verifier, report = Verifier.fit_people(
        head,
        labelled,
        routes=tuple(route.describe() for route in engine.routes),
        training=TrainingFacts(dataset.name, dataset.fingerprint, seed, mitigation),
        target_far=target_far,
        calibration=(calibration.embedded, calibration.pairs.same),
    )
    scores = verifier.score(test.embedded)
    strangers = _change(verifier, test, scores, seed=seed)
    aside = paired.get(_KEPT)
    members = (
        None
        if aside is None
        else _change(verifier, aside, verifier.score(aside.embedded), seed=seed)
    )
    return Trained(
        verifier=verifier,
        fit=report,
        utility=measure_utility(scores, test.pairs.same, people=test.people, seed=seed),
        accepted=float(np.mean(scores[test.pairs.same] >= verifier.threshold)),
        people=tuple(len({dataset.pictures[i].person for i in part}) for part in parts),
        pairs=(0, len(calibration.pairs), len(test.pairs)),
        removed=tuple(dataset.pictures[i].id for i in sorted([*removed, *repeated])),
        problems=(*problems, *calibration.problems),
        adapted=Adapted(len(labelled), strangers, members),
    )


def share_out(
    dataset: Dataset, positions: Positions, *, most: int, seed: int
) -> tuple[Positions, Positions]:
    """Pictures of each person to learn from, and those kept aside, both sorted.

    Args:
        dataset: whose pictures.
        positions: of the pictures.
        most: of one person to learn from.
        seed: which of them.
    """
    own: dict[str, list[int]] = {}
    for position in positions.tolist():
        own.setdefault(dataset.pictures[position].person, []).append(position)
    rng = make_rng(seed, "pictures to learn from")
    learnt: list[int] = []
    kept: list[int] = []
    for person in sorted(own):
        order = rng.permutation(own[person]).tolist()
        aside = len(order) // KEPT_SHARE if len(order) >= FEWEST_TO_KEEP else 0
        count = min(most, len(order) - aside)
        learnt += order[:count]
        kept += order[count:]
    return np.sort(np.array(learnt, dtype=np.intp)), np.sort(np.array(kept, dtype=np.intp))


def embed_labelled(
    engine: EmbeddingEngine, dataset: Dataset, positions: Positions
) -> tuple[LabelledPictures, tuple[Problem, ...]]:
    """Embed pictures with who they show; those that cannot be embedded are left out.

    Raises:
        DatasetError: none could be.
        PictureError, StorageError: see `EmbeddingEngine.embed`.
    """
    found = engine.embed([dataset.pictures[i] for i in positions])
    rows = np.flatnonzero(found.usable)
    if not len(rows):
        reason = found.problems[0].reason if found.problems else "there is none"
        raise DatasetError(
            f"no picture to learn from could be embedded; the first reason: {reason}",
            where=dataset.name,
        )
    people = [dataset.pictures[positions[row]].person for row in rows]
    person = np.unique(people, return_inverse=True)[1].astype(np.intp)
    return LabelledPictures.gather(found.matrices, rows, person), found.problems


def _can_be_measured(dataset: Dataset, positions: Positions) -> bool:
    possible = count_pairs(dataset, positions=positions)
    return min(possible.matched, possible.mismatched) >= FEWEST_OF_MEMBERS


def _change(verifier: Verifier, paired: Paired, scores: Scores, *, seed: int) -> Change:
    """Of accuracy on some pairs, on which the verifier gives these scores."""
    before = unadapted_scores(verifier.backbones, paired.embedded, device=verifier.head.device)
    return measure_change(before, scores, paired.pairs.same, people=paired.people, seed=seed)
