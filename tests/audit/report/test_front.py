"""Who stands on the front, by another way of counting; and the line through it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.audit.report.front import Place, Ranked, Standing, dominates, rank, stairs
from facebone.audit.schema import Interval

GUESSING = 0.5


def standing(number: int, leak: float, quality: float, half: float = 0.0) -> Standing:
    """A target whose two intervals reach `half` to both sides."""
    return Standing(
        number,
        f"target {number}",
        Interval(value=leak, low=leak - half, high=leak + half),
        Interval(value=quality, low=quality - half, high=quality + half),
    )


def places(*figures: tuple[float, float], half: float = 0.0) -> list[Place]:
    """The places of targets of so much leak and quality."""
    targets = [standing(i, *pair, half) for i, pair in enumerate(figures)]
    return [one.place for one in rank(targets, guessing=GUESSING)]


# Few values, so that ties are common; some below guessing.
FIGURES = st.lists(
    st.tuples(
        st.integers(44, 60).map(lambda step: step / 100),
        st.integers(90, 99).map(lambda step: step / 100),
    ),
    max_size=15,
)


def naive_front(figures: Sequence[tuple[float, float]]) -> set[int]:
    """Sweep by rising leak: the best of equal leaks stay that are better than all before."""
    floored = [(max(leak, GUESSING), quality) for leak, quality in figures]
    best, found = 0.0, set()
    for leak in sorted({leak for leak, _ in floored}):
        top = max(quality for other, quality in floored if other == leak)
        if top > best:
            found |= {i for i, one in enumerate(floored) if one == (leak, top)}
            best = top
    return found


@given(FIGURES)
def test_the_front_is_that_of_a_sweep(figures: list[tuple[float, float]]) -> None:
    found = places(*figures)
    assert {i for i, place in enumerate(found) if place is Place.FRONT} == naive_front(figures)


@given(FIGURES, st.sampled_from([0.0, 0.004, 0.02, 0.2]))
def test_who_is_named_dominates(figures: list[tuple[float, float]], half: float) -> None:
    targets = [standing(i, *pair, half) for i, pair in enumerate(figures)]
    by_name = {one.name: one for one in targets}
    for ranked in rank(targets, guessing=GUESSING):
        assert bool(ranked.behind) == (ranked.place is not Place.FRONT)
        if ranked.behind:
            assert dominates(by_name[ranked.behind], ranked.standing, guessing=GUESSING)


@given(FIGURES, st.randoms(use_true_random=False))
def test_the_order_of_targets_does_not_matter(
    figures: list[tuple[float, float]], random: object
) -> None:
    order = list(range(len(figures)))
    random.shuffle(order)  # type: ignore[attr-defined]
    found = places(*figures, half=0.01)
    assert places(*(figures[i] for i in order), half=0.01) == [found[i] for i in order]


def test_worked_by_hand() -> None:
    assert places((0.6, 0.9), (0.5, 0.95), (0.7, 0.97), (0.65, 0.96)) == [
        Place.BEHIND,
        Place.FRONT,
        Place.FRONT,
        Place.FRONT,
    ]
    # Equal in one, better in the other; equal in both.
    assert places((0.6, 0.9), (0.6, 0.91)) == [Place.BEHIND, Place.FRONT]
    assert places((0.6, 0.9), (0.6, 0.9)) == [Place.FRONT, Place.FRONT]
    assert places((0.6, 0.9)) == [Place.FRONT]
    assert places() == []


@pytest.mark.parametrize(
    ("half", "place"),
    # 0.02 apart in both figures: intervals of 0.009 to each side do not meet, of 0.011 they do.
    [(0.009, Place.BEHIND), (0.011, Place.CLOSE)],
)
def test_within_the_intervals(half: float, place: Place) -> None:
    assert places((0.58, 0.94), (0.56, 0.96), half=half) == [place, Place.FRONT]


def test_one_figure_that_is_clearly_worse_is_enough() -> None:
    assert places((0.58, 0.95), (0.56, 0.95), half=0.009) == [Place.BEHIND, Place.FRONT]
    assert places((0.58, 0.94), (0.58, 0.96), half=0.009) == [Place.BEHIND, Place.FRONT]


def test_one_that_is_clearly_better_is_named_rather_than_the_first() -> None:
    targets = [standing(0, 0.55, 0.95), standing(1, 0.55, 0.96), standing(2, 0.56, 0.90)]
    wide = Standing(
        0,
        "unsure",
        Interval(value=0.55, low=0.4, high=0.7),
        Interval(value=0.95, low=0.8, high=0.99),
    )
    found = rank([wide, *targets[1:]], guessing=GUESSING)
    assert (found[2].place, found[2].behind) == (Place.BEHIND, "target 1")


def test_less_than_guessing_is_guessing() -> None:
    """0.46 and 0.49 differ by chance alone: the more accurate one stands on the front."""
    assert places((0.46, 0.94), (0.49, 0.96)) == [Place.BEHIND, Place.FRONT]
    assert places((0.46, 0.94), (0.51, 0.96)) == [Place.FRONT, Place.FRONT]
    # The intervals of the leak part, but below guessing.
    assert places((0.49, 0.95), (0.46, 0.951), half=0.009) == [Place.CLOSE, Place.FRONT]


def line(*figures: tuple[float, float]) -> list[tuple[float, float]]:
    targets = [standing(i, *pair) for i, pair in enumerate(figures)]
    ranked = rank(targets, guessing=GUESSING)
    return stairs(ranked, guessing=GUESSING, left=0.4, right=0.8, bottom=0.8)


def test_the_line_goes_up_in_steps() -> None:
    assert line((0.7, 0.97), (0.65, 0.9), (0.6, 0.95)) == [
        (0.6, 0.8),
        (0.6, 0.95),
        (0.7, 0.95),
        (0.7, 0.97),
        (0.8, 0.97),
    ]


def test_a_target_at_guessing_leaves_nothing_on_its_left() -> None:
    assert line((0.48, 0.9), (0.6, 0.95)) == [
        (0.4, 0.9),
        (0.48, 0.9),
        (0.6, 0.9),
        (0.6, 0.95),
        (0.8, 0.95),
    ]


@given(FIGURES.filter(bool))
def test_the_line_parts_the_front_from_what_is_behind(figures: list[tuple[float, float]]) -> None:
    ranked: list[Ranked] = rank(
        [standing(i, *pair) for i, pair in enumerate(figures)], guessing=GUESSING
    )
    corners = stairs(ranked, guessing=GUESSING, left=0.4, right=0.8, bottom=0.8)
    assert corners == sorted(corners)
    for one in ranked:
        leak, quality = one.standing.leak.value, one.standing.quality.value
        height = max((y for x, y in corners if x <= leak), default=0.8)
        assert quality <= height
        if one.place is Place.FRONT:
            assert (leak, quality) in corners
