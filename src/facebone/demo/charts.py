"""Interactive charts: the report's figures, drawn so that a pointer can ask for numbers.

What is drawn is worked out by the report's own code; colours are its colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from facebone.audit.names import display_names
from facebone.audit.report.charts.canvas import COLOURS, GRID, INK, QUIET, plain
from facebone.audit.report.charts.histogram import spread
from facebone.audit.report.charts.roc import Line
from facebone.audit.report.tables import by_strength, strongest_attack
from facebone.audit.schema import Audit, Interval, TargetResult

_HEIGHT = 340
_FLOOR = 1e-4
"""Lowest rate of a logarithmic axis."""

Rows = list[dict[str, Any]]


def roc(lines: Sequence[Line]) -> alt.LayerChart:
    """ROC of attacks on logarithmic axes, with bands, and the line of guessing."""
    rows: Rows = []
    for line in lines:
        band = line.band
        rows += [
            {
                "curve": plain(line.name),
                "accused": float(fpr),
                "found": max(float(tpr), _FLOOR),
                "low": max(float(low), _FLOOR),
                "high": max(float(high), _FLOOR),
            }
            for fpr, tpr, low, high in zip(band.fpr, band.tpr, band.low, band.high, strict=True)
        ]
    least = min(float(line.band.fpr[0]) for line in lines)
    names = [plain(line.name) for line in lines]
    axis = alt.Axis(format="~%", values=[0.0001, 0.001, 0.01, 0.1, 1])
    x = alt.X(
        "accused:Q",
        title="not trained on, but accused",
        scale=alt.Scale(type="log", domain=[least, 1]),
        axis=axis,
    )
    colour = _colour("curve:N", names)
    base = alt.Chart(_data(rows))
    domain = alt.Scale(type="log", domain=[least, 1])
    band_mark = base.mark_area(opacity=0.15, clip=True).encode(
        x=x, y=alt.Y("low:Q", scale=domain, axis=axis), y2="high:Q", color=colour
    )
    line_mark = base.mark_line(strokeWidth=2.4, clip=True).encode(
        x=x,
        y=alt.Y("found:Q", title="trained on, and found", scale=domain, axis=axis),
        color=colour,
        strokeDash=_dashes("curve:N", names),
        tooltip=[
            alt.Tooltip("curve:N", title="attack"),
            alt.Tooltip("accused:Q", title="accused", format=".2%"),
            alt.Tooltip("found:Q", title="found", format=".1%"),
        ],
    )
    guess = alt.Chart(_data([{"accused": least, "found": least}, {"accused": 1, "found": 1}]))
    diagonal = guess.mark_line(color=QUIET, strokeDash=[4, 3]).encode(
        x=x, y=alt.Y("found:Q", scale=domain)
    )
    return _finish(alt.layer(diagonal, band_mark, line_mark))


def roc_words(lines: Sequence[Line]) -> str:
    """The same in words, for who cannot see it."""
    said = "; ".join(
        f"{plain(line.name)}: {float(np.interp(0.01, line.band.fpr, line.band.tpr)):.1%}"
        for line in lines
    )
    return (
        "ROC on logarithmic axes. Share found of what was trained on when 1 % of the rest is "
        f"accused: {said}. Guessing finds 1 %."
    )


def trade_off(audit: Audit) -> alt.LayerChart | None:
    """Accuracy against the strongest attack's AUC, a point a target, with intervals."""
    called = display_names(audit)
    rows: Rows = []
    for target in audit.targets:
        attack, accuracy = strongest_attack(target), target.utility.accuracy
        auc = None if attack is None else attack.auc
        if attack is None or not isinstance(auc, Interval) or not isinstance(accuracy, Interval):
            continue
        rows.append(
            {
                "target": plain(called[target.name]),
                "attack": plain(attack.name),
                "auc": auc.value,
                "auc_low": auc.low,
                "auc_high": auc.high,
                "accuracy": accuracy.value,
                "low": accuracy.low,
                "high": accuracy.high,
            }
        )
    if not rows:
        return None
    names = [row["target"] for row in rows]
    base = alt.Chart(_data(rows))
    colour = _colour("target:N", names)
    least = min(0.45, *(row["auc_low"] for row in rows))
    x = alt.X(
        "auc:Q",
        title="AUC of the strongest attack (0.5 is guessing)",
        scale=alt.Scale(domain=[least, max(row["auc_high"] for row in rows) + 0.02]),
    )
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    span = alt.Scale(domain=[max(0.0, low - 0.01), min(1.0, high + 0.01)])
    y = alt.Y(
        "accuracy:Q", title="accuracy on strangers' pairs", axis=alt.Axis(format="~%"), scale=span
    )
    tips = [
        alt.Tooltip("target:N"),
        alt.Tooltip("attack:N", title="strongest attack"),
        alt.Tooltip("auc:Q", title="AUC", format=".3f"),
        alt.Tooltip("auc_low:Q", title="from", format=".3f"),
        alt.Tooltip("auc_high:Q", title="to", format=".3f"),
        alt.Tooltip("accuracy:Q", format=".1%"),
    ]
    guessing = alt.Chart(_data([{"auc": 0.5}])).mark_rule(color=QUIET, strokeDash=[4, 3])
    return _finish(
        alt.layer(
            guessing.encode(x=x),
            base.mark_rule(opacity=0.6).encode(x=x, x2="auc_high:Q", y=y, color=colour),
            base.mark_rule(opacity=0.6).encode(x=alt.X("auc_low:Q"), x2="auc:Q", y=y, color=colour),
            base.mark_rule(opacity=0.6).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour),
            base.mark_point(filled=True, size=160, opacity=1).encode(
                x=x,
                y=y,
                color=colour,
                shape=alt.Shape(
                    "target:N", sort=names, scale=alt.Scale(domain=names), legend=_legend()
                ),
                tooltip=tips,
            ),
        )
    )


