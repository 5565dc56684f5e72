"""Options that say where jobs run, and the executor that they name."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from facebone.scale.executor import Executor

PLACE = "Where jobs run"
"""Heading of the options about it."""


class ExecutorName(StrEnum):
    """Where jobs run."""

    SERIAL = "serial"
    PROCESSES = "processes"
    RAY = "ray"


Chosen = Annotated[
    ExecutorName,
    typer.Option(
        "--executor",
        rich_help_panel=PLACE,
        help="`serial`: one after the other; `processes`: on all cores; `ray`: on a Ray cluster, "
        "embedding too. Figures are the same.",
    ),
]

RayAddress = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=PLACE,
        help="Of a cluster for `--executor ray`, such as `auto` or `10.0.0.1:6379`; without it "
        "Ray is started on this machine.",
    ),
]

GpuShare = Annotated[
    float,
    typer.Option(
        rich_help_panel=PLACE,
        min=0.01,
        help="Share of a graphics card that a job is given by Ray, where --device is one.",
    ),
]


def open_executor(
    name: ExecutorName,
    workers: int | None,
    *,
    address: str | None,
    device: str,
    gpu_share: float,
) -> Executor:
    """Where jobs run.

    Raises:
        UsageError: options that do not go together, or a device that is not there.
        MissingPartError: Ray is not installed.
    """
    from facebone.scale.executor import make_executor

    gpus = 0.0
    if name is ExecutorName.RAY:
        from facebone.backbones.devices import resolve_torch_device

        gpus = gpu_share if resolve_torch_device(device).startswith("cuda") else 0.0
    return make_executor(name.value, workers, address=address, gpus=gpus)


def takes_batches(name: ExecutorName, executor: Executor) -> Executor | None:
    """The executor, if pictures are to be embedded by its jobs too.

    Threads of this process share what they load; it pays to leave them for other machines alone.
    """
    return executor if name is ExecutorName.RAY else None
