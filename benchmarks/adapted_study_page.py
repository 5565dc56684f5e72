"""The page of adapted models, from the results of their studies: docs/adapted-models.md.

``python -m benchmarks.adapted_study_page`` writes it again without running them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from benchmarks import adapted_study_prose as prose
from benchmarks.adapted_study_cells import (
    AMONG,
    LIRA,
    LITTLE,
    NAMES,
    Row,
    asked,
    before_after,
    between,
    faces,
    members,
    on_scores,
    pairs_of,
    part_of,
    points,
    rate,
    strongest,
)
from benchmarks.adapted_study_figures import draw_epochs, draw_trade
from benchmarks.adapted_subjects import FEW_MODELS, INSIDE, MODELS
from benchmarks.page_cells import mean, table
from benchmarks.results_file import RESULTS

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "adapted-models.md"
EPOCHS_PICTURE, TRADE_PICTURE = "images/adapted_epochs.svg", "images/adapted_trade.svg"

LIRAS = ("LiRA, AUC", "LiRA among probes, AUC", "its TPR at FPR 1 %")
WORTH = 0.01
"""Gain of accuracy on strangers from which on the page says what share of it is kept."""


def write_page() -> Path:
    """Write the page and its pictures from the results there are, and return its path."""
    rows = _record("adapted_study")["figures"]["rows"]
    fine_tuned = _record("fine_tune_lfw").get("figures", {})
    PAGE.write_text(render(rows, fine_tuned, _record("adapters")), "utf-8")
    drawn = (("epochs", draw_epochs, EPOCHS_PICTURE), ("trade", draw_trade, TRADE_PICTURE))
    for part, draw, picture in drawn:
        if chosen := part_of(rows, part):
            draw(chosen, DOCS / picture)
    print(f"wrote {PAGE}", file=sys.stderr)
    return PAGE


def _record(name: str) -> dict[str, Any]:
    """A result with the machine that made it; empty where there is none yet."""
    path = RESULTS / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def render(rows: Sequence[Row], fine_tuned: dict[str, Any], adapters: dict[str, Any]) -> str:
    """The page; a section whose figures are not there is left out.

    Args:
        rows: of the study of adapters.
        fine_tuned: figures of fine-tuning from pixels, or empty.
        adapters: the record of the race of adapters, with its machine, or empty.
    """
    people = max((row["people"] for row in rows), default=0)
    leaks, many = part_of(rows, "table"), part_of(rows, "many")
    most = [row for row in leaks if row["training"] == 10]
    usual = [row | {"name": f"{row['models']} models"} for row in most if _is_usual(row)]
    sections: tuple[tuple[Callable[[Any], str], Any], ...] = (
        (_leaks, leaks),
        (_probes, most),
        (_many, [*usual, *many] if many else []),
        (_epochs, part_of(rows, "epochs")),
        (_trade, part_of(rows, "trade")),
        (_facebone, prose.TRIED),
        (_pixels, fine_tuned),
        (_speed, adapters),
    )
    opening = prose.INTRODUCTION.format(models=MODELS, people=people)
    return _filled("".join([opening, *(section(given) for section, given in sections if given)]))


def _is_usual(row: Row) -> bool:
    """Whether this is what the part `many` varies."""
    return bool(row["name"] == "b" and row["aligned"])


def _leaks(rows: list[Row]) -> str:
    heads = ["faces", "backbone", "pictures of each", "strangers", "members", *LIRAS]
    lines = [
        [
            *(faces(row), row["name"], str(row["training"])),
            *(before_after(row), members(row), *_liras(row)),
        ]
        for row in rows
    ]
    said = []
    for aligned in dict.fromkeys(row["aligned"] for row in rows):
        mine = [row for row in rows if row["aligned"] == aligned]
        change = between((100 * row["change"]["mean"] for row in mine), "+.1f")
        leak = between(found["mean"] for row in mine if (found := asked(row, AMONG)))
        said.append(
            f"{_on(aligned)} training changes accuracy on strangers by {change} percentage points, "
            f"and LiRA among probes tells members from strangers with AUC {leak}."
        )
    control = [value for row in rows for value in on_scores(row, "all control")]
    if control:
        said.append(
            "Control people are in no model's training; of them, a coin calling half members, the "
            f"attacks find AUC {between(control)}."
        )
    return prose.TABLE.format(table=table(heads, lines), said=" ".join(said))


def _liras(row: Row) -> list[str]:
    return [mean(asked(row, LIRA)), mean(asked(row, AMONG)), rate(asked(row, AMONG, "all tpr"))]


def _on(aligned: bool) -> str:
    return "On aligned faces" if aligned else "On whole pictures"


def _probes(rows: list[Row]) -> str:
    numbers = [str(count or "all") for count in rows[0]["probes"]]
    lines, parts = [], []
    for row in rows:
        for spec in (LIRA, AMONG):
            cells = []
            for count in numbers:
                auc = asked(row, spec, count)
                cells.append(f"{mean(auc)} ({rate(asked(row, spec, f'{count} tpr'))})" * bool(auc))
            lines.append([faces(row), row["name"], NAMES[spec], *cells])
        one, most = asked(row, LIRA, 1), asked(row, LIRA)
        # Of a leak near nothing a share says nothing.
        if one and most and most["mean"] > LITTLE:
            parts.append(100 * (one["mean"] - 0.5) / (most["mean"] - 0.5))
    said = ""
    if parts:
        said = (
            f"With one picture LiRA's AUC lies {between(parts, '.0f')} % as far above a half as "
            f"with all, where that is more than {LITTLE}."
        )
    heads = [f"{count} probe{'' if count == '1' else 's'}" for count in numbers]
    written = table(["faces", "backbone", "attack", *heads], lines)
    return prose.PROBES.format(table=written, said=said)


def _many(rows: list[Row]) -> str:
    heads = ["models", *LIRAS, *(f"`{spec}`, AUC" for spec in INSIDE)]
    lines = [
        [row["name"], *_liras(row), *(mean(asked(row, spec)) for spec in INSIDE)] for row in rows
    ]
    said = []
    for row in rows:
        if row["null"]:
            said.append(
                f"On models of other people the attacks find AUC {between(on_scores(row))}."
            )
        inside = asked(row, "white_box")
        if inside and row["settings"].get("keep_centres"):
            said.append(f"Who has the centres finds members with AUC {inside['mean']:.3f}.")
    return prose.MANY.format(table=table(heads, lines), said=" ".join(said))


def _epochs(rows: list[Row]) -> str:
    rows = sorted(rows, key=lambda row: int(row["name"]))
    shown = [spec for spec in NAMES if all(asked(row, spec) for row in rows)]
    heads = ["epochs", "strangers", "members", *(f"{NAMES[spec]}, AUC" for spec in shown)]
    lines = [
        [row["name"], before_after(row), members(row), *(mean(asked(row, spec)) for spec in shown)]
        for row in rows
    ]
    first, last = (
        {
            "epochs": row["name"],
            "leak": f"{strongest(row)[1]['mean']:.3f}",
            "strangers": f"{row['accuracy']['strangers']['mean']:.3f}",
        }
        for row in (rows[0], rows[-1])
    )
    return prose.EPOCHS.format(
        first=first, last=last, picture=EPOCHS_PICTURE, table=table(heads, lines)
    )


def _trade(rows: list[Row]) -> str:
    inside = [f"`{spec}`, AUC" for spec in INSIDE]
    heads = ["recipe", "strangers", "change, points", "highest AUC", "by", *inside]
    parts = [prose.TRADE.format(attacks=", ".join(NAMES.values()), few=FEW_MODELS)]
    said = []
    for aligned in (False, True):
        pairs = pairs_of([row for row in rows if row["aligned"] == aligned])
        if not pairs:
            continue
        lines = []
        for plain, defended in pairs:
            lines.append(_standing(plain, plain["name"]))
            if defended:
                lines.append(_standing(defended, "the same with FaceBone"))
        title = "Aligned faces" if aligned else "Whole pictures, not aligned"
        parts.append(f"\n### {title}\n\n{table(heads, lines)}\n")
        said.append(_bought(pairs, _on(aligned)))
    return "".join([*parts, prose.TRADE_READ.format(picture=TRADE_PICTURE, said="\n\n".join(said))])


def _standing(row: Row, name: str) -> list[str]:
    spec, leak = strongest(row)
    inside = (mean(asked(row, one)) for one in INSIDE)
    return [name, before_after(row), points(row["change"]), mean(leak), NAMES[spec], *inside]


def _bought(pairs: Sequence[tuple[Row, Row | None]], where: str) -> str:
    """What recipes without defence buy and leak on some faces, and what FaceBone makes of that."""

    def best(rows: Iterable[Row]) -> str:
        row = max(rows, key=lambda one: float(one["change"]["mean"]))
        name, leak = row["name"].removesuffix(", FaceBone"), strongest(row)[1]["mean"]
        return f'"{name}", {points(row["change"])} percentage points, highest AUC {leak:.3f}'

    said = [f"{where} strangers gain most, without defence, by {best(row for row, _ in pairs)}."]
    defended = [row for _, row in pairs if row]
    if defended:
        leaks = [strongest(row)[1]["mean"] for row in defended]
        little = sum(leak <= LITTLE for leak in leaks)
        said.append(
            f"With FaceBone they gain most by {best(defended)}; highest AUCs are {between(leaks)}, "
            f"{little} of {len(leaks)} no more than {LITTLE}."
        )
    kept = [
        100 * row["change"]["mean"] / plain["change"]["mean"]
        for plain, row in pairs
        if row and plain["change"]["mean"] >= WORTH
    ]
    if kept:
        said.append(
            "Where a recipe without defence gains a percentage point or more, FaceBone keeps "
            f"{between(kept, '.0f')} % of it."
        )
    inside = [figure["mean"] for row in defended if (figure := asked(row, "white_box"))]
    if inside:
        said.append(f"Who holds a FaceBone model finds members with AUC {between(inside)}.")
    return " ".join(said)


def _facebone(tried: Sequence[Sequence[str]]) -> str:
    heads = ("tried", "on", "without it", "with it")
    return prose.FACEBONE.format(table=table(heads, tried))


def _pixels(found: dict[str, Any]) -> str:
    also = {
        "loss_threshold:ask=among": "loss threshold among probes",
        "lira:ask=gain": "LiRA on gain",
    }
    names, tpr = NAMES | also, found["tpr_at_1_percent"]
    lines = [
        [names.get(spec, spec), mean(auc), rate(tpr[spec])] for spec, auc in found["auc"].items()
    ]
    accuracy = {name: f"{figure['mean']:.4f}" for name, figure in found["accuracy"].items()}
    return prose.PIXELS.format(
        **{name: found[name] for name in ("recipe", "models", "pictures", "people", "seconds")},
        accuracy=accuracy,
        change={name: points(figure) for name, figure in found["change"].items()},
        table=table(["attack", "AUC", "TPR at FPR 1 %"], lines),
    )


def _speed(record: dict[str, Any]) -> str:
    found, ways = record["figures"], ("1 core", "as audits train")
    counts = [name.split()[0] for name in found[ways[0]] if name.endswith("at once, seconds")]
    lines = []
    for way in ways:
        one = found[way]
        cells = [
            f"{one[f'{n} at once, seconds']:.1f} s, {one[f'{n} at once, times the loop']:.2f} times"
            for n in counts
        ]
        most = between((one[f"{n} at once, most that any engine can gain"] for n in counts), ".1f")
        lines.append([way, f"{one['loop, seconds']:.1f} s", *cells, f"{most} times"])
    same = all(found[way]["the same adapters to the last bit"] for way in ways)
    return prose.SPEED.format(
        **{name: found[name] for name in ("adapters", "epochs", "rounds")},
        pictures=found["pictures each, about"],
        machine=record["machine"],
        table=table(["", "loop", *(f"engine, {n} at once" for n in counts), "at most"], lines),
        same=" However many are stacked, they are the same to the last bit." if same else "",
    )


def _filled(page: str) -> str:
    """The page with lines of its width, whatever numbers stand in them."""
    blocks = [
        block
        if block.startswith(("#", "|", "!", "```"))
        else fill(block, 100, break_on_hyphens=False, break_long_words=False)
        for block in page.strip().split("\n\n")
        if block.strip()
    ]
    return "\n\n".join(blocks) + "\n"


if __name__ == "__main__":
    write_page()
