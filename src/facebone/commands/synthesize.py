"""`facebone synthesize`: write synthetic faces as picture files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """
**Examples**

`facebone synthesize --out faces --people 20 --pictures 4`

`facebone synthesize --out scenes --people 50 --pictures 4 --scenes`
"""


def synthesize(
    out: Annotated[Path, typer.Option(help="New folder to write, one folder a person.")],
    people: Annotated[int, typer.Option(min=1, help="How many people.")] = 20,
    pictures: Annotated[int, typer.Option(min=1, help="How many pictures of each.")] = 4,
    scenes: Annotated[
        bool,
        typer.Option(help="Larger pictures with a background, whose faces must be found first."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Another seed gives other people.")] = 0,
) -> None:
    """Write synthetic faces, so that every other command can be tried on files of your own."""
    from facebone.data.synthesis.recipe import View
    from facebone.data.synthetic import export_folder, synthetic_dataset
    from facebone.progress import for_console

    view: View = "scene" if scenes else "crop"
    dataset = synthetic_dataset(people=people, pictures_per_person=pictures, seed=seed, view=view)
    export_folder(dataset, out, progress=for_console)
    typer.echo(f"{len(dataset.pictures)} pictures of {people} people in {out}", err=True)
