"""One contract over every registered head."""

from __future__ import annotations

import json

import numpy as np
import pytest

from facebone.data.pairs import Pairs
from facebone.errors import FaceBoneError, UnknownNameError, UsageError, WeightsError
from facebone.mitigations.base import make_mitigation
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import HEADS, Views, head_from_state, make_head
from facebone.verification.metrics import auc

# Small enough to be quick; every other setting keeps its default.
QUICK = {"mlp": {"layers": [32, 16], "batch_norm": [1], "epochs": 12, "learning_rate": 3e-3}}


def toy(pairs=400, seed=0, widths=(12, 8), noise=0.5):
    """People as random directions, pictures as people plus noise, under two backbones."""
    rng = np.random.default_rng(seed)
    people = rng.integers(0, 150, size=(2, pairs))
    same = np.arange(pairs) % 2 == 0
    people[1] = np.where(same, people[0], (people[0] + rng.integers(1, 150, pairs)) % 150)
    matrices = []
    for width in widths:
        centres = np.random.default_rng(width).normal(size=(150, width))
        rows = centres[people.ravel()] + noise * rng.normal(size=(2 * pairs, width))
        matrices.append(rows.astype(np.float32))
    positions = np.arange(2 * pairs)
    columns = Pairs(positions[:pairs], positions[pairs:], same)
    return EmbeddedPairs.gather(matrices, columns), same


def fitted(name, seed=0, **settings):
    head = make_head(name, QUICK.get(name, {}) | settings)
    pairs, same = toy()
    head.fit(pairs, same, seed=seed)
    return head


@pytest.fixture(params=HEADS.names())
def name(request):
    return request.param


def test_the_heads_there_are():
    assert set(HEADS.names()) >= {"cosine", "euclidean", "logistic", "quality", "products", "mlp"}


def test_learns_a_separable_problem_with_the_right_sign(name):
    pairs, same = toy(seed=1)
    scores = fitted(name).score(pairs)
    assert scores.shape == (400,)
    assert scores.dtype == np.float64
    assert auc(scores, same) > 0.95
    assert scores[same].mean() > scores[~same].mean()


def test_a_score_of_a_head_that_learns_is_a_probability_of_the_logit(name):
    head = fitted(name)
    if not head.learns:
        assert not hasattr(head, "logit")
        return
    pairs, _ = toy(seed=1)
    np.testing.assert_allclose(head.score(pairs), 1 / (1 + np.exp(-head.logit(pairs))), rtol=1e-12)


def test_saved_state_scores_bit_for_bit_alike(name):
    head = fitted(name)
    pairs, _ = toy(seed=1)
    config, arrays = head.state()
    again = head_from_state(json.loads(json.dumps(config)), arrays)
    assert type(again) is type(head)
    assert again.settings == head.settings
    assert again.dimensions == head.dimensions
    assert again.score(pairs).tobytes() == head.score(pairs).tobytes()


def test_state_is_a_copy_that_later_fits_do_not_change(name):
    head = fitted(name)
    config, arrays = head.state()
    again = head_from_state(config, arrays)
    pairs, same = toy(seed=1)
    before = again.score(pairs)
    head.fit(pairs, same, seed=3)
    np.testing.assert_array_equal(again.score(pairs), before)


def test_same_seed_same_head(name):
    pairs, _ = toy(seed=1)
    np.testing.assert_array_equal(fitted(name).score(pairs), fitted(name).score(pairs))


def test_another_seed_changes_stochastic_heads_alone(name):
    pairs, _ = toy(seed=1)
    equal = np.array_equal(fitted(name, seed=1).score(pairs), fitted(name, seed=2).score(pairs))
    assert equal == (name != "mlp")


def test_fitting_again_starts_afresh(name):
    head = fitted(name)
    pairs, same = toy(seed=1)
    head.fit(pairs, same, seed=5)
    other = make_head(name, QUICK.get(name))
    other.fit(pairs, same, seed=5)
    np.testing.assert_array_equal(head.score(pairs), other.score(pairs))


