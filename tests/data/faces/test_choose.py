from __future__ import annotations

import numpy as np
import pytest

from facebone.data.faces.choose import RULES, choose_face, rank_faces
from facebone.data.faces.face import Face
from facebone.errors import NoFaceError, SeveralFacesError, UnknownNameError


def face(box: tuple[float, float, float, float], confidence: float = 0.9) -> Face:
    return Face(box, confidence, np.zeros((5, 2), dtype=np.float32))


CENTRAL = face((90, 40, 20, 20), 0.6)  # its middle is the middle of a picture 100 high, 200 wide
LARGE = face((10, 10, 60, 70), 0.7)
SURE = face((150, 60, 30, 30), 0.99)
FACES = [SURE, LARGE, CENTRAL]


@pytest.mark.parametrize(("rule", "wanted"), [("centre", CENTRAL), ("largest", LARGE)])
def test_each_rule_chooses_its_face(rule: str, wanted: Face) -> None:
    assert choose_face(FACES, (100, 200), rule) is wanted


def test_height_comes_first_in_the_size() -> None:
    assert choose_face([face((40, 90, 20, 20)), CENTRAL], (100, 200)) is CENTRAL
    assert choose_face([CENTRAL, face((40, 90, 20, 20))], (200, 100)) is not CENTRAL


@pytest.mark.parametrize("rule", RULES)
def test_all_faces_can_be_had_in_order(rule: str) -> None:
    ranked = rank_faces(FACES, (100, 200), rule)
    assert len(ranked) == 3
    assert ranked[0] is {"centre": CENTRAL, "largest": LARGE, "only": SURE}[rule]


def test_equal_faces_keep_their_order() -> None:
    twins = [face((0, 0, 10, 10)), face((0, 0, 10, 10))]
    assert rank_faces(twins, (50, 50), "largest")[0] is twins[0]


@pytest.mark.parametrize("rule", RULES)
def test_a_single_face_suits_every_rule(rule: str) -> None:
    assert choose_face([LARGE], (100, 200), rule) is LARGE


def test_several_where_one_was_asked_for() -> None:
    with pytest.raises(SeveralFacesError, match=r"^two\.jpg: shows 3 faces where one was asked"):
        choose_face(FACES, (100, 200), "only", location="two.jpg")


@pytest.mark.parametrize("rule", RULES)
def test_no_face(rule: str) -> None:
    with pytest.raises(NoFaceError, match=r"^wall\.jpg: no face was found"):
        choose_face([], (100, 200), rule, location="wall.jpg")


def test_an_unknown_rule() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'largest'"):
        choose_face(FACES, (100, 200), "larges")
