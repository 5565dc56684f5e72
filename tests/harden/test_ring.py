"""Rings against a naive one, and what they say of recipes that leak and that do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Observations
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.material import Material
from facebone.audit.shadows import ask_shadows, membership, train_shadows
from facebone.audit.target import TargetRecipe
from facebone.errors import UsageError
from facebone.harden.ring import Ring, measure_ring
from facebone.seeding import derive_seed
from facebone.verification.estimates import Estimate
from facebone.verification.folds import draw_folds, fold_accuracies
from facebone.verification.heads.base import sigmoid
from facebone.verification.metrics import auc, tar_at_far

MODELS, SEED = 4, 5
NAMES = ("loss_threshold", "lira", "rmia")
Make = Callable[[str], TargetRecipe]


@pytest.fixture(scope="module")
def leaking(material: Material, make: Make) -> Ring:
    return measure(make("none"), material)


def measure(recipe: TargetRecipe, material: Material) -> Ring:
    return measure_ring(recipe, material, models=MODELS, seed=SEED, attacks=NAMES, replicates=100)


def test_it_is_what_a_naive_ring_finds(leaking: Ring, material: Material, make: Make) -> None:
    recipe, numbers = make("none"), range(MODELS)
    heads = train_shadows(recipe, material, seed=SEED, numbers=numbers)
    batch = ask_shadows(heads, recipe, material, seed=SEED, numbers=numbers)
    same = material.pool.same
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES}
    accuracy = []
    for k in numbers:
        member = membership(material, seed=SEED, number=k)
        odds = heads[k].logit(material.embedded(material.pool, (0, 1)))
        others = [i for i in numbers if i != k]
        shadows = ShadowAnswers(
            batch.log_odds[others],
            np.stack([membership(material, seed=SEED, number=i) for i in others]),
        )
        seen = Observations(sigmoid(odds[:, None]), same, odds[:, None], 0.5, shadows)
        for name in NAMES:
            score = ATTACKS.make(name).score(seen)
            found[name].append((auc(score, member), tar_at_far(score, member, 0.01)))
        folds = draw_folds(same[~member], seed=derive_seed(SEED, "folds", k))
        accuracy.append(np.mean(fold_accuracies(odds[~member], same[~member], folds)))
    assert leaking.accuracy.mean == pytest.approx(np.mean(accuracy), abs=1e-12)
    assert leaking.accuracy.deviation == pytest.approx(np.std(accuracy, ddof=1), abs=1e-12)
    assert [one.attack for one in leaking.found] == list(NAMES)
    for one in leaking.found:
        aucs, tprs = zip(*found[one.attack], strict=True)
        assert one.auc.mean == pytest.approx(np.mean(aucs), abs=1e-6)
        assert one.tpr_at_fpr["0.01"].mean == pytest.approx(np.mean(tprs), abs=1e-6)
        assert one.auc.error == pytest.approx(np.std(aucs, ddof=1) / 2, abs=1e-6)


def test_what_learns_by_heart_leaks_and_few_numbers_do_not(
    leaking: Ring, material: Material, make: Make
) -> None:
    few = measure(make("none@logistic"), material)
    assert leaking.strongest.auc.mean > 0.7
    assert few.strongest.auc.mean < 0.6
    assert isinstance(leaking.leak_interval, Estimate)
    assert isinstance(few.leak_interval, Estimate)
    assert leaking.leak_interval.low > few.leak_interval.value
    assert leaking.leak_interval.value == pytest.approx(leaking.strongest.auc.mean, abs=1e-9)


def test_the_intervals_hold_the_means(leaking: Ring) -> None:
    interval = leaking.accuracy_interval
    assert isinstance(interval, Estimate)
    assert interval.low < leaking.accuracy.mean < interval.high
    assert interval.value == pytest.approx(leaking.accuracy.mean)


def test_the_same_seed_finds_the_same_and_json_keeps_all(
    leaking: Ring, material: Material, make: Make
) -> None:
    assert measure(make("none"), material) == leaking
    assert Ring.from_json(leaking.to_json()) == leaking


def test_answers_that_vary_are_asked_again_and_backbones_one_by_one(
    material: Material, make_maker: Callable[..., Make]
) -> None:
    make = make_maker(material.backbones, "mlp", {"layers": [4], "batch_norm": [], "epochs": 1})
    ring = measure(make("facebone:assignment=epoch,query=random"), material)
    ways = {one.attack for one in ring.found}
    assert {"lira", "lira x16", "lira through each"} <= ways


def test_a_head_that_learns_nothing_has_no_ring(material: Material, make: Make) -> None:
    with pytest.raises(UsageError, match="learns nothing"):
        measure(make("none@cosine"), material)