def test_no_global_seed_is_used_or_changed(name):
    import torch

    pairs, _ = toy(seed=1)
    wanted = fitted(name).score(pairs)
    torch.manual_seed(99)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    np.testing.assert_array_equal(fitted(name).score(pairs), wanted)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_order_of_rows_does_not_count(name):
    head = fitted(name)
    pairs, _ = toy(seed=1)
    order = np.random.default_rng(0).permutation(400)
    np.testing.assert_allclose(
        head.score(pairs.take(order)), head.score(pairs)[order], rtol=1e-9, atol=1e-12
    )


def test_one_pair_scores_as_it_does_among_others(name):
    head = fitted(name)
    pairs, _ = toy(seed=1)
    alone = head.score(pairs.take(np.array([7])))
    np.testing.assert_allclose(alone, head.score(pairs)[[7]], rtol=1e-9, atol=1e-12)


def test_left_and_right_may_change_places(name):
    """Unless a head has a setting for it, which then says whether they may."""
    pairs, _ = toy(seed=1)
    turned = pairs.turned()
    asked = hasattr(make_head(name).settings, "symmetric")
    head = fitted(name, **({"symmetric": True} if asked else {}))
    np.testing.assert_allclose(head.score(turned), head.score(pairs), rtol=1e-9, atol=1e-12)
    if asked:
        head = fitted(name, symmetric=False)
        assert np.abs(head.score(turned) - head.score(pairs)).max() > 1e-3


def test_answers_do_not_vary(name):
    head = fitted(name)
    pairs, _ = toy(seed=1)
    assert not head.answers_vary
    before = head.score(pairs)
    head.reseed(np.random.default_rng(1))
    np.testing.assert_array_equal(head.score(pairs), before)


def test_a_view_through_one_backbone_alone_is_that_backbone(name):
    """A schedule that always shows backbone 1: what fitting to backbone 1 gives, bit for bit."""
    pairs, same = toy(widths=(9, 9))
    views = Views(pairs, np.ones((3, 400), dtype=np.intp))
    seen, plain = make_head(name, QUICK.get(name)), make_head(name, QUICK.get(name))
    report = seen.fit_views(views, same, seed=4)
    assert report == plain.fit(pairs.choose([1]), same, seed=4)
    assert seen.dimensions == (9,)
    one = toy(seed=1, widths=(9,))[0]
    assert seen.score(one).tobytes() == plain.score(one).tobytes()


def test_views_are_checked_as_pairs_are(name):
    pairs, same = toy(widths=(9, 9))
    views = Views(pairs, np.zeros((1, 400), dtype=np.intp))
    head = make_head(name, QUICK.get(name))
    with pytest.raises(UsageError, match="seed: must be in"):
        head.fit_views(views, same, seed=-1)
    with pytest.raises(UsageError, match=r"must be bool of shape \(400,\), got bool of \(399,\)"):
        head.fit_views(views, same[1:], seed=0)
    with pytest.raises(UsageError, match=r"width \(9, 9\), training has \(9,\)"):
        head.fit_views(views, same, seed=0, validation=(pairs, same))
    pairs.left[1][5, 0] = np.nan
    with pytest.raises(UsageError, match="pair 5 are not finite"):
        head.fit_views(views, same, seed=0)


def test_no_pairs_no_scores(name):
    pairs, _ = toy()
    assert fitted(name).score(pairs.take(np.array([], dtype=np.intp))).shape == (0,)


def test_a_head_that_learns_must_be_fitted_first(name):
    head = make_head(name)
    pairs, _ = toy()
    if not head.learns:
        assert head.score(pairs).shape == (400,)
        assert head_from_state(*head.state()).name == name
        return
    with pytest.raises(UsageError, match=f"head {name}: scores nothing before it is fitted"):
        head.score(pairs)
    with pytest.raises(UsageError, match="nothing to save"):
        head.state()


