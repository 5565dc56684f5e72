"""Time and memory of an audit of people against the number of their pictures, 10^3 to 10^6.

Embeddings are simulated, see `benchmarks.scale_people`; they go through the store, and the audit
asks a target about every person: jobs of the usual plan, in processes of one thread. Each size is
a process of its own with workers of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results_file import write_result
from benchmarks.scale_jobs import POOL, peak_memory, plan
from benchmarks.scale_people import DIMENSION, PICTURES, SHARD, keys_of_shard
from facebone.audit.shadows import AT_ONCE

SIZES = (1_000, 10_000, 100_000, 1_000_000)
WORKERS = 2


def run(pictures: int, folder: Path) -> dict[str, Any]:
    """One audit over so many pictures, in this process and its workers."""
    from facebone.audit.plan import bind, run_plan
    from facebone.progress import for_console
    from facebone.scale.executor import make_executor

    place = folder / "embeddings"
    jobs = plan(pictures // PICTURES, str(place))
    began = time.perf_counter()
    with bind(folder / "audit", {"study": "scale", "pictures": pictures}) as store:
        done = run_plan(jobs, store, make_executor("processes", WORKERS), progress=for_console)
        seconds = time.perf_counter() - began
        found = {job.name: done[job.name] for job in jobs}
        kept = sum(path.stat().st_size for path in (folder / "audit").rglob("*") if path.is_file())

    def of(kind: str, name: str) -> float:
        chosen = [one.values[name] for key, one in found.items() if key.split()[0] == kind]
        return float(sum(chosen))

    kinds = ("fill", "material", "target", "shadows", "ask", "leak")
    return {
        "pictures": pictures,
        "seconds": seconds,
        "work": {kind: of(kind, "cpu") for kind in kinds},
        "append": of("fill", "append"),
        "scan": of("ask", "scan"),
        "ask": of("ask", "ask"),
        "questions": int(of("ask", "questions")),
        "train": {kind: of(kind, "train") for kind in ("target", "shadows")},
        "pairs": int(of("target", "pairs")),
        "leak": found["leak"].values["leak"],
        "measure": of("leak", "measure"),
        "worker_peak": {
            kind: max(one.values["peak"] for key, one in found.items() if key.split()[0] == kind)
            for kind in kinds
        },
        "driver_peak": peak_memory(),
        "store_bytes": sum(path.stat().st_size for path in place.rglob("*") if path.is_file()),
        "result_bytes": kept,
        "index": _index(place, pictures),
    }


def _index(place: Path, pictures: int) -> dict[str, float]:
    """What it costs to open the store for embedding, which needs all digests at hand."""
    from facebone.data.store import DiskSpace

    space = DiskSpace(place, DIMENSION)
    tracemalloc.start()
    began = time.perf_counter()
    held = len(space)
    seconds = time.perf_counter() - began
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held == pictures
    began = time.perf_counter()
    absent = space.missing(keys_of_shard(pictures // PICTURES, 0)[:64])
    assert not absent.any()
    return {"open": seconds, "bytes": size, "look_up_64": time.perf_counter() - began}


def list_bytes(count: int = 20_000) -> float:
    """Bytes that the list of a data set takes for each picture."""
    from facebone.data.pictures import FileSource, Picture

    tracemalloc.start()
    root = Path("/data/faces")
    listed = [
        Picture(f"person {i // 10:07d}/{i:08d}.jpg", f"person {i // 10:07d}", FileSource(path))
        for i in range(count)
        for path in [root / f"person {i // 10:07d}" / f"{i:08d}.jpg"]
    ]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / len(listed)


def slope(sizes: list[float], values: list[float]) -> float:
    """The exponent of a power law through points: least squares of the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def fits(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Exponents from 10^4 on, where the costs of starting no longer count."""
    few = [row for row in rows if row["pictures"] >= 10_000]
    sizes = [row["pictures"] for row in few]
    columns = {
        "time": [sum(row["work"].values()) for row in few],
        "time to fill the store": [row["work"]["fill"] for row in few],
        "time to ask": [row["work"]["ask"] for row in few],
        "memory of a worker": [max(row["worker_peak"].values()) for row in few],
        "memory of the driver": [row["driver_peak"] for row in few],
        "bytes in the store": [row["store_bytes"] for row in few],
        "index": [row["index"]["bytes"] for row in few],
    }
    return {name: slope(sizes, values) for name, values in columns.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", type=int, help="run this size here, and print what it took")
    arguments = parser.parse_args()
    if arguments.one is not None:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(run(arguments.one, Path(folder))))
        return
    rows = []
    for size in SIZES:
        command = [sys.executable, "-m", "benchmarks.scale_study", "--one", str(size)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows.append(json.loads(output))
        print(f"{size:,} pictures: {rows[-1]['seconds']:.0f} s", file=sys.stderr)
    figures = {
        "dimension": DIMENSION,
        "pictures_of_a_person": PICTURES,
        "people_of_a_job": SHARD,
        "shadows_of_a_job": AT_ONCE,
        "pool": POOL,
        "workers": WORKERS,
        "rows": rows,
        "slopes": fits(rows),
        "list_bytes": list_bytes(),
    }
    write_result("scale_study", figures, command="python -m benchmarks.scale_study")
    from benchmarks.scale_study_page import write_page

    write_page()


if __name__ == "__main__":
    main()
