"""What a guarded head and a guarded adaptation share: the parts, and how they are saved."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError, WeightsError
from facebone.mitigations.guards.guard import Guard, make_guard
from facebone.mitigations.guards.settings import GuardedSettings
from facebone.settings import parse_settings
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import (
    COMPOSED,
    Head,
    Inside,
    LearningHead,
    PeopleHead,
    head_from_state,
    head_kind,
)
from facebone.verification.heads.base import Arrays, Labels, Scores
from facebone.verification.heads.composed import HEAD, arrays_under

GUARD = "guard."
"""What names of the guard's arrays begin with."""

Parts = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""Positions of what the head is trained on, and of what is kept aside for the guard."""


class Guarded(LearningHead):
    """What a guarded head and a guarded adaptation have in common.

    Several guards stand in a row where the head inside is guarded, too.

    Args:
        settings: of guard and head.
        device: of the head.
        inner: the head itself; None makes it from the settings.
        guard: the guard itself; None makes it from the settings.
    """

    settings_type = GuardedSettings
    takes_people: ClassVar[bool]
    """Whether it learns from pictures of known people."""
    _inner: LearningHead

    def __init__(
        self,
        settings: object | None = None,
        *,
        device: str = "cpu",
        inner: LearningHead | None = None,
        guard: Guard | None = None,
    ) -> None:
        super().__init__(settings, device=device)
        chosen: GuardedSettings = self.settings
        self._inner = _unfitted(chosen, device=device) if inner is None else inner
        self._guard = make_guard(chosen.guard, chosen.guard_settings) if guard is None else guard
        if isinstance(self._inner, PeopleHead) is not self.takes_people:
            raise UsageError(
                f"cannot guard head {self._inner.name}",
                where=f"head {self.name}",
                hint=f"that is guarded as {'guarded' if self.takes_people else 'guarded_people'}",
            )
        self.at_once = self._inner.at_once

    @classmethod
    def around(cls, inner: LearningHead, guard: Guard) -> Self:
        """A head behind a guard, both as they are, fitted or not."""
        own = asdict(inner.settings)
        settings = GuardedSettings(guard.name, guard.own_settings(), inner.name, own)
        made = cls(settings, device=inner.device, inner=inner, guard=guard)
        made.dimensions = inner.dimensions
        return made

    @property
    def guards(self) -> tuple[Guard, ...]:
        """All guards, in the order in which answers pass them."""
        behind = self._inner.guards if isinstance(self._inner, Guarded) else ()
        return (*behind, self._guard)

    @property
    def base_name(self) -> str:
        """Name of the head that learns."""
        return self._inner.base_name

    @property
    def bare(self) -> Head:
        """The head inside, without its guards."""
        return self._inner.bare

    @property
    def answers_vary(self) -> bool:
        """Whether those of the head inside do: no guard draws anew when asked again."""
        return self._inner.answers_vary

    @property
    def alternates(self) -> bool:
        """Whether the head inside can be made to answer through each backbone."""
        return self._inner.alternates

    def reseed(self, rng: np.random.Generator) -> None:
        """See `Head.reseed`; a guard that remembers what it was asked forgets it."""
        self._guard.reset()
        self._inner.reseed(rng)

    def fresh(self) -> Self:
        """See `Head.fresh`."""
        return self.around(self._inner.fresh(), self._guard.fresh())

    def _show(self, log_odds: Scores, pairs: EmbeddedPairs, *, way: int | None = None) -> Scores:
        return self._guard.show(log_odds, pairs, way=way) if len(log_odds) else log_odds

    def _inside(self, pairs: EmbeddedPairs, same: Labels) -> Inside:
        # Whoever holds the weights takes the guard off.
        return self._inner.inside(pairs, same)

    @abstractmethod
    def _widths(self) -> tuple[int, ...]:
        """Widths of the matrices in which the guard meets pairs, of a fitted head."""

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """See `Head.state`; secrets are among the arrays alone, not in what people read."""
        config, arrays = super().state()
        config["settings"]["guard_settings"] = self._guard.own_settings(public=True)
        config["settings"]["head_settings"] = self._inner.state()[0]["settings"]
        return config, arrays

    def _arrays(self) -> Arrays:
        arrays = {HEAD + name: array for name, array in self._inner.state()[1].items()}
        return arrays | {GUARD + name: array for name, array in self._guard.arrays().items()}

    @classmethod
    def from_state(
        cls, config: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], **kwargs: Any
    ) -> Self:
        """See `Head.from_state`."""
        where = f"head {cls.name}"
        settings = parse_settings(cls.settings_type, config["settings"], owner=where)
        odd = sorted(name for name in arrays if not name.startswith((HEAD, GUARD)))
        if odd:
            raise WeightsError(f"arrays missing or too many: {', '.join(odd)}", where=where)
        saved = {
            "head": settings.head,
            "settings": settings.head_settings,
            "dimensions": config["dimensions"],
        }
        inner = head_from_state(saved, arrays_under(HEAD, arrays), **kwargs)
        if not isinstance(inner, LearningHead) or inner.dimensions is None:
            raise WeightsError(f"head {inner.name} cannot be behind a guard", where=where)
        guard = make_guard(settings.guard, settings.guard_settings)
        head = cls.around(inner, guard)
        guard.restore(arrays_under(GUARD, arrays), head._widths())
        # The guard has its key back, which the settings must name.
        return cls.around(inner, guard)


def _unfitted(settings: GuardedSettings, *, device: str) -> LearningHead:
    """The head that stands behind a guard.

    Raises:
        UnknownNameError: no such head, or no such setting.
        UsageError: a value is wrong, or the head learns nothing.
    """
    name = settings.head
    kind = COMPOSED.get(name) if name in COMPOSED else head_kind(name)
    own = parse_settings(kind.settings_type, settings.head_settings, owner=f"head {name}")
    head = kind(own, device=device)
    if not isinstance(head, LearningHead):
        raise UsageError("learns nothing that a guard could keep", where=f"head {name}")
    return head
