"""The adapter as a head: settings, what it learns of people, what it keeps, what shows inside."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from facebone.errors import UsageError, WeightsError
from facebone.verification.adaptation import adapter_inside
from facebone.verification.adaptation.adapter import fitting_at_once
from facebone.verification.adaptation.adapter_network import Plan
from facebone.verification.adaptation.adapter_settings import MARGINS, AdapterSettings
from facebone.verification.adaptation.watching import keep_aside
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import Inside, head_from_state, make_head
from facebone.verification.labelled_pictures import LabelledPictures, join

QUICK = {"hidden": [24], "epochs": 6, "batch_size": 32, "learning_rate": 3e-3}
RECIPES = [
    {},
    {"hidden": [9, 7], "batch_norm": True},
    {"residual": True},
    {"width": 4},
    {"shape": "linear"},
    {"shape": "low_rank", "rank": 3, "residual": True},
    {"joint": False, "hidden": [9, 7]},
]


def settings(**given):
    found = QUICK | given
    if found.get("shape", "mlp") != "mlp":
        del found["hidden"]
    return found


def people(count=20, each=6, widths=(10,), seed=0, noise=0.8, first=0):
    """Pictures as directions of people plus noise, under every backbone."""
    rng = np.random.default_rng(seed)
    person = first + np.repeat(np.arange(count), each)
    matrices = []
    for width in widths:
        centres = rng.normal(size=(count, width))
        rows = np.repeat(centres, each, axis=0) + noise * rng.normal(size=(count * each, width))
        matrices.append(normalise(rows.astype(np.float32)))
    return LabelledPictures(tuple(matrices), person)


def fitted(pictures=None, seed=0, **given):
    head = make_head("adapter", settings(**given))
    head.fit_people(people() if pictures is None else pictures, seed=seed)
    return head


def pairs_of(pictures, count=15, seed=0):
    rng = np.random.default_rng(seed)
    left, right = rng.integers(len(pictures), size=(2, count))
    right[::2] = left[::2] ^ 1  # a neighbour, mostly of the same person
    pairs = EmbeddedPairs(
        tuple(m[left] for m in pictures.embeddings), tuple(m[right] for m in pictures.embeddings)
    )
    return pairs, pictures.person[left] == pictures.person[right]


# ---- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shape": "cone"}, "shape: must be one of linear, low_rank, mlp, got 'cone'"),
        ({"loss": "hinge"}, "loss: must be one of cosface, arcface"),
        ({"schedule": "step"}, "schedule: must be one of constant, cosine"),
        ({"sampler": "pairs"}, "sampler: must be one of pictures, people"),
        ({"hidden": []}, "hidden: must be a list of integers"),
        ({"hidden": 512}, "hidden: must be a list of integers, got 512"),
        ({"hidden": [0]}, "hidden: must be an integer of at least 1"),
        ({"rank": 0, "shape": "low_rank"}, "rank: must be an integer"),
        ({"width": 0}, "width: must be an integer"),
        ({"width": 3, "residual": True}, "width: must be left out with residual"),
        ({"joint": 1}, "joint: must be true or false"),
        ({"margin": -0.1}, "margin: must be a number of at least 0"),
        ({"scale": 0}, "scale: must be a number of more than 0"),
        ({"batch_size": 0}, "batch_size: must be an integer of at least 1"),
        ({"batch_size": 1, "batch_norm": True}, "batch_size: must be an integer of at least 2"),
        ({"people_per_batch": 1}, "people_per_batch: must be an integer of at least 2"),
        ({"pictures_per_person": 0}, "pictures_per_person: must be"),
        ({"epochs": 0}, "epochs: must be an integer of at least 1"),
        ({"learning_rate": 0}, "learning_rate: must be"),
        ({"weight_decay": -1}, "weight_decay: must be"),
        ({"noise": -1}, "noise: must be"),
        ({"dropout": 1}, "dropout: must be"),
        ({"patience": 0}, "patience: must be"),
        ({"validation_share": 1}, "validation_share: must be"),
        # What would do nothing.
        ({"rank": 3}, "rank: does nothing with shape=mlp"),
        ({"shape": "linear", "hidden": [8]}, "hidden: does nothing with shape=linear"),
        ({"shape": "low_rank", "batch_norm": True}, "batch_norm: does nothing with shape=low_rank"),
        ({"shape": "linear", "dropout": 0.1}, "dropout: does nothing with shape=linear"),
        ({"loss": "softmax", "margin": 0.2}, "margin: does nothing with loss=softmax"),
        ({"loss": "triplet", "scale": 30}, "scale: does nothing with loss=triplet"),
        ({"loss": "contrastive", "keep_centres": True}, "keep_centres: does nothing with loss=con"),
    ],
)
def test_wrong_settings_are_refused_by_name(given, message):
    with pytest.raises(UsageError, match=message):
        make_head("adapter", given)


def test_what_is_left_out_follows_the_loss():
    for loss, margin in MARGINS.items():
        chosen = AdapterSettings(loss=loss)
        assert chosen.chosen_margin == margin
        within = loss in ("triplet", "contrastive")
        assert chosen.chosen_sampler == ("people" if within else "pictures")
    assert AdapterSettings(loss="triplet", sampler="pictures").chosen_sampler == "pictures"
    assert AdapterSettings(margin=0.1).chosen_margin == 0.1


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cpu:0"])
def test_other_devices_are_refused(device):
    with pytest.raises(UsageError, match="device: must be cpu, cuda or cuda:N"):
        make_head("adapter", device=device)


def test_few_large_adapters_are_trained_at_once_and_more_small_ones():
    def count(**given):
        return fitting_at_once(Plan.of(AdapterSettings(**given), 128))

    assert count(shape="linear") == 16
    assert count() == 8
    assert count(hidden=(4096,)) == 4


# ---- what it learns ----------------------------------------------------------------------------


def similarity(templates, person):
    """Mean cosine of two pictures of one person, and of two people."""
    cosine = templates @ templates.T
    same = person[:, None] == person
    return cosine[same & ~np.eye(len(person), dtype=bool)].mean(), cosine[~same].mean()


@pytest.mark.parametrize("loss", sorted(MARGINS))
def test_it_draws_members_together_and_their_other_pictures_too(loss):
    """What an audit looks for: pictures it never met of people it was trained on."""
    pictures = people(count=40, each=8, widths=(16,), noise=1.2)
    met = np.arange(len(pictures)) % 8 < 4
    member = pictures.person < 20
    head = fitted(pictures.take(met & member), loss=loss, epochs=120, hidden=[64])
    gains = {}
    for name, rows in (
        ("trained", met & member),
        ("others of members", ~met & member),
        ("strangers", ~met & ~member),
    ):
        seen = pictures.take(rows)
        before = similarity(seen.side_by_side(), seen.person)
        after = similarity(head.templates(seen.embeddings), seen.person)
        gains[name] = (after[0] - after[1]) - (before[0] - before[1])
    assert gains["trained"] > gains["others of members"] > gains["strangers"] + 0.03


def test_joint_and_apart_are_what_they_say():
    """One network on all backbones side by side, or one each whose cosines are averaged."""
    pictures = people(widths=(10, 6))
    joint = fitted(pictures)
    alone = fitted(LabelledPictures((pictures.side_by_side(),), pictures.person))
    np.testing.assert_array_equal(
        joint.templates(pictures.embeddings), alone.templates((pictures.side_by_side(),))
    )
    apart = fitted(pictures, joint=False)
    templates = apart.templates(pictures.embeddings)
    assert templates.shape == (120, 16)
    left, right = templates[:60], templates[60:]
    parts = [slice(0, 10), slice(10, 16)]
    mean = np.mean(
        [(normalise(left[:, p]) * normalise(right[:, p])).sum(axis=1) for p in parts], axis=0
    )
    np.testing.assert_allclose((left * right).sum(axis=1), mean, atol=1e-6)


@pytest.mark.parametrize("widths", [(10, 10), (10, 6, 10)])
def test_adapters_of_backbones_do_not_touch_each_other(widths):
    """Trained side by side where widths agree, and no backbone changes what another's becomes."""
    pictures = people(widths=widths)
    whole = fitted(pictures, joint=False)
    other = LabelledPictures(
        (*pictures.embeddings[:-1], people(seed=9).embeddings[0]), pictures.person
    )
    changed = fitted(other, joint=False)
    for k in range(len(widths)):
        same = torch.equal(whole._networks[k].weights[0], changed._networks[k].weights[0])
        assert same == (k < len(widths) - 1)
    assert not torch.equal(whole._networks[0].weights[0], whole._networks[-1].weights[0])


