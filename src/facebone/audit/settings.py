"""What an audit of trained targets is asked to do."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from facebone.attacks.base import ATTACKS, make_attack
from facebone.errors import UsageError
from facebone.mitigations.base import make_mitigation
from facebone.seeding import MAX_SEED, check_seed
from facebone.settings import parse_spec
from facebone.verification.heads import make_head

DEFAULT_ATTACKS = (
    "loss_threshold",
    "entropy",
    "modified_entropy",
    "gap",
    "score_bits",
    "art_gb",
)
"""Cheap ones that between them see losses, decisions, low bits, and what a learner finds."""

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
        head: of every target, unless its mitigation replaces it.
        head_settings: of that head.
        mitigations: one target each, as ``NAME`` or ``NAME:SETTING=VALUE,..``.
        attacks: as ``NAME`` or ``NAME:SETTING=VALUE,..``.
        alignment: of the pictures.
        detector: that finds the faces.
        face: which face counts where there are several.
        missing_face: what to do with pictures without a face.
        pairs: matched, and mismatched, candidate pairs at most; half of them are members.
        protocol: ``reference`` adds the prototype's own protocol to the honest one.
        seed: of the first repeat, and of the candidates.
        seeds: number of repeats: seed, seed + 1, ..
        shadows: verifiers that an attacker trains by each target's recipe, where an attack needs
            them.
        device: where heads are trained.

    Raises:
        UnknownNameError: no such mitigation, attack, head or setting; the nearest is named.
        UsageError: a value is wrong, or a target or an attack is named twice.
    """

    data: str
    backbones: tuple[str, ...]
    root: Path | None = None
    head: str = "mlp"
    head_settings: Mapping[str, Any] = field(default_factory=dict)
    mitigations: tuple[str, ...] = DEFAULT_MITIGATIONS
    attacks: tuple[str, ...] = DEFAULT_ATTACKS
    alignment: str = "five-point"
    detector: str = "auto"
    face: str = "centre"
    missing_face: str | None = None
    pairs: int = 3000
    protocol: Literal["honest", "reference"] = "honest"
    seed: int = 0
    seeds: int = 1
    shadows: int = 16
    device: str = "auto"

    def __post_init__(self) -> None:
        if not self.backbones:
            raise UsageError("an audit needs at least one", where="--backbone")
        for name, specs in (("--mitigation", self.mitigations), ("--attack", self.attacks)):
            if not specs:
                raise UsageError("an audit needs at least one", where=name)
            twice = sorted({spec for spec in specs if specs.count(spec) > 1})
            if twice:
                raise UsageError(f"{twice[0]} is named twice", where=name)
        make_head(self.head, self.head_settings)
        for spec in self.mitigations:
            make_mitigation(*parse_spec(spec, where="--mitigation"))
        check_attacks(self.attacks)
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
    def repeats(self) -> tuple[int, ...]:
        """The seeds of the repeats."""
        return tuple(range(self.seed, self.seed + self.seeds))

    def command(self) -> str:
        """What to type to run this audit; options at their defaults are left out."""
        words = ["facebone", "audit"]
        for item in fields(self):
            value = getattr(self, item.name)
            option = _OPTIONS.get(item.name, f"--{item.name.replace('_', '-')}")
            if item.name == "head_settings":
                for name, setting in value.items():
                    words += ["--set", f"{name}={_word(setting)}"]
            elif item.name in ("backbones", "mitigations", "attacks"):
                if item.name == "backbones" or value != item.default:
                    # A report is passed on: a secret key does not belong into it.
                    shown = map(target_name, value) if item.name == "mitigations" else value
                    words += [word for one in shown for word in (option, one)]
            elif item.name == "root":
                # Where it lies here says nothing elsewhere; the fingerprint says what it is.
                words += [option, "ROOT"] if value is not None else []
            elif item.name == "data" or value != item.default:
                words += [option, str(value)]
        return f"{shlex.join(words)} --out DIR"


def target_name(spec: str) -> str:
    """The name of a target in results: its mitigation's spec without defaults and secrets."""
    return make_mitigation(*parse_spec(spec, where="--mitigation")).spec()


_OPTIONS = {"backbones": "--backbone", "mitigations": "--mitigation", "attacks": "--attack"}


def expand_attacks(specs: tuple[str, ...], *, shadows: bool) -> tuple[str, ...]:
    """The attacks that are meant: ``all`` alone stands for every one there is.

    Args:
        specs: as given.
        shadows: whether shadows can be trained; ``all`` leaves out what needs them otherwise.
    """
    if specs != (ALL,):
        return specs
    names = ATTACKS.names()
    return tuple(name for name in names if shadows or not ATTACKS.get(name).needs_shadows)


def check_attacks(specs: tuple[str, ...]) -> None:
    """Refuse attacks that are not known, before any work is done.

    Raises:
        UnknownNameError: no such attack or setting.
        UsageError: a value is wrong.
    """
    for spec in specs:
        name, settings = parse_spec(spec, where="--attack")
        ATTACKS.get(name)
        make_attack(name, settings)


def _word(value: object) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
