"""Crews: processes give what threads give, and do not outlive who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from facebone.data.faces.prepare import Preparation
from facebone.data.pictures import Picture
from facebone.data.store import EmbeddingStore
from facebone.data.synthetic import synthetic_dataset
from facebone.errors import PictureError
from facebone.scale.process_executor import ProcessExecutor
from facebone.verification.chain import BatchResult, Chain, WhenProblem
from facebone.verification.crews import (
    ChainRecipe,
    open_space,
    work_in_jobs,
    work_in_threads,
)
from facebone.verification.routes import open_routes

PREPARATION = Preparation("five-point", "synthetic", "arcface-64x64")
PICTURES = synthetic_dataset(people=10, pictures_per_person=4, seed=3).pictures


def recipe(store: Path, on_problem: WhenProblem = "raise") -> ChainRecipe:
    return ChainRecipe(("tiny_plain",), (PREPARATION,), ("cpu",), store, on_problem)


def test_processes_give_what_threads_give(tmp_path: Path) -> None:
    routes = open_routes(["tiny_plain"], device="cpu")
    assert routes[0].preparation == PREPARATION
    matrices = []
    for name in ("threads", "processes"):
        store = EmbeddingStore(tmp_path / name)
        spaces = [open_space(route, store) for route in routes]
        taken: dict[int, BatchResult] = {}
        if name == "threads":
            chain = Chain(routes, spaces, "raise")
            work_in_threads(chain, PICTURES, taken.__setitem__, size=7, workers=2)
            assert list(taken) == sorted(taken)
        else:
            executor = ProcessExecutor(2)
            made = recipe(tmp_path / name)
            work_in_jobs(made, PICTURES, taken.__setitem__, size=7, executor=executor)
        results = [taken[first] for first in range(0, len(PICTURES), 7)]
        assert len(taken) == len(results)
        assert sum(result.computed for result in results) == len(PICTURES)
        matrices.append(spaces[0].gather(np.concatenate([result.keys for result in results])))
    np.testing.assert_allclose(matrices[1], matrices[0], atol=1e-4)
    assert np.isfinite(matrices[1]).all()


class Deadly:
    """A picture that takes its worker down, as a crash in a decoder would."""

    location = "deadly"
    landmarks = None

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (1,)


def test_a_picture_that_crashes_the_decoder_is_found_and_left_out(tmp_path: Path) -> None:
    """The others of its batch are embedded all the same."""
    pictures = [*PICTURES[:3], Picture("deadly", "p", Deadly()), PICTURES[3]]
    taken: dict[int, BatchResult] = {}
    made = recipe(tmp_path, "skip")
    work_in_jobs(made, pictures, taken.__setitem__, size=4, executor=ProcessExecutor(2))
    assert sorted(taken) == [0, 1, 2, 3, 4]
    assert [result.computed for _, result in sorted(taken.items())] == [1, 1, 1, 0, 1]
    (problem,) = taken[3].problems
    assert problem.picture == "deadly"
    assert "deadly: crashed the process that decoded and embedded it" in problem.reason


def test_a_picture_that_crashes_the_decoder_is_said_in_one_line(tmp_path: Path) -> None:
    deadly = [Picture("deadly", "p", Deadly())]
    with pytest.raises(PictureError, match=r"deadly: crashed the process .* 3 times; remove it"):
        work_in_jobs(recipe(tmp_path), deadly, {}.__setitem__, size=1, executor=ProcessExecutor(1))


PARENT = """
import multiprocessing, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_crews import PICTURES, recipe
from facebone.scale.process_executor import ProcessExecutor
from facebone.verification.crews import work_in_jobs

def take(first, result):
    if first:  # both processes are there by now
        print(*[child.pid for child in multiprocessing.active_children()], flush=True)
        time.sleep(60)

if __name__ == "__main__":
    made = recipe(Path(sys.argv[1]))
    work_in_jobs(made, PICTURES, take, size=4, executor=ProcessExecutor(2))
"""


def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, script, tmp_path / "store", Path(__file__).parent],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    children = [int(word) for word in parent.stdout.readline().split()]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert len(children) == 2
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(alive(pid) for pid in children)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().split()[2] == "Z")
