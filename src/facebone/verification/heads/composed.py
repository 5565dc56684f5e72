"""Heads around another head, which learns: what they hand on to it, and how both are saved."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Arrays, Labels, LearningHead, Scores
from facebone.verification.heads.inside import Inside

HEAD = "head."
"""What names of the inner head's arrays begin with."""

Shapes = dict[str, tuple[int, ...]]


class ComposedHead(LearningHead):
    """A head that answers by another, which it holds inside as `_inner`.

    It hands on every question, as `_shown` puts it, and saves the inner head's arrays beside its
    own. A subclass implements `_fit`; what it has of its own it saves by `_own_arrays`,
    `_own_shapes` and `_load_own`.
    """

    inner_prefix: ClassVar[str] = HEAD
    _inner: LearningHead

    @property
    def base_name(self) -> str:
        """Name of the head inside."""
        return self._inner.name

    def _shown(self, pairs: EmbeddedPairs) -> EmbeddedPairs:
        """What the inner head is shown of pairs."""
        return pairs

    def _inner_widths(self) -> tuple[int, ...]:
        """Widths of what the inner head is shown, of a head whose `dimensions` are known."""
        return self.dimensions or ()

    def _logit(self, pairs: EmbeddedPairs) -> Scores:
        return self._inner.logit(self._shown(pairs))

    def _quick_logit(self, pairs: EmbeddedPairs) -> npt.NDArray[np.float32]:
        return self._inner.quick_logit(self._shown(pairs))

    def _inside(self, pairs: EmbeddedPairs, same: Labels) -> Inside:
        return self._inner.inside(self._shown(pairs), same)

    def _arrays(self) -> Arrays:
        inner = {self.inner_prefix + name: array for name, array in self._inner.state()[1].items()}
        return inner | self._own_arrays()

    def _shapes(self) -> Shapes:
        self._inner.dimensions = self._inner_widths()
        inner = {self.inner_prefix + name: shape for name, shape in self._inner._shapes().items()}
        return inner | self._own_shapes()

    def _load(self, arrays: Arrays) -> None:
        self._load_own(arrays)
        self._inner._load(arrays_under(self.inner_prefix, arrays))

    @abstractmethod
    def _own_arrays(self) -> Arrays:
        """What was learnt beside the inner head."""

    @abstractmethod
    def _own_shapes(self) -> Shapes:
        """Names and shapes that `_own_arrays` has under these settings and dimensions."""

    @abstractmethod
    def _load_own(self, arrays: Arrays) -> None:
        """Take back what `_own_arrays` gave."""


def arrays_under(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Arrays:
    """The arrays whose names begin with `prefix`, by the rest of their names."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
