"""Two databases: whose pictures they hold, what links them, and what a key takes away."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from facebone.attacks.linkage.base import LINKAGES
from facebone.audit.linkage import jobs
from facebone.audit.linkage.databases import ANOTHER, PUBLIC, open_databases
from facebone.audit.linkage.result import linkage_result
from facebone.audit.other_goals.crowd import ATTACKED, CONTROL, OWN
from facebone.audit.other_goals.victim import train_victim
from facebone.audit.plan import Result
from facebone.audit.target import TargetRecipe
from facebone.settings import plain

NONE = TargetRecipe("none", "none", head="logistic")
KEYED = TargetRecipe("keyed", "keyed_templates", head="logistic")


@pytest.fixture
def run(material, make_crowd, monkeypatch):
    def job(attack, recipe=NONE, **settings):
        crowd = make_crowd(material)
        monkeypatch.setattr(jobs.Crowd, "from_result", classmethod(lambda cls, result: crowd))
        monkeypatch.setattr(jobs, "material_of", lambda settings, inputs: material)
        asked = {
            "attack": attack,
            "attack_settings": settings,
            "recipe": plain(asdict(recipe)),
            "material": "material",
            "seed": 0,
        }
        return linkage_result(attack, jobs.link_records(asked, {jobs.CROWD: Result({}, {})}))

    return job


def test_no_picture_is_in_both_and_anchors_are_others(material, make_crowd):
    crowd, victim = make_crowd(material), train_victim(NONE, material, seed=0)
    opened = open_databases(LINKAGES.make("linear_alignment"), crowd, victim, victim, seed=0)
    attacked = set(crowd.people[crowd.rows(ATTACKED)])
    assert set(opened.first) == set(opened.second) == attacked
    own = set(crowd.people[crowd.rows(OWN)])
    assert set(opened.view.anchors.person) <= own
    assert opened.anchors == len(set(opened.view.anchors.person)) == 30
    assert opened.made_by == "third"
    # The first database holds the leaked pictures as the target stores them.
    stored = victim.stored(crowd.chosen(victim.columns))[crowd.rows(ATTACKED)]
    order = np.argsort(crowd.people[crowd.rows(ATTACKED)])
    np.testing.assert_allclose(opened.view.first, stored[order], atol=1e-6)


def test_half_of_the_names_are_in_nobodys_database(material, make_crowd):
    crowd, victim = make_crowd(material), train_victim(NONE, material, seed=0)
    for name in ("open_set_identification", "score_identification"):
        opened = open_databases(LINKAGES.make(name), crowd, victim, victim, seed=0)
        strangers = set(opened.first) - set(opened.second)
        assert strangers == set(crowd.people[crowd.rows(CONTROL)])
        assert opened.made_by == PUBLIC


def test_records_that_nobody_hides_are_linked(run):
    found = run("direct")
    assert found.second == ANOTHER
    assert (found.people, found.strangers, found.anchors) == (30, 0, 0)
    assert found.auc.low > 0.8
    assert found.rank_one.low > 0.7
    assert found.chance == pytest.approx(1 / 30)
    assert found.control.auc.high < 0.7


def test_two_keys_have_nothing_in_common_but_one_key_links(run):
    two = run("direct", KEYED)
    assert two.auc.low < 0.5 < two.auc.high
    assert two.rank_one.value < 0.2
    one = run("direct", replace(KEYED, settings={"key": "0123456789abcdef0123456789abcdef"}))
    assert one.rank_one.low > 0.7


def test_who_is_enrolled_in_both_undoes_a_key(run):
    mapped = run("linear_alignment", KEYED)
    assert mapped.auc.low > 0.8
    assert mapped.control.auc.low <= 0.5


def test_names_are_found_and_a_key_needs_anchors(run):
    plainly, keyed = run("open_set_identification"), run("open_set_identification", KEYED)
    for one in (plainly, keyed):
        assert (one.people, one.strangers) == (30, 30)
        assert one.rank_one is None
        assert one.auc.low > 0.5
        assert one.control.auc.low <= 0.5 <= one.control.auc.high
        assert set(one.found) == {"0.1", "0.01"}
    assert (plainly.anchors, keyed.anchors) == (0, 30)
    asked = run("score_identification", KEYED)
    assert asked.auc.low > 0.5
    assert asked.access == "score"
