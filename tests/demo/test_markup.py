"""Pieces of HTML: nothing of what comes from outside is markup, and every picture has words."""

from __future__ import annotations

import re

import numpy as np
import pytest

from facebone.demo import markup
from facebone.demo.looking import Look, SeenFace
from facebone.demo.voices import Opinion, Voice
from facebone.verification.heads import make_head

EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>&'


def opinion(score: float | None, threshold: float | None = 0.5, name: str = "a") -> Opinion:
    voice = Voice(name, "backbone", make_head("cosine"), (0,), threshold, None)
    same = None if score is None or threshold is None else score >= threshold
    return Opinion(voice, score, same)


def pixels() -> np.ndarray:
    return np.zeros((8, 9, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "made",
    [
        markup.picture(pixels(), EVIL, width=9, caption=EVIL),
        markup.card(EVIL, opinion(0.9), EVIL),
        markup.table(EVIL, [EVIL], [[EVIL, EVIL]]),
        markup.lead(EVIL),
        markup.remark(EVIL),
        markup.paragraph(EVIL),
        markup.points([EVIL]),
        markup.pipeline(EVIL, [(EVIL, EVIL, EVIL)]),
        markup.score([(EVIL, EVIL)]),
        markup.verdict(True, EVIL),
        markup.row(["<b>x</b>"], EVIL),
    ],
)
def test_names_are_text_and_never_markup(made: str) -> None:
    assert "<script" not in made
    assert "onerror=alert(1)>" not in made
    assert not re.search(r"<img(?! (?:class|src))", made)
    assert made.count("<img") <= 1


def test_a_picture_has_words_and_its_size() -> None:
    made = markup.picture(pixels(), "a black picture", width=90)
    assert 'alt="a black picture"' in made
    assert 'width="9" height="8"' in made
    assert "data:image/jpeg;base64,/9j/" in made


@pytest.mark.parametrize(
    ("score", "wanted"), [(0.5, 0.5), (0.75, 0.75), (0.25, 0.25), (9.0, 1.0), (-9.0, 0.0)]
)
def test_a_cosine_stands_as_far_from_the_threshold_as_it_is(score: float, wanted: float) -> None:
    assert markup.place(opinion(score)) == pytest.approx(wanted)


def test_probabilities_are_spread_as_log_odds() -> None:
    head = make_head("logistic")

    def at(score: float, threshold: float) -> float | None:
        voice = Voice("a", "hardened", head, (0,), threshold, None)
        return markup.place(Opinion(voice, score, score >= threshold))

    assert at(0.99, 0.99) == pytest.approx(0.5)
    assert at(0.999, 0.99) > 0.65
    assert at(1.0, 0.99) == 1.0
    assert at(0.0, 0.99) == 0.0


def test_what_cannot_be_placed_has_no_scale() -> None:
    assert markup.scale(opinion(None)) == ""
    assert markup.scale(opinion(0.4, None)) == ""
    assert "no threshold is known" in markup.card("a", opinion(0.4, None), "").lower()
    assert "found no such face" in markup.card("a", opinion(None), "")


def test_boxes_and_dots_are_drawn_where_the_face_is() -> None:
    image = np.full((100, 100, 3), 90, dtype=np.uint8)
    points = np.array([[40, 40], [60, 40], [50, 50], [42, 60], [58, 60]], dtype=np.float32)
    face = SeenFace((30.0, 30.0, 40.0, 40.0), points, ())
    drawn = markup.marked(Look(image, (face,)), 0)
    assert drawn.shape == (720, 720, 3)
    mark = np.array([184, 67, 11])
    near = np.abs(drawn.astype(int) - mark).sum(axis=2) < 60
    rows, columns = np.nonzero(near)
    assert 0.28 < rows.min() / 720 < 0.32
    assert 0.68 < columns.max() / 720 < 0.72
    for x, y in points:
        assert near[round(7.2 * y), round(7.2 * x)]
    assert (image == 90).all()


def test_a_strip_shows_sign_and_size() -> None:
    strip = markup.strip([1.0, 0.0, -1.0, 0.5])
    assert strip.shape == (1, 4, 3)
    assert strip[0, 0].tolist() == [184, 67, 11]
    assert strip[0, 1].tolist() == [255, 255, 255]
    assert strip[0, 2].tolist() == [11, 95, 165]
    assert markup.strip([0.0, 0.0]).min() == 255
