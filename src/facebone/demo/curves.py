"""ROC and DET curves of an audit, by the report's own code."""

from __future__ import annotations

from facebone.audit.names import display_names
from facebone.audit.report.bands import Sample, rate_band, supported_rates
from facebone.audit.report.charts.roc import MOST_CURVES, Line
from facebone.audit.report.pictures import drawn_targets
from facebone.audit.report.score_rows import ScoreRows
from facebone.audit.report.tables import by_strength, strongest_attack
from facebone.audit.schema import Audit, TargetResult


def strongest_lines(audit: Audit, rows: ScoreRows, level: str) -> list[Line]:
    """ROC of the strongest attack on each target of a level, in the order of the targets."""
    called = display_names(audit)
    lines: list[Line] = []
    for target in (one for one in audit.targets if one.level == level):
        attack = strongest_attack(target)
        if attack is None:
            continue
        samples = [one.leak() for one in rows.seeds_of(target.name, attack.name)]
        name = f"{called[target.name].partition(' (')[0]}: {attack.name}"
        lines.append(_line(len(lines), name, samples, audit.seed))
    return lines


def attack_lines(target: TargetResult, rows: ScoreRows, *, seed: int) -> list[Line]:
    """ROC of the attacks on one target, the strongest first."""
    lines: list[Line] = []
    for attack in by_strength(target)[:MOST_CURVES]:
        samples = [one.leak() for one in rows.seeds_of(target.name, attack.name)]
        lines.append(_line(len(lines), attack.name, samples, seed))
    return lines


def utility_lines(audit: Audit, rows: ScoreRows) -> list[Line]:
    """True accept rates of the targets on their non-members."""
    called = display_names(audit)
    lines: list[Line] = []
    for number in drawn_targets(audit):
        target = audit.targets[number]
        seeds = rows.seeds_of(target.name, target.attacks[0].name)
        samples = [
            one.utility()
            for one in seeds
            if one.same[~one.member].any() and not one.same[~one.member].all()
        ]
        if samples:
            lines.append(_line(number, called[target.name], samples, audit.seed))
    return lines


def _line(number: int, name: str, samples: list[Sample], seed: int) -> Line:
    return Line(name, rate_band(samples, supported_rates(samples), seed=seed), number)
