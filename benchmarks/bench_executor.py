"""What an executor adds to jobs of about a second, on one machine: ratios measured side by side.

The same jobs, one at a time, by each executor in turn, in several rounds; a ratio is the median
over the rounds of an executor's figure over the serial one of the same round. Of jobs that compute
it is the processor time of this process and of all below it, what Ray runs beside the jobs
included; of jobs that sleep, which nothing else on the machine can slow, the time that passes. The
executor of processes starts them anew for each run, which is taken off; what they compute cannot be
told from what starting them does. How long an executor takes to start, before its first result, is
given apart: that is paid once.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.results_file import write_result
from facebone.scale.executor import Executor, make_executor
from facebone.scale.threads import one_thread

NAMES = ("serial", "processes", "ray")
JOBS = 2
ROUNDS = 10


def sleep(_: int) -> int:
    """Wait a second."""
    time.sleep(1.0)
    return 0


def compute(products: int) -> float:
    """Multiply matrices."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(400, 400))
    for _ in range(products):
        a = a @ a
        a /= np.abs(a).max()
    return float(a[0, 0])


def products_of_a_second() -> int:
    """How many products take about a second here."""
    with one_thread():
        compute(10)
        began = time.process_time()
        compute(50)
        return max(1, round(50 / (time.process_time() - began)))


def processor_time() -> float:
    """Seconds that this process, those below it and those that ended there have computed."""
    rows = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        rows[int(folder.name)] = int(words[1]), sum(map(int, words[11:15]))
    mine, size = {os.getpid()}, 0
    while size != len(mine):
        size = len(mine)
        mine |= {number for number, (parent, _) in rows.items() if parent in mine}
    return sum(rows[number][1] for number in mine) / os.sysconf("SC_CLK_TCK")


def take(
    executor: Executor,
    function: Callable[[int], float],
    argument: int,
    jobs: int,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Seconds that so many jobs take."""
    began = clock()
    executor.run(function, [argument] * jobs, on_result=lambda _, __: ())
    return clock() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    products = products_of_a_second()
    kinds: dict[str, tuple[Callable[[int], float], int]] = {
        "computing": (compute, products),
        "sleeping": (sleep, 0),
    }
    # One at a time, so that jobs do not share cores with one another.
    executors = {name: make_executor(name, 1) for name in NAMES}
    start = {name: take(one, sleep, 0, 1) - 1.0 for name, one in executors.items()}
    seconds: dict[str, dict[str, list[float]]] = {
        "computing": {name: [] for name in NAMES if name != "processes"},
        "sleeping": {name: [] for name in NAMES},
    }
    starts: list[float] = []
    for number in range(rounds):
        for kind, (function, argument) in kinds.items():
            # In another order each time: what the machine does meanwhile hits each alike.
            clock = processor_time if kind == "computing" else time.perf_counter
            for name in NAMES[number % 3 :] + NAMES[: number % 3]:
                if name not in seconds[kind]:
                    continue
                took = take(executors[name], function, argument, JOBS, clock)
                if name == "processes":
                    starts.append(take(executors[name], sleep, 0, 1) - 1.0)
                    took -= starts[-1]
                seconds[kind][name].append(took)
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    ratios = {
        kind: {
            name: sorted(
                one / serial for one, serial in zip(found[name], found["serial"], strict=True)
            )
            for name in found
        }
        for kind, found in seconds.items()
    }
    ratio = {
        kind: {name: statistics.median(every) for name, every in found.items()}
        for kind, found in ratios.items()
    }
    quartiles = {
        kind: {name: statistics.quantiles(every)[::2] for name, every in found.items()}
        for kind, found in ratios.items()
    }
    start["processes"] = statistics.median(starts)
    figures = {
        "jobs": JOBS,
        "rounds": rounds,
        "ratio_to_serial": ratio,
        "quartiles": quartiles,
        "seconds_to_start": start,
        "seconds": seconds,
    }
    write_result("executor", figures)
    for kind, found in ratio.items():
        print(kind, {name: round(value, 3) for name, value in found.items()})


if __name__ == "__main__":
    main()
