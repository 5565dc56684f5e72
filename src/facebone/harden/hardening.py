"""One hardening: what is to be done, and with what."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, fields
from typing import Any

import facebone
from facebone.audit.environment import code_fingerprint
from facebone.audit.names import UNDEFENDED
from facebone.audit.target import TargetRecipe
from facebone.audit.trained_targets import target_recipe
from facebone.data.dataset import Dataset
from facebone.harden.choice import Rule
from facebone.harden.schema import SCHEMA_VERSION
from facebone.harden.settings import HEADS, HardenSettings
from facebone.mitigations.base import MITIGATIONS
from facebone.scale.executor import Executor
from facebone.scale.shelves import Place
from facebone.settings import format_spec, format_value
from facebone.verification.engine import EmbeddingEngine

FAR = 0.01
"""False accept rate at which the threshold of the recommended verifier is set."""

_PLAIN = (
    *("alignment", "detector", "face", "missing_face", "pairs", "training_pictures", "models"),
    *("shadows", "seeds", "seed", "device"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Hardening:
    """What is to be done, and with what.

    Args:
        settings: all that decides figures.
        rule: what is to be kept of accuracy.
        dataset: the whole one.
        engine: embeds under all backbones.
        device: where heads are trained, resolved.
        executor: runs rings and jobs.
        workers: how many of them at a time.
        shadow_folder: where shadows of audits are kept.
        minutes: for search and confirmation.
        trials: different recipes at most; None for as many as there is time for.
        target_far: of the recommended verifier.
        pictures: whether the audit's report shows those most at risk.
        shared: where results of jobs are kept instead of in the folder; see `bind`.
    """

    settings: HardenSettings
    rule: Rule
    dataset: Dataset
    engine: EmbeddingEngine
    device: str
    executor: Executor
    workers: int
    shadow_folder: Place
    minutes: float
    trials: int | None = None
    target_far: float = FAR
    pictures: bool = True
    shared: Place | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the backbones."""
        return tuple(route.backbone.spec.name for route in self.engine.routes)

    def make(self, words: str) -> TargetRecipe:
        """How the target of these words is made."""
        asked = self.settings.audit(
            (UNDEFENDED,), self.settings.quick_attacks, seed=self.settings.seed
        )
        return target_recipe(words, asked, self.names, self.device)

    def identity(self) -> dict[str, Any]:
        """What makes this hardening another: all that figures depend on, not how long it takes."""
        asked = asdict(self.settings) | {"root": None}
        return {
            **{name: list(v) if isinstance(v, tuple) else v for name, v in asked.items()},
            "device": self.device,
            "fingerprint": self.dataset.fingerprint,
            "routes": [dict(route.describe()) for route in self.engine.routes],
            "schema": SCHEMA_VERSION,
            "facebone": facebone.__version__,
            # It may try every defence there is.
            "code": code_fingerprint([asked, MITIGATIONS.names()]),
        }

    def command(self) -> str:
        """What to type to harden so again; options at their defaults are left out."""
        settings, words = self.settings, ["facebone", "harden", "--data", self.settings.data]
        # Where it lies here says nothing elsewhere; the fingerprint says what it is.
        words += ["--root", "ROOT"] if settings.root is not None else []
        words += [word for name in settings.backbones for word in ("--backbone", name)]
        if settings.adapts:
            words += ["--adapt", format_spec(settings.heads[0], settings.head_settings)]
        else:
            heads = () if settings.heads == HEADS else settings.heads
            words += [word for name in heads for word in ("--head", name)]
            for name, value in settings.head_settings.items():
                words += ["--set", f"{name}={format_value(value)}"]
        for item in fields(settings):
            value = getattr(settings, item.name)
            if item.name in _PLAIN and value != item.default:
                words += [f"--{item.name.replace('_', '-')}", str(value)]
        for option, given in (
            ("--min-accuracy", self.rule.min_accuracy),
            ("--max-drop", self.rule.max_drop),
            ("--budget", self.minutes),
            ("--trials", self.trials),
        ):
            words += [] if given is None else [option, f"{given:g}"]
        words += [] if self.target_far == FAR else ["--far", f"{self.target_far:g}"]
        return f"{shlex.join(words)} --out DIR"
