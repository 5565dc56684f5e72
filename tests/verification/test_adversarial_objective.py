"""Adversarial regularisation against a plain loop of torch modules that shares no code with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from facebone.errors import UsageError
from facebone.seeding import derive_seed
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import make_head
from facebone.verification.heads.mlp_network import Network, start
from facebone.verification.heads.mlp_training import split

SEED = 6
HEAD = {"layers": [6], "batch_norm": [], "batch_size": 16, "learning_rate": 1e-2,
        "validation_share": 0.25}  # fmt: skip


def data(pairs=60, width=5, seed=0):
    rng = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    a = rng.normal(size=(pairs, width))
    b = np.where(same[:, None], a, rng.normal(size=a.shape)) + rng.normal(size=a.shape)
    left, right = (normalise(side.astype(np.float32)) for side in (a, b))
    return EmbeddedPairs((left,), (right,)), same


def modules(network: Network) -> nn.Sequential:
    """The network as torch's own layers."""
    found: list[nn.Module] = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        linear = nn.Linear(*weight.shape)
        linear.weight.data, linear.bias.data = weight.T.clone(), bias.clone()
        found += [linear, nn.ReLU()]
    return nn.Sequential(*found[:-1])


def naive(settings, epochs, *, strength, steps, hidden, rate):
    """Algorithm 1 of the paper, with probabilities and logarithms as it writes them."""
    pairs, same = data()
    head = make_head("mlp", settings)
    kept, aside = split(same, head.settings, seed=SEED)
    rows = torch.from_numpy(pairs.differences())
    truth = torch.from_numpy(same.astype(np.float32))
    network = modules(start(5, (6,), (), initialisation="he",
                            generator=_generator("start")))  # fmt: skip
    draws = _generator("attacker")
    attacker = modules(start(2, (hidden, hidden), (), initialisation="he", generator=draws))
    learner = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.01)
    spy = torch.optim.Adam(attacker.parameters(), lr=rate)

    def member(logits, labels):
        return torch.sigmoid(attacker(torch.stack([logits, 2 * labels - 1], 1))[:, 0])

    orders = _generator("epochs")
    for _ in range(epochs):
        order = torch.randperm(len(kept), generator=orders)
        for batch in order.split(16):
            for _ in range(steps):
                trained = kept[torch.randint(len(kept), (len(batch),), generator=draws)]
                other = aside[torch.randint(len(aside), (len(batch),), generator=draws)]
                asked = [network(rows[places])[:, 0].detach() for places in (trained, other)]
                gain = member(asked[0], truth[trained]).log().mean()
                gain = gain + (1 - member(asked[1], truth[other])).log().mean()
                spy.zero_grad()
                (-gain).backward()
                spy.step()
            places = kept[batch]
            logits = network(rows[places])[:, 0]
            right = torch.where(truth[places] > 0, torch.sigmoid(logits), torch.sigmoid(-logits))
            loss = -right.log().mean() + strength * member(logits, truth[places]).log().mean()
            learner.zero_grad()
            loss.backward()
            learner.step()
    return network


def _generator(purpose):
    return torch.Generator().manual_seed(derive_seed(SEED, "mlp", purpose))


@pytest.mark.parametrize(("strength", "steps"), [(1.0, 1), (0.4, 3), (0.0, 1)])
def test_training_is_the_papers_loop(strength, steps):
    spec = f"adversarial:strength={strength},steps={steps},hidden=8,learning_rate=0.01"
    settings = HEAD | {"epochs": 3, "objective": spec}
    head = make_head("mlp", settings)
    pairs, same = data()
    report = head.fit(pairs, same, seed=SEED)
    wanted = naive(settings, 3, strength=strength, steps=steps, hidden=8, rate=0.01)
    arrays = head.state()[1]
    for i, layer in enumerate(wanted[::2]):
        weight, bias = layer.weight.detach().numpy().T, layer.bias.detach().numpy()
        np.testing.assert_allclose(arrays[f"weight.{i}"], weight, atol=2e-5, rtol=0)
        np.testing.assert_allclose(arrays[f"bias.{i}"], bias, atol=2e-5, rtol=0)
    # A quarter of each kind of 60 pairs; Python rounds halves to even.
    assert (report.pairs, report.held_out) == (44, 16)


def test_what_is_kept_aside_is_not_trained_on():
    """With no weight on the attacker's gain they change nothing; with some they do."""
    pairs, same = data()
    head = make_head("mlp", HEAD | {"objective": "adversarial:strength=0"})
    _, aside = split(same, head.settings, seed=SEED)
    changed = [side[0].copy() for side in (pairs.left, pairs.right)]
    for side in changed:
        side[aside] = side[aside][:, ::-1]
    other = EmbeddedPairs((changed[0],), (changed[1],))

    def weights(strength, given):
        objective = f"adversarial:strength={strength}"
        head = make_head("mlp", HEAD | {"epochs": 5, "objective": objective})
        head.fit(given, same, seed=SEED)
        return head.state()[1]["weight.0"]

    np.testing.assert_array_equal(weights(0, pairs), weights(0, other))
    assert np.abs(weights(1, pairs) - weights(1, other)).max() > 1e-4
    kept = np.setdiff1d(np.arange(60), aside)
    plain = make_head("mlp", HEAD | {"epochs": 5})
    plain.fit(pairs.take(kept), same[kept], seed=SEED)
    np.testing.assert_array_equal(weights(0, pairs), plain.state()[1]["weight.0"])


def test_both_kinds_are_kept_aside_and_the_seed_chooses():
    _, same = data()
    settings = make_head("mlp", HEAD).settings
    kept, aside = split(same, settings, seed=1)
    assert sorted([*kept, *aside]) == list(range(60))
    assert (same[aside].sum(), (~same[aside]).sum()) == (8, 8)
    np.testing.assert_array_equal(aside, split(same, settings, seed=1)[1])
    assert not np.array_equal(aside, split(same, settings, seed=2)[1])


def test_early_stopping_may_look_at_the_same_pairs():
    pairs, same = data()
    head = make_head("mlp", HEAD | {"objective": "adversarial", "patience": 2, "epochs": 5})
    report = head.fit(pairs, same, seed=SEED)
    assert (report.pairs, report.held_out) == (44, 16)
    assert len(report.validation_loss) == report.epochs
    # Pairs that are given are validated on; for the attacker some are kept aside all the same.
    report = head.fresh().fit(pairs, same, seed=SEED, validation=data(seed=1))
    assert (report.pairs, report.held_out) == (44, 16)


def test_too_few_pairs_are_refused():
    pairs, same = data(pairs=2)
    message = "validation_share: too few pairs to keep a share of 0.25 aside for objective adversar"
    with pytest.raises(UsageError, match=message):
        make_head("mlp", HEAD | {"objective": "adversarial"}).fit(pairs, same, seed=0)
    many = make_head("mlp", HEAD | {"objective": "adversarial"})
    with pytest.raises(UsageError, match=message):
        many.fit_many(pairs, same, [np.arange(2)], [0])