def test_adapters_of_one_head_start_apart():
    pictures = people()
    twice = LabelledPictures(pictures.embeddings * 2, pictures.person)
    first, second = fitted(twice, joint=False)._networks
    assert not torch.equal(first.weights[0], second.weights[0])


def test_many_are_as_alone_to_the_last_bit():
    pool = people(count=30, widths=(10, 6))
    members = [np.flatnonzero(pool.person % 3 != k % 3) for k in range(4)]
    members[3] = members[3][:-7]
    for given in ({}, {"joint": False, "patience": 1, "learning_rate": 0.05}):
        head = make_head("adapter", settings(**given))
        many = head.fit_people_many(pool, members, [5, 6, 7, 5])
        for found, rows, seed in zip(many, members, [5, 6, 7, 5], strict=True):
            alone = fitted(pool.take(rows), seed=seed, **given)
            for name, array in alone.state()[1].items():
                np.testing.assert_array_equal(found.state()[1][name], array, err_msg=name)


def test_how_many_at_once_has_no_say():
    pool = people(count=30)
    members = [np.flatnonzero(pool.person % 3 != k % 3) for k in range(3)]
    arrays = []
    for at_once in (1, 2, 3):
        head = make_head("adapter", settings())
        head.adapters_at_once = at_once
        arrays.append([one.state()[1] for one in head.fit_people_many(pool, members, [0, 1, 2])])
    for other in arrays[1:]:
        for one, two in zip(arrays[0], other, strict=True):
            for name, array in one.items():
                np.testing.assert_array_equal(two[name], array)


