"""The stacked training of MLPs: the single recipe's result under every setting, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import FitJob, Views, make_head
from facebone.verification.heads.mlp import MLPSettings
from facebone.verification.heads.mlp_layer import adds_up_alike
from facebone.verification.heads.mlp_many import Course, batch_sizes, train_together
from facebone.verification.heads.mlp_network import Norm
from facebone.verification.heads.mlp_network import normalise as normalised
from facebone.verification.heads.mlp_norm import back_through, normalise_in_place
from facebone.verification.heads.mlp_step import Buffers
from facebone.verification.metrics import auc

# Widths of whole vectors, for which the engine promises the last bit.
WHOLE = {"layers": [32, 16], "batch_norm": [], "epochs": 3, "learning_rate": 3e-3}
SEEDS = (7, 8, 9, 10)


def data(pairs=400, width=16, seed=0, noise=0.5):
    rng = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    a = rng.normal(size=(pairs, width))
    b = np.where(same[:, None], a, rng.normal(size=a.shape)) + noise * rng.normal(size=a.shape)
    return EmbeddedPairs(
        (normalise(a.astype(np.float32)),), (normalise(b.astype(np.float32)),)
    ), same


def members(counts=(200, 200, 200, 200)):
    rng = np.random.default_rng(5)
    return [rng.permutation(400)[:count] for count in counts]


def alone(settings, rows, seed):
    pool, same = data()
    head = make_head("mlp", settings)
    head.fit(pool.take(rows), same[rows], seed=seed)
    return head


def assert_same_bits(one, other):
    first, second = one.state()[1], other.state()[1]
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


@pytest.mark.parametrize(
    "changed",
    [
        {}, {"batch_norm": [0]}, {"batch_norm": [1, 0]}, {"dropout": 0.3},
        {"dropout": 0.3, "batch_norm": [1]}, {"weight_decay": 2.0}, {"batch_size": 48},
        {"batch_size": 199}, {"batch_size": 500}, {"initialisation": "uniform"},
        {"layers": []}, {"layers": [16]}, {"layers": [32, 16, 8]}, {"symmetric": True},
    ],
)  # fmt: skip
@pytest.mark.parametrize("at_once", [1, 4])
def test_the_single_recipe_to_the_last_bit(changed, at_once):
    settings = WHOLE | changed
    pool, same = data()
    heads = make_head("mlp", settings).fit_many(pool, same, members(), SEEDS, at_once=at_once)
    for head, rows, seed in zip(heads, members(), SEEDS, strict=True):
        assert_same_bits(head, alone(settings, rows, seed))


# 200 and 193 pairs take as many steps of 64, with last batches of 8 and 1; the others take fewer.
@pytest.mark.parametrize("counts", [(200, 193, 200, 192), (65, 64, 400, 3), (129, 130, 128, 129)])
@pytest.mark.parametrize("normalised", [[], [1]])
def test_members_of_different_number(counts, normalised):
    settings = WHOLE | {"batch_norm": normalised}
    pool, same = data()
    chosen = members(counts)
    heads = make_head("mlp", settings).fit_many(pool, same, chosen, SEEDS, at_once=4)
    for head, rows, seed in zip(heads, chosen, SEEDS, strict=True):
        assert_same_bits(head, alone(settings, rows, seed))


def test_widths_of_no_whole_vector_agree_but_for_rounding():
    settings = WHOLE | {"layers": [27, 9, 5]}
    pool, same = data()
    heads = make_head("mlp", settings).fit_many(pool, same, members(), SEEDS)
    for head, rows, seed in zip(heads, members(), SEEDS, strict=True):
        logit = alone(settings, rows, seed).logit(pool)
        np.testing.assert_allclose(head.logit(pool), logit, atol=1e-4)


def test_products_in_a_batch_that_round_otherwise_are_not_made(monkeypatch):
    """A library whose batched products differ by a hair, as those of a single column mostly do."""
    bmm, baddbmm = torch.bmm, torch.baddbmm
    calls = []

    def other(product):
        def rounded(*args, out):
            calls.append(out.shape)
            return product(*args, out=out).mul_(1 + 2**-20)

        return rounded

    monkeypatch.setattr(torch, "bmm", other(bmm))
    monkeypatch.setattr(torch, "baddbmm", other(baddbmm))
    adds_up_alike.cache_clear()
    pool, same = data()
    try:
        heads = make_head("mlp", WHOLE).fit_many(pool, same, members(), SEEDS, at_once=4)
    finally:
        adds_up_alike.cache_clear()
    for head, rows, seed in zip(heads, members(), SEEDS, strict=True):
        assert_same_bits(head, alone(WHOLE, rows, seed))
    # Two hidden layers at batches of 64 and 8 were tried, and then no more.
    assert len(calls) == 2 * 2 * 3


def test_a_single_column_or_row_is_never_multiplied_in_a_batch():
    for shape in ((4, 1, 16, 32), (4, 64, 16, 1), (4, 64, 1, 16)):
        assert not adds_up_alike(*shape, threads=torch.get_num_threads())


@pytest.mark.parametrize(("count", "size", "width"), [(1, 64, 16), (4, 37, 32), (3, 2, 128)])
def test_normalisation_by_hand_is_autograds(count, size, width):
    generator = torch.Generator().manual_seed(1)
    rows, slope = (torch.randn(count, size, width, generator=generator) for _ in range(2))
    scale, shift, mean = (torch.randn(count, width, generator=generator) for _ in range(3))
    norm = Norm(scale, shift, mean.clone(), torch.ones(count, width))
    out, back = rows.clone(), slope.clone()
    by_scale, by_shift = back_through(normalise_in_place(out, norm), norm, back)
    for k in range(count):
        inputs = rows[k].clone().requires_grad_()
        learnt = [tensor[k].clone().requires_grad_() for tensor in (scale, shift)]
        alone = Norm(*learnt, mean[k].clone(), torch.ones(width))
        after = normalised(inputs * 1, alone, training=True)
        after.backward(slope[k])
        pairs = (
            (after, out[k]), (inputs.grad, back[k]), (learnt[0].grad, by_scale[k]),
            (learnt[1].grad, by_shift[k]), (alone.mean, norm.mean[k]),
            (alone.variance, norm.variance[k]),
        )  # fmt: skip
        assert all(torch.equal(wanted, found) for wanted, found in pairs)


def test_a_full_training_ends_at_the_same_answers():
    """The default network, long enough that rounding could grow."""
    settings = {"epochs": 12}
    pool, same = data(noise=0.8)
    heads = make_head("mlp", settings).fit_many(pool, same, members(), SEEDS)
    for head, rows, seed in zip(heads, members(), SEEDS, strict=True):
        single = make_head("mlp", settings)
        single.fit(pool.take(rows), same[rows], seed=seed)
        assert np.corrcoef(head.logit(pool), single.logit(pool))[0, 1] > 0.999
        learnt = auc(head.score(pool)[rows], same[rows])
        assert learnt > 0.95
        assert learnt == pytest.approx(auc(single.score(pool)[rows], same[rows]), abs=0.002)


def test_networks_do_not_meet():
    """What one is trained on, or from which seed, changes no other."""
    pool, same = data()
    chosen = members()
    head = make_head("mlp", WHOLE)
    first = head.fit_many(pool, same, chosen, SEEDS)
    chosen[2] = chosen[2][::-1].copy()
    second = head.fit_many(pool, same, chosen, (7, 8, 9, 11))
    for number in (0, 1):
        assert_same_bits(first[number], second[number])
    for number in (2, 3):
        assert np.abs(first[number].logit(pool) - second[number].logit(pool)).max() > 1e-3


@pytest.mark.parametrize("norms", [[], [1]])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_views_to_the_last_bit(norms, dropout):
    """Schedules shorter than, as long as, and longer than the training; jobs of other sizes."""
    settings = WHOLE | {"batch_norm": norms, "dropout": dropout, "epochs": 4}
    jobs = []
    # Last batches of 8, of 1 and full; one of a single step.
    for seed, (count, epochs) in enumerate(((200, 1), (193, 3), (192, 4), (200, 6), (40, 2))):
        sides = [data(pairs=count, seed=10 * seed + k) for k in range(3)]
        pairs = EmbeddedPairs(*(sum((getattr(one, side) for one, _ in sides), ())
                                for side in ("left", "right")))  # fmt: skip
        schedule = np.random.default_rng(seed).integers(3, size=(epochs, count))
        jobs.append(FitJob(Views(pairs, schedule), sides[0][1], seed))
    heads = make_head("mlp", settings).fit_views_many(iter(jobs))
    for head, job in zip(heads, jobs, strict=True):
        single = make_head("mlp", settings)
        single.fit_views(job.views, job.same, seed=job.seed)
        assert_same_bits(head, single)


def test_views_of_different_width_are_refused():
    jobs = []
    for width in (16, 12):
        pairs, same = data(width=width)
        jobs.append(FitJob(Views(pairs, np.zeros((1, 400), dtype=np.intp)), same, 0))
    with pytest.raises(UsageError, match=r"jobs of one width are needed, got 16 and 12"):
        make_head("mlp", WHOLE).fit_views_many(jobs)


def test_early_stopping_falls_back_to_one_after_another():
    settings = WHOLE | {"patience": 1, "epochs": 8}
    pool, same = data()
    heads = make_head("mlp", settings).fit_many(pool, same, members(), SEEDS)
    for head, rows, seed in zip(heads, members(), SEEDS, strict=True):
        assert_same_bits(head, alone(settings, rows, seed))
    views = Views(pool, np.zeros((1, 400), dtype=np.intp))
    (head,) = make_head("mlp", settings).fit_views_many([FitJob(views, same, 3)])
    assert_same_bits(head, alone(settings, np.arange(400), 3))


def test_heads_own_their_memory_and_can_be_differentiated():
    pool, same = data()
    head = make_head("mlp", WHOLE).fit_many(pool, same, members(), SEEDS)[0]
    for tensor in head._network.tensors().values():
        assert tensor.untyped_storage().nbytes() == tensor.numel() * 4
        assert not tensor.requires_grad
    weight = head._network.weights[0].requires_grad_()
    (weight.sum() ** 2).backward()
    assert weight.grad is not None


def test_number_of_threads_stays_as_it_is():
    before = torch.get_num_threads()
    pool, same = data()
    make_head("mlp", WHOLE).fit_many(pool, same, members(), SEEDS)
    assert torch.get_num_threads() == before


def test_memory_depends_on_how_many_at_once(monkeypatch):
    """Buffers of groups of two: as large for eight networks as for two."""
    made = []
    get = Buffers.get

    def counting(self, name, *shape):
        tensor = get(self, name, *shape)
        made.append(sum(part.numel() for part in self.held()))
        return tensor

    monkeypatch.setattr(Buffers, "get", counting)
    pool, same = data()
    head = make_head("mlp", WHOLE)

    def peak(count, at_once):
        made.clear()
        rows = members((200,) * count)
        head.fit_many(pool, same, rows, range(count), at_once=at_once)
        return max(made)

    assert peak(8, 2) == peak(2, 2) == peak(2, 8)
    assert peak(8, 8) == 4 * peak(8, 2)


def test_fewer_are_trained_at_once_where_they_are_large():
    for layers, count in (([512, 256, 128], 4), ([256, 256], 12), ([32, 16], 16), ([], 16)):
        settings = {"layers": layers, "batch_norm": []}
        assert make_head("mlp", settings).at_once == count


def test_batch_sizes_are_those_of_the_single_recipe():
    plain, normalised = MLPSettings(batch_norm=()), MLPSettings()
    for count in (1, 2, 63, 64, 65, 128, 129, 130):
        sizes = [len(part) for part in torch.split(torch.arange(count), 64)]
        assert batch_sizes(count, plain) == sizes
        usable = [size for size in sizes if size > 1 or count == 1]
        assert batch_sizes(count, normalised) == usable


def test_labels_of_views_are_checked():
    pairs, same = data()
    views = Views(pairs, np.zeros((1, 400), dtype=np.intp))
    with pytest.raises(UsageError, match="got only matched pairs"):
        make_head("mlp", WHOLE).fit_views_many([FitJob(views, np.full(400, True), 0)])
    with pytest.raises(UsageError, match="seed: must be in"):
        make_head("mlp", WHOLE).fit_views_many([FitJob(views, same, -1)])


def test_one_step_is_torchs_own_adamw_on_autograds_gradient():
    """One batch, one epoch, against torch.nn and torch.optim, which share no code with it."""
    pool, same = data(pairs=40)
    settings = MLPSettings(layers=(16, 8), batch_norm=(), epochs=1, batch_size=40)
    before = make_head("mlp", {"layers": [16, 8], "batch_norm": [], "epochs": 1,
                               "batch_size": 40, "learning_rate": 1e-30})  # fmt: skip
    before.fit(pool, same, seed=4)
    start = before.state()[1]
    modules = []
    for i in range(3):
        weight, bias = start[f"weight.{i}"], start[f"bias.{i}"]
        linear = torch.nn.Linear(*weight.shape)
        linear.weight.data = torch.from_numpy(weight.T.copy())
        linear.bias.data = torch.from_numpy(bias.copy())
        modules += [linear, torch.nn.ReLU()]
    network = torch.nn.Sequential(*modules[:-1])
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-4, weight_decay=0.01, fused=False)
    rows = torch.from_numpy(pool.differences())
    truth = torch.from_numpy(same.astype(np.float32))
    torch.nn.BCEWithLogitsLoss()(network(rows)[:, 0], truth).backward()
    optimiser.step()
    (found,) = train_together(settings, rows, truth, [Course(np.arange(40)[None], 4)])
    for i in range(3):
        linear = network[2 * i]
        torch.testing.assert_close(found.weights[i], linear.weight.detach().T, atol=1e-6, rtol=0)
        torch.testing.assert_close(found.biases[i], linear.bias.detach(), atol=1e-6, rtol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")
def test_a_device_trains_many_from_the_same_starts():
    pool, same = data()
    head = make_head("mlp", WHOLE | {"epochs": 20}, device="cuda")
    for fitted, rows in zip(head.fit_many(pool, same, members(), SEEDS), members(), strict=True):
        assert auc(fitted.score(pool)[rows], same[rows]) > 0.95
