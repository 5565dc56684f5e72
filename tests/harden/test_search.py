"""The search: limits, repeats, and that a run which was killed finds what another would have."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from facebone.audit.job_store import JobStore, Result
from facebone.audit.target import TargetRecipe
from facebone.harden.choice import Rule, ranked
from facebone.harden.front import leak_of, on_front
from facebone.harden.report import make_trials, standings
from facebone.harden.ring import Found, Ring, Spread
from facebone.harden.rings import Rings, RingTask, run_ring
from facebone.harden.search import AT_ONCE, Limits, Search
from facebone.harden.space import Space, make_space
from facebone.harden.study import JOURNAL_FILE, Record
from facebone.verification.estimates import Estimate

Make = Callable[[str], TargetRecipe]
HEADS = ("mlp", "logistic", "products")


def made_up(name: str, *, leak: float | None = None) -> Ring:
    """Figures that follow from a name."""
    number = zlib.crc32(name.encode()) / 2**32
    accuracy = 0.99 if leak is not None else 0.8 + 0.1 * number
    found = 0.5 + 0.3 * (number * 7 % 1) if leak is None else leak
    rate = Spread(0.02, 0.0, 4)
    return Ring(
        Spread(accuracy, 0.01, 4),
        Estimate(accuracy, accuracy - 0.02, accuracy + 0.02),
        Estimate(found, found - 0.02, found + 0.02),
        (Found("lira", Spread(found, 0.01, 4), {"0.01": rate, "0.001": rate}),),
    )


class Pretending:
    """An executor that measures nothing: figures are made up of the names of recipes.

    Args:
        stop_after: raises an interrupt after so many rings.
        planted: name of a recipe that leaks nothing.
        broken: a recipe that cannot be trained.
    """

    def __init__(
        self, stop_after: int | None = None, planted: str | None = None, broken: str | None = None
    ) -> None:
        self.stop_after, self.planted, self.broken = stop_after, planted, broken
        self.measured: list[str] = []

    def run(
        self,
        function: Callable[[RingTask], None],
        arguments: Iterable[RingTask],
        *,
        on_result: Callable[[RingTask, Any], Iterable[RingTask]],
        on_lost: Callable[[RingTask], Iterable[RingTask]] | None = None,
    ) -> None:
        waiting = list(arguments)
        while waiting:
            if len(self.measured) == self.stop_after:
                raise KeyboardInterrupt
            task = waiting.pop(0)
            name = task.recipe.name
            values = made_up(name, leak=0.5 if name == self.planted else None).to_json()
            if name == self.broken:
                values = {"refused": "cannot be trained"}
            task.store.save(task.key, Result(values))
            self.measured.append(name)
            waiting += on_result(task, None)


@pytest.fixture(scope="module")
def space(make: Make) -> Space:
    return make_space(("backbone_0", "backbone_1"), HEADS, learnt="pairs", make=make)


def search(folder: Path, space: Space, executor: Pretending, **limits: Any) -> tuple[Record, Rings]:
    folder.mkdir(exist_ok=True)
    rings = Rings(space.make, "material", 4, 0, ("lira",), JobStore(folder / "jobs"))
    record = Record(folder, space, seed=3)
    given = {"seconds": 1e9, "reserve": lambda: 0.0, "trials": 20} | limits
    Search(record, rings, Limits(**given), lambda _seconds: None).run(executor)
    return record, rings


def told(record: Record) -> dict[str, int]:
    return record.numbers()


def test_it_begins_with_what_to_compare_with_and_stops_at_the_number(
    tmp_path: Path, space: Space
) -> None:
    executor = Pretending()
    record, _ = search(tmp_path / "a", space, executor, trials=26)
    assert executor.measured[:4] == ["none", "facebone", "none@logistic", "none@products"]
    assert record.tried == len(executor.measured) == len(set(executor.measured)) == 26
    assert record.measured() == executor.measured
    assert any("/" in name or "backbones" in name for name in executor.measured[-8:])


@pytest.mark.parametrize("stop_after", [1, 4, 6, 13, 19])
def test_a_run_that_was_killed_goes_on_to_the_same_end(
    tmp_path: Path, space: Space, stop_after: int
) -> None:
    whole, _ = search(tmp_path / "whole", space, Pretending())
    first, second = Pretending(stop_after=stop_after), Pretending()
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "cut", space, first)
    with (tmp_path / "cut" / JOURNAL_FILE).open("ab") as file:
        file.write(b'{"op_code":6,"worker')  # a line that was not finished
    (tmp_path / "cut" / f"{JOURNAL_FILE}.lock").symlink_to("nothing")
    record, rings = search(tmp_path / "cut", space, second)
    assert told(record) == told(whole)
    assert not set(first.measured) & set(second.measured), "nothing is measured twice"
    figures = [rings.load(name).ring for name in record.measured()]
    assert figures == [made_up(name) for name in whole.measured()]


def test_it_goes_on_with_more(tmp_path: Path, space: Space) -> None:
    search(tmp_path / "a", space, Pretending(), trials=8)
    again = Pretending()
    record, _ = search(tmp_path / "a", space, again, trials=12)
    assert len(again.measured) == 4
    whole, _ = search(tmp_path / "b", space, Pretending(), trials=12)
    assert told(record) == told(whole)


def test_time_ends_it_after_the_first_batch(tmp_path: Path, space: Space) -> None:
    executor = Pretending()
    search(tmp_path / "a", space, executor, seconds=0.0, reserve=lambda: 1.0)
    assert len(executor.measured) == AT_ONCE
    search(tmp_path / "a", space, executor, seconds=10.0, reserve=lambda: 11.0)
    assert len(executor.measured) == AT_ONCE


def test_a_small_space_is_exhausted(tmp_path: Path, make_maker: Callable[..., Make]) -> None:
    make = make_maker(("backbone_0",), "logistic", {})
    small = Space(("backbone_0",), ("logistic", "products"), "pairs", make)
    executor = Pretending()
    search(tmp_path / "a", small, executor)
    assert executor.measured == ["none", "none@products"]


def test_what_cannot_be_trained_is_given_up_and_the_rest_goes_on(
    tmp_path: Path, space: Space
) -> None:
    record, rings = search(tmp_path / "a", space, Pretending(broken="none@logistic"), trials=8)
    assert "none@logistic" not in record.measured()
    assert len(record.measured()) == 7
    assert rings.load("none@logistic").refused == "cannot be trained"
    assert record.given_up() == ["none@logistic"]


def test_a_planted_recipe_that_leaks_nothing_wins(tmp_path: Path, space: Space) -> None:
    planted = "dropout"
    record, rings = search(tmp_path / "a", space, Pretending(planted=planted), trials=24)
    measured = {name: rings.load(name) for name in record.measured()}
    trials = make_trials(measured, told(record), space.make, space.backbones, Rule())
    undefended = next(one for one in trials if one.name == "none")
    order = ranked(standings(trials), undefended.accuracy.mean)
    assert order[0].name == planted
    assert [one.name for one in trials if one.on_front] == [planted]
    figures = [made_up(one.name, leak=0.5 if one.name == planted else None) for one in trials]
    front = on_front(
        [one.accuracy.mean for one in figures],
        [leak_of(one.strongest.auc.mean) for one in figures],
    )
    assert [one.on_front for one in trials] == front


def test_a_recipe_that_takes_too_long_is_given_up(
    tmp_path: Path, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*_: Any, **__: Any) -> Ring:
        while True:
            time.sleep(0.001)

    monkeypatch.setattr("facebone.harden.rings.measure_ring", endless)
    monkeypatch.setattr("facebone.harden.rings._material", lambda *_: None)
    rings = Rings(space.make, "material", 4, 0, ("lira",), JobStore(tmp_path))
    run_ring(rings.task("none", limit=0.05))
    assert "not done in" in str(rings.load("none").refused)
    time.sleep(0.06)  # no timer is left


def test_one_recipe_gets_a_quarter_of_what_is_left(tmp_path: Path, space: Space) -> None:
    record = Record(tmp_path, space, seed=0)
    limits = Limits(1000.0, lambda: 200.0)
    assert limits.of_one(record) is None, "what to compare with is always measured"
    search(tmp_path / "a", space, Pretending(), trials=4)
    record = Record(tmp_path / "a", space, seed=3)
    record.spend(100.0)
    assert limits.of_one(record) == pytest.approx(200.0, abs=30)
    record.spend(600.0)
    assert limits.of_one(record) == 1200.0, "twice what a batch took"
