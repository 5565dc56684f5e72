"""Heads behind guards: they learn as they did, answer through the guard, and come back whole."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.numpy

from facebone.errors import UnknownNameError, UsageError, WeightsError
from facebone.mitigations.base import make_mitigation
from facebone.mitigations.guards.decision import SHOWN
from facebone.mitigations.guards.guard import make_guard
from facebone.mitigations.guards.head import GuardedHead
from facebone.mitigations.guards.people_head import GuardedPeopleHead
from facebone.verification.heads import FitJob, Views, head_from_state, make_head
from facebone.verification.heads.base import sigmoid

GUARDS = ("rounding", "decision_only", "keyed_noise", "memguard", "query_budget")
KEY = "a key that must be shown nowhere"


@pytest.fixture(params=GUARDS)
def guard(request):
    return request.param


def fitted(protect, toy, spec, head="logistic", seed=2):
    made = protect(spec, head)
    made.fit(*toy(), seed=seed)
    return made


def came_back(head):
    config, arrays = head.state()
    read = safetensors.numpy.load(safetensors.numpy.save(arrays))
    return head_from_state(json.loads(json.dumps(config)), read)


@pytest.mark.parametrize("head", ["logistic", "mlp"])
def test_what_stands_behind_is_the_head_itself(toy, protect, guard, head):
    """As it learns without a guard, from the pairs that the guard leaves it."""
    guarded, plain = protect(guard, head), protect("none", head)
    pairs, same = toy()
    report = guarded.fit(pairs, same, seed=2)
    kept, aside = guarded._split(same, 2)
    expected = plain.fit(pairs.take(kept), same[kept], seed=2)
    assert (report.pairs, report.epochs) == (expected.pairs, expected.epochs)
    assert (report.held_out, report.pairs) == (len(aside), len(pairs) - len(aside))
    assert (len(aside) > 0) == (guard == "memguard")
    asked, truth = toy(seed=1)
    for seen, wanted in zip(
        (guarded.inside(asked, truth).columns(), guarded._inner.logit(asked)),
        (plain.inside(asked, truth).columns(), plain.logit(asked)),
        strict=True,
    ):
        np.testing.assert_array_equal(seen, wanted)
    assert (guarded.base_name, guarded.alternates, guarded.answers_vary) == (head, False, False)
    np.testing.assert_array_equal(guarded.bare.logit(asked), plain.logit(asked))
    assert plain.bare is plain
    shown = guarded.logit(asked)
    np.testing.assert_array_equal(shown, guarded._guard.show(plain.logit(asked), asked))
    np.testing.assert_array_equal(guarded.score(asked), sigmoid(shown))
    assert np.isfinite(shown).all()
    # The next pair is a stranger to query_budget, and would be answered as it is.
    assert (shown != plain.logit(asked)).any() or guard == "query_budget"
    if guarded._guard.keeps_decisions:
        np.testing.assert_array_equal(shown >= 0, plain.logit(asked) >= 0)


def test_quick_answers_and_ways_go_through_the_guard(toy, protect, guard):
    head = fitted(protect, toy, guard, "mlp")
    asked, _ = toy(seed=1)
    head.reseed(np.random.default_rng(0))
    through = head.through(asked)
    assert through.shape == (300, 1)
    head.reseed(np.random.default_rng(0))
    np.testing.assert_array_equal(through[:, 0], head.logit(asked))
    head.reseed(np.random.default_rng(0))
    quick = head.quick_logit(asked)
    assert quick.dtype == np.float32
    # A rounded score may fall on the other side of the edge, where float32 does.
    assert np.isclose(quick, through[:, 0], rtol=1e-4, atol=1e-3).mean() > 0.98
    nothing = asked.take(np.array([], dtype=np.intp))
    assert head.logit(nothing).shape == head.quick_logit(nothing).shape == (0,)
    assert head.through(nothing).shape == (0, 1)


def test_each_way_of_a_rotated_head_is_guarded(toy, protect, guard):
    spec = "facebone:assignment=pair,query=mean"
    head = fitted(protect, toy, f"{spec}/{guard}", "mlp")
    asked, _ = toy(seed=1)
    assert (head.base_name, head.alternates) == ("mlp", True)
    ways, behind = head.through(asked), head._inner.through(asked)
    assert ways.shape == behind.shape == (300, 3)
    assert np.isfinite(ways).all()
    if guard == "keyed_noise":
        noise = ways - behind
        # Drawn anew for each way, lest their difference tell what stands behind.
        assert np.abs(np.corrcoef(noise.T) - np.eye(3)).max() < 0.3
    elif guard == "decision_only":
        np.testing.assert_array_equal(ways, np.where(behind >= 0, SHOWN, -SHOWN))
    elif guard == "rounding":
        assert len(np.unique(ways)) <= 11


def test_answers_pass_guards_in_the_order_of_their_names(toy, protect):
    head = fitted(protect, toy, "keyed_noise:scale=3/rounding/decision_only:at=0.75")
    assert [each.name for each in head.guards] == ["keyed_noise", "rounding", "decision_only"]
    noisy = fitted(protect, toy, "keyed_noise:scale=3")
    asked, _ = toy(seed=1)
    rounded = np.clip(np.round(sigmoid(noisy.logit(asked)), 1), 0.05, 0.95)
    expected = np.where(rounded >= 0.75, SHOWN, -SHOWN)
    np.testing.assert_array_equal(head.logit(asked), expected)
    again = came_back(head)
    assert again.settings == head.settings
    np.testing.assert_array_equal(again.logit(asked), expected)


@pytest.mark.parametrize("head", ["logistic", "mlp"])
def test_many_are_each_as_alone(toy, protect, guard, head):
    pool, same = toy()
    rng = np.random.default_rng(9)
    members = [rng.permutation(300)[:count] for count in (150, 131, 150)]
    unfitted = protect(guard, head)
    many = unfitted.fit_many(pool, same, members, [3, 1, 4], at_once=2)
    asked, _ = toy(seed=1)
    for found, rows, seed in zip(many, members, [3, 1, 4], strict=True):
        alone = unfitted.fresh()
        alone.fit(pool.take(rows), same[rows], seed=seed)
        (config, arrays), (other, expected) = found.state(), alone.state()
        assert config == other
        assert set(arrays) == set(expected)
        for name, array in arrays.items():
            np.testing.assert_allclose(array, expected[name], rtol=1e-3, atol=1e-4, err_msg=name)
        shown, wanted = found.logit(asked), alone.logit(asked)
        assert np.isclose(shown, wanted, rtol=1e-3, atol=1e-3).mean() > 0.95
    assert unfitted.dimensions is None
    assert dict(unfitted.stream_many(pool, same, members, [3, 1, 4])).keys() == {0, 1, 2}
    assert unfitted.fit_many(pool, same, [], []) == []


def test_views_are_learnt_from_as_behind_no_guard(toy, protect, guard):
    pairs, same = toy(widths=(12, 12))
    views = Views(pairs, np.random.default_rng(0).integers(2, size=(3, 300)))
    head = protect(guard, "mlp")
    head.fit_views(views, same, seed=5)
    kept, _ = head._split(same, 5)
    plain = protect("none", "mlp")
    plain.fit_views(views.take(kept), same[kept], seed=5)
    asked = toy(seed=1, widths=(12,))[0]
    np.testing.assert_array_equal(head._inner.logit(asked), plain.logit(asked))
    assert head.dimensions == (12,)
    jobs = [FitJob(views, same, 5), FitJob(views.take(np.arange(200)), same[:200], 6)]
    many = protect(guard, "mlp").fit_views_many(iter(jobs))
    assert np.isclose(many[0].logit(asked), head.logit(asked), atol=1e-3).mean() > 0.95
    assert came_back(many[1]).dimensions == (12,)


@pytest.mark.parametrize("spec", [
    f"keyed_noise:key={KEY}",
    f"facebone:assignment=pair,query=secret,key={KEY}/rounding",
    f"facebone:assignment=pair,query=secret/memguard:key={KEY}/query_budget:key=another {KEY}",
])  # fmt: skip
def test_keys_are_saved_with_the_arrays_and_shown_nowhere(toy, protect, spec):
    head = fitted(protect, toy, spec, "mlp")
    again = came_back(head)
    assert again.settings == head.settings
    asked, _ = toy(seed=1)
    np.testing.assert_array_equal(again.logit(asked), head.logit(asked))
    config, arrays = head.state()
    digits = [bytes(a).hex() for name, a in arrays.items() if name.split(".")[-1] == "key"]
    assert digits
    for shown in (json.dumps(config), repr(head.settings), str(head.settings)):
        assert KEY not in shown
        assert not any(each in shown for each in digits)
    assert again.state()[0] == config
    fresh = again.fresh()
    assert (fresh.dimensions, fresh.settings) == (None, head.settings)


def test_fresh_and_fitting_again_start_afresh(toy, protect, guard):
    head = fitted(protect, toy, guard)
    again = head.fresh()
    assert again.dimensions is None
    with pytest.raises(UsageError, match="head guarded: scores nothing before it is fitted"):
        again.logit(toy()[0])
    with pytest.raises(UsageError, match="nothing to save"):
        again.state()
    head.fit(*toy(seed=8), seed=2)
    again.fit(*toy(seed=8), seed=2)
    asked, _ = toy(seed=1)
    np.testing.assert_array_equal(head.logit(asked), again.logit(asked))
    config, arrays = head.state()
    kept = head_from_state(config, arrays)
    before = kept.logit(asked)
    head.fit(*toy(seed=3), seed=1)
    kept.reseed(np.random.default_rng(0))
    np.testing.assert_array_equal(kept.logit(asked), before)


def test_answers_that_vary_still_do(toy, protect):
    head = fitted(protect, toy, "facebone:assignment=pair,query=random/keyed_noise", "mlp")
    assert head.answers_vary
    asked, _ = toy(seed=1)
    first = head.logit(asked)
    assert (head.logit(asked) != first).any()
    head.reseed(np.random.default_rng(4))
    drawn = head.logit(asked)
    head.reseed(np.random.default_rng(4))
    np.testing.assert_array_equal(head.logit(asked), drawn)


def test_saved_arrays_must_fit(toy, protect):
    config, arrays = fitted(protect, toy, "keyed_noise").state()

    def load(changed, settings=None):
        given = config if settings is None else config | {"settings": settings}
        return head_from_state(given, changed)

    with pytest.raises(WeightsError, match="head guarded: arrays missing or too many: other"):
        load(arrays | {"other": np.zeros(1)})
    with pytest.raises(WeightsError, match="guard keyed_noise: arrays missing or too many: key"):
        load({name: array for name, array in arrays.items() if name != "guard.key"})
    with pytest.raises(WeightsError, match="guard keyed_noise: centre has shape"):
        load(arrays | {"guard.centre": np.zeros(3)})
    with pytest.raises(WeightsError, match="guard keyed_noise: centre is not finite"):
        load(arrays | {"guard.centre": np.full_like(arrays["guard.centre"], np.nan)})
    with pytest.raises(WeightsError, match="head logistic: arrays missing or too many: mean"):
        load({name: array for name, array in arrays.items() if name != "head.mean"})
    own = config["settings"]
    with pytest.raises(UnknownNameError, match="unknown mitigation 'keyed_nose'"):
        load(arrays, own | {"guard": "keyed_nose"})
    with pytest.raises(UsageError, match="guard: facebone guards no answers"):
        load(arrays, own | {"guard": "facebone"})
    with pytest.raises(WeightsError, match="head cosine cannot be behind a guard"):
        load({}, {"guard": "rounding", "head": "cosine", "guard_settings": {}, "head_settings": {}})
    with pytest.raises(UsageError, match="needs the name and the settings of a head"):
        load(arrays, own | {"head": 3})


def test_heads_that_cannot_be_guarded(protect):
    with pytest.raises(UsageError, match="head cosine learns nothing; take a head that learns"):
        make_mitigation("rounding").protect("cosine", {}, backbones=("one",))
    guard = make_guard("rounding", {})
    with pytest.raises(UsageError, match="cannot guard head whitening"):
        GuardedHead.around(make_head("whitening"), guard)
    with pytest.raises(UsageError, match="cannot guard head logistic"):
        GuardedPeopleHead.around(make_head("logistic"), guard)
    assert protect("rounding").settings.head == "logistic"
    assert GuardedHead().settings.guard == "rounding"


def test_too_few_pairs_to_keep_aside(toy, protect):
    pairs, same = toy(pairs=6)
    with pytest.raises(UsageError, match=r"guard memguard: 3 pairs are too few to keep a share"):
        protect("memguard").fit(pairs, same, seed=0)
