"""The contact sheet of the docs."""

from pathlib import Path

import numpy as np
from PIL import Image

from facebone.data.synthesis.contact_sheet import contact_sheet, write_contact_sheet
from facebone.data.synthesis.recipe import Recipe
from facebone.data.synthesis.render import render_face


def test_rows_are_people_and_columns_pictures() -> None:
    sheet = contact_sheet(2, 3, seed=4)
    recipe = Recipe(4, 1, 2)
    face = render_face(recipe.identity(), recipe.nuisance()).image
    windows = np.lib.stride_tricks.sliding_window_view(sheet[..., 0], (112, 112))
    found = np.argwhere((windows[:, :, ::16, ::16] == face[::16, ::16, 0]).all(axis=(2, 3)))
    assert len(found) == 1
    row, column = found[0]
    # Second row of two, last column of four.
    assert row > sheet.shape[0] // 2
    assert column > sheet.shape[1] * 0.7


def test_the_written_sheet_is_small_and_labelled(tmp_path: Path) -> None:
    file = tmp_path / "sheet.png"
    write_contact_sheet(file, seed=1)
    assert file.stat().st_size < 400_000
    with Image.open(file) as image:
        assert image.format == "PNG"
        labels = np.asarray(image.convert("L"))[:, :60]
    assert (labels < 120).any()
    assert (labels > 240).mean() > 0.8
