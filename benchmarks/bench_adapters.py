"""How fast many adapters are trained side by side, against one after another and what bounds both.

Adapters have the default settings, and each learns a random half of 542 people with about four
pictures each, of random embeddings of width 128: the numbers of an audit of people on LFW. Every
measurement is a process of its own; ways are measured in turn (A B C, A B C, ..), so that a change
of the machine's speed meets all of them, and compared by the median of their ratios.

- loop: one adapter after another, as anyone would write it: modules, autograd, fused AdamW.
- engine: `fit_people_many`, with several numbers of adapters at once; fitting the line of the log
  odds is within its time, and not within the loop's.
- bounds, measured in the same process right after: the matrix products of a step alone, and the
  optimiser's update alone.
- as audits train: the engine in as many processes of one thread as there are cores, which share
  the adapters, against the loop in one process that leaves the cores to torch's own threads.

Run it on a quiet machine: threads wait for each other in every operation, and a busy core makes the
loop on several of them as slow as one likes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.results_file import write_result
from benchmarks.shadow_bounds import rate
from facebone.scale.cores import available_cores
from facebone.verification.adaptation.adapter import AdapterHead
from facebone.verification.adaptation.adapter_network import Plan
from facebone.verification.adaptation.adapter_settings import AdapterSettings
from facebone.verification.adaptation.sampling import BatchPlan
from facebone.verification.embedded_pairs import normalise
from facebone.verification.labelled_pictures import LabelledPictures

PEOPLE, EACH, WIDTH = 542, (2, 6), 128
AT_ONCE = (4, 8, 16)


def pool() -> LabelledPictures:
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(PEOPLE), rng.integers(*EACH, size=PEOPLE, endpoint=True))
    rows = rng.normal(size=(PEOPLE, WIDTH))[person] + rng.normal(size=(len(person), WIDTH))
    return LabelledPictures((normalise(rows.astype(np.float32)),), person)


def halves(pictures: LabelledPictures, numbers: range) -> list[np.ndarray]:
    """The pictures of a random half of the people, for each adapter."""
    return [
        np.flatnonzero(np.random.default_rng(number).permutation(PEOPLE)[pictures.person] % 2 == 0)
        for number in numbers
    ]


def train_in_a_loop(settings: AdapterSettings, pictures: LabelledPictures, seed: int) -> Any:
    """The recipe as anyone would write it; returns the network."""
    import torch
    from torch import nn
    from torch.nn import functional

    rows = torch.from_numpy(pictures.side_by_side())
    person = np.unique(pictures.person, return_inverse=True)[1]
    labels, people = torch.from_numpy(person), int(person.max()) + 1
    generator = torch.Generator().manual_seed(seed)
    start = Plan.of(settings, WIDTH).start(generator)
    layers: list[nn.Module] = []
    for weight in start.weights:
        layers += [nn.Linear(*weight.shape), nn.ReLU()]
        layers[-2].weight.data = weight.t().clone()  # type: ignore[union-attr]
        layers[-2].bias.data.zero_()  # type: ignore[union-attr]
    network = nn.Sequential(*layers[:-1])
    centres = nn.Parameter(torch.randn(people, WIDTH, generator=generator) * WIDTH**-0.5)
    optimiser = torch.optim.AdamW(
        [*network.parameters(), centres],
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    for _ in range(settings.epochs):
        order = torch.randperm(len(rows), generator=generator)
        batches = zip(
            rows[order].split(settings.batch_size),
            labels[order].split(settings.batch_size),
            strict=True,
        )
        for batch, truth in batches:
            templates = functional.normalize(network(batch), dim=1)
            cosines = templates @ functional.normalize(centres, dim=1).T
            margins = settings.chosen_margin * functional.one_hot(truth, people)
            loss = functional.cross_entropy(settings.scale * (cosines - margins), truth)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return network


def bounds(settings: AdapterSettings, people: int, count: int) -> dict[str, float]:
    """Seconds of one adapter's step in matrix products alone, and in the update alone."""
    import torch

    widths, batch = Plan.of(settings, WIDTH).widths, settings.batch_size
    shapes = [(batch, a, b) for a, b in pairwise(widths)]
    shapes.append((batch, widths[-1], people))
    tensors = [(torch.randn(b, m), torch.randn(m, n), torch.randn(b, n)) for b, m, n in shapes]

    def products() -> None:
        for i, (rows, weight, slope) in enumerate(tensors):
            torch.mm(rows, weight)
            torch.mm(rows.T, slope)
            if i:
                torch.mm(slope, weight.T)

    sizes = [count * n * (m + 1) for _, m, n in shapes]
    groups = [[torch.rand(size) for _ in range(4)] for size in sizes]
    step = torch.ones(())

    def update() -> None:
        for group in groups:
            torch._fused_adamw_(
                *([tensor] for tensor in group), [], [step], lr=1e-3, beta1=0.9, beta2=0.999,
                weight_decay=1e-4, eps=1e-8, amsgrad=False, maximize=False,
            )  # fmt: skip

    repeats = 100
    return {
        "products": 1 / rate(lambda: [products() for _ in range(repeats)], repeats),
        "update": 1 / rate(update, count),
    }


