"""What an audit of trained targets is asked to do."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from facebone.attacks.access import Access
from facebone.attacks.asking import Asking, parse_attack
from facebone.attacks.base import ATTACKS, make_attack
from facebone.audit.target_spec import parse_target, target_name
from facebone.audit.unit_candidates import MOST_TRAINING
from facebone.data.splits import Level, parse_level
from facebone.errors import UsageError
from facebone.seeding import MAX_SEED, check_seed
from facebone.settings import check_integer, format_spec
from facebone.verification.adaptation.placing import place
from facebone.verification.heads import ADAPTATIONS, make_head

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

DEFAULT_MITIGATIONS = ("none", "facebone")

MOST_SEEDS, MOST_SHADOWS = 100, 4096


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """Everything that decides the figures of an audit.

    Args:
        data: name of the data set.
        root: its folder or archive.
        backbones: names.
        head: of every target, unless its mitigation replaces it; or an adaptation.
        head_settings: of that head.
        mitigations: one target each, as ``NAME`` or ``NAME:SETTING=VALUE,..``; one with another
            head than `head` as ``MITIGATION@HEAD``.
        attacks: as ``NAME`` or ``NAME:SETTING=VALUE,..``.
        access: what the attacker sees: ``decision``, ``score``, ``embedding`` or ``weights``.
        levels: what a member is, a target each: ``pair``, ``image`` or ``identity``.
        alignment: of the pictures.
        detector: that finds the faces.
        face: which face counts where there are several.
        missing_face: what to do with pictures without a face.
        pairs: matched, and mismatched, candidate pairs at most; half of them are members. At the
            other levels a target trains on half as many, at most.
        training_pictures: of one person, at most, at the level of people.
        protocol: ``reference`` adds the prototype's own protocol to the honest one.
        seed: of the first repeat, and of the candidates.
        seeds: number of repeats: seed, seed + 1, ..
        shadows: verifiers that an attacker trains by each target's recipe, where an attack needs
            them.
        device: where heads are trained.
        shifts: whether it is measured what training bought in shifted domains too.

    Raises:
        UnknownNameError: no such mitigation, attack, head or setting; the nearest is named.
        UsageError: a value is wrong, a target or an attack is named twice, or pairs are asked about
            of an adaptation.
    """

    data: str
    backbones: tuple[str, ...]
    root: Path | None = None
    head: str = "mlp"
    head_settings: Mapping[str, Any] = field(default_factory=dict)
    mitigations: tuple[str, ...] = DEFAULT_MITIGATIONS
    attacks: tuple[str, ...] = DEFAULT_ATTACKS
    access: str = Access.WEIGHTS.value
    levels: tuple[str, ...] = (Level.PAIR.value,)
    alignment: str = "five-point"
    detector: str = "auto"
    face: str = "centre"
    missing_face: str | None = None
    pairs: int = 3000
    training_pictures: int = MOST_TRAINING
    protocol: Literal["honest", "reference"] = "honest"
    seed: int = 0
    seeds: int = 1
    shadows: int = 16
    device: str = "auto"
    shifts: bool = True

    def __post_init__(self) -> None:
        if not self.backbones:
            raise UsageError("an audit needs at least one", where="--backbone")
        for name, specs in (
            ("--mitigation", self.mitigations),
            ("--attack", self.attacks),
            ("--level", self.levels),
        ):
            if not specs:
                raise UsageError("an audit needs at least one", where=name)
            twice = sorted({spec for spec in specs if specs.count(spec) > 1})
            if twice:
                raise UsageError(f"{twice[0]} is named twice", where=name)
        make_head(self.head, place(self.head, self.head_settings, self.backbones)[0])
        for spec in self.mitigations:
            if parse_target(spec).head is not None and self.adapts:
                raise UsageError(
                    f"names a head, but {self.head} takes the place of one",
                    where=f"--mitigation {spec}",
                    hint="leave the head out",
                )
        levels = tuple(parse_level(level) for level in self.levels)
        if self.adapts and Level.PAIR in levels:
            raise UsageError(
                f"{self.head} learns from pictures of people, so no pair is a member",
                where="--level",
                hint=f"ask about {Level.IDENTITY} or {Level.IMAGE}",
            )
        check_attacks(self.attacks, access=parse_access(self.access), levels=levels)
        check_integer("--training-pictures", self.training_pictures, low=2)
        if self.protocol == "reference" and Level.PAIR not in levels:
            raise UsageError("the prototype's protocol asks about pairs", where="--protocol")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise UsageError(f"must be in 1 .. {MOST_SEEDS}, got {self.seeds}", where="--seeds")
        if not 2 <= self.shadows <= MOST_SHADOWS:
            raise UsageError(
                f"must be in 2 .. {MOST_SHADOWS}, got {self.shadows}", where="--shadows"
            )
        check_seed(self.seed)
        if self.seed + self.seeds - 1 > MAX_SEED:
            raise UsageError(f"{self.seeds} seeds from {self.seed} on pass {MAX_SEED}")

    @property
    def adapts(self) -> bool:
        """Whether the targets are adaptations."""
        return self.head in ADAPTATIONS

    @property
    def routes(self) -> tuple[str, ...]:
        """Names of the backbones to open, cut where the targets are fine-tuned."""
        return place(self.head, self.head_settings, self.backbones)[1]

    @property
    def repeats(self) -> tuple[int, ...]:
        """The seeds of the repeats."""
        return tuple(range(self.seed, self.seed + self.seeds))

    def command(self) -> str:
        """What to type to run this audit; options at their defaults are left out."""
        words = ["facebone", "audit"]
        for item in fields(self):
            value = getattr(self, item.name)
            option = _OPTIONS.get(item.name, f"--{item.name.replace('_', '-')}")
            if item.name in ("head", "head_settings") and self.adapts:
                spec = format_spec(self.head, self.head_settings)
                words += ["--adapt", spec] if item.name == "head" else []
            elif item.name == "head_settings":
                for name, setting in value.items():
                    words += ["--set", f"{name}={_word(setting)}"]
            elif item.name in _OPTIONS:
                if item.name == "backbones" or value != item.default:
                    # A report is passed on: a secret key does not belong into it.
                    shown = map(target_name, value) if item.name == "mitigations" else value
                    words += [word for one in shown for word in (option, one)]
            elif item.name == "shifts":
                words += [] if value else ["--no-shifts"]
            elif item.name == "root":
                # Where it lies here says nothing elsewhere; the fingerprint says what it is.
                words += [option, "ROOT"] if value is not None else []
            elif item.name == "data" or value != item.default:
                words += [option, str(value)]
        return f"{shlex.join(words)} --out DIR"


_OPTIONS = {
    "backbones": "--backbone",
    "mitigations": "--mitigation",
    "attacks": "--attack",
    "levels": "--level",
}


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
    return (*(name for name in filter(allowed, ATTACKS.names()) if name not in named), *named)


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
        make_attack(asking.name, asking.settings)
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


def _word(value: object) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
