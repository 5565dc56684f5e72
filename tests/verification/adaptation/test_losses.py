"""Losses on stacked cosines, held against pytorch-metric-learning, one training at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pytorch_metric_learning import distances, losses
from torch.nn.functional import normalize

from facebone.verification.adaptation.adapter_settings import MARGINS, AdapterSettings
from facebone.verification.adaptation.losses import LOSSES, Batch, make_loss

PEOPLE, WIDTH, SCALE = 7, 5, 11.0
TO_CENTRES = [name for name, kind in LOSSES.items() if kind.to_centres]
WITHIN = [name for name, kind in LOSSES.items() if not kind.to_centres]


def theirs(name, margin):
    """The library's loss of this name."""
    cosine = distances.CosineSimilarity()
    makers = {
        "cosface": lambda: losses.CosFaceLoss(PEOPLE, WIDTH, margin=margin, scale=SCALE),
        "arcface": lambda: losses.ArcFaceLoss(
            PEOPLE, WIDTH, margin=math.degrees(margin), scale=SCALE
        ),
        "softmax": lambda: losses.NormalizedSoftmaxLoss(PEOPLE, WIDTH, temperature=1 / SCALE),
        "triplet": lambda: losses.TripletMarginLoss(margin=margin, distance=cosine),
        "contrastive": lambda: losses.ContrastiveLoss(
            pos_margin=1, neg_margin=margin, distance=cosine
        ),
    }
    return makers[name]()


def ours(name, margin=None):
    scale = {} if name in WITHIN else {"scale": SCALE}
    return make_loss(AdapterSettings(loss=name, margin=margin, **scale))


def drawn(rows, seed, people=PEOPLE):
    """Templates, centres and people of one training; each of the first few twice."""
    generator = torch.Generator().manual_seed(seed)
    templates = torch.randn(rows, WIDTH, generator=generator, dtype=torch.float64)
    centres = torch.randn(people, WIDTH, generator=generator, dtype=torch.float64)
    person = torch.randint(people, (rows,), generator=generator)
    person[:3] = person[3:6]
    return templates, centres, person


def by_library(name, margin, templates, centres, person):
    """Loss, and gradients by the templates and, where there are any, by the centres."""
    loss = theirs(name, margin)
    learnt = [templates.clone().requires_grad_()]
    if name in TO_CENTRES:
        # They are columns for some of the library's losses, and always for those with a margin.
        loss.W.data = centres.t().clone()
        learnt.append(loss.W)
    value = loss(learnt[0], person)
    return value.item(), torch.autograd.grad(value, learnt)


def by_ours(name, margin, cases, rows, people=PEOPLE):
    """The same of several trainings in one stack, whose batches are filled up to `rows`."""
    count = len(cases)
    templates = torch.zeros(count, rows, WIDTH, dtype=torch.float64)
    centres = torch.zeros(count, people, WIDTH, dtype=torch.float64)
    person = torch.zeros(count, rows, dtype=torch.int64)
    weight = torch.zeros(count, rows, dtype=torch.float64)
    absent = torch.zeros(count, 1, people, dtype=torch.float64)
    for k, (z, c, who) in enumerate(cases):
        templates[k, : len(z)], person[k, : len(z)], weight[k, : len(z)] = z, who, 1 / len(z)
        centres[k, : len(c)], absent[k, 0, len(c) :] = c, -math.inf
    templates.requires_grad_()
    centres.requires_grad_()
    others = centres if name in TO_CENTRES else templates
    cosine = normalize(templates, dim=2) @ normalize(others, dim=2).mT
    slope = torch.full_like(cosine, math.nan)
    found = ours(name, margin).slope(cosine.detach(), Batch(person, weight, absent), slope)
    learnt = [templates, centres] if name in TO_CENTRES else [templates]
    gradients = torch.autograd.grad(cosine, learnt, slope)
    if name in TO_CENTRES:
        assert (slope[absent.expand_as(slope) < 0] == 0).all()
    assert (slope[weight == 0] == 0).all()
    return found, gradients


