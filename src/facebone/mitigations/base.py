"""What a mitigation is: a head and backbones -> a head that includes the defence."""

from __future__ import annotations

import re
from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from facebone.errors import UnknownNameError, UsageError
from facebone.mitigations.choices import Choice
from facebone.plugin_checks import subclass_of
from facebone.registry import Registry
from facebone.settings import parse_settings, parse_spec
from facebone.verification.heads import Head, make_head

CHAINED = "/"
"""Stands between the names of mitigations that defend one verifier together."""

SECRET = {"secret": True}
"""Metadata of a setting's field that no report, log or name may show."""


@dataclass(frozen=True, slots=True)
class MitigationSettings:
    """What every mitigation can be told.

    Args:
        backbones: those of the audit's or the command's backbones that it uses, by name and in
            this order; none named means all. One name may be given as plain text.

    Raises:
        UsageError: a name is given twice, or is no text.
    """

    backbones: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        given: Any = self.backbones
        names = (given,) if isinstance(given, str) else tuple(given) if _is_list(given) else (None,)
        if not all(isinstance(name, str) and name for name in names):
            raise UsageError(f"must be names of backbones, got {given!r}", where="backbones")
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise UsageError(
                f"{repeated[0]!r} is named twice", where="backbones", hint="name it once"
            )
        object.__setattr__(self, "backbones", names)


