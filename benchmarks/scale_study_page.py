"""The page about work on many machines, from what was measured: docs/scale.md.

``python -m benchmarks.scale_study_page`` writes it again without running anything.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import fill
from typing import Any

from benchmarks.results_file import RESULTS
from benchmarks.scale_plan import (
    CLUSTER,
    GIB,
    PICTURES,
    SHADOWS,
    Costs,
    breaks,
    core_hours,
    dollars,
    measured,
)

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "scale.md"
PICTURE = "images/scale.svg"

INTRODUCTION = """# Past one machine

Written by `python -m benchmarks.scale_study` and `python -m benchmarks.bench_executor`.

An audit is a plan of small jobs: embedding by batches, a job for eight shadows, one for each
target, attack and seed. They run one after the other, on all cores, or on a
[Ray](https://docs.ray.io) cluster, with the same plan, the same keys and the same figures:

<!-- run by tests/scale/test_two_nodes.py -->
```text
pip install 'facebone[ray]'
ray start --head                                   # on one machine
ray start --address 10.0.0.1:6379                  # on each of the others
facebone audit --data folder --root /mnt/faces --backbone dlib --attack lira --shadows 256 \\
  --executor ray --ray-address auto --shared s3://bucket/facebone --out runs/large
```

Without `--ray-address` Ray is started on this machine for the time of the command, without a
dashboard and without usage reports. With `--device cuda` each job is given a graphics card, or the
share of one that `--gpu-share` says.

**What machines share.** Pictures and weights are read by their paths, so all machines need to see
them there. Embeddings, shadows and results of jobs are kept under `--shared`: a folder that all
machines have mounted, or the URL of one that fsspec reaches, such as `s3://` or `gs://` (with
`pip install s3fs` or `gcsfs`; how to sign in is taken from where their own tools take it). The
report is written to `--out` on the machine of the command. Nobody holds a lock but the command its
own folder, through the system, which takes it back however the command ends: a file appears under
its name whole or not at all, by a rename, or by a single put into an object store.

**What happens when something is lost.** A machine that goes away costs the jobs that it was at;
they run again elsewhere. A job that ends its process (no memory left, a crash in a library) is
tried {attempts} times, after all others that wait; then it is given up. All jobs that do not need
it are done, the command ends with a line that names it and exit code 2, and the same command again
begins with what is left. A batch of pictures that crashes its process is taken picture by picture
to find the one to blame, which is left out or named, as a picture without a face is. An error that
a job raises ends the command at once, as it does on one machine. An interrupt ends what is under
way. With `--executor serial`, and where threads of the command itself embed (`--executor
processes` with networks that release Python's lock), a crash ends the command.

What is not made into jobs of their own: drawing pairs, which takes one pass over a list, and the
intervals of an attack, which its job works out: 1,000 resamples take half a second for 6,000 pairs,
less than to start a worker for them. Copies of pictures are looked for by the jobs of a cluster,
where it embeds.

## What an executor costs

{jobs} jobs of about a second one after the other, by each executor in turn, {rounds} rounds; the
median ratio to the serial figure of the same round, and its quartiles. Of jobs that compute it is
processor time, of the command and all that it has started, what Ray runs beside the jobs included;
of jobs that sleep, which nothing else on the machine can slow, the time that passes. Processes are
started anew for each run, and what they compute cannot be told from what starting them does.

{executors}

## What size costs

Embeddings of {dimension} numbers are simulated: a normal centre for each person, {pictures}
pictures scattered around it such that two have a cosine of 0.61 in the mean. They go through the
store; a target, a small MLP, and eight shadows train on pairs of a half of at most {pool:,} people,
however many there are; the target is asked about every person, with 5 pictures that nobody trained
on, among each other and each with 4 of others; a threshold on the mean loss says who was trained
on. {workers} workers of one thread, on {machine}. Seconds are the
processor's, summed over the jobs: other work shared the machine.

{rows}

![Time, and peak memory of the workers, the command and the index, against the number of
pictures]({picture})

Slopes of straight lines through the points from 10,000 pictures on, both axes logarithmic:
{slopes}.
A worker holds one job's people, whatever their number in all, and so does the command. What grows
is the index of digests that a worker keeps while it *embeds*: {index:.0f} bytes a picture.
{growth}

## {target:,} pictures, {shadows:,} shadows

The figures above carried to {cluster}:
{cores:,} cores as the provider counts them, taken to be as quick as the ones that measured.
Embedding is that of `mobilefacenet_ms1m_a` with detection and alignment, {rate:.0f} pictures a
second on two cores (`benchmarks/results/engine.json`). Shadows are the small MLP of above. Nothing
of this was run at this size. Not counted: waiting for an object store, which hides behind other
jobs where a machine has more workers than cores, and machines that stand idle. Prices are list
prices, to be replaced by one's own in `benchmarks/scale_plan.py`.

{hours}

| what | how much |
| --- | --- |
{sums}

What breaks first:

{breaks}
"""


def write_page() -> Path:
    """Write the page and its picture from the results there are, and return its path."""
    results = load()
    PAGE.write_text(render(results), "utf-8")
    draw(results["scale_study"]["figures"], DOCS / PICTURE)
    print(f"wrote {PAGE}", file=sys.stderr)
    return PAGE


def load() -> dict[str, Any]:
    """The results that the page is made of."""
    names = ("scale_study", "engine", "executor")
    return {name: json.loads((RESULTS / f"{name}.json").read_text("utf-8")) for name in names}


def render(results: dict[str, Any]) -> str:
    """The page."""
    from facebone.scale.executor import ATTEMPTS

    scale, machine = results["scale_study"]["figures"], results["scale_study"]["machine"]
    engine, executor = results["engine"]["figures"], results["executor"]["figures"]
    costs = measured(scale, engine, executor)
    slopes = [f"{name} {value:.2f}" for name, value in scale["slopes"].items()]
    return INTRODUCTION.format(
        attempts=ATTEMPTS,
        jobs=executor["jobs"],
        rounds=executor["rounds"],
        executors=_executors(executor),
        dimension=scale["dimension"],
        pictures=scale["pictures_of_a_person"],
        pool=scale["pool"],
        workers=scale["workers"],
        machine=f"{machine['cores']} cores of {machine['processor']!r}",
        rows=_rows(scale["rows"]),
        picture=PICTURE,
        slopes=", ".join(slopes),
        index=costs.index,
        growth=_growth(scale["rows"]),
        target=PICTURES,
        shadows=SHADOWS,
        cluster=CLUSTER.name,
        cores=CLUSTER.machines * CLUSTER.cores,
        rate=engine["mobilefacenet_ms1m_a"]["pipeline"],
        hours=_hours(costs),
        sums=_sums(costs),
        breaks=_breaks(costs),
    )


def _executors(figures: dict[str, Any]) -> str:
    lines = [
        "| executor | computing, processor time | sleeping, time that passes | seconds to start |",
        "| --- | --- | --- | --- |",
    ]
    ratio = figures["ratio_to_serial"]
    for name in ("processes", "ray"):
        cells = [
            f"{ratio[kind][name]:.3f} ({low:.3f} to {high:.3f})" if name in ratio[kind] else ""
            for kind in ("computing", "sleeping")
            for low, high in [figures["quartiles"][kind].get(name, (0, 0))]
        ]
        lines.append(
            f"| `{name}` | {' | '.join(cells)} | {figures['seconds_to_start'][name]:.1f} |"
        )
    return "\n".join(lines)


def _rows(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| pictures | all jobs, seconds | store | train target and 8 shadows | ask | of it, look "
        "through the store | peak of a worker, MiB | of the command, MiB | store, MB | AUC of the "
        "attack |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        work, leak = row["work"], row["leak"]["auc"]
        cells = [
            f"{row['pictures']:,}",
            f"{sum(work.values()):.1f}",
            f"{row['append']:.1f}",
            f"{row['train']['target'] + row['train']['shadows']:.1f}",
            f"{work['ask']:.1f}",
            f"{row['scan']:.1f}",
            f"{max(row['worker_peak'].values()) / 2**20:.0f}",
            f"{row['driver_peak'] / 2**20:.0f}",
            f"{row['store_bytes'] / 1e6:.1f}",
            f"{leak['value']:.3f} [{leak['low']:.3f}, {leak['high']:.3f}]",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _growth(rows: list[dict[str, Any]]) -> str:
    """What the largest size says that small ones cannot."""
    found = rows[-1]["leak"]
    low = found["tpr_at_fpr"]["0.001"]
    return _wrap(
        f"With {found['non_members']:,} people whom nobody trained on, a false positive rate of "
        f"0.1 % can be told: {low['value']:.1%} [{low['low']:.1%}, {low['high']:.1%}] of the "
        f"{found['members']:,} members are found at it."
    )


def _hours(costs: Costs) -> str:
    lines = ["| work | core hours |", "| --- | --- |"]
    for name, hours in core_hours(costs, PICTURES, SHADOWS).items():
        lines.append(f"| {name} | {hours:,.1f} |")
    return "\n".join(lines)


def _sums(costs: Costs) -> str:
    hours = sum(core_hours(costs, PICTURES, SHADOWS).values())
    prices = dollars(costs, CLUSTER, PICTURES, SHADOWS)
    workers = CLUSTER.cores * costs.worker / GIB
    lines = [
        ("hours on the cluster", f"{hours / (CLUSTER.machines * CLUSTER.cores):,.1f}"),
        *((f"dollars, {name}", f"{value:,.2f}") for name, value in prices.items()),
        ("bytes of embeddings", f"{costs.row * PICTURES / 1e9:,.0f} GB"),
        ("bytes of results", f"{costs.result * PICTURES / 1e9:,.1f} GB"),
        ("jobs that store, jobs that ask", f"{PICTURES / costs.per_job:,.0f} each"),
        (
            "memory of a machine's workers that ask",
            f"{workers:.0f} GiB of {CLUSTER.memory / GIB:.0f}",
        ),
    ]
    return "\n".join(f"| {name} | {value} |" for name, value in lines)


def _breaks(costs: Costs) -> str:
    return "\n".join(
        _wrap(f"{i}. At {_millions(size)} pictures {what}. Then: {then}.", "   ")
        for i, (what, size, then) in enumerate(breaks(costs, CLUSTER), 1)
    )


def _wrap(text: str, indent: str = "") -> str:
    return fill(text, 100, subsequent_indent=indent, break_on_hyphens=False)


def _millions(size: float) -> str:
    return f"{size / 1e6:,.0f} million"


def draw(scale: dict[str, Any], path: Path) -> None:
    """Time and memory against the number of pictures, with the lines that were fitted."""
    import matplotlib as mpl
    import numpy as np
    from matplotlib.figure import Figure

    rows = scale["rows"]
    sizes = np.array([row["pictures"] for row in rows], dtype=np.float64)
    fitted = sizes >= 10_000
    figure = Figure(figsize=(9.2, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    memory = {
        "memory of a worker": [max(row["worker_peak"].values()) for row in rows],
        "memory of the driver": [row["driver_peak"] for row in rows],
        "index": [row["index"]["bytes"] for row in rows],
    }
    named = {
        "time": "all jobs",
        "time to ask": "asking, with looking through the store",
        "time to fill the store": "filling the store",
        "memory of the driver": "command",
        "memory of a worker": "worker",
        "index": "index of digests",
    }
    times = {
        "time": [sum(row["work"].values()) for row in rows],
        "time to ask": [row["work"]["ask"] for row in rows],
        "time to fill the store": [row["work"]["fill"] for row in rows],
    }
    shown = [
        (left, name, values, mark, 1.0)
        for (name, values), mark in zip(times.items(), "os^", strict=True)
    ]
    shown += [
        (right, name, values, mark, 2.0**20)
        for (name, values), mark in zip(memory.items(), "os^", strict=True)
    ]
    for axes, name, values, mark, unit in shown:
        found = np.array(values) / unit
        slope = scale["slopes"][name]
        label = f"{named[name]}, slope {slope:.2f}"
        (points,) = axes.plot(sizes, found, mark, label=label, markersize=6)
        at = np.log(sizes[fitted])
        height = np.mean(np.log(found[fitted])) + slope * (at - at.mean())
        axes.plot(sizes[fitted], np.exp(height), "-", color=points.get_color(), linewidth=1)
    left.set_ylabel("processor seconds, summed over jobs")
    right.set_ylabel("peak, MiB")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("pictures")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8, loc="lower right")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    path.parent.mkdir(exist_ok=True)
    # The same figures give the same file.
    with mpl.rc_context({"svg.hashsalt": "scale"}):
        figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    write_page()
