"""The job of an extraction: a copy that learns, one that cannot, and what is refused."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from facebone.audit.extraction import jobs
from facebone.audit.extraction.result import extraction_result
from facebone.audit.plan import Result
from facebone.audit.target import TargetRecipe
from facebone.settings import plain


@pytest.fixture
def run(material, make_crowd, monkeypatch):
    def job(crowd=None, *, queries=(60, 600), head="logistic", mitigation="none"):
        chosen = make_crowd(material) if crowd is None else crowd
        monkeypatch.setattr(jobs.Crowd, "from_result", classmethod(lambda cls, result: chosen))
        monkeypatch.setattr(jobs, "material_of", lambda settings, inputs: material)
        settings = {
            "attack": "copy_head",
            "attack_settings": {"heads": "logistic"},
            "queries": list(queries),
            "recipe": plain(asdict(TargetRecipe("t", mitigation, head=head))),
            "material": "material",
            "seed": 0,
        }
        return jobs.copy_target(settings, {jobs.CROWD: Result({}, {})})

    return job


def test_a_head_of_few_numbers_is_copied_and_shuffled_answers_teach_nothing(run):
    found = extraction_result("copy_head:queries=60+600", run())
    assert found.refused is None
    assert [point.queries for point in found.points] == [60, 600]
    last, before = found.points[-1], found.baseline
    assert last.balanced_agreement.low > 0.9
    assert last.rank_correlation.value > 0.99
    assert found.control.balanced_agreement.high < 0.8
    assert before.queries == 0
    assert before.gain.value == 0
    assert (found.pictures, found.people) == (120, 30)
    assert found.far == 0.01
    assert found.target_accuracy.value > 0.5


def test_questions_beyond_the_pictures_are_not_asked(run):
    found = extraction_result("copy_head", run(queries=(60, 10_000)))
    assert [point.queries for point in found.points] == [60]


def test_too_few_pictures_are_refused_in_words(run, material, make_crowd):
    few = extraction_result("copy_head", run(make_crowd(material, people=12, pictures=2)))
    assert "copies are judged on 60 pairs at least" in few.refused
    assert few.points == []
    assert few.baseline is None
    assert few.target_accuracy is None
    none = extraction_result("copy_head", run(queries=(100_000,)))
    assert "has 120 pictures of 30 people, too few" in none.refused


def test_the_same_seed_copies_alike(run):
    one, two = run(queries=(60,)).values, run(queries=(60,)).values
    assert one == two
    assert np.isfinite(one["points"][0]["agreement"]["value"])
