"""DP-SGD through Opacus, against a loop over single pairs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from facebone.mitigations.dp.models import Layers
from facebone.mitigations.dp.training import Course, Draws, train

pytest.importorskip("opacus")

COURSE = Course(
    clip=0.5, noise=0.0, rate=0.3, steps=12, learning_rate=0.05, weight_decay=0.1, dropout=0.0,
    safe_noise=False,
)  # fmt: skip


def material(count=40, widths=(6, 5, 3, 1)):
    generator = torch.Generator().manual_seed(7)
    shapes = list(itertools.pairwise(widths))
    layers = Layers(
        [torch.randn(shape, generator=generator) for shape in shapes],
        [torch.randn(shape[1], generator=generator) for shape in shapes],
    )
    rows = torch.randn((count, widths[0]), generator=generator)
    truth = (torch.rand(count, generator=generator) < 0.5).float()
    return layers, rows, truth


def changed(**settings):
    return Course(**{name: getattr(COURSE, name) for name in COURSE.__slots__} | settings)


def draws(sampling=1, noise=2, dropping=3):
    return Draws.of_seeds(sampling, noise, dropping, device="cpu")


def loop(layers, rows, truth, course, drawn):
    """Pair by pair, by autograd, with AdamW written out."""
    parameters = []
    for weight, bias in zip(layers.weights, layers.biases, strict=True):
        # Opacus knows weights as (out, in), and draws noise for them so.
        parameters += [weight.T.contiguous().clone(), bias.clone()]
    first = [torch.zeros_like(p) for p in parameters]
    second = [torch.zeros_like(p) for p in parameters]
    lengths = []
    for step in range(1, course.steps + 1):
        met = torch.rand(len(rows), generator=drawn.sampling) < course.rate
        total = [torch.zeros_like(p) for p in parameters]
        for row, label in zip(rows[met], truth[met], strict=True):
            learnt = [p.clone().requires_grad_() for p in parameters]
            hidden = row
            for i in range(0, len(learnt), 2):
                hidden = learnt[i] @ hidden + learnt[i + 1]
                hidden = torch.relu(hidden) if i + 2 < len(learnt) else hidden
            loss = binary_cross_entropy_with_logits(hidden.squeeze(), label)
            gradient = torch.autograd.grad(loss, learnt)
            length = torch.sqrt(sum((g**2).sum() for g in gradient))
            lengths.append(float(length))
            for t, g in zip(total, gradient, strict=True):
                t.add_(g, alpha=min(1.0, course.clip / (float(length) + 1e-6)))
        for i, p in enumerate(parameters):
            if course.noise:
                deviation = course.noise * course.clip
                total[i] += torch.normal(0, deviation, p.shape, generator=drawn.noise)
            mean = total[i] / (course.rate * len(rows))
            first[i] = 0.9 * first[i] + 0.1 * mean
            second[i] = 0.999 * second[i] + 0.001 * mean**2
            slope = first[i] / (1 - 0.9**step)
            scale = torch.sqrt(second[i] / (1 - 0.999**step)) + 1e-8
            p.mul_(1 - course.learning_rate * course.weight_decay)
            p.sub_(course.learning_rate * slope / scale)
    return parameters, lengths


def assert_alike(found, parameters, **tolerance):
    for i, (weight, bias) in enumerate(zip(found.weights, found.biases, strict=True)):
        torch.testing.assert_close(weight, parameters[2 * i].T, **tolerance)
        torch.testing.assert_close(bias, parameters[2 * i + 1], **tolerance)


@pytest.mark.parametrize("noise", [0.0, 1.3])
@pytest.mark.parametrize("clip", [0.5, 100.0])
def test_it_is_the_loop_over_pairs(noise, clip):
    layers, rows, truth = material()
    course = changed(noise=noise, clip=clip)
    parameters, lengths = loop(layers, rows, truth, course, draws())
    # Some gradients are cut where that is asked for, and not all.
    assert (max(lengths) > clip) == (clip == 0.5)
    assert min(lengths) < clip
    found = train(layers, rows, truth, course, draws())
    assert_alike(found, parameters, rtol=1e-3, atol=1e-4)


def test_one_layer_alone():
    layers, rows, truth = material(widths=(6, 1))
    course = changed(noise=0.7)
    parameters, _ = loop(layers, rows, truth, course, draws())
    assert_alike(train(layers, rows, truth, course, draws()), parameters, rtol=1e-3, atol=1e-4)


def test_steps_that_meet_nobody_are_steps():
    layers, rows, truth = material()
    course = changed(noise=1.0, rate=1e-3, steps=20)
    drawn = draws()
    met = [(torch.rand(40, generator=drawn.sampling) < 1e-3).sum() for _ in range(20)]
    assert min(met) == 0
    parameters, _ = loop(layers, rows, truth, course, draws())
    assert_alike(train(layers, rows, truth, course, draws()), parameters, rtol=1e-3, atol=1e-4)


def test_each_draw_counts_and_nothing_global_is_drawn():
    layers, rows, truth = material()
    course = changed(noise=1.0, dropout=0.3)
    before = torch.get_rng_state()
    start = [weight.clone() for weight in layers.weights]
    one = train(layers, rows, truth, course, draws())
    for again, alike in (
        (draws(), True),
        (draws(sampling=9), False),
        (draws(noise=9), False),
        (draws(dropping=9), False),
    ):
        other = train(layers, rows, truth, course, again)
        assert torch.equal(one.weights[0], other.weights[0]) == alike
    assert torch.equal(torch.get_rng_state(), before)
    for weight, kept in zip(layers.weights, start, strict=True):
        assert torch.equal(weight, kept)


def test_entropy_is_never_the_same():
    layers, rows, truth = material()
    one, other = (
        train(layers, rows, truth, changed(noise=1.0), Draws.of_entropy(device="cpu"))
        for _ in range(2)
    )
    assert not torch.equal(one.weights[0], other.weights[0])


def test_safe_noise_is_as_large():
    """Noise that withstands attacks on rounding is a sum of four draws, halved."""
    layers = Layers([torch.zeros(500, 1)], [torch.zeros(1)])
    rows, truth = torch.zeros((10, 500)), torch.zeros(10)
    moved = {}
    for safe in (False, True):
        # AdamW's first step goes by the sign; a second one in its direction shows the size.
        course = changed(noise=2.0, steps=2, weight_decay=0.0, safe_noise=safe, rate=0.5)
        moved[safe] = train(layers, rows, truth, course, draws()).weights[0].numpy()
        assert np.abs(moved[safe]).min() > 0
    assert moved[True].std() == pytest.approx(moved[False].std(), rel=0.1)
    assert not np.allclose(moved[True], moved[False])
