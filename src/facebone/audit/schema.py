"""The shape of audit.json: pydantic models, from which the JSON Schema in the docs is made.

The same seed on the same machine gives the same file but for the fields that `TIMES` names.
``python -m facebone.audit.schema > docs/audit.schema.json`` writes the page of the documentation,
and a test compares the two.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Literal

from pydantic import Field

from facebone.audit.schema_goals import AttributeResult, ExtractionResult, LinkageResult
from facebone.audit.schema_parts import AucOnly, E, Interval, Part, Refusal

__all__ = [
    "SCHEMA_VERSION",
    "TIMES",
    "Accuracies",
    "AttackResult",
    "AttributeResult",
    "AucOnly",
    "Audit",
    "BoughtFigures",
    "ClaimFigures",
    "DataFacts",
    "DisclosureFigures",
    "Distances",
    "E",
    "EpsilonFigure",
    "ExtractionResult",
    "GainFigures",
    "Interval",
    "LinkageResult",
    "RecognisedFigures",
    "ReconstructionResult",
    "ReferenceProtocol",
    "ReferenceTarget",
    "Refusal",
    "SeedFigure",
    "SelfTest",
    "ShadowFidelity",
    "TargetResult",
    "UtilityFigures",
    "render_schema",
]

SCHEMA_VERSION = "1.3"

TIMES = ("created", "seconds")
"""Names of fields, at any depth, that differ between two runs of one audit."""


class SeedFigure(Part):
    """One figure of one seed."""

    seed: int
    value: float


class UtilityFigures(Part):
    """How well a target recognises people it was not trained on as pairs: its non-members."""

    accuracy: E
    auc: E
    eer: E
    tar_at_far: dict[str, E] = Field(description="false accept rate -> true accept rate")


class ClaimFigures(Part):
    """What an attacker's claims are worth who says "member" from a threshold on."""

    tpr: E = Field(description="share of members that are claimed")
    fpr: E = Field(description="share of non-members that are claimed")
    precision_at_prior: dict[str, E] = Field(
        description="share of members among candidates -> share of members among the claimed"
    )


class EpsilonFigure(Part):
    """A lower bound on the epsilon of (epsilon, delta)-differential privacy, from claims."""

    lower_bound: float = Field(description="mean over seeds; each seed's holds at the confidence")
    confidence: float
    delta: float
    by_seed: list[SeedFigure]


class DisclosureFigures(Part):
    """Claims at thresholds that were chosen where the attacker knows the members."""

    chosen_on: Literal["shadows", "known half"] = Field(
        description="where thresholds come from: shadows in the target's place, or a known half of "
        "the candidates, which is not scored"
    )
    at_fpr: dict[str, ClaimFigures] = Field(
        description="false positive rate that the threshold was chosen for -> what it gives"
    )
    epsilon: EpsilonFigure


class AttackResult(Part):
    """What one attack found about one target."""

    name: str
    summary: str
    goal: str
    access: str
    level: Literal["pair", "image", "identity"]
    knowledge: str
    adaptive: bool = Field(description="whether it makes use of knowing the mitigation")
    ask: str = Field(description="how it asks: once, or another way that docs/attacks.md tells")
    probes: int | None = Field(
        description="pictures of a person, or partners of a picture, that are used at most"
    )
    queries: int = Field(description="answers asked of the target for each candidate")
    members: int = Field(description="members scored, in one seed")
    non_members: int = Field(description="non-members scored, in one seed")
    member_share: float = Field(description="what always answering 'member' would score")
    auc: E
    balanced_accuracy: E
    tpr_at_fpr: dict[str, E] = Field(description="false positive rate -> true positive rate")
    control: AucOnly = Field(
        description="the same attack on people in neither set, their membership drawn by a coin"
    )
    baseline: AucOnly = Field(description="the same attack without the target")
    beats_control: bool | None = Field(description="None where there is no control")
    beats_baseline: bool | None = Field(description="None where there is no baseline")
    auc_by_seed: list[SeedFigure]
    disclosure: DisclosureFigures | None = Field(
        description="None where too few candidates are known to choose a threshold on"
    )
    seconds: float


class Accuracies(Part):
    """Accuracy at a probability of a half."""

    on_members: float
    on_others: float


class Distances(Part):
    """Largest difference of two distribution functions, 0 .. 1, by Kolmogorov and Smirnov."""

    on_members: float
    on_others: float


class ShadowFidelity(Part):
    """Whether the shadows that attackers trained are like the target, mean over the seeds."""

    count: int
    target: Accuracies
    shadows: Accuracies
    deviation: Accuracies = Field(description="of the shadows, one standard deviation")
    distance: Distances = Field(description="of the target's margins from the shadows'")
    usual_distance: Distances = Field(
        description="of each shadow's margins from the others', and what chance adds to it"
    )
    alike: bool = Field(description="whether the target lies among its shadows in every seed")


class GainFigures(Part):
    """Accuracy of two verifiers on the same pairs, each at thresholds set on other folds."""

    before: E = Field(description="of the unadapted verifier")
    after: E = Field(description="of the target")
    change: E = Field(description="after less before")
    pairs: int = Field(description="matched and mismatched, in one seed")


