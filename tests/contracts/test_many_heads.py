"""Every registered head, and every way FaceBone can be set: many at once are each as alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from facebone.errors import UsageError
from facebone.mitigations.base import make_mitigation, parse_mitigation
from facebone.settings import parse_spec
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import HEADS, FitJob, Views, logit_many, make_head

# Widths of whole vectors: in others, rounding moves what batch normalisation makes of no account,
# as a bias before it.
NAMES = ("one", "two", "three")
QUICK = {"layers": [32, 16], "batch_norm": [1], "epochs": 3, "learning_rate": 1e-2}
SEEDS = (3, 1, 4, 1, 5)
# Defences of the training recipe, which a logistic head has nothing of.
RECIPES = [
    "early_stopping",
    "weight_decay",
    "dropout",
    "label_smoothing",
    "mixup",
    "relaxloss",
    "adversarial_regularisation",
    "hamp",
]
SPECS = [
    "none",
    "facebone:assignment=all",
    "facebone:assignment=fusion",
    "facebone:quality=true",
    *(
        f"facebone:assignment={assignment},query={query},space={space}"
        for assignment, query, space in itertools.chain(
            itertools.product(("batch", "pair", "epoch"), ("mean",), ("procrustes", "random")),
            itertools.product(("pair",), ("fixed", "random", "secret"), ("learned", "raw")),
        )
    ),
]


def toy(pairs=240, seed=0):
    rng = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    a = rng.normal(size=(pairs, 10))
    b = np.where(same[:, None], a, rng.normal(size=a.shape))
    sides = ([], [])
    for k in range(3):
        turn = np.linalg.qr(np.random.default_rng(k).normal(size=(10, 10)))[0]
        for side, matrix in zip(sides, (a, b), strict=True):
            seen = matrix @ turn + 0.3 * rng.normal(size=matrix.shape)
            side.append(seen.astype(np.float32))
    return EmbeddedPairs.scale(*sides), same


def halves():
    """Parts of the pool of different sizes and orders, one of them twice."""
    rng = np.random.default_rng(9)
    return [rng.permutation(240)[:count] for count in (120, 101, 120, 130, 97)]


def unfitted_heads():
    yield from (
        pytest.param(make_head(name, QUICK if name == "mlp" else {}), id=name)
        for name in HEADS.names()
    )
    for spec, head in itertools.product(SPECS, ("mlp", "logistic")):
        mitigation = make_mitigation(*parse_spec(spec, where="spec"))
        settings = QUICK if head == "mlp" else {}
        yield pytest.param(mitigation.protect(head, settings, backbones=NAMES), id=f"{spec} {head}")
    for spec in (*RECIPES, *(f"facebone:assignment=pair/{name}" for name in RECIPES)):
        mitigation = make_mitigation(*parse_mitigation(spec))
        yield pytest.param(mitigation.protect("mlp", QUICK, backbones=NAMES), id=f"{spec} mlp")


@pytest.fixture(params=unfitted_heads())
def unfitted(request):
    return request.param


@pytest.fixture(params=HEADS.names())
def registered(request):
    return make_head(request.param, QUICK if request.param == "mlp" else {})


def assert_alike(many, alone):
    """The same head, but for rounding; what its answers are drawn from included."""
    config, arrays = many.state()
    expected_config, expected = alone.state()
    assert config == expected_config
    assert type(many) is type(alone)
    assert set(arrays) == set(expected)
    for name, array in arrays.items():
        assert array.dtype == expected[name].dtype
        np.testing.assert_allclose(array, expected[name], rtol=1e-3, atol=1e-4, err_msg=name)
    pairs, _ = toy(seed=1)
    np.testing.assert_allclose(many.score(pairs), alone.score(pairs), atol=1e-4)


def test_each_of_many_is_as_alone(unfitted):
    pool, same = toy()
    members = halves()
    heads = unfitted.fit_many(pool, same, members, SEEDS)
    assert len(heads) == 5
    for head, rows, seed in zip(heads, members, SEEDS, strict=True):
        alone = unfitted.fresh()
        alone.fit(pool.take(rows), same[rows], seed=seed)
        assert_alike(head, alone)
    if unfitted.learns:
        assert unfitted.dimensions is None
        scored = toy(seed=1)[0]
        assert np.abs(heads[1].score(scored) - heads[3].score(scored)).max() > 1e-4


def test_how_many_at_once_has_no_say(unfitted):
    pool, same = toy()
    few = unfitted.fit_many(pool, same, halves(), SEEDS, at_once=2)
    many = unfitted.fit_many(pool, same, halves(), SEEDS, at_once=5)
    for one, other in zip(few, many, strict=True):
        assert_alike(one, other)


def test_a_stream_gives_every_number_once(unfitted):
    pool, same = toy()
    stream = unfitted.stream_many(pool, same, halves(), SEEDS, at_once=2)
    found = dict(stream)
    assert sorted(found) == [0, 1, 2, 3, 4]
    together = unfitted.fit_many(pool, same, halves(), SEEDS, at_once=2)
    for number, head in found.items():
        assert_alike(head, together[number])


def test_views_of_their_own(registered):
    """Each job with pairs and a schedule of its own; composed heads make theirs by themselves."""
    jobs = []
    for seed, count in enumerate((150, 131)):
        pairs, same = toy(pairs=count, seed=seed)
        schedule = np.random.default_rng(seed).integers(3, size=(2, count))
        jobs.append(FitJob(Views(pairs, schedule), same, seed))
    heads = registered.fit_views_many(iter(jobs))
    for head, job in zip(heads, jobs, strict=True):
        alone = registered.fresh()
        alone.fit_views(job.views, job.same, seed=job.seed)
        assert head.dimensions == (10,)
        one = toy(seed=1)[0].choose([1])
        np.testing.assert_allclose(head.score(one), alone.score(one), atol=1e-4)
    assert registered.fit_views_many([]) == []


def test_many_are_asked_as_each_is(unfitted):
    if not unfitted.learns:
        assert not hasattr(unfitted, "quick_logit")
        return
    pool, same = toy()
    heads = unfitted.fit_many(pool, same, halves()[:2], [0, 1])
    again = unfitted.fit_many(pool, same, halves()[:2], [0, 1])
    asked = toy(seed=1)[0]
    found = logit_many(heads, asked)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [head.logit(asked) for head in again], atol=1e-4, rtol=1e-5)
    nothing = asked.take(np.array([], dtype=np.intp))
    assert logit_many(heads, nothing).shape == (2, 0)
    with pytest.raises(UsageError, match="scores nothing before it is fitted"):
        logit_many([heads[0], unfitted.fresh()], asked)


@pytest.mark.parametrize(
    ("members", "seeds", "message"),
    [
        ([np.arange(9)], [1, 2], "needs one seed a job, got 2 for 1 jobs"),
        ([np.arange(9), np.arange(4.0)], [1, 2], r"job 1: members must be a row of .* float64"),
        ([np.ones(240, dtype=bool)], [1], "got bool of .*; turn a mask into positions"),
        ([np.arange(8).reshape(2, 4)], [1], r"must be a row of integers, got int64 of \(2, 4\)"),
        ([np.arange(239, 241)], [1], r"job 0: names pairs 239 \.\. 240, the pool has 0 \.\. 239"),
        ([np.arange(-1, 4)], [1], r"names pairs -1 \.\. 3"),
        ([np.arange(9), np.arange(0, 9, 2)], [1, 2], "job 1: needs matched and mismatched pairs, "
         "got 5 matched of 5"),
        ([np.array([], dtype=np.intp)], [1], "got 0 matched of 0"),
        ([np.arange(9)], [-1], "seed: must be in"),
    ],
)  # fmt: skip
def test_bad_jobs_are_refused_before_anything_is_fitted(registered, members, seeds, message):
    pool, same = toy()
    with pytest.raises(UsageError, match=message):
        registered.stream_many(pool, same, members, seeds)


def test_bad_pools_and_numbers_are_refused(registered):
    pool, same = toy()
    with pytest.raises(UsageError, match="labels must be bool"):
        registered.fit_many(pool, same[1:], halves(), SEEDS)
    with pytest.raises(UsageError, match="at_once: must be an integer of at least 1, got 0"):
        registered.fit_many(pool, same, halves(), SEEDS, at_once=0)
    pool.left[1][7, 0] = np.nan
    with pytest.raises(UsageError, match="the embeddings of pair 7 are not finite"):
        registered.fit_many(pool, same, halves(), SEEDS)


def test_no_job_makes_no_head(registered):
    pool, same = toy()
    assert registered.fit_many(pool, same, [], []) == []
