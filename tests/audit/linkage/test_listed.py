"""A list of names beside pictures: it adds to what they tell, and a worthless one does not."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.linkage.base import LINKAGES
from facebone.attacks.linkage.open_set_figures import measure_open_set
from facebone.audit.linkage.listed import draw_list, with_list
from facebone.errors import UsageError

NAMES, RECORDS = np.arange(600), np.arange(300)
ENROLLED = np.isin(NAMES, RECORDS)


def pictures_say(weight, seed=0):
    """Scores in which a name's own record stands out by so many deviations."""
    scores = np.random.default_rng(seed).normal(size=(len(NAMES), len(RECORDS)))
    scores[RECORDS, RECORDS] += weight
    return scores


def figures(scores):
    return measure_open_set(scores, NAMES, RECORDS, seed=0, replicates=100)


def test_a_list_has_the_shares_that_were_asked_for():
    listed = draw_list(ENROLLED, hit=0.8, wrong=0.1, seed=1)
    assert listed[ENROLLED].mean() == pytest.approx(0.8, abs=0.06)
    assert listed[~ENROLLED].mean() == pytest.approx(0.1, abs=0.06)


def test_a_list_adds_to_pictures_and_pictures_to_the_list():
    listed = draw_list(ENROLLED, hit=0.8, wrong=0.2, seed=1)
    alone = figures(pictures_say(3.5))
    both = figures(with_list(pictures_say(3.5), NAMES, RECORDS, listed, seed=0))
    # By itself a list of this kind tells one of each apart in 0.8 (by its share of both) of cases.
    list_alone = 0.5 + (0.8 - 0.2) / 2
    assert both.auc.value > max(alone.auc.value, list_alone) + 0.02
    assert both.found[0.1].value > alone.found[0.1].value
    assert both.found[0.1].value <= 1


def test_a_worthless_list_and_dealt_names_add_nothing():
    listed = draw_list(ENROLLED, hit=0.5, wrong=0.5, seed=1)
    alone = figures(pictures_say(3.5)).auc.value
    both = figures(with_list(pictures_say(3.5), NAMES, RECORDS, listed, seed=0)).auc.value
    assert both == pytest.approx(alone, abs=0.02)
    told = draw_list(ENROLLED, hit=0.9, wrong=0.1, seed=1)
    dealt = np.random.default_rng(3).permutation(NAMES)
    scores = with_list(pictures_say(3.5), dealt, RECORDS, told, seed=0)
    control = measure_open_set(scores, dealt, RECORDS, seed=0, replicates=100).auc
    assert control.value == pytest.approx(0.5, abs=0.06)


def test_which_record_a_name_is_taken_for_stays():
    scores = pictures_say(3.5)
    listed = draw_list(ENROLLED, hit=0.8, wrong=0.2, seed=1)
    found = with_list(scores, NAMES, RECORDS, listed, seed=0)
    np.testing.assert_array_equal(found.argmax(axis=1), scores.argmax(axis=1))


@pytest.mark.parametrize("name", ["open_set_identification", "score_identification"])
def test_half_a_list_is_refused(name):
    with pytest.raises(UsageError, match="hit and wrong: stand together"):
        LINKAGES.make(name, {"hit": 0.8})
    with pytest.raises(UsageError, match="wrong"):
        LINKAGES.make(name, {"hit": 0.8, "wrong": 1.0})