@pytest.mark.parametrize(
    ("name", "margin"),
    [
        *((name, None) for name in LOSSES),
        *((name, margin) for name in ("cosface", "arcface", "triplet") for margin in (0.1, 1.2)),
        *(("contrastive", margin) for margin in (0.0, 0.9)),
    ],
)
def test_one_training_is_the_library(name, margin):
    case = drawn(12, seed=1)
    found, gradients = by_ours(name, margin, [case], rows=12)
    value, wanted = by_library(name, MARGINS[name] if margin is None else margin, *case)
    assert value > 0.01
    np.testing.assert_allclose(found.item(), value, rtol=1e-6)
    for one, other, turned in zip(gradients, wanted, (False, True), strict=False):
        expected = other.t() if turned and other.shape[0] == WIDTH else other
        np.testing.assert_allclose(one[0], expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_each_of_a_stack_is_the_library_whatever_stands_beside_it(name):
    """Batches that are not full, and trainings of which one has fewer people."""
    cases = [drawn(rows, seed=rows) for rows in (12, 9, 7)]
    found, gradients = by_ours(name, None, cases, rows=14, people=PEOPLE + 3)
    for k, case in enumerate(cases):
        value, wanted = by_library(name, MARGINS[name], *case)
        np.testing.assert_allclose(found[k].item(), value, rtol=1e-6)
        rows = len(case[0])
        np.testing.assert_allclose(gradients[0][k, :rows], wanted[0], rtol=1e-5, atol=1e-8)
        assert (gradients[0][k, rows:] == 0).all()
        if name in TO_CENTRES:
            expected = wanted[1].t() if wanted[1].shape[0] == WIDTH else wanted[1]
            np.testing.assert_allclose(gradients[1][k, :PEOPLE], expected, rtol=1e-5, atol=1e-8)
            assert (gradients[1][k, PEOPLE:] == 0).all()


def stacked(cosine, person):
    """A batch of one training, full, from its cosines."""
    rows = len(person)
    weight = torch.full((1, rows), 1 / rows)
    return torch.tensor(cosine)[None], Batch(
        torch.tensor(person)[None], weight, torch.zeros(1, 1, len(cosine[0]))
    )


def test_the_angle_of_arcface_stays_monotonous_beyond_half_a_turn():
    """From there on the cosine falls straight, with slope one as the others have."""
    loss = ours("arcface", 0.5)
    margin = 0.5
    own = np.cos(np.linspace(0.05, math.pi - 0.05, 60))
    cosine = [[float(one), 0.0] for one in own]
    found = []
    for row in cosine:
        values, batch = stacked([row], [0])
        out = torch.empty_like(values)
        found.append((loss.slope(values, batch, out).item(), out[0, 0, 0].item()))
    values = np.array(found)
    assert (np.diff(values[:, 0]) > 0).all(), "a wider angle costs more"
    beyond = own < math.cos(math.pi - margin)
    assert beyond.any()
    assert not beyond.all()
    with_margin = np.where(beyond, own - margin * math.sin(margin), np.cos(np.arccos(own) + margin))
    expected = np.logaddexp(0, -SCALE * with_margin)
    np.testing.assert_allclose(values[:, 0], expected, rtol=1e-4, atol=1e-6)
    wrong = np.exp(-expected[beyond]) - 1
    np.testing.assert_allclose(values[beyond, 1], SCALE * wrong, rtol=1e-4)


@pytest.mark.parametrize("name", TO_CENTRES)
def test_a_cosine_of_one_or_a_hopeless_one_has_a_finite_slope(name):
    values, batch = stacked([[1.0, -1.0], [-1.0, 1.0]], [0, 0])
    out = torch.empty_like(values)
    assert torch.isfinite(
        make_loss(AdapterSettings(loss=name, scale=200)).slope(values, batch, out)
    ).all()
    assert torch.isfinite(out).all()
    assert out[0, 1, 0] < 0 < out[0, 1, 1]


@pytest.mark.parametrize("name", WITHIN)
def test_a_batch_without_pairs_costs_nothing(name):
    """One picture of each person at a right angle to the others: nothing to pull or to push."""
    values, batch = stacked(np.eye(3, dtype=np.float32).tolist(), [0, 1, 2])
    out = torch.full_like(values, math.nan)
    assert ours(name).slope(values, batch, out).item() == 0
    assert (out == 0).all()


def test_a_picture_is_no_pair_with_itself():
    """Its cosine of one is neither a person recognised nor two people mixed up."""
    values, batch = stacked([[1.0, 0.9], [0.9, 1.0]], [0, 1])
    out = torch.empty_like(values)
    assert ours("contrastive").slope(values, batch, out).item() == pytest.approx(0.4)
    assert (out.diagonal(dim1=1, dim2=2) == 0).all()
