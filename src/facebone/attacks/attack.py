"""What all attacks have in common: a name, a goal, the access they need, what they know."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from facebone.attacks.access import Access
from facebone.errors import UsageError
from facebone.plugin_checks import subclass_of
from facebone.registry import Registry
from facebone.settings import NoSettings, parse_settings


class Goal(StrEnum):
    """What an attacker wants."""

    MEMBERSHIP = "membership"
    """Whether a pair, a picture or a person was in the training."""
    RECONSTRUCTION = "reconstruction"
    """A picture of a person."""
    EXTRACTION = "extraction"
    """A copy of the verifier."""
    ATTRIBUTES = "attributes"
    """What a person is like: age, glasses, and so on."""
    LINKAGE = "linkage"
    """Which templates of two databases show one person, or who they are."""


class Attack(ABC):
    """An attack with its settings.

    A subclass for each goal says what goes in and what comes out. The docstring of an attack opens
    with goal, access, knowledge and success.

    Args:
        settings: an instance of `settings_type`; None for the defaults.

    Raises:
        UsageError: settings of another attack.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    """What it does, in one line for people."""
    goal: ClassVar[Goal]
    access: ClassVar[Access]
    knowledge: ClassVar[str]
    """What the attacker knows beyond what the access shows, in one sentence."""
    settings_type: ClassVar[type[Any]] = NoSettings

    def __init__(self, settings: object | None = None) -> None:
        chosen = self.settings_type() if settings is None else settings
        if not isinstance(chosen, self.settings_type):
            raise UsageError(
                f"needs settings of type {self.settings_type.__name__}, "
                f"got {type(chosen).__name__}",
                where=f"attack {self.name}",
            )
        self.settings: Any = chosen


A = TypeVar("A", bound=Attack)


REGISTRIES = {
    Goal.MEMBERSHIP: "facebone.attacks.base:ATTACKS",
    Goal.RECONSTRUCTION: "facebone.attacks.inversion.base:INVERSIONS",
    Goal.EXTRACTION: "facebone.attacks.extraction.base:EXTRACTIONS",
    Goal.ATTRIBUTES: "facebone.attacks.attributes.base:ATTRIBUTE_ATTACKS",
    Goal.LINKAGE: "facebone.attacks.linkage.base:LINKAGES",
}
"""Where the attacks of each goal are registered; ``--attack`` takes the names of all."""


class Attacks(Registry[type[A]]):
    """The attacks of one goal, by name.

    Args:
        kind: what a name stands for, in errors.
        goal: that of all of them.
        base: what they are derived from.
        facts: attributes that `base` leaves to them, besides those that it shares with the others.
    """

    def __init__(self, kind: str, goal: Goal, base: type, *facts: str) -> None:
        super().__init__(
            kind,
            group=f"facebone.attacks.{goal}",
            check=subclass_of(base, "summary", "access", "knowledge", *facts),
            rivals=(path for other, path in REGISTRIES.items() if other is not goal),
        )

    def make(self, name: str, settings: Mapping[str, Any] | None = None) -> A:
        """An attack by name.

        Args:
            name: registered.
            settings: names and values; what is not named keeps its default.

        Raises:
            UnknownNameError: no such attack, or no such setting.
            UsageError: a value is wrong.
        """
        kind = self.get(name)
        return kind(parse_settings(kind.settings_type, settings or {}, owner=f"attack {name}"))
