"""Executors: the same results from all, errors as themselves, and no worker left behind."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facebone.errors import FaceBoneError, MissingPartError, UnknownNameError, UsageError
from facebone.scale.executor import ATTEMPTS, EXECUTORS, SerialExecutor, make_executor
from facebone.scale.process_executor import ProcessExecutor
from facebone.scale.threads import one_thread

FUNCTIONS = '''
"""What worker processes import."""
import os, sys, time
from pathlib import Path


def meet(folder):
    """Wait until two processes are here, and return which one this is."""
    (Path(folder) / str(os.getpid())).touch()
    end = time.monotonic() + 60
    while len(list(Path(folder).iterdir())) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    return os.getpid()


def read(path):
    return Path(path).read_text()


def linger(folder):
    (Path(folder) / f"pid{os.getpid()}").touch()
    time.sleep(120)


def refuse(word):
    from facebone.errors import UsageError
    raise UsageError(f"{word} is wrong", where="here", hint="do it right")


def linger_or_not(folder):
    if folder:
        linger(folder)


def die(_):
    os._exit(9)


def die_at_times(argument):
    """Count the calls of this name, and crash in those before `survives`."""
    folder, name, survives = argument
    calls = Path(folder) / name
    with calls.open("a") as file:
        file.write("x")
    if calls.stat().st_size < survives:
        os._exit(9)
    return name


def threads(_):
    import numpy, torch
    from threadpoolctl import threadpool_info
    return [info["num_threads"] for info in threadpool_info()] + [torch.get_num_threads()]


def learn(seed):
    """Sums whose rounding depends on the number of threads."""
    import numpy as np
    import torch
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(300, 300)).astype(np.float32)
    t = torch.from_numpy(a)
    return [float((a @ a).sum()), float((t @ t).sum()), float(t.flatten().softmax(0).std())]
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder of a module that worker processes can import: they get this process's path."""
    place = tmp_path_factory.mktemp("functions")
    (place / "executor_functions.py").write_text(FUNCTIONS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place)
        patch.delitem(sys.modules, "executor_functions", raising=False)
        yield place


@pytest.fixture(scope="module")
def functions(place):
    import executor_functions

    return executor_functions


@pytest.fixture(scope="module")
def ray_here(place):
    """Ray on this machine, for all tests of this file; it starts with the first call."""
    import ray

    yield
    ray.shutdown()


def nothing(*_):
    return ()


