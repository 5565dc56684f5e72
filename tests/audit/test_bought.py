"""What training bought: a naive loop, planted gains, and intervals that hold what they promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from facebone.audit.bought import (
    FEWEST,
    Bought,
    Gain,
    bought_by,
    measure_bought,
    measure_gain,
)
from facebone.audit.bought_pairs import pair_groups
from facebone.audit.material import Material
from facebone.audit.pooling import pool_bought
from facebone.audit.schema import BoughtFigures, Interval, Refusal
from facebone.audit.shifted import ShiftedPictures
from facebone.audit.target import TargetRecipe, make_target, members_of_seed, train
from facebone.audit.unadapted import describe_unadapted, unadapted_scores
from facebone.data.pairs import Pairs
from facebone.errors import UsageError
from facebone.seeding import derive_seed
from facebone.verification.calibration import best_accuracy_threshold
from facebone.verification.estimates import Estimate, Figure, Refused
from facebone.verification.folds import decide, draw_folds, fold_accuracies
from facebone.verification.heads import LearningHead, make_head

SMALL: dict[str, object] = {"layers": [16, 8], "batch_norm": [], "epochs": 30}
MLP = TargetRecipe("mlp", "none", head_settings=SMALL)

Scored = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def world(
    rng: np.random.Generator, *, people: int = 80, gain: float = 0.0, probes: int = 3
) -> Scored:
    """Two verifiers who find some people harder than others: before, after, same, left, right."""
    matched = np.repeat(np.arange(people), probes * (probes - 1) // 2)
    n = len(matched)
    left = rng.integers(0, people, n)
    right = (left + rng.integers(1, people, n)) % people
    same = np.arange(2 * n) < n
    left, right = np.concatenate([matched, left]), np.concatenate([matched, right])
    easy, learnt = 0.5 * rng.normal(size=(2, people))
    sign = np.where(same, 1.0, -1.0)
    before = sign * 1.1 + rng.normal(size=2 * n) + (easy[left] + easy[right]) / 2
    after = before + sign * gain + (learnt[left] + learnt[right]) / 2
    return before, after + 0.3 * rng.normal(size=2 * n), same, left, right


def known(figure: Figure) -> Estimate:
    assert isinstance(figure, Estimate)
    return figure


def test_figures_are_those_of_a_naive_loop() -> None:
    before, after, same, left, right = world(np.random.default_rng(0), people=40)
    gain = measure_gain(before, after, same, people=(left, right), seed=5, replicates=50)
    fold = draw_folds(same, seed=5)
    found = []
    for scores in (before, after):
        right_ones = {True: 0, False: 0}
        for i in range(len(same)):
            others = [j for j in range(len(same)) if fold[j] != fold[i]]
            threshold = best_accuracy_threshold(scores[others], same[others])
            right_ones[bool(same[i])] += bool((scores[i] >= threshold) == same[i])
        found.append(right_ones[True] / same.sum() / 2 + right_ones[False] / (~same).sum() / 2)
    assert known(gain.before).value == pytest.approx(found[0], abs=1e-12)
    assert known(gain.after).value == pytest.approx(found[1], abs=1e-12)
    assert known(gain.change).value == pytest.approx(found[1] - found[0], abs=1e-12)
    assert gain.pairs == len(same)
    # Where folds are equally large it is the mean of their accuracies.
    mean = np.mean(fold_accuracies(before, same, fold))
    assert known(gain.before).value == pytest.approx(mean, abs=1e-12)


def test_no_pair_is_decided_at_a_threshold_that_it_helped_to_set() -> None:
    rng = np.random.default_rng(1)
    same = np.arange(200) % 2 == 0
    scores = np.where(same, 1.0, -1.0) + rng.normal(size=200)
    fold = draw_folds(same, seed=0)
    said = decide(scores, same, fold)
    turned = np.where(fold == 3, -scores, scores)
    again = decide(turned, same, fold)
    limit = best_accuracy_threshold(scores[fold != 3], same[fold != 3])
    np.testing.assert_array_equal(again[fold == 3], turned[fold == 3] >= limit)
    assert (said[fold == 3] != again[fold == 3]).mean() > 0.5


def test_a_planted_gain_is_told_from_zero_and_its_sign_is_that_of_the_better() -> None:
    before, after, same, left, right = world(np.random.default_rng(2), people=150, gain=1.0)
    better = measure_gain(before, after, same, people=(left, right), seed=0)
    worse = measure_gain(after, before, same, people=(left, right), seed=0)
    assert known(better.change).low > 0.02
    assert known(worse.change).high < -0.02
    assert known(worse.change).value == pytest.approx(-known(better.change).value)
    assert (better.before, better.after) == (worse.after, worse.before)
    assert known(better.change).low < known(better.after).value - known(better.before).value
    # The same pairs are compared: the change is surer than two figures set side by side.
    reach = known(better.after).high - known(better.before).low
    assert known(better.change).high < reach


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Where folds share people, Student's t over folds holds it in three of four worlds."""
    huge = world(np.random.default_rng(99), people=60_000, gain=0.1, probes=2)
    truth = [
        float(np.mean((scores >= best_accuracy_threshold(scores, huge[2])) == huge[2]))
        for scores in huge[:2]
    ]
    rng, held, too_wide = np.random.default_rng(3), [], 0
    for seed in range(60):
        before, after, same, left, right = world(rng, gain=0.1)
        gain = measure_gain(before, after, same, people=(left, right), seed=seed, replicates=200)
        wanted = (truth[0], truth[1], truth[1] - truth[0])
        figures = map(known, (gain.before, gain.after, gain.change))
        held.append(
            [one.low <= value <= one.high for one, value in zip(figures, wanted, strict=True)]
        )
        too_wide += known(gain.change).low <= -0.1
    # With 0.95 each, fewer than 52 of 60 happen once in 200 times.
    assert (np.sum(held, axis=0) >= 52).all()
    assert too_wide < 6  # and they say something


