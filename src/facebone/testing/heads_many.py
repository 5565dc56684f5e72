"""Many heads at once, as shadows are trained: each is as alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facebone.errors import UsageError
from facebone.testing.contract import Contract, expect, refused
from facebone.testing.heads_world import HeadSubject, nobody, turned_pairs
from facebone.verification.heads import FitJob, Head, LearningHead, Views, logit_many
from facebone.verification.heads.base import Arrays, Scores

SEEDS = (3, 1, 4, 1, 5)

CLOSE = 1e-4
"""What rounding may change of scores where heads are trained side by side."""


def halves() -> list[np.ndarray]:
    """Parts of the pool of different sizes and orders, one of them twice."""
    rng = np.random.default_rng(9)
    return [rng.permutation(240)[:count] for count in (120, 101, 120, 130, 97)]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What there is to see of a head: its state, and what it answers the first time it is asked."""

    config: dict[str, Any]
    arrays: Arrays
    scores: Scores

    @classmethod
    def of(cls, head: Head) -> Seen:
        """A head that was not asked before: one whose answers are drawn gives others later."""
        config, arrays = head.state()
        return cls(config, arrays, head.score(turned_pairs(seed=1)[0]))


def expect_alike(many: Seen, alone: Seen) -> None:
    """The same head, but for rounding; what its answers are drawn from included."""
    config, arrays = many.config, many.arrays
    wanted_config, wanted = alone.config, alone.arrays
    expect(config == wanted_config, f"{config} beside others, {wanted_config} alone")
    expect(set(arrays) == set(wanted), "other arrays beside others than alone")
    for name, array in arrays.items():
        alike = np.allclose(array, wanted[name], rtol=1e-3, atol=1e-4)
        expect(array.dtype == wanted[name].dtype and alike, f"{name} is another beside others")
    apart = float(np.abs(many.scores - alone.scores).max())
    expect(apart <= CLOSE, f"scores differ by {apart:.2g} beside others")


def each_of_many_is_as_alone(subject: HeadSubject) -> None:
    """Whatever the others learn."""
    unfitted = subject.unfitted()
    pool, same = turned_pairs()
    members = halves()
    heads = unfitted.fit_many(pool, same, members, SEEDS)
    expect(len(heads) == 5, f"made {len(heads)} heads of 5 jobs")
    for head, rows, seed in zip(heads, members, SEEDS, strict=True):
        alone = unfitted.fresh()
        alone.fit(pool.take(rows), same[rows], seed=seed)
        expect_alike(Seen.of(head), Seen.of(alone))
    if unfitted.learns:
        expect(unfitted.dimensions is None, "the head that was asked to make others is fitted")
        scored = turned_pairs(seed=1)[0]
        apart = float(np.abs(heads[1].score(scored) - heads[3].score(scored)).max())
        expect(apart > CLOSE, "heads of other pairs are the same")


def how_many_at_once_has_no_say(subject: HeadSubject) -> None:
    """Two or five; and a stream gives every number once."""
    unfitted = subject.unfitted()
    pool, same = turned_pairs()
    few = unfitted.fit_many(pool, same, halves(), SEEDS, at_once=2)
    many = unfitted.fit_many(pool, same, halves(), SEEDS, at_once=5)
    found = dict(unfitted.stream_many(pool, same, halves(), SEEDS, at_once=2))
    expect(sorted(found) == [0, 1, 2, 3, 4], f"the stream gives numbers {sorted(found)}")
    for number, (one, other) in enumerate(zip(few, many, strict=True)):
        seen = Seen.of(one)
        expect_alike(seen, Seen.of(other))
        expect_alike(Seen.of(found[number]), seen)


def many_are_asked_as_each_is(subject: HeadSubject) -> None:
    """At once, about the same pairs."""
    unfitted = subject.unfitted()
    if not isinstance(unfitted, LearningHead):
        expect(not hasattr(unfitted, "quick_logit"), "learns nothing, and has a quick_logit")
        return
    pool, same = turned_pairs()
    heads = unfitted.fit_many(pool, same, halves()[:2], [0, 1])
    again = unfitted.fit_many(pool, same, halves()[:2], [0, 1])
    asked = turned_pairs(seed=1)[0]
    found = logit_many(heads, asked)
    expect(found.dtype == np.float32, f"logit_many gives {found.dtype}")
    wanted = [head.logit(asked) for head in again]
    expect(np.allclose(found, wanted, atol=CLOSE, rtol=1e-5), "many answer else than each")
    expect(logit_many(heads, nobody(asked)).shape == (2, 0), "two answer about no pairs")
    message = "scores nothing before it is fitted"
    with refused(UsageError, message, when="one of many is not fitted"):
        logit_many([heads[0], unfitted.fresh()], asked)