@pytest.fixture
def two_threads():
    """PyTorch with two threads outside of calls."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["serial", "processes", "ray"])
def executor(request):
    return made(request.param, request)


@pytest.fixture(params=["processes", "ray"])
def elsewhere(request):
    """An executor whose calls do not run in this process."""
    return made(request.param, request)


def made(name, request):
    if name == "ray":
        request.getfixturevalue("ray_here")
    return make_executor(name, 2)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere"])
def test_a_cluster_that_is_not_there_is_missed_at_once(address):
    executor = make_executor("ray", address=address)
    with pytest.raises(UsageError, match=r"cannot join the cluster at .*'ray start --head'"):
        executor.run(math.sqrt, [1.0], on_result=nothing)


def test_every_argument_and_those_that_are_added(executor):
    found = {}

    def on_result(argument, result):
        assert argument not in found
        found[argument] = result
        return [argument * 10, argument * 10 + 1] if argument < 10 else []

    executor.run(math.factorial, [1, 2, 3], on_result=on_result)
    expected = [1, 2, 3, 10, 11, 20, 21, 30, 31]
    assert found == {n: math.factorial(n) for n in expected}


def test_paths_mean_the_same_everywhere(executor, functions, tmp_path, monkeypatch):
    """Workers of a cluster may have been started in another folder, long before."""
    (tmp_path / "here").write_text("found")
    monkeypatch.chdir(tmp_path)
    found = []
    executor.run(functions.read, ["here"], on_result=lambda _, r: found.append(r) or [])
    assert found == ["found"]


def test_no_arguments(executor):
    executor.run(math.factorial, [], on_result=pytest.fail)


def test_an_error_is_itself(executor, functions):
    done = []
    with pytest.raises(ValueError, match="math domain error"):
        executor.run(math.sqrt, [4.0, -1.0, 9.0], on_result=lambda a, _: done.append(a) or [])
    assert -1.0 not in done
    with pytest.raises(UsageError) as caught:
        executor.run(functions.refuse, ["this"], on_result=nothing)
    assert str(caught.value) == "here: this is wrong; do it right"
    assert (caught.value.where, caught.value.hint) == ("here", "do it right")


def test_an_error_of_the_caller_is_itself(executor):
    def on_result(_, __):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        executor.run(math.sqrt, [1.0, 2.0, 3.0], on_result=on_result)


def test_after_an_error_nothing_begins():
    began = []

    def call(number):
        began.append(number)
        return 1 / number

    with pytest.raises(ZeroDivisionError):
        SerialExecutor().run(call, [2, 0, 1], on_result=nothing)
    assert began == [2, 0]


def test_an_error_ends_calls_under_way(elsewhere, functions, tmp_path):
    """One call fails, another would take two minutes."""
    pids = tmp_path / "pids"
    pids.mkdir()
    began = time.monotonic()

    def on_result(_, __):
        while not list(pids.glob("pid*")):
            time.sleep(0.01)
        raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        elsewhere.run(functions.linger_or_not, [str(pids), ""], on_result=on_result)
    assert time.monotonic() - began < 60
    assert_gone(pids)


def test_processes_work_at_the_same_time(elsewhere, functions, tmp_path):
    met = tmp_path / "met"
    met.mkdir()
    found = []
    elsewhere.run(functions.meet, [str(met)] * 2, on_result=lambda _, r: found.append(r) or [])
    assert len(set(found)) == 2
    assert os.getpid() not in found


def test_a_call_that_crashes_each_time_is_one_line(elsewhere, functions, capfd):
    with pytest.raises(FaceBoneError, match=r"ended its process 3 times.*fewer workers") as caught:
        elsewhere.run(functions.die, [1], on_result=nothing)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().out == ""  # data goes there


def test_a_call_that_crashes_costs_only_itself(elsewhere, functions, tmp_path):
    """One crashes each time, one at first; the others run once, those that are added too."""
    ends = {"poison": ATTEMPTS + 1, "weak": ATTEMPTS, "a": 1, "b": 1, "c": 1}
    done, lost = [], []

    def on_result(argument, result):
        assert argument[1] == result
        done.append(result)
        return [(str(tmp_path), "after a", 1)] if result == "a" else []

    def on_lost(argument):
        lost.append(argument[1])
        return [(str(tmp_path), "after poison", 1)]

    elsewhere.run(
        functions.die_at_times,
        [(str(tmp_path), name, survives) for name, survives in ends.items()],
        on_result=on_result,
        on_lost=on_lost,
    )
    assert lost == ["poison"]
    assert sorted(done) == ["a", "after a", "after poison", "b", "c", "weak"]
    calls = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    once = dict.fromkeys(["a", "b", "c", "after a", "after poison"], 1)
    assert calls == {"poison": ATTEMPTS, "weak": ATTEMPTS, **once}


def test_a_process_that_dies_with_nothing_to_do_is_replaced(functions, tmp_path):
    """The system may choose any process when memory runs out."""
    met, found = tmp_path / "met", []
    met.mkdir()

    def on_result(_, pid):
        found.append(pid)
        if len(found) == 2:
            for number in found:
                os.kill(number, signal.SIGKILL)
            while any(alive(number) for number in found):
                time.sleep(0.01)
            return [str(met)]
        return []

    ProcessExecutor(2).run(functions.meet, [str(met)] * 2, on_result=on_result, on_lost=pytest.fail)
    assert len(set(found)) == 3


def test_arguments_are_taken_as_they_are_needed(executor):
    """There may be more of them than memory holds."""
    taken, ahead = [], []

    def arguments():
        for number in range(40):
            taken.append(number)
            yield number

    done = []
    executor.run(
        math.factorial,
        arguments(),
        on_result=lambda a, _: done.append(a) or ahead.append(len(taken) - len(done)) or [],
    )
    assert sorted(done) == taken == list(range(40))
    assert max(ahead) <= 4


@pytest.mark.usefixtures("two_threads")
def test_one_thread_in_every_call(executor, functions):
    import torch

    found = []
    executor.run(functions.threads, [0, 1], on_result=lambda _, r: found.append(r) or [])
    assert len(found) == 2
    assert all(len(counts) >= 2 and set(counts) == {1} for counts in found)
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_numbers_are_the_same_everywhere(functions, request):
    found = {}
    for name in EXECUTORS:
        results = {}
        made(name, request).run(
            functions.learn, [1, 2, 3], on_result=lambda a, r, to=results: to.update({a: r}) or []
        )
        found[name] = results
    assert found["serial"] == found["processes"] == found["ray"]
    assert found["serial"][1] != found["serial"][2]


@pytest.mark.usefixtures("two_threads")
def test_threads_come_back_even_after_an_error(monkeypatch):
    import numpy as np
    import torch
    from threadpoolctl import threadpool_info, threadpool_limits

    assert np.ones(1).sum() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with threadpool_limits(2):
        before = {info["filepath"]: info["num_threads"] for info in threadpool_info()}
        inside = []

        def fail():
            inside.append({info["num_threads"] for info in threadpool_info()})
            inside.append((torch.get_num_threads(), os.environ["MKL_NUM_THREADS"]))
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), one_thread():
            fail()
        assert inside == [{1}, (1, "1")]
        assert {info["filepath"]: info["num_threads"] for info in threadpool_info()} == before
        assert torch.get_num_threads() == 2
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_a_library_loaded_meanwhile_has_one_thread_and_is_freed_after():
    """In a fresh process, where torch is not loaded yet."""
    code = """
