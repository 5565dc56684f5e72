"""What attackers conclude, in words."""

from __future__ import annotations

from facebone.attacks.base import ATTACKS
from facebone.audit.audit_plan import at_level
from facebone.audit.names import MEMBER, between, percent
from facebone.audit.report.tables import strongest_attack
from facebone.audit.schema import Audit, Interval, TargetResult
from facebone.audit.verdict import proves
from facebone.data.splits import Level
from facebone.demo.candidates import Candidate, Claim
from facebone.demo.game import Game
from facebone.demo.settings import HARDENED, UNDEFENDED

ANY = "all"
FILTERS = (ANY, "trained on", "not trained on")

NAMES = {UNDEFENDED: "undefended", HARDENED: "FaceBone"}
SPOKEN = {UNDEFENDED: "the undefended verifier", HARDENED: "FaceBone"}


def summary(audit: Audit, level: Level) -> str:
    """What the strongest attack on each verifier finds at a level, in a sentence or two."""
    said = []
    for mitigation, name in SPOKEN.items():
        target = _target(audit, at_level(mitigation, level))
        attack = None if target is None else strongest_attack(target)
        if attack is None or not isinstance(attack.auc, Interval):
            said.append(f"against {name} what it could do could not be measured")
            continue
        known = between(attack.auc, 0)
        known += "" if proves(attack) else "; not told from guessing"
        said.append(f"{percent(attack.auc.value, 0)} of the time against {name} ({known})")
    return (
        f"Shown one {MEMBER[level.value]} that was trained on and one that was not, the strongest "
        f"attacker picks the right one {' and '.join(said)}. Guessing is right half of the time."
    )


def conclusion(candidate: Candidate) -> tuple[str, list[str], list[list[str | tuple[str, str]]]]:
    """A table: what each attacker says of a candidate about either verifier.

    Returns:
        Caption, heads and rows.
    """
    what = MEMBER[candidate.level.value]
    rows: list[list[str | tuple[str, str]]] = [
        [
            "score it gets",
            *(f"{candidate.scores[mitigation]:.3f}" for mitigation in NAMES),
        ]
    ]
    by_name = {
        mitigation: {claim.attack: claim for claim in candidate.claims[mitigation]}
        for mitigation in NAMES
    }
    rows += [
        [
            (claim.attack, ATTACKS.get(claim.attack).summary),
            *(_said(by_name[mitigation].get(claim.attack)) for mitigation in NAMES),
        ]
        for claim in candidate.claims[UNDEFENDED]
    ]
    heads = ["Attack", "Undefended", "FaceBone"]
    return f"What each attacker concludes about this {what}", heads, rows


def rows_of(game: Game) -> list[tuple[str, str]]:
    """The score of a game: who, and how many rounds they were right."""
    visitor, attackers = game.right()
    played = len(game.rounds)
    return [
        ("you", f"{visitor} of {played}"),
        *(
            (f"attacker on {NAMES[mitigation]}", f"{right} of {played}")
            for mitigation, right in attackers.items()
        ),
    ]


def _said(claim: Claim | None) -> tuple[str, str]:
    if claim is None:
        return "not asked", ""
    word = "trained on" if claim.member else "not trained on"
    return word, "" if claim.risk is None else f"{claim.risk:.0%} likely that it was"


def _target(audit: Audit, name: str) -> TargetResult | None:
    return next((one for one in audit.targets if one.name == name), None)
