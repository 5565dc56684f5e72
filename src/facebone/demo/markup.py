"""Pieces of HTML: pictures with words for who cannot see them, scales, cards, tables.

Every text is escaped here, whoever it comes from: names of people, pictures and weights are data.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from html import escape

import numpy as np

from facebone.audit.report.tables import Table as ReportTable
from facebone.data.pictures import RGB
from facebone.demo.looking import Look
from facebone.demo.voices import Opinion

_LOG_ODDS_REACH, _COSINE_REACH = 6.0, 0.5
"""How far from the threshold a scale reaches, in log odds and in cosines."""

_QUALITY = 90
_SURE = 1e-9

_MARK, _QUIET, _GROUND = (184, 67, 11), (255, 255, 255), (27, 31, 36)
"""Colours of the face that is compared, of the others, and of the edges around both."""

_DRAWN_SIDE = 720
"""Longest side in pixels of a picture in which something is drawn, at least."""


def picture(image: RGB, words: str, *, width: int, caption: str = "", pixels: bool = False) -> str:
    """A picture.

    Args:
        image: (h, w, 3) uint8.
        words: what it shows, for who cannot see it.
        width: in CSS pixels, at most.
        caption: below it, if any.
        pixels: whether it is shown pixel by pixel, not smoothed.
    """
    kind = ' class="pixels"' if pixels else ""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return (
        f'<figure class="fb-picture" style="width:{width}px"><img{kind} '
        f'src="data:image/{"png" if pixels else "jpeg"};base64,{_encode(image, pixels)}" '
        f'alt="{escape(words)}" width="{image.shape[1]}" height="{image.shape[0]}">'
        f"{below}</figure>"
    )


def row(parts: Sequence[str], kind: str = "") -> str:
    """Parts side by side, below each other where there is no room."""
    return f'<div class="fb-row {escape(kind)}">{"".join(parts)}</div>'


def marked(look: Look, chosen: int) -> RGB:
    """A picture with boxes and landmarks drawn, each face with its number where there are several.

    Args:
        look: at the picture.
        chosen: the face that is compared.
    """
    import cv2

    # Lines are drawn as fine as the page shows them, also on a picture of a few pixels.
    zoom = max(1.0, _DRAWN_SIDE / max(look.image.shape[:2]))
    size = tuple(round(zoom * side) for side in look.image.shape[1::-1])
    image = np.asarray(cv2.resize(look.image, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    unit = max(image.shape[:2]) / _DRAWN_SIDE
    thin, thick = max(1, round(2 * unit)), max(2, round(4 * unit))
    for i, face in enumerate(look.faces):
        colour = _MARK if i == chosen else _QUIET
        x, y, width, height = (round(zoom * side) for side in face.box)
        corners = (x, y), (x + width, y + height)
        cv2.rectangle(image, *corners, _GROUND, thick + thin if i == chosen else thick)
        cv2.rectangle(image, *corners, colour, thick if i == chosen else thin)
        for point in zoom * face.landmarks[np.isfinite(face.landmarks).all(axis=1)]:
            dot = (round(float(point[0])), round(float(point[1])))
            cv2.circle(image, dot, round(7 * unit), _GROUND, -1, cv2.LINE_AA)
            cv2.circle(image, dot, round(5 * unit), _MARK, -1, cv2.LINE_AA)
        if len(look.faces) > 1:
            _number(image, i + 1, (x + thick, y + round(34 * unit)), unit)
    return image


def _number(image: RGB, number: int, where: tuple[int, int], unit: float) -> None:
    """A number in a picture, dark on light."""
    import cv2

    for ink, width in ((_QUIET, 9), (_GROUND, 3)):
        cv2.putText(
            image, str(number), where, cv2.FONT_HERSHEY_SIMPLEX, 1.1 * unit, ink,
            max(1, round(width * unit)), cv2.LINE_AA,
        )  # fmt: skip


def strip(values: Sequence[float]) -> RGB:
    """Numbers as a row of bars of colour, (1, n, 3): blue below zero, orange above."""
    numbers = np.asarray(values, dtype=np.float64)
    share = np.clip(numbers / max(float(np.abs(numbers).max()), _SURE), -1, 1)[:, None]
    high, low, none = np.array([184, 67, 11]), np.array([11, 95, 165]), np.array([255, 255, 255])
    ink = np.where(share > 0, high, low)
    return np.asarray(np.rint(none + np.abs(share) * (ink - none)), dtype=np.uint8)[None]


def place(opinion: Opinion) -> float | None:
    """Where a score stands on a scale that has its threshold in the middle, 0 to 1."""
    threshold = opinion.voice.threshold
    if opinion.score is None or threshold is None:
        return None
    if opinion.voice.is_probability:
        off = (_log_odds(opinion.score) - _log_odds(threshold)) / _LOG_ODDS_REACH
    else:
        off = (opinion.score - threshold) / _COSINE_REACH
    return (1 + min(max(off, -1.0), 1.0)) / 2


def scale(opinion: Opinion) -> str:
    """A score on a scale: two people to the left of the threshold, one person to the right."""
    where = place(opinion)
    if where is None:
        return ""
    said = f"score {opinion.score:.3f}, threshold {opinion.voice.threshold:.3f}"
    side = "same" if opinion.same else "other"
    return (
        f'<div class="fb-scale" role="img" aria-label="{escape(said)}">'
        f'<span class="mid"></span><span class="dot {side}" style="left:{100 * where:.1f}%"></span>'
        "</div>"
        '<div class="fb-ends" aria-hidden="true"><span>two people</span><span>threshold</span>'
        "<span>one person</span></div>"
    )


def decision(opinion: Opinion) -> str:
    """What a voice decides, in words."""
    if opinion.score is None:
        return "cannot say: its detector found no such face"
    if opinion.same is None:
        return "no threshold is known for it"
    return "the same person" if opinion.same else "two different people"


def card(title: str, opinion: Opinion, remark: str) -> str:
    """One verifier's answer.

    Args:
        title: who answers.
        opinion: the answer.
        remark: a line below.
    """
    tone = {True: "same", False: "other", None: "open"}[opinion.same]
    score = "" if opinion.score is None else f"{opinion.score:.3f}"
    threshold = opinion.voice.threshold
    numbers = f"score {score}" if score else ""
    if score and threshold is not None:
        numbers += f" · threshold {threshold:.3f}"
    return (
        f'<section class="fb-card {tone}"><h2>{escape(title)}</h2>'
        f'<p class="fb-said">{escape(_capital(decision(opinion)))}</p>{scale(opinion)}'
        f'<p class="fb-numbers">{escape(numbers)}</p><p class="fb-remark">{escape(remark)}</p>'
        "</section>"
    )


def table(
    caption: str, heads: Sequence[str], rows: Sequence[Sequence[str | tuple[str, str]]]
) -> str:
    """A table; the first cell of a row names it.

    Args:
        caption: what it shows.
        heads: of the columns.
        rows: of texts, or of a text and a small one below it.
    """
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    body = "".join(
        f'<tr><th scope="row">{_cell(cells[0])}</th>'
        + "".join(f"<td>{_cell(cell)}</td>" for cell in cells[1:])
        + "</tr>"
        for cells in rows
    )
    return (
        f'<div class="fb-table" role="group" aria-label="{escape(caption)}" tabindex="0"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def report_table(found: ReportTable) -> str:
    """A table of the report: figures with their intervals, and why where there are none."""
    heads = [f"{head} {small}".strip() for head, small in found.heads]
    rows = [
        [(f"{cell.text} [{cell.note}]" if cell.note else cell.text, cell.below) for cell in cells]
        for cells in found.rows
    ]
    notes = "".join(remark(f"[{mark_}] {why}") for mark_, why in found.notes.items())
    return table(found.caption, heads, rows) + notes


def lead(words: str) -> str:
    """The answer of a page, in a sentence."""
    return f'<p class="fb-lead">{escape(words)}</p>'


def remark(words: str) -> str:
    """A quiet sentence."""
    return f'<p class="fb-remark">{escape(words)}</p>'


def paragraph(words: str) -> str:
    """Plain sentences."""
    return f'<p class="fb-text">{escape(words)}</p>'


def points(words: Sequence[str]) -> str:
    """Sentences as a list."""
    return f'<ul class="fb-text">{"".join(f"<li>{escape(one)}</li>" for one in words)}</ul>'


def pipeline(name: str, steps: Sequence[tuple[str, str, str]]) -> str:
    """A figure of steps in a row; on a phone below each other.

    Args:
        name: of the figure.
        steps: title, what is done, and what attackers do there, if anything.
    """
    items = "".join(
        f"<li><b>{escape(title)}</b><span>{escape(what)}</span>"
        + (f"<em>{escape(attack)}</em>" if attack else "")
        + "</li>"
        for title, what, attack in steps
    )
    return f'<ol class="fb-pipe" aria-label="{escape(name)}">{items}</ol>'


def verdict(yes: bool, words: str) -> str:
    """A truth revealed."""
    return f'<p class="fb-truth {"yes" if yes else "no"}" role="status">{escape(words)}</p>'


def score(rows: Sequence[tuple[str, str]]) -> str:
    """Who has how many points."""
    items = "".join(
        f"<div><b>{escape(points_)}</b><span>{escape(who)}</span></div>" for who, points_ in rows
    )
    return f'<div class="fb-score" role="status">{items}</div>'


def heading(words: str) -> str:
    """What a chart shows, above it."""
    return f'<p class="fb-heading">{escape(words)}</p>'


def _cell(content: str | tuple[str, str]) -> str:
    words, below = (content, "") if isinstance(content, str) else content
    return escape(words) + (f"<small>{escape(below)}</small>" if below else "")


def _encode(image: RGB, exact: bool) -> str:
    import cv2

    bgr = np.ascontiguousarray(image[:, :, ::-1])
    kind, options = (".png", []) if exact else (".jpg", [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return base64.b64encode(cv2.imencode(kind, bgr, options)[1].tobytes()).decode()


def _log_odds(probability: float) -> float:
    p = min(max(probability, _SURE), 1 - _SURE)
    return math.log(p) - math.log1p(-p)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