def test_fresh_forgets_what_was_learnt_and_keeps_the_settings(name):
    head = fitted(name)
    again = head.fresh()
    assert again.settings == head.settings
    assert again.dimensions is None


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_embeddings_that_are_not_finite_are_refused(name, bad):
    pairs, same = toy()
    pairs.right[1][17, 3] = bad
    with pytest.raises(UsageError, match=f"head {name}: the embeddings of pair 17 are not finite"):
        make_head(name, QUICK.get(name)).fit(pairs, same, seed=0)
    with pytest.raises(UsageError, match="pair 17 are not finite; leave out"):
        fitted(name).score(pairs)


@pytest.mark.parametrize(("label", "word"), [(True, "matched"), (False, "mismatched")])
def test_labels_of_one_class_are_refused(name, label, word):
    pairs, _ = toy()
    with pytest.raises(UsageError, match=f"got only {word} pairs"):
        make_head(name).fit(pairs, np.full(400, label), seed=0)


def test_labels_must_fit(name):
    pairs, same = toy()
    with pytest.raises(UsageError, match=r"must be bool of shape \(400,\), got bool of \(399,\)"):
        make_head(name).fit(pairs, same[1:], seed=0)
    with pytest.raises(UsageError, match=r"must be bool .*, got int64"):
        make_head(name).fit(pairs, same.astype(np.int64), seed=0)
    nothing = pairs.take(np.array([], dtype=np.intp))
    with pytest.raises(UsageError, match="got no pair"):
        make_head(name).fit(nothing, same[:0], seed=0)


def test_other_backbones_than_it_was_fitted_with_are_refused(name):
    head = fitted(name)
    pairs, same = toy(widths=(12, 9))
    if not head.learns:
        assert head.score(pairs).shape == (400,)
        return
    with pytest.raises(UsageError, match=r"fitted to embeddings of width \(12, 8\), got \(12, 9\)"):
        head.score(pairs)
    good, labels = toy()
    with pytest.raises(UsageError, match=r"validation: embeddings of width \(12, 9\)"):
        head.fit(good, labels, seed=0, validation=(pairs, same))


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seed_out_of_range_is_refused(name, seed):
    pairs, same = toy()
    with pytest.raises(UsageError, match="seed: must be in"):
        make_head(name).fit(pairs, same, seed=seed)


def test_unknown_settings_are_refused_with_the_nearest(name):
    with pytest.raises(UnknownNameError, match=f"unknown setting of head {name} 'epoch'"):
        make_head(name, {"epoch": 3})


def test_settings_of_another_head_are_refused(name):
    with pytest.raises(UsageError, match=f"head {name}: needs settings of type"):
        HEADS.get(name)(settings="none")


def test_saved_arrays_must_fit(name):
    config, arrays = fitted(name).state()
    with pytest.raises(WeightsError, match="missing or too many: surplus"):
        head_from_state(config, arrays | {"surplus": np.zeros(1)})
    if not arrays:
        return
    first = sorted(arrays)[0]
    with pytest.raises(WeightsError, match=f"missing or too many: {first}"):
        head_from_state(config, {k: v for k, v in arrays.items() if k != first})
    with pytest.raises(WeightsError, match=f"{first} has shape"):
        head_from_state(config, arrays | {first: np.zeros((3, 3, 3))})
    with pytest.raises(WeightsError, match=f"{first} is not finite"):
        head_from_state(config, arrays | {first: np.full(arrays[first].shape, np.nan)})
    with pytest.raises(WeightsError, match="has shape"):
        head_from_state(config | {"dimensions": [12, 8, 4]}, arrays)
    with pytest.raises(WeightsError, match="says nothing of the backbones"):
        head_from_state(config | {"dimensions": None}, arrays)


# ---- heads that learn, and those composed of them -----------------------------------------------


def learning_heads():
    """Every registered head that learns, alone and rotated, and in how many ways it answers."""
    for name in HEADS.names():
        head = make_head(name, QUICK.get(name))
        if not head.learns:
            continue
        yield pytest.param((head, 1), id=name)
        for query in ("mean", "fixed", "random", "secret"):
            rotation = make_mitigation("facebone", {"assignment": "pair", "query": query})
            rotated = rotation.protect(name, QUICK.get(name, {}), backbones=("one", "two"))
            yield pytest.param((rotated, 2), id=f"{name} rotated, {query}")