def forest(target: TargetResult) -> alt.LayerChart | None:
    """AUC of every attack on a target with its interval, the strongest first."""
    rows: Rows = [
        {
            "attack": plain(attack.name),
            "auc": attack.auc.value,
            "low": attack.auc.low,
            "high": attack.auc.high,
        }
        for attack in by_strength(target)
        if isinstance(attack.auc, Interval)
    ]
    if not rows:
        return None
    base = alt.Chart(_data(rows))
    order = [row["attack"] for row in rows]
    y = alt.Y("attack:N", sort=order, title=None, axis=alt.Axis(labelLimit=180))
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    x = alt.X(
        "auc:Q",
        title="AUC (0.5 is guessing)",
        scale=alt.Scale(domain=[min(0.45, low), max(0.6, high)]),
    )
    tips = [
        alt.Tooltip("attack:N"),
        alt.Tooltip("auc:Q", title="AUC", format=".3f"),
        alt.Tooltip("low:Q", title="from", format=".3f"),
        alt.Tooltip("high:Q", title="to", format=".3f"),
    ]
    guessing = alt.Chart(_data([{"auc": 0.5}])).mark_rule(color=QUIET, strokeDash=[4, 3])
    chart = alt.layer(
        guessing.encode(x=x),
        base.mark_rule(color=COLOURS[0], strokeWidth=2).encode(x=alt.X("low:Q"), x2="high:Q", y=y),
        base.mark_point(filled=True, color=COLOURS[0], size=90, opacity=1).encode(
            x=x, y=y, tooltip=tips
        ),
    )
    return _finish(chart, height=60 + 34 * len(rows))


