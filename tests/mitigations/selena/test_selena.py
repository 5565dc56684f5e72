"""SELENA against the naive loop, and what it promises: no pair's own label is in its lesson."""

from __future__ import annotations

import json
import weakref

import numpy as np
import pytest

from facebone.errors import UsageError
from facebone.mitigations.base import make_mitigation, parse_mitigation
from facebone.mitigations.selena.head import SelenaHead
from facebone.mitigations.selena.split import split_units
from facebone.mitigations.units import units_of
from facebone.seeding import derive_seed
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import head_from_state, make_head
from facebone.verification.heads.many import PoolJobs
from facebone.verification.metrics import auc

SMALL = {"layers": [32, 16], "batch_norm": [], "epochs": 6, "learning_rate": 1e-2}
LONG = SMALL | {"epochs": 60}
SETTINGS = {"mlp": SMALL}
UNITS = ("pair", "image", "person")


def toy(pairs=240, seed=0, people=60, widths=(10, 6), labels=None):
    """Pictures of people, each in several pairs; labels may be made up."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), 4)
    left = rng.integers(4 * people, size=pairs)
    same = np.arange(pairs) % 2 == 0
    mate = left // 4 * 4 + (left + rng.integers(1, 4, size=pairs)) % 4
    stranger = (left + 4 * rng.integers(1, people, size=pairs)) % (4 * people)
    right = np.where(same, mate, stranger)
    sides = ([], [])
    for width in widths:
        centres = np.random.default_rng(width).normal(size=(people, width))[person]
        rows = normalise((centres + 0.5 * rng.normal(size=centres.shape)).astype(np.float32))
        for side, places in zip(sides, (left, right), strict=True):
            side.append(rows[places])
    shown = person[np.stack([left, right], axis=1)]
    chosen = same if labels is None else np.random.default_rng(labels).random(pairs) < 0.5
    return EmbeddedPairs(tuple(sides[0]), tuple(sides[1]), shown), chosen


def protect(head="mlp", settings=None, **chosen):
    mitigation = make_mitigation("selena", {"parts": 5, "left_out": 3} | chosen)
    given = SETTINGS.get(head, {}) if settings is None else settings
    return mitigation.protect(head, given, backbones=("one", "two"))


def lesson(head, pairs, same, seed=4):
    """What the student would learn from."""
    (made,) = head._lessons(PoolJobs(pairs, same, [np.arange(len(pairs))], [seed]), [0])
    return made


def naive(head, pairs, same, seed=4):
    """Positions of the pairs that are answered, and the answers: one head and pair at a time."""
    settings = head.settings
    units = units_of(pairs, settings.unit)
    out = split_units(np.arange(units.max() + 1)[:, None], settings.parts, settings.left_out,
                      seed=seed).unseen  # fmt: skip
    answers = {i: [] for i in range(len(pairs))}
    for k in range(settings.parts):
        learnt = [i for i, mine in enumerate(units) if not any(out[k, unit] for unit in mine)]
        teacher = make_head(settings.head, settings.head_settings)
        teacher.fit(
            pairs.take(np.array(learnt)), same[learnt], seed=derive_seed(seed, "teacher", k)
        )
        for i, mine in enumerate(units):
            if all(out[k, unit] for unit in mine):
                answers[i].append(teacher.score(pairs.take(np.array([i])))[0])
    rows = np.array([i for i, found in answers.items() if found])
    return rows, np.array([np.mean(answers[i]) for i in rows])


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("head", ["mlp", "logistic", "products"])
def test_a_pair_is_taught_as_the_mean_of_those_that_never_saw_it(head, unit):
    made, (pairs, same) = protect(head, unit=unit), toy()
    taught = lesson(made, pairs, same)
    rows, answers = naive(made, pairs, same)
    np.testing.assert_allclose(taught.chance, answers, atol=1e-5)
    np.testing.assert_array_equal(taught.pairs.left[0], pairs.left[0][rows])
    assert len(rows) == 240 if unit == "pair" else 100 < len(rows) <= 240
    # What is kept is a head of its kind that was taught so.
    student = make_head(head, SETTINGS.get(head))
    report = student.fit_soft(pairs.take(rows), answers, seed=derive_seed(4, "student"))
    assert made.fit(pairs, same, seed=4).pairs == report.pairs == len(rows)
    fresh, _ = toy(seed=1)
    np.testing.assert_allclose(made.score(fresh), student.score(fresh), atol=1e-3)


@pytest.mark.parametrize("unit", UNITS)
def test_no_label_of_a_unit_is_in_what_is_taught_of_it(unit):
    """Labels of all pairs that a unit stands in are turned: their lessons stay to the last bit."""
    made, (pairs, same) = protect(unit=unit), toy()
    units = units_of(pairs, unit)
    before = lesson(made, pairs, same)
    answered = split_units(units, 5, 3, seed=4).answered
    for unit_number in (0, 7):
        touched = (units == unit_number).any(axis=1)
        turned = np.where(touched, ~same, same)
        after = lesson(made, pairs, turned)
        mine = touched[answered]
        assert mine.any()
        assert after.chance[mine].tobytes() == before.chance[mine].tobytes()
        assert np.abs(after.chance[~mine] - before.chance[~mine]).max() > 1e-3


def test_made_up_labels_are_remembered_by_the_head_alone_and_not_when_taught():
    """Labels by coin: whoever knows them better than a coin has remembered the pairs."""
    pairs, labels = toy(labels=3)
    plain = make_head("mlp", LONG)
    plain.fit(pairs, labels, seed=0)
    assert auc(plain.score(pairs), labels) > 0.95
    taught = protect(settings=LONG, parts=10, left_out=4)
    taught.fit(pairs, labels, seed=0)
    # A tenth is three deviations of the AUC of 240 coins. That it may fall below one half is the
    # way of all that leave out: what is left has a little more of the other label.
    assert auc(taught.score(pairs), labels) < 0.6


def test_the_student_says_what_its_teachers_say():
    pairs, same = toy(pairs=600)
    # With hardly a penalty: what holds a teacher back would hold back its student once more.
    made = protect("products", {"C": 10.0}, parts=10, left_out=4)
    made.fit(pairs, same, seed=2)
    split = split_units(np.arange(600)[:, None], 10, 4, seed=2)
    fresh, truth = toy(seed=1)
    answers = []
    for k, mine in enumerate(split.learnt):
        teacher = make_head("products", {"C": 10.0})
        teacher.fit(pairs.take(mine), same[mine], seed=k)
        answers.append(teacher.score(fresh))
    ensemble = np.mean(answers, axis=0)
    assert np.abs(made.score(fresh) - ensemble).mean() < 0.05
    assert np.corrcoef(made.logit(fresh), np.log(ensemble / (1 - ensemble)))[0, 1] > 0.98
    assert auc(made.score(fresh), truth) > auc(ensemble, truth) - 0.01


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("head", ["mlp", "logistic"])
def test_shadows_are_as_each_alone(head, unit):
    pool, same = toy()
    members = [np.random.default_rng(k).permutation(240)[:count]
               for k, count in enumerate((150, 170, 150))]  # fmt: skip
    made = protect(head, unit=unit)
    heads = made.fit_many(pool, same, members, [3, 1, 3], at_once=2)
    assert made.dimensions is None
    fresh, _ = toy(seed=1)
    for shadow, rows, seed in zip(heads, members, (3, 1, 3), strict=True):
        alone = made.fresh()
        alone.fit(pool.take(rows), same[rows], seed=seed)
        assert shadow.dimensions == alone.dimensions == (10, 6)
        np.testing.assert_allclose(shadow.score(fresh), alone.score(fresh), atol=1e-4)
    assert np.abs(heads[0].score(fresh) - heads[2].score(fresh)).max() > 1e-3


def test_no_teacher_is_kept(monkeypatch):
    """However many shadows: teachers of one group come one by one, and each is forgotten."""
    alive, most, count = weakref.WeakSet(), 0, 0
    plain = SelenaHead._teachers

    def watched(*args):
        nonlocal most, count
        for place, k, teacher in plain(*args):
            alive.add(teacher)
            most, count = max(most, len(alive)), count + 1
            yield place, k, teacher

    monkeypatch.setattr(SelenaHead, "_teachers", watched)
    pool, same = toy()
    members = [np.random.default_rng(k).permutation(240)[:150] for k in range(4)]
    for _, shadow in protect("logistic").stream_many(pool, same, members, [1, 2, 3, 4]):
        assert shadow.dimensions == (10, 6)
    assert count == 4 * 5
    assert most <= 2


def test_it_repeats_for_a_seed_and_comes_back_from_its_state():
    pairs, same = toy()
    fresh, truth = toy(seed=1)
    one, again, other = protect(), protect(), protect()
    for head, seed in ((one, 1), (again, 1), (other, 2)):
        head.fit(pairs, same, seed=seed)
    assert one.score(fresh).tobytes() == again.score(fresh).tobytes()
    assert np.abs(one.score(fresh) - other.score(fresh)).max() > 1e-3
    config, arrays = one.state()
    assert set(arrays) == set(make_head_state(pairs, same))  # no teacher, and nothing of the pairs
    loaded = head_from_state(json.loads(json.dumps(config)), arrays)
    assert loaded.settings == one.settings
    assert (loaded.name, loaded.base_name) == ("selena", "mlp")
    assert loaded.score(fresh).tobytes() == one.score(fresh).tobytes()
    assert loaded.inside(fresh, truth).loss.tobytes() == one.inside(fresh, truth).loss.tobytes()
    np.testing.assert_allclose(one.quick_logit(fresh), one.logit(fresh), atol=1e-4)
    np.testing.assert_array_equal(one.through(fresh), one.logit(fresh)[:, None])
    assert one.fresh().dimensions is None
    one.fit(pairs, same, seed=2)  # anew, not from where it was
    assert one.score(fresh).tobytes() == other.score(fresh).tobytes()


def make_head_state(pairs, same):
    head = make_head("mlp", SMALL)
    head.fit(pairs, same, seed=0)
    return head.state()[1]


def test_validation_is_what_teachers_and_student_stop_by():
    pairs, same = toy()
    validation = toy(seed=1)
    made = protect(settings=SMALL | {"patience": 1, "epochs": 20})
    report = made.fit(pairs, same, seed=0, validation=validation)
    assert (report.pairs, report.held_out) == (240, 0)
    assert report.epochs == len(report.validation_loss)
    # Where none is given, each keeps some of its own pairs aside.
    assert made.fit(pairs, same, seed=0).held_out > 0


def test_a_picture_is_known_by_its_embeddings_and_a_pair_by_its_pictures():
    pairs, same = toy()
    turned = EmbeddedPairs(pairs.right, pairs.left, pairs.people)
    twice = EmbeddedPairs(
        tuple(np.concatenate([a, b]) for a, b in zip(pairs.left, turned.left, strict=True)),
        tuple(np.concatenate([a, b]) for a, b in zip(pairs.right, turned.right, strict=True)),
    )
    made = protect("logistic")
    taught = lesson(made, twice, np.concatenate([same, same]))
    # The cosine is the same either way, and so are those that never saw it.
    np.testing.assert_allclose(taught.chance[:240], taught.chance[240:], atol=1e-6)


def test_it_goes_with_recipes_and_guards_but_not_with_others_that_lead():
    chain = make_mitigation(*parse_mitigation("selena:parts=4,left_out=1/dropout:share=0.4"))
    made = chain.protect("mlp", SMALL, backbones=("one", "two"))
    assert isinstance(made, SelenaHead)
    assert made.settings.head_settings["dropout"] == 0.4
    assert made.settings.parts == 4
    with pytest.raises(UsageError, match="both decide what is trained on what"):
        make_mitigation("selena/facebone")


def test_it_says_what_it_does():
    mitigation = make_mitigation("selena", {"unit": "image"})
    assert mitigation.describe(("one", "two")) == (
        "one + two: the head learns what heads that never saw a pair say of it: 25 of them, each "
        "image left out of 10"
    )
    assert mitigation.spec() == "selena:unit=image"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"parts": 1}, "parts: must be an integer of at least 2, got 1"),
        ({"left_out": 0}, "left_out: must be an integer of at least 1, got 0"),
        ({"left_out": 25}, "left_out: keeps everything from all 25 heads, got 25; leave out"),
        ({"parts": 8}, "left_out: keeps everything from all 8 heads, got 10"),
        ({"unit": "face"}, "unit: must be one of pair, image, person, got 'face'"),
    ],
)
def test_settings_that_do_not_do_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        make_mitigation("selena", settings)


@pytest.mark.parametrize(
    ("head", "settings", "message"),
    [
        ("cosine", {}, "head cosine cannot learn from the answers of others; take one that"),
        ("whitening", {}, "trains heads that learn from pairs, which whitening does not"),
        ("mlp", {"objective": "adversarial"}, "labels alone, with objective adversarial"),
    ],
)
def test_heads_that_cannot_be_taught_are_refused(head, settings, message):
    with pytest.raises(UsageError, match=message):
        protect(head, settings)


def test_pairs_that_cannot_be_split_are_refused():
    pairs, same = toy()
    with pytest.raises(UsageError, match=r"one of 5 heads would learn from \d of 4 pairs, \d of"):
        protect().fit(pairs.take(np.arange(4)), same[:4], seed=0)
    nobody = EmbeddedPairs(pairs.left, pairs.right)
    with pytest.raises(UsageError, match="do not say whom they show; give EmbeddedPairs"):
        protect(unit="person").fit(nobody, same, seed=0)
    with pytest.raises(UsageError, match=r"mitigation selena, job 1: one of 5 heads would learn"):
        protect().fit_many(pairs, same, [np.arange(200), np.arange(4)], [0, 0])


def test_pairs_that_nobody_can_be_asked_about_teach_nothing():
    pairs, same = toy(pairs=40)
    few = pairs.take(np.arange(12))
    made = protect("logistic", parts=4, left_out=1, unit="image")
    units = units_of(few, "image")
    answered = [len(split_units(units, 4, 1, seed=seed).answered) for seed in range(200)]
    assert {0, 1} <= set(answered)  # a quarter of the pairs, on average
    assert made.fit(few, same[:12], seed=answered.index(1)).pairs == 1
    with pytest.raises(UsageError, match="no pair that one of 4 heads knows nothing of; raise"):
        made.fit(few, same[:12], seed=answered.index(0))
    # Where all pairs share a picture, one of two heads learns nothing.
    hub = EmbeddedPairs(tuple(np.repeat(a[:1], 40, axis=0) for a in pairs.left), pairs.right)
    with pytest.raises(UsageError, match="one of 2 heads would learn from 0 of 40 pairs"):
        protect(parts=2, left_out=1, unit="image").fit(hub, same, seed=0)
