"""One attack tried on one target: cross-fitted, beside its control and its blind baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.observations import Floats, Mask, Observations
from facebone.audit.claims import Claims, claim
from facebone.audit.crossfit import AttackFactory, cross_scores
from facebone.audit.score_table import ScoreTable
from facebone.audit.statistics import Leak, beats, measure_auc, measure_leak
from facebone.errors import UsageError
from facebone.seeding import derive_seed, make_rng
from facebone.verification.estimates import Estimate, Figure, Refused
from facebone.verification.intervals import clopper_pearson

LEAST = 20
"""Members, and non-members, without which nothing is tried: a learning attack is fitted to a
quarter of them at times."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What one attack found about one target.

    Args:
        attack_score: (n,) of every row of the table, larger for members; of an attack that learns,
            the share of its half that a candidate's score reaches. NaN for control pairs where the
            control is refused.
        claimed: (n,) bool, whether the attack says member.
        risk: (n,) how probably each is a member, at even odds before; NaN where it is not scored.
        leak: on the candidates.
        control: AUC on the control pairs, whose membership a coin drew.
        baseline: AUC on the candidates, without the target.
        claims: about the candidates.
    """

    attack_score: Floats
    claimed: Mask
    risk: Floats
    leak: Leak
    control: Figure
    baseline: Figure
    claims: Claims

    @property
    def beats_control(self) -> bool | None:
        """Whether the AUC is above the control's; see `statistics.beats`."""
        return beats(self.leak.auc, self.control)

    @property
    def beats_baseline(self) -> bool | None:
        """Whether the AUC is above the baseline's; see `statistics.beats`."""
        return beats(self.leak.auc, self.baseline)

    def to_json(self) -> dict[str, Any]:
        """Everything but the columns, as plain values."""
        return {
            "leak": self.leak.to_json(),
            "control": self.control.to_json(),
            "baseline": self.baseline.to_json(),
            "disclosure": self.claims.disclosure.to_json(),
            "chosen_on": self.claims.chosen_on,
        }


def run_trial(
    attack: AttackFactory,
    table: ScoreTable,
    *,
    seed: int,
    queries: int = 1,
    replicates: int = 1000,
    control: ScoreTable | None = None,
) -> Trial:
    """Try an attack on a target's answers.

    Scores and claims of each candidate come from an attack that never saw it, see `cross_scores`
    and `claim`.

    The control is the same procedure on pairs of people in neither set: an attack, or a protocol,
    that finds members there fits noise. An attack that compares with shadows knows these by what
    they learnt, and no shadow learnt from pairs of control people; its control is a target that was
    trained on them alone, asked about the same candidates. The baseline is the same procedure, with
    the same halves, on answers of a verifier that never learnt.

    Args:
        attack: makes the attack.
        table: the answers.
        seed: of the halves, the fits and the bootstrap.
        queries: answers used of each candidate, the first ones recorded.
        replicates: resamples of the bootstrap.
        control: answers of a target of other people about the same candidates, for an attack that
            needs shadows.

    Raises:
        UsageError: fewer than `LEAST` members or non-members, fewer answers recorded than
            `queries`, or what the attack refuses.
    """
    rows = np.flatnonzero(table.candidates)
    member, short = table.member[rows], _too_few(table.member[rows])
    if short is not None:
        raise UsageError(
            f"a trial needs {short}", where="candidates", hint="audit more pairs or people"
        )
    own_seed = derive_seed(seed, "trial")
    attack_score = np.full(len(table), np.nan)
    risk = np.full(len(table), np.nan)
    claimed = np.zeros(len(table), dtype=np.bool_)

    answers = table.answers.first_queries(queries)
    seen = answers.take(rows)
    attack_score[rows] = scores = cross_scores(attack, seen, member, own_seed)
    claims = claim(attack, seen, member, scores, seed=own_seed)
    claimed[rows], risk[rows] = claims.claimed, claims.risk
    people = _people(table, rows)
    leak = measure_leak(
        scores, claims.claimed, member, seen.same, people, seed=own_seed, replicates=replicates
    )

    baseline = _baseline(attack, table, rows, queries, own_seed, replicates)
    found: Figure
    if attack().needs_shadows:
        found = _control_by_target(attack, control, queries, seed, replicates)
        return Trial(attack_score, claimed, risk, leak, found, baseline, claims)
    rows = np.flatnonzero(table.control)
    drawn, short = table.drawn[rows], _too_few(table.drawn[rows])
    found = Refused(f"a control needs {short} drawn by a coin")
    if short is None:
        own_seed = derive_seed(seed, "control")
        seen = answers.take(rows)
        attack_score[rows] = scores = cross_scores(attack, seen, drawn, own_seed)
        drawn_claims = claim(attack, seen, drawn, scores, seed=own_seed)
        claimed[rows], risk[rows] = drawn_claims.claimed, drawn_claims.risk
        found = measure_auc(
            scores, drawn, seen.same, _people(table, rows), seed=own_seed, replicates=replicates
        )
    return Trial(attack_score, claimed, risk, leak, found, baseline, claims)


