"""Attributes from the scores beside many pictures, taken together."""

from __future__ import annotations

from dataclasses import dataclass

from facebone.attacks.access import Access
from facebone.attacks.attributes.base import AttributeAttack
from facebone.attacks.attributes.columns import Columns
from facebone.attacks.attributes.evidence import Evidence
from facebone.attacks.attributes.ridge import STRENGTHS, Ridge, fit_ridge
from facebone.attacks.observations import Floats
from facebone.errors import UsageError
from facebone.settings import check_number


@dataclass(frozen=True, slots=True)
class ScoreProbeSettings:
    """Settings of the probe.

    Args:
        strengths: penalties that are tried, see `ridge.STRENGTHS`.

    Raises:
        UsageError: none, or one that is not above 0.
    """

    strengths: tuple[float, ...] = STRENGTHS

    def __post_init__(self) -> None:
        if not self.strengths:
            raise UsageError("needs at least one value", where="strengths")
        for value in self.strengths:
            check_number("strengths", value, low=0, low_open=True)


class ScoreProbe(AttributeAttack):
    """Goal: infer attributes where only scores are shown.

    Access: the score. Knowledge: pictures of other people with their attributes; some to ask
    beside, others to learn from. Success: a weighted sum of the scores beside the attacker's
    pictures grows with the attribute.

    Each cosine with a picture is one coordinate of the template: as many pictures as a template
    has numbers give all of it away, and fewer give as many of its directions. Ridge regression on
    log odds, the penalty chosen on held-out people.

    References:
        Terhoerst, Faehrmann, Damer, Kirchbuchner and Kuijper, "Beyond Identity: What Information
        Is Stored in Biometric Face Templates?", 2020; templates from scores: Mohanty, Sarkar and
        Kasturi, "From Scores to Face Templates: A Model-Based Approach", 2007.
    """

    name = "score_probe"
    summary = "a weighted sum of scores beside known pictures tells an attribute"
    access = Access.SCORE
    knowledge = "Pictures of other people with their attributes, some of them to ask beside."
    settings_type = ScoreProbeSettings
    _usual: Columns
    _ridge: Ridge

    def _fit(self, known: Evidence, values: Floats, gallery: Floats | None, *, seed: int) -> None:
        del gallery
        scores = self._seen(known)
        self._usual = Columns.of(scores)
        self._ridge = fit_ridge(
            self._usual.standard(scores),
            values,
            known.person,
            seed=seed,
            strengths=self.settings.strengths,
        )

    def _infer(self, seen: Evidence) -> Floats:
        return self._ridge.predict(self._usual.standard(self._seen(seen)))
