"""How fast many shadows are trained side by side, against one after another and what bounds both.

Shadows are MLP heads of the default settings, each trained on a random half of 6,000 pairs of
random embeddings of width 128; what the numbers are has no influence on the time. Fewer epochs than
a real training has, for every epoch takes as long as any other. Every measurement is a process of
its own; ways are measured in turn (A B C, A B C, ..), so that a change of the machine's speed meets
all of them, and compared by the median of their ratios.

- loop: one `fit` after another, the plain recipe on autograd.
- engine: `fit_many`, with several numbers of networks at once.
- bounds, measured in the same process right after: matrix products alone, singly in the shapes of
  the layers and of one large matrix; the optimiser's update alone, of as many networks; and how
  fast memory is read and written.
- all cores are used in two ways: by one process with as many threads, and by as many processes of
  one thread, which share the shadows; the latter is how an audit's executor uses them.
- rotated: the same for FaceBone's head, which learns from three backbones in turn.
- memory and answers: what a stream of shadows holds; then asking all shadows about all pairs, the
  likelihood ratio of their answers, and its figures with intervals from 1,000 resamples.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

from benchmarks.results_file import write_result
from benchmarks.shadow_bounds import WIDTH, flops, products, update
from facebone.attacks.membership.lira import LiRASettings, log_ratio
from facebone.attacks.membership.shadow_attack import Compared
from facebone.audit.statistics import measure_leak
from facebone.mitigations.base import make_mitigation
from facebone.scale.cores import available_cores
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.estimates import Estimate
from facebone.verification.heads import LearningHead, make_head

PAIRS = 6000
AT_ONCE = (4, 8, 16)


def pool(backbones: int = 1) -> tuple[EmbeddedPairs, np.ndarray]:
    rng = np.random.default_rng(0)
    left, right = (
        tuple(
            normalise(rng.normal(size=(PAIRS, WIDTH)).astype(np.float32)) for _ in range(backbones)
        )
        for _ in range(2)
    )
    return EmbeddedPairs(left, right), np.arange(PAIRS) % 2 == 0


def halves(numbers: range) -> list[np.ndarray]:
    return [
        np.sort(np.random.default_rng(number).permutation(PAIRS)[: PAIRS // 2])
        for number in numbers
    ]


def recipe(epochs: int, backbones: int = 1) -> LearningHead:
    settings = {"epochs": epochs}
    if backbones == 1:
        head = make_head("mlp", settings)
    else:
        names = tuple(f"backbone {k}" for k in range(backbones))
        rotated = make_mitigation("facebone", {"assignment": "pair", "space": "procrustes"})
        head = rotated.protect("mlp", settings, backbones=names)
    if not isinstance(head, LearningHead):
        raise TypeError(type(head).__name__)
    return head


def steps(epochs: int, batch: int = 64) -> int:
    return epochs * -(-(PAIRS // 2) // batch)


def work(way: str, first: int, count: int, epochs: int, backbones: int) -> dict[str, object]:
    """Train shadows in this process: one after another, or ``at_once`` of them."""
    pairs, same = pool(backbones)
    head = recipe(epochs, backbones)
    numbers = range(first, first + count)
    members = halves(numbers)
    recipe(1, backbones).fit(pairs.take(members[0]), same[members[0]], seed=0)  # all is loaded
    start = time.perf_counter()
    heads = []
    if way == "loop":
        for rows, seed in zip(members, numbers, strict=True):
            heads.append(head.fresh())
            heads[-1].fit(pairs.take(rows), same[rows], seed=seed)
    else:
        heads = head.fit_many(pairs, same, members, numbers, at_once=int(way))
    seconds = time.perf_counter() - start
    digest = hashlib.sha256()
    for fitted in heads:
        for name, array in sorted(fitted.state()[1].items()):
            digest.update(name.encode() + array.tobytes())
    bounds = {**products(), **update(1 if way == "loop" else int(way))}
    return {"seconds": seconds, "digest": digest.hexdigest(), **bounds}


def hold(count: int, epochs: int) -> dict[str, object]:
    """Train shadows in the engine, ask each about all pairs and keep the answers alone."""
    pairs, same = pool()
    head = recipe(epochs)
    answers = np.empty((count, PAIRS), dtype=np.float32)
    trained = np.zeros((count, PAIRS), dtype=bool)
    asking, apart = 0.0, 0.0
    members = halves(range(count))
    for number, fitted in head.stream_many(pairs, same, members, range(count)):
        start = time.perf_counter()
        answers[number] = fitted.quick_logit(pairs)
        asking += time.perf_counter() - start
        trained[number, members[number]] = True
        if number < 4:
            apart = max(apart, float(np.abs(answers[number] - fitted.logit(pairs)).max()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "peak_mib": round(peak, 1),
        "asking_seconds": asking,
        "apart": apart,
        **judge(answers, trained, same),
    }


def judge(answers: np.ndarray, trained: np.ndarray, same: np.ndarray) -> dict[str, float]:
    """Attack the first shadow by all others, and measure with intervals over people."""
    margins = answers.astype(np.float64) * np.where(same, 1.0, -1.0)
    settings = LiRASettings()
    start = time.perf_counter()
    seen = Compared(margins[0], margins[1:], trained[1:], same)
    scores = log_ratio(seen, settings.mode, settings.variance)
    compared = time.perf_counter()
    rng = np.random.default_rng(0)
    people = rng.integers(PAIRS // 2, size=PAIRS), rng.integers(PAIRS // 2, size=PAIRS)
    leak = measure_leak(scores, scores > 0, trained[0], same, people, seed=0, replicates=1000)
    measured = time.perf_counter()
    if not isinstance(leak.auc, Estimate):
        raise TypeError("no AUC")
    return {"ratio_seconds": compared - start, "bootstrap_seconds": measured - compared,
            "auc": leak.auc.value}  # fmt: skip


def started(arguments: list[str], threads: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bench_shadows", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(process.returncode)
    found: dict[str, Any] = json.loads(output)
    return found


def measure(way: str, given: tuple[int, int, int], processes: int, threads: int) -> dict[str, Any]:
    """One way on all shadows; seconds of the slowest process, rates of all together.

    Args:
        way: "loop" or how many are trained at once.
        given: shadows, epochs, backbones.
        processes: that share the shadows.
        threads: of each process.
    """
    shadows, epochs, backbones = given
    share = shadows // processes
    running = [
        started(["--work", way, *map(str, (k * share, share, epochs, backbones))], threads)
        for k in range(processes)
    ]
    found = [finished(process) for process in running]
    sums = ("large", "layers", "update, GB/s", "memory, GB/s")
    return {
        "seconds": max(one["seconds"] for one in found),
        "digest": "".join(str(one["digest"]) for one in found),
        # A step of one network takes as long as in one process, but so many are taken at a time.
        "update": statistics.mean(one["update"] for one in found) / processes,
        **{name: sum(one[name] for one in found) for name in sums},
    }


def against_plain_loop(given: tuple[int, int, int], rounds: int, cores: int) -> dict[str, float]:
    """The engine as audits run it, against a loop that leaves the cores to torch's own threads."""
    rows = []
    for _ in range(rounds):
        loop = measure("loop", given, 1, cores)["seconds"]
        rows.append((loop, measure(str(AT_ONCE[0]), given, cores, 1)["seconds"]))
    names = ("loop, 1 process, seconds", f"engine, {cores} processes, seconds")
    figures = {
        name: round(statistics.median(column), 3)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    return {**figures, "times the loop": round(statistics.median(a / b for a, b in rows), 3)}


def contest(
    given: tuple[int, int, int], ways: tuple[int, ...], rounds: int, processes: int, threads: int
) -> dict[str, Any]:
    """Loop and engine in turn on some of the machine's cores; see `measure`."""
    rows: list[dict[str, float]] = []
    alike = True
    shadows, epochs, _ = given
    taken = steps(epochs) * shadows
    for _ in range(rounds):
        loop = measure("loop", given, processes, threads)
        row = {
            "loop, seconds": loop["seconds"],
            "loop, share of a large product": flops()
            * taken
            / loop["seconds"]
            / loop["large"]
            / 1e9,
            "products, large, Gflop/s": loop["large"],
            "products, layers, Gflop/s": loop["layers"],
            "memory, GB/s": loop["memory, GB/s"],
        }
        for count in ways:
            engine = measure(str(count), given, processes, threads)
            alike &= engine["digest"] == loop["digest"]
            seconds = engine["seconds"]
            done = flops() * taken / seconds / 1e9
            bound = taken * (flops() / engine["layers"] / 1e9 + engine["update"])
            row |= {
                f"{count} at once, seconds": seconds,
                f"{count} at once, times the loop": loop["seconds"] / seconds,
                f"{count} at once, share of a large product": done / engine["large"],
                f"{count} at once, share of time in products": done / engine["layers"],
                f"{count} at once, share of time in updates": taken * engine["update"] / seconds,
                f"{count} at once, GB/s moved by updates": engine["update, GB/s"],
                # Were the engine nothing but products and updates at the rates that they have
                # alone.
                f"{count} at once, most that any engine can gain": loop["seconds"] / bound,
            }
        rows.append(row)
        print({key: round(value, 3) for key, value in row.items()}, file=sys.stderr, flush=True)
    figures = {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]}
    return {**figures, "the same networks to the last bit": alike}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shadows", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", nargs=5, help=argparse.SUPPRESS)
    parser.add_argument("--hold", nargs=2, type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        way, *numbers = arguments.work
        print(json.dumps(work(way, *map(int, numbers))))
        return
    if arguments.hold:
        print(json.dumps(hold(*arguments.hold)))
        return
    cores = available_cores()
    ways = {
        "1 core": (1, 1),
        f"{cores} cores, 1 process": (1, cores),
        f"{cores} cores, {cores} processes": (cores, 1),
    }
    given = arguments.shadows, arguments.epochs, 1
    # Spaces are met once, before the first epoch: a rotated head needs more of these to be typical.
    rotated = arguments.shadows // 4, 5 * arguments.epochs, 3
    figures: dict[str, object] = {
        "shadows": arguments.shadows,
        "epochs": arguments.epochs,
        "rounds": arguments.rounds,
        **{
            name: contest(given, AT_ONCE, arguments.rounds, *layout)
            for name, layout in ways.items()
        },
        "as audits train": against_plain_loop(given, arguments.rounds, cores),
        "rotated, shadows": rotated[0],
        "rotated, epochs": rotated[1],
        f"rotated, {cores} cores, {cores} processes": contest(
            rotated, AT_ONCE[:1], arguments.rounds, cores, 1
        ),
    }
    few, many = (finished(started(["--hold", str(n), "1"], cores)) for n in (32, 256))
    figures["memory and answers"] = {
        "peak memory, 32 shadows, MiB": few["peak_mib"],
        "peak memory, 256 shadows, MiB": many["peak_mib"],
        "peak memory, 256 / 32": round(many["peak_mib"] / few["peak_mib"], 3),
        "asking 256 shadows about 6,000 pairs, seconds": round(many["asking_seconds"], 2),
        "likelihood ratio of their answers, seconds": round(many["ratio_seconds"], 2),
        "1,000 resamples of its figures, seconds": round(many["bootstrap_seconds"], 2),
        "its AUC": round(many["auc"], 3),
        "largest difference from float64 log odds": many["apart"],
    }
    print(json.dumps(figures, indent=2))
    write_result("shadows", figures)


if __name__ == "__main__":
    main()
