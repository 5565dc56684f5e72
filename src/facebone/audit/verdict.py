"""The verdict: what an audit found, in two sentences that anyone can read. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from facebone.audit.names import (
    MEMBER,
    MEMBERS,
    NO_BREAK,
    UNDEFENDED,
    UNKNOWN,
    between,
    display_names,
    listed,
    percent,
)
from facebone.audit.schema import AttackResult, Audit, E, Interval, Refusal, TargetResult


class Finding(StrEnum):
    """What it comes to, as a label."""

    FAILED = "Self-test failed"
    LEAK = "Leak found"
    WORSE = "Leak found, and the defence adds to it"
    REDUCED = "Leak found, the defence lowers it"
    ONLY_WITH_DEFENCE = "The defended verifier leaks"
    UNPROVEN = "No leak proven"
    NONE_SEEN = "No leak found"
    UNMEASURED = "Leak not measured"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Two sentences: what the verifier does and leaks, and what the defence changes.

    Args:
        finding: what it comes to.
        first: how well it recognises people and how surely an attacker can tell who trained it.
        second: what the defence changes.
        besides: the strongest leak where members are something else, such as people instead of
            pairs, if one is proven and larger than that of the first sentence; else empty.
    """

    finding: Finding
    first: str
    second: str
    besides: str = ""


def judge(audit: Audit) -> Verdict:
    """The verdict on an audit.

    Two figures are called different where their 95 % intervals do not overlap. A leak is called
    found where the strongest attack's interval lies above one half and the attack does better
    than its control and its blind baseline; if it does not, the strongest that does decides.
    Whether pairs, pictures or people were trained on are three questions: the two sentences speak
    of targets at one level, that of pairs if there is any.
    """
    failed = [test.name for test in audit.self_tests if not test.passed]
    if failed:
        return Verdict(
            Finding.FAILED,
            f"This audit failed {len(failed)} of its {len(audit.self_tests)} checks of itself "
            f"({listed(failed)}), so its figures of accuracy and leak are not to be relied on.",
            "Find out why and run it again before anything on this page is quoted.",
        )
    if not audit.targets:
        return Verdict(
            Finding.UNMEASURED,
            "This audit holds no target, so there is nothing to be said about accuracy or leak.",
            "Run it again with at least one.",
        )
    called = display_names(audit)
    base = base_target(audit)
    others = _compared(audit, base)
    first = f"{_subject(audit, base, called)} {_utility(base)}, {_leak(base)}."
    if others:
        chosen = min(others, key=_exposure)
        finding, second = _finding(base, chosen), _change(base, chosen, others, called)
    else:
        finding, second = _finding(base, None), _alone(audit, base)
    stronger = _stronger_elsewhere(audit, base)
    if stronger is None:
        return Verdict(finding, first, second)
    if finding in (Finding.UNPROVEN, Finding.NONE_SEEN, Finding.UNMEASURED):
        finding = Finding.LEAK
    return Verdict(finding, first, second, _besides(base, stronger, called))


def deciding_attack(target: TargetResult) -> AttackResult | None:
    """The attack a verdict rests on: the strongest that proves a leak, else the strongest."""
    by_strength = sorted(target.attacks, key=lambda attack: -_height(attack.auc))
    named = [attack for attack in target.attacks if attack.name == target.strongest]
    proving = [attack for attack in named + by_strength if proves(attack)]
    return next(iter(proving + named + by_strength), None)


def proves(attack: AttackResult) -> bool:
    """Whether an attack shows a leak: better than guessing, its control and its baseline."""
    return (
        isinstance(attack.auc, Interval)
        and attack.auc.low > 0.5
        and attack.beats_control is not False
        and attack.beats_baseline is not False
    )


def _height(figure: E) -> float:
    return figure.value if isinstance(figure, Interval) else float("-inf")


def _exposure(target: TargetResult) -> float:
    """How much a target leaks; one that was not measured counts as the worst."""
    attack = deciding_attack(target)
    return attack.auc.value if attack and isinstance(attack.auc, Interval) else float("inf")


