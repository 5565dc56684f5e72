"""Claims: an attacker with shadows reads scores by these alone, any other by the known half."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Mask, Observations
from facebone.attacks.probe_answers import ProbeAnswers
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.attacks.turns import in_place_of_target
from facebone.audit.calibration import calibrate
from facebone.audit.claims import HALF, SHADOWS, TURNS, Claims, claim, on_shadows
from facebone.audit.crossfit import cross_scores, deal_halves
from facebone.verification.estimates import Estimate

WITH = [
    name
    for name in ATTACKS.names()
    if ATTACKS.get(name).needs_shadows and not ATTACKS.get(name).channels
]
WITHOUT = ("loss_threshold", "gap", "modified_entropy", "population", "art_lr", "art_dt")


def seen_by_attackers(
    n: int = 240, shadows: int = 6, *, leak: float = 2.0, seed: int = 0
) -> tuple[Observations, Mask]:
    """A target among shadows that all are surer of their members; two pairs a candidate."""
    rng = np.random.default_rng(seed)
    trained = np.array([rng.permutation(n) % 2 == 0 for _ in range(shadows + 1)])
    hard = rng.normal(size=n)
    margins = hard + 0.5 + leak * trained + 0.6 * rng.normal(size=trained.shape)
    odds = margins.astype(np.float32)
    candidate = np.repeat(np.arange(n), 2)
    asked = margins[:, candidate] + 0.3 * rng.normal(size=(shadows + 1, 2 * n))
    observed = Observations(
        1 / (1 + np.exp(-margins[0]))[:, None],
        np.ones(n, dtype=np.bool_),
        margins[0][:, None],
        0.5,
        ShadowAnswers(odds[1:], trained[1:]),
        probes=ProbeAnswers(
            candidate, asked[0], np.arange(2 * n) % 2 == 0, asked[1:].astype(np.float32), n
        ),
    )
    return observed, trained[0]


def claims_of(name: str, seen: Observations, member: Mask, seed: int = 0) -> Claims:
    attack = partial(ATTACKS.make, name)
    return claim(attack, seen, member, cross_scores(attack, seen, member, seed), seed=seed)


@pytest.mark.parametrize("name", WITH)
def test_what_a_shadow_attack_claims_does_not_hang_on_who_is_a_member(name: str) -> None:
    seen, member = seen_by_attackers()
    found, turned = claims_of(name, seen, member), claims_of(name, seen, ~member)
    assert found.chosen_on == SHADOWS
    assert (found.claimed == turned.claimed).all()
    assert (found.risk == turned.risk).all()
    # What is found out by the truth turns round with it.
    assert found.disclosure.at_fpr.keys() == turned.disclosure.at_fpr.keys()
    for fpr, rates in found.disclosure.at_fpr.items():
        swapped = turned.disclosure.at_fpr[fpr]
        if isinstance(rates.tpr, Estimate):
            assert isinstance(swapped.fpr, Estimate)
            assert rates.tpr.value == swapped.fpr.value
    # And they are right: thresholds from shadows carry over to a target like them.
    assert (found.claimed == member).mean() > 0.75
    assert np.mean(found.risk[member]) > np.mean(found.risk[~member]) + 0.3


@pytest.mark.parametrize("name", WITH)
def test_thresholds_are_those_of_shadows_in_the_targets_place(name: str) -> None:
    """An oracle: four played by hand, their scores put together."""
    seen, member = seen_by_attackers(leak=1.0)
    shadows = seen.shadows
    assert shadows is not None
    scores = [
        ATTACKS.make(name).score(in_place_of_target(seen, number)[0]) for number in range(TURNS)
    ]
    known = calibrate(np.concatenate(scores), np.concatenate(shadows.trained[:TURNS]))
    own = ATTACKS.make(name).score(seen)
    found = claims_of(name, seen, member)
    assert (found.claimed == (own >= known.balanced)).all()
    np.testing.assert_array_equal(found.risk, known.risk(own))
    # The target's own answers are no part of it.
    other = replace(seen, log_odds=seen.log_odds[::-1].copy(), score=seen.score[::-1].copy())
    given = on_shadows(partial(ATTACKS.make, name), other)
    assert given is not None
    assert given.to_json() == known.to_json()


@pytest.mark.parametrize("name", WITHOUT)
def test_any_other_claims_of_one_half_what_it_learnt_of_the_other(name: str) -> None:
    seen, member = seen_by_attackers(seed=1)
    found = claims_of(name, seen, member)
    assert found.chosen_on == HALF
    attack = partial(ATTACKS.make, name)
    half = deal_halves(member, seen.same, seed=0)
    if not attack().learns:
        own = attack().score(seen)
        for number in (0, 1):
            inside = half == number
            known = calibrate(own[~inside], member[~inside])
            assert (found.claimed[inside] == (own[inside] >= known.balanced)).all()
            np.testing.assert_array_equal(found.risk[inside], known.risk(own[inside]))
    # The disclosure is of one half alone, and the other set its thresholds.
    assert found.disclosure.members == int((member & (half == 0)).sum())
    assert found.disclosure.non_members == int((~member & (half == 0)).sum())


@pytest.mark.parametrize("name", [*WITH, *WITHOUT])
def test_risks_are_probabilities_that_never_fall_as_the_score_rises(name: str) -> None:
    seen, member = seen_by_attackers(leak=0.7, seed=3)
    attack = partial(ATTACKS.make, name)
    scores = cross_scores(attack, seen, member, 0)
    found = claim(attack, seen, member, scores, seed=0)
    assert found.risk.shape == member.shape
    assert (found.risk >= 0).all()
    assert (found.risk <= 1).all()
    half = deal_halves(member, seen.same, seed=0)
    groups = [half == 0, half == 1] if found.chosen_on == HALF else [np.ones_like(member)]
    for inside in groups:
        order = np.argsort(scores[inside], kind="stable")
        assert (np.diff(found.risk[inside][order]) >= 0).all()
        assert (np.diff(found.claimed[inside][order].astype(int)) >= 0).all()


@pytest.mark.parametrize("name", ["lira", "loss_threshold"])
def test_risks_are_what_they_say(name: str) -> None:
    """Of many candidates with a risk of about r, about r are members."""
    risks, members = [], []
    for seed in range(8):
        seen, member = seen_by_attackers(600, 8, leak=1.0, seed=seed)
        risks.append(claims_of(name, seen, member).risk)
        members.append(member)
    risk, member = np.concatenate(risks), np.concatenate(members)
    for low in (0.0, 0.25, 0.5, 0.75):
        rows = (risk >= low) & (risk < low + 0.25)
        assert rows.sum() > 50
        assert member[rows].mean() == pytest.approx(risk[rows].mean(), abs=0.08)


@pytest.mark.parametrize("name", ["lira", "set_likelihood"])
def test_nothing_is_claimed_beyond_chance_where_shadows_show_nothing(name: str) -> None:
    right = []
    for seed in range(8):
        seen, member = seen_by_attackers(leak=0.0, seed=seed)
        right.append(float((claims_of(name, seen, member).claimed == member).mean()))
    assert np.mean(right) == pytest.approx(0.5, abs=3 * (0.25 / 240 / 8) ** 0.5)


def test_one_shadow_and_shadows_that_know_all_or_nobody_show_no_threshold() -> None:
    seen, member = seen_by_attackers()
    shadows, probes = seen.shadows, seen.probes
    assert shadows is not None
    assert probes is not None
    attack = partial(ATTACKS.make, "lira")
    one = replace(
        seen,
        shadows=shadows.choose(np.array([0])),
        probes=replace(probes, margins=probes.margins[:1]),
    )
    assert on_shadows(attack, one) is None
    assert on_shadows(attack, replace(seen, shadows=None)) is None
    for kind in (True, False):
        alike = replace(shadows, trained=np.full_like(shadows.trained, kind))
        assert on_shadows(attack, replace(seen, shadows=alike)) is None
    assert claims_of("lira", one, member).chosen_on == HALF
