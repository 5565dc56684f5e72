"""Crews: processes give what threads give, and do not outlive who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facebone.data.faces.prepare import Preparation
from facebone.data.store import EmbeddingStore
from facebone.data.synthetic import synthetic_dataset
from facebone.errors import FaceBoneError
from facebone.verification.chain import Chain
from facebone.verification.crews import (
    Batch,
    ChainRecipe,
    open_space,
    work_in_processes,
    work_in_threads,
)
from facebone.verification.routes import open_routes

PREPARATION = Preparation("five-point", "synthetic", "arcface-64x64")
PICTURES = synthetic_dataset(people=10, pictures_per_person=4, seed=3).pictures


def recipe(store: Path) -> ChainRecipe:
    return ChainRecipe(("tiny_plain",), (PREPARATION,), ("cpu",), store, "raise")


def batches(size: int) -> Iterator[Batch]:
    return (PICTURES[i : i + size] for i in range(0, len(PICTURES), size))


def test_processes_give_what_threads_give(tmp_path: Path) -> None:
    routes = open_routes(["tiny_plain"], device="cpu")
    assert routes[0].preparation == PREPARATION
    matrices = []
    for name in ("threads", "processes"):
        store = EmbeddingStore(tmp_path / name)
        spaces = [open_space(route, store) for route in routes]
        if name == "threads":
            results = list(work_in_threads(Chain(routes, spaces, "raise"), batches(7), 2))
        else:
            results = list(work_in_processes(recipe(store.root), batches(7), 2))
        assert sum(result.computed for result in results) == len(PICTURES)
        matrices.append(spaces[0].gather(np.concatenate([result.keys for result in results])))
    np.testing.assert_allclose(matrices[1], matrices[0], atol=1e-4)
    assert np.isfinite(matrices[1]).all()


def test_a_worker_that_dies_is_said_in_one_line(tmp_path: Path) -> None:
    class Deadly:
        """A picture that takes its worker down, as a crash in a decoder would."""

        location = "deadly"
        landmarks = None

        def __reduce__(self) -> tuple[object, ...]:
            return os._exit, (1,)

    from facebone.data.pictures import Picture

    deadly = [(Picture("deadly", "p", Deadly()),)]
    with pytest.raises(FaceBoneError, match=r"a worker process died.*run the same command again"):
        list(work_in_processes(recipe(tmp_path), iter(deadly), 1))


PARENT = """
import multiprocessing, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_crews import batches, recipe
from facebone.verification.crews import work_in_processes

if __name__ == "__main__":
    for _ in work_in_processes(recipe(Path(sys.argv[1])), batches(4), 2):
        print(*[child.pid for child in multiprocessing.active_children()], flush=True)
        time.sleep(60)
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
