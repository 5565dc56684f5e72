"""Which attacks an audit runs on a target, asked for and unasked."""

from __future__ import annotations

import pytest

from facebone.attacks.access import Access, Channel
from facebone.audit.assemble import TargetFacts
from facebone.audit.audit_plan import AuditPlan, PlannedTarget
from facebone.audit.schema import DataFacts
from facebone.data.splits import Level

ATTACKS = (
    *("loss_threshold", "entropy", "lira", "rmia:gamma=1.0", "lira:probes=2", "set_likelihood"),
    *("template_probing", "lira:ask=centre", "loss_threshold:ask=among"),
)
MORE = {
    "loss_threshold": ["loss_threshold gain"],
    "lira": ["lira among"],
    "rmia:gamma=1.0": ["rmia:gamma=1.0 among"],
    "lira:probes=2": ["lira:probes=2 among"],
}


def plan(*attacks: str, access: Access = Access.WEIGHTS) -> AuditPlan:
    data = DataFacts.model_construct()
    return AuditPlan((0,), data, "facebone audit", {}, [], attacks, [], access=access)


def target(
    level: Level, *, adapts: bool, mitigation: str = "none", queries: int = 1
) -> PlannedTarget:
    facts = TargetFacts("a target", mitigation, "of a test", level=level)
    return PlannedTarget(facts, ("made",), adapts=adapts, queries=queries)


@pytest.mark.parametrize("level", [Level.IMAGE, Level.IDENTITY])
def test_on_adapted_models_means_are_also_looked_at_another_way(level: Level) -> None:
    found = plan(*ATTACKS).attacks_on(target(level, adapts=True))
    wanted = [label for spec in ATTACKS for label in (spec, *MORE.get(spec, ()))]
    assert [attack.label for attack in found] == wanted
    by_label = {attack.label: attack for attack in found}
    assert by_label["lira among"].asking.ask == "among"
    assert by_label["loss_threshold gain"].asking.ask == "gain"
    limited = by_label["lira:probes=2 among"].asking
    assert (limited.ask, limited.probes) == ("among", 2)
    assert by_label["rmia:gamma=1.0 among"].asking.settings == {"gamma": 1.0}
    # Anybody would look at them so: no defence is known by it.
    assert not any(attack.adaptive for attack in found)


def test_nothing_is_added_where_nobody_was_adapted_to() -> None:
    for level, adapts in ((Level.IDENTITY, False), (Level.IMAGE, False), (Level.PAIR, True)):
        attacks = [spec for spec in ATTACKS if "ask" not in spec and "probes" not in spec]
        found = plan(*attacks).attacks_on(target(level, adapts=adapts))
        assert {attack.label for attack in found} <= set(attacks)


def test_ways_of_people_are_not_asked_of_pairs() -> None:
    few = plan("lira:ask=among", "lira:ask=centre", "lira:ask=gain", "lira")
    found = few.attacks_on(target(Level.PAIR, adapts=True))
    assert [attack.label for attack in found] == ["lira"]


def test_under_a_defence_shadows_are_trained_that_know_it() -> None:
    found = plan("loss_threshold", "lira").attacks_on(
        target(Level.IDENTITY, adapts=True, mitigation="facebone", queries=16)
    )
    adaptive = {attack.label: attack.adaptive for attack in found}
    assert adaptive == {
        "loss_threshold": False,
        "loss_threshold x16": True,
        "loss_threshold gain": False,
        "lira": True,
        "lira x16": True,
        "lira among": True,
    }


def test_what_is_added_is_recorded_too() -> None:
    adapted, frozen = (target(Level.IDENTITY, adapts=adapts) for adapts in (True, False))
    both = plan("loss_threshold", "lira")
    assert both.channels_of(adapted) == (Channel.UNADAPTED,)
    assert both.channels_of(frozen) == ()
    assert plan("lira").channels_of(adapted) == ()
    assert plan("lira:ask=centre").channels_of(frozen) == (Channel.COSINE,)
