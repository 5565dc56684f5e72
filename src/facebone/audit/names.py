"""Names of targets as people read them, and figures in words. Pure, without markup."""

from __future__ import annotations

from collections.abc import Mapping

from facebone.audit.schema import Audit, Interval, TargetResult

UNDEFENDED, FACEBONE, UNKNOWN = "none", "facebone", "unknown"
"""Names of the mitigations that texts speak of in their own words; a verifier that was handed in
has an unknown one."""

_SPOKEN = {UNDEFENDED: "undefended", FACEBONE: "FaceBone"}

NO_BREAK = "\u00a0"

MEMBER = {"pair": "pair", "image": "picture", "identity": "person"}
MEMBERS = {"pair": "pairs", "image": "pictures", "identity": "people"}
"""Level -> what a member of it is, one and several."""

PROBES = {
    "pair": ("pair", "pairs"),
    "image": ("partner", "partners"),
    "identity": ("picture", "pictures"),
}
"""Level -> what is used to ask about a member, one and several."""

ASKING = {
    "once": "asks once",
    "repeated": "asks again and again",
    "augmented": "asks with changed pictures",
    "through": "asks through each backbone",
    "among": "asks about the candidate's own pictures alone",
    "centre": "compares each picture with the centre of the others",
    "gain": "sets answers against those of the public backbones",
}
"""How an attacker asks, in words."""


def display_names(audit: Audit) -> dict[str, str]:
    """What to call each target: name in the json -> name for people, all different.

    A target that is named after its mitigation, as in ``facebone:query=mean``, is called
    "FaceBone"; where several need to be told apart, with the values of its settings, as in
    "FaceBone: mean", and where that does not do, with their names too. One whose members are not
    pairs says so, as ``none @identity`` in "undefended (people)".
    """
    called = {t.name: _at_level(_spoken(t) or plain_name(t), t) for t in audit.targets}
    for detail in (_values, _settings):
        for target in _repeated(audit, called):
            name, spoken = plain_name(target), _spoken(target)
            if spoken and ":" in name:
                called[target.name] = _at_level(f"{spoken}: {detail(name)}", target)
    return called | {target.name: target.name for target in _repeated(audit, called)}


def plain_name(target: TargetResult) -> str:
    """A target's name without its level: ``none`` of ``none @identity``."""
    return target.name.removesuffix(f"@{target.level}").rstrip()


def _repeated(audit: Audit, called: Mapping[str, str]) -> list[TargetResult]:
    """Targets that share what they are called."""
    every = list(called.values())
    return [target for target in audit.targets if every.count(called[target.name]) > 1]


def _at_level(name: str, target: TargetResult) -> str:
    return name if target.level == "pair" else f"{name} ({MEMBERS[target.level]})"


def _spoken(target: TargetResult) -> str | None:
    """The word for its mitigation, if a target is named after it."""
    kind = plain_name(target).partition(":")[0]
    return _SPOKEN.get(kind) if kind == target.mitigation else None


def _settings(name: str) -> str:
    return ", ".join(name.partition(":")[2].split(","))


def _values(name: str) -> str:
    return ", ".join(part.partition("=")[2] or part for part in _settings(name).split(", "))


def percent(share: float, digits: int = 1) -> str:
    """A share as per cent, ``97.4 %``."""
    return f"{100 * share:.{digits}f}{NO_BREAK}%"


def between(figure: Interval, digits: int = 1) -> str:
    """The interval of a share in words: ``96.1 to 98.3``."""
    low, high = (f"{100 * edge:.{digits}f}" for edge in (figure.low, figure.high))
    return f"{low} to {high}".replace(" ", NO_BREAK)


def rate_name(rate: str) -> str:
    """A rate that stands as key in the json, ``0.01``, as per cent: ``1 %``."""
    return f"{100 * float(rate):.6g}{NO_BREAK}%"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number and its noun: ``1 pair``, ``6,000 pairs``."""
    return f"{count:,}{NO_BREAK}{one if count == 1 else many or one + 's'}"


def listed(words: list[str]) -> str:
    """Words in a row: ``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def sentence(words: str) -> str:
    """Words as a sentence: with a capital and a full stop."""
    line = words.strip()
    return f"{line[:1].upper()}{line[1:]}{'' if line.endswith(('.', '!', '?')) else '.'}"


def settings_in_words(target: TargetResult) -> str:
    """What differs from the defaults, head and mitigation: ``query=mean, epochs=30``."""
    both = {**target.head_settings, **target.mitigation_settings}
    return ", ".join(
        f"{name}={' + '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in both.items()
    )