def test_the_same_answers_change_nothing_but_prove_no_equality() -> None:
    before, _, same, left, right = world(np.random.default_rng(4), people=60)
    gain = measure_gain(before, before * 3 + 1, same, people=(left, right), seed=0, replicates=50)
    change = known(gain.change)
    assert change.value == 0
    assert change.low == -change.high
    assert 0.001 < change.high < 0.05
    perfect = np.where(same, 1.0, -1.0)
    sure = measure_gain(perfect, perfect, same, people=(left, right), seed=0, replicates=50)
    assert known(sure.after).value == 1
    assert known(sure.after).low < 1


def groups_of(material: Material, seed: int = 0) -> tuple[Pairs, Pairs]:
    return pair_groups(material, members_of_seed(material, seed=seed))


def test_a_head_is_measured_beside_the_cosine_of_its_own_backbones(material: Material) -> None:
    members, strangers = groups_of(material)
    head, columns = train(
        replace(MLP, mitigation="none", settings={"backbones": ["backbone_2"]}),
        material,
        members,
        seed=0,
    )
    assert columns == (2,)
    assert isinstance(head, LearningHead)
    found = measure_bought(head, material, columns, members, strangers, seed=7)
    assert found.unadapted == "cosine of backbone_2"
    assert found.shifts == {}
    for gain, pairs, name in (
        (found.members, members, "members"),
        (found.strangers, strangers, "strangers"),
    ):
        expected = measure_gain(
            material.embedded(pairs, columns).cosines()[:, 0],
            head.logit(material.embedded(pairs, columns)),
            pairs.same,
            people=material.people_of(pairs),
            seed=derive_seed(7, "bought", name),
        )
        assert gain.pairs == expected.pairs
        for figure in ("before", "after", "change"):
            ours, theirs = known(getattr(gain, figure)), known(getattr(expected, figure))
            assert (ours.value, ours.low, ours.high) == pytest.approx(
                (theirs.value, theirs.low, theirs.high), abs=1e-9
            )
    # It knows its members by heart.
    assert known(found.members.change).low > known(found.strangers.change).value


def test_a_planted_head_helps_strangers(make_material: Callable[..., Material]) -> None:
    """A direction that varies with light and not with people: whitening learns to leave it out."""
    made = make_material(noise=0.7, pairs=400, people=150)
    light = np.random.default_rng(0).normal(size=(len(made.ids), 1))
    spoilt = np.concatenate([made.matrices[0], light], axis=1).astype(np.float32)
    material = replace(made, matrices=(spoilt,), backbones=("spoilt",))
    members, strangers = groups_of(material)
    recipe = TargetRecipe("w", "none", head="whitening")
    head, columns = train(recipe, material, members, seed=0)
    assert isinstance(head, LearningHead)
    found = measure_bought(head, material, columns, members, strangers, seed=0)
    assert known(found.strangers.change).low > 0.05
    assert known(found.members.change).low > 0.05
    # Without the light there is little to learn.
    plain = replace(material, matrices=made.matrices[:1])
    head, _ = train(recipe, plain, members, seed=0)
    assert isinstance(head, LearningHead)
    without = measure_bought(head, plain, columns, members, strangers, seed=0)
    assert known(without.strangers.change).high < known(found.strangers.change).low


def test_shifted_pictures_stand_in_for_those_of_strangers(material: Material) -> None:
    members, strangers = groups_of(material)
    rows = strangers.pictures()
    rng = np.random.default_rng(0)

    def noisy(noise: float) -> tuple[np.ndarray, ...]:
        return tuple(
            (m[rows] + noise * rng.normal(size=m[rows].shape)).astype(np.float32)
            for m in material.matrices
        )

    same = ShiftedPictures("same", rows, tuple(m[rows] for m in material.matrices))
    mild, harsh = (
        ShiftedPictures("mild", rows, noisy(0.1)),
        ShiftedPictures("harsh", rows, noisy(2)),
    )
    lost = tuple(m[rows].copy() for m in material.matrices)
    lost[1][:40] = np.nan
    gone = ShiftedPictures("lost", rows, lost)
    nobody = ShiftedPictures("nobody", rows[:3], tuple(m[rows[:3]] for m in material.matrices))
    head, columns = train(MLP, material, members, seed=0)
    assert isinstance(head, LearningHead)
    shifted = replace(material, shifted=(same, mild, harsh, gone, nobody))
    found = measure_bought(head, shifted, columns, members, strangers, seed=1)
    assert list(found.shifts) == ["same", "mild", "harsh", "lost", "nobody"]
    assert found.shifts["same"] == found.strangers
    accuracy = {kind: known(gain.before).value for kind, gain in list(found.shifts.items())[:4]}
    assert accuracy["same"] > accuracy["mild"] - 0.02 > accuracy["harsh"] + 0.05
    assert FEWEST < found.shifts["lost"].pairs < len(strangers)
    refused = found.shifts["nobody"].change
    assert isinstance(refused, Refused)
    assert "needs at least 10 matched" in refused.reason


