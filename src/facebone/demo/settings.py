"""What the demo runs on, and the audits from which it learns what attackers find."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from facebone.audit.candidates import FEWEST
from facebone.audit.settings import AuditSettings
from facebone.config import home_folder
from facebone.data.splits import Level
from facebone.errors import UsageError
from facebone.settings import check_integer

DEFAULT_BACKBONES = ("tiny_plain", "tiny_mobile", "tiny_residual")

UNDEFENDED, HARDENED, KEYED = "none", "facebone", "keyed_templates"
"""Mitigations of the verifiers that stand side by side."""

MEMBERSHIP_ATTACKS = ("loss_threshold", "lira", "shadow_boosting")

STOLEN, ENROLLED = "template_ridge:knows=networks", "template_ridge"
"""Attackers who rebuild faces: one has the database and the public networks, the other had the
system enrol faces of their own as well."""


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """Everything that decides what the demo shows.

    Args:
        data: name of the data set.
        root: its folder or archive.
        backbones: names; none for what suits the data set.
        alignment: ``five-point`` or ``none``.
        pairs: matched, and mismatched, candidate pairs; half of them are trained on.
        shadows: verifiers that attackers train to compare with.
        seed: of everything random.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        cache: folder in which what was trained is kept.

    Raises:
        UsageError: a single backbone, none where the data set has no default, or a bad value.
    """

    data: str = "synthetic"
    root: Path | None = None
    backbones: tuple[str, ...] = ()
    alignment: str = "five-point"
    pairs: int = 400
    shadows: int = 6
    seed: int = 0
    device: str = "auto"
    cache: Path | None = None

    def __post_init__(self) -> None:
        if not self.backbones:
            if self.data != "synthetic":
                raise UsageError(
                    f"the {self.data} data set shows photographs, name a backbone that knows such",
                    where="--backbone",
                    hint="see 'facebone backbones list'",
                )
            object.__setattr__(self, "backbones", DEFAULT_BACKBONES)
        if len(self.backbones) == 1:
            raise UsageError(
                f"only {self.backbones[0]} is named, and FaceBone needs two or more",
                where="--backbone",
                hint=f"name another, or a view of the same such as {self.backbones[0]}%60-mirror",
            )
        check_integer("pairs", self.pairs, low=FEWEST)
        self.membership()

    @property
    def folder(self) -> Path:
        """Where what was trained is kept."""
        return self.cache if self.cache is not None else home_folder() / "demo"

    def membership(self) -> AuditSettings:
        """The audit of both verifiers at every level."""
        return self._audit(
            mitigations=(UNDEFENDED, HARDENED),
            attacks=MEMBERSHIP_ATTACKS,
            levels=tuple(level.value for level in Level),
            shadows=self.shadows,
        )

    def reconstruction(self) -> AuditSettings:
        """The audit in which faces are rebuilt from templates, plain ones and keyed ones."""
        return self._audit(
            head="logistic",
            mitigations=(UNDEFENDED, KEYED),
            attacks=("loss_threshold",),
            others=(STOLEN, ENROLLED),
        )

    def small_audit(
        self, mitigations: tuple[str, ...], attacks: tuple[str, ...], pairs: int
    ) -> AuditSettings:
        """An audit that visitors run themselves.

        Raises:
            UsageError: nothing to attack or to attack with.
        """
        return self._audit(
            mitigations=mitigations, attacks=attacks, pairs=pairs, shadows=self.shadows
        )

    def _audit(self, *, pairs: int | None = None, **asked: object) -> AuditSettings:
        return AuditSettings(
            data=self.data,
            root=self.root,
            backbones=self.backbones,
            alignment=self.alignment,
            pairs=pairs if pairs is not None else self.pairs,
            seed=self.seed,
            device=self.device,
            shifts=False,
            **asked,  # type: ignore[arg-type]
        )

    def to_text(self) -> str:
        """As one word of a command line."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_text(cls, text: str) -> DemoSettings:
        """What `to_text` gave."""
        values = json.loads(text)
        values["backbones"] = tuple(values["backbones"])
        for name in ("root", "cache"):
            values[name] = None if values[name] is None else Path(values[name])
        return cls(**values)