def det(lines: Sequence[Line]) -> alt.LayerChart:
    """Errors of verification of every target on pairs that it was not trained on."""
    rows: Rows = []
    for line in lines:
        band = line.band
        rows += [
            {
                "target": plain(line.name),
                "accepted": float(fpr),
                "refused": max(1 - float(tpr), _FLOOR),
            }
            for fpr, tpr in zip(band.fpr, band.tpr, strict=True)
        ]
    least = min(float(line.band.fpr[0]) for line in lines)
    names = [plain(line.name) for line in lines]
    axis = alt.Axis(format="~%", values=[0.0001, 0.001, 0.01, 0.1, 1])
    x = alt.X(
        "accepted:Q",
        title="other person accepted",
        scale=alt.Scale(type="log", domain=[least, 0.6]),
        axis=axis,
    )
    y = alt.Y(
        "refused:Q",
        title="same person refused",
        scale=alt.Scale(type="log", domain=[0.001, 0.6]),
        axis=axis,
    )
    equal = [{"accepted": edge, "refused": edge} for edge in (max(least, 0.001), 0.6)]
    return _finish(
        alt.layer(
            alt.Chart(_data(equal)).mark_line(color=QUIET, strokeDash=[4, 3]).encode(x=x, y=y),
            alt.Chart(_data(rows))
            .mark_line(strokeWidth=2.2, clip=True)
            .encode(
                x=x,
                y=y,
                color=_colour("target:N", names),
                strokeDash=_dashes("target:N", names),
                tooltip=[
                    alt.Tooltip("target:N"),
                    alt.Tooltip("accepted:Q", format=".2%"),
                    alt.Tooltip("refused:Q", format=".2%"),
                ],
            ),
        )
    )


def histogram(scores: Sequence[float], member: Sequence[bool]) -> alt.LayerChart:
    """Scores of a verifier: members against others, each as shares of their own number."""
    values, unit = spread(np.asarray(scores, dtype=np.float64))
    truth = np.asarray(member, dtype=np.bool_)
    low, high = (float(edge) for edge in np.percentile(values, [0.5, 99.5]))
    edges = np.linspace(low, high if high > low else low + 1, 31)
    clipped = np.clip(values, edges[0], edges[-1])
    names = ["trained on", "not trained on"]
    layers = []
    for name, mask in zip(names, (truth, ~truth), strict=True):
        shares = np.histogram(clipped[mask], edges)[0] / max(int(mask.sum()), 1)
        rows: Rows = [
            {"group": name, "from": float(a), "to": float(b), "share": float(share)}
            for a, b, share in zip(edges[:-1], edges[1:], shares, strict=True)
        ]
        layers.append(
            alt.Chart(_data(rows))
            .mark_bar(opacity=0.55)
            .encode(
                x=alt.X("from:Q", title=unit, bin="binned"),
                x2="to:Q",
                y=alt.Y("share:Q", title="share", axis=alt.Axis(format="~%"), stack=None),
                color=_colour("group:N", names),
                tooltip=[alt.Tooltip("group:N"), alt.Tooltip("share:Q", format=".1%")],
            )
        )
    return _finish(alt.layer(*layers))


def _colour(field: str, names: Sequence[str]) -> alt.Color:
    return alt.Color(
        field,
        sort=list(names),
        scale=alt.Scale(
            domain=list(names), range=[COLOURS[i % len(COLOURS)] for i in range(len(names))]
        ),
        legend=_legend(),
    )


def _dashes(field: str, names: Sequence[str]) -> alt.StrokeDash:
    """Besides colours, for who does not see them."""
    return alt.StrokeDash(
        field, sort=list(names), scale=alt.Scale(domain=list(names)), legend=_legend()
    )


def _legend() -> alt.Legend:
    """The same for every channel, so that there is one of them."""
    return alt.Legend(title=None, orient="top", labelLimit=300, columns=1, symbolOpacity=1)


def _finish(chart: Any, height: int = _HEIGHT) -> alt.LayerChart:
    """Height, and the report's letters and lines."""
    found: alt.LayerChart = (
        chart.properties(height=height)
        .configure_axis(
            labelColor=QUIET,
            titleColor=INK,
            labelFontSize=12,
            titleFontSize=13,
            titleFontWeight="normal",
            gridColor=GRID,
            domainColor=QUIET,
        )
        .configure_legend(labelFontSize=13, labelColor=INK)
        .configure_view(strokeWidth=0)
    )
    return found


def _data(rows: Rows) -> Any:
    """Rows as Vega takes them."""
    return alt.Data(values=rows)  # type: ignore[no-untyped-call]
