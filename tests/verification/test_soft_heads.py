"""Heads fitted to chances: chances of 0 and 1 are labels, and others have a stated minimum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import HEADS, SoftHead, SoftJob, make_head
from facebone.verification.heads.base import sigmoid

SMALL = {"layers": [32, 16], "batch_norm": [1], "epochs": 4, "learning_rate": 1e-2}
SETTINGS = {"mlp": SMALL}
SOFT = [name for name in HEADS.names() if isinstance(make_head(name), SoftHead)]


def data(pairs=200, seed=0, widths=(10, 6)):
    """Pairs, and how likely each shows one person: the more, the closer its first backbone."""
    rng = np.random.default_rng(seed)
    near = rng.random((pairs, 1))
    left, right = [], []
    for width in widths:
        a = rng.normal(size=(pairs, width))
        b = near * a + (1 - near) * rng.normal(size=(pairs, width))
        left.append(normalise(a.astype(np.float32)))
        right.append(normalise(b.astype(np.float32)))
    made = EmbeddedPairs(tuple(left), tuple(right))
    return made, sigmoid(4 * made.cosines()[:, 0].astype(np.float64) - 2)


def fitted(name, pairs, chance, seed=1, **settings):
    head = make_head(name, SETTINGS.get(name, {}) | settings)
    head.fit_soft(pairs, chance, seed=seed)
    return head


def assert_same_bits(one, other):
    arrays = other.state()[1]
    for name, array in one.state()[1].items():
        assert array.tobytes() == arrays[name].tobytes(), name


@pytest.fixture(params=SOFT)
def name(request):
    return request.param


def test_all_that_learn_from_pairs_can():
    assert set(SOFT) == {"logistic", "quality", "products", "mlp"}


def test_chances_of_nought_and_one_are_labels(name):
    pairs, chance = data()
    same = chance > 0.5
    plain = make_head(name, SETTINGS.get(name))
    wanted = plain.fit(pairs, same, seed=1)
    head = make_head(name, SETTINGS.get(name))
    report = head.fit_soft(pairs, same.astype(np.float64), seed=1)
    assert report.pairs == wanted.pairs == 200
    assert head.dimensions == (10, 6)
    if name == "mlp":
        assert report == wanted
        assert_same_bits(head, plain)
    else:
        np.testing.assert_allclose(head.logit(pairs), plain.logit(pairs), atol=1e-6)


@pytest.mark.parametrize("name", ["logistic", "products"])
def test_a_regression_is_the_minimum_of_the_soft_loss(name):
    pairs, chance = data()
    head = fitted(name, pairs, chance, C=0.5)
    raw = (pairs.cosines() if name == "logistic" else pairs.products()).astype(np.float64)
    x = (raw - raw.mean(axis=0)) / raw.std(axis=0)

    def loss(w):
        z = x @ w[:-1] + w[-1]
        # -p log(sigmoid(z)) - (1 - p) log(1 - sigmoid(z))
        each = chance * np.logaddexp(0, -z) + (1 - chance) * np.logaddexp(0, z)
        return w[:-1] @ w[:-1] / 2 + 0.5 * each.sum()

    best = minimize(loss, np.zeros(x.shape[1] + 1), method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(head.logit(pairs), x @ best.x[:-1] + best.x[-1], atol=1e-4)


def test_it_learns_how_likely_not_only_which_is_likelier(name):
    """Not aiming at certainty, as labels would: chances between 0.2 and 0.4 come back."""
    pairs, chance = data()
    head = fitted(name, pairs, 0.2 + 0.2 * chance, **({"epochs": 30} if name == "mlp" else {}))
    fresh, wanted = data(seed=1)
    found = head.score(fresh)
    assert found.mean() == pytest.approx((0.2 + 0.2 * wanted).mean(), abs=0.03)
    assert np.corrcoef(found, wanted)[0, 1] > (0.3 if name == "mlp" else 0.6)
    assert np.abs(found - 0.3).max() < 0.25


def test_many_are_as_each_alone(name):
    jobs = [SoftJob(*data(count, seed=count), count) for count in (150, 129, 192, 150)]
    heads = make_head(name, SETTINGS.get(name)).fit_soft_many(iter(jobs))
    assert len(heads) == 4
    for head, job in zip(heads, jobs, strict=True):
        assert head.dimensions == (10, 6)
        assert_same_bits(head, fitted(name, job.pairs, job.chance, seed=job.seed))
    assert make_head(name).fit_soft_many([]) == []


def test_early_stopping_keeps_pairs_of_both_sides_aside():
    pairs, chance = data()
    settings = SMALL | {"patience": 1, "epochs": 12}
    head = make_head("mlp", settings)
    report = head.fit_soft(pairs, chance, seed=3)
    likely = int((chance >= 0.5).sum())
    aside = round(0.1 * likely) + round(0.1 * (200 - likely))
    assert (report.held_out, report.pairs) == (aside, 200 - aside)
    assert len(report.validation_loss) == report.epochs
    (again,) = make_head("mlp", settings).fit_soft_many([SoftJob(pairs, chance, 3)])
    assert_same_bits(again, head)
    fresh, wanted = data(seed=1)
    other = make_head("mlp", settings)
    report = other.fit_soft(pairs, chance, seed=3, validation=(fresh, wanted > 0.5))
    assert report.held_out == 0
    assert len(report.validation_loss) == report.epochs
    narrow, wanted = data(widths=(10, 5))
    with pytest.raises(UsageError, match=r"validation: embeddings of width \(10, 5\), training"):
        other.fit_soft(pairs, chance, seed=3, validation=(narrow, wanted > 0.5))


@pytest.mark.parametrize(
    ("chance", "message"),
    [
        (np.full(199, 0.5), r"float64 of shape \(200,\), of one pair at least, got float64 of \(1"),
        (np.full(200, 0.5, dtype=np.float32), "got float32 of"),
        (np.full(200, True), "got bool of"),
        (np.full(200, 1.01), "must lie between 0 and 1"),
        (np.full(200, -0.01), "must lie between 0 and 1"),
        (np.full(200, np.nan), "must lie between 0 and 1"),
    ],
)
def test_what_are_no_chances_is_refused(name, chance, message):
    pairs, _ = data()
    with pytest.raises(UsageError, match=f"head {name}: chances .*{message}"):
        make_head(name, SETTINGS.get(name)).fit_soft(pairs, chance, seed=0)
    with pytest.raises(UsageError, match=message):
        make_head(name, SETTINGS.get(name)).fit_soft_many([SoftJob(pairs, chance, 0)])


def test_other_bad_lessons_are_refused(name):
    pairs, chance = data()
    head = make_head(name, SETTINGS.get(name))
    with pytest.raises(UsageError, match="seed: must be in"):
        head.fit_soft(pairs, chance, seed=-1)
    nothing = np.array([], dtype=np.intp)
    with pytest.raises(UsageError, match="of one pair at least"):
        head.fit_soft(pairs.take(nothing), chance[:0], seed=0)
    pairs.left[1][7, 0] = np.inf
    with pytest.raises(UsageError, match="the embeddings of pair 7 are not finite"):
        head.fit_soft(pairs, chance, seed=0)


def test_an_objective_that_asks_for_labels_is_refused():
    head = make_head("mlp", SMALL | {"objective": "relaxloss"})
    with pytest.raises(UsageError, match="labels alone, with objective relaxloss; take another"):
        head.fit_soft(*data(), seed=0)


def test_jobs_of_other_widths_are_refused():
    jobs = [SoftJob(*data(widths=widths), 0) for widths in ((10, 6), (8, 8))]
    with pytest.raises(UsageError, match=r"one width are needed, got 10 \+ 6 and 8 \+ 8"):
        make_head("mlp", SMALL).fit_soft_many(jobs)
