"""The main pictures of each level: the front of accuracy against AUC, and at few false alarms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from facebone.audit.names import MEMBERS, percent
from facebone.audit.report.charts.canvas import Chart
from facebone.audit.report.charts.front_panel import Panel, front_chart
from facebone.audit.report.front import Place, Standing, rank
from facebone.audit.report.tables import strongest_attack
from facebone.audit.schema import Audit, E, Interval, Refusal, TargetResult
from facebone.audit.verdict import base_target

_RATE = "0.001"
"""Of an attack's false alarms, and of a verifier's false accepts."""

_SHOWN = percent(float(_RATE))

_MAIN, _FEW = (700, 370), (430, 370)
_MAIN_PHONE, _FEW_PHONE = (358, 318), (358, 290)
"""Both are equally high where they stand beside each other, so that one height is one quality."""

_Pick = Callable[[TargetResult], E | None]


@dataclass(frozen=True, slots=True)
class Views:
    """One picture with either upright axis.

    Args:
        accuracy: by accuracy; None where no target has both figures.
        tar: by TAR at FAR 0.1 %; None where not every target has it.
        missing: targets that are not in it, since a figure was refused.
        reason: why; empty where none is missing.
    """

    accuracy: Chart | None
    tar: Chart | None
    missing: list[str]
    reason: str


@dataclass(frozen=True, slots=True)
class LevelFront:
    """What is drawn of the targets of one level.

    Args:
        members: what members are, several.
        main: quality against the AUC of the strongest attack.
        few: quality against the members that are found at few false alarms.
        drawn: number of targets in the main picture, by accuracy.
        front: names of those that stand on its front.
    """

    members: str
    main: Views
    few: Views
    drawn: int
    front: list[str]


@dataclass(frozen=True, slots=True)
class _Up:
    """An upright axis: how its figure is got, named, named on a phone, and spoken of."""

    pick: _Pick
    words: tuple[str, str]
    spoken: str


_ACCURACY = _Up(
    lambda target: target.utility.accuracy,
    ("accuracy on pairs not trained on", "accuracy"),
    "accuracy",
)
_TAR = _Up(
    lambda target: target.utility.tar_at_far.get(_RATE),
    (f"TAR at FAR {_SHOWN}, on pairs not trained on", f"TAR at FAR {_SHOWN}"),
    f"TAR at FAR {_SHOWN}",
)


def level_fronts(audit: Audit, called: Mapping[str, str]) -> list[LevelFront]:
    """A front for every level that a target has, that of the verdict first.

    TAR at FAR 0.1 % is the other upright axis if it is known of every target of the audit: one
    switch serves all pictures.
    """
    if not audit.targets:
        return []
    first = base_target(audit).level
    both = all(isinstance(_TAR.pick(target), Interval) for target in audit.targets)
    found = []
    for level in sorted(MEMBERS, key=lambda level: level != first):
        targets = {i: one for i, one in enumerate(audit.targets) if one.level == level}
        if targets:
            name = "trade-off" if level == first else f"trade-off-{level}"
            found.append(_of_level(targets, level, called, name, both=both))
    return found


def _of_level(
    targets: Mapping[int, TargetResult],
    level: str,
    called: Mapping[str, str],
    name: str,
    *,
    both: bool,
) -> LevelFront:
    members = MEMBERS[level]
    main, few = (
        _views(targets, called, leak, panel, both=both)
        for leak, panel in (
            (_auc, _main_panel(name, members)),
            (_found, _few_panel(f"alarms-{level}", members)),
        )
    )
    ranked = rank(_standings(targets, called, _auc, _ACCURACY.pick), guessing=0.5)
    front = [one.standing.name for one in ranked if one.place is Place.FRONT]
    return LevelFront(members, main, _beside(few, main), len(ranked), front)


def _views(
    targets: Mapping[int, TargetResult],
    called: Mapping[str, str],
    leak: _Pick,
    panel: Callable[[_Up, str], Panel],
    *,
    both: bool,
) -> Views:
    """The picture with each upright axis; both pictures of a level show the same span of it."""
    charts: list[Chart | None] = []
    for up, suffix in ((_ACCURACY, ""), (_TAR, "-tar")) if both else ((_ACCURACY, ""),):
        standings = _standings(targets, called, leak, up.pick)
        if not standings:
            charts.append(None)
            continue
        known = [figure for one in targets.values() if isinstance(figure := up.pick(one), Interval)]
        span = min(one.low for one in known), max(one.high for one in known)
        shown = panel(up, suffix)
        charts.append(front_chart(shown, rank(standings, guessing=shown.guessing), span))
    missing = {
        called[one.name]: reason for one in targets.values() if (reason := _refused(one, leak))
    }
    return Views(
        charts[0], charts[1] if both else None, list(missing), _one_reason([*missing.values()])
    )


def _one_reason(reasons: list[str]) -> str:
    """Different reasons, each once; those that differ only in the size they got are one."""
    if len(set(reasons)) > 1:
        reasons = [re.sub(r", got \d+$", "", reason) for reason in reasons]
    return "; ".join(dict.fromkeys(reasons))


def _beside(few: Views, main: Views) -> Views:
    """The smaller picture without what the key of the main one explains already."""
    return replace(
        few,
        accuracy=_less_keyed(few.accuracy, main.accuracy),
        tar=_less_keyed(few.tar, main.tar),
    )


def _less_keyed(chart: Chart | None, main: Chart | None) -> Chart | None:
    if chart is None or main is None:
        return chart
    known_wide, known_narrow = (
        {entry.mark for entry in key} for key in (main.wide_key, main.narrow_key)
    )
    return replace(
        chart,
        wide_key=tuple(entry for entry in chart.wide_key if entry.mark not in known_wide),
        narrow_key=tuple(entry for entry in chart.narrow_key if entry.mark not in known_narrow),
    )


def _standings(
    targets: Mapping[int, TargetResult], called: Mapping[str, str], leak: _Pick, up: _Pick
) -> list[Standing]:
    """The targets that have both figures."""
    found = []
    for number, target in targets.items():
        across, quality = leak(target), up(target)
        if isinstance(across, Interval) and isinstance(quality, Interval):
            found.append(Standing(number, called[target.name], across, quality))
    return found


def _refused(target: TargetResult, leak: _Pick) -> str | None:
    """Why a target has no place in the picture; None if it has."""
    for figure in (leak(target), target.utility.accuracy):
        if figure is None:
            return "no attack was run"
        if isinstance(figure, Refusal):
            return figure.refused.strip().rstrip(".")
    return None


def _auc(target: TargetResult) -> E | None:
    attack = strongest_attack(target)
    return attack.auc if attack else None


def _found(target: TargetResult) -> E | None:
    """Members found at few false alarms by the attack that finds most.

    That need not be the one with the highest AUC, and it is the worst case that counts.
    """
    figures = [attack.tpr_at_fpr[_RATE] for attack in target.attacks if _RATE in attack.tpr_at_fpr]
    known = [figure for figure in figures if isinstance(figure, Interval)]
    if known:
        return max(known, key=lambda figure: figure.value)
    return figures[0] if figures else None


def _main_panel(name: str, members: str) -> Callable[[_Up, str], Panel]:
    def panel(up: _Up, suffix: str) -> Panel:
        return Panel(
            name=name + suffix,
            title=f"{_capital(up.spoken)} against leak about {members}, with 95 % intervals",
            heading=("\u2196 better: leaks less, recognises more",) * 2,
            across=(
                f"AUC of the strongest attack on {members}: more is more leak",
                f"AUC of the strongest attack on {members}",
            ),
            up=up.words,
            spoken=("AUC", up.spoken),
            guessing=0.5,
            rates=False,
            wide=_MAIN,
            narrow=_MAIN_PHONE,
        )

    return panel


def _few_panel(name: str, members: str) -> Callable[[_Up, str], Panel]:
    def panel(up: _Up, suffix: str) -> Panel:
        return Panel(
            name=name + suffix,
            title=f"{_capital(up.spoken)} against {members} found at few false alarms, with 95 % "
            "intervals",
            heading=("Found with one false alarm in 1,000",) * 2,
            across=(f"highest TPR at FPR {_SHOWN} of any attack", f"highest TPR at FPR {_SHOWN}"),
            up=(up.words[1], up.words[1]),
            spoken=(f"TPR at FPR {_SHOWN}", up.spoken),
            guessing=float(_RATE),
            rates=True,
            wide=_FEW,
            narrow=_FEW_PHONE,
        )

    return panel


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"
