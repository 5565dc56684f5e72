"""Mixup: draws, sums by hand, and what a head learns from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from facebone.verification.heads.mlp_mixing import Mixing, mix, mix_stacked


def test_a_mixture_by_hand():
    rows = torch.tensor([[1.0, 0.0], [0.0, 8.0], [4.0, 4.0]])
    found = mix(rows, torch.tensor([2, 0, 1]), 0.75)
    wanted = torch.tensor([[1.75, 1.0], [0.25, 6.0], [3.0, 5.0]])
    torch.testing.assert_close(found, wanted, atol=0, rtol=0)
    labels = mix(torch.tensor([1.0, 0.0, 1.0]), torch.tensor([2, 0, 1]), 0.75)
    torch.testing.assert_close(labels, torch.tensor([1.0, 0.25, 0.75]), atol=0, rtol=0)


@pytest.mark.parametrize("shape", [(), (16,), (7,)])
def test_batches_of_many_networks_are_mixed_as_each_alone(shape):
    count, size = 5, 13
    generator = torch.Generator().manual_seed(0)
    batch = torch.randn(count * size, *shape, generator=generator)
    drawn = [Mixing(0.7, seed=seed).draw(size) for seed in range(count)]
    wanted = [
        mix(part.clone(), partners, share)
        for part, (share, partners) in zip(batch.split(size), drawn, strict=True)
    ]
    mix_stacked(batch, torch.empty_like(batch), drawn)
    assert torch.equal(batch, torch.cat(wanted))


def test_shares_are_of_the_beta_distribution_and_partners_are_a_permutation():
    mixing = Mixing(0.4, seed=3)
    drawn = [mixing.draw(6) for _ in range(2000)]
    shares = [share for share, _ in drawn]
    assert stats.kstest(shares, stats.beta(0.4, 0.4).cdf).pvalue > 0.01
    assert all(sorted(partners.tolist()) == list(range(6)) for _, partners in drawn)
    counts = np.bincount([int(partners[0]) for _, partners in drawn], minlength=6)
    assert stats.chisquare(counts).pvalue > 0.01


def test_a_seed_draws_the_same_and_another_others():
    def draws(seed):
        mixing = Mixing(1.0, seed=seed)
        return [(share, partners.tolist()) for share, partners in map(mixing.draw, (5, 9, 5))]

    assert draws(1) == draws(1)
    assert draws(1) != draws(2)
