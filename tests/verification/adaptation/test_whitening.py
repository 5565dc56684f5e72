"""Whitening: held against a naive computation, and what its cosines do not depend on."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.errors import UsageError
from facebone.verification.adaptation.whitening import around_people, whitening
from facebone.verification.embedded_pairs import normalise
from facebone.verification.heads import head_from_state, make_head
from facebone.verification.labelled_pictures import LabelledPictures

WIDTHS = (6, 4)


def pictures(people=40, each=3, seed=0):
    """People along all axes, pictures of one person along few."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), each)
    found = []
    for width in WIDTHS:
        noise = rng.normal(size=(len(person), width)) * np.linspace(1.5, 0.2, width)
        rows = rng.normal(size=(people, width))[person] + noise + 2 * np.eye(width)[1]
        found.append(normalise(rows.astype(np.float32)))
    return LabelledPictures(tuple(found), person)


def fitted(shown, **settings):
    head = make_head("whitening", settings)
    head.fit_people(shown, seed=0)
    return head


def root(matrix, power):
    """A symmetric matrix to a power, by its eigenvectors one by one."""
    values, vectors = np.linalg.eigh(matrix)
    return sum(v**power * np.outer(x, x) for v, x in zip(values, vectors.T, strict=True))


def naive_cosines(shown, asked, *, power, within=False, shrinkage=0.0):
    """Mean over backbones of cosines after C^(-power / 2), everything by loops over pictures."""
    total = 0.0
    for learnt, rows in zip(shown.embeddings, asked.embeddings, strict=True):
        mean = sum(x.astype(float) for x in learnt) / len(learnt)
        width = len(mean)
        covariance = np.zeros((width, width))
        for i, x in enumerate(learnt):
            mates = [y for j, y in enumerate(learnt) if shown.person[j] == shown.person[i]]
            centre = sum(y.astype(float) for y in mates) / len(mates) if within else mean
            covariance += np.outer(x - centre, x - centre) / len(learnt)
        even = np.eye(width) * np.trace(covariance) / width
        covariance = (1 - shrinkage) * covariance + shrinkage * even
        made = [root(covariance, -power / 2) @ (x - mean) for x in rows]
        made = np.array([z / np.linalg.norm(z) for z in made])
        total = total + made @ made.T / len(WIDTHS)
    return total


@pytest.mark.parametrize(
    "settings",
    [
        {"power": 0.5},
        {"power": 1.0, "shrinkage": 0.3},
        {"power": 1.0, "within": True, "shrinkage": 0.0},
        {"power": 2.0, "within": True, "shrinkage": 0.2},
        {"power": 0.0},
    ],
)
def test_it_is_what_the_loops_say(settings):
    shown, asked = pictures(), pictures(people=5, seed=1)
    templates = fitted(shown, **settings).templates(asked.embeddings)
    np.testing.assert_allclose(
        templates @ templates.T, naive_cosines(shown, asked, **settings), atol=1e-5
    )


def test_defaults_are_the_ones_named():
    shown, asked = pictures(), pictures(people=5, seed=1).embeddings
    plain = fitted(shown).templates(asked)
    np.testing.assert_array_equal(plain, fitted(shown, power=0.5, shrinkage=0.0).templates(asked))
    within = fitted(shown, within=True).templates(asked)
    same = fitted(shown, power=0.5, within=True, shrinkage=0.2).templates(asked)
    np.testing.assert_array_equal(within, same)
    assert np.abs(within - plain).max() > 0.05


def test_whitened_pictures_have_even_axes():
    rows = pictures().embeddings[0]
    centred = rows - rows.mean(axis=0)
    white = centred @ whitening(centred, power=1.0)
    covariance = white.T @ white / len(white)
    np.testing.assert_allclose(covariance, np.eye(6) * covariance[0, 0], atol=1e-5)
    # All of the covariance shrunk away is no whitening at all.
    even = whitening(centred, power=1.0, shrinkage=1 - 1e-12)
    np.testing.assert_allclose(even / even[0, 0], np.eye(6), atol=1e-6)


def test_within_sees_no_difference_between_people():
    shown = pictures()
    moved = np.random.default_rng(5).normal(size=(40, 6))[shown.person]
    rows = shown.embeddings[0].astype(np.float64)
    differences = around_people(rows + moved, shown.person)
    np.testing.assert_allclose(differences, around_people(rows, shown.person), atol=1e-12)
    for person in (0, 17):
        np.testing.assert_allclose(differences[shown.person == person].mean(axis=0), 0, atol=1e-12)


def test_a_turned_backbone_has_the_same_cosines():
    shown, asked = pictures(), pictures(people=5, seed=1)
    turn = [np.linalg.qr(np.random.default_rng(w).normal(size=(w, w)))[0] for w in WIDTHS]

    def turned(some):
        rows = zip(some.embeddings, turn, strict=True)
        return LabelledPictures(tuple((x @ t).astype(np.float32) for x, t in rows), some.person)

    for settings in ({"power": 1.0}, {"power": 1.0, "within": True}):
        one = fitted(shown, **settings).templates(asked.embeddings)
        other = fitted(turned(shown), **settings).templates(turned(asked).embeddings)
        np.testing.assert_allclose(one @ one.T, other @ other.T, atol=1e-4)


def test_pictures_given_twice_change_nothing_within_as_without():
    shown, asked = pictures(), pictures(people=5, seed=1).embeddings
    twice = shown.take(np.tile(np.arange(len(shown)), 2))
    for within in (False, True):
        one, other = (fitted(some, within=within).templates(asked) for some in (shown, twice))
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_within_parts_people_better_where_pictures_vary_along_few_axes():
    shown, asked = pictures(people=200), pictures(people=100, seed=1)
    same = asked.person[:, None] == asked.person[None, :]
    gaps = []
    for settings in ({"power": 0.0}, {"power": 1.0}, {"power": 1.0, "within": True}):
        z = fitted(shown, **settings).templates(asked.embeddings)
        cosine, off = z @ z.T, ~np.eye(len(z), dtype=bool)
        matched, others = cosine[same & off], cosine[~same]
        gaps.append((matched.mean() - others.mean()) / others.std())
    assert gaps[2] > 1.1 * max(gaps[:2])


@pytest.mark.parametrize("settings", [{}, {"within": True, "power": 1.0, "shrinkage": 0.1}])
def test_it_comes_back_from_disk(settings):
    head = fitted(pictures(), **settings)
    asked = pictures(people=5, seed=1).embeddings
    again = head_from_state(*head.state())
    assert again.settings == head.settings
    assert again.templates(asked).tobytes() == head.templates(asked).tobytes()


def test_fewer_pictures_than_axes_will_do():
    shown = pictures(people=2, each=2)
    for within in (False, True):
        made = fitted(shown, power=1.0, within=within).templates(shown.embeddings)
        assert np.isfinite(made).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"power": 3}, "power: must be a number of at least 0 and less than 3, got 3"),
        ({"within": 1}, "within: must be true or false, got 1"),
        ({"shrinkage": 1.0}, "shrinkage: must be a number of at least 0 and less than 1, got 1.0"),
        ({"shrinkage": -0.1}, "shrinkage: must be a number of at least 0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        make_head("whitening", settings)
