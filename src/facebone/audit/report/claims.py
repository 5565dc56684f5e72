"""What an attacker's claims are worth: a table of rates and precision, and two sentences."""

from __future__ import annotations

from dataclasses import dataclass

from facebone.audit.names import MEMBERS, percent, rate_name
from facebone.audit.report.tables import Table, text
from facebone.audit.schema import DisclosureFigures, EpsilonFigure, TargetResult
from facebone.audit.verdict import deciding_attack

_CHOSEN_ON = {
    "shadows": "Thresholds were set on shadows in this target\u2019s place, so that none of its "
    "members helped to choose them",
    "known half": "Thresholds were set on a half of the candidates that the attacker knows, and "
    "are judged by the other half",
}


@dataclass(frozen=True, slots=True)
class Claims:
    """What one target's deciding attack gets to claim.

    Args:
        table: by the false positive rate that a threshold was set for.
        source: where the thresholds come from.
        epsilon: what that says of differential privacy; empty where it says nothing.
    """

    table: Table
    source: str
    epsilon: str


def claims_of(target: TargetResult) -> Claims | None:
    """The claims of the deciding attack; None where no threshold could be set."""
    attack = deciding_attack(target)
    if attack is None or attack.disclosure is None:
        return None
    found = attack.disclosure
    table = _table(found, attack.name, MEMBERS[attack.level])
    return Claims(table, f"{_CHOSEN_ON[found.chosen_on]}.", _epsilon(found.epsilon))


def _table(found: DisclosureFigures, attack: str, members: str) -> Table:
    priors = sorted(
        {prior for claims in found.at_fpr.values() for prior in claims.precision_at_prior},
        key=float,
    )
    table = Table(
        f"Whom {attack} calls a member, and how often it is right. A claim is worth less the fewer "
        f"of the {members} in question were trained on.",
        heads=[
            ("threshold set for", "FPR"),
            ("members claimed", "TPR"),
            ("others claimed", "FPR"),
            *(("claims that are right", f"if {rate_name(prior)} are members") for prior in priors),
        ],
    )
    for rate in sorted(found.at_fpr, key=float, reverse=True):
        claims = found.at_fpr[rate]
        table.rows.append(
            [
                text(rate_name(rate), strong=True),
                table.figure(claims.tpr, "percent"),
                table.figure(claims.fpr, "percent"),
                *(table.figure(claims.precision_at_prior.get(one), "percent") for one in priors),
            ]
        )
    return table


def _epsilon(found: EpsilonFigure) -> str:
    if found.lower_bound <= 0:
        return ""
    values = [one.value for one in found.by_seed]
    seeds = each = ""
    if len(values) > 1:
        span = f"{min(values):.2f} to {max(values):.2f}"
        seeds = f" in the mean over {len(values)} seeds ({span})"
        each = " in each"
    return (
        f"By these claims training was not (\u03b5, \u03b4)-differentially private for any "
        f"\u03b5 below {found.lower_bound:.2f}{seeds}: with {percent(found.confidence, 0)} "
        f"confidence{each}, \u03b4 = {found.delta:g}, and candidates counted as independent."
    )
