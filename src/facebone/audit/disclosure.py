"""What claims at thresholds learnt elsewhere amount to: rates, precision, epsilon. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.audit.calibration import CLAIM_FPRS, Calibration, check_scored
from facebone.audit.epsilon import EpsilonBound, bound_epsilon
from facebone.audit.pooling import pool
from facebone.audit.statistics import figure_from_json
from facebone.errors import UsageError
from facebone.verification.estimates import Estimate, Figure, Refused
from facebone.verification.intervals import CONFIDENCE, clopper_pearson
from facebone.verification.metrics import Labels, mismatched_needed

PRIORS = (0.01, 0.1)
"""Shares of members among those whom an attacker considers, at which the precision is given."""


@dataclass(frozen=True, slots=True)
class ClaimRates:
    """How often the claim "member" at one threshold is made, and how often it is right.

    All is refused where there is no such threshold, the precision where nobody is claimed.

    Args:
        tpr: share of members claimed; exact interval, candidates counted as independent.
        fpr: share of non-members claimed, likewise: what the threshold really lets through.
        precision_at_prior: share of members among all candidates -> among the claimed ones.
    """

    tpr: Figure
    fpr: Figure
    precision_at_prior: Mapping[float, Figure]

    def to_json(self) -> dict[str, Any]:
        """As plain values; priors become keys such as ``"0.01"``."""
        return {
            "tpr": self.tpr.to_json(),
            "fpr": self.fpr.to_json(),
            "precision_at_prior": {
                f"{prior:g}": precision.to_json()
                for prior, precision in self.precision_at_prior.items()
            },
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ClaimRates:
        """The rates that `to_json` wrote."""
        return cls(
            tpr=figure_from_json(values["tpr"]),
            fpr=figure_from_json(values["fpr"]),
            precision_at_prior={
                float(prior): figure_from_json(precision)
                for prior, precision in values["precision_at_prior"].items()
            },
        )


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What an attacker gets to claim about one target's candidates, or about several seeds'.

    Args:
        members: scored, of the seed that has fewest.
        non_members: likewise.
        at_fpr: false positive rate that the threshold was set for -> rates of the claims.
        epsilon_by_seed: the bound that each seed's claims give, one at least.
    """

    members: int
    non_members: int
    at_fpr: Mapping[float, ClaimRates]
    epsilon_by_seed: tuple[EpsilonBound, ...]

    @property
    def epsilon(self) -> float:
        """The mean of the seeds' lower bounds: a summary.

        The bound of each seed holds with its own confidence. Seeds share people and pictures, so
        that their counts must not be added up for a tighter one; and the largest of several would
        be luck.
        """
        return float(np.mean([bound.value for bound in self.epsilon_by_seed]))

    def to_json(self) -> dict[str, Any]:
        """As plain values; rates become keys such as ``"0.01"``."""
        return {
            "members": self.members,
            "non_members": self.non_members,
            "at_fpr": {f"{fpr:g}": rates.to_json() for fpr, rates in self.at_fpr.items()},
            "epsilon": {
                "value": self.epsilon,
                "by_seed": [bound.to_json() for bound in self.epsilon_by_seed],
            },
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Disclosure:
        """The disclosure that `to_json` wrote."""
        return cls(
            members=values["members"],
            non_members=values["non_members"],
            at_fpr={
                float(fpr): ClaimRates.from_json(rates) for fpr, rates in values["at_fpr"].items()
            },
            epsilon_by_seed=tuple(
                EpsilonBound.from_json(bound) for bound in values["epsilon"]["by_seed"]
            ),
        )


def disclose(
    scores: npt.NDArray[np.floating],
    member: Labels,
    calibration: Calibration,
    *,
    delta: float = 0.0,
) -> Disclosure:
    """Claim by what was learnt on other candidates, and compare with the truth.

    Args:
        scores: (n,), on the scale of `calibration`; infinite ones are allowed.
        member: (n,) bool, the truth, of both kinds.
        calibration: learnt from candidates that are not among these.
        delta: of (epsilon, delta)-differential privacy.

    Raises:
        UsageError: see `check_scored`; or `delta` is not in [0, 1).
    """
    values = check_scored(scores, member)
    at_fpr = {}
    for fpr in CLAIM_FPRS:
        if fpr in calibration.thresholds:
            at_fpr[fpr] = claim_rates(values >= calibration.thresholds[fpr], member)
        else:
            at_fpr[fpr] = _no_threshold(fpr, calibration.non_members)
    bound = bound_epsilon(
        values, member, calibration.epsilon_threshold, calibration.epsilon_side, delta=delta
    )
    return Disclosure(int(member.sum()), int((~member).sum()), at_fpr, (bound,))


def _no_threshold(fpr: float, known: int) -> ClaimRates:
    least = mismatched_needed(fpr)
    refused = Refused(
        f"a threshold for FPR {fpr:g} needs at least {least} known non-members, got {known}"
        if known < least
        else f"more than a share of {fpr:g} of the known non-members score infinity"
    )
    return ClaimRates(refused, refused, dict.fromkeys(PRIORS, refused))


def claim_rates(claims: Labels, member: Labels) -> ClaimRates:
    """Rates and precision of claims.

    Args:
        claims: (n,) bool, of whom "member" is claimed.
        member: (n,) bool, the truth, of both kinds.
    """
    ours, theirs = int(np.sum(claims & member)), int(np.sum(claims & ~member))
    members, non_members = int(member.sum()), int((~member).sum())
    # Precision rises with TPR and falls with FPR: it lies between its values at the ends of their
    # intervals. Four ends are used, and each fails with probability (1 - confidence) / 4 at most,
    # so that each end of the precision holds at 97.5 % and the two together at 95 %.
    ends = (1 + CONFIDENCE) / 2
    tpr = clopper_pearson(ours, members, confidence=ends)
    fpr = clopper_pearson(theirs, non_members, confidence=ends)
    precision: dict[float, Figure] = {
        prior: Estimate(
            precision_at(prior, tpr.value, fpr.value),
            precision_at(prior, tpr.low, fpr.high),
            precision_at(prior, tpr.high, fpr.low),
        )
        if claims.any()
        else Refused("claims nobody")
        for prior in PRIORS
    }
    return ClaimRates(
        clopper_pearson(ours, members), clopper_pearson(theirs, non_members), precision
    )


def precision_at(prior: float, tpr: float, fpr: float) -> float:
    """The share of members among the claimed, by Bayes' rule; `tpr` and `fpr` not both 0.

    Args:
        prior: the share of members among all.
        tpr: the share of members that are claimed.
        fpr: the share of non-members that are claimed.
    """
    return prior * tpr / (prior * tpr + (1 - prior) * fpr)


def pool_disclosures(disclosures: Sequence[Disclosure]) -> Disclosure:
    """One disclosure for several seeds: rates as `pooling.pool` does, bounds of epsilon by seed.

    Args:
        disclosures: one a seed, or such pooled ones.

    Returns:
        What any seed refuses, is refused.

    Raises:
        UsageError: no disclosures.
    """
    if not disclosures:
        raise UsageError(
            "needs the disclosures of at least one seed, got none", where="disclosures"
        )
    return Disclosure(
        members=min(part.members for part in disclosures),
        non_members=min(part.non_members for part in disclosures),
        at_fpr={
            fpr: _pool_rates([part.at_fpr[fpr] for part in disclosures])
            for fpr in disclosures[0].at_fpr
        },
        epsilon_by_seed=tuple(bound for part in disclosures for bound in part.epsilon_by_seed),
    )


def _pool_rates(parts: Sequence[ClaimRates]) -> ClaimRates:
    return ClaimRates(
        tpr=pool([part.tpr for part in parts]),
        fpr=pool([part.fpr for part in parts]),
        precision_at_prior={
            prior: pool([part.precision_at_prior[prior] for part in parts])
            for prior in parts[0].precision_at_prior
        },
    )
