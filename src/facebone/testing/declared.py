"""What attacks of every goal must say of themselves, and how they take settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

from facebone.attacks.access import Access
from facebone.attacks.attack import Attack, Goal
from facebone.errors import UnknownNameError, UsageError
from facebone.settings import parse_settings
from facebone.testing.contract import expect, refused

K = TypeVar("K", bound=Attack)

HEADINGS = ("Goal:", "Access:", "Knowledge:", "Success:")
"""How the docstring of an attack goes."""


@dataclass(frozen=True)
class AttackSubject(Generic[K]):
    """An attack's class, and what its checks need to know.

    Args:
        kind: the class.
        settings: names and plain values that make it quick; all others keep their default.
        finds: more settings, for checks that it finds what is planted.
        least: how much of a planted leak it must find; None for what its goal asks of all.
        cites: whether its docstring must name the papers that it is taken from.
    """

    kind: type[K]
    settings: Mapping[str, Any] = field(default_factory=dict)
    finds: Mapping[str, Any] = field(default_factory=dict)
    least: float | None = None
    cites: bool = True

    @property
    def name(self) -> str:
        """Of the attack."""
        return self.kind.name

    def make(self, more: Mapping[str, Any] | None = None) -> K:
        """The attack under its quick settings."""
        given = {**self.settings, **(more or {})}
        owner = f"attack {self.name}"
        return self.kind(parse_settings(self.kind.settings_type, given, owner=owner))


def words_of(subject: AttackSubject[Any]) -> str:
    """What errors call it."""
    return f"attack {subject.name}"


def declares_what_it_wants_sees_and_knows(subject: AttackSubject[Any]) -> None:
    """Goal, access and, in sentences, what it does and knows."""
    kind = subject.kind
    expect(isinstance(kind.name, str) and kind.name.isidentifier(), f"name is {kind.name!r}")
    expect(isinstance(kind.goal, Goal), f"goal is {kind.goal!r}, no Goal")
    expect(isinstance(kind.access, Access), f"access is {kind.access!r}, no Access")
    for what, sentence in (("summary", kind.summary), ("knowledge", kind.knowledge)):
        expect(len(sentence) > 5 and "\n" not in sentence, f"{what} is no line: {sentence!r}")
    expect(kind.knowledge.endswith("."), f"knowledge is no sentence: {kind.knowledge!r}")


def docstring_opens_with_goal_access_knowledge_and_success(subject: AttackSubject[Any]) -> None:
    """And names papers at its end."""
    words = (subject.kind.__doc__ or "").split()
    expect(words[:1] == [HEADINGS[0]], f"the docstring does not begin with {HEADINGS[0]}")
    missing = [heading for heading in HEADINGS if heading not in words]
    expect(not missing, f"the docstring does not say {', '.join(missing)}")
    places = [words.index(heading) for heading in HEADINGS]
    expect(places == sorted(places), f"the docstring's order is not {' '.join(HEADINGS)}")
    if subject.cites:
        expect("References:" in words, "the docstring has no References:")


def settings_of_others_are_refused(subject: AttackSubject[Any]) -> None:
    """Unknown names, and settings of another type."""
    unknown = f"unknown setting of attack {subject.name} 'no_such_setting'"
    with refused(UnknownNameError, unknown, when="given a setting that it does not have"):
        subject.make({"no_such_setting": 1})
    wrong = f"attack {subject.name}: needs settings of type"
    with refused(UsageError, wrong, when="given settings of another type"):
        subject.kind("none")


def every_number_of_the_settings_is_checked(subject: AttackSubject[Any]) -> None:
    """A negative number is no setting of any of these attacks."""
    defaults = subject.kind.settings_type()
    for item in fields(defaults):
        value: Any = -1
        if isinstance(getattr(defaults, item.name), tuple):
            value = [-1.0]
        with refused(UsageError, item.name, when=f"given {item.name} = {value}"):
            subject.make({item.name: value})


DECLARED: tuple[Callable[[AttackSubject[Any]], None], ...] = (
    declares_what_it_wants_sees_and_knows,
    docstring_opens_with_goal_access_knowledge_and_success,
    settings_of_others_are_refused,
)
"""Checks of attacks of every goal."""
