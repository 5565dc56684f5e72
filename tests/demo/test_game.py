"""Candidates, claims about them, and the game against an attacker."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from facebone.attacks.base import ATTACKS as KNOWN_ATTACKS
from facebone.audit.artefacts import SCORES_COLUMNS
from facebone.data.splits import Level
from facebone.demo.candidates import candidates_at
from facebone.demo.conclusions import conclusion, rows_of, summary
from facebone.demo.game import ROUNDS, Game
from facebone.demo.settings import HARDENED, UNDEFENDED
from facebone.errors import UsageError

BOTH = (UNDEFENDED, HARDENED)
ATTACKS = ("loss_threshold", "lira")


def table(candidates: int = 40, suffix: str = "") -> pa.Table:
    """The undefended verifier's attackers know every member, the hardened one's say no to all."""
    rows = [
        {
            "target": mitigation + suffix,
            "seed": seed,
            "attack": attack,
            "left": f"p{i:02d}/0",
            "right": f"p{i:02d}/1",
            "person_left": f"p{i:02d}",
            "person_right": f"p{i:02d}",
            "same": True,
            "membership": "control" if i >= candidates else ("member", "non_member")[i % 2],
            "drawn": None,
            "verifier_score": 0.9 if mitigation == UNDEFENDED else 0.5,
            "attack_score": 1.0,
            "claimed": mitigation == UNDEFENDED and i % 2 == 0,
            "risk": math.nan if attack == "lira" else 0.75,
        }
        for mitigation in BOTH
        for seed in (3, 4)
        for attack in ATTACKS
        for i in range(candidates + 4)
    ]
    return pa.Table.from_pylist(rows, pa.schema(list(SCORES_COLUMNS.items())))


def test_candidates_are_members_and_others_of_the_first_seed_without_control() -> None:
    found = candidates_at(table(), Level.PAIR, BOTH)
    assert len(found) == 40
    assert [one.member for one in found[:4]] == [True, False, True, False]
    one = found[0]
    assert one.label == "p00/0 and p00/1"
    assert one.scores == {UNDEFENDED: 0.9, HARDENED: 0.5}
    said = [(claim.attack, claim.member, claim.risk) for claim in one.claims[UNDEFENDED]]
    assert said == [("loss_threshold", True, 0.75), ("lira", True, None)]
    assert not any(claim.member for claim in one.claims[HARDENED])


def test_other_levels_have_candidates_of_their_own() -> None:
    rows = pa.concat_tables([table(), table(24, " @identity")])
    assert len(candidates_at(rows, Level.IDENTITY, BOTH)) == 24
    assert candidates_at(rows, Level.IMAGE, BOTH) == []
    assert candidates_at(rows, Level.IDENTITY, BOTH)[0].label == "p00/0"


def test_a_conclusion_names_every_attack_about_both_verifiers() -> None:

    def said(risk: str) -> list[tuple[str, str]]:
        return [("trained on", risk), ("not trained on", risk)]

    caption, heads, rows = conclusion(candidates_at(table(), Level.PAIR, BOTH)[0])
    assert caption == "What each attacker concludes about this pair"
    assert heads == ["Attack", "Undefended", "FaceBone"]
    assert rows == [
        ["score it gets", "0.900", "0.500"],
        [("loss_threshold", "a low loss means a member"), *said("75% likely that it was")],
        [("lira", KNOWN_ATTACKS.get("lira").summary), *said("")],
    ]


def test_a_game_is_ten_rounds_against_both_attackers() -> None:
    candidates = candidates_at(table(), Level.PAIR, BOTH)
    game = Game.deal(candidates, dict.fromkeys(BOTH, "lira"), rng=np.random.default_rng(1))
    members = sum(one.member for one in game.candidates)
    assert 0 < members < ROUNDS
    assert len({one.left for one in game.candidates}) == ROUNDS
    while not game.over:
        game.guess(True)
    assert game.right() == (members, {UNDEFENDED: ROUNDS, HARDENED: ROUNDS - members})
    assert rows_of(game)[0] == ("you", f"{members} of 10")
    with pytest.raises(UsageError, match="game: is over"):
        game.guess(True)


def test_games_differ_but_not_for_one_seed() -> None:
    candidates = candidates_at(table(), Level.PAIR, BOTH)

    def deal(seed: int) -> list[str]:
        game = Game.deal(candidates, {UNDEFENDED: "lira"}, rng=np.random.default_rng(seed))
        return [one.left for one in game.candidates]

    assert deal(1) == deal(1) != deal(2)


def test_too_few_candidates_are_refused() -> None:
    few = candidates_at(table(12), Level.PAIR, BOTH)
    with pytest.raises(UsageError, match="needs 10 that were trained on"):
        Game.deal(few, {UNDEFENDED: "lira"}, rng=np.random.default_rng(0))


def test_the_summary_says_what_is_told_from_guessing(make_audit) -> None:
    audit = make_audit({"none": {"lira": 0.77}, "facebone": {"lira": 0.51, "gap": 0.5}})
    said = summary(audit, Level.PAIR)
    assert "77\u00a0% of the time against the undefended verifier (75\u00a0to\u00a079)" in said
    assert "51\u00a0% of the time against FaceBone (49\u00a0to\u00a053; not told from" in said
    assert "what it could do could not be measured" in summary(audit, Level.IMAGE)
