"""The texts say what was done and what was not, with the audit's own numbers."""

from __future__ import annotations

import pyarrow as pa

from facebone.audit.names import NO_BREAK, display_names
from facebone.audit.report.prose import adversaries, limits, not_tested, protocol
from facebone.audit.schema import Audit

Simulated = tuple[Audit, pa.Table]


def with_attacks(audit: Audit, **values: object) -> Audit:
    targets = [
        target.model_copy(update={"attacks": [a.model_copy(update=values) for a in target.attacks]})
        for target in audit.targets
    ]
    return audit.model_copy(update={"targets": targets})


def pairs_alone(audit: Audit) -> Audit:
    return audit.model_copy(update={"targets": [t for t in audit.targets if t.level == "pair"]})


def test_every_attack_is_described_once(simulated: Simulated) -> None:
    found = adversaries(pairs_alone(simulated[0]))
    assert [one.name for one in found] == [a.name for a in simulated[0].targets[0].attacks]
    assert {one.name: one.sees for one in found}["gap"] == "only the decision, same or not the same"
    assert {one.name: one.queries for one in found}["art_gb"] == 16


def test_what_was_not_tested_follows_from_the_attacks(simulated: Simulated) -> None:
    audit = pairs_alone(simulated[0])
    called = display_names(audit)
    lines = " ".join(not_tested(audit, called))
    assert "weights and gradients" in lines
    assert "stored templates" in lines
    assert "only the decision" not in lines
    assert "whether this person was trained on" in lines
    assert "whether this very pair" not in lines
    assert "model inversion" in lines
    assert "adapts" not in lines  # one of the simulated attacks is adaptive
    naive = " ".join(not_tested(with_attacks(audit, adaptive=False), called))
    assert "the defence of FaceBone: pair, mean and FaceBone: fusion and adapts" in naive
    whole = " ".join(not_tested(with_attacks(audit, access="weights"), called))
    assert "weights and gradients" not in whole
    assert "more than once" not in lines
    assert "asks about a candidate more than once" in " ".join(
        not_tested(with_attacks(audit, ask="once"), called)
    )


def test_several_levels_accesses_and_ways_of_asking(simulated: Simulated) -> None:
    audit, _ = simulated
    pairs, people = audit.targets[0], audit.targets[-1]
    assert (pairs.level, people.level) == ("pair", "identity")
    strong = people.model_copy(
        update={
            "attacks": [
                attack.model_copy(update={"access": "weights", "ask": "augmented"})
                for attack in people.attacks
            ]
        }
    )
    both = audit.model_copy(update={"targets": [pairs, strong]})
    one = next(one for one in adversaries(both) if one.name == "loss_threshold")
    assert one.asks == (
        "whether this very pair of pictures was trained on; or whether this person was trained "
        "on, by any picture"
    )
    assert one.sees.endswith("it asks about; or everything: weights and gradients")
    assert one.manner == "asks with changed pictures"
    lines = not_tested(both, display_names(both))
    # Weights were tried on people alone, scores and decisions on pairs alone.
    assert "An attacker who asks about pairs and sees everything: weights and gradients." in lines
    assert (
        "An attacker who asks about people and sees only the decision, same or not the same."
        in lines
    )
    assert not any(line.startswith("An attacker who sees everything") for line in lines)
    assert any(line.startswith("An attacker who sees stored templates") for line in lines)
    assert "The question whether this picture was trained on, in any pair." in lines
    assert not any("whether this person" in line for line in lines)


def test_the_protocol_has_this_audits_numbers(simulated: Simulated) -> None:
    audit, _ = simulated
    text = dict(protocol(audit))
    assert f"1,200{NO_BREAK}pairs a seed" in text["One source, one split"]
    assert f"3{NO_BREAK}pairs were left out" in text["One source, one split"]
    assert f"300{NO_BREAK}pairs of 90{NO_BREAK}people" in text["Control"]
    assert "2 of 2 checks passed" in text["Self-tests"]
    assert "2" in text["Seeds"]


def test_the_protocol_says_what_is_missing(simulated: Simulated) -> None:
    audit, _ = simulated
    data = audit.data.model_copy(update={"control_pairs": 0, "control_people": 0, "copies": 0})
    bare = audit.model_copy(update={"data": data, "self_tests": [], "seeds": [0]})
    text = dict(protocol(bare))
    assert "this audit has none" in text["Control"]
    assert "this one ran no such check" in text["Self-tests"]
    assert text["Seeds"].startswith("One seed")
    assert "left out" not in text["One source, one split"]


def test_a_split_that_was_handed_in_is_not_called_ours(simulated: Simulated) -> None:
    audit, _ = simulated
    given = [target.model_copy(update={"mitigation": "unknown"}) for target in audit.targets]
    text = dict(protocol(audit.model_copy(update={"targets": given})))
    assert "One source, one split" not in text
    assert "not drawn by this audit" in text["Members as handed in"]


def test_warnings_come_first_among_the_limits(simulated: Simulated) -> None:
    audit, _ = simulated
    warned = audit.model_copy(update={"warnings": ["one thing", "Another."]})
    found = limits(warned)
    assert found[:2] == ["One thing.", "Another."]
    assert any("errs on the high side" in line for line in found)
    assert all(line.endswith(".") for line in found)
