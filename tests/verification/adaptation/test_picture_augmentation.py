"""What training does to pictures: each in a way of its own, and within black and white."""

from __future__ import annotations

import pytest
import torch

from facebone.backbones.base import BackboneSpec
from facebone.verification.adaptation import picture_augmentation
from facebone.verification.adaptation.picture_augmentation import (
    BRIGHTNESS,
    CUT_SHARE,
    Range,
    augment,
    brighten,
    cut_out,
)

SPEC = BackboneSpec(
    "x", "x", "torch", (24, 20), 8, "x", mean=(120.0, 110.0, 100.0), std=(60.0, 64.0, 70.0)
)
TONES = Range.of(SPEC)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 40) -> torch.Tensor:
    """In the units of the network: values of 20 to 200."""
    values = 20 + 180 * torch.rand(count, 3, 24, 20, generator=generator(1))
    mean, std = (torch.tensor(one)[:, None, None] for one in (SPEC.mean, SPEC.std))
    return (values - mean) / std


def test_range_is_what_the_preparation_makes_of_0_and_255() -> None:
    assert TONES.black.flatten().tolist() == pytest.approx([-120 / 60, -110 / 64, -100 / 70])
    assert TONES.white.flatten().tolist() == pytest.approx([135 / 60, 145 / 64, 155 / 70])


def test_none_changes_nothing_and_draws_nothing() -> None:
    drawn, x = generator(), pictures()
    before = drawn.get_state()
    assert augment(x, "none", TONES, drawn) is x
    assert torch.equal(drawn.get_state(), before)


def test_flip_mirrors_about_half_of_the_pictures_and_no_more() -> None:
    x = pictures(200)
    got = augment(x, "flip", TONES, generator())
    mirrored = torch.tensor([torch.equal(a, b.flip(2)) for a, b in zip(got, x, strict=True)])
    kept = torch.tensor([torch.equal(a, b) for a, b in zip(got, x, strict=True)])
    assert torch.equal(mirrored, ~kept)
    assert 70 < mirrored.sum() < 130


@pytest.mark.parametrize("kind", ["flip", "full"])
def test_the_seed_says_what_is_done(kind) -> None:
    x = pictures()
    first, again, other = (augment(x, kind, TONES, generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_full_stays_within_black_and_white_and_changes_every_picture() -> None:
    x = pictures()
    got = augment(x, "full", TONES, generator())
    assert (got >= TONES.black).all()
    assert (got <= TONES.white).all()
    assert ((got - x).abs().amax((1, 2, 3)) > 1e-3).all()
    assert got.shape == x.shape


def test_moving_by_nothing_only_mirrors(monkeypatch) -> None:
    for name in ("SHIFT", "SCALE", "BRIGHTNESS", "CUT_SHARE"):
        monkeypatch.setattr(picture_augmentation, name, 0.0)
    x = pictures()
    got = augment(x, "full", TONES, generator())
    flipped = augment(x, "flip", TONES, generator())
    torch.testing.assert_close(got, flipped, atol=1e-4, rtol=0)


def test_a_shift_is_a_part_of_the_side(monkeypatch) -> None:
    """Of a picture with one bright column, which moves by a tenth of 20 pixels at most."""
    for name in ("SCALE", "BRIGHTNESS", "CUT_SHARE"):
        monkeypatch.setattr(picture_augmentation, name, 0.0)
    monkeypatch.setattr(picture_augmentation, "SHIFT", 0.1)
    x = torch.zeros(300, 3, 24, 20)
    x[..., 9] = x[..., 10] = 1.0  # in the middle, so that a mirror does not move it
    got = augment(x, "full", Range(torch.tensor(-9.0), torch.tensor(9.0)), generator())
    columns = torch.arange(20) + 0.5
    middle = (got[:, 0].sum(1) * columns).sum(1) / got[:, 0].sum((1, 2))
    assert (middle - 10).abs().max() == pytest.approx(2.0, abs=0.1)
    assert (middle - 10).abs().mean() == pytest.approx(1.0, abs=0.15)


def test_light_multiplies_all_values_of_a_picture_by_one_number() -> None:
    x = pictures(400)
    got = brighten(x, TONES, generator())
    before, after = x - TONES.black, got - TONES.black
    inside = got < TONES.white - 1e-4
    gains = torch.where(inside, after / before, torch.nan).flatten(1)
    gain = gains.nanmedian(dim=1).values
    torch.testing.assert_close(
        gains, gain[:, None].expand_as(gains).where(inside.flatten(1), torch.nan), equal_nan=True
    )
    assert gain.std() == pytest.approx(BRIGHTNESS, rel=0.15)
    assert gain.mean() == pytest.approx(1.0, abs=0.03)


def test_patches_are_rectangles_of_the_mean_of_some_pictures() -> None:
    x = pictures(400)
    got = cut_out(x, generator())
    changed = (got != x).any(1)
    hit = changed.flatten(1).any(1)
    assert hit.float().mean() == pytest.approx(CUT_SHARE, abs=0.07)
    for k in torch.nonzero(hit).flatten().tolist():
        rows, columns = changed[k].any(1), changed[k].any(0)
        patch = rows[:, None] & columns[None]
        assert torch.equal(changed[k], patch)
        assert 1 <= rows.sum() <= 0.4 * 24 + 1
        assert 1 <= columns.sum() <= 0.4 * 20 + 1
        torch.testing.assert_close(
            got[k][:, patch], x[k].mean((1, 2))[:, None].expand(3, int(patch.sum()))
        )