def work(way: str, first: int, count: int, epochs: int) -> dict[str, object]:
    """Train adapters in this process: one after another, or ``way`` of them at once."""
    settings, pictures = AdapterSettings(epochs=epochs), pool()
    numbers = range(first, first + count)
    members = halves(pictures, numbers)
    quick = AdapterHead(AdapterSettings(epochs=1))
    quick.fit_people(pictures.take(members[0]), seed=0)  # all is loaded
    train_in_a_loop(quick.settings, pictures.take(members[0]), seed=0)
    digest = hashlib.sha256()
    start = time.perf_counter()
    if way == "loop":
        for rows, seed in zip(members, numbers, strict=True):
            train_in_a_loop(settings, pictures.take(rows), seed)
        seconds = time.perf_counter() - start
    else:
        head = AdapterHead(settings)
        head.adapters_at_once = int(way)
        heads = head.fit_people_many(pictures, members, list(numbers))
        seconds = time.perf_counter() - start
        for fitted in heads:
            for name, array in sorted(fitted.state()[1].items()):
                digest.update(name.encode() + array.tobytes())
    people = len(np.unique(pictures.person[members[0]]))
    steps = sum(BatchPlan.of(settings, len(rows)).steps for rows in members) * epochs
    at_once = 1 if way == "loop" else int(way)
    return {
        "seconds": seconds,
        "steps": steps,
        "digest": digest.hexdigest(),
        **bounds(settings, people, at_once),
    }


def started(arguments: list[str], threads: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bench_adapters", "--work", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def measure(way: str, given: tuple[int, int], processes: int, threads: int) -> dict[str, Any]:
    """One way on all adapters; seconds of the slowest process."""
    adapters, epochs = given
    share = adapters // processes
    running = [
        started([way, *map(str, (k * share, share, epochs))], threads) for k in range(processes)
    ]
    outputs = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise SystemExit(1)
    found = [json.loads(output) for output in outputs]
    steps = found[0]["steps"]
    return {
        "seconds": max(one["seconds"] for one in found),
        "digest": "".join(str(one["digest"]) for one in found),
        "bound": steps * max(one["products"] + one["update"] for one in found),
        "products": steps * max(one["products"] for one in found),
    }


def contest(
    given: tuple[int, int],
    rounds: int,
    loop: tuple[int, int],
    engine: tuple[int, int],
) -> dict[str, Any]:
    """Loop and engine in turn, each on its own processes and threads."""
    rows: list[dict[str, float]] = []
    digests = set()
    for _ in range(rounds):
        plain = measure("loop", given, *loop)
        row = {"loop, seconds": plain["seconds"]}
        for count in AT_ONCE:
            found = measure(str(count), given, *engine)
            digests.add(found["digest"])
            row |= {
                f"{count} at once, seconds": found["seconds"],
                f"{count} at once, times the loop": plain["seconds"] / found["seconds"],
                f"{count} at once, share of time in products": found["products"] / found["seconds"],
                # Were the engine nothing but products and updates at the rates that they have
                # alone.
                f"{count} at once, most that any engine can gain": plain["seconds"]
                / found["bound"],
            }
        rows.append(row)
        print({key: round(value, 3) for key, value in row.items()}, file=sys.stderr, flush=True)
    figures = {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]}
    return {**figures, "the same adapters to the last bit": len(digests) == 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adapters", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        way, *numbers = arguments.work
        print(json.dumps(work(way, *map(int, numbers))))
        return
    cores = available_cores()
    given = arguments.adapters, arguments.epochs
    figures = {
        "adapters": arguments.adapters,
        "epochs": arguments.epochs,
        "rounds": arguments.rounds,
        "pictures each, about": round(len(pool()) / 2),
        "1 core": contest(given, arguments.rounds, (1, 1), (1, 1)),
        "as audits train": contest(given, arguments.rounds, (1, cores), (cores, 1)),
    }
    print(json.dumps(figures, indent=2))
    write_result("adapters", figures)


if __name__ == "__main__":
    main()
