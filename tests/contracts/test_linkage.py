"""One contract over every registered attack that links records."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from facebone.attacks.access import Access
from facebone.attacks.attack import Goal
from facebone.attacks.linkage.base import LINKAGES
from facebone.attacks.linkage.view import Anchors, LinkageView
from facebone.errors import UnknownNameError, UsageError
from facebone.verification.metrics import auc

WIDTH, PEOPLE = 12, 150


def world(seed=0, shared=True, constant=False):
    """Two databases of one system, in other orders, and all that attacks may see.

    People differ along some axes more than along others. Without `shared` the databases are of
    different people, and so are the two sides of the anchors.
    """
    rng = np.random.default_rng(seed)
    spread = 2.0 * 0.8 ** np.arange(WIDTH)

    def pictures(count, centres=None):
        drawn = rng.exponential(size=(count, WIDTH)) * spread
        return (drawn if centres is None else centres) + 0.02 * rng.normal(size=(count, WIDTH))

    people, own = pictures(PEOPLE), pictures(100)
    one, order = pictures(PEOPLE, people), rng.permutation(PEOPLE)
    two = pictures(PEOPLE, people if shared else pictures(PEOPLE))[order]
    anchors = pictures(100, own), pictures(100, own if shared else pictures(100))
    if constant:
        one, two = np.ones_like(one), np.ones_like(two)
        anchors = np.ones_like(anchors[0]), np.ones_like(anchors[1])

    def unit(rows):
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    view = LinkageView(
        first=one,
        second=two,
        anchors=Anchors(*anchors, np.arange(1000, 1100)),
        cohort=anchors[0],
        answers=unit(one) @ unit(two).T,
        cohort_answers=unit(anchors[0]) @ unit(two).T,
    )
    return view, np.arange(PEOPLE)[:, None] == order[None, :]


def area(scores, same):
    return auc(scores.ravel(), same.ravel())


@pytest.fixture(params=LINKAGES.names())
def name(request):
    return request.param


def test_declares_what_it_wants_sees_and_knows(name):
    kind = LINKAGES.get(name)
    assert kind.name == name
    assert kind.goal is Goal.LINKAGE
    assert kind.access in (Access.SCORE, Access.EMBEDDING)
    for sentence in (kind.summary, kind.knowledge):
        assert len(sentence) > 5
        assert "\n" not in sentence
    assert kind.knowledge.endswith(".")


def test_docstring_opens_with_goal_access_knowledge_and_success(name):
    words = (LINKAGES.get(name).__doc__ or "").split()
    assert words[0] == "Goal:"
    places = [words.index(part) for part in ("Goal:", "Access:", "Knowledge:", "Success:")]
    assert places == sorted(places)
    assert "References:" in words


def test_finds_people_who_are_in_both_databases(name):
    view, same = world()
    found = LINKAGES.make(name).link(view, seed=0)
    assert found.dtype == np.float64
    assert area(found, same) > 0.95
    assert (found.argmax(axis=1) == same.argmax(axis=1)).mean() > 0.5


def test_finds_nobody_where_nobody_is_in_both(name):
    areas = []
    for seed in range(4):
        view, same = world(seed=seed, shared=False)
        areas.append(area(LINKAGES.make(name).link(view, seed=0), same))
    # Each of 600 people is one trial of an area under pure chance, of deviation sqrt(1 / 12).
    assert np.mean(areas) == pytest.approx(0.5, abs=3.5 * (1 / 12 / 600) ** 0.5)


def test_constant_templates_say_nothing(name):
    view, _ = world(constant=True)
    found = LINKAGES.make(name).link(view, seed=0)
    np.testing.assert_allclose(found, found[0, 0], atol=1e-6)


def test_the_order_of_records_does_not_matter(name):
    view, _ = world()
    rng = np.random.default_rng(5)
    rows, columns = rng.permutation(PEOPLE), rng.permutation(PEOPLE)
    mixed = replace(
        view,
        first=view.first[rows],
        second=view.second[columns],
        answers=view.answers[rows][:, columns],
        cohort_answers=view.cohort_answers[:, columns],
    )
    attack = LINKAGES.make(name)
    found = attack.link(view, seed=0)[rows][:, columns]
    again = attack.link(mixed, seed=0)
    # What unaligned matches first depends on rounding: a few records may come out otherwise.
    np.testing.assert_allclose(np.median(np.abs(again - found)), 0, atol=1e-6)


def test_the_length_of_templates_does_not_matter(name):
    view, _ = world()
    longer = replace(view, first=3 * view.first, second=0.5 * view.second)
    attack = LINKAGES.make(name)
    np.testing.assert_allclose(attack.link(longer, seed=0), attack.link(view, seed=0), atol=1e-6)


def test_databases_of_different_sizes(name):
    view, same = world()
    part = replace(view, first=view.first[:90], answers=view.answers[:90])
    found = LINKAGES.make(name).link(part, seed=0)
    assert found.shape == (90, PEOPLE)
    assert area(found, same[:90]) > 0.6


def test_same_seed_same_scores(name):
    view, _ = world()
    attack = LINKAGES.make(name)
    np.testing.assert_array_equal(attack.link(view, seed=3), LINKAGES.make(name).link(view, seed=3))


def test_wrong_access_is_refused_by_name(name):
    view, _ = world()
    if LINKAGES.get(name).access is Access.SCORE:
        with pytest.raises(UsageError, match=f"attack {name}: needs score access, to see the ver"):
            LINKAGES.make(name).link(replace(view, answers=None), seed=0)
        return
    for lacking in ({"first": None}, {"second": None}):
        with pytest.raises(UsageError, match=f"attack {name}: needs embedding access, to see temp"):
            LINKAGES.make(name).link(replace(view, **lacking), seed=0)


def test_anchors_are_asked_for_where_they_are_needed(name):
    view, same = world()
    attack, without = LINKAGES.make(name), replace(view, anchors=None)
    if attack.needs_anchors:
        with pytest.raises(UsageError, match=f"attack {name}: needs anchors"):
            attack.link(without, seed=0)
    else:
        assert area(attack.link(without, seed=0), same) > 0.95


def test_no_records_give_no_scores(name):
    view, _ = world()
    none = replace(view, first=view.first[:0], answers=view.answers[:0])
    assert LINKAGES.make(name).link(none, seed=0).shape == (0, PEOPLE)


def test_inputs_are_not_changed(name):
    view, _ = world()
    parts = (view.first, view.second, view.answers, view.cohort, view.anchors.first)
    before = [part.copy() for part in parts]
    LINKAGES.make(name).link(view, seed=0)
    for a, b in zip(parts, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_nothing_is_printed(name, capfd):
    LINKAGES.make(name).link(world()[0], seed=0)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(name, seed):
    with pytest.raises(UsageError, match="seed: must be in"):
        LINKAGES.make(name).link(world()[0], seed=seed)


def test_unknown_names_and_settings_are_refused(name):
    with pytest.raises(UnknownNameError, match=f"did you mean '{name}'"):
        LINKAGES.make(name + "s")
    with pytest.raises(UnknownNameError, match=f"setting of attack {name}"):
        LINKAGES.make(name, {"mistaken": 1})


def test_every_number_of_the_settings_is_checked(name):
    settings = LINKAGES.get(name).settings_type()
    for setting in settings.__dataclass_fields__:
        value = [-1.0] if isinstance(getattr(settings, setting), tuple) else -1
        with pytest.raises(UsageError, match=setting):
            LINKAGES.make(name, {setting: value})


def test_naming_and_making_attacks_loads_no_learners():
    code = """
import sys
from facebone.attacks.linkage.base import LINKAGES
for name in LINKAGES.names():
    LINKAGES.make(name)
print([m for m in ("torch", "sklearn", "scipy") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
