"""The settings of FaceBone for an adaptation: how people are split, and who answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import comb
from typing import Any

from facebone.errors import UnknownNameError, UsageError
from facebone.settings import check_integer

_WHERE = "mitigation facebone"

ANSWERS = {
    "unseen": "each pair is answered by those that never saw whom it shows",
    "distilled": "one adapter answers, distilled from those that never saw whom a pair shows",
}
"""Who answers, and in a few words for people."""

MOST_ADAPTATIONS = 64
"""Adaptations that one verifier holds, at most."""


@dataclass(frozen=True, slots=True)
class PeopleSettings:
    """What a verifier of people split over adaptations is made of; defaults are filled in.

    Args:
        head: name of the adaptation.
        head_settings: names and plain values of its settings.
        parts: groups that people are split into at random, 3 or more.
        left_out: groups that each adaptation is trained without, 2 or more, so that of any two
            people there is one that saw neither; fewer than `parts`. There is an adaptation for
            each choice of so many groups.
        splits: how often people are split anew. Each split answers, and the mean is taken: an
            adaptation that saw few people answers less noisily together with others.
        answer: ``unseen`` or ``distilled``, see `people_head`.

    Raises:
        UsageError: numbers that do not fit each other, an adaptation that would keep centres of
            people, or one that cannot be distilled.
    """

    head: str = "adapter"
    head_settings: dict[str, Any] = field(default_factory=dict)
    parts: int = 4
    left_out: int = 2
    splits: int = 2
    answer: str = "unseen"

    def __post_init__(self) -> None:
        if not isinstance(self.head, str) or not isinstance(self.head_settings, dict):
            raise UsageError("needs the name and the settings of an adaptation", where=_WHERE)
        check_integer("parts", self.parts, low=3)
        check_integer("left_out", self.left_out, low=2)
        check_integer("splits", self.splits, low=1)
        if self.left_out >= self.parts:
            raise UsageError(
                f"leaves nobody to learn from: {self.left_out} of {self.parts} groups of people",
                where="left_out",
                hint="leave out fewer than parts",
            )
        if self.adaptations > MOST_ADAPTATIONS:
            raise UsageError(
                f"makes {self.adaptations} adaptations, {MOST_ADAPTATIONS} at most are trained",
                where=_WHERE,
                hint="take fewer parts or splits",
            )
        if self.answer not in ANSWERS:
            raise UnknownNameError("answer of facebone", str(self.answer), tuple(ANSWERS))
        if self.head_settings.get("keep_centres"):
            raise UsageError(
                "keep_centres keeps a centre of everybody who is trained on, so nobody is hidden",
                where=_WHERE,
                hint="leave it out",
            )
        if self.answer == "distilled" and self.head != "adapter":
            raise UsageError(
                f"distils into a network over stored embeddings, which {self.head} is not",
                where="answer",
                hint="take answer=unseen, or the adaptation adapter",
            )

    @property
    def adaptations(self) -> int:
        """How many adaptations are trained."""
        return self.splits * comb(self.parts, self.left_out)

    def describe(self) -> str:
        """All of it in one line for people."""
        again = "" if self.splits == 1 else f", {self.splits} times anew"
        return (
            f"people split into {self.parts} groups{again}; {self.adaptations} adaptations, each "
            f"trained without {self.left_out} of them; {ANSWERS[self.answer]} "
            f"(answer {self.answer})"
        )
