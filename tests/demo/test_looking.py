"""What is seen of a picture: every face, small enough to be shown, cut out for every network."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.data.synthetic import synthetic_dataset
from facebone.demo import looking
from facebone.errors import DecodeError


def test_a_face_is_found_where_the_generator_drew_it(eyes, people, as_file, photograph) -> None:
    picture = people.pictures[3]
    look = eyes.look(as_file(photograph(1, 0)), location="it")
    (face,) = look.faces
    assert np.abs(face.landmarks - picture.source.landmarks).max() < 8
    x, y, width, height = face.box
    assert (face.landmarks > [x, y]).all()
    assert (face.landmarks < [x + width, y + height]).all()
    assert [crop.shape for crop in face.crops] == [(64, 64, 3), (64, 64, 3)]


def test_the_crops_are_those_that_the_library_makes(eyes, as_file, photograph) -> None:
    image = photograph(2, 1)
    (face,) = eyes.look(as_file(image), location="it").faces
    for route, crop in zip(eyes.routes, face.crops, strict=True):
        np.testing.assert_array_equal(crop, route.preparation.prepare(image, location="it").crop)


def test_of_several_faces_the_one_nearest_the_middle_comes_first(eyes, as_file, photograph) -> None:
    wide = np.concatenate([photograph(0, 0), photograph(1, 0)], axis=1)[:, 40:]
    look = eyes.look(as_file(wide), location="it")
    first, second = (face.box[0] + face.box[2] / 2 for face in look.faces)
    assert 230 < first < 400
    assert second < 150
    alone = eyes.look(as_file(photograph(1, 0)), location="it").faces[0]
    likeness = np.corrcoef(look.faces[0].crops[0].ravel(), alone.crops[0].ravel())[0, 1]
    assert likeness > 0.8


def test_no_face_is_no_error(eyes, as_file) -> None:
    grey = np.full((200, 200, 3), 128, dtype=np.uint8)
    assert eyes.look(as_file(grey), location="it").faces == ()


def test_a_large_picture_is_shown_small_and_its_marks_with_it(eyes, as_file, photograph) -> None:
    small = eyes.look(as_file(photograph(1, 0)), location="it")
    large = np.kron(photograph(1, 0), np.ones((8, 8, 1), dtype=np.uint8))
    look = eyes.look(as_file(large), location="it")
    assert max(look.image.shape) == looking.SHOWN_SIDE
    scale = looking.SHOWN_SIDE / 250
    wanted = scale * small.faces[0].landmarks
    assert np.abs(look.faces[0].landmarks - wanted).max() < 0.03 * looking.SHOWN_SIDE


def test_a_data_set_that_knows_its_landmarks_is_believed(eyes) -> None:
    picture = synthetic_dataset(2, 1, seed=0).pictures[1]
    (face,) = eyes.look_at(picture).faces
    np.testing.assert_allclose(face.landmarks, picture.source.landmarks)
    image = picture.source.decode(picture.source.read())
    made = eyes.routes[0].preparation.prepare(image, picture.source.landmarks, location="it")
    np.testing.assert_array_equal(face.crops[0], made.crop)


def test_a_file_over_the_limit_is_refused_before_it_is_decoded(eyes, monkeypatch) -> None:
    monkeypatch.setattr(looking, "MAX_BYTES", 2**20)
    with pytest.raises(DecodeError, match="the first picture: the file is larger than 1 MiB"):
        eyes.look(b"\xff\xd8\xff" + bytes(2**20), location="the first picture")


def test_more_pixels_than_allowed_are_refused(eyes, as_file, monkeypatch) -> None:
    monkeypatch.setattr(looking, "MAX_PIXELS", 10_000)
    with pytest.raises(DecodeError, match="the limit is 10000 in all"):
        eyes.look(as_file(np.zeros((101, 100, 3), dtype=np.uint8)), location="it")
