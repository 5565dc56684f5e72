"""Measured costs carried to a gallery of any size on a named cluster: plain arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

GIB = 2**30
FINGERPRINT = 4_200
"""Bytes that the search for copies holds of each picture; see `facebone.data.fingerprints`."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Machines of one kind, with list prices, which change: put in your own.

    Args:
        name: for people.
        machines: how many.
        cores: of each, as the provider counts them.
        memory: bytes of each.
        dollars_hour: of each.
        dollars_gb_month: of an object store.
        dollars_thousand_puts: of an object store.
        dollars_thousand_gets: of an object store.
    """

    name: str
    machines: int
    cores: int
    memory: int
    dollars_hour: float
    dollars_gb_month: float
    dollars_thousand_puts: float
    dollars_thousand_gets: float


CLUSTER = Cluster(
    "16 machines c7i.16xlarge of AWS, with S3", 16, 64, 128 * GIB, 2.856, 0.023, 5e-3, 4e-4
)

PICTURES, SHADOWS = 10**8, 1_000


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured, for one unit of each kind of work.

    Args:
        embed: core seconds to read, decode, detect, align and embed a picture.
        append: core seconds to store its embedding.
        ask: core seconds to ask one verifier about it and score the person, a picture.
        scan: core seconds for a job to look through one segment of the store.
        train: core seconds to train a shadow on the bounded pairs.
        pool: people of whom shadows train on a half.
        row: bytes in the store, a picture.
        result: bytes of results, a picture.
        index: bytes of the index of digests, a picture.
        listed: bytes of the driver's list, a picture.
        per_job: pictures a job.
        per_person: pictures of a person.
        worker: bytes of a worker at its peak.
        overhead: share that Ray adds to a job of a second.
    """

    embed: float
    append: float
    ask: float
    scan: float
    train: float
    pool: int
    row: float
    result: float
    index: float
    listed: float
    per_job: int
    per_person: int
    worker: float
    overhead: float


def measured(scale: dict[str, Any], engine: dict[str, Any], executor: dict[str, Any]) -> Costs:
    """The costs from the figures of three studies, those of scale at its largest size."""
    row = scale["rows"][-1]
    pictures, per_job = row["pictures"], scale["people_of_a_job"] * scale["pictures_of_a_person"]
    jobs = pictures / per_job
    return Costs(
        embed=2 / engine["mobilefacenet_ms1m_a"]["pipeline"],
        append=row["append"] / pictures,
        ask=row["ask"] / pictures,
        scan=row["scan"] / jobs**2,  # each job looks through as many segments as there are jobs
        train=row["train"]["shadows"] / scale["shadows_of_a_job"],
        pool=scale["pool"],
        row=row["store_bytes"] / pictures,
        result=row["result_bytes"] / pictures,
        index=row["index"]["bytes"] / pictures,
        listed=scale["list_bytes"],
        per_job=per_job,
        per_person=scale["pictures_of_a_person"],
        worker=max(row["worker_peak"].values()),
        overhead=max(0.0, executor["ratio_to_serial"]["computing"]["ray"] - 1),
    )


def core_hours(costs: Costs, pictures: int, shadows: int) -> dict[str, float]:
    """Core hours of each kind of work."""
    jobs = pictures / costs.per_job
    seconds = {
        "read, decode, detect, align, embed": costs.embed * pictures,
        "store the embeddings": costs.append * pictures,
        f"train {shadows:,} shadows": costs.train * shadows,
        f"ask {shadows:,} shadows about the {costs.pool:,} people they may hold": (
            costs.ask * costs.pool * costs.per_person * shadows
        ),
        "ask the target about everybody": costs.ask * pictures,
        "look through the store, every job all of it": costs.scan * jobs**2,
    }
    return {name: one * (1 + costs.overhead) / 3600 for name, one in seconds.items()}


def dollars(costs: Costs, cluster: Cluster, pictures: int, shadows: int) -> dict[str, float]:
    """What it costs: machines, and a month of the store with the requests of a run."""
    hours = sum(core_hours(costs, pictures, shadows).values()) / (cluster.machines * cluster.cores)
    stored = (costs.row + costs.result) * pictures / 1e9
    jobs = pictures / costs.per_job
    requests = 2 * jobs * cluster.dollars_thousand_puts + 4 * jobs * cluster.dollars_thousand_gets
    looks = 2 * jobs**2 * cluster.dollars_thousand_gets
    return {
        "machines": hours * cluster.machines * cluster.dollars_hour,
        "a month of the store": stored * cluster.dollars_gb_month,
        "requests": requests / 1000,
        "requests of jobs that look through all segments": looks / 1000,
    }


def breaks(costs: Costs, cluster: Cluster) -> list[tuple[str, float, str]]:
    """What gives way at how many pictures, smallest first, and what to do then."""
    of_machine = cluster.memory
    found = [
        (
            "the search for copies of a picture holds a thumbnail of each on one machine "
            f"({FINGERPRINT:,} bytes)",
            of_machine / FINGERPRINT,
            "search within parts of the gallery, or by digests of bytes alone (48 bytes each)",
        ),
        (
            f"each of a machine's {cluster.cores} workers holds an index of all digests while it "
            f"embeds ({costs.index:.0f} bytes a picture)",
            of_machine / (cluster.cores * costs.index),
            "the same: a worker opens the store of its part",
        ),
        (
            "looking through the store takes a job as long as asking does",
            costs.ask * costs.per_job / costs.scan * costs.per_job,
            "one store for each part of the gallery; a job looks through that of its part",
        ),
        (
            f"the list of pictures fills the machine of the command ({costs.listed:.0f} bytes a "
            "picture)",
            of_machine / costs.listed,
            "an audit for each part, with the same target",
        ),
    ]
    return sorted(found, key=lambda one: one[1])