class BoughtFigures(Part):
    """What training bought, beside the verifier that has learnt from nobody here."""

    unadapted: str = Field(description="that verifier: the mean cosine of the target's backbones")
    members: GainFigures = Field(
        description="on what was trained on; at the level identity on other pictures of them"
    )
    strangers: GainFigures = Field(description="on pairs, pictures or people not trained on")
    shifts: dict[str, GainFigures] = Field(
        description="shifted domain -> on the pictures of the same strangers in it"
    )


class RecognisedFigures(Part):
    """Whether a recogniser takes reconstructions for the people they were made of."""

    recogniser: str
    threshold: float | None = Field(description="cosine from which it says same person")
    far: float = Field(description="false accept rate on pairs of strangers at that threshold")
    type_i: E = Field(description="share taken for the very picture that is enrolled")
    type_ii: E = Field(description="share taken for another picture of the person")
    control: E = Field(description="share taken for a control person: what any face gets")
    genuine: E = Field(description="share of real pictures taken for another of the person")


class ReconstructionResult(Part):
    """What one attack rebuilt from what leaks of one target."""

    name: str
    summary: str
    goal: str
    access: str
    knowledge: str
    people: int = Field(description="attacked, one enrolled picture each")
    control_people: int
    own_faces: int = Field(description="pictures of others that the attacker learnt from")
    queries: float | None = Field(
        default=None,
        description="questions or gradients asked about a person, the mean; null where none are",
    )
    attacked: RecognisedFigures = Field(description="as the target's backbones see it")
    judge: RecognisedFigures = Field(description="as a recogniser sees it that no attack used")
    ssim: E = Field(description="mean structural similarity to the picture, 1 for the very picture")
    ssim_control: E = Field(description="the same to another person's picture")
    seconds: float


class TargetResult(Part):
    """One target: how well it works and what it leaks."""

    name: str
    level: Literal["pair", "image", "identity"] = Field(
        description="what a member is: the target was trained on a half of these"
    )
    mitigation: str
    mitigation_settings: dict[str, Any] = Field(description="those that differ from the defaults")
    description: str = Field(description="what the mitigation did, in one line for people")
    backbones: list[str]
    head: str
    head_settings: dict[str, Any]
    utility: UtilityFigures
    accuracy_on_members: E | None = Field(
        description="accuracy on the pairs it was trained on; None where it is not known"
    )
    accuracy_by_seed: list[SeedFigure]
    shadow_fidelity: ShadowFidelity | None = None
    bought: BoughtFigures | None = Field(
        default=None, description="None of a target that was given, or that learns nothing"
    )
    attacks: list[AttackResult]
    strongest: str = Field(description="name of the attack with the highest AUC")
    reconstructions: list[ReconstructionResult] = Field(
        default=[], description="pictures rebuilt from what leaks, where these were asked for"
    )
    extractions: list[ExtractionResult] = Field(
        default=[], description="copies made by asking it, where these were asked for"
    )
    linkages: list[LinkageResult] = Field(
        default=[], description="records linked across databases, where this was asked for"
    )
    attributes: list[AttributeResult] = Field(
        default=[], description="what it tells of people, where this was asked for"
    )
    seconds: float


class SelfTest(Part):
    """A check of the audit itself: a planted leak is found, an absent one is not."""

    name: str
    summary: str
    attack: str
    auc: E
    passed: bool


class ReferenceTarget(Part):
    """One target under the prototype's own protocol."""

    name: str
    mitigation: str
    backbones: list[str]
    head: str
    utility_accuracy: E = Field(description="on the fifth of the pairs it was not trained on")
    attack: str
    attack_accuracy: E = Field(description="on the very pairs the attack was fitted to")
    control_accuracy: E = Field(
        description="the same fit and score on pairs whose membership was drawn by a coin"
    )
    members: int
    non_members: int


class ReferenceProtocol(Part):
    """The prototype's protocol, to be compared with the honest one, not to be believed."""

    alignment: str
    member_share: float = Field(description="what always answering 'member' scores: 0.80")
    why_it_misleads: list[str]
    targets: list[ReferenceTarget]


class DataFacts(Part):
    """What was audited."""

    name: str
    people: int
    images: int
    pairs: int = Field(description="candidates: members and non-members of one seed together")
    fingerprint: str
    alignment: str
    control_people: int = Field(description="people in neither set")
    control_pairs: int
    copies: int = Field(description="pairs left out because another pair shows the same pictures")


class Audit(Part):
    """The whole of audit.json."""

    schema_version: str = SCHEMA_VERSION
    facebone_version: str
    created: str = Field(description="UTC, ISO 8601")
    seed: int
    seeds: list[int] = Field(description="of the repeats, all derived from `seed`")
    command: str = Field(description="what to type to get this file again")
    environment: dict[str, Any]
    data: DataFacts
    targets: list[TargetResult]
    self_tests: list[SelfTest]
    reference_protocol: ReferenceProtocol | None = None
    warnings: list[str] = Field(description="what a reader must know before trusting the figures")


def render_schema() -> str:
    """The JSON Schema of audit.json, for programs that read it without FaceBone."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Audit.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render_schema())
