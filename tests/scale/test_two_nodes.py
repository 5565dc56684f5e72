"""An audit on a Ray cluster of two nodes finds what it finds in this process, whatever is lost."""

from __future__ import annotations

import json
import shutil
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from facebone import cli
from facebone.audit.schema import TIMES
from facebone.scale.ray_executor import RayExecutor

MEMORY = 100 * 2**20
DIFFERS = {*TIMES, "command", "environment"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two raylets on this machine, of one core each."""
    import ray
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": MEMORY}
        made = Cluster(initialize_head=True, head_node_args=head)
        try:
            made.add_node(num_cpus=1, object_store_memory=MEMORY)
            yield made
        finally:
            ray.shutdown()
            made.shutdown()


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 60 people with four pictures each."""
    from facebone.data.synthetic import export_folder, synthetic_dataset

    folder = tmp_path_factory.mktemp("audited") / "faces"
    export_folder(synthetic_dataset(people=60, pictures_per_person=4, seed=0), folder)
    return folder


@pytest.fixture(scope="module")
def words(faces: Path) -> tuple[str, ...]:
    """An audit of two targets, each with 24 shadows in three batches."""
    return (
        *("audit", "--data", "folder", "--root", str(faces), "--backbone", "tiny_plain"),
        *("--backbone", "tiny_mobile", "--set", "epochs=3", "--pairs", "60", "--attack", "lira"),
        *("--shadows", "24", "--mitigation", "none", "--mitigation", "facebone", "--no-shifts"),
    )


@pytest.fixture(scope="module")
def serial(words: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What this process finds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEBONE_HOME", str(tmp_path_factory.mktemp("home")))
        out = tmp_path_factory.mktemp("serial") / "out"
        return audit(words, out, "--executor", "serial")


def audit(words: tuple[str, ...], out: Path, *more: str) -> Any:
    """Run the command, and return its `audit.json` without what may differ."""
    assert cli.run([*words, *more, "--out", str(out)]) == 0
    return without_times(json.loads((out / "audit.json").read_text("utf-8")))


def on(cluster: Any) -> tuple[str, ...]:
    return ("--executor", "ray", "--ray-address", cluster.address)


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_times(part) for name, part in value.items() if name not in DIFFERS}
    if isinstance(value, list):
        return [without_times(part) for part in value]
    return value


def test_the_same_audit_as_serial(
    cluster: Any, words: tuple[str, ...], serial: Any, tmp_path: Path
) -> None:
    """Embeddings, shadows, targets and attacks: nothing is shared between the runs.

    What nodes share is a place that is no folder of theirs: all goes through fsspec.
    """
    place = ("--shared", f"dir::file://{tmp_path}/shared")
    assert audit(words, tmp_path / "ray", *on(cluster), *place) == serial
    assert not (tmp_path / "ray" / "jobs").exists()
    kinds = {path.suffix for path in (tmp_path / "shared").rglob("*") if path.is_file()}
    assert kinds == {".json", ".safetensors", ".zip"}


@pytest.mark.assets
def test_an_audit_of_lfw_with_64_shadows(
    cluster: Any, assets: Path, tmp_path: Path, own_home: Path
) -> None:
    root = tmp_path / "lfw"
    with tarfile.open(assets / "lfw" / "lfw.tgz") as archive:
        files = [member for member in archive if member.isfile()]
        of = Counter(Path(file.name).parent.name for file in files)
        people = [name for name in sorted(of) if of[name] == 4][:60]
        chosen = [file for file in files if Path(file.name).parent.name in people]
        archive.extractall(root, chosen, filter="data")
    assert len(chosen) == 240
    words = (
        *("audit", "--data", "folder", "--root", str(next(root.iterdir())), "--alignment", "none"),
        *("--backbone", "mobilefacenet_ms1m_b", "--head", "logistic", "--pairs", "60"),
        *("--attack", "lira", "--shadows", "64", "--mitigation", "none", "--no-shifts"),
    )
    found = audit(words, tmp_path / "ray", *on(cluster))
    shutil.rmtree(own_home)
    assert found == audit(words, tmp_path / "serial", "--executor", "serial")


def begin(argument: tuple[str, int]) -> str:
    """Note down which node this call has begun on, and take two seconds."""
    import ray

    folder, number = argument
    node: str = ray.get_runtime_context().get_node_id()
    with (Path(folder) / str(number)).open("a") as file:
        file.write(node + "\n")
    time.sleep(2)
    return node


def test_a_lost_node_costs_only_the_calls_on_it(cluster: Any, tmp_path: Path) -> None:
    doomed = cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    cluster.wait_for_nodes()

    def places() -> list[str]:
        return [word for path in tmp_path.iterdir() for word in path.read_text().split()]

    def busy() -> bool:
        return doomed.node_id in places()

    thread = strike(cluster, doomed, busy)
    found: dict[int, str] = {}

    def on_result(argument: tuple[str, int], node: str) -> list[Any]:
        found[argument[1]] = node
        return []

    arguments = [(str(tmp_path), number) for number in range(7)]
    RayExecutor(address=cluster.address).run(begin, arguments, on_result=on_result)
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert sorted(found) == list(range(7))
    # The one that was under way there has run again, on one of the others.
    assert len(set(places())) == 3
    assert len(set(found.values())) == 2
    assert len(places()) == 8


def test_a_node_that_is_killed_changes_nothing_but_time(
    cluster: Any, words: tuple[str, ...], serial: Any, tmp_path: Path, own_home: Path
) -> None:
    shadows = own_home / "shadows"
    (doomed,) = cluster.worker_nodes
    thread = strike(cluster, doomed, lambda: kept(shadows) >= 2)
    found = audit(words, tmp_path / "ray", *on(cluster))
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert found == serial


def kept(shadows: Path) -> int:
    """How many results there are."""
    return len(list(shadows.glob("[!.]*"))) if shadows.exists() else 0


def strike(cluster: Any, node: Any, when: Callable[[], bool]) -> threading.Thread:
    """Kill a node's raylet as soon as `when` says so."""

    def wait() -> None:
        while not when():
            time.sleep(0.01)
        cluster.remove_node(node, allow_graceful=False)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread
