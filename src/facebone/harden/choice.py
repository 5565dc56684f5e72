"""Which recipe to recommend, among those that were measured. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facebone.errors import UsageError


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a recipe where one is to be chosen.

    Args:
        name: of it.
        accuracy: on pairs it was not trained on.
        leak: AUC of the strongest attack, 0.5 at least.
        error: standard error of the leak over the models that were attacked.
        front: whether it is on the Pareto front.
    """

    name: str
    accuracy: float
    leak: float
    error: float = 0.0
    front: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """What a recipe must keep of accuracy. Neither given: all that the undefended one has.

    Args:
        min_accuracy: accuracy that it must have.
        max_drop: accuracy that it may have less than the undefended one.

    Raises:
        UsageError: both, or a value out of range.
    """

    min_accuracy: float | None = None
    max_drop: float | None = None

    def __post_init__(self) -> None:
        if self.min_accuracy is not None and self.max_drop is not None:
            raise UsageError("excludes --max-drop", where="--min-accuracy", hint="give one of them")
        if self.min_accuracy is not None and not 0 < self.min_accuracy <= 1:
            raise UsageError(
                f"must be more than 0 and at most 1, got {self.min_accuracy:g}",
                where="--min-accuracy",
            )
        if self.max_drop is not None and not 0 <= self.max_drop < 1:
            raise UsageError(
                f"must be at least 0 and less than 1, got {self.max_drop:g}", where="--max-drop"
            )

    def limit(self, undefended: float) -> float:
        """The least accuracy that will do.

        It is held against the accuracy that was measured, not against an end of its interval: what
        luck adds to it, the confirmation on other people takes away again.

        Args:
            undefended: accuracy of the undefended one.
        """
        if self.min_accuracy is not None:
            return self.min_accuracy
        return undefended - (self.max_drop or 0.0)

    def words(self) -> str:
        """In words, as in "the least leak ..."."""
        if self.min_accuracy is not None:
            return f"with an accuracy of {self.min_accuracy:g} or more"
        if self.max_drop:
            return f"that costs {self.max_drop:g} of accuracy at most"
        return "that costs no accuracy"


def ranked(standings: Sequence[Standing], limit: float) -> list[Standing]:
    """Recipes that reach a limit of accuracy, the one to recommend first.

    Leaks that lie within one standard error of the least cannot be told from it: of these the most
    accurate comes first, then the one that leaks less, then the one that stands first. The others
    follow by the same rule, applied to what is left. No recipe that another beats is ever first.

    Args:
        standings: of the recipes.
        limit: accuracy that they must reach.
    """
    left = [one for one in standings if one.accuracy >= limit]
    found: list[Standing] = []
    while left:
        least = min(left, key=lambda one: (one.leak, -one.accuracy))
        near = [one for one in left if one.leak <= least.leak + least.error]
        first = max(near, key=lambda one: (one.accuracy, -one.leak))
        found.append(first)
        left.remove(first)
    return found


def shortlist(order: Sequence[Standing], every: Sequence[Standing], *, most: int) -> list[Standing]:
    """Who is confirmed: the recommended one, then others of the front, at most so many.

    Args:
        order: those that will do, see `ranked`.
        every: all of them.
        most: how many.
    """
    first = [*order[:1], *(one for one in order[1:] if one.front)]
    others = sorted((one for one in every if one.front), key=lambda one: (-one.accuracy, one.leak))
    named = {one.name: one for one in (*first, *others)}
    return list(named.values())[:most]