def test_training_that_runs_out_of_bounds_is_told():
    with pytest.raises(UsageError, match="head adapter: training ran out of bounds; lower"):
        fitted(learning_rate=1e30, epochs=3)


# ---- early stopping ----------------------------------------------------------------------------


def test_early_stopping_keeps_people_aside_and_does_not_train_on_them():
    pictures = people(count=30)
    given = {"patience": 1, "validation_share": 0.2, "learning_rate": 0.02, "epochs": 40}
    head = make_head("adapter", settings(**given))
    report = head.fit_people(pictures, seed=4)
    assert (report.pairs, report.held_out) == (24 * 6, 6 * 6)
    assert report.epochs == len(report.validation_loss) == len(report.train_loss) < 40
    assert report.best_epoch == 1 + int(np.argmin(report.validation_loss))
    aside = keep_aside(pictures.person, 0.2, seed=4)
    assert len(np.unique(pictures.person[aside])) == 6
    assert not np.isin(pictures.person[aside], pictures.person[~aside]).any()
    # Were they trained on, other pictures of theirs would change what is learnt in the kept epoch.
    matrix = pictures.embeddings[0].copy()
    matrix[aside] = matrix[aside][:, ::-1]
    short = settings(learning_rate=0.02, epochs=report.best_epoch)
    plain = make_head("adapter", short)
    plain.fit_people(LabelledPictures((matrix,), pictures.person).take(~aside), seed=4)
    np.testing.assert_array_equal(
        plain.templates(pictures.embeddings), head.templates(pictures.embeddings)
    )


def test_given_validation_pictures_stop_it_and_all_others_are_trained_on():
    pictures, validation = people(count=20), people(count=9, seed=3, first=100)
    head = make_head("adapter", settings(patience=1, learning_rate=0.05, epochs=30))
    report = head.fit_people(pictures, seed=0, validation=validation)
    assert (report.pairs, report.held_out) == (120, 54)
    assert report.epochs < 30
    other = make_head("adapter", settings(patience=1, learning_rate=0.05, epochs=30))
    turned = LabelledPictures((validation.embeddings[0][::-1].copy(),), validation.person)
    assert (
        other.fit_people(pictures, seed=0, validation=turned).validation_loss
        != report.validation_loss
    )


def test_each_adapter_is_watched_by_pictures_under_its_own_backbone():
    pictures, validation = (
        people(widths=(10, 10)),
        people(count=9, seed=3, first=100, widths=(10, 10)),
    )
    losses = []
    for k in (0, 1, None):
        matrices = list(validation.embeddings)
        if k is not None:
            matrices[k] = matrices[k][::-1].copy()
        head = make_head("adapter", settings(joint=False))
        shown = LabelledPictures(tuple(matrices), validation.person)
        report = head.fit_people(pictures, seed=0, validation=shown)
        losses.append(report.validation_loss)
    assert len(set(losses)) == 3


def test_who_is_kept_aside_is_drawn_by_the_seed():
    person = np.repeat(np.arange(40), 3)
    drawn = [np.unique(person[keep_aside(person, 0.25, seed=seed)]) for seed in (0, 0, 1)]
    assert len(drawn[0]) == 10
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_reports_of_several_adapters_are_means_of_those_that_still_train():
    pictures = people(count=30, widths=(10, 6))
    head = make_head("adapter", settings(joint=False, patience=1, learning_rate=0.03, epochs=30))
    report = head.fit_people(pictures, seed=1)
    assert len(report.train_loss) == len(report.validation_loss) == report.epochs
    assert np.isfinite(report.train_loss).all()


