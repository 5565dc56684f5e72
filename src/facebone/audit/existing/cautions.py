"""What a reader must know before trusting the figures of pairs that were handed in."""

from __future__ import annotations

import math

from facebone.audit.score_table import ScoreTable

_STANDARD_ERRORS = 3.0


def cautions(table: ScoreTable) -> list[str]:
    """Weaknesses of the pairs, a line each; the verifier's answers are not looked at."""
    found = []
    members, non_members = (
        table.same[mask] for mask in (table.member, table.candidates & ~table.member)
    )
    shares = float(members.mean()), float(non_members.mean())
    pooled = float(table.same[table.candidates].mean())
    # Of the difference between two shares, if both were drawn alike.
    error = math.sqrt(pooled * (1 - pooled) * (1 / len(members) + 1 / len(non_members)))
    if abs(shares[0] - shares[1]) > _STANDARD_ERRORS * error:
        found.append(
            f"{shares[0]:.0%} of the members and {shares[1]:.0%} of the non-members are matched "
            "pairs: an attack may tell the kind of a pair rather than its membership; draw both "
            "alike"
        )
    if table.blind is None:
        found.append(
            "there is no score of a verifier that never saw the pairs (column 'blind'): an attack "
            "that finds members by what they look like cannot be told from one that finds a leak"
        )
    if not table.control.any():
        found.append(
            "there are no control pairs (member 'control', of people in no other pair): nothing "
            "shows what the attacks find where there is nothing to find"
        )
    if table.people is None:
        found.append(
            "who is on the pictures is not known (columns 'person_left' and 'person_right'): "
            "intervals are too narrow where people stand in several pairs"
        )
    return found
