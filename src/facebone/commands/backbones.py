"""`facebone backbones`: what there is, adding, pulling and checking it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facebone.commands import options
from facebone.commands.console import note, print_columns, print_json

if TYPE_CHECKING:
    from facebone.backbones.zoo import ZooEntry

app = typer.Typer(
    help="The zoo: facts, licences, hashes and local files of backbones.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

LIST_EXAMPLES = "**Example** `facebone backbones list --json`"
ADD_EXAMPLES = """
**Examples**

`facebone backbones add mine.onnx --name mine --dimension 512 --mean 127.5 --std 128`

`facebone backbones add r50.pth --name r50 --architecture iresnet50 --dimension 512`
"""
PULL_EXAMPLES = "**Example** `facebone backbones pull iresnet100-73e07ba7`"
CHECK_EXAMPLES = "**Example** `facebone backbones check dlib --root lfw.tgz`"

_RUNTIME_OF_SUFFIX = {
    ".onnx": "onnx",
    ".pt2": "exported",
    ".pth": "torch",
    ".pt": "torch",
    ".safetensors": "torch",
}


@app.command("list", epilog=LIST_EXAMPLES)
def list_backbones(as_json: options.Json = False) -> None:
    """List all backbones: which can be used now, and how to get the others."""
    from facebone.backbones.zoo import Zoo

    entries = list(Zoo())
    if as_json:
        print_json([_facts(entry) for entry in entries])
        return
    rows = [("NAME", "STATE", "INPUT", "WIDTH", "LICENCE", "FROM")]
    for entry in entries:
        spec = entry.spec
        size = f"{spec.input_size[1]}x{spec.input_size[0]}"
        state = "ready" if entry.ready else "absent"
        rows.append(
            (spec.name, state, size, str(spec.dimension), spec.licence, spec.source or entry.origin)
        )
    print_columns(rows)
    for entry in entries:
        if not entry.ready:
            note(f"{entry.spec.name}: {entry.missing}")


@app.command("add", epilog=ADD_EXAMPLES)
def add(
    path: Annotated[Path, typer.Argument(help="Weights: .onnx, .pt2, .pth, .pt or .safetensors.")],
    name: Annotated[
        str | None, typer.Option(help="Name in the zoo; the file's by default.")
    ] = None,
    dimension: Annotated[int, typer.Option(help="Length of an embedding.")] = 512,
    architecture: Annotated[
        str, typer.Option(help="For state dicts: `iresnet18` .. `iresnet200`, `mobilefacenet`.")
    ] = "custom",
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT of an aligned face.")] = "112x112",
    template: Annotated[
        str | None,
        typer.Option(help="Alignment template; `arcface-HEIGHTxWIDTH` by default."),
    ] = None,
    colour: Annotated[str, typer.Option(help="Order of the channels: `rgb` or `bgr`.")] = "rgb",
    mean: Annotated[
        str, typer.Option(help="Subtracted from 0..255: one number, or three with commas.")
    ] = "0",
    std: Annotated[
        str, typer.Option(help="Divides what is left: one number, or three with commas.")
    ] = "1",
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "not stated",
    source: Annotated[str, typer.Option(help="Who published them.")] = "",
    sha256: Annotated[
        str | None, typer.Option(help="Expected hash, or its first digits; refused if it differs.")
    ] = None,
    torchscript: Annotated[
        bool, typer.Option(help="The file is a TorchScript program; needs --trust.")
    ] = False,
    trust: options.Trust = False,
) -> None:
    """Describe a weights file once, so that its name or path can be used from then on."""
    from facebone.backbones.base import BackboneSpec
    from facebone.backbones.zoo import Zoo
    from facebone.errors import UsageError

    suffix = path.suffix.lower()
    if suffix not in _RUNTIME_OF_SUFFIX:
        raise UsageError(
            f"weights end in {', '.join(_RUNTIME_OF_SUFFIX)}, got {suffix or 'no ending'}",
            where=path,
        )
    if colour not in {"rgb", "bgr"}:
        raise UsageError(f"must be rgb or bgr, got {colour!r}", where="--colour")
    width, height = _size(size)
    spec = BackboneSpec(
        name=name or path.stem,
        architecture=architecture,
        runtime="torchscript" if torchscript else _RUNTIME_OF_SUFFIX[suffix],
        input_size=(height, width),
        dimension=dimension,
        template=template or f"arcface-{height}x{width}",
        colour="rgb" if colour == "rgb" else "bgr",
        mean=_channels(mean, "--mean"),
        std=_channels(std, "--std"),
        licence=licence,
        source=source,
        sha256=sha256,
    )
    entry = Zoo().add(path, spec, trust=trust)
    typer.echo(entry.spec.name)
    note(f"sha256 {entry.spec.sha256}; try 'facebone backbones check {entry.spec.name}'")


@app.command("pull", epilog=PULL_EXAMPLES)
def pull(
    name: Annotated[str, typer.Argument(help="A published backbone, or `yunet`.")],
) -> None:
    """Download published weights; a pull that broke off goes on where it stopped."""
    from facebone.backbones.licences import licence_note, needs_warning
    from facebone.backbones.pull import find_pullable
    from facebone.backbones.pull import pull as pull_file
    from facebone.progress import for_console

    part = find_pullable(name)
    if needs_warning(part):
        note(f"licence of {name}: {licence_note(part)}")
    typer.echo(str(pull_file(part, progress=for_console)))


@app.command("check", epilog=CHECK_EXAMPLES)
def check(
    name: Annotated[str, typer.Argument(help="Name in the zoo, or a described file.")],
    root: options.Root = None,
    alignment: options.AlignmentOption = options.Alignment.FIVE_POINT,
    detector: options.Detector = "auto",
    device: options.Device = "auto",
    workers: options.Workers = None,
    trust: options.Trust = False,
    as_json: options.Json = False,
) -> None:
    """Load a backbone, show its facts, and score it on LFW View 2 with plain cosine."""
    from facebone.backbones.licences import licence_note
    from facebone.backbones.zoo import Zoo
    from facebone.commands import evaluate

    entry = Zoo().find(name)
    entry.require_path()
    if not as_json:
        for key, value in _facts(entry).items():
            note(f"{key:>13}  {value}")
        note(f"{'note':>13}  {licence_note(entry.spec)}")
    evaluate.evaluate(
        data="lfw",
        root=root,
        backbone=[name],
        alignment=alignment,
        detector=detector,
        device=device,
        workers=workers,
        trust=trust,
        as_json=as_json,
    )


def _facts(entry: ZooEntry) -> dict[str, object]:
    spec = asdict(entry.spec)
    height, width = spec.pop("input_size")
    return {
        **{key: list(value) if isinstance(value, tuple) else value for key, value in spec.items()},
        "input_size": [height, width],
        "origin": entry.origin,
        "path": None if entry.path is None else str(entry.path),
        "missing": entry.missing,
    }


def _size(text: str) -> tuple[int, int]:
    from facebone.errors import UsageError

    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise UsageError(f"must look like 112x112, got {text!r}", where="--size")
    return int(width), int(height)


def _channels(text: str, option: str) -> tuple[float, float, float]:
    from facebone.errors import UsageError

    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        return numbers[0], numbers[0], numbers[0]
    if len(numbers) == 3:
        return numbers[0], numbers[1], numbers[2]
    raise UsageError(f"must be one number or three with commas, got {text!r}", where=option)
