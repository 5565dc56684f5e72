"""A contact sheet: one row a person, one column a picture, to judge the generator by eye.

``python -m facebone.data.synthesis.contact_sheet docs/images/contact_sheet.png``
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from facebone.data.pictures import RGB
from facebone.data.synthesis.nuisance import Nuisance
from facebone.data.synthesis.recipe import Recipe
from facebone.data.synthesis.render import FACE_SIZE, render_face

_LEFT, _TOP, _GAP = 74, 26, 4
_INK = (40, 40, 40)


def contact_sheet(people: int = 8, pictures: int = 7, *, seed: int = 0) -> RGB:
    """People below each other, each as on a passport and in circumstances.

    Args:
        people: rows.
        pictures: columns, beside the one of the passport.
        seed: whose people.

    Returns:
        (h, w, 3) uint8, with labels.
    """
    step = FACE_SIZE + _GAP
    height, width = _TOP + people * step, _LEFT + 3 * _GAP + (pictures + 1) * step
    sheet = np.full((height, width, 3), 255, dtype=np.uint8)
    titles = ["passport", *(f"{number:03d}" for number in range(pictures))]
    for column, title in enumerate(titles):
        _label(sheet, title, _LEFT + 2 * _GAP + column * step, _TOP - 9)
    for row in range(people):
        top = _TOP + row * step
        _label(sheet, f"s{row:05d}", 6, top + FACE_SIZE // 2 + 4)
        person = Recipe(seed, row, 0).identity()
        shown = [Recipe(seed, row, number).nuisance() for number in range(pictures)]
        for column, nuisance in enumerate([Nuisance(), *shown]):
            left = _LEFT + 2 * _GAP + column * step
            if column:
                left += _GAP
            face = render_face(person, nuisance).image
            sheet[top : top + FACE_SIZE, left : left + FACE_SIZE] = face
    return sheet


def write_contact_sheet(file: Path, *, seed: int = 0) -> None:
    """Write a contact sheet as a PNG of 256 colours: noise makes a full one four times as large."""
    from PIL import Image

    sheet = Image.fromarray(contact_sheet(seed=seed))
    scaled = sheet.resize((sheet.width * 7 // 8, sheet.height * 7 // 8), Image.Resampling.LANCZOS)
    scaled.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)


def _label(sheet: RGB, text: str, x: int, y: int) -> None:
    cv2.putText(sheet, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.47, _INK, 1, cv2.LINE_AA)


if __name__ == "__main__":
    write_contact_sheet(Path(sys.argv[1]))
