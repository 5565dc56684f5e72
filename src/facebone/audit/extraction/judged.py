"""Which pairs set a target's threshold, and which judge its copies: none that it was trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebone.audit.gallery import Gallery
from facebone.audit.material import Material
from facebone.audit.other_goals.crowd import ATTACKED, CONTROL, OTHER, OWN, Crowd
from facebone.audit.other_goals.victim import Victim
from facebone.audit.unit_material import UnitMaterial
from facebone.data.pairs import Pairs
from facebone.seeding import make_rng
from facebone.verification.calibration import calibrate_threshold

FAR = 0.01
"""False accept rate at which a target decides."""

CALIBRATING, JUDGING = 6000, 1000
"""Pairs of strangers that set the threshold, and pairs of each kind that judge, at most."""

FEWEST_JUDGING = 30
"""Pairs of each kind below which nothing is said of a copy."""

FEWEST_ANSWERS = 3
"""Different answers below which a target shows decisions alone."""

Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


def threshold_of(victim: Victim, material: Material | UnitMaterial, *, seed: int) -> float:
    """Where a target takes one pair of strangers in a hundred for one person.

    Pairs of its own pictures set it, but for those that it was trained on. A target that shows
    decisions alone has made them already: there is nothing to choose.

    Raises:
        UsageError: too few pairs of strangers.
    """
    rng = make_rng(seed, "extraction", "strangers")
    pairs = _strangers(material, np.arange(len(material.ids)), CALIBRATING, rng)
    pairs = pairs.take(~_among(material, pairs, material, victim.learnt))
    scores = victim.answers(_chosen(material, victim), pairs.left, pairs.right)
    if len(np.unique(scores)) < FEWEST_ANSWERS:
        return 0.0
    # The rate is one of strangers; any score above all of theirs stands for a matched pair.
    above = float(scores.max()) + 1.0
    return calibrate_threshold(np.append(scores, above), np.append(pairs.same, True), far=FAR)


def met_by(victim: Victim, material: Material | UnitMaterial, crowd: Crowd) -> Mask:
    """Pictures of the crowd that show people whom a target knows, (N,).

    Of a target that learnt from pairs nobody counts as known: nearly everybody is in some pair.
    """
    if isinstance(material, Material):
        return np.zeros(len(crowd.ids), dtype=np.bool_)
    known: Mask = np.isin(crowd.people, material.people[victim.learnt.pictures()])
    return known


def own_rows(victim: Victim, material: Material | UnitMaterial, crowd: Crowd) -> Rows:
    """The attacker's pictures, of people whom the target has not met."""
    own = crowd.rows(OWN)
    return own[~met_by(victim, material, crowd)[own]]


def judged_pairs(
    victim: Victim, material: Material | UnitMaterial, crowd: Crowd, *, seed: int
) -> Pairs:
    """Pairs of attacked and control people by which copies are judged, as many of each kind.

    None of them was trained on; a target that learnt people has met none of these.

    Args:
        victim: the target.
        material: that it was trained on.
        crowd: people.
        seed: of the draw.
    """
    rng = make_rng(seed, "extraction", "judged")
    rows = crowd.rows(ATTACKED, OTHER, CONTROL)
    rows = rows[~met_by(victim, material, crowd)[rows]]
    left, right = rows[np.stack(np.triu_indices(len(rows), 1))]
    of_one = np.flatnonzero(crowd.people[left] == crowd.people[right])
    chosen = rng.permutation(of_one)
    matched = Pairs(left[chosen], right[chosen], np.ones(len(chosen), dtype=np.bool_))
    matched = matched.take(~_among(crowd, matched, material, victim.learnt))
    others = _strangers(crowd, rows, 2 * JUDGING, rng)
    others = others.take(~_among(crowd, others, material, victim.learnt))
    count = min(JUDGING, len(matched), len(others))
    return Pairs(
        np.concatenate([matched.left[:count], others.left[:count]]),
        np.concatenate([matched.right[:count], others.right[:count]]),
        np.arange(2 * count) < count,
    )


def _strangers(gallery: Gallery, rows: Rows, count: int, rng: np.random.Generator) -> Pairs:
    """Different random pairs of two people among `rows`, `count` at most."""
    drawn = np.sort(rows[rng.integers(0, max(1, len(rows)), size=(2 * count, 2))], axis=1)
    drawn = drawn[gallery.people[drawn[:, 0]] != gallery.people[drawn[:, 1]]]
    first = np.sort(np.unique(drawn, axis=0, return_index=True)[1])
    kept = drawn[first][:count]
    return Pairs(kept[:, 0], kept[:, 1], np.zeros(len(kept), dtype=np.bool_))


def _among(gallery: Gallery, pairs: Pairs, other: Gallery, learnt: Pairs) -> Mask:
    """Which pairs show the same two pictures as one of `learnt`, in either order, (n,)."""
    known = {
        frozenset(ids) for ids in zip(other.ids[learnt.left], other.ids[learnt.right], strict=True)
    }
    found = zip(gallery.ids[pairs.left], gallery.ids[pairs.right], strict=True)
    return np.fromiter((frozenset(ids) in known for ids in found), np.bool_, len(pairs))


def _chosen(gallery: Gallery, victim: Victim) -> tuple[npt.NDArray[np.float32], ...]:
    return tuple(gallery.matrices[column] for column in victim.columns)
