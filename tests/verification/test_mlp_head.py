"""The MLP head: its layers against torch's own, and each setting's effect."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import make_head
from facebone.verification.heads.mlp import MLPHead, MLPSettings
from facebone.verification.heads.mlp_network import assemble, forward, start
from facebone.verification.metrics import auc

SMALL = {"layers": [16, 8], "batch_norm": [1], "epochs": 4, "learning_rate": 1e-2}


def data(pairs=200, seed=0, noise=0.5):
    rng = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    a = rng.normal(size=(pairs, 10))
    b = np.where(same[:, None], a, rng.normal(size=(pairs, 10)))
    b = b + noise * rng.normal(size=b.shape)
    left, right = (normalise(matrix.astype(np.float32)) for matrix in (a, b))
    return EmbeddedPairs((left,), (right,)), same


def fit(settings=None, seed=0, given=None, **kwargs):
    head = make_head("mlp", SMALL | (settings or {}))
    pairs, same = given or data()
    return head, head.fit(pairs, same, seed=seed, **kwargs)


def reference_layers(network, layers, normalised):
    """The same layers as torch.nn modules, as the reference builds them."""
    modules = []
    width = network.weights[0].shape[0]
    for i, after in enumerate((*layers, 1)):
        linear = nn.Linear(width, after)
        linear.weight.data = network.weights[i].T.clone()
        linear.bias.data = network.biases[i].clone()
        modules.append(linear)
        if i in normalised:
            modules.append(nn.BatchNorm1d(after))
        if i < len(layers):
            modules.append(nn.ReLU())
        width = after
    return nn.Sequential(*modules)


def test_default_shape_is_the_references():
    assert MLPSettings().layers == (512, 256, 128, 64, 32, 16, 8)
    head = make_head("mlp", {"epochs": 1})
    head.fit(*data(), seed=0)
    _, arrays = head.state()
    widths = [arrays[f"weight.{i}"].shape for i in range(8)]
    assert widths == [
        (10, 512), (512, 256), (256, 128), (128, 64), (64, 32), (32, 16), (16, 8), (8, 1),
    ]  # fmt: skip
    norms = {name.rsplit(".", 1)[0] for name in arrays if name.startswith("norm")}
    assert norms == {"norm.2"}


def test_nothing_defends_it_by_default():
    """It is the target that defences are held against; averaging both orders would be one."""
    settings = MLPSettings()
    assert (settings.symmetric, settings.dropout, settings.patience) == (False, 0.0, None)
    assert (settings.initialisation, settings.batch_norm) == ("he", (2,))


@pytest.mark.parametrize("normalised", [(), (1,), (0, 1)])
def test_forward_and_gradients_are_torchs(normalised):
    """Training and scoring, running moments and gradients, against torch.nn."""
    layers = (6, 5)
    generator = torch.Generator().manual_seed(1)
    network = start(4, layers, normalised, initialisation="uniform", generator=generator)
    modules = reference_layers(network, layers, normalised).train()
    rows = torch.randn(9, 4, generator=generator)
    for tensor in network.learnt():
        tensor.requires_grad_()
    for _ in range(3):
        mine, theirs = forward(network, rows, training=True), modules(rows)[:, 0]
        torch.testing.assert_close(mine, theirs)
    mine.square().sum().backward()
    theirs.square().sum().backward()
    torch.testing.assert_close(network.weights[0].grad, modules[0].weight.grad.T)
    torch.testing.assert_close(forward(network, rows), modules.eval()(rows)[:, 0])


def test_networks_side_by_side_are_each_alone():
    layers, normalised = (6, 5), (1,)
    alone = [
        start(
            4, layers, normalised, initialisation="he",
            generator=torch.Generator().manual_seed(seed),
        )
        for seed in (1, 2, 3)
    ]  # fmt: skip
    rows = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(9))
    tensors = [network.tensors() for network in alone]
    stacked = assemble(
        {name: torch.stack([t[name] for t in tensors]) for name in tensors[0]}, normalised
    )
    for training in (True, False):
        together = forward(stacked, rows, training=training)
        each = [forward(n, r, training=training) for n, r in zip(alone, rows, strict=True)]
        torch.testing.assert_close(together, torch.stack(each))


def test_starts_have_the_spread_they_promise():
    generator = torch.Generator().manual_seed(0)
    uniform = start(400, (300,), (), initialisation="uniform", generator=generator)
    assert float(uniform.weights[0].abs().max()) <= 0.05
    assert float(uniform.weights[0].std()) == pytest.approx(0.05 / 3**0.5, rel=0.02)
    assert 0 < float(uniform.biases[0].abs().max()) <= 0.05
    he = start(400, (300,), (), initialisation="he", generator=generator)
    assert float(he.weights[0].std()) == pytest.approx((2 / 400) ** 0.5, rel=0.02)
    assert not he.biases[0].any()


def test_dropout_zeroes_its_share_and_keeps_the_mean():
    network = start(1, (1000,), (), initialisation="he", generator=torch.Generator().manual_seed(0))
    network.weights[0].fill_(1.0)
    network.weights[1].fill_(1.0)
    rows = torch.ones(200, 1)
    generator = torch.Generator().manual_seed(4)
    sums = forward(network, rows, training=True, dropout=0.3, generator=generator)
    # Each of 1000 ones is kept with 0.7 and grows to 1 / 0.7.
    assert float(sums.mean()) == pytest.approx(1000, rel=0.01)
    assert float(sums.std()) == pytest.approx((1000 * 0.3 / 0.7) ** 0.5, rel=0.2)
    assert (forward(network, rows, dropout=0.3) == 1000).all()


def test_signed_difference_depends_on_the_order_of_a_pair():
    head, _ = fit({"symmetric": False})
    pairs, _ = data(seed=1)
    turned = pairs.turned()
    assert np.abs(head.score(pairs) - head.score(turned)).max() > 0.01
    even, _ = fit({"symmetric": True})
    np.testing.assert_array_equal(even.score(pairs), even.score(turned))
    # The same training; only the scoring differs.
    np.testing.assert_allclose(even.logit(pairs), (head.logit(pairs) + head.logit(turned)) / 2)


def test_loss_is_measured_with_one_sigmoid():
    """The first epoch of a single batch reports the loss of the start, computed by hand."""
    head, report = fit({"batch_norm": [], "epochs": 1, "batch_size": 200, "learning_rate": 1e-9})
    pairs, same = data()
    logit = make_head("mlp", SMALL | {"batch_norm": [], "symmetric": False})
    logit._network, logit.dimensions = head._network, head.dimensions
    by_hand = np.logaddexp(0, np.where(same, -1, 1) * logit.logit(pairs)).mean()
    assert report.train_loss[0] == pytest.approx(by_hand, abs=1e-5)


def test_training_lowers_the_loss_and_reports_each_epoch():
    _, report = fit({"epochs": 20})
    assert (report.pairs, report.epochs, report.best_epoch, report.held_out) == (200, 20, 20, 0)
    assert len(report.train_loss) == 20
    assert report.train_loss[-1] < 0.5 * report.train_loss[0]
    assert report.validation_loss == ()


def test_early_stopping_keeps_the_best_epoch():
    """Labels that are noise: the validation loss soon rises, and the best epoch is restored."""
    rng = np.random.default_rng(0)
    pairs, _ = data()
    labels = rng.random(200) < 0.5
    others = data(seed=1)[0], rng.random(200) < 0.5
    settings = {"patience": 3, "epochs": 60, "symmetric": False}
    head, report = fit(settings, given=(pairs, labels), validation=others)
    assert report.epochs == report.best_epoch + 3 < 60
    assert min(report.validation_loss) == report.validation_loss[report.best_epoch - 1]
    logit = head.logit(others[0])
    kept = np.logaddexp(0, np.where(others[1], -1, 1) * logit).mean()
    assert kept == pytest.approx(min(report.validation_loss), abs=1e-5)
    # The same epochs without patience are the same head: restoring loses nothing.
    short, _ = fit({"epochs": report.best_epoch, "symmetric": False}, given=(pairs, labels))
    np.testing.assert_array_equal(short.logit(others[0]), logit)


def test_without_validation_pairs_a_share_is_kept_aside():
    _, report = fit({"patience": 2, "validation_share": 0.25})
    assert (report.pairs, report.held_out) == (150, 50)
    assert len(report.validation_loss) == report.epochs
    with pytest.raises(UsageError, match=r"patience: too few pairs to keep a share of 0\.5 aside"):
        fit({"patience": 2, "validation_share": 0.5}, given=data(pairs=2))


def test_validation_pairs_without_patience_are_only_measured():
    with_them, report = fit(validation=data(seed=1))
    without, _ = fit()
    pairs, _ = data(seed=2)
    assert len(report.validation_loss) == 4
    np.testing.assert_array_equal(with_them.score(pairs), without.score(pairs))


@pytest.mark.parametrize(
    "setting",
    [
        {"dropout": 0.4}, {"weight_decay": 5.0}, {"learning_rate": 1e-3}, {"batch_size": 32},
        {"epochs": 5}, {"layers": [16, 9]}, {"batch_norm": []}, {"initialisation": "uniform"},
    ],
)  # fmt: skip
def test_every_setting_of_the_training_counts(setting):
    pairs, _ = data(seed=1)
    changed, _ = fit(setting)
    usual, _ = fit()
    assert np.abs(changed.score(pairs) - usual.score(pairs)).max() > 1e-3


def test_a_last_batch_of_one_pair_is_skipped_by_batch_norm():
    head, report = fit(given=data(pairs=65))
    assert np.isfinite(report.train_loss).all()
    assert np.isfinite(head.score(data()[0])).all()


def test_no_hidden_layer_is_logistic_regression_on_differences():
    head, _ = fit({"layers": [], "batch_norm": []})
    _, arrays = head.state()
    assert {name: a.shape for name, a in arrays.items()} == {"weight.0": (10, 1), "bias.0": (1,)}


def test_dropout_still_learns():
    head, _ = fit({"dropout": 0.2, "epochs": 40, "layers": [64, 32]}, given=data(1000, noise=0.2))
    pairs, same = data(400, seed=1, noise=0.2)
    assert auc(head.score(pairs), same) > 0.9


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"layers": [16, 0]}, "layers: must be an integer of at least 1, got 0"),
        ({"layers": 16}, "layers: must be a list of integers, got 16"),
        ({"layers": [1.5]}, "layers: must be an integer of at least 1, got 1.5"),
        ({"batch_norm": [2]}, "batch_norm: names hidden layer 2, but layers has 2"),
        ({"batch_norm": [-1]}, "batch_norm: must be an integer of at least 0, got -1"),
        ({"batch_norm": [1, 1]}, "batch_norm: names a layer twice"),
        ({"dropout": 1.0}, "dropout: must be a number of at least 0 and less than 1, got 1.0"),
        ({"dropout": float("nan")}, "dropout: must be a number"),
        ({"weight_decay": -0.1}, "weight_decay: must be a number of at least 0, got -0.1"),
        ({"learning_rate": 0}, "learning_rate: must be a number of more than 0, got 0"),
        ({"learning_rate": "fast"}, "learning_rate: must be a number of more than 0, got 'fast'"),
        ({"batch_size": 0}, "batch_size: must be an integer of at least 2, got 0"),
        ({"batch_size": 1}, "batch_size: must be an integer of at least 2, got 1"),
        ({"epochs": 0}, "epochs: must be an integer of at least 1, got 0"),
        ({"patience": 0}, "patience: must be an integer of at least 1, got 0"),
        ({"validation_share": 1}, "validation_share: must be a number of more than 0 and less"),
        ({"initialisation": "zeros"}, "initialisation: must be uniform or he, got 'zeros'"),
        ({"symmetric": "yes"}, "symmetric: must be true or false, got 'yes'"),
    ],
)
def test_bad_settings_are_refused(setting, message):
    with pytest.raises(UsageError, match=message):
        make_head("mlp", SMALL | setting)


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "", "mps"])
def test_unknown_devices_are_refused(device):
    with pytest.raises(UsageError, match="device: must be cpu, cuda or cuda:N"):
        MLPHead(device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_a_missing_device_is_said_so():
    with pytest.raises(UsageError, match="device: no CUDA device is at hand; use cpu"):
        make_head("mlp", device="cuda:0")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")
def test_a_device_trains_the_same_problem_from_the_same_start():
    head = make_head("mlp", SMALL | {"epochs": 20}, device="cuda")
    head.fit(*data(), seed=0)
    assert auc(head.score(data()[0]), data()[1]) > 0.95
