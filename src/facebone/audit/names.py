"""Names of targets as people read them, and figures in words. Pure, without markup."""

from __future__ import annotations

from facebone.audit.schema import Audit, Interval, TargetResult

UNDEFENDED, FACEBONE, UNKNOWN = "none", "facebone", "unknown"
"""Names of the mitigations that texts speak of in their own words; a verifier that was handed in
has an unknown one."""

_SPOKEN = {UNDEFENDED: "undefended", FACEBONE: "FaceBone"}

NO_BREAK = "\u00a0"


def display_names(audit: Audit) -> dict[str, str]:
    """What to call each target: name in the json -> name for people, all different.

    A target that is named after its mitigation, as in ``facebone:query=mean``, is called
    "FaceBone"; where several need to be told apart, with the values of its settings, as in
    "FaceBone: mean", and where that does not do, with their names too.
    """
    names = [target.name for target in audit.targets]
    called = {target.name: _spoken(target) or target.name for target in audit.targets}
    for detail in (_values, _settings):
        repeated = {name for name in names if list(called.values()).count(called[name]) > 1}
        for target in audit.targets:
            spoken = _spoken(target)
            if target.name in repeated and spoken and ":" in target.name:
                called[target.name] = f"{spoken}: {detail(target.name)}"
    return called


def _spoken(target: TargetResult) -> str | None:
    """The word for its mitigation, if a target is named after it."""
    kind = target.name.partition(":")[0]
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
