"""How fast many shadows are trained side by side, against one after another and what bounds both.

Shadows are MLP heads of the default layers, without batch normalisation, each trained on a random
half of 6,000 pairs of random embeddings of width 128; what the numbers are has no influence on the
time. Fewer epochs than a real training has, for every epoch takes as long as any other. Every
measurement is a process of its own; ways are measured in turn (A B C, A B C, ..), so that a change
of the machine's speed meets all of them, and compared by the median of their ratios.

- loop: one `fit` after another, the plain recipe on autograd.
- engine: `fit_many`, with several numbers of networks at once.
- products: the matrix products alone that the recipe cannot do without, measured in the same
  process right after: singly in the shapes of the layers, and of one large matrix.
- all cores are used in two ways: by one process with as many threads, and by as many processes of
  one thread, which share the shadows; the latter is how an audit's executor uses them.
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
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.results_file import write_result
from facebone.scale.cores import available_cores
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import LearningHead, make_head

PAIRS, WIDTH = 6000, 128
AT_ONCE = (4, 8, 16, 32, 64)
LAYERS = (512, 256, 128, 64, 32, 16, 8)


def pool() -> tuple[EmbeddedPairs, np.ndarray]:
    rng = np.random.default_rng(0)
    sides = [normalise(rng.normal(size=(PAIRS, WIDTH)).astype(np.float32)) for _ in range(2)]
    return EmbeddedPairs((sides[0],), (sides[1],)), np.arange(PAIRS) % 2 == 0


def halves(numbers: range) -> list[np.ndarray]:
    return [
        np.sort(np.random.default_rng(number).permutation(PAIRS)[: PAIRS // 2])
        for number in numbers
    ]


def recipe(epochs: int) -> LearningHead:
    head = make_head("mlp", {"batch_norm": [], "epochs": epochs, "layers": list(LAYERS)})
    if not isinstance(head, LearningHead):
        raise TypeError(type(head).__name__)
    return head


def steps(epochs: int, batch: int = 64) -> int:
    return epochs * -(-(PAIRS // 2) // batch)


def shapes(batch: int = 64) -> list[tuple[int, int, int]]:
    widths = (WIDTH, *LAYERS, 1)
    return [(batch, before, after) for before, after in pairwise(widths)]


def flops() -> int:
    """Of the products of one step of one network; the first layer's input needs no gradient."""
    return sum((3 if i else 2) * 2 * b * m * n for i, (b, m, n) in enumerate(shapes()))


def rate(work: Callable[[], object], count: int) -> float:
    """Floating-point operations a second, the best of some tries."""
    work()
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return count / min(taken)


def products() -> dict[str, float]:
    """Rates of the matrix products alone."""
    import torch

    large = torch.randn(1536, 1536)
    layers = [(torch.randn(b, m), torch.randn(m, n), torch.randn(b, n)) for b, m, n in shapes()]
    repeats = 40

    def alone() -> None:
        for _ in range(repeats):
            for i, (rows, weight, slope) in enumerate(layers):
                torch.mm(rows, weight)
                torch.mm(rows.T, slope)
                if i:
                    torch.mm(slope, weight.T)

    return {
        "large": rate(lambda: large @ large, 2 * 1536**3) / 1e9,
        "layers": rate(alone, repeats * flops()) / 1e9,
    }


def work(way: str, first: int, count: int, epochs: int) -> dict[str, object]:
    """Train shadows in this process: one after another, or ``at_once`` of them."""
    pairs, same = pool()
    head = recipe(epochs)
    numbers = range(first, first + count)
    members = halves(numbers)
    recipe(1).fit(pairs.take(members[0]), same[members[0]], seed=0)  # libraries are loaded
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
        digest.update(fitted.state()[1]["weight.1"].tobytes())
    return {"seconds": seconds, "digest": digest.hexdigest(), **products()}


def hold(count: int, epochs: int) -> dict[str, object]:
    """Train shadows in the engine, ask each about all pairs and keep the answers alone."""
    pairs, same = pool()
    head = recipe(epochs)
    answers = np.empty((count, PAIRS), dtype=np.float32)
    asking, apart = 0.0, 0.0
    for number, fitted in head.stream_many(pairs, same, halves(range(count)), range(count)):
        start = time.perf_counter()
        answers[number] = fitted.quick_logit(pairs)
        asking += time.perf_counter() - start
        if number < 4:
            apart = max(apart, float(np.abs(answers[number] - fitted.logit(pairs)).max()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"peak_mib": round(peak, 1), "asking_seconds": asking, "apart": apart}


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


def measure(way: str, shadows: int, epochs: int, processes: int, threads: int) -> dict[str, Any]:
    """One way on all shadows; seconds of the slowest process, rates of all together."""
    share = shadows // processes
    running = [
        started(["--work", way, str(k * share), str(share), str(epochs)], threads)
        for k in range(processes)
    ]
    found = [finished(process) for process in running]
    return {
        "seconds": max(one["seconds"] for one in found),
        "digest": "".join(str(one["digest"]) for one in found),
        "large": sum(one["large"] for one in found),
        "layers": sum(one["layers"] for one in found),
    }


def contest(shadows: int, epochs: int, rounds: int, processes: int, threads: int) -> dict[str, Any]:
    """Loop and engine in turn on some of the machine's cores."""
    rows: list[dict[str, float]] = []
    alike = True
    for _ in range(rounds):
        loop = measure("loop", shadows, epochs, processes, threads)
        row = {"loop, seconds": loop["seconds"], "products, large, Gflop/s": loop["large"]}
        for count in AT_ONCE:
            engine = measure(str(count), shadows, epochs, processes, threads)
            alike &= engine["digest"] == loop["digest"]
            done = flops() * steps(epochs) * shadows / engine["seconds"] / 1e9
            row |= {
                f"{count} at once, seconds": engine["seconds"],
                f"{count} at once, times the loop": loop["seconds"] / engine["seconds"],
                f"{count} at once, share of the layers' products": done / engine["layers"],
                f"{count} at once, share of a large product": done / engine["large"],
            }
        done = flops() * steps(epochs) * shadows / loop["seconds"] / 1e9
        row |= {
            "loop, share of the layers' products": done / loop["layers"],
            "products, layers, Gflop/s": loop["layers"],
            # Were the engine nothing but its products at the rate that they have alone.
            "most that any engine can gain": loop["layers"] / done,
        }
        rows.append(row)
        print({key: round(value, 3) for key, value in row.items()}, file=sys.stderr, flush=True)
    figures = {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]}
    return {**figures, "the same networks to the last bit": alike}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shadows", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
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
    given = arguments.shadows, arguments.epochs, arguments.rounds
    figures: dict[str, object] = {
        "shadows": arguments.shadows,
        "epochs": arguments.epochs,
        "rounds": arguments.rounds,
        **{name: contest(*given, *layout) for name, layout in ways.items()},
    }
    few, many = (finished(started(["--hold", str(n), "1"], cores)) for n in (32, 256))
    figures["memory and answers"] = {
        "peak memory, 32 shadows, MiB": few["peak_mib"],
        "peak memory, 256 shadows, MiB": many["peak_mib"],
        "peak memory, 256 / 32": round(many["peak_mib"] / few["peak_mib"], 3),
        "asking 256 shadows about 6,000 pairs, seconds": round(many["asking_seconds"], 2),
        "largest difference from float64 log odds": many["apart"],
    }
    print(json.dumps(figures, indent=2))
    write_result("shadows", figures)


if __name__ == "__main__":
    main()
