"""Those most at risk are found as a plain loop finds them, and nobody is named on noise."""

from __future__ import annotations

import importlib.util
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from facebone.audit.artefacts import SCORES_COLUMNS
from facebone.audit.at_risk import LEAST_PAIRS, SHOWN, AtRisk, find_at_risk
from facebone.audit.schema import Audit, SelfTest

ATTACK = "loss_threshold"


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    path = Path(__file__).parent / "report" / "simulated_audit.py"
    spec = importlib.util.spec_from_file_location("simulated_audit_at_risk", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def audit(simulation: ModuleType) -> Audit:
    """Pairs that leak, pairs that do not, and people and pictures that leak."""
    made = [
        ("none", 6.0, "pair"),
        ("facebone", 0.0, "pair"),
        ("none @identity", 6.0, "identity"),
        ("none @image", 6.0, "image"),
    ]
    targets = [
        simulation.Simulated(name, name.split()[0], 1.2, memory, level=level)
        for name, memory, level in made
    ]
    found, _ = simulation.simulated_audit(
        targets=targets, attacks=[ATTACK, "gap"], pairs=300, seeds=(0,), reference=False
    )
    assert isinstance(found, Audit)
    return found


def row(left: str, right: str, risk: float | None, **values: Any) -> dict[str, Any]:
    return {
        "target": "none",
        "seed": 0,
        "attack": ATTACK,
        "left": left,
        "right": right,
        "person_left": left.split("/", maxsplit=1)[0],
        "person_right": right.split("/", maxsplit=1)[0],
        "same": left.split("/", maxsplit=1)[0] == right.split("/", maxsplit=1)[0],
        "membership": "member",
        "drawn": None,
        "verifier_score": 0.5,
        "attack_score": 0.0,
        "claimed": True,
        "risk": risk,
    } | values


def table(rows: list[dict[str, Any]]) -> pa.Table:
    fields = [(name, pa.type_for_alias(kind)) for name, kind in SCORES_COLUMNS.items()]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def of(audit: Audit, rows: list[dict[str, Any]], target: str = "none") -> AtRisk:
    return next(one for one in find_at_risk(audit, table(rows)) if one.target == target)


def random_rows(seed: int) -> list[dict[str, Any]]:
    """Pairs of 30 people in three seeds, with few different risks."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(900):
        a, b = (f"p{rng.integers(30):02d}/{rng.integers(3)}" for _ in range(2))
        rows.append(
            row(
                a,
                b,
                float(rng.choice([0.2, 0.55, 0.7, 0.9])),
                seed=int(rng.integers(3)),
                attack_score=float(rng.integers(4)),
                membership=str(rng.choice(["member", "non_member", "control"])),
                attack=str(rng.choice([ATTACK, ATTACK, "gap"])),
                target=str(rng.choice(["none", "none", "facebone"])),
            )
        )
    return rows


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_pairs_and_people_are_those_of_a_plain_loop(audit: Audit, seed: int) -> None:
    rows = random_rows(seed)
    ours = [
        one
        for one in rows
        if (one["target"], one["attack"], one["membership"]) == ("none", ATTACK, "member")
    ]
    by_pair, by_person = defaultdict(list), defaultdict(list)
    for one in ours:
        entry = (one["risk"], one["attack_score"])
        by_pair[one["left"], one["right"]].append(entry)
        for person in {one["person_left"], one["person_right"]}:
            by_person[person].append(entry)

    def ranked(groups: dict[Any, list[tuple[float, float]]]) -> list[tuple[Any, float]]:
        means = [(key, *np.mean(entries, axis=0)) for key, entries in groups.items()]
        means.sort(key=lambda one: (-round(one[1], 12), -one[2], one[0]))
        return [(key, risk) for key, risk, _ in means if risk > 0.5]

    pairs = ranked(by_pair)
    people = ranked({who: rows for who, rows in by_person.items() if len(rows) >= LEAST_PAIRS})
    found = of(audit, rows)
    assert [one.pictures for one in found.candidates.first] == [key for key, _ in pairs[:SHOWN]]
    assert [one.risk for one in found.candidates.first] == pytest.approx(
        [risk for _, risk in pairs[:SHOWN]]
    )
    assert found.candidates.tied == sum(
        risk == pytest.approx(pairs[SHOWN - 1][1]) for _, risk in pairs[SHOWN:]
    )
    assert [one.people for one in found.people.first] == [(who,) for who, _ in people[:SHOWN]]
    assert [one.pairs for one in found.people.first] == [
        len(by_person[who]) for who, _ in people[:SHOWN]
    ]
    for one in found.candidates.first:
        assert one.same == (one.people[0] == one.people[1])


def test_the_order_of_rows_does_not_matter(audit: Audit) -> None:
    rows = random_rows(4)
    one, other = of(audit, rows), of(audit, rows[::-1])
    for mine, theirs in ((one.candidates, other.candidates), (one.people, other.people)):
        assert [(r.pictures, r.people) for r in mine.first] == [
            (r.pictures, r.people) for r in theirs.first
        ]
        assert mine.tied == theirs.tied


def test_ties_are_parted_by_the_attacks_score_then_by_name(audit: Audit) -> None:
    rows = [
        row("c/0", "c/1", 0.8),
        row("a/0", "a/1", 0.8),
        row("b/0", "b/1", 0.8, attack_score=1.0),
        row("d/0", "d/1", 0.8, attack_score=float("inf")),
        # Plus and minus infinity have no mean: last.
        row("0/0", "0/1", 0.8, attack_score=float("inf")),
        row("0/0", "0/1", 0.8, attack_score=float("-inf"), seed=1),
    ]
    found = of(audit, rows).candidates
    assert [one.people[0] for one in found.first] == ["d", "b", "a", "c", "0"]
    assert found.tied == 0


def test_a_risk_of_even_odds_names_nobody(audit: Audit) -> None:
    rows = [row(f"a/{i}", "a/x", risk) for i, risk in enumerate([0.5, 0.3, 0.5])]
    found = of(audit, rows)
    assert found.attack == ATTACK
    assert found.candidates.first == found.people.first == ()


def test_a_risk_that_is_not_known_is_left_out(audit: Audit) -> None:
    rows = [row("a/0", "a/1", None), row("a/0", "a/1", 0.9, seed=1), row("b/0", "b/1", None)]
    found = of(audit, rows).candidates
    assert [(one.people[0], one.risk) for one in found.first] == [("a", 0.9)]


def test_people_need_pairs_and_a_pair_of_one_person_counts_once(audit: Audit) -> None:
    rows = [row("a/0", "a/1", 0.9), row("a/0", "b/1", 0.9), row("b/0", "b/1", 0.8)]
    rows.append(row("a/2", "b/2", 0.7))
    found = of(audit, rows).people.first
    assert [(one.people, one.pairs) for one in found] == [(("a",), 3), (("b",), 3)]
    assert [one.risk for one in found] == pytest.approx([2.5 / 3, 0.8])


def test_people_who_are_not_known_are_not_named(audit: Audit) -> None:
    rows = [
        row(f"a/{i}", "b/1", 0.9, person_left=None, person_right=right)
        for i, right in enumerate([None, "b", "b", "b"])
    ]
    found = of(audit, rows)
    assert len(found.candidates.first) == 4
    assert {one.people for one in found.candidates.first} == {()}
    assert found.people.first == ()


def test_people_and_pictures_are_candidates_themselves(audit: Audit) -> None:
    rows = [
        row("ann", "ann", 0.9, target="none @identity"),
        row("bob", "bob", 0.8, target="none @identity"),
        row("bob", "bob", 0.9, target="none @identity", seed=1),
        row("cid/3", "cid/3", 0.7, target="none @image"),
        row("cid/4", "cid/4", 0.6, target="none @image", person_left=None),
    ]
    people = of(audit, rows, "none @identity")
    assert [(one.people, one.pictures) for one in people.candidates.first] == [
        (("ann",), ()),
        (("bob",), ()),
    ]
    assert people.candidates.first[1].risk == pytest.approx(0.85)
    pictures = of(audit, rows, "none @image").candidates.first
    assert [(one.people, one.pictures) for one in pictures] == [
        (("cid",), ("cid/3",)),
        ((), ("cid/4",)),
    ]
    assert people.people.first == ()


def test_nobody_is_named_where_no_leak_was_proven(audit: Audit) -> None:
    rows = [row("a/0", "a/1", 0.99, target="facebone", seed=i) for i in range(5)]
    found = of(audit, rows, "facebone")
    assert found.attack is None
    assert found.candidates.first == found.people.first == ()


def test_nobody_is_named_by_an_audit_that_failed_its_checks(audit: Audit) -> None:
    failed = SelfTest(name="x", summary="", attack="", auc=audit.self_tests[0].auc, passed=False)
    doubted = audit.model_copy(update={"self_tests": [failed]})
    rows = [row("a/0", "a/1", 0.99, seed=i) for i in range(5)]
    assert of(audit, rows).candidates.first
    assert all(one.attack is None for one in find_at_risk(doubted, table(rows)))


def test_the_planted_pair_comes_first(simulation: ModuleType) -> None:
    """In a whole simulated audit the pair whose risk is raised is the first named."""
    audit, scores = simulation.simulated_audit(
        targets=[simulation.Simulated("none", "none", 1.2, 6.0)],
        attacks=[ATTACK],
        pairs=300,
        seeds=(0, 1),
        reference=False,
    )
    rows = scores.to_pylist()
    members = [one for one in rows if one["membership"] == "member" and one["seed"] == 0]
    chosen = members[17]["left"]
    assert chosen != find_at_risk(audit, scores)[0].candidates.first[0].pictures[0]
    for one in rows:
        if one["left"] == chosen:
            one["risk"] = 0.999
    first = find_at_risk(audit, table(rows))[0].candidates.first[0]
    assert first.pictures == (chosen, f"{chosen}b")
