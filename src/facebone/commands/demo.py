"""`facebone demo`: see it in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facebone.commands import options
from facebone.commands.console import note

EXAMPLES = """
**Examples**

`facebone demo`

`facebone demo --data lfw --root lfw --backbone mobilefacenet_ms1m_a --backbone mobilefacenet_ms1m_b`
"""  # noqa: E501 - a command that is broken in two cannot be copied


def demo(
    data: Annotated[
        str, typer.Option(help="Data set: `synthetic`, `lfw`, `celeba` or `folder`.")
    ] = "synthetic",
    root: options.Root = None,
    backbone: Annotated[
        list[str] | None,
        typer.Option(
            help="Name in `facebone backbones list`. Repeat for several; on synthetic faces three "
            "that ship with the package by default."
        ),
    ] = None,
    alignment: options.AlignmentOption = options.Alignment.FIVE_POINT,
    pairs: Annotated[
        int,
        typer.Option(help="Matched candidate pairs at most, as many mismatched; half are members."),
    ] = 400,
    shadows: Annotated[
        int, typer.Option(help="Verifiers that attackers train to compare with.")
    ] = 6,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder where what was trained is kept; in FACEBONE_HOME by default."),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the server listens.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to listen at: this machine alone by default.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
) -> None:
    """Serve a web app: verify pictures, attack two verifiers, rebuild faces, run an audit.

    Verifiers are trained and attacked when it is first started, and kept for the next start.
    Pictures that visitors upload stay in memory; nothing is sent anywhere.
    """
    from facebone.backbones.zoo import Zoo
    from facebone.data.dataset import DATASETS
    from facebone.demo.serving import check_installed, check_port, serve
    from facebone.demo.settings import DemoSettings

    check_installed()
    DATASETS.get(data)
    zoo = Zoo()
    names = tuple(zoo.find(word).spec.name for word in backbone or ())
    for name in names:
        zoo.find(name).require_path()
    settings = DemoSettings(
        data=data,
        root=root,
        backbones=names,
        alignment=alignment.value,
        pairs=pairs,
        shadows=shadows,
        seed=seed,
        device=device,
        cache=cache,
    )
    check_port(address, port)
    note(f"the demo is at http://{address}:{port}/ until it is interrupted (Ctrl+C)")
    serve(settings, address=address, port=port, browser=browser)
