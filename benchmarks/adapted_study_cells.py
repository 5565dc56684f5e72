"""What tables, sentences and figures of the page of adapted models take from the study's rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.adapted_subjects import ATTACKS, LEARNT

Row = dict[str, Any]
Figure = dict[str, float]

LIRA, AMONG = "lira", "lira:ask=among"
NAMES = {
    "loss_threshold": "loss threshold",
    "loss_threshold:ask=gain": "loss threshold on gain",
    LIRA: "LiRA",
    AMONG: "LiRA among probes",
    "rmia:ask=among": "RMIA among probes",
    "set_likelihood": "set likelihood",
    "set_classifier": "set classifier",
}
"""Attacks on scores, as the page calls them."""

LITTLE = 0.55
"""The AUC up to which a leak counts as little."""


def part_of(rows: Sequence[Row], part: str) -> list[Row]:
    """The rows of a part of the page."""
    return [row for row in rows if row["part"] == part]


def pairs_of(rows: Sequence[Row]) -> list[tuple[Row, Row | None]]:
    """Each undefended recipe of the trade, with the same under FaceBone, if that is there."""

    def key(row: Row) -> str:
        return repr((row["aligned"], row["backbones"], row["head"], row["settings"]))

    defended = {key(row): row for row in rows if row["mitigation"] == "facebone"}
    return [(row, defended.get(key(row))) for row in rows if row["mitigation"] == "none"]


def asked(row: Row, spec: str, probes: object = "all") -> Figure | None:
    """What an attack finds with so many probes; None where it was not tried."""
    found: Figure | None = row["found"].get(f"{spec} {probes}")
    return found


def strongest(row: Row) -> tuple[str, Figure]:
    """The attack on scores of the highest mean AUC with all probes, and that figure."""
    found = {spec: asked(row, spec) for spec in (*ATTACKS, *LEARNT)}
    return max(((s, f) for s, f in found.items() if f), key=lambda one: float(one[1]["mean"]))


def on_scores(row: Row, kind: str = "all") -> list[float]:
    """Means of all attacks on scores with all probes: AUC, or with ``all control`` of control."""
    return [figure["mean"] for spec in NAMES if (figure := asked(row, spec, kind))]


def percent(figure: Figure) -> Figure:
    """A figure in percent."""
    return {name: 100 * value for name, value in figure.items()}


def rate(figure: Figure | None) -> str:
    """A share."""
    return f"{figure['mean']:.1%}" if figure else ""


def points(change: Figure) -> str:
    """A change of accuracy in percentage points."""
    # Adding nothing makes a rounded -0 a 0.
    return f"{round(100 * change['mean'], 2) + 0:+.2f} ± {100 * change['off']:.2f}"


def before_after(row: Row) -> str:
    """Accuracy on strangers of the unadapted verifier and of the adapted one."""
    accuracy = row["accuracy"]
    return f"{accuracy['strangers before']['mean']:.3f} → {accuracy['strangers']['mean']:.3f}"


def members(row: Row) -> str:
    """Accuracy on members."""
    return f"{row['accuracy']['members']['mean']:.3f}"


def faces(row: Row) -> str:
    """How pictures are prepared."""
    return "aligned" if row["aligned"] else "whole pictures"


def between(values: Iterable[float], form: str = ".3f") -> str:
    """The least and the greatest, or the one where both read alike."""
    given = list(values)
    return " to ".join(dict.fromkeys(f"{value:{form}}" for value in (min(given), max(given))))
