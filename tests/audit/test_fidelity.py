"""Whether shadows are like the target: told where they are not, and not called so by chance."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ks_2samp

from facebone.attacks.observations import Observations
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.fidelity import ALIKE, FEWEST, fidelity, reach
from facebone.audit.score_table import CONTROL, ScoreTable
from facebone.errors import UsageError


def made_up(
    shadows: int, n: int = 300, *, seed: int = 0, surer: float = 0.0, steps: bool = False
) -> ScoreTable:
    """A target among shadows of one recipe, unless it is surer; a tenth are control pairs."""
    rng = np.random.default_rng(seed)
    hard = 1.5 * rng.normal(size=n)
    trained = rng.random((shadows + 1, n)) < 0.5
    margins = hard + 1.0 + 1.5 * trained + 0.7 * rng.normal(size=(shadows + 1, n))
    margins += 0.1 * rng.normal(size=(shadows + 1, 1))
    margins[0] += surer
    if steps:
        margins = margins.round()
    same = np.arange(n) % 2 == 0
    log_odds = np.where(same, margins, -margins).astype(np.float32)
    ids = np.array([str(i) for i in range(n)])
    membership = np.where(rng.random(n) < 0.1, CONTROL, trained[0]).astype(np.int8)
    own = log_odds[0].astype(np.float64)[:, None]
    answers = Observations(
        1 / (1 + np.exp(-own)), same, own, 0.5, ShadowAnswers(log_odds[1:], trained[1:])
    )
    return ScoreTable(ids, ids, None, membership, np.zeros(n, dtype=np.bool_), answers, None)


@pytest.mark.parametrize("steps", [False, True], ids=["continuous", "tied"])
def test_figures_are_those_of_scipy_and_of_a_loop(steps: bool) -> None:
    table = made_up(5, surer=0.4, steps=steps)
    found = fidelity(table)
    rows = np.flatnonzero(table.candidates)
    shadows = table.answers.shadows
    assert shadows is not None
    margins = shadows.margins(table.same)[:, rows]
    own, member, trained = (
        table.answers.margin()[rows],
        table.member[rows],
        shadows.trained[:, rows],
    )
    for k, kind in enumerate((True, False)):
        of_each = [m[t == kind] for m, t in zip(margins, trained, strict=True)]
        mine = own[member == kind]
        assert found.target[k] == np.mean(mine > 0)
        accuracies = [np.mean(one > 0) for one in of_each]
        assert found.mean[k] == pytest.approx(np.mean(accuracies))
        assert found.deviation[k] == pytest.approx(np.std(accuracies, ddof=1))
        distance = ks_2samp(mine, np.concatenate(of_each)).statistic
        assert found.distance[k] == pytest.approx(distance, abs=1e-12)
        usual = [
            ks_2samp(one, np.concatenate([x for x in of_each if x is not one])).statistic
            for one in of_each
        ]
        expected = np.mean(usual) + reach(5) * np.std(usual, ddof=1)
        assert found.usual_distance[k] == pytest.approx(min(expected, 1.0), abs=1e-12)


def test_answers_that_differ_in_precision_alone_are_the_same() -> None:
    """Shadows' answers are kept as float32, and a guarded verifier shows few values."""
    table = made_up(6, steps=True)
    shadows = table.answers.shadows
    assert shadows is not None
    third = np.log(3.0)
    log_odds = np.where(table.answers.log_odds >= 0, third, -third)
    kept = np.where(shadows.log_odds >= 0, third, -third).astype(np.float32)
    answers = replace(
        table.answers, log_odds=log_odds, shadows=ShadowAnswers(kept, shadows.trained)
    )
    found = fidelity(replace(table, answers=answers))
    assert max(found.distance) < 0.1
    assert found.alike


@pytest.mark.parametrize("shadows", [2, 3, 4, 8, 16])
def test_a_target_of_the_same_recipe_is_seldom_called_unlike(shadows: int) -> None:
    """Each of four figures is too far in a quarter of a per cent of all cases at most."""
    wrong = sum(not fidelity(made_up(shadows, seed=seed)).alike for seed in range(100))
    assert wrong <= 6


def test_a_target_of_another_recipe_is_told_from_its_shadows() -> None:
    for surer in (1.0, -1.0):
        assert not any(fidelity(made_up(16, seed=s, surer=surer)).alike for s in range(10))
    # With few shadows it takes more, and of two nothing is said.
    assert not any(fidelity(made_up(8, seed=s, surer=3.0)).alike for s in range(10))
    assert fidelity(made_up(FEWEST - 1, surer=9.0)).alike


def test_few_shadows_do_not_tell_deviations_well() -> None:
    """An oracle: how often one more normal draw lies further away."""
    rng = np.random.default_rng(0)
    for count in (3, 5, 20):
        draws = rng.normal(size=(200_000, count + 1))
        known, more = draws[:, :-1], draws[:, -1]
        far = np.abs(more - known.mean(axis=1)) > reach(count) * known.std(axis=1, ddof=1)
        assert far.mean() == pytest.approx(0.0027, abs=0.0006)
    assert reach(10_000) == pytest.approx(ALIKE, abs=0.01)


def test_control_pairs_do_not_count() -> None:
    table = made_up(6)
    odds = np.where(table.control, 50.0, table.answers.log_odds[:, 0])[:, None]
    shouting = replace(table, answers=replace(table.answers, log_odds=odds))
    assert fidelity(shouting) == fidelity(table)


def test_one_shadow_and_shadows_that_know_all_can_be_compared() -> None:
    assert fidelity(made_up(1)).deviation == (0.0, 0.0)
    table = made_up(4)
    shadows = table.answers.shadows
    assert shadows is not None
    knowing = replace(shadows, trained=np.ones_like(shadows.trained))
    found = fidelity(replace(table, answers=replace(table.answers, shadows=knowing)))
    assert found.distance[1] == 0.0
    assert np.isfinite([*found.mean, *found.deviation, *found.usual_distance]).all()


def test_it_is_said_as_plain_values_and_needs_shadows() -> None:
    table = made_up(4)
    found = fidelity(table)
    told = json.loads(json.dumps(found.to_json()))
    assert told["target"] == {"on_members": found.target[0], "on_others": found.target[1]}
    assert told["shadows"]["on_others"] == found.mean[1]
    assert told["alike"] is found.alike
    with pytest.raises(UsageError, match="has no shadows"):
        fidelity(replace(table, answers=replace(table.answers, shadows=None)))
