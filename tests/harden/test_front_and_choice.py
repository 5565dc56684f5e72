"""The front against a naive one, and the rules of choice on hand-made figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.errors import UsageError
from facebone.harden.choice import Rule, Standing, ranked, shortlist
from facebone.harden.front import leak_of, on_front

# Few values, so that ties are common.
FIGURES = st.lists(
    st.tuples(st.integers(0, 6).map(lambda n: n / 6), st.integers(0, 6).map(lambda n: n / 6)),
    max_size=12,
)


def naive_front(figures: list[tuple[float, float]]) -> list[bool]:
    """On the front is whom nobody beats: as good in both, and better in one."""
    return [
        not any(a >= mine and b <= own and (a > mine or b < own) for a, b in figures)
        for mine, own in figures
    ]


@given(FIGURES)
def test_the_front_is_what_nobody_beats(figures: list[tuple[float, float]]) -> None:
    accuracy, leak = [a for a, _ in figures], [b for _, b in figures]
    assert on_front(accuracy, leak) == naive_front(figures)


def test_an_attack_that_errs_is_no_less_than_no_attack() -> None:
    assert leak_of(0.42) == leak_of(0.5) == 0.5
    assert leak_of(0.61) == 0.61


@given(FIGURES, st.floats(0, 1))
def test_nobody_beats_the_recommended_one(figures: list[tuple[float, float]], limit: float) -> None:
    every = [Standing(str(i), a, b) for i, (a, b) in enumerate(figures)]
    order = ranked(every, limit)
    assert sorted(one.name for one in order) == sorted(
        one.name for one in every if one.accuracy >= limit
    )
    if order:
        first = int(order[0].name)
        assert naive_front(figures)[first]


UNDEFENDED = Standing("none", 0.95, 0.60, 0.004)
SMALL_LEAK = Standing("small", 0.955, 0.501, 0.004)
LEAST_LEAK = Standing("least", 0.951, 0.500, 0.004)
WORSE = Standing("worse", 0.94, 0.500, 0.004)
EVERY = [UNDEFENDED, SMALL_LEAK, LEAST_LEAK, WORSE]


def test_without_a_wish_nothing_is_lost_and_of_equal_leaks_the_most_accurate_is_taken() -> None:
    limit = Rule().limit(UNDEFENDED.accuracy)
    assert limit == 0.95
    assert [one.name for one in ranked(EVERY, limit)] == ["small", "least", "none"]


def test_leaks_that_can_be_told_apart_decide() -> None:
    apart = [Standing("small", 0.955, 0.51, 0.004), LEAST_LEAK]
    assert ranked(apart, 0.9)[0].name == "least"


def test_a_drop_lets_others_in() -> None:
    limit = Rule(max_drop=0.02).limit(UNDEFENDED.accuracy)
    assert limit == pytest.approx(0.93)
    assert {one.name for one in ranked(EVERY, limit)} == {"none", "small", "least", "worse"}


def test_an_accuracy_that_is_asked_for_does_not_look_at_the_undefended_one() -> None:
    assert Rule(min_accuracy=0.953).limit(0.5) == 0.953
    assert [one.name for one in ranked(EVERY, 0.953)] == ["small"]
    assert ranked(EVERY, 0.99) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_accuracy": 0.9, "max_drop": 0.1},
        {"min_accuracy": 0.0},
        {"min_accuracy": 1.2},
        {"max_drop": -0.1},
        {"max_drop": 1.0},
        {"max_drop": float("nan")},
    ],
)
def test_wrong_rules_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Rule(**wrong)


def test_the_shortlist_is_the_recommended_one_and_others_of_the_front() -> None:
    beaten = Standing("beaten", 0.94, 0.7, front=False)
    every = [beaten, UNDEFENDED, SMALL_LEAK, LEAST_LEAK, WORSE]
    names = [one.name for one in shortlist(ranked(every, 0.951), every, most=3)]
    assert names == ["small", "least", "none"]
    assert "beaten" not in [one.name for one in shortlist([], every, most=9)]
