"""The stacked engine: each adapter as a plain loop over torch modules trains it, alone or not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pytorch_metric_learning import distances, losses
from torch import nn
from torch.nn.functional import normalize as unit

from facebone.seeding import derive_seed, make_rng
from facebone.verification.adaptation import adapter_step
from facebone.verification.adaptation.adapter_network import Plan
from facebone.verification.adaptation.adapter_settings import WITHIN_BATCH, AdapterSettings
from facebone.verification.adaptation.adapter_training import Course, Trained, train_together
from facebone.verification.adaptation.sampling import BatchPlan, draw_epoch, round_up
from facebone.verification.adaptation.watching import Watch
from facebone.verification.embedded_pairs import normalise

WIDTH, PEOPLE, PICTURES = 20, 14, 90
QUICK = {"epochs": 4, "batch_size": 32, "people_per_batch": 8, "learning_rate": 3e-3}
SHAPES = [
    {"hidden": (24,)},
    {"hidden": (24,), "residual": True},
    {"hidden": (24, 9), "batch_norm": True},
    {"hidden": (11,), "width": 7, "schedule": "cosine", "weight_decay": 0.3},
    {"shape": "linear"},
    {"shape": "low_rank", "rank": 3},
    {"shape": "low_rank", "rank": 3, "residual": True, "sampler": "people"},
    {"hidden": (24,), "loss": "arcface", "scale": 30.0},
    {"hidden": (24,), "loss": "softmax"},
    {"hidden": (24,), "loss": "triplet"},
    {"hidden": (24,), "loss": "triplet", "sampler": "pictures", "batch_norm": True},
    {"hidden": (24,), "loss": "contrastive", "margin": 0.3},
    {"hidden": (24, 9), "noise": 0.4, "dropout": 0.3},
]


def recipe(**settings):
    return AdapterSettings(**(QUICK | settings))


def pool(seed=0):
    """Pictures as people plus noise, and whom they show."""
    rng = np.random.default_rng(seed)
    person = np.concatenate([np.arange(PEOPLE), rng.integers(PEOPLE, size=PICTURES - PEOPLE)])
    rows = rng.normal(size=(PEOPLE, WIDTH))[person] + rng.normal(size=(PICTURES, WIDTH))
    return torch.from_numpy(normalise(rows.astype(np.float32))), person


def course(places, person, seed, watch=None):
    return Course(places, np.unique(person[places], return_inverse=True)[1], seed, watch)


def alone(settings, rows, one):
    return train_together(settings, rows, [one], at_once=1)[0]


def tensors(trained):
    found = trained.network.tensors()
    return found if trained.centres is None else found | {"centres": trained.centres}


def assert_same(one: Trained, other: Trained):
    for name, tensor in tensors(one).items():
        assert torch.equal(tensor, tensors(other)[name]), name
    assert one.train_loss == other.train_loss
    assert one.validation_loss == other.validation_loss
    assert one.best_epoch == other.best_epoch


# ---- against modules of torch, autograd and pytorch-metric-learning -----------------------------


def modules(settings, network):
    """The network as torch.nn has it; a layer before a normalisation has no bias."""
    plan, found = Plan.of(settings, WIDTH), []
    last = len(network.weights) - 1
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        layer = nn.Linear(*weight.shape, bias=i not in network.norms)
        layer.weight.data = weight.t().clone()
        if layer.bias is not None:
            layer.bias.data = bias.clone()
        found.append(layer)
        if i in network.norms:
            found.append(nn.BatchNorm1d(weight.shape[1]))
        if i < last and plan.rectified:
            found.append(nn.ReLU())
    return nn.Sequential(*found)


def library_loss(settings, people, width):
    margin, cosine = settings.chosen_margin, distances.CosineSimilarity()
    scale = settings.scale
    makers = {
        "cosface": lambda: losses.CosFaceLoss(people, width, margin=margin, scale=scale),
        "arcface": lambda: losses.ArcFaceLoss(
            people, width, margin=math.degrees(margin), scale=scale
        ),
        "softmax": lambda: losses.NormalizedSoftmaxLoss(people, width, temperature=1 / scale),
        "triplet": lambda: losses.TripletMarginLoss(margin=margin, distance=cosine),
        "contrastive": lambda: losses.ContrastiveLoss(
            pos_margin=1, neg_margin=margin, distance=cosine
        ),
    }
    return makers[settings.loss]()


def plain_loop(settings, rows, person, seed):
    """One after another as anyone would write it; templates of all rows and losses of epochs."""
    plan, people = Plan.of(settings, WIDTH), int(person.max()) + 1
    generator = torch.Generator().manual_seed(derive_seed(seed, "adapter", "start"))
    net = modules(settings, plan.start(generator))
    loss = library_loss(settings, people, plan.widths[-1])
    learnt = list(net.parameters())
    if settings.loss not in WITHIN_BATCH:
        shape = plan.widths[-1], people
        loss.W.data = torch.randn(shape, generator=generator) * shape[0] ** -0.5
        learnt.append(loss.W)
    optimiser = torch.optim.AdamW(
        learnt, lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    rng, step, found = make_rng(seed, "adapter", "order"), 0, []
    steps = settings.epochs * BatchPlan.of(settings, len(person)).steps
    labels = torch.from_numpy(person)

    drawing = torch.Generator().manual_seed(derive_seed(seed, "adapter", "noise"))

    def disturb(batch, full):
        if settings.noise:
            drawn = torch.randn(full, WIDTH, generator=drawing)[: len(batch)]
            batch = unit(batch + settings.noise / WIDTH**0.5 * drawn, dim=1)
        return batch

    def answer(batch, full):
        hidden = batch
        for layer in net:
            hidden = layer(hidden)
            if isinstance(layer, nn.ReLU) and settings.dropout and net.training:
                drawn = torch.rand(full, hidden.shape[1], generator=drawing)[: len(batch)]
                hidden = hidden * (drawn >= settings.dropout) / (1 - settings.dropout)
        return hidden + batch if settings.residual else hidden

    for _ in range(settings.epochs):
        total = count = 0
        for places, weights in zip(*draw_epoch(settings, person, rng), strict=True):
            chosen = torch.from_numpy(places[weights > 0])
            shown = disturb(rows[chosen], len(places))
            value = loss(answer(shown, len(places)), labels[chosen])
            if settings.schedule == "cosine":
                rate = settings.learning_rate * (1 + math.cos(math.pi * step / steps)) / 2
                optimiser.param_groups[0]["lr"] = rate
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            total, count, step = total + value.item() * len(chosen), count + len(chosen), step + 1
        found.append(total / count)
    net.eval()
    with torch.no_grad():
        return unit(answer(rows, 0), dim=1), found


@pytest.mark.parametrize("settings", SHAPES, ids=str)
def test_the_engine_is_the_plain_loop(settings):
    chosen = recipe(**settings)
    rows, person = pool()
    templates, loss = plain_loop(chosen, rows, person, seed=3)
    one = alone(chosen, rows, course(np.arange(PICTURES), person, 3))
    found = Plan.of(chosen, WIDTH).templates(one.network, rows)
    np.testing.assert_allclose(found, templates, atol=1e-5)
    np.testing.assert_allclose(one.train_loss, loss, rtol=1e-5)
    assert len(one.train_loss) == one.best_epoch == 4


def test_what_training_learns_is_what_the_loss_wants():
    rows, person = pool()
    one = alone(recipe(epochs=20), rows, course(np.arange(PICTURES), person, 0))
    templates = Plan.of(recipe(), WIDTH).templates(one.network, rows)
    centres = unit(one.centres, dim=1)
    assert centres.shape == (PEOPLE, WIDTH)
    nearest = (templates @ centres.T).argmax(dim=1).numpy()
    assert (nearest == person).mean() > 0.9
    assert one.train_loss[-1] < one.train_loss[0] / 2


# ---- many at once ------------------------------------------------------------------------------


def several(person, count=5):
    """Parts of the pool of different sizes, people and orders, one of them twice."""
    rng = np.random.default_rng(9)
    sizes = (50, 61, 50, 47, 64)[:count]
    found = [
        course(rng.permutation(PICTURES)[:size], person, 10 + k) for k, size in enumerate(sizes)
    ]
    return [*found, found[0]]


@pytest.mark.parametrize("settings", SHAPES, ids=str)
def test_in_any_group_each_is_as_alone_to_the_last_bit(settings):
    chosen = recipe(**settings)
    rows, person = pool()
    courses = several(person)
    singly = [alone(chosen, rows, one) for one in courses]
    for at_once in (2, 6):
        for found, wanted in zip(
            train_together(chosen, rows, courses, at_once=at_once), singly, strict=True
        ):
            assert_same(found, wanted)
    assert not torch.equal(singly[0].network.weights[0], singly[2].network.weights[0])
    assert_same(singly[0], singly[-1])


def test_products_that_add_up_otherwise_in_a_batch_are_done_singly(monkeypatch):
    """As on processors where a batched product is another function of its library."""
    rows, person = pool()
    chosen = recipe(hidden=(24,))
    whole = train_together(chosen, rows, several(person), at_once=6)
    monkeypatch.setattr(
        "facebone.verification.heads.mlp_layer.adds_up_alike", lambda *_, **__: False
    )
    for found, wanted in zip(
        train_together(chosen, rows, several(person), at_once=6), whole, strict=True
    ):
        for name, tensor in tensors(found).items():
            np.testing.assert_allclose(tensor, tensors(wanted)[name], atol=1e-5, err_msg=name)


def test_trainings_that_differ_a_little_share_their_steps(monkeypatch):
    """The point of a stack: filled-up batches and centres, not one stack a size."""
    sizes = []
    start = adapter_step.Step.__init__

    def spy(self, settings, plan, stacked, size):
        sizes.append(len(stacked.network.weights[0]))
        start(self, settings, plan, stacked, size)

    monkeypatch.setattr(adapter_step.Step, "__init__", spy)
    rows, person = pool()
    courses = several(person)
    assert len({len(one.places) for one in courses}) == 4
    assert len({one.people for one in courses} | {PEOPLE}) > 1
    train_together(recipe(epochs=1), rows, courses, at_once=6)
    assert sizes == [6]


def test_what_is_drawn_depends_on_the_own_seed_alone():
    rows, person = pool()
    chosen = recipe(noise=0.3, dropout=0.2)
    places = np.arange(60)
    first, again, other = (alone(chosen, rows, course(places, person, seed)) for seed in (1, 1, 2))
    assert_same(first, again)
    assert not torch.equal(first.network.weights[0], other.network.weights[0])
    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert_same(alone(chosen, rows, course(places, person, 1)), first)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_residual_adapter_starts_as_the_embeddings():
    rows, person = pool()
    for shape in ("linear", "low_rank", "mlp"):
        chosen = recipe(shape=shape, residual=True, learning_rate=1e-12)
        one = alone(chosen, rows, course(np.arange(PICTURES), person, 0))
        np.testing.assert_allclose(
            Plan.of(chosen, WIDTH).templates(one.network, rows), rows, atol=1e-6
        )


@pytest.mark.parametrize("noise", [0.1, 0.6])
def test_noise_is_about_as_long_as_it_says(noise):
    """What the first layer sees, compared with the pictures themselves."""
    rows, person = pool()
    chosen = recipe(noise=noise, batch_size=96, epochs=1)
    one = course(np.arange(PICTURES), person, 0)
    seen = []
    forward = adapter_step.Step._forward

    def spy(self, weight):
        seen.append(self.batch.clone())
        forward(self, weight)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapter_step.Step, "_forward", spy)
        alone(chosen, rows, one)
    places, weights = draw_epoch(chosen, one.person, make_rng(0, "adapter", "order"))
    moved = seen[0][torch.from_numpy(weights[0] > 0)]
    np.testing.assert_allclose(moved.norm(dim=1), 1, rtol=1e-5)
    # Noise of length s at a right angle turns a vector of length one by atan(s).
    turned = (moved * rows[places[0][weights[0] > 0]]).sum(dim=1).clamp(-1, 1).acos().tan()
    assert turned.square().mean().sqrt().item() == pytest.approx(noise, rel=0.15)


def test_dropout_leaves_the_share_it_says_and_the_size_of_the_signal():
    rows, person = pool()
    chosen = recipe(hidden=(400,), dropout=0.4, epochs=1, batch_size=96)
    seen = []
    drop = adapter_step.Step._drop

    def spy(self, outputs):
        before = outputs.clone()
        drop(self, outputs)
        seen.append((before, outputs.clone()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapter_step.Step, "_drop", spy)
        alone(chosen, rows, course(np.arange(PICTURES), person, 0))
    before, after = seen[0]
    kept = after[before > 0] > 0
    assert kept.float().mean().item() == pytest.approx(0.6, abs=0.02)
    np.testing.assert_allclose(after[after > 0], before[after > 0] / 0.6, rtol=1e-6)


# ---- early stopping ----------------------------------------------------------------------------


def watched(patience=1):
    """Courses over 10 people, each watched by the other four; the pool's last pictures."""
    rows, person = pool()
    chosen = recipe(epochs=25, patience=patience, learning_rate=0.02, batch_size=8)
    places, aside = np.flatnonzero(person < 10), np.flatnonzero(person >= 10)
    watch = Watch.over(aside, person[aside], seed=0)
    return chosen, rows, [course(places, person, 100 + k, watch) for k in range(4)], watch


