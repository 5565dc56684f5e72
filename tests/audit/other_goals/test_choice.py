"""Attacks of other goals from words."""

from __future__ import annotations

import pytest

from facebone.attacks.attack import Goal
from facebone.audit.other_goals.choice import (
    DEFAULT_QUERIES,
    check_stated,
    of_goal,
    other_names,
    other_than,
    parse_other,
)
from facebone.audit.other_goals.plan import JOBS
from facebone.data.synthetic import synthetic_dataset
from facebone.errors import UnknownNameError, UsageError


def test_every_attack_of_another_goal_is_run_by_an_audit():
    goals = {parse_other(name).attack.goal for name in other_names()}
    assert goals == set(Goal) - {Goal.MEMBERSHIP}
    assert set(JOBS) == goals - {Goal.RECONSTRUCTION}


def test_queries_are_of_the_audit_and_the_rest_of_the_attack():
    asked = parse_other("copy_head:queries=50+70,heads=logistic")
    assert asked.queries == (50, 70)
    assert dict(asked.settings) == {"heads": "logistic"}
    assert parse_other("copycat").queries == DEFAULT_QUERIES
    assert parse_other("copycat:queries=50").queries == (50,)
    assert parse_other("direct").queries == ()


def test_wrong_ones_are_refused():
    with pytest.raises(UnknownNameError, match="copy_head"):
        parse_other("copy_hed")
    for wrong in ("1", "70+50", "0.5", "50+50"):
        with pytest.raises(UsageError, match="queries"):
            parse_other(f"copy_head:queries={wrong}")
    with pytest.raises(UnknownNameError, match="queries"):
        parse_other("direct:queries=50")


def test_goals_are_told_apart():
    specs = ("template_ridge", "copy_head:queries=50", "direct")
    assert of_goal(specs, Goal.EXTRACTION) == ("copy_head:queries=50",)
    assert other_than(specs, Goal.RECONSTRUCTION) == specs[1:]


def test_attributes_need_data_that_state_them(make_people):
    check_stated(("attribute_probe",), synthetic_dataset(3, 2, seed=0))
    check_stated(("direct",), make_people([2]))
    with pytest.raises(UsageError, match="attribute_probe: infers what people are like"):
        check_stated(("direct", "attribute_probe"), make_people([2]))
