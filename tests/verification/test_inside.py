"""What a head's numbers say of a pair, against autograd pair by pair and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from facebone.errors import UsageError
from facebone.mitigations.base import make_mitigation
from facebone.mitigations.multi_backbone.spaces import meet
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import Inside, head_from_state, make_head, mlp_inside
from facebone.verification.metrics import auc

QUICK = {"layers": [7, 6, 5], "epochs": 4, "learning_rate": 3e-2, "batch_size": 16}
RECIPES = [
    {"batch_norm": []},
    {"batch_norm": [1]},
    {"batch_norm": [0, 2]},
    {"layers": [], "batch_norm": []},
]


def data(pairs=60, widths=(6,), seed=0):
    rng = np.random.default_rng(seed)
    same = rng.random(pairs) < 0.5
    sides = ([], [])
    for width in widths:
        a = rng.normal(size=(pairs, width))
        b = np.where(same[:, None], a, 0) + rng.normal(size=a.shape)
        for side, matrix in zip(sides, (a, b), strict=True):
            side.append(normalise(matrix.astype(np.float32)))
    return EmbeddedPairs(tuple(sides[0]), tuple(sides[1])), same


def fitted(name, settings, widths=(6,), seed=0):
    head = make_head(name, settings)
    head.fit(*data(widths=widths), seed=seed)
    return head


def modules(head):
    """The head's network as torch.nn modules in float64, and for each layer its modules."""
    _, arrays = head.state()
    layers = []
    for i in range(len(head.settings.layers) + 1):
        weight = torch.from_numpy(arrays[f"weight.{i}"]).double()
        parts = [nn.Linear(*weight.shape, dtype=torch.float64)]
        parts[0].weight.data = weight.T.contiguous()
        parts[0].bias.data = torch.from_numpy(arrays[f"bias.{i}"]).double()
        if i in head.settings.batch_norm:
            norm = nn.BatchNorm1d(weight.shape[1], dtype=torch.float64)
            named = {"weight": "scale", "bias": "shift"}
            named |= {"running_mean": "mean", "running_var": "variance"}
            for theirs, ours in named.items():
                array = arrays[f"norm.{i}.{ours}"]
                getattr(norm, theirs).data = torch.from_numpy(array).double()
            parts.append(norm)
        layers.append(nn.Sequential(*parts).eval())
    return layers


def by_autograd(head, pairs, same):
    """Loss, gradient lengths and activity, pair by pair and parameter by parameter."""
    layers = modules(head)
    losses, norms, activity = [], [], []
    for row, label in zip(pairs.differences(), same, strict=True):
        logits, seen = [], []
        for sign in (1, -1) if head.settings.symmetric else (1,):
            hidden = sign * torch.from_numpy(row).double()[None]
            summaries = []
            for layer in layers[:-1]:
                hidden = torch.relu(layer(hidden))
                units = hidden.detach().numpy()[0]
                summaries += [units.mean(), units.std(), (units > 0).mean()]
            logits.append(layers[-1](hidden)[0, 0])
            seen.append(summaries)
        truth = torch.tensor(float(label), dtype=torch.float64)
        loss = nn.functional.binary_cross_entropy_with_logits(torch.stack(logits).mean(), truth)
        losses.append(loss.item())
        learnt = [list(layer.parameters()) for layer in layers]
        slopes = iter(torch.autograd.grad(loss, [tensor for group in learnt for tensor in group]))
        lengths = [
            sum(float(next(slopes).square().sum()) for _ in group) ** 0.5 for group in learnt
        ]
        norms.append(lengths)
        activity.append(np.mean(seen, axis=0))
    return np.array(losses), np.array(norms), np.array(activity)


