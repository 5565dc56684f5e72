"""What training bought: beside the cosine of the same backbones, here and in shifted domains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from facebone.audit.bought import FEWEST, Bought, bought_by, measure_bought
from facebone.audit.bought_pairs import pair_groups
from facebone.audit.material import Material
from facebone.audit.pooling import pool_bought
from facebone.audit.schema import BoughtFigures, Interval, Refusal
from facebone.audit.shifted import ShiftedPictures
from facebone.audit.target import TargetRecipe, make_target, members_of_seed, train
from facebone.data.pairs import Pairs
from facebone.errors import UsageError
from facebone.seeding import derive_seed
from facebone.verification.change import Change, measure_change
from facebone.verification.estimates import Estimate, Figure, Refused
from facebone.verification.heads import LearningHead, make_head

SMALL: dict[str, object] = {"layers": [16, 8], "batch_norm": [], "epochs": 30}
MLP = TargetRecipe("mlp", "none", head_settings=SMALL)


def known(figure: Figure) -> Estimate:
    assert isinstance(figure, Estimate)
    return figure


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
        expected = measure_change(
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


def figures(value: float, pairs: int = 20, refused: str = "") -> BoughtFigures:
    one = Estimate(value, value - 0.1, value + 0.1)
    gain = Change(one, one, Refused(refused) if refused else one, pairs)
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