def test_the_best_epoch_is_kept_and_waiting_ends():
    chosen, rows, courses, watch = watched()
    for one in courses:
        found = alone(chosen, rows, one)
        best = int(np.argmin(found.validation_loss))
        assert found.best_epoch == best + 1
        assert len(found.validation_loss) == min(25, best + 1 + chosen.patience)
        templates = Plan.of(chosen, WIDTH).templates(found.network, rows[watch.places])
        assert watch.loss(templates) == pytest.approx(min(found.validation_loss), rel=1e-6)
        shorter = recipe(epochs=found.best_epoch, learning_rate=0.02, batch_size=8)
        fresh = alone(shorter, rows, Course(one.places, one.person, one.seed))
        for name, tensor in tensors(fresh).items():
            assert torch.equal(tensor, tensors(found)[name]), name


def test_each_of_a_stack_stops_at_an_epoch_of_its_own():
    chosen, rows, courses, _ = watched()
    together = train_together(chosen, rows, courses, at_once=4)
    for found, one in zip(together, courses, strict=True):
        assert_same(found, alone(chosen, rows, one))
    epochs = {len(found.train_loss) for found in together}
    assert len(epochs) > 2
    assert min(epochs) < 25


def test_without_patience_the_watch_only_looks_on():
    chosen, rows, courses, _ = watched(patience=None)
    found = alone(chosen, rows, courses[0])
    assert len(found.validation_loss) == len(found.train_loss) == found.best_epoch == 25
    unseen = alone(chosen, rows, Course(courses[0].places, courses[0].person, courses[0].seed))
    assert torch.equal(found.network.weights[0], unseen.network.weights[0])


def test_the_loss_of_a_watch_is_low_where_pairs_are_told_apart():
    person = np.repeat(np.arange(6), 4)
    watch = Watch.over(np.arange(24), person, seed=0)
    apart = unit(
        torch.eye(6)[person] + 0.1 * torch.randn(24, 6, generator=torch.Generator().manual_seed(0)),
        dim=1,
    )
    mixed = unit(torch.randn(24, 6, generator=torch.Generator().manual_seed(1)), dim=1)
    assert watch.loss(apart) < 0.1 < 0.5 < watch.loss(mixed)
    assert watch.loss(apart * math.nan) == math.inf


def test_sizes_are_rounded_up_for_all_alike():
    assert [round_up(count) for count in (1, 31, 32, 33, 271)] == [32, 32, 32, 64, 288]