def _leaks(target: TargetResult) -> bool:
    return any(proves(attack) for attack in target.attacks)


def _measured(target: TargetResult) -> bool:
    return _exposure(target) < float("inf")


def base_target(audit: Audit) -> TargetResult:
    """The target that the others are held against: undefended, at the level of pairs, if any is."""
    pairs = [target for target in audit.targets if target.level == "pair"]
    candidates = pairs or audit.targets
    return next((t for t in candidates if t.mitigation == UNDEFENDED), candidates[0])


def _compared(audit: Audit, base: TargetResult) -> list[TargetResult]:
    """Targets to be held against `base`, of its level: the defended ones, or else all others."""
    others = [t for t in audit.targets if t is not base and t.level == base.level]
    return [target for target in others if _defended(target)] or others


def _subject(audit: Audit, base: TargetResult, called: dict[str, str]) -> str:
    if len(audit.targets) == 1:
        return "The verifier"
    if called[base.name] == "undefended":
        return "The undefended verifier"
    return f"The verifier {_quoted(called[base.name])}"


def _quoted(name: str) -> str:
    """A name that is more than one word, in quotation marks."""
    return name if name.replace("_", "").isalnum() else f"\u201c{name}\u201d"


def _defended(target: TargetResult) -> bool:
    return target.mitigation not in (UNDEFENDED, UNKNOWN)


def _utility(target: TargetResult) -> str:
    accuracy = target.utility.accuracy
    if isinstance(accuracy, Refusal):
        return f"was tested on too little to give its accuracy ({_reason(accuracy)})"
    return (
        f"is right about {percent(accuracy.value)} of the pairs of faces it is shown "
        f"(95{NO_BREAK}% interval {between(accuracy)})"
    )


def _leak(target: TargetResult) -> str:
    attack = deciding_attack(target)
    if attack is None:
        return "and no attack was run, so what it leaks is not known"
    if isinstance(attack.auc, Refusal):
        return f"and what it leaks could not be measured ({_reason(attack.auc)})"
    item, figures = MEMBER[attack.level], f"{percent(attack.auc.value)} of the time"
    figures += f" ({between(attack.auc)})"
    if attack.name != target.strongest:
        figures += f" by {_quoted(attack.name)}"
    if proves(attack):
        return (
            f"but an attacker shown one {item} it was trained on and one it was not picks the "
            f"right one {figures}, where guessing gives 50"
        )
    if attack.auc.low <= 0.5:
        return (
            f"and no attack can tell a {item} it was trained on from another beyond guessing: the "
            f"strongest is right {figures}"
        )
    against = "on people it never saw" if attack.beats_control is False else "without asking it"
    return (
        f"and the strongest attack picks the {item} it was trained on {figures}, but not clearly "
        f"more often than {against}, which proves no leak"
    )


def _alone(audit: Audit, base: TargetResult) -> str:
    kind, what = "undefended", "what its defence changes"
    if base.mitigation in (UNDEFENDED, UNKNOWN):
        kind, what = "defended", "what FaceBone would change"
    several = len({target.level for target in audit.targets}) > 1
    where = f" at the level of {MEMBERS[base.level]}" if several else ""
    return (
        f"No {kind} verifier was audited beside it{where}, so {what} is not known from this page."
    )


def _stronger_elsewhere(audit: Audit, base: TargetResult) -> TargetResult | None:
    """The target of another level with the largest proven leak, if larger than any of `base`."""
    others = [t for t in audit.targets if t.level != base.level and _leaks(t)]
    worst = max(others, key=_exposure, default=None)
    if worst is None or (_leaks(base) and _exposure(worst) <= _exposure(base)):
        return None
    return worst


