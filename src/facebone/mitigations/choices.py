"""What a search for good settings may set of a mitigation, and within what range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Learnt = Literal["pairs", "people"]
"""What a head learns from: labelled pairs, or pictures of known people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Conditional:
    """A setting that means something under others alone.

    Args:
        when: name of another setting, and the values of it under which this one is set.
        learnt: what heads learn from with which this one is set; None where that is all one.
    """

    when: tuple[str, tuple[Any, ...]] | None = None
    learnt: Learnt | None = None

    def applies(self, chosen: Mapping[str, Any], learnt: Learnt) -> bool:
        """Whether it is set.

        Args:
            chosen: names and values of the settings that stand before it.
            learnt: what the head learns from.
        """
        if self.learnt is not None and self.learnt != learnt:
            return False
        return self.when is None or chosen.get(self.when[0]) in self.when[1]


@dataclass(frozen=True, slots=True)
class Number(_Conditional):
    """A number in a range.

    Args:
        low: the least.
        high: the most.
        log: whether ratios count, not differences.
        usual: where the default of the setting is None, the number that this stands for.
    """

    low: float
    high: float
    log: bool = False
    usual: float | None = None


@dataclass(frozen=True, slots=True)
class Integer(_Conditional):
    """An integer in a range.

    Args:
        low: the least.
        high: the most.
        log: whether ratios count, not differences.
        usual: where the default of the setting is None, the number that this stands for.
    """

    low: int
    high: int
    log: bool = False
    usual: int | None = None


@dataclass(frozen=True, slots=True)
class Words(_Conditional):
    """One of several plain values.

    Args:
        words: texts, numbers or flags; None leaves the setting at its default. The first is what a
            search begins with.
    """

    words: tuple[str | int | float | bool | None, ...]


Choice = Number | Integer | Words
