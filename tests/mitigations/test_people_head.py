"""People split over adaptations: who answers, what is hidden, and the way to disk."""

from __future__ import annotations

import json

import numpy as np
import pytest

from facebone.errors import UnknownNameError, UsageError, WeightsError
from facebone.mitigations.base import make_mitigation
from facebone.mitigations.multi_backbone.people_groups import choices, split_people
from facebone.mitigations.multi_backbone.people_head import REGISTRY_NAMES, PeopleSplitHead
from facebone.mitigations.multi_backbone.people_settings import PeopleSettings
from facebone.seeding import derive_seed
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import (
    HEADS,
    FitReport,
    PeopleHead,
    head_from_state,
    make_head,
)
from facebone.verification.heads.people import draw_labelled_pairs
from facebone.verification.labelled_pictures import LabelledPictures, join
from facebone.verification.metrics import auc
from facebone.verification.verifier import TrainingFacts, Verifier

NAMES = ("one", "two")
QUICK = {"hidden": [16], "epochs": 4}
KINDS = [
    ("whitening", {}, {}),
    ("whitening", {"within": True}, {"parts": 3, "splits": 1}),
    ("adapter", QUICK, {"parts": 5, "left_out": 3, "splits": 1}),
    ("adapter", QUICK | {"joint": False}, {"answer": "distilled", "splits": 1}),
]


def pictures(people=40, each=4, widths=(12, 8), seed=0, noise=0.5):
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), each)
    found = []
    for width in widths:
        rows = rng.normal(size=(people, width))[person]
        rows = rows + noise * rng.normal(size=rows.shape) + 2 * np.eye(width)[0]
        found.append(normalise(rows.astype(np.float32)))
    return LabelledPictures(tuple(found), person + 7)


def pairs_of(shown, most=100, seed=1):
    left, right, same = draw_labelled_pairs(shown.person, most, seed=seed)
    sides = [tuple(m[side] for m in shown.embeddings) for side in (left, right)]
    return EmbeddedPairs(*sides), same


def protect(head="whitening", head_settings=None, **settings):
    mitigation = make_mitigation("facebone", settings)
    return mitigation.protect(head, head_settings or {}, backbones=NAMES)


def fitted(head="whitening", head_settings=None, shown=None, seed=3, **settings):
    made = protect(head, head_settings, **settings)
    made.fit_people(pictures() if shown is None else shown, seed=seed)
    return made


# ---- who answers -------------------------------------------------------------------------------


@pytest.mark.parametrize(("parts", "left_out", "splits"), [(4, 2, 2), (5, 3, 1)])
def test_each_pair_is_answered_by_the_adaptation_that_a_loop_would_ask(parts, left_out, splits):
    shown, seed = pictures(), 5
    head = fitted(shown=shown, seed=seed, parts=parts, left_out=left_out, splits=splits)
    people = np.unique(shown.person)
    means = [
        normalise(join(shown.take(shown.person == p).embeddings).mean(axis=0, keepdims=True))[0]
        for p in people
    ]
    groups = split_people(np.full(40, 4), parts, splits=splits, seed=seed)
    asked, _ = pairs_of(pictures(seed=8))
    left, right = join(asked.left), join(asked.right)
    wanted = np.zeros(len(asked))
    for group in groups:
        adaptations = {}
        for choice in choices(parts, left_out):
            seen = ~np.isin(shown.person, people[np.isin(group, choice)])
            adaptations[choice] = make_head("whitening")
            adaptations[choice].fit_people(shown.take(seen), seed=0)
        for i in range(len(asked)):
            like = np.array(
                [[max(z[i] @ means[p] for p in np.flatnonzero(group == g)) for g in range(parts)]
                 for z in (left, right)]
            )  # fmt: skip
            without = {int(row.argmax()) for row in like}
            for g in np.argsort(-like.sum(axis=0)).tolist():
                if len(without) < left_out:
                    without.add(g)
            inner = adaptations[tuple(sorted(without))]
            one, other = (
                inner.templates([m[[i]] for m in side]) for side in (asked.left, asked.right)
            )
            wanted[i] += float(one[0] @ other[0]) / splits
    np.testing.assert_allclose(head._cosines(left, right), wanted, atol=1e-5)
    slope, offset = head.state()[1]["line"]
    np.testing.assert_allclose(head.logit(asked), slope * wanted + offset, atol=1e-3)
    assert slope > 0


