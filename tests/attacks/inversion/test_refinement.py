"""Refinement: pictures come nearer to a template, and stay pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from facebone.attacks.inversion.drawn_templates import DrawnTemplates
from facebone.attacks.inversion.linear_decoder import LinearDecoder
from facebone.attacks.inversion.refinement import (
    Pixels,
    RefinementSettings,
    refine,
    total_variation,
    towards,
)
from facebone.attacks.inversion.tensors import to_tensor
from facebone.errors import UsageError


def look(pictures):
    """Sees the means of sixteen squares, without what they have in common."""
    means = functional.avg_pool2d(pictures, 4).flatten(1)
    return functional.normalize(means - means.mean(dim=1, keepdim=True))


def shown(count=40, seed=0):
    return np.random.default_rng(seed).integers(40, 216, (count, 16, 16, 3)).astype(np.uint8)


def test_pictures_come_nearer_to_their_templates():
    start, wanted = shown(), look(to_tensor(shown(seed=1))).numpy()
    made = refine(
        Pixels(start), towards(wanted), look, RefinementSettings(steps=30, smoothness=0.0), seed=0
    )
    before, after = (
        (look(to_tensor(faces)).numpy() * wanted).sum(axis=1) for faces in (start, made)
    )
    assert (after > before + 0.2).all()
    assert made.dtype == np.uint8
    assert made.shape == start.shape


def test_what_a_decoder_draws_is_moved_by_its_numbers():
    own = shown(count=200, seed=2)
    decoder = LinearDecoder.fit(own, look(to_tensor(own)).numpy(), strength=0.15, gain=1.0)
    first, wanted = (look(to_tensor(shown(seed=seed))).numpy() for seed in (1, 3))
    drawn = DrawnTemplates(decoder, first)

    def made(steps):
        settings = RefinementSettings(steps=steps, smoothness=0.0, loyalty=0.0)
        return refine(drawn, towards(wanted), look, settings, seed=0)

    still, moved = made(0), made(30)
    np.testing.assert_array_equal(still, decoder.decode(first))
    before, after = ((look(to_tensor(one)).numpy() * wanted).sum(axis=1) for one in (still, moved))
    assert (after > before + 0.2).all()
    # The decoder draws faces alike on both sides, wherever its numbers go.
    assert np.abs(moved.astype(int) - moved[:, :, ::-1]).max() <= 1


def test_no_step_leaves_pictures_as_they_are():
    start, wanted = shown(), look(to_tensor(shown(seed=1))).numpy()
    made = refine(Pixels(start), towards(wanted), look, RefinementSettings(steps=0), seed=0)
    np.testing.assert_array_equal(made, start)


def test_smoothness_and_loyalty_do_what_they_say():
    start, wanted = shown(), look(to_tensor(shown(seed=1))).numpy()

    def made(**settings):
        return refine(
            Pixels(start), towards(wanted), look, RefinementSettings(steps=20, **settings), seed=0
        )

    free = made(smoothness=0.0, loyalty=0.0)
    smooth = made(smoothness=100.0, loyalty=0.0)
    loyal = made(smoothness=0.0, loyalty=1000.0)
    assert total_variation(to_tensor(smooth)).mean() < total_variation(to_tensor(free)).mean()
    moved = [np.abs(one.astype(float) - start).mean() for one in (loyal, free)]
    assert moved[0] < moved[1]


def test_the_seed_decides_the_shaking():
    start, wanted = shown(), look(to_tensor(shown(seed=1))).numpy()
    settings = RefinementSettings(steps=3)
    one, again, other = (
        refine(Pixels(start), towards(wanted), look, settings, seed=seed).tobytes()
        for seed in (0, 0, 1)
    )
    assert one == again != other


def test_total_variation_by_hand():
    picture = torch.zeros(1, 3, 2, 2)
    picture[0, :, 1, 1] = 1.0
    # Of two steps down one is 1 high, of two across too.
    assert total_variation(picture).item() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "bad", [{"steps": -1}, {"step": 0.0}, {"smoothness": -1.0}, {"loyalty": float("nan")}]
)
def test_wrong_settings_are_refused(bad):
    with pytest.raises(UsageError, match=next(iter(bad))):
        RefinementSettings(**bad)
