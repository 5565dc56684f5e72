"""Which attacks an audit runs: those that were named, checked before any work is done."""

from __future__ import annotations

from collections.abc import Sequence

from facebone.attacks.access import Access
from facebone.attacks.asking import Asking, parse_attack
from facebone.attacks.base import ATTACKS
from facebone.audit.other_goals.choice import other_names, parse_other
from facebone.data.splits import Level
from facebone.errors import UnknownNameError, UsageError
from facebone.settings import parse_spec

DEFAULT_ATTACKS = (
    "loss_threshold",
    "entropy",
    "modified_entropy",
    "gap",
    "score_bits",
    "art_gb",
)
"""Cheap ones that between them see losses, decisions, low bits, and what a learner finds."""

ADAPTED_ATTACKS = (
    "loss_threshold",
    "loss_threshold:ask=gain",
    "lira",
    "lira:ask=among",
    "set_classifier",
    "template_probing",
)
"""On adaptations those that find most in scores and in templates: with few shadows or none, people
hardly show."""

ALL = "all"


def expand_attacks(
    specs: tuple[str, ...],
    *,
    access: Access = Access.WEIGHTS,
    levels: Sequence[Level] = (Level.PAIR,),
    trains: bool = True,
    default: tuple[str, ...] = DEFAULT_ATTACKS,
) -> tuple[str, ...]:
    """The attacks that are meant: none stands for the default ones, ``all`` for every one.

    Of both only those are taken that can be run.

    Args:
        specs: as given; ``all`` may stand beside others, as with settings of their own.
        access: what the attacker sees.
        levels: what is asked about.
        trains: whether the audit trains its targets. Otherwise there is nothing to train shadows
            by, and nothing but answers to look at.
        default: the default ones.

    Raises:
        UsageError: none is named, and no default one can be run.
    """

    def allowed(spec: str) -> bool:
        asking = parse_attack(spec)
        return (
            access.allows(asking.access)
            and not set(levels).isdisjoint(asking.kind.levels)
            and (trains or not (asking.kind.needs_shadows or asking.channels))
        )

    if not specs:
        found = tuple(filter(allowed, default))
        if not found:
            raise UsageError(
                f"no default attack asks about {', '.join(levels)} with {access} access",
                where="--attack",
                hint=f"name one, or `{ALL}` that can be run",
            )
        return found
    if ALL not in specs:
        return specs
    named = tuple(spec for spec in specs if spec != ALL)
    every = (name for name, _ in ATTACKS.usable())
    return (*(name for name in filter(allowed, every) if name not in named), *named)


def parse_access(access: str) -> Access:
    """The access called so.

    Raises:
        UsageError: there is no such access.
    """
    if access not in list(Access):
        raise UsageError(
            f"unknown access {access!r}", where="--access", hint=f"known: {', '.join(Access)}"
        )
    return Access(access)


def check_attacks(
    specs: tuple[str, ...],
    *,
    access: Access,
    levels: Sequence[Level] = (Level.PAIR,),
    trains: bool = True,
) -> None:
    """Refuse attacks that cannot be run, before any work is done.

    Args:
        specs: as ``NAME`` or ``NAME:SETTING=VALUE,..``.
        access: what the attacker sees.
        levels: what is asked about.
        trains: whether the audit trains its targets; of others it sees answers alone.

    Raises:
        UnknownNameError: no such attack or setting.
        UsageError: a value is wrong, or an attack needs more access than is given, or cannot be
            asked about any of the levels, or none can be asked about one of them.
    """
    asked: set[Level] = set()
    for spec in specs:
        asking = parse_attack(spec)
        ATTACKS.make(asking.name, asking.settings)
        where, more = f"attack {spec}", f"give --access {asking.access} or leave it out"
        if not access.allows(asking.access):
            raise UsageError(
                f"needs {asking.access} access, was given {access}",
                where=where,
                hint=more if trains else "leave it out",
            )
        if not trains:
            _check_answers_do(asking, where)
        if set(levels).isdisjoint(asking.levels):
            known = ", ".join(asking.levels)
            raise UsageError(
                f"asks about {known} alone, not about {', '.join(levels)}",
                where=where,
                hint="leave it out, or name another --level",
            )
        asked.update(asking.levels)
    for level in levels:
        if level not in asked:
            raise UsageError(
                f"no attack that is named asks about {level}",
                where="--level",
                hint="leave that level out, or name another --attack",
            )


def _check_answers_do(asking: Asking, where: str) -> None:
    """Refuse an attack that must see more of a target than its answers.

    Raises:
        UsageError: it must.
    """
    if asking.channels:
        raise UsageError(
            f"must see {asking.channels[0]}, which an audit records only of targets that it trains",
            where=where,
            hint="leave it out",
        )
    if asking.kind.needs_shadows:
        raise UsageError(
            "needs shadow verifiers, which only an audit that trains its targets can train",
            where=where,
            hint="leave it out",
        )


def split_goals(specs: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Attacks on membership, and those of other goals.

    Args:
        specs: as ``NAME`` or ``NAME:SETTING=VALUE,..``; ``all`` is of membership.

    Raises:
        UnknownNameError: no such attack; the nearest is named.
        UsageError: a spec that does not look as it should.
    """
    membership, others = [], []
    for spec in specs:
        name = parse_spec(spec, where="--attack")[0]
        if name in other_names():
            others.append(spec)
        elif name in ATTACKS or name == ALL:
            membership.append(spec)
        else:
            raise UnknownNameError("attack", name, (*ATTACKS.names(), *other_names()))
    return tuple(membership), tuple(others)


def check_others(specs: Sequence[str], *, access: Access, trains: bool = True) -> None:
    """Refuse attacks of other goals that cannot be run, before any work is done.

    Args:
        specs: as ``NAME`` or ``NAME:SETTING=VALUE,..``.
        access: what the attacker sees.
        trains: whether the audit trains its targets; of others it sees answers alone.

    Raises:
        UnknownNameError: no such attack or setting.
        UsageError: a value is wrong, or an attack needs more access than is given, or targets that
            the audit trains.
    """
    twice = sorted({spec for spec in specs if list(specs).count(spec) > 1})
    if twice:
        raise UsageError(f"{twice[0]} is named twice", where="--attack")
    for spec in specs:
        attack, where = parse_other(spec).attack, f"attack {spec}"
        if not access.allows(attack.access):
            hint = f"give --access {attack.access} or leave it out" if trains else "leave it out"
            raise UsageError(
                f"needs {attack.access} access, was given {access}", where=where, hint=hint
            )
        if not trains:
            raise UsageError(
                "needs people and pictures, and a target that the audit trains",
                where=where,
                hint="leave it out",
            )