@pytest.mark.parametrize("widths", [(6,), (5, 3)])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("recipe", RECIPES)
def test_an_mlp_is_what_autograd_finds(recipe, symmetric, widths):
    head = fitted("mlp", QUICK | recipe | {"symmetric": symmetric}, widths)
    pairs, same = data(15, widths, seed=1)
    found = head.inside(pairs, same)
    for mine, theirs in zip(
        (found.loss, found.gradient_norms, found.activity),
        by_autograd(head, pairs, same),
        strict=True,
    ):
        assert mine.dtype == np.float64
        np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-10)
    assert found.gradient_norms.shape == (15, len(head.settings.layers) + 1)


def test_ways_that_cancel_out_leave_no_gradient():
    """With no hidden layer the mean of both orders is the bias alone: weights do not count."""
    head = fitted("mlp", {"layers": [], "batch_norm": [], "epochs": 3, "symmetric": True})
    pairs, same = data(10, seed=1)
    wrong = np.abs(head.score(pairs) - same)
    np.testing.assert_allclose(head.inside(pairs, same).gradient_norms[:, 0], wrong, rtol=1e-12)


def test_blocks_change_nothing(monkeypatch):
    head = fitted("mlp", QUICK | {"batch_norm": [1]})
    pairs, same = data(23, seed=1)
    whole = head.inside(pairs, same).columns()
    monkeypatch.setattr(mlp_inside, "ROWS_AT_ONCE", 5)
    np.testing.assert_allclose(head.inside(pairs, same).columns(), whole, rtol=1e-9, atol=1e-12)


def test_the_order_of_units_does_not_count():
    head = fitted("mlp", QUICK | {"batch_norm": [1]})
    config, arrays = head.state()
    rng = np.random.default_rng(2)
    for i, width in enumerate(head.settings.layers):
        order = rng.permutation(width)
        for name in arrays:
            if name.startswith((f"weight.{i}", f"bias.{i}", f"norm.{i}")):
                arrays[name] = arrays[name][..., order]
        arrays[f"weight.{i + 1}"] = arrays[f"weight.{i + 1}"][order]
    pairs, same = data(20, seed=1)
    np.testing.assert_allclose(
        head_from_state(config, arrays).inside(pairs, same).columns(),
        head.inside(pairs, same).columns(),
        rtol=1e-9,
        atol=1e-12,
    )


@pytest.mark.parametrize("name", ["logistic", "products"])
def test_a_logistic_head_is_what_small_steps_find(name):
    """Central differences of the loss by each coefficient and the intercept."""
    head = fitted(name, {}, (5, 3))
    pairs, same = data(9, (5, 3), seed=1)
    config, arrays = head.state()

    def loss(moved):
        logit = head_from_state(config, arrays | moved).logit(pairs)
        return np.logaddexp(0, np.where(same, -logit, logit))

    slopes = []
    for what in ("coefficients", "intercept"):
        for step in 1e-5 * np.eye(len(arrays[what])):
            up, down = loss({what: arrays[what] + step}), loss({what: arrays[what] - step})
            slopes.append((up - down) / 2e-5)
    found = head.inside(pairs, same)
    np.testing.assert_allclose(found.loss, loss({}), rtol=1e-12)
    np.testing.assert_allclose(
        found.gradient_norms, np.linalg.norm(slopes, axis=0)[:, None], rtol=1e-7
    )
    assert found.activity.shape == (9, 0)


@pytest.mark.parametrize("query", ["mean", "random", "secret"])
@pytest.mark.parametrize("inner", ["mlp", "logistic"])
def test_a_rotated_head_is_the_mean_over_its_backbones_whatever_the_policy(inner, query):
    mitigation = make_mitigation("facebone", {"assignment": "pair", "query": query})
    settings = QUICK | {"batch_norm": [1]} if inner == "mlp" else {}
    head = mitigation.protect(inner, settings, backbones=("one", "two"))
    head.fit(*data(widths=(6, 5)), seed=0)
    pairs, same = data(12, (6, 5), seed=1)
    found = head.inside(pairs, same)
    losses = np.logaddexp(0, np.where(same, -1, 1)[:, None] * head.through(pairs))
    np.testing.assert_allclose(found.loss, losses.mean(axis=1), rtol=1e-9)
    alone = [head._inner.inside(meet(pairs, head._maps, [k]), same) for k in (0, 1)]
    for part in ("gradient_norms", "activity"):
        first, second = (getattr(one, part) for one in alone)
        np.testing.assert_allclose(getattr(found, part), (first + second) / 2, rtol=1e-12)
    again = head_from_state(*head.state()).inside(pairs, same)
    np.testing.assert_array_equal(again.columns(), found.columns())