def _baseline(
    attack: AttackFactory,
    table: ScoreTable,
    rows: npt.NDArray[np.intp],
    queries: int,
    seed: int,
    replicates: int,
) -> Figure:
    """AUC of the same attack on answers of a verifier that never learnt."""
    if table.blind is None:
        return Refused("the answers of a verifier that never learnt are not known")
    unseen = [channel for channel in attack().channels if channel not in table.blind.channels]
    if unseen:
        return Refused(
            f"a verifier that never learnt has no {unseen[0]} of the target's kind to show; the "
            "control has"
        )
    blind = table.blind.first_queries(min(queries, table.blind.queries)).take(rows)
    member = table.member[rows]
    return _auc(attack, blind, member, _people(table, rows), seed, replicates)


def _control_by_target(
    attack: AttackFactory, control: ScoreTable | None, queries: int, seed: int, replicates: int
) -> Figure:
    """AUC of an attack on a target that was trained on other people."""
    if control is None:
        return Refused("no target of other people was trained")
    rows = np.flatnonzero(control.candidates)
    seen = control.answers.first_queries(min(queries, control.answers.queries)).take(rows)
    member, own_seed = control.member[rows], derive_seed(seed, "control")
    return _auc(attack, seen, member, _people(control, rows), own_seed, replicates)


def _auc(
    attack: AttackFactory,
    seen: Observations,
    member: Mask,
    people: tuple[Any, Any] | None,
    seed: int,
    replicates: int,
) -> Figure:
    scores = cross_scores(attack, seen, member, seed)
    return measure_auc(scores, member, seen.same, people, seed=seed, replicates=replicates)


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceTrial:
    """What an attack seems to find where it is scored on the pairs it was fitted to.

    Args:
        members: fitted and scored.
        non_members: fitted and scored.
        accuracy: share of the pairs whose membership it states rightly, with the exact interval of
            as many independent trials, which they are not.
        control_accuracy: the same where membership is dealt out anew among the same pairs.
        attack_score: (m,) the attack's probability of a member, of each candidate.
    """

    members: int
    non_members: int
    accuracy: Estimate
    control_accuracy: Estimate
    attack_score: Floats

    @property
    def member_share(self) -> float:
        """What always answering "member" scores."""
        return self.members / (self.members + self.non_members)

    def to_json(self) -> dict[str, Any]:
        """Everything but the column, as plain values."""
        return {
            "members": self.members,
            "non_members": self.non_members,
            "member_share": self.member_share,
            "accuracy": self.accuracy.to_json(),
            "control_accuracy": self.control_accuracy.to_json(),
        }


def reference_trial(
    attack: AttackFactory, table: ScoreTable, *, seed: int, queries: int = 1
) -> ReferenceTrial:
    """Fit and score an attack on the same candidates, whatever the share of members.

    The control deals out membership anew, as many members as before, and does the same: what it
    scores above the share of members is what the protocol makes out of nothing.

    Args:
        attack: makes the attack, one that learns and gives probabilities.
        table: the answers; control pairs are left out.
        seed: of the fits and the control.
        queries: answers used of each candidate.

    Raises:
        UsageError: an attack of another kind, members or non-members only, or fewer answers
            recorded than `queries`.
    """
    rows = np.flatnonzero(table.candidates)
    seen, member = table.answers.first_queries(queries).take(rows), table.member[rows]

    def fit_and_score(labels: Mask, purpose: str) -> tuple[Estimate, Floats]:
        made = attack()
        if not made.learns:
            raise UsageError(
                "learns nothing, the prototype's protocol needs an attack that does",
                where=f"attack {made.name}",
                hint="use art_gb",
            )
        made.fit(seen, labels, seed=derive_seed(seed, "reference", purpose))
        probability = made.score(seen)
        if probability.min() < 0 or probability.max() > 1:
            raise UsageError(
                f"scores {probability.min():g} .. {probability.max():g} are no probabilities",
                where=f"attack {made.name}",
                hint="use art_gb",
            )
        right = int(np.sum((probability > 0.5) == labels))
        return clopper_pearson(right, len(labels)), probability

    accuracy, score = fit_and_score(member, "members")
    dealt = make_rng(seed, "reference", "deal").permutation(member)
    control, _ = fit_and_score(dealt, "control")
    members = int(member.sum())
    return ReferenceTrial(members, len(member) - members, accuracy, control, score)


def _too_few(member: Mask) -> str | None:
    """What is needed where members or non-members are too few; None where they are enough."""
    members = int(member.sum())
    if min(members, len(member) - members) >= LEAST:
        return None
    return (
        f"at least {LEAST} members and {LEAST} non-members, got {members} and "
        f"{len(member) - members}"
    )


def _people(table: ScoreTable, rows: npt.NDArray[np.intp]) -> tuple[Any, Any] | None:
    return None if table.people is None else (table.people[0][rows], table.people[1][rows])
