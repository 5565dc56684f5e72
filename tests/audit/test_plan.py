"""Plans: killed at any moment they go on where they were, and nothing is done twice."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facebone.audit.job_store import JOBS_FOLDER, PLAN_FILE
from facebone.audit.plan import Job, JobStore, Result, bind, run_plan
from facebone.errors import FaceBoneError, StorageError, UsageError
from facebone.scale.executor import ATTEMPTS, SerialExecutor, make_executor

TOYS = '''
"""A plan of 30 jobs that note down whenever one runs."""
import sys, time
import numpy as np
from facebone.audit.plan import Job, Result, bind, run_plan
from facebone.scale.executor import make_executor


def work(settings, inputs):
    rng = np.random.default_rng(settings["seed"])
    array = rng.normal(size=settings["size"])
    total = float(array.sum())
    for name in sorted(inputs):
        array = array + inputs[name].arrays["array"]
        total += inputs[name].values["total"]
    time.sleep(settings["pause"])
    if settings.get("crashes"):
        import os
        with open(settings["log"], "a") as log:
            log.write("crash\\n")
        os._exit(9)
    with open(settings["log"], "a") as log:
        log.write(settings["mark"] + "\\n")
    return Result({"total": total, "words": ["a", None, {"b": 1}]}, {"array": array})


def jobs(log, pause=0.01, size=50_000, changed=(), crashing=()):
    """Ten that need nothing, fifteen that need two of those, five that need three of these."""
    found = []
    for i in range(30):
        inputs = ()
        if 10 <= i < 25:
            inputs = (f"job {i % 10}", f"job {(i * 3 + 1) % 10}")
        elif i >= 25:
            inputs = tuple(sorted({f"job {10 + (i * k) % 15}" for k in (1, 2, 4)}))
        settings = {"seed": i + 1000 * (i in changed), "size": size}
        context = {"log": str(log), "mark": f"job {i}", "pause": pause, "crashes": i in crashing}
        found.append(Job(f"job {i}", work, settings, inputs, context))
    return found


def main(folder, log, executor):
    with bind(folder, {"audit": "toy"}) as store:
        run_plan(jobs(log, pause=0.1), store, make_executor(executor, 2))


if __name__ == "__main__":
    from pathlib import Path

    import toys  # jobs are to be found there, not in the program

    toys.main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
'''


@pytest.fixture
def toys(tmp_path, monkeypatch) -> Any:
    place = tmp_path / "functions"
    place.mkdir()
    (place / "toys.py").write_text(TOYS)
    monkeypatch.syspath_prepend(place)
    monkeypatch.delitem(sys.modules, "toys", raising=False)
    import toys

    return toys


def ran(log: Path) -> list[str]:
    """Names of the jobs that were run, in order."""
    return log.read_text().splitlines() if log.exists() else []


def run(toys, folder, log, executor=None, **settings):
    with bind(folder, {"audit": "toy"}) as store:
        jobs = toys.jobs(log, pause=0, size=20, **settings)
        return run_plan(jobs, store, executor or SerialExecutor())


def contents(finished, names) -> dict[str, tuple]:
    found = {}
    for name in names:
        result = finished[name]
        assert result.seconds >= 0
        found[name] = (dict(result.values), {k: v.tobytes() for k, v in result.arrays.items()})
    return found


NAMES = [f"job {i}" for i in range(30)]


def stored(folder: Path) -> set[str]:
    """Names of the jobs whose result stands there under its final name."""
    place = folder / JOBS_FOLDER
    if not place.exists():
        return set()
    return {
        path.name.rsplit("-", 1)[0].replace("-", " ")
        for path in place.iterdir()
        if not path.name.startswith(".")
    }


@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_killed_ten_times_and_resumed(toys, tmp_path, executor):
    """SIGKILL at ten moments: the results are those of a run in peace, no finished job runs again.

    Most kills wait until the run has got a little further, so that they strike in the middle; some
    strike at any moment after the start.
    """
    peace = tmp_path / "peace"
    with bind(peace, {"audit": "toy"}) as store:
        expected = contents(
            run_plan(toys.jobs(tmp_path / "peace.log", pause=0), store, SerialExecutor()), NAMES
        )
    folder, log = tmp_path / "audit", tmp_path / "log"
    command = [sys.executable, str(tmp_path / "functions" / "toys.py"), str(folder), str(log)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "functions")}
    rng = random.Random(7)
    struck = 0
    for kill in range(10):
        before, kept = len(ran(log)), stored(folder)
        process = subprocess.Popen([*command, executor], env=environment)
        if kill % 5 == 3:
            time.sleep(rng.uniform(0, 0.5))
        else:
            goal, end = before + rng.randint(1, 2), time.monotonic() + 60
            while process.poll() is None and len(ran(log)) < goal:
                assert time.monotonic() < end
                time.sleep(0.002)
            # From just before a result is written to the middle of the next job.
            time.sleep(rng.uniform(0, 0.02))
        struck += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not kept & set(ran(log)[before:])
        assert kept <= stored(folder)
        # A worker may live a moment longer; what it still finishes counts.
        settled = len(ran(log))
        time.sleep(0.2 if executor == "processes" else 0)
        while settled != len(ran(log)):
            settled = len(ran(log))
            time.sleep(0.2)
    # On a slow machine the last kills may come after the end.
    assert struck >= 6
    kept, before = stored(folder), len(ran(log))
    assert len(kept) >= 5
    subprocess.run([*command, executor], env=environment, check=True)
    assert set(ran(log)[before:]) == set(NAMES) - kept
    with bind(folder, {"audit": "toy"}) as store:
        finished = run_plan(toys.jobs(log), store, SerialExecutor())
    assert finished.executed == ()
    assert finished.reused == tuple(NAMES)
    assert contents(finished, NAMES) == expected
    assert not [path for path in folder.rglob("*") if path.name.endswith(".part")]


def test_a_job_that_crashes_is_given_up_when_all_others_are_done(toys, tmp_path):
    """The same command again does what is left."""
    log = tmp_path / "log"
    with bind(tmp_path / "audit", {"audit": "toy"}) as store:
        jobs = toys.jobs(log, pause=0, size=20, crashing=[20])
        needing = {job.name for job in jobs if "job 20" in job.inputs}
        assert 0 < len(needing) < 5
        with pytest.raises(FaceBoneError, match="'job 20' ended the process each of 3 t") as caught:
            run_plan(jobs, store, make_executor("processes", 2))
        assert f"{29 - len(needing)} other jobs are done, {len(needing)} that need" in str(
            caught.value
        )
        assert "\n" not in str(caught.value)
        expected = set(NAMES) - needing - {"job 20"}
        assert sorted(ran(log)) == sorted([*expected, *["crash"] * ATTEMPTS])
        finished = run_plan(toys.jobs(log, pause=0, size=20), store, make_executor("processes", 2))
    assert set(finished.executed) == needing | {"job 20"}


def test_both_executors_find_the_same(toys, tmp_path):
    serial = run(toys, tmp_path / "serial", tmp_path / "log")
    processes = run(toys, tmp_path / "both", tmp_path / "log", make_executor("processes", 2))
    assert contents(serial, NAMES) == contents(processes, NAMES)
    assert serial.keys == processes.keys
    assert serial.executed == processes.executed == tuple(NAMES)


def test_every_job_runs_once_and_after_its_inputs(toys, tmp_path):
    log = tmp_path / "log"
    run(toys, tmp_path / "audit", log)
    order = ran(log)
    assert sorted(order) == sorted(NAMES)
    for job in toys.jobs(log):
        assert all(order.index(name) < order.index(job.name) for name in job.inputs)
    run(toys, tmp_path / "audit", log)
    assert ran(log) == order


def test_a_changed_setting_repeats_what_depends_on_it(toys, tmp_path):
    log = tmp_path / "log"
    run(toys, tmp_path / "audit", log)
    finished = run(toys, tmp_path / "audit", log, changed=[3])
    jobs = toys.jobs(log)
    touched = {"job 3"}
    for job in jobs:
        if touched & set(job.inputs):
            touched.add(job.name)
    assert 1 < len(touched) < 30
    assert set(finished.executed) == set(ran(log)[30:]) == touched
    # And back again: nothing was lost.
    assert run(toys, tmp_path / "audit", log).executed == ()


def test_context_and_order_change_nothing(toys, tmp_path):
    run(toys, tmp_path / "audit", tmp_path / "log")
    with bind(tmp_path / "audit", {"audit": "toy"}) as store:
        jobs = toys.jobs(tmp_path / "another log", pause=0, size=20)[::-1]
        assert run_plan(jobs, store, SerialExecutor()).executed == ()


def damage_flip(path: Path) -> None:
    file = path / "array.npy"
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)


def damage_cut(path: Path) -> None:
    file = path / "array.npy"
    file.write_bytes(file.read_bytes()[:-8])


def damage_values(path: Path) -> None:
    file = path / "values.json"
    file.write_text(file.read_text().replace("null", "true"))


def damage_lost(path: Path) -> None:
    (path / "values.json").unlink()


def damage_sums(path: Path) -> None:
    (path / "SHA256SUMS").unlink()


def damage_sums_garbled(path: Path) -> None:
    (path / "SHA256SUMS").write_bytes(b"\xff\xfe nonsense")


def damage_more(path: Path) -> None:
    np.save(path / "more.npy", np.zeros(3))


def damage_empty(path: Path) -> None:
    for file in path.iterdir():
        file.unlink()


@pytest.mark.parametrize(
    "damage",
    [
        damage_flip, damage_cut, damage_values, damage_lost, damage_sums, damage_sums_garbled,
        damage_more, damage_empty,
    ],
)  # fmt: skip
def test_a_corrupt_result_is_made_again_and_nothing_else(toys, tmp_path, damage):
    """A job in the middle, whose dependents are done."""
    log, folder = tmp_path / "log", tmp_path / "audit"
    first = run(toys, folder, log)
    expected = contents(first, NAMES)
    damage(folder / JOBS_FOLDER / first.keys["job 12"])
    again = run(toys, folder, log)
    assert ran(log)[30:] == ["job 12"]
    assert again.executed == ("job 12",)
    assert contents(again, NAMES) == expected


def test_what_a_killed_run_left_is_removed_and_nothing_else(toys, tmp_path):
    log, folder = tmp_path / "log", tmp_path / "audit"
    run(toys, folder, log)
    half = folder / JOBS_FOLDER / ".job-1-abc.4711-0123abcd.part"
    half.mkdir()
    (half / "values.json").write_text("{")
    (folder / ".plan.json.4711-0123abcd.part").write_text("{")
    (folder / "report.html").write_text("ours")
    (folder / ".notes").write_text("theirs")
    assert run(toys, folder, log).executed == ()
    assert not list(folder.rglob("*.part"))
    assert (folder / "report.html").exists()
    assert (folder / ".notes").exists()


class Count:
    """A progress that keeps what it was told."""

    def __init__(self) -> None:
        self.made: list[tuple[str, int]] = []
        self.done = 0

    def __call__(self, label: str, total: int) -> Count:
        self.made.append((label, total))
        return self

    def __enter__(self) -> Count:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def advance(self, count: int) -> None:
        self.done += count


def test_progress_counts_the_jobs_that_are_left(toys, tmp_path):
    jobs = toys.jobs(tmp_path / "log", pause=0, size=20)
    with bind(tmp_path / "audit", {"audit": "toy"}) as store:
        run_plan(jobs[:12], store, SerialExecutor())
        progress = Count()
        run_plan(jobs, store, SerialExecutor(), progress=progress, label="auditing")
        assert (progress.made, progress.done) == ([("auditing", 18)], 18)
        idle = Count()
        run_plan(jobs, store, SerialExecutor(), progress=idle)
        assert idle.made == []


def one(_settings, _inputs):
    return Result({"one": 1})


def failing(settings, _inputs):
    raise UsageError("is wrong", where=settings["where"])


def test_an_error_of_a_job_is_itself_with_a_note_and_the_rest_is_kept(toys, tmp_path):
    jobs = [
        Job("good", one, {}),
        Job("bad", failing, {"where": "here"}),
        Job("late", one, {}, ("bad",)),
    ]
    with bind(tmp_path / "audit", {}) as store:
        with pytest.raises(UsageError, match="here: is wrong") as caught:
            run_plan(jobs, store, SerialExecutor())
        assert caught.value.__notes__ == ["in the job 'bad'"]
        mended = [jobs[0], Job("bad", one, {"where": "here"}), jobs[2]]
        assert run_plan(mended, store, SerialExecutor()).executed == ("bad", "late")


def test_an_error_comes_back_from_a_process(tmp_path):
    jobs = [Job("root", "math:sqrt", {})]
    with bind(tmp_path / "audit", {}) as store, pytest.raises(TypeError) as caught:
        run_plan(jobs, store, make_executor("processes", 1))
    assert caught.value.__notes__ == ["in the job 'root'"]


def test_functions_by_name_or_as_they_are(toys, tmp_path):
    by_name, itself = Job("a", "toys:work", {}), Job("a", toys.work, {})
    assert by_name.reference == itself.reference == "toys:work"


def test_inputs_come_from_the_store_even_where_they_were_just_made(tmp_path):
    """A tuple has become a list, as it will be after a resume."""

    def make(_settings, _inputs):
        return Result({"pair": (1, 2)}, {"x": np.float32([1, 2])})

    def use(settings, inputs):
        result = inputs["make"]
        assert result.seconds > 0
        return Result(
            {
                "seen": repr(result.values["pair"]),
                "dtype": str(result.arrays["x"].dtype),
                "settings": dict(settings),
            }
        )

    jobs = [Job("make", make, {}), Job("use", use, {"a": 1}, ("make",), {"cache": "there"})]
    with bind(tmp_path / "audit", {}) as store:
        values = run_plan(jobs, store, SerialExecutor())["use"].values
    assert values["seen"] == "[1, 2]"
    assert values["dtype"] == "float32"
    assert values["settings"] == {"a": 1, "cache": "there"}


@pytest.mark.parametrize(
    ("jobs", "message"),
    [
        ([Job("a", one, {}), Job("a", one, {"x": 1})], "plan: two jobs are called 'a'"),
        ([Job("a", one, {}, ("b",))], "plan: 'a' needs 'b', which is no job"),
        (
            [Job("a", one, {}, ("b",)), Job("b", one, {}, ("a",))],
            r"plan: jobs wait for each other: (a <- b <- a|b <- a <- b)",
        ),
    ],
)
def test_what_is_no_plan(tmp_path, jobs, message):
    with bind(tmp_path / "audit", {}) as store, pytest.raises(UsageError, match=message):
        run_plan(jobs, store, SerialExecutor())


@pytest.mark.parametrize(
    "result",
    [
        Result({"x": float("nan")}),
        Result({"x": object()}),
        Result({}, {"x": np.array([object()])}),
        Result({}, {"../x": np.zeros(1)}),
    ],
)
def test_what_cannot_be_kept_leaves_nothing(tmp_path, result):
    with bind(tmp_path / "audit", {}) as store:
        with pytest.raises((TypeError, ValueError)):
            store.save("key", result)
        assert not store.has("key")
        assert list(store.place.iterdir()) == []


def test_a_result_as_it_was(tmp_path):
    result = Result(
        {"a": [1, 2.5, "ü", None, True], "deep": {"b": 0.1}},
        {"words": np.array(["ab", "ü"]), "flags": np.array([True]), "none": np.empty((0, 3)),
         "point": np.array(3, dtype=np.int8)},
        1.5,
    )  # fmt: skip
    with bind(tmp_path / "audit", {}) as store:
        store.save("key", result)
        found = JobStore(store.place).load("key")
    assert found.values == result.values
    assert found.seconds == 1.5
    assert set(found.arrays) == set(result.arrays)
    for name, array in result.arrays.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)


def test_a_result_that_others_took_away(toys, tmp_path):
    finished = run(toys, tmp_path / "audit", tmp_path / "log")
    damage_empty(tmp_path / "audit" / JOBS_FOLDER / finished.keys["job 3"])
    with pytest.raises(StorageError, match=r"cannot be read any more.*run the same command again"):
        finished["job 3"]


def test_names_of_results_can_be_read(tmp_path):
    jobs = [Job("facebone:assignment=all seed 0 art_gb/x", one, {}), Job("ü", one, {})]
    with bind(tmp_path / "audit", {}) as store:
        keys = run_plan(jobs, store, SerialExecutor()).keys
    first, second = keys.values()
    assert first.startswith("facebone-assignment-all-seed-0-art_gb-x-")
    assert second.startswith("job-")


def test_another_audit_is_named_by_what_differs(tmp_path):
    folder = tmp_path / "audit"
    first = {"seed": 0, "data": {"name": "lfw", "pairs": 600}, "attacks": ["gap"], "old": 1}
    with bind(folder, first):
        pass
    with bind(folder, {**first, "attacks": ("gap",)}):
        pass
    other = {"seed": 1, "data": {"name": "lfw", "pairs": 20}, "attacks": ["gap", "x" * 99]}
    with pytest.raises(UsageError) as caught, bind(folder, other):
        pass
    assert str(caught.value) == (
        f"{folder}: holds another audit: "
        f'attacks ["gap"], now ["gap", "{"x" * 48}...; data.pairs 600, now 20; old 1, now nothing; '
        "and 1 more; name another folder with --out, or give the same settings again to go on "
        "with it"
    )
    assert json.loads((folder / PLAN_FILE).read_text())["identity"] == first
    with (
        pytest.raises(UsageError, match="holds another audit: seed 0, now 1; name"),
        bind(folder, {**first, "seed": 1}),
    ):
        pass


def test_a_folder_of_something_else_stays_as_it_is(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"x")
    (tmp_path / "sub").mkdir()
    with (
        pytest.raises(
            UsageError, match=r"is not empty and holds no audit to go on with: photo.jpg and 1 more"
        ),
        bind(tmp_path, {}),
    ):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.jpg", "sub"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"identity": 3}', "\xff"])
def test_a_plan_that_is_none(tmp_path, text):
    (tmp_path / PLAN_FILE).write_text(text, "latin-1")
    with (
        pytest.raises(UsageError, match=r"plan.json: is not the plan of an audit; name"),
        bind(tmp_path, {}),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [PLAN_FILE]


def test_a_run_killed_before_it_wrote_the_plan_can_be_resumed(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".plan.json.4711-0123abcd.part").write_text("{")
    with bind(tmp_path, {"seed": 0}):
        assert json.loads((tmp_path / PLAN_FILE).read_text())["identity"] == {"seed": 0}
        assert not list(tmp_path.glob("*.part"))


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "audit").write_text("x")
    with (
        pytest.raises(StorageError, match="audit: something is already there"),
        bind(tmp_path / "audit", {}),
    ):
        pass


@pytest.mark.parametrize("existing", [True, False])
def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch, existing):
    """The tests may run as root, whom permissions do not stop: the system's answer is imitated."""
    folder = tmp_path / "audit"
    if existing:
        with bind(folder, {}):
            pass
    real_open, real_mkdir = Path.open, os.mkdir

    def opening(self, mode="r", *args, **kwargs):
        if folder in self.parents and set(mode) & set("wax+"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))
        return real_open(self, mode, *args, **kwargs)

    def making(path, *args, **kwargs):
        if not Path(path).exists():
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real_mkdir(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", opening)
    monkeypatch.setattr(os, "mkdir", making)
    with (
        pytest.raises(StorageError, match="the file system is read-only") as caught,
        bind(folder, {}),
    ):
        pass
    assert "\n" not in str(caught.value)


HOLDER = """
import sys, time
from pathlib import Path
from facebone.audit.plan import bind
with bind(Path(sys.argv[1]), {"seed": 0}):
    print("held", flush=True)
    time.sleep(120)
"""


def test_a_second_process_is_refused_and_a_dead_one_is_not_in_the_way(tmp_path):
    folder = tmp_path / "audit"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(
                UsageError, match="another process is at work in this folder; wait until"
            ) as caught,
            bind(folder, {"seed": 0}),
        ):
            pass
        assert isinstance(caught.value, FaceBoneError)
    finally:
        holder.kill()
        holder.communicate()
    with bind(folder, {"seed": 0}) as store:
        assert store.place.is_dir()


