"""What is searched: backbones, head, a leading defence or none, recipes and guards beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from facebone.audit.target import TargetRecipe
from facebone.audit.target_spec import TargetSpec
from facebone.errors import UsageError
from facebone.mitigations.base import CHAINED, MITIGATIONS, Mitigation, make_mitigation
from facebone.mitigations.choices import Choice, Integer, Learnt, Words

NONE = "none"
DIGITS = 3
"""Significant ones of a number that is tried: more would look like knowledge."""

PARTS = ("recipe", "second recipe", "guard")
"""Beside the leading defence: a change of the training recipe, another, a guard of answers."""

MakeRecipe = Callable[[str], TargetRecipe]
"""From the words of a target to how it is made; refuses what does not fit."""


class Chooser(Protocol):
    """Who picks values: a trial of optuna, or one that takes defaults."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number in a range."""
        ...

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """An integer in a range."""
        ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of some plain values."""
        ...


@dataclass(frozen=True, slots=True)
class Space:
    """Every recipe that a search may try.

    Args:
        backbones: names; any of them are used, one at least.
        heads: names of heads, the one that is protected first; or of one adaptation.
        learnt: what these learn from.
        head_settings: of the first head.
        make: how a target is made.
        leading: names of defences that decide what is trained on what.
        recipes: head -> names of defences that change its training.
        guards: head -> names of defences that guard its answers.
    """

    backbones: tuple[str, ...]
    heads: tuple[str, ...]
    learnt: Learnt
    make: MakeRecipe
    head_settings: Mapping[str, Any] = field(default_factory=dict)
    leading: tuple[str, ...] = ()
    recipes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    guards: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def choose(self, chooser: Chooser) -> str:
        """The words of a target that a chooser picks, as `make` takes them.

        Raises:
            UsageError: what was picked does not go together.
        """
        several = len(self.backbones) > 1
        used = [
            name
            for name in self.backbones
            if not several or chooser.suggest_categorical(f"use {name}", (True, False))
        ]
        head = self.heads[0]
        if len(self.heads) > 1:
            head = chooser.suggest_categorical("head", self.heads)
        parts = []
        for kind, names in self._kinds(head).items():
            if names:
                # The names that fit depend on the head, and a question has the same answers always.
                asked = kind if kind == "leading" else f"{kind} of {head}"
                parts.append(chooser.suggest_categorical(asked, (NONE, *names)))
        chosen = list(dict.fromkeys(part for part in parts if part != NONE)) or [NONE]
        settings = {
            f"{name}.{setting}" if len(chosen) > 1 else setting: value
            for name in chosen
            for setting, value in _settings(MITIGATIONS.get(name), chooser, self.learnt).items()
        }
        if used and len(used) < len(self.backbones):
            settings["backbones"] = used
        return self.named(CHAINED.join(chosen), settings, head)

    def named(self, mitigation: str, settings: Mapping[str, Any], head: str) -> str:
        """The words of a target, checked; those of the first head are left out.

        Raises:
            UsageError: they do not go together.
        """
        defence = make_mitigation(mitigation, settings)
        # Where a defence takes the head's place, all heads are one.
        own = None if head == self.heads[0] or defence.trained_head(head) != head else head
        words = TargetSpec(mitigation, settings, own).name
        recipe = self.make(words)
        recipe.unfitted(tuple(self.backbones[i] for i in recipe.columns(self.backbones)))
        return words

    def _kinds(self, head: str) -> dict[str, tuple[str, ...]]:
        recipes = self.recipes.get(head, ())
        return {
            "leading": self.leading,
            "recipe": recipes,
            "second recipe": recipes,
            "guard": self.guards.get(head, ()),
        }


class Defaults:
    """A chooser that takes what a search begins with, and remembers it.

    Args:
        wanted: names of questions and the answers to give instead.
    """

    def __init__(self, wanted: Mapping[str, Any] | None = None) -> None:
        self.wanted = dict(wanted or {})
        self.chosen: dict[str, Any] = {}

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """The default of the setting where the range holds it, else the nearest end."""
        del log
        return float(self._keep(name, min(max(float(_default(name, low)), low), high)))

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """The default of the setting where the range holds it, else the nearest end."""
        del log
        return int(self._keep(name, min(max(int(_default(name, low)), low), high)))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """The first."""
        return self._keep(name, choices[0])

    def _keep(self, name: str, value: Any) -> Any:
        self.chosen[name] = self.wanted.get(name, value)
        return self.chosen[name]


def make_space(
    backbones: Sequence[str],
    heads: Sequence[str],
    *,
    learnt: Learnt,
    make: MakeRecipe,
    head_settings: Mapping[str, Any] | None = None,
) -> Space:
    """The space of all registered defences that name choices and fit at least one head.

    Args:
        backbones: names.
        heads: names of heads, or of one adaptation.
        learnt: what they learn from.
        make: how a target is made.
        head_settings: of the first head.
    """
    empty = Space(tuple(backbones), tuple(heads), learnt, make, head_settings or {})
    kinds: dict[str, list[type[Mitigation]]] = {"leading": [], "recipe": [], "guard": []}
    for _, defence in MITIGATIONS.usable():
        if defence.choices:
            kinds[_kind(defence)].append(defence)

    def fits(defence: type[Mitigation], head: str) -> bool:
        try:
            empty.named(defence.name, _settings(defence, Defaults(), learnt), head)
        except UsageError:
            return False
        return True

    def of_head(kind: str, head: str) -> tuple[str, ...]:
        return tuple(defence.name for defence in kinds[kind] if fits(defence, head))

    return Space(
        empty.backbones,
        empty.heads,
        learnt,
        make,
        empty.head_settings,
        leading=tuple(
            one.name for one in kinds["leading"] if any(fits(one, head) for head in heads)
        ),
        recipes={head: of_head("recipe", head) for head in heads},
        guards={head: of_head("guard", head) for head in heads},
    )


def first_trials(space: Space) -> list[dict[str, Any]]:
    """Answers to begin with: undefended, FaceBone, a plain head, then each defence by itself.

    All with every backbone, and settings at their defaults.
    """
    head = space.heads[0]
    wanted: list[dict[str, Any]] = [{}]
    wanted += [{"leading": name} for name in space.leading if name == "facebone"]
    wanted += [{"head": name} for name in space.heads[1:]]
    wanted += [{f"recipe of {head}": name} for name in space.recipes.get(head, ())]
    wanted += [{f"guard of {head}": name} for name in space.guards.get(head, ())]
    # Last, for they may train many heads in the place of one.
    wanted += [{"leading": name} for name in space.leading if name != "facebone"]
    found = []
    for one in wanted:
        chooser = Defaults(one)
        try:
            space.choose(chooser)
        except UsageError:
            continue
        found.append(chooser.chosen)
    return found


def _kind(defence: type[Mitigation]) -> str:
    if defence.protect is not Mitigation.protect:
        return "leading"
    return "guard" if defence.guard is not Mitigation.guard else "recipe"


def _settings(defence: type[Mitigation], chooser: Chooser, learnt: Learnt) -> dict[str, Any]:
    """Settings of a defence that a chooser picks; those left at their defaults are left out."""
    chosen: dict[str, Any] = {}
    for name, choice in defence.choices.items():
        if choice.applies(chosen, learnt):
            value = _value(f"{defence.name}.{name}", choice, chooser)
            if value is not None:
                chosen[name] = value
    return chosen


def _value(name: str, choice: Choice, chooser: Chooser) -> Any:
    """What a chooser picks; None for the default."""
    if isinstance(choice, Words):
        return chooser.suggest_categorical(name, choice.words)
    value: float
    if isinstance(choice, Integer):
        value = chooser.suggest_int(name, choice.low, choice.high, log=choice.log)
    else:
        value = chooser.suggest_float(name, choice.low, choice.high, log=choice.log)
        value = float(f"{value:.{DIGITS}g}")
    return None if value == choice.usual else value


def _default(question: str, otherwise: float) -> float:
    """The default of the setting that a question is about."""
    name, _, setting = question.rpartition(".")
    kind = MITIGATIONS.get(name)
    usual = getattr(kind.choices[setting], "usual", None)
    value = getattr(kind.settings_type(), setting) if usual is None else usual
    return otherwise if value is None else value
