"""Options that several sub-commands share, with one wording each."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_HEAD = "mlp"


class Alignment(StrEnum):
    """How the face is brought to the template."""

    FIVE_POINT = "five-point"
    NONE = "none"


class FaceChoice(StrEnum):
    """Which face counts where a picture shows several."""

    CENTRE = "centre"
    LARGEST = "largest"
    ONLY = "only"


class MissingFace(StrEnum):
    """What to do with a picture of a data set in which no face is found."""

    SKIP = "skip"
    CENTRE = "centre"
    ERROR = "error"


Data = Annotated[
    str,
    typer.Option("--data", help="Data set: `synthetic`, `lfw`, `celeba`, `folder` or a plug-in's."),
]
Root = Annotated[
    Path | None,
    typer.Option(help="Folder or archive of the data set. Without it LFW is downloaded."),
]
Backbones = Annotated[
    list[str],
    typer.Option(
        "--backbone",
        help="Name in `facebone backbones list`, or a described weights file. Repeat to fuse.",
    ),
]
AlignmentOption = Annotated[
    Alignment,
    typer.Option("--alignment", help="`none` resizes the whole picture, as the prototype did."),
]
Detector = Annotated[
    str, typer.Option(help="`auto`, `yunet`, `dlib`, `synthetic`, or a YuNet file.")
]
FaceOption = Annotated[
    FaceChoice, typer.Option("--face", help="Which face counts where there are several.")
]
MissingOption = Annotated[
    MissingFace | None,
    typer.Option(
        "--missing-face",
        help="Pictures without a face: guess it at the `centre` (default for lfw), `skip` them "
        "(default otherwise), or stop with an `error`.",
    ),
]
Head = Annotated[
    str,
    typer.Option(help="`cosine`, `euclidean`, `logistic`, `quality`, `products` or `mlp`."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Setting of the head, such as `epochs=10`. May repeat."),
]
TrainedHead = Annotated[
    str | None,
    typer.Option(
        "--head",
        show_default=DEFAULT_HEAD,
        help="`cosine`, `euclidean`, `logistic`, `quality`, `products` or `mlp`.",
    ),
]
Adapt = Annotated[
    str | None,
    typer.Option(
        "--adapt",
        metavar="NAME[:SETTING=VALUE,..]",
        help="Instead of a head train an adaptation of the embedding to people: `adapter`, "
        "`fine_tuning` or `whitening`, as in `adapter:epochs=20`.",
    ),
]
Device = Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda` or `cuda:N`.")]
Seed = Annotated[int, typer.Option(help="Same seed, same result.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Threads that prepare and embed; all cores by default.")
]
Store = Annotated[bool, typer.Option("--store/--no-store", help="Keep embeddings between runs.")]
Shared = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        help="Folder or URL, such as `s3://bucket/faces`, that all machines see: embeddings, "
        "shadows and results of jobs are kept there instead of on this one.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]
Trust = Annotated[
    bool,
    typer.Option(help="Run TorchScript weights: they are programs and may do anything."),
]