def test_the_lock_ends_with_the_block(tmp_path):
    with bind(tmp_path, {}), pytest.raises(UsageError, match="another process"), bind(tmp_path, {}):
        pass
    with bind(tmp_path, {}):
        pass


@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_results_in_a_store_that_machines_share(toys, tmp_path, executor):
    """Processes see another's results: the place is a file system that is no folder to us."""
    place, log = f"dir::file://{tmp_path}/shared", tmp_path / "log"
    expected = contents(run(toys, tmp_path / "serial", tmp_path / "other"), NAMES)
    identity = {"audit": "toy"}
    jobs = toys.jobs(log, pause=0, size=20)
    with bind(tmp_path / "audit", identity, shared=place) as store:
        finished = run_plan(jobs, store, make_executor(executor, 2))
        assert contents(finished, NAMES) == expected
    assert not (tmp_path / "audit" / JOBS_FOLDER).exists()
    # Another folder, the same audit: all is there. Another audit: nothing is.
    with bind(tmp_path / "again", identity, shared=place) as store:
        assert run_plan(jobs, store, SerialExecutor()).executed == ()
    with bind(tmp_path / "another", {"audit": "another"}, shared=place) as store:
        assert len(run_plan(jobs, store, SerialExecutor()).executed) == len(NAMES)


def test_a_damaged_result_in_an_object_store_is_made_again(tmp_path):
    store = JobStore(f"memory://{tmp_path.name}/results")
    store.save("key", Result({"a": 1}, {"array": np.arange(1000)}, 2.5))
    (name,) = store._kept._shelf.names("")
    content = bytearray(store._kept._shelf.read(name))
    assert store.load("key").arrays["array"].tolist() == list(range(1000))
    content[len(content) // 2] ^= 1
    store._kept._shelf.write(name, bytes(content))
    with pytest.raises(StorageError, match=r"cannot be read any more.*run the same command again"):
        store.load("key")
    assert not JobStore(f"memory://{tmp_path.name}/results").has("key")
    with pytest.raises(StorageError, match="cannot be read any more"):
        store.load("missing")