def test_too_few_pairs_are_refused_in_words(material: Material) -> None:
    members, strangers = groups_of(material)
    few = strangers.take(np.r_[0:9, len(strangers) - 9 : len(strangers)])
    head, columns = train(MLP, material, members, seed=0)
    assert isinstance(head, LearningHead)
    found = measure_bought(head, material, columns, members, few, seed=0)
    assert str(found.strangers.change) == (
        "refused: needs at least 10 matched and as many mismatched pairs, got 9"
    )
    assert isinstance(found.members.change, Estimate)


def test_who_learns_nothing_bought_nothing(material: Material) -> None:
    groups = pair_groups(material, members_of_seed(material, seed=0))
    assert bought_by(make_head("cosine"), material, (0,), groups, seed=0) is None
    assert (
        make_target(replace(MLP, head="cosine", head_settings={}), material, seed=0).bought is None
    )


def test_measuring_changes_no_other_figure_and_repeats_itself(material: Material) -> None:
    """A head whose answers vary draws them anew: the same seed, the same figures."""
    random = TargetRecipe(
        "r", "facebone", {"assignment": "pair", "query": "random"}, head_settings=SMALL
    )
    one, other = (make_target(random, material, seed=4) for _ in range(2))
    assert one.bought is not None
    assert one.bought == other.bought
    assert one.bought.unadapted == "mean cosine of backbone_0, backbone_1 and backbone_2"
    np.testing.assert_array_equal(one.table.scores(), other.table.scores())


def test_unadapted_scores_are_mean_cosines_whatever_the_lengths(material: Material) -> None:
    pairs, columns = material.pool, (0, 2)
    scaled = replace(material, matrices=tuple(3 * matrix for matrix in material.matrices))
    found = unadapted_scores(scaled, pairs, columns)
    for i in range(0, len(pairs), 37):
        cosines = []
        for column in columns:
            a, b = (material.matrices[column][side[i]] for side in (pairs.left, pairs.right))
            cosines.append(float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b)))
        assert found[i] == pytest.approx(np.mean(cosines), abs=1e-6)


def test_beside_a_cut_backbone_stands_the_whole_one(material: Material) -> None:
    """Rows at the cut have a cosine too, which is no verifier's."""
    from facebone.backbones.zoo import load_backbone

    faces = np.random.default_rng(0).integers(0, 256, (24, 64, 64, 3), dtype=np.uint8)
    whole, cut = (
        load_backbone(name, device="cpu").embed(faces) for name in ("tiny_plain", "tiny_plain@2")
    )
    gallery = replace(
        material,
        backbones=("tiny_plain@2", "tiny_plain"),
        matrices=(0.01 * cut, whole),
        ids=material.ids[:24],
        people=material.people[:24],
    )
    pairs = Pairs(np.arange(0, 12), np.arange(12, 24), np.arange(12) < 6)
    same, other = (unadapted_scores(gallery, pairs, (column,)) for column in (0, 1))
    np.testing.assert_allclose(same, other, atol=1e-4)
    assert np.abs(gallery.embedded(pairs, (0,)).cosines()[:, 0] - other).max() > 0.01
    assert describe_unadapted(gallery.backbones[:1]) == "cosine of tiny_plain"


def figures(value: float, pairs: int = 20, refused: str = "") -> BoughtFigures:
    one = Estimate(value, value - 0.1, value + 0.1)
    gain = Gain(one, one, Refused(refused) if refused else one, pairs)
    found = Bought("cosine of x", gain, gain, {"blurred": gain})
    return BoughtFigures.model_validate(found.to_json())


def test_seeds_are_pooled_as_other_figures_are() -> None:
    pooled = pool_bought([figures(0.2), figures(0.6, pairs=15)])
    for gain in (pooled.members, pooled.strangers, pooled.shifts["blurred"]):
        assert gain.pairs == 15
        for figure in (gain.before, gain.after, gain.change):
            assert isinstance(figure, Interval)
            # The ends hold the value of every seed.
            assert (figure.value, figure.low, figure.high) == pytest.approx((0.4, 0.2, 0.6))
    half = pool_bought([figures(0.2), figures(0.2, refused="too few")])
    assert half.strangers.change == Refusal(refused="too few")
    assert isinstance(half.strangers.after, Interval)
    with pytest.raises(UsageError, match="at least one seed"):
        pool_bought([])
