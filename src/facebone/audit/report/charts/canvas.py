"""A picture of the page: painted by matplotlib in two widths, as SVG that stands inline."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, QUIET, GRID, GROUND = "#1b1f24", "#59626d", "#e3e6ea", "#ffffff"

COLOURS = ("#b8430b", "#0b5fa5", "#00756a", "#8e3b8a", "#7a5c00", "#444b54")
"""Told apart by people who see no red, green or blue, and at least 4.5 : 1 against white."""

MARKERS = ("o", "s", "D", "^", "v", "P", "X")
"""One more than colours, so that the seventh target looks unlike the first."""
DASHES = (
    "-",
    (0, (6, 2)),
    (0, (2, 1.5)),
    (0, (6, 2, 1.5, 2)),
    (0, (8, 2, 2, 2, 2, 2)),
    (0, (1, 1)),
)

_STYLE = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same measures on every machine
    "font.size": 12.0,
    "svg.fonttype": "none",
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 1.0,
    "axes.unicode_minus": True,
    "axes.axisbelow": True,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID,
    "grid.linewidth": 1.0,
    "text.parse_math": False,  # a name may hold dollar signs
    "text.usetex": False,
    "path.simplify": True,
}

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Key:
    """What a number or a line in a picture stands for."""

    mark: str
    colour: str
    name: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture for wide and for narrow screens.

    Args:
        name: unique on the page.
        title: what it shows.
        description: the same in words, for those who do not see it.
        wide: SVG.
        narrow: SVG.
        wide_key: explains numbers that stand for names in the wide one; empty where none do.
        narrow_key: the same for the narrow one.
    """

    name: str
    title: str
    description: str
    wide: str
    narrow: str
    wide_key: tuple[Key, ...] = ()
    narrow_key: tuple[Key, ...] = ()


Painter = Callable[[Figure, bool], Sequence[Key]]
"""Paints a figure, wide or not, and returns the key of the numbers it had to use, if any."""


def paint(
    name: str, title: str, description: str, painter: Painter, *, wide: Size, narrow: Size
) -> Chart:
    """A chart in both widths.

    Args:
        name: unique on the page, of letters, digits and dashes.
        title: what it shows.
        description: the same in words.
        painter: paints one figure.
        wide: width and height in CSS pixels.
        narrow: the same for a phone.
    """
    found: list[tuple[str, tuple[Key, ...]]] = []
    for variant, size in (("wide", wide), ("narrow", narrow)):
        with _style(f"{name}-{variant}"):
            # At 72 dots an inch a point is a pixel, and a unit of the SVG.
            figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=72)
            FigureCanvasAgg(figure)
            key = tuple(painter(figure, variant == "wide"))
            svg = _svg(figure, f"{name}-{variant}", variant, title, description)
        found.append((svg, key))
    (first, first_key), (second, second_key) = found
    return Chart(name, title, description, first, second, first_key, second_key)


def add_axes(figure: Figure, *, left: float, right: float, top: float, bottom: float) -> Axes:
    """Axes with margins in pixels, a light grid, and no frame on top and on the right."""
    width, height = figure.get_size_inches() * 72
    box = (left / width, bottom / height, (width - left - right) / width)
    axes = figure.add_axes((*box, (height - top - bottom) / height))
    axes.grid(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=3, labelsize=11)
    return axes


def name_axes(axes: Axes, across: str, up: str) -> None:
    """Write what the axes show; the upright one at the edge, however wide the ticks' labels are."""
    axes.set_xlabel(across, labelpad=7)
    axes.set_ylabel(up)
    frame = axes.get_window_extent()
    axes.yaxis.set_label_coords((13 - frame.x0) / frame.width, 0.5)
    axes.yaxis.label.set_verticalalignment("center")


def plain(text: str, limit: int = 60) -> str:
    """A name fit for a picture: one line, no control characters, cut at `limit` letters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}\u2026"


@contextmanager
def _style(salt: str) -> Iterator[None]:
    settings: Any = {**_STYLE, "svg.hashsalt": salt}
    with mpl.rc_context(settings), warnings.catch_warnings():
        # A name in a script that DejaVu lacks is measured by the width of a box; the browser has
        # the right letters.
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        yield


def _svg(figure: Figure, name: str, variant: str, title: str, description: str) -> str:
    """What matplotlib writes, without what an inline picture must not have."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    raw = buffer.getvalue()
    width, height = (round(side * 72) for side in figure.get_size_inches())
    body = raw[raw.index(">", raw.index("<svg")) + 1 : raw.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', body))
    body = re.sub(r"<[^>]*>", lambda tag: _tidy(tag.group(), name, used), body)
    body = re.sub(r">\s+<", "><", body).strip()
    body = re.sub(r"<defs></defs>", "", body)
    return (
        f'<svg class="{variant}" role="img" aria-labelledby="{name}-title {name}-desc" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>{body}</svg>'
    )


def _tidy(tag: str, name: str, used: set[str]) -> str:
    """A tag with ids of this picture's own, two decimals, and the page's font."""

    def identify(match: re.Match[str]) -> str:
        return f' id="{name}-{match[1]}"' if match[1] in used else ""

    tag = re.sub(r' id="([^"]*)"', identify, tag)
    tag = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", tag).replace("xlink:href", "href")
    tag = re.sub(r" font-family: [^;\"]*;?", "", tag)
    tag = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", tag)
    tag = re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", tag)
    return re.sub(r"\s+", " ", tag)