import os, sys
os.environ.pop("OMP_NUM_THREADS", None)
from facebone.scale.cores import available_cores
from facebone.scale.threads import one_thread
assert "torch" not in sys.modules
with one_thread():
    import torch
    assert torch.get_num_threads() == 1, torch.get_num_threads()
assert torch.get_num_threads() == available_cores(), torch.get_num_threads()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


PARENT = """
import signal
import sys
from facebone.scale.executor import make_executor
import executor_functions
if __name__ == "__main__":
    # A shell that runs tests in the background lets them ignore this signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    executor = make_executor(sys.argv[2], 2)
    executor.run(executor_functions.linger, [sys.argv[1]] * 4, on_result=lambda a, r: [])
"""


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *(("processes", how) for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)),
        *(("ray", how) for how in (signal.SIGKILL, signal.SIGINT)),
    ],
)
def test_workers_end_with_their_parent_however_it_ends(place, tmp_path, name, how):
    pids = tmp_path / "pids"
    pids.mkdir()
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    search = os.pathsep.join([str(place), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    parent = subprocess.Popen(
        [sys.executable, str(script), str(pids), name],
        env={**os.environ, "PYTHONPATH": search},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + 60
        while len(list(pids.iterdir())) < 2:
            assert parent.poll() is None, parent.communicate()[1]
            assert time.monotonic() < end
            time.sleep(0.02)
        # To the parent alone, not to its group as a terminal does.
        parent.send_signal(how)
        _, said = parent.communicate(timeout=30)
    finally:
        parent.kill()
        parent.communicate()
    if how == signal.SIGINT:
        assert said.rstrip().endswith("KeyboardInterrupt")
    assert_gone(pids)


def assert_gone(pids: Path) -> None:
    """The processes that left their number in a folder are gone, or soon are."""
    numbers = [int(path.name.removeprefix("pid")) for path in pids.glob("pid*")]
    assert numbers
    end = time.monotonic() + 20
    while any(alive(number) for number in numbers):
        assert time.monotonic() < end, f"still there: {[n for n in numbers if alive(n)]}"
        time.sleep(0.05)


def alive(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_names():
    assert list(EXECUTORS) == ["processes", "ray", "serial"]
    assert isinstance(make_executor("serial", 3), SerialExecutor)
    chosen = make_executor("processes", 3)
    assert isinstance(chosen, ProcessExecutor)
    assert chosen.workers == 3
    default = make_executor("processes")
    assert isinstance(default, ProcessExecutor)
    assert default.workers >= 1
    with pytest.raises(UnknownNameError, match="unknown executor 'process'; did you mean 'proc"):
        make_executor("process")


@pytest.mark.parametrize("name", EXECUTORS)
def test_no_workers(name):
    with pytest.raises(UsageError, match="workers: must be at least 1, got 0"):
        make_executor(name, 0)


def test_options_that_do_not_go_together():
    with pytest.raises(UsageError, match="is for the executor ray, not for serial"):
        make_executor("serial", address="auto")
    with pytest.raises(UsageError, match="gpus: must not be negative, got -1"):
        make_executor("ray", gpus=-1)


def test_without_ray_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPartError, match=r"needs Ray; pip install 'facebone\[ray\]'"):
        make_executor("ray")


@pytest.mark.usefixtures("ray_here")
def test_a_card_that_the_cluster_has_not_is_missed_at_once():
    with pytest.raises(UsageError, match="the cluster has 0 graphics cards, a job asks for 1"):
        make_executor("ray", 2, gpus=1).run(math.sqrt, [1.0], on_result=nothing)
