"""Views: which backbone shows a pair in which epoch, and how heads learn from that."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import Views, make_head

SMALL = {"layers": [16, 8], "batch_norm": [1], "epochs": 6, "learning_rate": 1e-2}


def toy(pairs=200, backbones=3, width=10, seed=0):
    rng = np.random.default_rng(seed)
    same = rng.permutation(pairs) % 2 == 0
    sides = ([], [])
    for _ in range(backbones):
        a = rng.normal(size=(pairs, width))
        b = np.where(same[:, None], a, rng.normal(size=a.shape)) + 0.5 * rng.normal(size=a.shape)
        for side, matrix in zip(sides, (a, b), strict=True):
            side.append(matrix.astype(np.float32))
    return EmbeddedPairs.scale(*sides), same


@given(st.integers(1, 6), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_an_epoch_shows_what_the_schedule_says(epochs, pairs, seed):
    embedded, _ = toy(pairs=pairs, width=3)
    schedule = np.random.default_rng(seed).integers(3, size=(epochs, pairs))
    views = Views(embedded, schedule)
    assert (len(views), views.width) == (pairs, 3)
    for epoch in (0, epochs - 1, epochs, 3 * epochs + 1):
        shown = views.at(epoch)
        for i in range(pairs):
            backbone = schedule[epoch % epochs, i]
            np.testing.assert_array_equal(shown.left[0][i], embedded.left[backbone][i])
            np.testing.assert_array_equal(shown.right[0][i], embedded.right[backbone][i])
            np.testing.assert_array_equal(shown.lengths[i, :, 0], embedded.lengths[i, :, backbone])


@given(st.integers(1, 5), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_distinct_is_the_set_of_all_that_is_shown(epochs, pairs, seed):
    embedded, same = toy(pairs=pairs, width=3)
    schedule = np.random.default_rng(seed).integers(3, size=(epochs, pairs))
    shown, labels = Views(embedded, schedule).distinct(same)
    wanted = sorted({(int(schedule[e, i]), i) for e in range(epochs) for i in range(pairs)})
    assert len(shown) == len(wanted)
    for row, (backbone, i) in enumerate(wanted):
        np.testing.assert_array_equal(shown.left[0][row], embedded.left[backbone][i])
        np.testing.assert_array_equal(shown.right[0][row], embedded.right[backbone][i])
        np.testing.assert_array_equal(shown.lengths[row, :, 0], embedded.lengths[i, :, backbone])
        assert labels[row] == same[i]


@given(st.integers(1, 5), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_places_are_where_distinct_has_what_an_epoch_shows(epochs, pairs, seed):
    embedded, same = toy(pairs=pairs, width=3)
    views = Views(embedded, np.random.default_rng(seed).integers(3, size=(epochs, pairs)))
    shown, labels = views.distinct(same)
    for epoch, places in enumerate(views.places()):
        np.testing.assert_array_equal(shown.left[0][places], views.at(epoch).left[0])
        np.testing.assert_array_equal(shown.right[0][places], views.at(epoch).right[0])
        np.testing.assert_array_equal(labels[places], same)


def test_taken_pairs_keep_their_schedule():
    embedded, _ = toy()
    schedule = np.random.default_rng(1).integers(3, size=(4, 200))
    rows = np.array([7, 150, 3])
    taken = Views(embedded, schedule).take(rows)
    whole = Views(embedded, schedule)
    np.testing.assert_array_equal(taken.at(2).left[0], whole.at(2).left[0][rows])


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (np.zeros(200, dtype=int), r"schedule: must have shape \(epochs, 200\), got \(200,\)"),
        (np.zeros((2, 199), dtype=int), r"must have shape \(epochs, 200\), got \(2, 199\)"),
        (np.zeros((0, 200), dtype=int), r"got \(0, 200\)"),
        (np.zeros((1, 200)), "schedule: must hold integers, got float64"),
        (np.full((1, 200), 3), "names backbones 3 .. 3, they are counted from 0 to 2"),
        (np.full((1, 200), -1), "names backbones -1 .. -1"),
    ],
)
def test_schedules_that_do_not_fit_are_refused(schedule, message):
    with pytest.raises(UsageError, match=message):
        Views(toy()[0], schedule)


def test_backbones_of_several_widths_are_refused():
    (wide, _), (narrow, _) = toy(width=10, backbones=1), toy(width=4, backbones=1)
    pairs = EmbeddedPairs(wide.left + narrow.left, wide.right + narrow.right)
    with pytest.raises(UsageError, match=r"one width are needed, got \(10, 4\); bring them into"):
        Views(pairs, np.zeros((1, 200), dtype=int))


# ---- the MLP -----------------------------------------------------------------------------------


def test_the_mlp_sees_in_each_epoch_what_that_epoch_shows():
    """Epochs of two backbones in turn, against single epochs of training joined by hand."""
    import torch

    from facebone.seeding import derive_seed
    from facebone.verification.heads.mlp_network import forward, start

    pairs, same = toy(backbones=2)
    schedule = np.array([[0] * 200, [1] * 200])
    settings = SMALL | {"batch_norm": [], "batch_size": 200, "weight_decay": 0.0}
    head = make_head("mlp", settings)
    report = head.fit_views(Views(pairs, schedule), same, seed=3)

    network = start(
        10, (16, 8), (), initialisation="he",
        generator=torch.Generator().manual_seed(derive_seed(3, "mlp", "start")),
    )  # fmt: skip
    for tensor in network.learnt():
        tensor.requires_grad_()
    optimiser = torch.optim.Adam(network.learnt(), lr=1e-2)
    losses = []
    for epoch in range(6):
        rows = torch.from_numpy(pairs.left[epoch % 2] - pairs.right[epoch % 2])
        # One batch holds all pairs, so their order changes nothing.
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            forward(network, rows), torch.from_numpy(same.astype(np.float32))
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    np.testing.assert_allclose(report.train_loss, losses, rtol=1e-4)


def test_early_stopping_keeps_pairs_aside_with_all_that_they_show():
    pairs, same = toy()
    schedule = np.random.default_rng(1).integers(3, size=(6, 200))
    head = make_head("mlp", SMALL | {"patience": 3, "validation_share": 0.25})
    report = head.fit_views(Views(pairs, schedule), same, seed=0)
    assert (report.pairs, report.held_out) == (150, 50)
    assert len(report.validation_loss) == report.epochs


def test_a_head_without_epochs_learns_from_all_that_is_shown():
    pairs, same = toy()
    schedule = np.stack([np.arange(200) % 3, (np.arange(200) + 1) % 3])
    views = Views(pairs, schedule)
    head, plain = make_head("logistic"), make_head("logistic")
    report = head.fit_views(views, same, seed=0)
    assert report.pairs == 200
    plain.fit(*views.distinct(same), seed=0)
    test = toy(seed=1, backbones=1)[0]
    np.testing.assert_array_equal(head.logit(test), plain.logit(test))


# ---- choosing backbones ------------------------------------------------------------------------


def test_choose_takes_backbones_in_the_order_asked_for():
    pairs, _ = toy()
    chosen = pairs.choose([2, 0])
    np.testing.assert_array_equal(chosen.cosines(), pairs.cosines()[:, [2, 0]])


@pytest.mark.parametrize("columns", [[3], [0, -1]])
def test_choosing_what_is_not_there_is_refused(columns):
    with pytest.raises(UsageError, match=r"columns: there is no backbone .*, .* from 0 to 2"):
        toy()[0].choose(columns)


def test_choosing_nothing_is_refused():
    with pytest.raises(UsageError, match="same number of backbones left and right, at least one"):
        toy()[0].choose([])