def test_learning_by_heart_shows_inside():
    """Labels that are noise: what was learnt has small losses and gradients, the rest has not."""
    rng = np.random.default_rng(0)
    pairs, _ = data(200)
    same = rng.random(200) < 0.5
    member = np.arange(200) < 60
    head = make_head(
        "mlp", {"layers": [64, 32], "batch_norm": [], "epochs": 200, "learning_rate": 1e-2}
    )
    head.fit(pairs.take(member), same[member], seed=0)
    found = head.inside(pairs, same)
    columns = dict(zip(found.names(), found.columns().T, strict=True))
    for name, column in columns.items():
        if name == "loss" or name.startswith("log gradient"):
            assert auc(-column, member) > 0.7, name


# ---- the numbers themselves --------------------------------------------------------------------


def test_very_sure_and_very_wrong_pairs_keep_their_precision():
    logit = np.array([60.0, -60.0, 800.0, -800.0])
    same = np.array([True, True, True, True])
    found = Inside.of_logits(logit, same, np.full((4, 1), 3.0), np.empty((4, 0)))
    np.testing.assert_allclose(found.loss, [np.exp(-60), 60.0, 0.0, 800.0], rtol=1e-12)
    np.testing.assert_allclose(found.gradient_norms[:, 0], [3 * np.exp(-60), 3, 0, 3], rtol=1e-12)
    turned = Inside.of_logits(-logit, ~same, np.full((4, 1), 3.0), np.empty((4, 0)))
    np.testing.assert_array_equal(turned.columns(), found.columns())
    assert np.isfinite(found.columns()).all()
    assert found.columns()[2, 1] < -700


def test_columns_and_their_names():
    found = Inside(
        np.array([0.5, 0.25]),
        np.array([[3.0, 4.0], [0.0, 1.0]]),
        np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]),
    )
    assert found.names() == (
        "loss",
        "log gradient",
        "log gradient of layer 0",
        "log gradient of layer 1",
        "activity of layer 0, mean",
        "activity of layer 0, deviation",
        "activity of layer 0, share",
    )
    first = [0.5, np.log(5), np.log(3), np.log(4), 0.1, 0.2, 0.3]
    np.testing.assert_allclose(found.columns()[0], first)
    second = [0.25, 0, np.log(np.finfo(float).tiny), 0, 0.4, 0.5, 0.6]
    np.testing.assert_allclose(found.columns()[1], second)
    assert len(found) == 2


@pytest.mark.parametrize(
    "shapes",
    [
        ((3, 1), (3, 2), (3, 3)),
        ((3,), (2, 2), (3, 3)),
        ((3,), (3, 2), (2, 3)),
        ((3,), (3,), (3, 3)),
        ((3,), (3, 0), (3, 3)),
        ((3,), (3, 2), (3, 4)),
        ((), (), ()),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes):
    with pytest.raises(UsageError, match="inside: loss, gradient norms and activity must be"):
        Inside(*map(np.zeros, shapes))


@pytest.mark.parametrize("which", range(3))
def test_numbers_that_are_not_finite_are_refused(which):
    arrays = [np.zeros(2), np.zeros((2, 1)), np.zeros((2, 3))]
    arrays[which][1] = np.nan
    name = ("loss", "gradient_norms", "activity")[which]
    with pytest.raises(UsageError, match=f"inside: {name} is not finite"):
        Inside(*arrays)
