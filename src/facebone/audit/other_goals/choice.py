"""Attacks of other goals than membership, from words: which there are, and what they are set to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from facebone.attacks.attack import Attack, Attacks, Goal
from facebone.attacks.attributes.base import ATTRIBUTE_ATTACKS
from facebone.attacks.extraction.base import EXTRACTIONS
from facebone.attacks.inversion.base import INVERSIONS
from facebone.attacks.linkage.base import LINKAGES
from facebone.data.dataset import Dataset
from facebone.errors import UnknownNameError, UsageError
from facebone.settings import check_integer, parse_spec

_KINDS: tuple[Attacks[Any], ...] = (INVERSIONS, EXTRACTIONS, LINKAGES, ATTRIBUTE_ATTACKS)

QUERIES = "queries"
"""Setting of any attack that copies: numbers of questions after which a copy is judged."""

DEFAULT_QUERIES = (100, 1000, 10_000)


@dataclass(frozen=True, slots=True)
class OtherAttack:
    """An attack of another goal as it was asked for.

    Args:
        spec: as given, and its name in results.
        attack: with its settings.
        settings: of the attack, as given.
        queries: numbers of questions, rising; empty of an attack that copies nothing.
    """

    spec: str
    attack: Attack
    settings: Mapping[str, Any]
    queries: tuple[int, ...] = ()


def other_names() -> tuple[str, ...]:
    """Names of all of them."""
    return tuple(name for registry in _KINDS for name in registry.names())


def parse_other(spec: str) -> OtherAttack:
    """An attack from ``NAME`` or ``NAME:SETTING=VALUE,..``.

    Raises:
        UnknownNameError: no such attack or setting.
        UsageError: a value is wrong.
    """
    name, given = parse_spec(spec, where="--attack")
    settings = dict(given)
    for registry in _KINDS:
        if name in registry:
            queries: tuple[int, ...] = ()
            if registry is EXTRACTIONS:
                queries = _queries(settings.pop(QUERIES, DEFAULT_QUERIES), where=f"attack {name}")
            return OtherAttack(spec, registry.make(name, settings), settings, queries)
    raise UnknownNameError("attack", name, other_names())


def of_goal(specs: Sequence[str], goal: Goal) -> tuple[str, ...]:
    """Those that have this goal."""
    return tuple(spec for spec in specs if parse_other(spec).attack.goal is goal)


def other_than(specs: Sequence[str], goal: Goal) -> tuple[str, ...]:
    """Those that have another goal than this."""
    return tuple(spec for spec in specs if parse_other(spec).attack.goal is not goal)


def check_stated(specs: Sequence[str], dataset: Dataset) -> None:
    """Refuse attacks on attributes where the data set states none, before any work is done.

    Raises:
        UsageError: it states none.
    """
    asked = of_goal(specs, Goal.ATTRIBUTES)
    if asked and not dataset.attributes:
        raise UsageError(
            f"infers what people are like, and the data set {dataset.name} says that of nobody",
            where=f"attack {asked[0]}",
            hint="leave it out, or audit celeba or synthetic, which state attributes",
        )


def _queries(given: Any, *, where: str) -> tuple[int, ...]:
    numbers = tuple(given) if isinstance(given, list | tuple) else (given,)
    for number in numbers:
        check_integer(f"{where}: {QUERIES}", number, low=2)
    if any(first >= second for first, second in pairwise(numbers)):
        raise UsageError(f"{QUERIES} must rise, got {list(numbers)}", where=where)
    return numbers