def expect_bad_jobs_refused(unfitted: Head) -> None:
    """Refuse what cannot be learnt from, before anything is fitted."""
    pool, same = turned_pairs()
    few = np.arange(9)
    wrong: list[tuple[Sequence[Any], Sequence[int], str]] = [
        ([few], [1, 2], "needs one seed a job, got 2 for 1 jobs"),
        ([few, np.arange(4.0)], [1, 2], r"job 1: members must be a row of .* float64"),
        ([np.ones(240, dtype=bool)], [1], "got bool of .*; turn a mask into positions"),
        ([np.arange(8).reshape(2, 4)], [1], r"must be a row of integers, got int64 of \(2, 4\)"),
        ([np.arange(239, 241)], [1], r"job 0: names pairs 239 \.\. 240, the pool has 0 \.\. 239"),
        ([np.arange(-1, 4)], [1], r"names pairs -1 \.\. 3"),
        ([few, few[::2]], [1, 2], "job 1: needs matched and mismatched pairs, got 5 matched of 5"),
        ([np.array([], dtype=np.intp)], [1], "got 0 matched of 0"),
        ([few], [-1], "seed: must be in"),
    ]
    for members, seeds, message in wrong:
        with refused(UsageError, message, when=f"given the jobs {members}"):
            unfitted.stream_many(pool, same, members, seeds)
    with refused(UsageError, "labels must be bool", when="given a label too few"):
        unfitted.fit_many(pool, same[1:], halves(), SEEDS)
    message = "at_once: must be an integer of at least 1, got 0"
    with refused(UsageError, message, when="told to make none at once"):
        unfitted.fit_many(pool, same, halves(), SEEDS, at_once=0)
    expect(unfitted.fit_many(pool, same, [], []) == [], "no job makes a head")
    pool.left[1][7, 0] = np.nan
    message = "the embeddings of pair 7 are not finite"
    with refused(UsageError, message, when="given a number that is none"):
        unfitted.fit_many(pool, same, halves(), SEEDS)


def bad_jobs_are_refused_before_anything_is_fitted(subject: HeadSubject) -> None:
    """And no jobs make no heads."""
    expect_bad_jobs_refused(subject.unfitted())


def takes_views_of_their_own(subject: HeadSubject) -> None:
    """Each job with pairs and a schedule of its own."""
    unfitted = subject.unfitted()
    jobs = []
    for seed, count in enumerate((150, 131)):
        pairs, same = turned_pairs(count, seed=seed)
        schedule = np.random.default_rng(seed).integers(3, size=(2, count))
        jobs.append(FitJob(Views(pairs, schedule), same, seed))
    heads = unfitted.fit_views_many(iter(jobs))
    one = turned_pairs(seed=1)[0].choose([1])
    for head, job in zip(heads, jobs, strict=True):
        alone = unfitted.fresh()
        alone.fit_views(job.views, job.same, seed=job.seed)
        expect(head.dimensions == (10,), f"was fitted to one backbone, says {head.dimensions}")
        alike = np.allclose(head.score(one), alone.score(one), atol=CLOSE)
        expect(alike, "learns else from views beside others")
    expect(unfitted.fit_views_many([]) == [], "no job makes a head")


MANY: Contract[HeadSubject] = Contract(
    lambda subject: f"head {subject.name}",
    each_of_many_is_as_alone,
    how_many_at_once_has_no_say,
    many_are_asked_as_each_is,
)
"""Of every head, those that defences compose included."""

MANY_ALONE: Contract[HeadSubject] = Contract(
    lambda subject: f"head {subject.name}",
    bad_jobs_are_refused_before_anything_is_fitted,
    takes_views_of_their_own,
)
"""Of heads that can be asked for by name; composed ones make their views themselves."""
