"""Distilling adaptations: what the student is taught, and that no label is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facebone.mitigations.multi_backbone import people_distil
from facebone.mitigations.multi_backbone.people_distil import _taught, distil, student_settings
from facebone.mitigations.multi_backbone.people_groups import split_people, unseen_by
from facebone.verification.adaptation.adapter_settings import AdapterSettings
from facebone.verification.embedded_pairs import normalise
from facebone.verification.heads import make_head
from facebone.verification.labelled_pictures import LabelledPictures, join

PARTS, LEFT_OUT, SPLITS = 3, 2, 2


def pictures(people=24, each=3, widths=(8, 8), seed=0):
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), each)
    matrices = []
    for width in widths:
        found = rng.normal(size=(people, width))[person] + 0.5 * rng.normal(
            size=(len(person), width)
        )
        matrices.append(normalise((found + 2 * np.eye(width)[0]).astype(np.float32)))
    return LabelledPictures(tuple(matrices), person)


@pytest.fixture(scope="module")
def taught():
    """Pictures, whitenings that never saw some of the people, and who saw whom."""
    shown = pictures()
    groups = split_people(np.full(24, 3), PARTS, splits=SPLITS, seed=0)
    unseen = unseen_by(shown.person, groups, PARTS, LEFT_OUT)
    teachers = make_head("whitening").fit_people_many(
        shown, [np.flatnonzero(~mask) for mask in unseen], range(len(unseen))
    )
    return shown, teachers, unseen


def wanted(taught):
    """Mean over splits of the mean cosine by teachers of the split that saw neither, by loops."""
    shown, teachers, unseen = taught
    templates = [teacher.templates(shown.embeddings) for teacher in teachers]
    each = len(teachers) // SPLITS
    found = np.zeros((len(shown), len(shown)))
    for i in range(len(shown)):
        for j in range(len(shown)):
            for split in range(SPLITS):
                asked = [
                    k
                    for k in range(split * each, (split + 1) * each)
                    if unseen[k, i] and unseen[k, j]
                ]
                found[i, j] += np.mean([templates[k][i] @ templates[k][j] for k in asked]) / SPLITS
    return found


def test_what_is_taught_comes_from_those_that_saw_neither(taught):
    shown, teachers, unseen = taught
    templates = torch.from_numpy(np.stack([t.templates(shown.embeddings) for t in teachers]))
    masks = torch.from_numpy(unseen.astype(np.float32))[:, :, None]
    np.testing.assert_allclose(_taught(templates, masks, SPLITS), wanted(taught), atol=1e-5)


@pytest.mark.parametrize("joint", [True, False])
def test_the_student_comes_near_what_it_is_taught(taught, joint, monkeypatch):
    monkeypatch.setattr(people_distil, "EPOCHS", 150)
    shown, teachers, unseen = taught
    settings = AdapterSettings(hidden=(32,), joint=joint)
    student = distil(teachers, unseen, shown, settings, splits=SPLITS, seed=1)
    truth = wanted(taught)
    made, plain = student.templates(shown.embeddings), join(shown.embeddings)
    error, before = (np.square(z @ z.T - truth).mean() for z in (made, plain))
    assert error < 0.2 * before
    assert student.dimensions == (8, 8)
    # And says the same of people whom it has not met.
    other = pictures(seed=9).embeddings
    means = np.mean([t.templates(other) @ t.templates(other).T for t in teachers], axis=0)
    given = student.templates(other) @ student.templates(other).T
    assert (
        np.square(given - means).mean()
        < 0.5 * np.square(join(other) @ join(other).T - means).mean()
    )


def test_no_label_is_taught(taught, monkeypatch):
    monkeypatch.setattr(people_distil, "EPOCHS", 2)
    shown, teachers, unseen = taught
    mixed = np.random.default_rng(0).permutation(shown.person)
    relabelled = LabelledPictures(shown.embeddings, mixed)
    settings = AdapterSettings(hidden=(16,))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, other, again = (
        distil(teachers, unseen, some, settings, splits=SPLITS, seed=seed)
        for some, seed in ((shown, 1), (relabelled, 1), (shown, 2))
    )
    a, b, c = (head.templates(shown.embeddings) for head in (one, other, again))
    np.testing.assert_array_equal(a, b)
    assert np.abs(a - c).max() > 1e-3
    # Labels set the line of the log odds alone.
    assert not np.array_equal(one.state()[1]["line"], other.state()[1]["line"])
    assert torch.equal(torch.get_rng_state(), before)


def test_a_student_has_the_adapters_layers():
    settings = AdapterSettings(hidden=(16, 8), batch_norm=True, patience=3, epochs=7)
    student = student_settings(settings)
    assert (student.shape, student.hidden, student.epochs) == ("mlp", (16, 8), 7)
    assert (student.batch_norm, student.patience, student.residual) == (False, None, True)
    assert not student_settings(AdapterSettings(width=5)).residual
