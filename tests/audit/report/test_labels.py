"""Labels never cover each other, what is taken, or the edge."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from facebone.audit.report.labels import Box, overlap, place_labels

BOUNDS = (0.0, 0.0, 300.0, 200.0)
POINT = st.tuples(st.floats(10, 290), st.floats(10, 190))
SIZE = st.tuples(st.floats(5, 120), st.floats(5, 30))


def around(x: float, y: float) -> Box:
    return (x - 5, y - 5, x + 5, y + 5)


@given(st.lists(st.tuples(POINT, SIZE), max_size=6))
def test_placed_labels_are_legible(wanted: list[tuple]) -> None:
    points, sizes = [point for point, _ in wanted], [size for _, size in wanted]
    taken = [around(*point) for point in points]
    found = place_labels(points, sizes, taken, BOUNDS)
    if found is None:
        return
    assert len(found) == len(wanted)
    for i, box in enumerate(found):
        assert box[0] >= 0
        assert box[1] >= 0
        assert box[2] <= 300
        assert box[3] <= 200
        assert not any(overlap(box, other) for other in taken + found[:i])
        assert abs(box[2] - box[0] - sizes[i][0]) < 1e-9


def test_a_lone_label_stands_at_its_upper_right() -> None:
    assert place_labels([(50, 50)], [(40, 10)], [], BOUNDS) == [(57, 57, 97, 67)]


def test_at_the_right_edge_it_stands_on_the_left() -> None:
    assert place_labels([(290, 50)], [(40, 10)], [], BOUNDS) == [(243, 57, 283, 67)]


def test_two_labels_of_one_point_part() -> None:
    found = place_labels([(150, 100)] * 2, [(60, 12)] * 2, [around(150, 100)], BOUNDS)
    assert found is not None
    assert not overlap(*found)


def test_without_room_there_is_no_place() -> None:
    assert place_labels([(150, 100)], [(400, 10)], [], BOUNDS) is None
    assert place_labels([(150, 100)] * 60, [(60, 12)] * 60, [], BOUNDS) is None
