"""The job of an attack on attributes: what shows is found, what does not is not."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from facebone.audit.attributes import jobs
from facebone.audit.attributes.result import attribute_result
from facebone.audit.plan import Result
from facebone.audit.target import TargetRecipe
from facebone.settings import plain


@pytest.fixture
def run(material, make_crowd, monkeypatch):
    def job(attack, *, people=240, mitigation="none", stated=None):
        crowd = make_crowd(material, people=people)
        if stated is not None:
            rows = np.flatnonzero(stated(crowd))
            crowd = replace(crowd, stated=rows, traits=crowd.traits.take(rows))
        monkeypatch.setattr(jobs.Crowd, "from_result", classmethod(lambda cls, result: crowd))
        monkeypatch.setattr(jobs, "material_of", lambda settings, inputs: material)
        asked = {
            "attack": attack,
            "attack_settings": {},
            "recipe": plain(asdict(TargetRecipe("t", mitigation, head="logistic"))),
            "material": "material",
            "seed": 0,
        }
        return attribute_result(attack, jobs.infer(asked, {jobs.CROWD: Result({}, {})}))

    return job


def test_what_templates_show_is_found_and_a_coin_is_not(run):
    found = run("attribute_probe")
    shown, coin = found.attributes
    assert (shown.name, coin.name) == ("shown", "coin")
    assert shown.auc.low > 0.7
    assert shown.chance <= 0.05
    assert coin.auc.low < 0.5 < coin.auc.high
    assert (found.people, found.known_people, found.queries) == (160, 80, 0)
    assert found.auc.value == pytest.approx((shown.auc.value + coin.auc.value) / 2)
    assert found.baseline.auc.value == 0.5
    assert 0.4 < found.control.auc.value < 0.6


def test_a_key_hides_nothing_from_who_knows_some_templates(run):
    assert run("attribute_probe", mitigation="keyed_templates").attributes[0].auc.low > 0.7


def test_scores_tell_too_and_questions_are_counted(run):
    found = run("score_probe")
    assert found.queries == 64
    # A third of the attacker's people are those asked beside.
    assert found.known_people == 54
    assert found.attributes[0].auc.low > 0.5


def test_pictures_without_attributes_are_left_out(run):
    whole = run("attribute_probe")
    half = run("attribute_probe", stated=lambda crowd: np.arange(len(crowd.ids)) < 480)
    assert half.people < whole.people
    assert half.known_people == 40
