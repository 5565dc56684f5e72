"""The parts of audit.json about copies, links between databases, and attributes of people."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from facebone.audit.schema_parts import AucOnly, E, Part


class GoalResult(Part):
    """What is told of any attack of these goals.

    The targets attacked are those of the first seed.
    """

    name: str
    summary: str
    goal: str
    access: str
    knowledge: str
    seconds: float


class CopyPoint(Part):
    """A copy after some questions, judged on pairs that the target was not trained on."""

    queries: int = Field(description="answers that it was made of; 0 of the baseline")
    made_of: str = Field(description="what it is, in a few words")
    agreement: E = Field(description="share of pairs about which copy and target decide alike")
    balanced_agreement: E = Field(
        description="mean of that share where the target says yes and where it says no"
    )
    accuracy: E = Field(description="of the copy, mean over matched and mismatched pairs")
    rank_correlation: E = Field(description="of the scores of copy and target (Spearman)")
    foretold: E = Field(
        description="probability that the copy scores an accepted pair above a rejected one"
    )
    gain: E = Field(description="that less the baseline's, on the same resamples")


class ExtractionResult(GoalResult):
    """How well one attack copied one target by asking it."""

    far: float = Field(description="false accept rate at which the target decides")
    pictures: int = Field(description="of the attacker's own, about which they ask")
    people: int = Field(description="whom these show")
    pairs: int = Field(description="that copies are judged on, half of them matched")
    target_accuracy: E | None = Field(description="on these; None where nothing was copied")
    points: list[CopyPoint] = Field(description="copies by rising number of questions")
    control: CopyPoint | None = Field(
        description="copied in the same way from answers dealt out at random"
    )
    baseline: CopyPoint | None = Field(description="what the attacker has without asking")
    refused: str | None = Field(default=None, description="why nothing was copied")


class LinkageResult(GoalResult):
    """How well one attack linked records of one target with those of another database."""

    second: str = Field(description="what the other database was made by")
    people: int = Field(description="in both databases, by different pictures")
    strangers: int = Field(description="names that are held against the records and in none")
    anchors: int = Field(description="the attacker's own people in both databases; 0 for none")
    auc: E = Field(
        description="probability that a pair of one person scores above one of two; of names, that "
        "one in the database scores above one who is not"
    )
    tpr_at_fpr: dict[str, E] = Field(
        description="false positive rate -> share of the pairs of one person found; not of names"
    )
    rank_one: E | None = Field(
        description="share of the first database's records whose best match is right; not of names"
    )
    chance: float | None = Field(description="what guessing a record scores there")
    found: dict[str, E] = Field(
        description="share of strangers taken for a record -> share of names found; of names alone"
    )
    control: AucOnly = Field(description="the same attack where nothing belongs together")
    baseline: AucOnly = Field(description="guessing")


class AttributeFigure(Part):
    """How well one attribute is inferred."""

    name: str
    kind: Literal["binary", "number"]
    unit: Literal["person", "picture"]
    candidates: int
    positive: int = Field(description="how many have it, or more of it than the median person")
    auc: E = Field(description="probability that who has it scores above who does not")
    correlation: E = Field(description="of the ranks of score and attribute; not of yes and no")
    control: AucOnly = Field(description="with attributes shuffled among people")
    chance: float = Field(description="share of shuffles that do as well: a p-value")


class AttributeResult(GoalResult):
    """What one attack inferred of people from what one target stores or says."""

    people: int = Field(description="about whom it is asked; the attacker knows none of them")
    known_people: int = Field(description="whose attributes the attacker knows")
    queries: int = Field(description="pictures beside which each was asked; 0 of templates")
    attributes: list[AttributeFigure]
    auc: E = Field(description="mean over the attributes")
    control: AucOnly = Field(description="the same with attributes shuffled among people")
    baseline: AucOnly = Field(description="always guessing what is most usual")
