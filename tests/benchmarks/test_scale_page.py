"""The page about scale says what was measured, and its arithmetic adds up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.scale_jobs import plan
from benchmarks.scale_people import PICTURES, embeddings_of, keys_of_shard
from benchmarks.scale_plan import CLUSTER, Costs, breaks, core_hours, dollars, measured
from benchmarks.scale_study import fits, slope
from benchmarks.scale_study_page import PAGE, load, render

from facebone.audit.plan import bind, run_plan
from facebone.data.store import DiskSpace
from facebone.scale.executor import SerialExecutor


def test_the_page_is_that_of_the_results() -> None:
    assert PAGE.read_text("utf-8") == render(load())


def test_what_was_measured_is_flat_where_the_page_says_so() -> None:
    figures = load()["scale_study"]["figures"]
    assert [row["pictures"] for row in figures["rows"]] == [10**3, 10**4, 10**5, 10**6]
    assert figures["slopes"] == fits(figures["rows"])
    assert abs(figures["slopes"]["memory of a worker"]) < 0.05
    peaks = [max(row["worker_peak"].values()) for row in figures["rows"][1:]]
    assert max(peaks) / min(peaks) < 1.1
    ratio = load()["executor"]["figures"]["ratio_to_serial"]
    assert ratio["computing"]["ray"] < 1.1
    assert ratio["sleeping"]["ray"] < 1.1


def test_slopes_of_power_laws() -> None:
    sizes = [1e4, 1e5, 1e6]
    assert slope(sizes, [7 * size**0.8 for size in sizes]) == pytest.approx(0.8)
    assert slope(sizes, [5.0] * 3) == pytest.approx(0, abs=1e-12)


@pytest.fixture
def costs() -> Costs:
    results = load()
    return measured(*(results[name]["figures"] for name in ("scale_study", "engine", "executor")))


def test_twice_the_pictures_cost_twice_and_looking_through_the_store_four_times(
    costs: Costs,
) -> None:
    few, many = core_hours(costs, 10**7, 100), core_hours(costs, 2 * 10**7, 100)
    ratios = {name.split(",")[0].split()[0]: many[name] / few[name] for name in few}
    assert ratios == pytest.approx({"read": 2, "store": 2, "train": 1, "ask": 2, "look": 4})
    double = replace(CLUSTER, machines=2 * CLUSTER.machines)
    # Twice the machines take half the time: the same money.
    assert dollars(costs, double, 10**7, 100) == pytest.approx(dollars(costs, CLUSTER, 10**7, 100))


def test_more_memory_lasts_longer(costs: Costs) -> None:
    found = {what: size for what, size, _ in breaks(costs, CLUSTER)}
    larger = replace(CLUSTER, memory=2 * CLUSTER.memory)
    grown = {what: size for what, size, _ in breaks(costs, larger)}
    assert list(found.values()) == sorted(found.values())
    ratios = sorted(grown[what] / found[what] for what in found)
    assert ratios == pytest.approx([1, 2, 2, 2])  # time does not depend on memory


def test_the_plan_asks_about_everybody_from_the_store(tmp_path: Path) -> None:
    people = 60
    jobs = plan(people, str(tmp_path / "embeddings"))
    with bind(tmp_path / "audit", {"study": "test"}) as store:
        done = run_plan(jobs, store, SerialExecutor())
    space = DiskSpace(tmp_path / "embeddings", 128)
    assert len(space) == people * PICTURES
    np.testing.assert_array_equal(space.gather(keys_of_shard(people, 0)), embeddings_of(people, 0))
    asked = done["ask 0"]
    assert len(asked.arrays["scores"]) == people
    assert asked.values["questions"] == people * 30
    assert asked.arrays["member"].sum() == len(done["target"].arrays["members"]) == 24
    # A plain MLP remembers people; a mistaken order of rows would hide it.
    assert done["leak"].values["leak"]["auc"]["value"] > 0.6