def _besides(base: TargetResult, worst: TargetResult, called: dict[str, str]) -> str:
    attack = deciding_attack(worst)
    if attack is None or not isinstance(attack.auc, Interval):
        return ""
    return (
        f"About {MEMBERS[worst.level]} more leaks than about {MEMBERS[base.level]}: against "
        f"{_quoted(called[worst.name])} the attacker picks the {MEMBER[worst.level]} it was "
        f"trained on {percent(attack.auc.value)} of the time ({between(attack.auc)})."
    )


def _change(
    base: TargetResult,
    chosen: TargetResult,
    others: list[TargetResult],
    called: dict[str, str],
) -> str:
    name = _quoted(called[chosen.name])
    opening = f"With {name}" if _defended(chosen) else f"For {name}"
    if len(others) > 1:
        kind = "defences" if _defended(chosen) else "others"
        opening = f"Of {len(others)} {kind} {name} leaks least: with it"
    attack, accuracy = deciding_attack(chosen), chosen.utility.accuracy
    if attack is None:
        risk = "no attack was run"
    elif isinstance(attack.auc, Refusal):
        risk = f"the leak could not be measured ({_reason(attack.auc)})"
    else:
        risk = f"the attacker is right {percent(attack.auc.value)} of the time"
        risk += f" ({between(attack.auc)})"
    if isinstance(accuracy, Refusal):
        quality = f"its accuracy could not be measured ({_reason(accuracy)})"
    else:
        quality = f"accuracy is {percent(accuracy.value)} ({between(accuracy)})"
    said = [
        str(clause)
        for clause in (_leak_change(base, chosen), _quality_change(base, chosen))
        if clause is not None
    ]
    closing = f": {', and '.join(said)}" if said else ""
    return f"{opening} {risk} and {quality}{closing}."


class _LeakChange(StrEnum):
    """What a defence does to the leak, as a clause."""

    NONE = "no leak was proven either way"
    GONE = "no leak is left that this audit can see"
    LESS = "it leaks clearly less"
    MORE = "it leaks clearly more"
    UNKNOWN = "the two leaks cannot be told apart"


def _leak_change(base: TargetResult, chosen: TargetResult) -> _LeakChange | None:
    before, after = deciding_attack(base), deciding_attack(chosen)
    if not before or not after:
        return None
    if not isinstance(before.auc, Interval) or not isinstance(after.auc, Interval):
        return None
    if not _leaks(base) and not _leaks(chosen):
        return _LeakChange.NONE
    if after.auc.high < before.auc.low:
        return _LeakChange.LESS if _leaks(chosen) else _LeakChange.GONE
    if after.auc.low > before.auc.high:
        return _LeakChange.MORE
    return _LeakChange.UNKNOWN


def _quality_change(base: TargetResult, chosen: TargetResult) -> str | None:
    before, after = base.utility.accuracy, chosen.utility.accuracy
    if not isinstance(before, Interval) or not isinstance(after, Interval):
        return None
    if after.low > before.high:
        return "it recognises people clearly better"
    if after.high < before.low:
        return "it recognises people clearly worse"
    return "accuracy is the same within the intervals"


def _finding(base: TargetResult, chosen: TargetResult | None) -> Finding:
    if chosen is None or not _measured(chosen):
        return _finding_of(base)
    if _leaks(base):
        change = _leak_change(base, chosen)
        if change in (_LeakChange.LESS, _LeakChange.GONE):
            return Finding.REDUCED
        return Finding.WORSE if change is _LeakChange.MORE else Finding.LEAK
    return Finding.ONLY_WITH_DEFENCE if _leaks(chosen) else _finding_of(base)


def _finding_of(target: TargetResult) -> Finding:
    if not _measured(target):
        return Finding.UNMEASURED
    if _leaks(target):
        return Finding.LEAK
    attack = deciding_attack(target)
    beyond = attack and isinstance(attack.auc, Interval) and attack.auc.low > 0.5
    return Finding.UNPROVEN if beyond else Finding.NONE_SEEN


def _reason(figure: Refusal) -> str:
    return figure.refused.strip().rstrip(".")
