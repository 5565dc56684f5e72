"""What an audit of trained targets is asked to do."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from facebone.attacks.access import Access
from facebone.audit.attack_choice import (
    DEFAULT_ATTACKS,
    check_attacks,
    check_others,
    parse_access,
)
from facebone.audit.target_spec import parse_target, target_name
from facebone.audit.unit_candidates import MOST_TRAINING
from facebone.data.splits import Level, parse_level
from facebone.errors import UsageError
from facebone.seeding import MAX_SEED, check_seed
from facebone.settings import check_integer, format_spec
from facebone.verification.adaptation.placing import place
from facebone.verification.heads import ADAPTATIONS, make_head

AUTO = "auto"

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
        attacks: on membership, as ``NAME`` or ``NAME:SETTING=VALUE,..``.
        others: attacks of other goals, in the same form.
        judge: the backbone that says whether reconstructions show the people; no attack uses it.
            ``auto`` for the best one at hand that no target uses.
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
    others: tuple[str, ...] = ()
    judge: str = AUTO
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
        seen = parse_access(self.access)
        check_attacks(self.attacks, access=seen, levels=levels)
        check_others(self.others, access=seen)
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
    "others": "--attack",
    "levels": "--level",
}


def _word(value: object) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