@pytest.mark.parametrize(("count", "each"), [(3, 4), (6, 1)])
def test_too_few_people_to_keep_any_aside_are_refused(count, each):
    person = np.repeat(np.arange(count), each)
    with pytest.raises(UsageError, match="patience: too few people with two pictures, of"):
        keep_aside(np.append(person, person[:1]), 0.1, seed=0)


# ---- state -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", [*RECIPES, {"keep_centres": True}, {"keep_centres": True, "joint": False}], ids=str
)
def test_what_is_saved_is_all_of_it(given):
    pictures = people(widths=(10, 6))
    head = fitted(pictures, **given)
    config, arrays = head.state()
    again = head_from_state(json.loads(json.dumps(config)), arrays)
    assert again.settings == head.settings
    pairs, same = pairs_of(pictures)
    assert (
        again.templates(pictures.embeddings).tobytes()
        == head.templates(pictures.embeddings).tobytes()
    )
    np.testing.assert_array_equal(
        again.inside(pairs, same).columns(), head.inside(pairs, same).columns()
    )
    assert ("centres" in arrays) == given.get("keep_centres", False)


def test_centres_belong_to_the_people_in_order():
    pictures = people(noise=0.4)
    head = fitted(pictures, keep_centres=True, epochs=40)
    centres = head.state()[1]["centres"]
    assert centres.shape == (20, 10)
    nearest = (head.templates(pictures.embeddings) @ centres.T).argmax(axis=1)
    assert (nearest == pictures.person).mean() > 0.95
    # Keeping them changes nothing else.
    other = fitted(pictures, epochs=40)
    np.testing.assert_array_equal(
        head.templates(pictures.embeddings), other.templates(pictures.embeddings)
    )


def test_centres_that_do_not_fit_are_refused():
    config, arrays = fitted(keep_centres=True).state()
    for bad in (np.zeros((20, 9)), np.zeros((1, 10)), np.zeros(10), np.float64(0)):
        with pytest.raises(WeightsError, match="centres has shape"):
            head_from_state(config, arrays | {"centres": np.asarray(bad)})
    without = {name: array for name, array in arrays.items() if name != "centres"}
    with pytest.raises(WeightsError, match="missing or too many: centres"):
        head_from_state(config, without)
    plain, kept = fitted().state()
    with pytest.raises(WeightsError, match="missing or too many: centres"):
        head_from_state(plain, kept | {"centres": arrays["centres"]})


# ---- inside ------------------------------------------------------------------------------------


def by_autograd(head, pairs):
    """Gradient lengths of log odds by layers, then the line's, and activity; pair by pair."""
    slope, offset = (
        torch.tensor(float(x), dtype=torch.float64, requires_grad=True) for x in head._line
    )
    sides = [
        [torch.from_numpy(m).double() for m in head._inputs(side)]
        for side in (pairs.left, pairs.right)
    ]
    nets = []
    for network, width in zip(head._networks, [m.shape[1] for m in sides[0]], strict=True):
        plan, layers = Plan.of(head.settings, width), []
        for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
            norm = network.norms.get(i)
            layer = nn.Linear(*weight.shape, bias=norm is None, dtype=torch.float64)
            layer.weight.data = weight.t().double().contiguous()
            parts = [layer]
            if norm is None:
                layer.bias.data = bias.double()
            else:
                assert (bias == 0).all()
                parts.append(nn.BatchNorm1d(weight.shape[1], dtype=torch.float64))
                parts[1].weight.data, parts[1].bias.data = norm.scale.double(), norm.shift.double()
                parts[1].running_mean, parts[1].running_var = (
                    norm.mean.double(),
                    norm.variance.double(),
                )
            layers.append(nn.Sequential(*parts).eval())
        nets.append((plan, layers))

    def walk(k, row, seen):
        plan, layers = nets[k]
        hidden = row[None]
        for layer in layers[:-1]:
            hidden = layer(hidden)
            if plan.rectified:
                hidden = torch.relu(hidden)
                units = hidden.detach().numpy()[0]
                seen.append([units.mean(), units.std(), (units > 0).mean()])
        return layers[-1](hidden) + (row[None] if plan.residual else 0)

    lengths, activity = [], []
    for n in range(len(pairs)):
        cosines, seen = [], ([], [])
        for k in range(len(nets)):
            made = [walk(k, side[k][n], seen[s]) for s, side in enumerate(sides)]
            cosines.append(cosine_similarity(*made)[0])
        log_odds = slope * torch.stack(cosines).mean() + offset
        groups = [list(layer.parameters()) for _, layers in nets for layer in layers]
        groups.append([slope, offset])
        found = iter(torch.autograd.grad(log_odds, [p for group in groups for p in group]))
        lengths.append(
            [sum(float(next(found).square().sum()) for _ in group) ** 0.5 for group in groups]
        )
        activity.append(np.mean(np.array(seen), axis=0).ravel())
    return np.array(lengths), np.array(activity)