def test_nobody_is_asked_about_somebody_they_saw():
    """Pictures of members, recognised without fail: each is answered without their person."""
    shown = pictures(noise=0.1)
    head = fitted(shown=shown)
    groups = split_people(np.full(40, 4), 4, splits=2, seed=3)
    left, right, _ = draw_labelled_pairs(shown.person, 80, seed=0)
    number = np.unique(shown.person, return_inverse=True)[1]
    for k, asked in head._registry.asked(shown.side_by_side(), left, right):
        unseen = np.isin(groups[k // 6][number], choices(4, 2)[k % 6])
        assert unseen[left[asked]].all()
        assert unseen[right[asked]].all()


def test_templates_hold_nothing_that_was_learnt():
    shown, asked = pictures(), pictures(seed=4).embeddings
    np.testing.assert_array_equal(fitted(shown=shown).templates(asked), join(asked))
    student = fitted("adapter", QUICK, shown, answer="distilled", splits=1).templates(asked)
    assert np.abs(student - join(asked)).max() > 1e-2


class ByHeart(PeopleHead):
    """Planted: pulls pictures to the likest person that it was trained on."""

    name = "by_heart"

    def _fit_people(self, pictures, *, seed, validation):
        shown, people = pictures.side_by_side(), np.unique(pictures.person)
        self.means = normalise(np.stack([shown[pictures.person == p].mean(axis=0) for p in people]))
        self._calibrate(self._templates(pictures.embeddings), pictures.person, seed=seed)
        return FitReport(pairs=len(pictures))

    def _templates(self, embeddings):
        rows = join(embeddings)
        likeness = rows @ self.means.T
        pull = 2 * likeness.max(axis=1, keepdims=True) ** 4
        return normalise(rows + pull * self.means[likeness.argmax(axis=1)])


def test_people_learnt_by_heart_are_hidden():
    """Planted and found: the adaptation alone gives members away, the split ones do not.

    Nor is it their number that hides members: the mean of all of them gives members away too.
    """
    shown = pictures(people=120, widths=(32,), noise=0.4)
    own = np.arange(len(shown)) % 4  # two to learn from, two to ask about
    one, other = shown.take(own == 2), shown.take(own == 3)
    leaks = []
    for seed in range(4):
        member = np.random.default_rng(seed).permutation(120) < 60
        learnt = shown.take(np.flatnonzero(member[shown.person - 7] & (own < 2)))
        plain, split = ByHeart(), protect()
        split._inner = ByHeart()
        for head in (plain, split):
            head.fit_people(learnt, seed=seed)

        def likeness(head, sides=(one, other)):
            return head.compare(*(head.templates(side.embeddings) for side in sides))

        every = np.mean([likeness(inner) for inner in split._adaptations], axis=0)
        leaks.append([auc(values, member) for values in (likeness(plain), likeness(split), every)])
    plain, split, mean = np.mean(leaks, axis=0)
    assert plain > 0.8
    assert mean > 0.8
    assert 0.42 < split < 0.58


# ---- as a head ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def heads():
    return [fitted(*kind[:2], **kind[2]) for kind in KINDS]


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_it_learns_and_repeats_for_a_seed(heads, kind):
    asked, same = pairs_of(pictures(seed=5))
    head, (name, inner, settings) = heads[kind], KINDS[kind]
    assert (head.name, head.base_name) == ("facebone_people", name)
    assert auc(head.score(asked), same) > 0.9
    # Of strangers, so the log odds are no surer than they should be.
    assert ((head.logit(asked) > 0) == same).mean() > 0.8
    assert fitted(name, inner, **settings).score(asked).tobytes() == head.score(asked).tobytes()
    other = fitted(name, inner, seed=4, **settings)
    assert np.abs(other.logit(asked) - head.logit(asked)).max() > 1e-3


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_it_comes_back_from_disk(heads, kind):
    head, (asked, _) = heads[kind], pairs_of(pictures(seed=5))
    config, arrays = head.state()
    again = head_from_state(json.loads(json.dumps(config)), arrays)
    assert isinstance(again, PeopleSplitHead)
    assert again.settings == head.settings
    assert again.score(asked).tobytes() == head.score(asked).tobytes()
    assert again.state()[0] == config
    for name, array in again.state()[1].items():
        assert array.dtype == arrays[name].dtype
        assert array.tobytes() == arrays[name].tobytes()
    distilled = head.settings.answer == "distilled"
    assert ("registry" in arrays) == (not distilled)
    kept = {name.split(".")[1] for name in arrays if name.startswith("adaptation.")}
    assert len(kept) == (1 if distilled else head.settings.adaptations)


def test_damaged_states_are_refused(heads):
    config, arrays = heads[0].state()
    for lost in ("registry", "groups", "adaptation.3.mean_0"):
        with pytest.raises(WeightsError, match=f"missing or too many: {lost}"):
            head_from_state(config, {k: v for k, v in arrays.items() if k != lost})
    with pytest.raises(WeightsError, match=r"groups has shape \(2, 3\), needs \(2, 40\)"):
        head_from_state(config, arrays | {"groups": np.zeros((2, 3), dtype=np.int64)})
    with pytest.raises(WeightsError, match=r"registry has shape \(40, 3\), needs \(40, 20\)"):
        head_from_state(config, arrays | {"registry": np.zeros((40, 3), dtype=np.float32)})


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_many_are_each_as_alone(kind):
    name, inner, settings = KINDS[kind]
    pool = pictures(people=48)
    rng = np.random.default_rng(0)
    chosen = [rng.permutation(np.unique(pool.person))[:32] for _ in range(2)]
    members = [np.flatnonzero(np.isin(pool.person, some)) for some in chosen]
    head = protect(name, inner, **settings)
    asked, _ = pairs_of(pictures(seed=5))
    for found, rows, seed in zip(
        head.fit_people_many(pool, members, [8, 9]), members, [8, 9], strict=True
    ):
        alone = fitted(name, inner, pool.take(rows), seed, **settings)
        assert found.dimensions == (12, 8)
        np.testing.assert_allclose(found.logit(asked), alone.logit(asked), rtol=1e-3, atol=1e-3)
    assert head.dimensions is None


def test_order_company_and_sides_of_pairs_do_not_count(heads):
    asked, _ = pairs_of(pictures(seed=5))
    turned = asked.turned()
    for head in heads:
        whole = head.logit(asked)
        order = np.random.default_rng(0).permutation(len(asked))
        np.testing.assert_allclose(head.logit(asked.take(order)), whole[order], atol=1e-4)
        np.testing.assert_allclose(head.logit(asked.take(np.array([3]))), whole[[3]], atol=1e-4)
        np.testing.assert_allclose(head.logit(turned), whole, atol=1e-4)
        assert head.logit(asked.take(np.array([], dtype=np.intp))).shape == (0,)


def test_inside_the_registry_gives_away_who_was_trained_on(heads):
    shown, strangers = pictures(), pictures(seed=5)
    (mine, same), (theirs, _) = pairs_of(shown), pairs_of(strangers)
    head = heads[0]
    found = head.inside(mine, same)
    assert found.names()[-2:] == REGISTRY_NAMES
    np.testing.assert_allclose(
        found.loss, np.logaddexp(0, np.where(same, -1, 1) * head.logit(mine)), rtol=1e-6
    )
    both = np.concatenate([found.extra, head.inside(theirs, same).extra])[:, 0]
    assert auc(both[np.tile(same, 2)], np.repeat([True, False], same.sum())) > 0.95
    nothing = mine.take(np.array([], dtype=np.intp))
    assert head.inside(nothing, same[:0]).names() == found.names()
    assert not set(heads[3].inside(mine, same).names()) & set(REGISTRY_NAMES)


def test_every_adaptation_is_watched_by_the_validation_pictures():
    shown, few = pictures(), pictures(people=3, seed=2)
    watch = LabelledPictures(few.embeddings, few.person + 100)
    settings = QUICK | {"patience": 1, "epochs": 30, "learning_rate": 3e-2}
    head = protect("adapter", settings, splits=1)
    head.fit_people(shown, seed=4, validation=watch)
    group = split_people(np.full(40, 4), 4, splits=1, seed=4)[0]
    seen = ~np.isin(shown.person, np.unique(shown.person)[np.isin(group, choices(4, 2)[2])])
    alone = make_head("adapter", settings)
    seed = derive_seed(4, "adaptation", 2)
    report = alone.fit_people(shown.take(seen), seed=seed, validation=watch)
    assert report.epochs < 30
    for name, array in alone.state()[1].items():
        np.testing.assert_array_equal(head.state()[1][f"adaptation.2.{name}"], array)


def test_a_verifier_is_saved_and_loaded(tmp_path):
    routes = tuple({"backbone": name, "weights_hash": "ab"} for name in NAMES)
    mitigation = make_mitigation("facebone", {"splits": 1})
    head = mitigation.protect("whitening", {"within": True}, backbones=NAMES)
    facts = TrainingFacts("toy", "f00d", seed=1, mitigation=mitigation.spec())
    calibration = pairs_of(pictures(seed=2))
    verifier, report = Verifier.fit_people(
        head, pictures(), routes=routes, training=facts, calibration=calibration
    )
    assert report.pairs == 160
    verifier.save(tmp_path / "model")
    again = Verifier.load(tmp_path / "model")
    asked, _ = pairs_of(pictures(seed=5))
    assert again.score(asked).tobytes() == verifier.score(asked).tobytes()
    assert again.training.mitigation == "facebone:splits=1"


# ---- settings ----------------------------------------------------------------------------------


def test_one_backbone_will_do_for_people():
    shown = pictures(widths=(12,))
    head = make_mitigation("facebone").protect("whitening", {}, backbones=("one",))
    head.fit_people(shown, seed=0)
    asked, same = pairs_of(pictures(widths=(12,), seed=5))
    assert auc(head.score(asked), same) > 0.8


def test_defaults_are_those_of_the_measurements():
    settings = protect().settings
    assert (settings.parts, settings.left_out, settings.splits) == (4, 2, 2)
    assert (settings.answer, settings.adaptations) == ("unseen", 12)
    assert "facebone_people" not in HEADS


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"parts": 2}, "parts: must be an integer of at least 3, got 2"),
        ({"left_out": 1}, "left_out: must be an integer of at least 2, got 1"),
        ({"parts": 3, "left_out": 3}, "left_out: leaves nobody to learn from: 3 of 3 groups"),
        ({"splits": 0}, "splits: must be an integer of at least 1, got 0"),
        ({"parts": 9, "left_out": 4}, "makes 252 adaptations, 64 at most are trained"),
        ({"answer": "destilled"}, "unknown answer of facebone 'destilled'; did you mean 'distil"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        make_mitigation("facebone", settings)


def test_settings_that_do_not_fit_the_head_are_refused():
    for name, value in (("parts", 4), ("left_out", 2), ("splits", 2), ("answer", "unseen")):
        with pytest.raises(UsageError, match=f"{name} means something with an adaptation alone"):
            protect("mlp", **{name: value})
    with pytest.raises(UsageError, match="assignment: means something with heads that learn from"):
        protect(assignment="pair")
    with pytest.raises(UsageError, match=r"distils into a network .* which whitening is not"):
        protect(answer="distilled")
    with pytest.raises(UsageError, match="so nobody is hidden; leave it out"):
        protect("adapter", {"keep_centres": True})
    with pytest.raises(UnknownNameError, match="unknown setting of head adapter 'epoch'"):
        protect("adapter", {"epoch": 3})
    with pytest.raises(UsageError, match="head mlp learns from no pictures of people"):
        PeopleSplitHead(PeopleSettings(head="mlp"))
    with pytest.raises(UsageError, match="needs the name and the settings of an adaptation"):
        PeopleSettings(head_settings=[1])


def test_too_few_people_are_refused():
    few = pictures(people=7)
    with pytest.raises(UsageError, match=r"splits people into 4 groups, .*; got 7 people, 7 of"):
        fitted(shown=few)
    single = pictures(people=20, each=1)
    double = pictures(people=3, each=2, seed=1)
    shown = LabelledPictures(
        tuple(
            np.concatenate(both) for both in zip(single.embeddings, double.embeddings, strict=True)
        ),
        np.concatenate([single.person, double.person + 100]),
    )
    with pytest.raises(UsageError, match="got 23 people, 3 of them with two pictures or more"):
        fitted(shown=shown)
    with pytest.raises(UsageError, match="facebone_people, job 1: splits people into 4 groups"):
        protect().fit_people_many(pictures(), [np.arange(160), np.arange(12)], [0, 1])


def test_a_description_says_how_people_are_split_in_one_line():
    line = make_mitigation("facebone").describe(NAMES, head="adapter")
    for words in ("one + two", "4 groups", "2 times anew", "12 adaptations", "answer unseen"):
        assert words in line
    assert "\n" not in line
    line = make_mitigation("facebone", {"answer": "distilled"}).describe(NAMES, head="adapter")
    assert "one adapter answers" in line
    assert "fusion" in make_mitigation("facebone").describe(NAMES)
