"""What the pages of studies share: tables, figures with how sure they are, the strongest attack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Figure = Mapping[str, float]


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Markdown."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def mean(figure: Figure | None, digits: int = 3) -> str:
    """With how far it may be off; empty where it was not measured."""
    return f"{figure['mean']:.{digits}f} ± {figure['off']:.{digits}f}" if figure else ""


def rates(figures: Sequence[Figure]) -> str:
    """Mean rates beside each other, in per cent."""
    return " / ".join(f"{100 * figure['mean']:.1f} %" for figure in figures)


def highest(attacks: Mapping[str, Sequence[Figure]]) -> tuple[str, Sequence[Figure]]:
    """The attack of the highest mean AUC, the first of its figures, and all of these."""
    name = max(attacks, key=lambda one: attacks[one][0]["mean"])
    return name, attacks[name]