@pytest.mark.parametrize("given", RECIPES, ids=str)
def test_inside_is_what_autograd_finds(given):
    pictures = people(widths=(10, 6))
    head = fitted(pictures, **given)
    pairs, same = pairs_of(people(widths=(10, 6), seed=2))
    found = head.inside(pairs, same)
    lengths, activity = by_autograd(head, pairs)
    log_odds = head.logit(pairs)
    wrong = 1 / (1 + np.exp(np.where(same, log_odds, -log_odds)))
    np.testing.assert_allclose(found.gradient_norms, wrong[:, None] * lengths, rtol=1e-5)
    np.testing.assert_allclose(
        found.activity, activity.reshape(len(pairs), -1), rtol=1e-6, atol=1e-9
    )
    np.testing.assert_allclose(found.loss, -np.log1p(-wrong), rtol=1e-6)
    networks = 1 if head.settings.joint else 2
    layers = {"linear": 1, "low_rank": 2}.get(head.settings.shape, len(head.settings.hidden) + 1)
    assert found.gradient_norms.shape[1] == networks * layers + 1


def test_blocks_change_nothing(monkeypatch):
    head = fitted()
    pairs, same = pairs_of(people(seed=1), count=23)
    whole = head.inside(pairs, same).columns()
    monkeypatch.setattr(adapter_inside, "PAIRS_AT_ONCE", 5)
    np.testing.assert_allclose(head.inside(pairs, same).columns(), whole, rtol=1e-9)


@pytest.mark.parametrize("joint", [True, False])
def test_kept_centres_show_who_was_trained_on(joint):
    pictures = people(count=40, each=6, widths=(16, 16), noise=1.2)
    member = pictures.person < 20
    head = fitted(pictures.take(member), keep_centres=True, joint=joint, epochs=30)
    left = np.arange(0, len(pictures), 2)
    sides = [tuple(m[rows] for m in pictures.embeddings) for rows in (left, left + 1)]
    found = head.inside(EmbeddedPairs(*sides), np.ones(len(left), dtype=bool))
    assert found.names()[-2:] == ("nearest centre", "gap to the second centre")
    centres = head.state()[1]["centres"]
    wanted = []
    for side in sides:
        ordered = [
            sorted(float(row @ centre) for centre in centres) for row in head.templates(side)
        ]
        wanted.append([[row[-1], row[-1] - row[-2]] for row in ordered])
    np.testing.assert_allclose(found.extra, np.mean(wanted, axis=0), atol=1e-5)
    np.testing.assert_array_equal(found.columns()[:, -2:], found.extra)
    nearest, gap = found.extra.T
    trained = member[left]
    assert nearest[trained].mean() > nearest[~trained].mean() + 0.05
    assert gap[trained].mean() > gap[~trained].mean()


def test_without_centres_nothing_of_them_shows():
    pairs, same = pairs_of(people())
    found = fitted().inside(pairs, same)
    assert found.extra is None
    assert not any("centre" in name for name in found.names())


def test_extra_numbers_must_fit_their_names():
    one = np.zeros((3, 1))
    plain = np.zeros(3), one, np.zeros((3, 0))
    with pytest.raises(UsageError, match=r"inside: extra must be \(n, 2\), a column a name"):
        Inside(*plain, extra=one, extra_names=("a", "b"))
    with pytest.raises(UsageError, match=r"extra must be \(n, 1\)"):
        Inside(*plain, extra_names=("a",))
    with pytest.raises(UsageError, match="extra is not finite"):
        Inside(*plain, extra=one * np.nan, extra_names=("a",))
    first = Inside(*plain, extra=one + 1, extra_names=("a",))
    second = Inside(*plain, extra=one + 4, extra_names=("a",))
    mean = Inside.mean([first, second])
    np.testing.assert_array_equal(mean.extra, one + 2.5)
    assert mean.names()[-1] == "a"


def test_joined_templates_of_one_backbone_are_its_own():
    matrix = people().embeddings[0]
    assert join([matrix]) is matrix
