"""A section of the page about attacks of one further goal."""

from __future__ import annotations

from dataclasses import dataclass

from facebone.audit.report.charts.canvas import Chart
from facebone.audit.report.tables import Table


@dataclass(frozen=True, slots=True)
class Section:
    """What the page says of them.

    Args:
        anchor: of the section.
        title: of it, and in the contents.
        sentence: the answer.
        about: what was done.
        table: the figures.
        chart: a picture of them, if there is one.
        note: below the picture.
        more: further tables.
    """

    anchor: str
    title: str
    sentence: str
    about: str
    table: Table
    chart: Chart | None = None
    note: str = ""
    more: tuple[Table, ...] = ()
