"""What an attack's scores say: rates with 95 % intervals from a bootstrap over people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.estimates import Estimate, Figure, Refused
from facebone.verification.intervals import (
    CONFIDENCE,
    People,
    clopper_pearson,
    hull,
    resample_pairs,
)
from facebone.verification.metrics import Floats, Labels, auc, mismatched_needed, tar_at_far

FPRS = (0.01, 0.001)
"""The false positive rates at which the true positive rate is given."""

Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Leak:
    """What an attack finds out about members, each figure with a 95 % interval.

    Args:
        members: scored.
        non_members: scored.
        auc: probability that a member scores above a non-member, ties counting half.
        balanced_accuracy: of the attack's claims: the mean of the share of members that it claims
            and the share of non-members that it does not.
        tpr_at_fpr: false positive rate -> true positive rate.
    """

    members: int
    non_members: int
    auc: Figure
    balanced_accuracy: Figure
    tpr_at_fpr: Mapping[float, Figure]

    @property
    def member_share(self) -> float:
        """What always answering "member" scores."""
        return self.members / (self.members + self.non_members)

    def to_json(self) -> dict[str, Any]:
        """As plain values; rates become keys such as ``"0.01"``."""
        return {
            "members": self.members,
            "non_members": self.non_members,
            "auc": self.auc.to_json(),
            "balanced_accuracy": self.balanced_accuracy.to_json(),
            "tpr_at_fpr": {f"{fpr:g}": tpr.to_json() for fpr, tpr in self.tpr_at_fpr.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Leak:
        """The leak that `to_json` wrote."""
        return cls(
            members=values["members"],
            non_members=values["non_members"],
            auc=figure_from_json(values["auc"]),
            balanced_accuracy=figure_from_json(values["balanced_accuracy"]),
            tpr_at_fpr={
                float(fpr): figure_from_json(tpr) for fpr, tpr in values["tpr_at_fpr"].items()
            },
        )


def figure_from_json(values: Mapping[str, Any]) -> Figure:
    """The figure that ``to_json`` wrote."""
    if "refused" in values:
        return Refused(values["refused"])
    return Estimate(values["value"], values["low"], values["high"])


def measure_leak(
    scores: npt.NDArray[np.floating],
    claims: Labels | None,
    member: Labels,
    same: Labels,
    people: People | None,
    *,
    seed: int,
    replicates: int = 1000,
) -> Leak:
    """Measure how well an attack's scores tell members from non-members.

    The AUC mirrors exactly, its interval included: with swapped labels each is one minus what it
    was. An interval that the bootstrap leaves without width, as it does for perfect or constant
    scores, becomes the exact one of as many trials as the rarer class has pairs.

    The balanced accuracy of claims is the AUC of scores 1 and 0: a claimed member beats a
    non-member that is not claimed, and half of the ties count, so the AUC is
    TPR (1 - FPR) + (TPR FPR + (1 - TPR) (1 - FPR)) / 2 = (TPR + 1 - FPR) / 2. One bootstrap serves
    both.

    A TPR is the largest of any threshold whose FPR is at most the one asked for. Its interval holds
    the bootstrap's, which finds the threshold anew in each resample, and Clopper and Pearson's at
    a fixed threshold. With fewer than 3 / FPR non-members it is refused, see
    `metrics.mismatched_needed`.

    Args:
        scores: (n,) larger for members; infinite ones are allowed, only the order counts.
        claims: (n,) bool, whether the attack says member; None refuses the balanced accuracy.
        member: (n,) bool, the truth.
        same: (n,) bool, whether the pair shows one person, which the bootstrap must know.
        people: who is left and right in each pair; None resamples pairs.
        seed: of the bootstrap.
        replicates: resamples of the bootstrap.

    Raises:
        UsageError: no members or no non-members, scores that are not numbers, columns that do not
            fit each other, or no replicates.
    """
    values = _check(scores, member, same, claims, replicates)
    members, non_members = int(member.sum()), int((~member).sum())
    needed = {fpr: mismatched_needed(fpr) for fpr in FPRS}
    asked = [fpr for fpr in FPRS if non_members >= needed[fpr]]
    found = _resampled(values, claims, member, same, people, asked, seed, replicates)
    tprs: dict[float, Figure] = {
        fpr: Refused(f"TPR at FPR {fpr:g} needs at least {least} non-members, got {non_members}")
        for fpr, least in needed.items()
    }
    for i, fpr in enumerate(asked):
        tprs[fpr] = _tpr(tar_at_far(values, member, fpr), found[2 + i], members)
    fewer = min(members, non_members)
    accuracy: Figure = Refused("the attack gives scores and claims nothing")
    if claims is not None:
        accuracy = _area(auc(claims.astype(np.float64), member), found[1], fewer)
    return Leak(members, non_members, _area(auc(values, member), found[0], fewer), accuracy, tprs)


def measure_auc(
    scores: npt.NDArray[np.floating],
    member: Labels,
    same: Labels,
    people: People | None,
    *,
    seed: int,
    replicates: int = 1000,
) -> Figure:
    """The AUC alone, the same that `measure_leak` gives.

    Raises:
        UsageError: see `measure_leak`.
    """
    values = _check(scores, member, same, None, replicates)
    found = _resampled(values, None, member, same, people, (), seed, replicates)
    fewer = min(int(member.sum()), int((~member).sum()))
    return _area(auc(values, member), found[0], fewer)


def beats(main: Figure, other: Figure) -> bool | None:
    """Whether an attack's AUC is above a half and above the AUC of its control or baseline.

    Above a half: by its interval. Above the other: the interval of the difference, worked out from
    the two intervals, lies above 0; its lower end is the difference less the root of the sum of
    the squared distances from each value to the end that faces the other. This supposes that the
    two vary independently. A baseline on the same candidates varies along with the attack, which
    makes the difference surer than supposed: the answer errs on the side of "no".

    Args:
        main: the attack's AUC, of one seed or pooled.
        other: the AUC of its control or baseline, likewise.

    Returns:
        None where either is refused.

    References:
        G. Y. Zou, A. Donner: Construction of confidence limits about effect measures: a general
        approach. Statistics in Medicine, 2008.
    """
    if isinstance(main, Refused) or isinstance(other, Refused):
        return None
    reach = sqrt((main.value - main.low) ** 2 + (other.high - other.value) ** 2)
    return main.low > 0.5 and main.value - other.value > reach


def _check(
    scores: npt.NDArray[np.floating],
    member: Labels,
    same: Labels,
    claims: Labels | None,
    replicates: int,
) -> Floats:
    """The scores as float64, if they can be measured."""
    values = np.asarray(scores, dtype=np.float64)
    columns = {"member": member, "same": same}
    if claims is not None:
        columns["claims"] = claims
    for name, column in columns.items():
        if values.ndim != 1 or column.shape != values.shape or column.dtype != np.bool_:
            raise UsageError(
                f"must be bool of the shape of the scores, {values.shape}, got {column.dtype} of "
                f"{column.shape}",
                where=name,
            )
    bad = np.isnan(values)
    if bad.any():
        raise UsageError(
            f"{int(bad.sum())} of {len(values)} are not a number, the first in row "
            f"{int(np.argmax(bad))}",
            where="attack scores",
        )
    if member.all() or not member.any():
        raise UsageError(
            f"needs members and non-members, got {int(member.sum())} and {int((~member).sum())}",
            where="membership",
            hint="an attack is measured by how it tells the two apart",
        )
    if replicates < 1:
        raise UsageError(f"must be at least 1, got {replicates}", where="replicates")
    return values


def _resampled(
    scores: Floats,
    claims: Labels | None,
    member: Labels,
    same: Labels,
    people: People | None,
    fprs: Sequence[float],
    seed: int,
    replicates: int,
) -> Floats:
    """AUC, balanced accuracy and TPRs on resamples of people, (2 + f, B); NaN for none.

    Pairs are ranked once; a resample only changes how often each counts, and those counts are
    whole numbers, so that sums and products of them are exact.
    """
    rising = np.argsort(scores, kind="stable")
    ours, theirs = rising[member[rising]], rising[~member[rising]]
    # Non-members below each member, and those below or level with it.
    below = np.searchsorted(scores[theirs], scores[ours], "left")
    level = np.searchsorted(scores[theirs], scores[ours], "right")
    # Members that are not above each non-member.
    under = np.searchsorted(scores[ours], scores[theirs], "right")
    claimed = np.zeros((2, len(scores)))
    if claims is not None:
        claimed[:] = claims & member, claims & ~member
    blocks = []
    rng = make_rng(seed, "leak bootstrap")
    for weights in resample_pairs(same, people=people, rng=rng, replicates=replicates):
        member_weights = weights[ours]
        members = member_weights.sum(axis=0)
        lower = _running(weights[theirs])
        non_members = lower[-1]
        empty = (members == 0) | (non_members == 0)
        twice = np.einsum("ib,ib->b", member_weights, lower[below] + lower[level])
        rows = [_share(twice, members * non_members)]
        right, wrong = claimed @ weights
        twice = members * (non_members - wrong) + right * non_members
        rows.append(_share(twice, members * non_members))
        passed = _running(member_weights) if fprs else lower
        columns = np.arange(weights.shape[1])
        for fpr in fprs:
            # A threshold may leave the non-members above it, from row p on, if they weigh little
            # enough; the one below, p - 1, and all who are not above it must be rejected.
            rate = (non_members - lower) / np.maximum(non_members, 1)
            first = len(lower) - np.sum(rate <= fpr, axis=0)
            rejected = passed[under[np.maximum(first, 1) - 1], columns]
            rows.append((members - rejected) / np.maximum(members, 1))
        block = np.stack(rows)
        block[:, empty] = np.nan
        blocks.append(block)
    return np.concatenate(blocks, axis=1)


def _running(weights: Floats) -> Floats:
    """Sums of the first 0, 1, .. n rows, (n + 1, b)."""
    sums = np.zeros((len(weights) + 1, weights.shape[1]))
    np.cumsum(weights, axis=0, out=sums[1:])
    return sums


def _share(twice_wins: Floats, comparisons: Floats) -> Floats:
    """Wins by comparisons; of the larger side always, so that both labellings round alike."""
    twice_losses = 2 * comparisons - twice_wins
    larger = np.maximum(twice_wins, twice_losses) / np.maximum(2 * comparisons, 1)
    share: Floats = np.where(twice_wins >= twice_losses, larger, 1.0 - larger)
    return share


def _interval(value: float, replicates: Floats) -> Figure:
    """The bootstrap's interval, extended to hold `value` where it does not.

    Its ends are replicates, the k-th from below and the k-th from above: no interpolation, which
    would round differently on the two sides.
    """
    known = np.sort(replicates[~np.isnan(replicates)])
    if 2 * len(known) < len(replicates):
        return Refused(
            f"only {len(known)} of {len(replicates)} resamples hold members and non-members: too "
            "few people or pairs, about ten of each are needed"
        )
    outside = int((1 - CONFIDENCE) / 2 * (len(known) - 1) + 1e-9)
    return hull(value, (float(known[outside]), float(known[-1 - outside])))


def _area(value: float, replicates: Floats, fewer: int) -> Figure:
    """An AUC with its interval, never without width; see `intervals.never_certain`."""
    figure = _interval(value, replicates)
    if isinstance(figure, Refused) or figure.low < figure.high:
        return figure
    exact = clopper_pearson(round(max(value, 1 - value) * fewer), fewer)
    # One minus a number of 0 .. 1 rounds unless the number was made so: now both sides are exact.
    low, high = 1 - (1 - exact.low), 1 - (1 - exact.high)
    if value == 0.5:
        # An odd number of trials has no half: the wider side on both sides.
        low = min(low, 1 - high)
        high = 1 - low
    return hull(value, (low, high) if value >= 0.5 else (1 - high, 1 - low))


def _tpr(value: float, replicates: Floats, members: int) -> Figure:
    figure = _interval(value, replicates)
    if isinstance(figure, Refused):
        return figure
    exact = clopper_pearson(round(value * members), members)
    return hull(value, (figure.low, figure.high), (exact.low, exact.high))
