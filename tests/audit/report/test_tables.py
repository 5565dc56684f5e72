"""Tables show what the json holds; a refused figure is a dash with its reason below."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from facebone.audit.names import NO_BREAK, display_names
from facebone.audit.report.tables import (
    DASH,
    Table,
    attacks_table,
    by_strength,
    finding,
    reference_table,
    seeds_table,
    self_tests_table,
    strongest_attack,
    targets_table,
)
from facebone.audit.schema import AttackResult, Audit, Interval, Refusal

Simulated = tuple[Audit, pa.Table]


def changed(attack: AttackResult, **values: object) -> AttackResult:
    return attack.model_copy(update=values)


def test_a_figure_stands_over_its_interval() -> None:
    table = Table("t", [("a", "")])
    area = table.figure(Interval(value=0.6224, low=0.6016, high=0.6421), "area")
    assert (area.text, area.below) == ("0.622", "0.602\u20130.642")
    share = table.figure(Interval(value=0.871, low=0.857, high=0.885), "percent")
    assert (share.text, share.below) == (f"87.1{NO_BREAK}%", "85.7\u201388.5")
    small = table.figure(Interval(value=0.0013, low=0.0005, high=0.0029), "percent")
    assert (small.text, small.below) == (f"0.13{NO_BREAK}%", "0.05\u20130.29")
    assert table.notes == {}


def test_refusals_that_differ_in_size_alone_share_a_footnote() -> None:
    table = Table("t", [("a", "")])
    reasons = ["needs 3000, got 700", "other reason.", "needs 3000, got 720", "needs 3000, got 700"]
    cells = [table.figure(Refusal(refused=reason), "area") for reason in reasons]
    assert [cell.text for cell in cells] == [DASH] * 4
    assert [cell.note for cell in cells] == ["1", "2", "1", "1"]
    assert table.notes == {"1": "needs 3000, got 700 to 720", "2": "other reason"}


def test_every_table_is_a_rectangle(simulated: Simulated) -> None:
    audit, _ = simulated
    called = display_names(audit)
    assert audit.reference_protocol is not None
    tables = [
        targets_table(audit, called),
        self_tests_table(audit),
        reference_table(audit.reference_protocol, audit, called),
    ]
    for target in audit.targets:
        tables += [attacks_table(target, "t"), seeds_table(target, "t")]
    for table in tables:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.heads)}
        assert not table.groups or sum(span for _, span in table.groups) == len(table.heads)


def test_targets_table_holds_the_strongest_attack(simulated: Simulated) -> None:
    audit, _ = simulated
    table = targets_table(audit, display_names(audit))
    for row, target in zip(table.rows, audit.targets, strict=True):
        texts = [cell.text for cell in row]
        assert target.strongest in texts
        attack = next(a for a in target.attacks if a.name == target.strongest)
        assert isinstance(attack.auc, Interval)
        assert f"{attack.auc.value:.3f}" in texts


def test_a_target_without_attacks_has_dashes(simulated: Simulated) -> None:
    audit, _ = simulated
    bare = audit.targets[0].model_copy(update={"attacks": [], "strongest": ""})
    table = targets_table(audit.model_copy(update={"targets": [bare]}), {bare.name: "bare"})
    assert "none was run" in [cell.text for cell in table.rows[0]]


def test_attacks_stand_by_falling_auc_beside_the_share_of_members(simulated: Simulated) -> None:
    target = simulated[0].targets[0]
    table = attacks_table(target, "t")
    areas = [float(row[4].text) for row in table.rows]
    assert areas == sorted(areas, reverse=True)
    for row, attack in zip(table.rows, by_strength(target), strict=True):
        assert row[5].below.endswith(f"share {attack.member_share:.2f}")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, ""),
        ({"adaptive": True}, "adaptive"),
        ({"ask": "repeated", "adaptive": True}, "adaptive, asks again and again"),
        ({"ask": "through"}, "asks through each backbone"),
        ({"probes": 5, "level": "identity"}, f"at most 5{NO_BREAK}pictures"),
        (
            {"ask": "augmented", "probes": 1, "level": "image"},
            f"asks with changed pictures, at most 1{NO_BREAK}partner",
        ),
    ],
)
def test_how_an_attack_asks_stands_below_its_name(
    simulated: Simulated, values: dict[str, object], words: str
) -> None:
    target = simulated[0].targets[0]
    plain = {"adaptive": False, "ask": "once", "probes": None}
    one = changed(target.attacks[0], **(plain | values))
    table = attacks_table(target.model_copy(update={"attacks": [one]}), "t")
    assert table.rows[0][0].below == words


def test_a_refused_attack_comes_last(simulated: Simulated) -> None:
    target = simulated[0].targets[0]
    refused = changed(target.attacks[0], name="refused", auc=Refusal(refused="too few"))
    both = target.model_copy(update={"attacks": [refused, target.attacks[1]]})
    assert [attack.name for attack in by_strength(both)] == [target.attacks[1].name, "refused"]
    named = strongest_attack(both.model_copy(update={"strongest": "refused"}))
    assert named is not None
    assert named.name == "refused"


@pytest.mark.parametrize(
    ("low", "control", "baseline", "words"),
    [
        (0.55, True, True, "beats guessing, control and baseline"),
        (0.50, True, True, "not told from guessing"),
        (0.55, False, True, "does not beat its control: no proof of a leak"),
        (0.55, True, False, "does not beat the blind baseline: no proof of a leak"),
        (0.55, False, False, "does not beat its control and the blind baseline"),
        (0.55, None, True, "beats guessing; there is no control to beat"),
        (0.55, None, None, "beats guessing; there is no control and no baseline to beat"),
    ],
)
def test_what_an_attack_proves(
    simulated: Simulated, low: float, control: bool | None, baseline: bool | None, words: str
) -> None:
    attack = changed(
        simulated[0].targets[0].attacks[0],
        auc=Interval(value=0.6, low=low, high=0.7),
        beats_control=control,
        beats_baseline=baseline,
    )
    assert finding(attack).startswith(words)


def test_the_spread_of_seeds(simulated: Simulated) -> None:
    target = simulated[0].targets[0]
    table = seeds_table(target, "t")
    values = [one.value for one in by_strength(target)[0].auc_by_seed]
    row = [cell.text for cell in table.rows[1]]
    assert row[1:] == [
        f"{values[0]:.3f}",
        f"{values[1]:.3f}",
        f"{sum(values) / 2:.3f}",
        f"{max(values) - min(values):.3f}",
    ]


def test_a_seed_without_a_figure_is_a_dash(simulated: Simulated) -> None:
    raw = json.loads(simulated[0].targets[0].model_dump_json())
    raw["accuracy_by_seed"] = raw["accuracy_by_seed"][:1]
    raw["attacks"][0]["auc_by_seed"] = []
    table = seeds_table(type(simulated[0].targets[0]).model_validate(raw), "t")
    assert [cell.text for cell in table.rows[0]][2] == DASH
    empty = next(row for row in table.rows if raw["attacks"][0]["name"] in row[0].text)
    assert [cell.text for cell in empty[1:]] == [DASH] * 4


def test_the_prototypes_accuracy_stands_beside_the_share_of_members(simulated: Simulated) -> None:
    audit, _ = simulated
    assert audit.reference_protocol is not None
    table = reference_table(audit.reference_protocol, audit, display_names(audit))
    for row in table.rows:
        assert row[4].text == "0.80"
