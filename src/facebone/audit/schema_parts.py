"""What every part of audit.json is made of: frozen models, and figures with their intervals."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of audit.json: nothing can be changed, nothing unknown is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Interval(Part):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class Refusal(Part):
    """A figure that the sample is too small to give, or that does not apply."""

    refused: str = Field(description="why, and the size needed where it is a matter of size")


E = Interval | Refusal


class AucOnly(Part):
    """The figure of a control or a blind baseline."""

    auc: E
