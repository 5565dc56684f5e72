"""What a hardening is asked to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facebone.audit.settings import AuditSettings
from facebone.audit.target_spec import parse_target
from facebone.audit.unit_candidates import MOST_TRAINING
from facebone.backbones.views import MARK, MIRROR
from facebone.data.splits import Level
from facebone.errors import UsageError
from facebone.mitigations.base import make_mitigation
from facebone.mitigations.choices import Learnt
from facebone.seeding import MAX_SEED, derive_seed
from facebone.settings import check_integer
from facebone.verification.heads import ADAPTATIONS, head_kind

HEADS = ("mlp", "logistic", "products")
"""Searched where none is named; the first is what stands undefended beside all others."""

VIEWS = ("80", "60", MIRROR)
"""Of each backbone, where views are searched too."""

QUICK_ATTACKS = {
    Level.PAIR: ("gap", "loss_threshold", "lira", "rmia", "shadow_boosting"),
    Level.IDENTITY: ("loss_threshold", "lira", "rmia"),
}
"""That rings are attacked with: quick, and what they find is what scores and decisions tell."""

MORE_ATTACKS = {Level.PAIR: (), Level.IDENTITY: ("set_classifier", "template_probing")}
"""That the confirmation adds: a defence might have been chosen for what the others cannot see."""

OF_GUARDED = {Level.PAIR: ("label_only_shadows",), Level.IDENTITY: ()}
"""That it adds where answers are guarded. They ask about changed pictures, many for each one."""

CONFIRMED = 4
"""Recipes that are confirmed beside the undefended one, at most."""


@dataclass(frozen=True, slots=True)
class HardenSettings:
    """Everything that decides the figures of a hardening, but for how long it searches.

    Args:
        data: name of the data set.
        backbones: names; any of them may be used, alone or together.
        root: folder or archive of the data set.
        heads: names of heads to choose among, or of one adaptation.
        head_settings: of the first head.
        alignment, detector, face, missing_face: of the pictures, as `AuditSettings` has them.
        pairs: matched candidate pairs of a half at most, and as many mismatched ones.
        training_pictures: of one person, where people are members.
        models: of a ring.
        shadows: that attack each confirmed target.
        seeds: repeats of the confirmation.
        seed: of everything random.
        device: where heads are trained.

    Raises:
        UnknownNameError: no such head or setting.
        UsageError: a value is wrong, a head that learns nothing, or an adaptation beside another
            head.
    """

    data: str
    backbones: tuple[str, ...]
    root: Path | None = None
    heads: tuple[str, ...] = HEADS
    head_settings: Mapping[str, Any] = field(default_factory=dict)
    alignment: str = "five-point"
    detector: str = "auto"
    face: str = "centre"
    missing_face: str | None = None
    pairs: int = 3000
    training_pictures: int = MOST_TRAINING
    models: int = 8
    shadows: int = 16
    seeds: int = 2
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        check_integer("--models", self.models, low=3)
        if len(self.heads) > 1 and any(head in ADAPTATIONS for head in self.heads):
            raise UsageError("an adaptation is searched alone", where="--adapt")
        if len(set(self.heads)) < len(self.heads):
            raise UsageError("a head is named twice", where="--head", hint="name it once")
        for head in self.heads:
            if not head_kind(head).learns:
                raise UsageError(
                    f"{head} learns nothing, so there is nothing to harden",
                    where="--head",
                    hint="leave it out",
                )
            self.audit(
                ("none" if head == self.heads[0] else f"none@{head}",),
                self.quick_attacks,
                seed=self.seed,
            )

    @property
    def adapts(self) -> bool:
        """Whether what is trained is an adaptation."""
        return self.heads[0] in ADAPTATIONS

    @property
    def level(self) -> Level:
        """What a member is: a person of an adaptation, else a pair."""
        return Level.IDENTITY if self.adapts else Level.PAIR

    @property
    def learnt(self) -> Learnt:
        """What heads learn from."""
        return "people" if self.adapts else "pairs"

    @property
    def quick_attacks(self) -> tuple[str, ...]:
        """Specs of the attacks of a ring."""
        return QUICK_ATTACKS[self.level]

    def confirming_attacks(self, names: Sequence[str]) -> tuple[str, ...]:
        """Specs of the attacks of the confirmation.

        Args:
            names: words of the targets.
        """
        guarded = any(guards_answers(name) for name in names)
        more = OF_GUARDED[self.level] if guarded else ()
        return self.quick_attacks + MORE_ATTACKS[self.level] + more

    @property
    def routes(self) -> tuple[str, ...]:
        """Names of the backbones to open."""
        return self.audit(("none",), self.quick_attacks, seed=self.seed).routes

    @property
    def confirmation_seed(self) -> int:
        """Of everything random in the confirmation."""
        return derive_seed(self.seed, "confirmation") % (MAX_SEED - self.seeds)

    def audit(
        self, mitigations: Sequence[str], attacks: Sequence[str], *, seed: int, seeds: int = 1
    ) -> AuditSettings:
        """An audit of the same heads on the same kind of candidates.

        Args:
            mitigations: words of the targets.
            attacks: specs.
            seed: of the candidates and the first repeat.
            seeds: repeats.
        """
        return AuditSettings(
            data=self.data,
            backbones=self.backbones,
            root=self.root,
            head=self.heads[0],
            head_settings=self.head_settings,
            mitigations=tuple(mitigations),
            attacks=tuple(attacks),
            levels=(self.level.value,),
            alignment=self.alignment,
            detector=self.detector,
            face=self.face,
            missing_face=self.missing_face,
            pairs=self.pairs,
            training_pictures=self.training_pictures,
            seed=seed,
            seeds=seeds,
            shadows=self.shadows,
            device=self.device,
            shifts=False,
        )


def guards_answers(name: str) -> bool:
    """Whether the answers of a target are guarded.

    Args:
        name: words of the target.
    """
    spec = parse_target(name)
    return make_mitigation(spec.mitigation, spec.settings).guards


def with_views(backbones: Sequence[str]) -> tuple[str, ...]:
    """Backbones, each followed by its views; those that are views already are kept alone."""
    found: list[str] = []
    for name in backbones:
        found.append(name)
        if MARK not in name:
            found += [f"{name}{MARK}{view}" for view in VIEWS]
    return tuple(dict.fromkeys(found))
