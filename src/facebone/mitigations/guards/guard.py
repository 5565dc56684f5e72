"""What a guard is: log odds -> log odds that are shown; and the mitigation that puts it on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError, WeightsError
from facebone.mitigations.base import MITIGATIONS, Mitigation, MitigationSettings
from facebone.mitigations.keys import KEPT
from facebone.settings import parse_settings
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import Head, LearningHead, PeopleHead
from facebone.verification.heads.base import Arrays, Scores

Answering = Callable[[EmbeddedPairs], Scores]
"""Log odds of pairs, as they are without the guard."""


class Guard(ABC):
    """Stands between a head and those who ask it.

    A pair is known to it by what the head compares: the embeddings of both pictures, or their
    templates where the head makes some. It does not hide weights, nor templates that are stored.

    Args:
        settings: of the mitigation that puts it on.
    """

    name: ClassVar[str]
    """That of the mitigation."""
    learns: ClassVar[bool] = False
    """Whether `learn` must come before `show`."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @property
    def keeps_decisions(self) -> bool:
        """Whether shown log odds are at least 0 exactly where those behind it are."""
        return False

    @property
    def share(self) -> float:
        """Part of what there is to train on that it keeps aside for itself."""
        return 0.0

    def learn(
        self, trained: EmbeddedPairs, aside: EmbeddedPairs, answer: Answering, *, seed: int
    ) -> None:
        """Learn from what the head was trained on.

        Args:
            trained: pairs it was trained on.
            aside: pairs it was not; none where `share` is 0.
            answer: the head's log odds.
            seed: of all that is random, and of a key that nobody gave.
        """
        return

    @abstractmethod
    def show(self, log_odds: Scores, pairs: EmbeddedPairs, *, way: int | None = None) -> Scores:
        """What is shown of log odds, (n,) float64 and finite.

        Args:
            log_odds: (n,) finite; n is 1 or more.
            pairs: n pairs they are about.
            way: which of several backbones was made to answer, where the asker chose; a guard that
                draws something then draws anew.
        """

    def reset(self) -> None:
        """Forget what it was asked, where it remembers."""
        return

    def fresh(self) -> Self:
        """Another with the same settings that has learnt nothing."""
        return type(self)(self.settings)

    def own_settings(self, *, public: bool = False) -> dict[str, Any]:
        """Names and plain values of its settings, a public one without what is secret."""
        found = {}
        for field in fields(self.settings):
            value = getattr(self.settings, field.name)
            if field.name != "backbones":
                hidden = public and field.metadata.get("secret") and value is not None
                found[field.name] = KEPT if hidden else value
        return found

    def arrays(self) -> Arrays:
        """What it has learnt."""
        return {}

    def shapes(self, widths: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Names and shapes that `arrays` has.

        Args:
            widths: of the matrices that pairs come as.
        """
        del widths
        return {}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]], widths: tuple[int, ...]) -> None:
        """Take back what `arrays` gave.

        Raises:
            WeightsError: arrays are missing, superfluous, of a wrong shape or not finite.
        """
        where, expected = f"guard {self.name}", self.shapes(widths)
        if set(arrays) != set(expected):
            odd = ", ".join(sorted(set(arrays) ^ set(expected)))
            raise WeightsError(f"arrays missing or too many: {odd}", where=where)
        for name, shape in expected.items():
            if arrays[name].shape != shape:
                raise WeightsError(
                    f"{name} has shape {arrays[name].shape}, needs {shape}", where=where
                )
            if not np.isfinite(arrays[name]).all():
                raise WeightsError(f"{name} is not finite", where=where)
        self._load({name: np.array(array) for name, array in arrays.items()})

    def _load(self, arrays: Arrays) -> None:
        """Take back what `arrays` gave; names, shapes and values are checked."""
        return


class Guarding(Mitigation):
    """A defence of answers: puts a guard on a head, or on an adaptation, that learns."""

    guard_type: ClassVar[type[Guard]]

    @property
    def learns_beside(self) -> bool:
        """See `Mitigation.learns_beside`."""
        return self.guard_type.learns

    def make_guard(self) -> Guard:
        """The guard under these settings, which has learnt nothing yet."""
        # Which backbones are used is no matter of the guard's.
        return self.guard_type(replace(self.settings, backbones=()))

    def guard(self, head: Head) -> Head:
        """The head behind the guard.

        Raises:
            UsageError: it learns nothing, so its answers are a public similarity and no log odds.
        """
        # They are made of guards, so they know this module.
        from facebone.mitigations.guards.head import GuardedHead
        from facebone.mitigations.guards.people_head import GuardedPeopleHead

        if not isinstance(head, LearningHead):
            raise UsageError(
                f"guards what was learnt, and head {head.name} learns nothing",
                where=f"mitigation {self.name}",
                hint="take a head that learns, or leave the guard out",
            )
        kind = GuardedPeopleHead if isinstance(head, PeopleHead) else GuardedHead
        return kind.around(head, self.make_guard())


def make_guard(name: str, settings: Mapping[str, Any]) -> Guard:
    """A guard by the name of its mitigation.

    Raises:
        UnknownNameError: no such mitigation, or no such setting.
        UsageError: a mitigation that is no defence of answers, or a wrong value.
    """
    kind = MITIGATIONS.get(name)
    if not issubclass(kind, Guarding):
        raise UsageError(f"{name} guards no answers", where="guard")
    parsed: MitigationSettings = parse_settings(
        kind.settings_type, settings, owner=f"mitigation {name}"
    )
    return kind(parsed).make_guard()