class Mitigation(ABC):
    """A defence: makes of any head one that leaks less of its training.

    Args:
        settings: an instance of `settings_type`; None for the defaults.

    Raises:
        UsageError: settings of another mitigation.
    """

    name: str
    summary: ClassVar[str]
    """What it does, in one line for people."""
    settings_type: ClassVar[type[MitigationSettings]] = MitigationSettings
    choices: ClassVar[Mapping[str, Choice]] = {}
    """What a search may set, by the setting's name; it tries no mitigation that names nothing."""

    promises: ClassVar[bool] = False
    """Whether it bounds what all that was learnt tells, so that nothing may be learnt beside it."""

    def __init__(self, settings: MitigationSettings | None = None) -> None:
        chosen = self.settings_type() if settings is None else settings
        if not isinstance(chosen, self.settings_type):
            raise UsageError(
                f"needs settings of type {self.settings_type.__name__}, "
                f"got {type(chosen).__name__}",
                where=f"mitigation {self.name}",
            )
        self.settings: Any = chosen

    @property
    def guards(self) -> bool:
        """Whether it guards answers."""
        return type(self).guard is not Mitigation.guard

    @property
    def learns_beside(self) -> bool:
        """Whether it learns from what the head is trained on, and keeps that with the head."""
        return False

    def columns(self, names: Sequence[str]) -> tuple[int, ...]:
        """Positions in `names` of the backbones that it uses.

        Args:
            names: the backbones there are.

        Raises:
            UnknownNameError: the settings name one that is not there.
        """
        wanted = self.settings.backbones or tuple(names)
        for name in wanted:
            if name not in names:
                raise UnknownNameError("backbone", name, names)
        return tuple(list(names).index(name) for name in wanted)

    def recipe(self, head: str, head_settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that the head is trained with: a defence of training changes some.

        Args:
            head: name of the head to protect.
            head_settings: names and values of its settings, as they were given.

        Raises:
            UsageError: the head has nothing of the kind to set.
        """
        del head
        return dict(head_settings)

    def guard(self, head: Head) -> Head:
        """A head whose answers are guarded: a defence of answers puts it inside another.

        Args:
            head: unfitted.

        Raises:
            UsageError: the answers of this head cannot be guarded.
        """
        return head

    def protect(
        self,
        head: str,
        head_settings: Mapping[str, Any],
        *,
        backbones: tuple[str, ...],
        device: str = "cpu",
    ) -> Head:
        """An unfitted head that includes the defence.

        A defence that decides what is trained on what overrides this; it takes the place of the
        head. All others change the recipe, or guard answers, and go together; see `chain`.

        Args:
            head: name of the head to protect.
            head_settings: names and values of its settings.
            backbones: names of the backbones whose embeddings it will see, in their order: those
                at `columns`.
            device: where it is fitted, ``cpu`` or ``cuda:N``.

        Raises:
            UnknownNameError: no such head, or no such setting.
            UsageError: a value is wrong, or the defence cannot work with this head or with these
                backbones.
        """
        del backbones  # it takes them as they come
        return self.guard(make_head(head, self.recipe(head, head_settings), device=device))

    def trained_head(self, head: str) -> str:
        """Name of the head that is trained in the place of the one asked for: mostly itself."""
        return head

    def effect(self) -> str:
        """What it does under its settings, in a few words for people; no secret is in it."""
        changed = self.public_settings()
        changed.pop("backbones", None)
        words = ", ".join(f"{name} {value}" for name, value in changed.items())
        return f"{self.summary} ({words})" if words else self.summary

    def describe(self, backbones: tuple[str, ...], *, head: str = "mlp") -> str:
        """What it does with these backbones, in one line for people; no secret is in it.

        Args:
            backbones: names.
            head: name of the head, or of the adaptation, that it protects.
        """
        del head
        return f"{' + '.join(backbones)}: {self.effect()}"

    def public_settings(self) -> dict[str, Any]:
        """Settings that differ from the defaults, as JSON holds them, without those kept secret."""
        changed: dict[str, Any] = {}
        default = self.settings_type()
        for field in fields(self.settings):
            value = getattr(self.settings, field.name)
            if not field.metadata.get("secret") and value != getattr(default, field.name):
                changed[field.name] = list(value) if isinstance(value, tuple) else value
        return changed

    def spec(self) -> str:
        """``NAME:SETTING=VALUE,..`` of `public_settings`, as `parse_spec` reads it."""
        words = (
            f"{name}={'+'.join(value) if isinstance(value, list) else value}"
            for name, value in self.public_settings().items()
        )
        return self.name + ":" * bool(self.public_settings()) + ",".join(words)


_RECIPES = "facebone.mitigations.recipes"
_GUARDS = "facebone.mitigations.guards"

MITIGATIONS: Registry[type[Mitigation]] = Registry(
    "mitigation", group="facebone.defences", check=subclass_of(Mitigation, "summary")
)
MITIGATIONS.add("none", "facebone.mitigations.undefended:Undefended")
MITIGATIONS.add("facebone", "facebone.mitigations.multi_backbone.mitigation:FaceBone")
MITIGATIONS.add("dp_sgd", "facebone.mitigations.dp.mitigation:DPSGD")
MITIGATIONS.add("selena", "facebone.mitigations.selena.mitigation:Selena")
MITIGATIONS.add("keyed_templates", "facebone.mitigations.keyed_templates.mitigation:KeyedTemplates")
MITIGATIONS.add("early_stopping", f"{_RECIPES}.early_stopping:EarlyStopping")
MITIGATIONS.add("weight_decay", f"{_RECIPES}.weight_decay:WeightDecay")
MITIGATIONS.add("dropout", f"{_RECIPES}.dropout:Dropout")
MITIGATIONS.add("label_smoothing", f"{_RECIPES}.label_smoothing:LabelSmoothing")
MITIGATIONS.add("mixup", f"{_RECIPES}.mixup:Mixup")
MITIGATIONS.add("relaxloss", f"{_RECIPES}.relaxloss:RelaxLoss")
MITIGATIONS.add("adversarial_regularisation", f"{_RECIPES}.adversarial:AdversarialRegularisation")
MITIGATIONS.add("hamp", f"{_RECIPES}.hamp:Hamp")
MITIGATIONS.add("rounding", f"{_GUARDS}.rounding:Rounding")
MITIGATIONS.add("decision_only", f"{_GUARDS}.decision:DecisionOnly")
MITIGATIONS.add("keyed_noise", f"{_GUARDS}.keyed_noise:KeyedNoise")
MITIGATIONS.add("memguard", f"{_GUARDS}.memguard:MemGuard")
MITIGATIONS.add("query_budget", f"{_GUARDS}.query_budget:QueryBudget")


def make_mitigation(name: str, settings: Mapping[str, Any] | None = None) -> Mitigation:
    """A mitigation by name.

    Args:
        name: a registered mitigation, or several with `CHAINED` between them.
        settings: names and values; what is not named keeps its default. Of several mitigations
            they are called ``NAME.SETTING``.

    Raises:
        UnknownNameError: no such mitigation, or no such setting.
        UsageError: a value is wrong, or mitigations do not go together.
    """
    if CHAINED in name:
        from facebone.mitigations.chain import make_chain

        return make_chain(name.split(CHAINED), settings or {})
    kind = MITIGATIONS.get(name)
    return kind(parse_settings(kind.settings_type, settings or {}, owner=f"mitigation {name}"))


def parse_mitigation(spec: str, *, where: str = "--mitigation") -> tuple[str, dict[str, Any]]:
    """Name and settings, as `make_mitigation` takes them, from ``NAME:SETTING=VALUE,../NAME..``.

    Raises:
        UsageError: it does not look like that.
    """
    known = "|".join(map(re.escape, MITIGATIONS.names()))
    parts = re.split(f"{CHAINED}(?=(?:{known})(?:[:{CHAINED}]|$))", spec)
    parsed = [parse_spec(part, where=where) for part in parts]
    if len(parsed) == 1:
        return parsed[0]
    names = [name for name, _ in parsed]
    settings = {f"{name}.{key}": value for name, own in parsed for key, value in own.items()}
    return CHAINED.join(names), settings


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)
