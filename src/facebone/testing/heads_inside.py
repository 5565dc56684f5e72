"""What heads that learn show of themselves: answers through each backbone, and what is inside."""

from __future__ import annotations

import numpy as np

from facebone.errors import UsageError
from facebone.testing.contract import Contract, expect, refused
from facebone.testing.heads_world import HeadSubject, nobody, pairs_of_people
from facebone.verification.heads import LearningHead


def fitted(subject: HeadSubject) -> LearningHead | None:
    """The head, fitted; None where it learns nothing."""
    head = subject.unfitted()
    if not isinstance(head, LearningHead):
        return None
    head.fit(*pairs_of_people(), seed=0)
    return head


def it_answers_by_the_mean_of_its_ways_or_by_one_of_them(subject: HeadSubject) -> None:
    """One way a backbone that alone can answer."""
    head = fitted(subject)
    if head is None:
        return
    pairs, _ = pairs_of_people(seed=1)
    through = head.through(pairs)
    wanted = (400, subject.ways)
    proper = through.shape == wanted and through.dtype == np.float64
    expect(proper, f"through is {through.dtype} {through.shape}")
    answer = head.logit(pairs)
    if subject.averages:
        mean = np.allclose(through.mean(axis=1), answer, rtol=1e-9, atol=1e-12)
        expect(mean, "the answer is not the mean through its backbones")
    else:
        # Products of matrices may round otherwise where other rows stand beside.
        near = np.isclose(through, answer[:, None], rtol=1e-9, atol=1e-12)
        expect(near.any(axis=1).all(), "the answer is none of those through its backbones")
    none = head.through(nobody(pairs))
    expect(none.shape == (0, subject.ways), f"through is {none.shape} of no pairs")


def inside_is_the_loss_of_each_way_and_what_makes_it(subject: HeadSubject) -> None:
    """The surer and right a pair is, the less it would change the head."""
    head = fitted(subject)
    if head is None:
        return
    pairs, same = pairs_of_people(seed=1)
    found = head.inside(pairs, same)
    probability = 1 / (1 + np.exp(-head.through(pairs)))
    right = np.where(same[:, None], probability, 1 - probability)
    loss = -np.log(right).mean(axis=1)
    expect(np.allclose(found.loss, loss, rtol=1e-6, atol=1e-9), "loss is not that of the answers")
    expect((found.gradient_norms > 0).all(), "a gradient is nothing")
    columns, names = found.columns(), found.names()
    what = f"columns are {columns.dtype} {columns.shape} of {len(names)} names"
    expect(columns.shape == (400, len(names)) and columns.dtype == np.float64, what)
    expect(len(set(names)) == len(names), "two columns have one name")
    gradients = found.gradient_norms.sum(axis=1)
    expect(np.corrcoef(found.loss, gradients)[0, 1] > 0.3, "gradients do not follow the loss")


def inside_of_a_few_pairs_or_none(subject: HeadSubject) -> None:
    """As among others."""
    head = fitted(subject)
    if head is None:
        return
    pairs, same = pairs_of_people(seed=1)
    found = head.inside(pairs, same)
    rows = np.flatnonzero(same)[:3]
    few = head.inside(pairs.take(rows), same[rows]).columns()
    alike = np.allclose(few, found.columns()[rows], rtol=1e-6, atol=1e-9)
    expect(alike, "other columns when asked about few")
    nothing = head.inside(nobody(pairs), same[:0])
    expect(nothing.names() == found.names(), "other names of no pairs")
    expect(nothing.columns().shape == (0, len(found.names())), "columns of no pairs")


def inside_checks_what_it_is_given(subject: HeadSubject) -> None:
    """Labels, widths, numbers, and that it is fitted."""
    head = fitted(subject)
    if head is None:
        return
    pairs, same = pairs_of_people(seed=1)
    message = r"labels must be bool of shape \(400,\), got bool"
    with refused(UsageError, message, when="given a label too few"):
        head.inside(pairs, same[1:])
    with refused(UsageError, r"labels must be bool .* got int64", when="given numbers for labels"):
        head.inside(pairs, same.astype(np.int64))
    other = pairs_of_people(widths=(12, 9))[0]
    message = r"fitted to embeddings of width \(12, 8\)"
    with refused(UsageError, message, when="asked through under another backbone"):
        head.through(other)
    with refused(UsageError, message, when="looked into under another backbone"):
        head.inside(other, same)
    with refused(UsageError, "before it is fitted", when="looked into before it is fitted"):
        head.fresh().inside(pairs, same)
    pairs.left[0][3, 1] = np.nan
    with refused(UsageError, "pair 3 are not finite", when="given a number that is none"):
        head.inside(pairs, same)


INSIDE: Contract[HeadSubject] = Contract(
    lambda subject: f"head {subject.name}",
    it_answers_by_the_mean_of_its_ways_or_by_one_of_them,
    inside_is_the_loss_of_each_way_and_what_makes_it,
    inside_of_a_few_pairs_or_none,
    inside_checks_what_it_is_given,
)
"""Of every head that learns, those that defences compose included."""
