"""Peak memory against the number of pictures, and the cost of a second run over the same ones.

Each measurement is a process of its own that embeds pictures of LFW and prints its peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

from benchmarks.results_file import write_result

BACKBONE = "mobilefacenet_ms1m_a"


def embed(count: int) -> None:
    from facebone.config import assets_folder, home_folder
    from facebone.data.dataset import load_dataset
    from facebone.data.store import EmbeddingStore
    from facebone.verification.engine import EmbeddingEngine
    from facebone.verification.routes import open_routes

    lfw = load_dataset("lfw", assets_folder() / "lfw")
    routes = open_routes([BACKBONE], missing="centre", device="cpu")
    engine = EmbeddingEngine(routes, store=EmbeddingStore(home_folder() / "embeddings"))
    embedded = engine.embed(lfw.pictures[:count])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"computed": embedded.computed, "reused": embedded.reused, "peak_mib": peak}))


def measure(count: int, home: str) -> dict[str, float]:
    environment = {**os.environ, "FACEBONE_HOME": home}
    start = time.perf_counter()
    output = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_memory", "--embed", str(count)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return {**json.loads(output), "seconds": round(time.perf_counter() - start, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embed", type=int)
    arguments = parser.parse_args()
    if arguments.embed is not None:
        embed(arguments.embed)
        return
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
        for home in (few, many):
            measure(1, home)  # unpack the archive, which is not what is measured
        small = measure(2000, few)
        first = measure(11_684, many)
        second = measure(11_684, many)
    figures = {
        "2,000 pictures": small,
        "11,684 pictures": first,
        "11,684 pictures again": second,
        "peak memory, many / few": round(first["peak_mib"] / small["peak_mib"], 3),
        "seconds, second run / first": round(second["seconds"] / first["seconds"], 4),
    }
    print(json.dumps(figures, indent=2))
    write_result("memory", figures)


if __name__ == "__main__":
    main()