@pytest.fixture(params=learning_heads())
def learnt(request):
    """A fitted head that learns, in how many ways it answers, and whether by their mean."""
    unfitted, ways = request.param
    head = unfitted.fresh()
    head.fit(*toy(), seed=0)
    return head, ways, getattr(head.settings, "query", "mean") == "mean"


def test_it_answers_by_the_mean_of_its_ways_or_by_one_of_them(learnt):
    head, ways, averages = learnt
    pairs, _ = toy(seed=1)
    through = head.through(pairs)
    assert (through.shape, through.dtype) == ((400, ways), np.float64)
    answer = head.logit(pairs)
    if averages:
        np.testing.assert_allclose(through.mean(axis=1), answer, rtol=1e-9, atol=1e-12)
    else:
        # Products of matrices may round otherwise where other rows stand beside.
        assert np.isclose(through, answer[:, None], rtol=1e-9, atol=1e-12).any(axis=1).all()
    assert head.through(pairs.take(np.array([], dtype=np.intp))).shape == (0, ways)


def test_inside_is_the_loss_of_each_way_and_what_makes_it(learnt):
    head, _, _ = learnt
    pairs, same = toy(seed=1)
    found = head.inside(pairs, same)
    probability = 1 / (1 + np.exp(-head.through(pairs)))
    right = np.where(same[:, None], probability, 1 - probability)
    np.testing.assert_allclose(found.loss, -np.log(right).mean(axis=1), rtol=1e-6, atol=1e-9)
    assert (found.gradient_norms > 0).all()
    columns = found.columns()
    assert (columns.shape, columns.dtype) == ((400, len(found.names())), np.float64)
    assert len(set(found.names())) == len(found.names())
    # The surer and right a pair is, the less it would change the head.
    assert np.corrcoef(found.loss, found.gradient_norms.sum(axis=1))[0, 1] > 0.3


def test_inside_of_a_few_pairs_or_none(learnt):
    head, _, _ = learnt
    pairs, same = toy(seed=1)
    found = head.inside(pairs, same)
    rows = np.flatnonzero(same)[:3]
    few = head.inside(pairs.take(rows), same[rows])
    np.testing.assert_allclose(few.columns(), found.columns()[rows], rtol=1e-6, atol=1e-9)
    nothing = head.inside(pairs.take(rows[:0]), same[:0])
    assert len(nothing) == 0
    assert nothing.names() == found.names()
    assert nothing.columns().shape == (0, len(found.names()))


def test_inside_checks_what_it_is_given(learnt):
    head, _, _ = learnt
    pairs, same = toy(seed=1)
    with pytest.raises(UsageError, match=r"labels must be bool of shape \(400,\), got bool"):
        head.inside(pairs, same[1:])
    with pytest.raises(UsageError, match=r"labels must be bool .* got int64"):
        head.inside(pairs, same.astype(np.int64))
    for ask in (head.through, lambda other: head.inside(other, same)):
        with pytest.raises(UsageError, match=r"fitted to embeddings of width \(12, 8\)"):
            ask(toy(widths=(12, 9))[0])
    with pytest.raises(UsageError, match="before it is fitted"):
        head.fresh().inside(pairs, same)
    pairs.left[0][3, 1] = np.nan
    with pytest.raises(UsageError, match="pair 3 are not finite"):
        head.inside(pairs, same)


def test_incomplete_or_unknown_state_is_refused():
    with pytest.raises(WeightsError, match="lacks dimensions, settings"):
        head_from_state({"head": "cosine"}, {})
    with pytest.raises(UnknownNameError, match="did you mean 'cosine'"):
        head_from_state({"head": "cosin", "settings": {}, "dimensions": None}, {})
    assert issubclass(UnknownNameError, FaceBoneError)
