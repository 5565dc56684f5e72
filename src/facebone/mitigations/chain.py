"""Several defences of one verifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from facebone.errors import UsageError
from facebone.mitigations.base import (
    CHAINED,
    Mitigation,
    MitigationSettings,
    make_mitigation,
)
from facebone.verification.heads import Head


class Chain(Mitigation):
    """Defences that work together: at most one of them decides what is trained on what.

    The others change the recipe by which the head is trained, or guard its answers. Answers pass
    the guards in the order in which they are named.

    Args:
        parts: two or more.
        backbones: that the verifier uses, by name; none named means all.

    Raises:
        UsageError: defences that do not go together.
    """

    summary = "several defences together"

    def __init__(self, parts: Sequence[Mitigation], backbones: tuple[str, ...] = ()) -> None:
        super().__init__(MitigationSettings(backbones))
        self.parts = tuple(parts)
        self.name = CHAINED.join(part.name for part in self.parts)
        self._check()

    @property
    def _leading(self) -> Mitigation | None:
        """The one that decides what is trained on what."""
        return next((part for part in self.parts if _leads(part)), None)

    def _check(self) -> None:
        where = f"mitigation {self.name}"
        names = [part.name for part in self.parts]
        if "none" in names:
            raise UsageError(
                "none is no defence, so it stands alone", where=where, hint="leave none out"
            )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(f"{twice[0]} is named twice", where=where, hint="name it once")
        leading = [part.name for part in self.parts if _leads(part)]
        if len(leading) > 1:
            raise UsageError(
                f"{leading[0]} and {leading[1]} both decide what is trained on what",
                where=where,
                hint="take one of them",
            )
        promising = [part.name for part in self.parts if part.promises]
        beside = [part.name for part in self.parts if part.learns_beside]
        if promising and beside:
            raise UsageError(
                f"{beside[0]} keeps what it learns from the training pairs, of which "
                f"{promising[0]} promises nothing",
                where=where,
                hint="leave one of them out, or take a guard that learns nothing",
            )

    @property
    def guards(self) -> bool:
        """Whether one of them guards answers."""
        return any(part.guards for part in self.parts)

    def trained_head(self, head: str) -> str:
        """See `Mitigation.trained_head`."""
        return head if self._leading is None else self._leading.trained_head(head)

    def recipe(self, head: str, head_settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings after all that change them.

        Raises:
            UsageError: two defences would set the same thing otherwise.
        """
        found = dict(head_settings)
        changed: dict[str, str] = {}
        for part in self.parts:
            before, found = found, part.recipe(head, found)
            for name, value in found.items():
                if name in before and before[name] == value:
                    continue
                if name in changed:
                    raise UsageError(
                        f"{changed[name]} and {part.name} both set {name} of {head}",
                        where=f"mitigation {self.name}",
                        hint="take one of them",
                    )
                changed[name] = part.name
        return found

    def guard(self, head: Head) -> Head:
        """The head inside all guards."""
        for part in self.parts:
            head = part.guard(head)
        return head

    def protect(
        self,
        head: str,
        head_settings: Mapping[str, Any],
        *,
        backbones: tuple[str, ...],
        device: str = "cpu",
    ) -> Head:
        """The head of the leading defence, by the changed recipe, inside all guards."""
        leading = self._leading
        if leading is None:
            return super().protect(head, head_settings, backbones=backbones, device=device)
        # A wrong setting is an error even where the head is replaced.
        leading.protect(head, head_settings, backbones=backbones, device=device)
        trained = leading.trained_head(head)
        changed = self.recipe(trained, head_settings if trained == head else {})
        return self.guard(leading.protect(trained, changed, backbones=backbones, device=device))

    def effect(self) -> str:
        """What each does, the leading one apart."""
        return "; ".join(part.effect() for part in self.parts if part is not self._leading)

    def describe(self, backbones: tuple[str, ...], *, head: str = "mlp") -> str:
        """What the leading one does, and each of the others."""
        if self._leading is None:
            return super().describe(backbones, head=head)
        return f"{self._leading.describe(backbones, head=head)}; {self.effect()}"

    def public_settings(self) -> dict[str, Any]:
        """See `Mitigation.public_settings`; settings of parts are called ``NAME.SETTING``."""
        own = super().public_settings()
        return own | {
            f"{part.name}.{name}": value
            for part in self.parts
            for name, value in part.public_settings().items()
        }

    def spec(self) -> str:
        """See `Mitigation.spec`; the backbones stand with the first part."""
        shared = super().public_settings()
        first, *others = self.parts
        head = first.spec() if not shared else _with_backbones(first, self.settings.backbones)
        return CHAINED.join([head, *(part.spec() for part in others)])


def make_chain(names: Sequence[str], settings: Mapping[str, Any]) -> Chain:
    """Several mitigations as one.

    Args:
        names: of registered ones.
        settings: ``NAME.SETTING`` and values; ``backbones``, as a setting of any or of none of
            them, is that of all.

    Raises:
        UnknownNameError: no such mitigation, or no such setting.
        UsageError: a value is wrong, or they do not go together.
    """
    own: dict[str, dict[str, Any]] = {name: {} for name in names}
    chosen: list[Any] = []
    for key, value in settings.items():
        name, dot, setting = key.rpartition(".")
        if setting == "backbones":
            chosen.append(value)
        elif dot and name in own:
            own[name][setting] = value
        else:
            raise UsageError(
                f"{key} is a setting of none of them",
                where=f"mitigation {CHAINED.join(names)}",
                hint="call it NAME.SETTING",
            )
    if len(chosen) > 1:
        raise UsageError(
            "backbones are named twice",
            where=f"mitigation {CHAINED.join(names)}",
            hint="name them with the first alone",
        )
    backbones = MitigationSettings(*chosen).backbones
    return Chain([make_mitigation(name, own[name]) for name in names], backbones)


def _leads(part: Mitigation) -> bool:
    return type(part).protect is not Mitigation.protect


def _with_backbones(part: Mitigation, backbones: tuple[str, ...]) -> str:
    """The part's spec with these backbones among its settings."""
    named = f"backbones={'+'.join(backbones)}"
    spec = part.spec()
    return f"{spec},{named}" if ":" in spec else f"{spec}:{named}"
