"""The shape of harden.json: pydantic models, written whole and read with checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from facebone.audit.schema import E, UtilityFigures
from facebone.files import new_file

SCHEMA_VERSION = "1.0"
HARDEN_FILE = "harden.json"

TIMES = ("created", "seconds", "search_seconds", "confirmation_seconds")
"""Names of fields, at any depth, that differ between two runs of one hardening."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OverModels(_Part):
    """A figure of the models of a ring."""

    mean: float
    deviation: float = Field(description="of one model; they share their candidates")
    models: int


class AttackFound(_Part):
    """What one attack found in a ring."""

    attack: str
    auc: OverModels
    tpr_at_fpr: dict[str, OverModels] = Field(description="false positive rate -> true one")


class Trial(_Part):
    """One recipe that was measured on the search half."""

    name: str = Field(description="of the target, as `facebone audit --mitigation` takes it")
    number: int = Field(description="in the order of the search")
    mitigation: str
    mitigation_settings: dict[str, Any] = Field(description="those that differ from the defaults")
    description: str = Field(description="what the mitigation does, in one line for people")
    head: str
    head_settings: dict[str, Any]
    backbones: list[str]
    accuracy: OverModels
    accuracy_interval: E = Field(description="95 %, widened to hold the figure of every model")
    leak: float = Field(description="mean AUC of the strongest attack, 0.5 at least")
    leak_interval: E = Field(description="95 % over people, of the strongest attack's AUC")
    strongest: str = Field(description="the attack with the highest mean AUC")
    attacks: list[AttackFound]
    on_front: bool = Field(description="no other is as accurate and leaks less, or the reverse")
    keeps_accuracy: bool = Field(description="whether it reaches the limit of accuracy")
    seconds: float


class RefusedTrial(_Part):
    """What was picked and could not be measured."""

    name: str
    why: str


class Confirmed(_Part):
    """A recipe on the confirmation half, with other seeds, as audit.json has it."""

    name: str
    accuracy: E
    leak: E = Field(description="AUC of the strongest of the search's attacks")
    strongest: str = Field(description="of all attacks")
    strongest_auc: E
    accuracy_agrees: bool | None = Field(
        description="whether it lies in the search's interval; None where it cannot be said"
    )
    leak_agrees: bool | None = Field(description="likewise")
    keeps_accuracy: bool = Field(description="whether it can be recommended")


class HalfFacts(_Part):
    """One half of the data set."""

    people: int
    images: int
    pairs: int = Field(description="candidates; at the level of people, pairs to train on")
    fingerprint: str


class DataFacts(_Part):
    """What was searched and confirmed on."""

    name: str
    people: int
    images: int
    fingerprint: str
    alignment: str
    backbones: list[str]
    search: HalfFacts
    confirmation: HalfFacts
    copies: int = Field(description="pictures left out, because the search half holds a copy")


class RuleFacts(_Part):
    """What the recommended recipe must keep."""

    min_accuracy: float | None
    max_drop: float | None
    words: str
    limit_in_search: float = Field(description="least accuracy there")
    limit_in_confirmation: float | None = Field(description="None where nothing was confirmed")


class VerifierFacts(_Part):
    """The recommended verifier, trained on 60 % of all people."""

    folder: str = Field(description="in the folder of this file")
    threshold: float
    target_far: float
    utility: UtilityFigures = Field(description="on people it has never met")


class Harden(_Part):
    """The whole of harden.json."""

    schema_version: str = SCHEMA_VERSION
    facebone_version: str
    created: str = Field(description="UTC, ISO 8601")
    seed: int
    command: str = Field(description="what to type to search so again")
    environment: dict[str, Any]
    data: DataFacts
    level: str = Field(description="what a member is")
    models: int = Field(description="of a ring, each attacked with the others")
    rule: RuleFacts
    trials: list[Trial]
    refused: list[RefusedTrial]
    chosen: str | None = Field(description="the best of the search; None where none will do")
    recommended: str | None = Field(description="after the confirmation")
    confirmation: list[Confirmed]
    verifier: VerifierFacts | None
    notes: list[str] = Field(description="what a reader must know")
    search_seconds: float
    confirmation_seconds: float


def write_harden(report: Harden, folder: Path) -> Path:
    """Write harden.json into a folder and return its path.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = folder / HARDEN_FILE
    values = report.model_dump(mode="json")
    with new_file(path) as part:
        part.write_text(
            json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8"
        )
    return path
