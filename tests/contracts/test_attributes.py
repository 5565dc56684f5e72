"""One contract over every registered attack on attributes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from facebone.attacks.access import Access
from facebone.attacks.attack import Goal
from facebone.attacks.attributes.base import ATTRIBUTE_ATTACKS
from facebone.attacks.attributes.evidence import Evidence
from facebone.errors import LeakageError, UnknownNameError, UsageError
from facebone.verification.metrics import auc

WIDTH, GALLERY, PICTURES = 24, 60, 3


class World:
    """People whose templates show an attribute, or do not, and what is seen of them."""

    def __init__(self, seed=0, people=120, strength=2.0, offset=0, constant=False):
        rng = np.random.default_rng((7, seed))
        # The system is the same for all people.
        axes = np.random.default_rng(1).normal(size=(2, WIDTH))
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        self.person = np.repeat(np.arange(people) + offset, PICTURES)
        traits = np.stack([rng.random(people) < 0.5, rng.normal(size=people)], axis=1)
        standard = traits * [2, 1] - [1, 0]
        centres = 0.5 * rng.normal(size=(people, WIDTH)) + strength * standard @ axes
        noise = 0.3 * rng.normal(size=(people * PICTURES, WIDTH))
        self.templates = np.repeat(centres, PICTURES, axis=0) + noise
        if constant:
            self.templates[:] = 1.0
        self.values = np.repeat(traits, PICTURES, axis=0)

    def unit(self):
        return self.templates / np.linalg.norm(self.templates, axis=1, keepdims=True)

    def beside(self, gallery):
        odds = 6 * self.unit() @ gallery.unit()[:GALLERY].T
        return Evidence(self.person, self.templates, 1 / (1 + np.exp(-odds)))


def gallery_of(**settings):
    return World(seed=9, people=GALLERY // PICTURES, offset=10_000, **settings)


def fitted(name, seed=0, attack=None, **settings):
    known, gallery = World(seed=1, **settings), gallery_of(**settings)
    found = attack or ATTRIBUTE_ATTACKS.make(name)
    found.fit(known.beside(gallery), known.values, seed=seed, gallery=gallery.values[:GALLERY])
    return found


def victims(seed=2, people=120, **settings):
    found = World(seed=seed, people=people, offset=1000, **settings)
    return found.beside(gallery_of(**settings)), found.values


@pytest.fixture(params=ATTRIBUTE_ATTACKS.names())
def name(request):
    return request.param


def test_declares_what_it_wants_sees_and_knows(name):
    kind = ATTRIBUTE_ATTACKS.get(name)
    assert kind.name == name
    assert kind.goal is Goal.ATTRIBUTES
    assert kind.access in (Access.SCORE, Access.EMBEDDING)
    assert isinstance(kind.needs_gallery, bool)
    for sentence in (kind.summary, kind.knowledge):
        assert len(sentence) > 5
        assert "\n" not in sentence
    assert kind.knowledge.endswith(".")


def test_docstring_opens_with_goal_access_knowledge_and_success(name):
    words = (ATTRIBUTE_ATTACKS.get(name).__doc__ or "").split()
    assert words[0] == "Goal:"
    places = [words.index(part) for part in ("Goal:", "Access:", "Knowledge:", "Success:")]
    assert places == sorted(places)
    assert "References:" in words


def test_finds_an_attribute_that_templates_show(name):
    seen, values = victims()
    found = fitted(name).infer(seen)
    assert found.dtype == np.float64
    assert auc(found[:, 0], values[:, 0] > 0.5) > 0.95
    assert auc(found[:, 1], values[:, 1] > 0) > 0.9


def test_finds_nothing_where_there_is_nothing(name):
    # Of 800 people, one picture each counts; the attack learnt from 120 others.
    seen, values = victims(people=800, strength=0.0)
    found = fitted(name, strength=0.0).infer(seen)[::PICTURES]
    truth = values[::PICTURES]
    # The deviation of an AUC of 400 against 400 without a difference is sqrt(1 / (6 * 400)).
    for column, positive in ((0, truth[:, 0] > 0.5), (1, truth[:, 1] > 0)):
        assert auc(found[:, column], positive) == pytest.approx(0.5, abs=3.5 * (1 / 2400) ** 0.5)


def test_finds_nothing_in_templates_that_are_all_alike(name):
    seen, _ = victims(constant=True)
    found = fitted(name, constant=True).infer(seen)
    np.testing.assert_allclose(found, found[[0]].repeat(len(found), axis=0), atol=1e-9)


def test_larger_means_more_whatever_the_sign_of_the_attribute(name):
    known, gallery = World(seed=1), gallery_of()
    attack = ATTRIBUTE_ATTACKS.make(name)
    shown = known.beside(gallery)
    attack.fit(shown, -known.values, seed=0, gallery=-gallery.values[:GALLERY])
    seen, values = victims()
    assert auc(attack.infer(seen)[:, 0], values[:, 0] < 0.5) > 0.95


def test_each_attribute_is_learnt_for_itself(name):
    known, gallery = World(seed=1), gallery_of()
    seen, _ = victims()
    alone = ATTRIBUTE_ATTACKS.make(name)
    columns = gallery.values[:GALLERY, 1:]
    alone.fit(known.beside(gallery), known.values[:, 1:], seed=0, gallery=columns)
    np.testing.assert_allclose(alone.infer(seen)[:, 0], fitted(name).infer(seen)[:, 1], atol=1e-9)


def test_a_score_depends_on_its_own_row_alone(name):
    attack, (seen, _) = fitted(name), victims()
    found = attack.infer(seen)
    order = np.random.default_rng(0).permutation(len(seen))
    np.testing.assert_allclose(attack.infer(seen.take(order)), found[order], atol=1e-9)
    alone = attack.infer(seen.take(np.array([5])))
    np.testing.assert_allclose(alone, found[[5]], atol=1e-9)


def test_same_seed_same_scores(name):
    seen, _ = victims()
    first, second = fitted(name, seed=3).infer(seen), fitted(name, seed=3).infer(seen)
    np.testing.assert_array_equal(first, second)


def test_fitting_again_starts_afresh(name):
    seen, _ = victims()
    attack = fitted(name, strength=0.0)
    again = fitted(name, attack=attack).infer(seen)
    np.testing.assert_array_equal(again, fitted(name).infer(seen))


def test_wrong_access_is_refused_by_name(name):
    seen, _ = victims()
    known, gallery = World(seed=1), gallery_of()
    scores = ATTRIBUTE_ATTACKS.get(name).access is Access.SCORE
    lacking = Evidence(seen.person, seen.templates if scores else None, None)
    needed = "score access, to see scores" if scores else "embedding access, to see templates"
    with pytest.raises(UsageError, match=f"attack {name}: needs {needed}"):
        fitted(name).infer(lacking)
    shown = Evidence(known.person, known.templates if scores else None, None)
    with pytest.raises(UsageError, match=f"attack {name}: needs {needed}"):
        ATTRIBUTE_ATTACKS.make(name).fit(
            shown, known.values, seed=0, gallery=gallery.values[:GALLERY]
        )


def test_people_whom_it_knows_are_refused(name):
    known, gallery = World(seed=1), gallery_of()
    with pytest.raises(LeakageError, match=f"attack {name}: knows the attributes of 0"):
        fitted(name).infer(known.beside(gallery))


def test_infers_nothing_before_it_is_fitted(name):
    with pytest.raises(UsageError, match=f"attack {name}: infers nothing before it is fitted"):
        ATTRIBUTE_ATTACKS.make(name).infer(victims()[0])


def test_other_columns_than_it_was_fitted_to_are_refused(name):
    seen, _ = victims()
    narrow = Evidence(seen.person, seen.templates[:, :5], seen.scores[:, :5])
    with pytest.raises(UsageError, match=r"was fitted to \d+ columns, got 5"):
        fitted(name).infer(narrow)


def test_attributes_that_do_not_fit_are_refused(name):
    known, gallery = World(seed=1), gallery_of()
    shown = known.beside(gallery)
    for values in (known.values[:5], known.values[:, 0], np.full_like(known.values, np.nan)):
        with pytest.raises(UsageError, match=f"attack {name}: attributes must be finite"):
            ATTRIBUTE_ATTACKS.make(name).fit(
                shown, values, seed=0, gallery=gallery.values[:GALLERY]
            )
    few = shown.take(np.arange(6))
    with pytest.raises(UsageError, match="needs 4 people whose attributes are known, got 2"):
        ATTRIBUTE_ATTACKS.make(name).fit(
            few, known.values[:6], seed=0, gallery=gallery.values[:GALLERY]
        )


def test_a_gallery_is_asked_for_where_it_is_needed(name):
    known, gallery = World(seed=1), gallery_of()
    attack = ATTRIBUTE_ATTACKS.make(name)
    if not attack.needs_gallery:
        attack.fit(known.beside(gallery), known.values, seed=0)
        return
    for given in (None, gallery.values[:5]):
        with pytest.raises(UsageError, match=f"attack {name}: needs attributes of shape"):
            attack.fit(known.beside(gallery), known.values, seed=0, gallery=given)


def test_no_pictures_give_no_scores(name):
    seen, _ = victims()
    assert fitted(name).infer(seen.take(np.arange(0))).shape == (0, 2)


def test_inputs_are_not_changed(name):
    known, gallery = World(seed=1), gallery_of()
    shown = known.beside(gallery)
    before = shown.templates.copy(), shown.scores.copy(), known.values.copy()
    attack = ATTRIBUTE_ATTACKS.make(name)
    attack.fit(shown, known.values, seed=0, gallery=gallery.values[:GALLERY])
    for a, b in zip((shown.templates, shown.scores, known.values), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_nothing_is_printed(name, capfd):
    fitted(name).infer(victims()[0])
    assert capfd.readouterr() == ("", "")


def test_unknown_names_and_settings_are_refused(name):
    with pytest.raises(UnknownNameError, match=f"did you mean '{name}'"):
        ATTRIBUTE_ATTACKS.make(name + "s")
    with pytest.raises(UnknownNameError, match=f"setting of attack {name}"):
        ATTRIBUTE_ATTACKS.make(name, {"wrong": 1})


def test_every_number_of_the_settings_is_checked(name):
    settings = ATTRIBUTE_ATTACKS.get(name).settings_type()
    for setting in settings.__dataclass_fields__:
        value = [-1.0] if isinstance(getattr(settings, setting), tuple) else -1
        with pytest.raises(UsageError, match=setting):
            ATTRIBUTE_ATTACKS.make(name, {setting: value})


def test_naming_and_making_attacks_loads_no_learners():
    code = """
import sys
from facebone.attacks.attributes.base import ATTRIBUTE_ATTACKS
for name in ATTRIBUTE_ATTACKS.names():
    ATTRIBUTE_ATTACKS.make(name)
print([m for m in ("torch", "sklearn", "scipy") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
