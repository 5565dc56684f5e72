"""Who is most at risk, as the page shows it: cards with faces, names and the risk."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facebone.audit.at_risk import LEAST_PAIRS, AtRisk, Ranking, Risky
from facebone.audit.names import MEMBER, MEMBERS, NO_BREAK, counted, listed, percent
from facebone.audit.thumbnails import OF_A_PERSON, SIDE, Thumbnail


@dataclass(frozen=True, slots=True)
class Face:
    """One thumbnail.

    Args:
        source: the picture itself, as a ``data:`` address.
        alt: who is on it, or which picture it is.
        side: width and height in pixels.
    """

    source: str
    alt: str
    side: int = SIDE


@dataclass(frozen=True, slots=True)
class Card:
    """A pair, a picture or a person.

    Args:
        risk: in per cent.
        faces: none, one or two.
        title: what it is.
        lines: further words, in small letters.
    """

    risk: str
    faces: tuple[Face, ...]
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Cards of one kind, by falling risk.

    Args:
        title: of the row.
        words: how to read the first card.
        cards: at least one.
        more: how many others run the risk of the last; empty where none does.
    """

    title: str
    words: str
    cards: tuple[Card, ...]
    more: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One target whose members are named.

    Args:
        number: position of the target in the audit.
        name: for people.
        rows: at least one.
    """

    number: int
    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class AtRiskSection:
    """The whole section.

    Args:
        shown: targets whose members are named.
        silent: why nobody of other targets is named, a sentence each.
        faces: whether it holds any thumbnail.
    """

    shown: tuple[Shown, ...]
    silent: tuple[str, ...]
    faces: bool


def at_risk_section(
    found: Sequence[AtRisk],
    called: Mapping[str, str],
    pictures: Mapping[str, Thumbnail],
    *,
    trusted: bool = True,
) -> AtRiskSection:
    """The section from what was found.

    Args:
        found: one a target, in the order of the audit.
        called: name of a target -> name for people.
        pictures: thumbnails by id of the picture; bytes that are no JPEG are left out.
        trusted: whether the audit passed its checks of itself.
    """
    gallery = _Gallery(pictures)
    shown = tuple(
        Shown(i, called[one.target], rows)
        for i, one in enumerate(found)
        if (rows := _rows(one, gallery))
    )
    if not trusted:
        return AtRiskSection(
            (), ("This audit failed a check of itself, so nobody is named.",), faces=False
        )
    unproven = [called[one.target] for one in found if one.attack is None]
    named = {one.name for one in shown}
    even = [
        called[one.target]
        for one in found
        if one.attack is not None and called[one.target] not in named
    ]
    silent = []
    if unproven:
        silent.append(f"No leak was proven on {listed(unproven)}, so nobody is named there.")
    if even:
        silent.append(
            f"A leak was proven on {listed(even)}, but no single candidate's risk is known to lie "
            "above even odds."
        )
    cards = [card for one in shown for row in one.rows for card in row.cards]
    return AtRiskSection(shown, tuple(silent), faces=any(card.faces for card in cards))


class _Gallery:
    """Thumbnails by picture and by person."""

    def __init__(self, pictures: Mapping[str, Thumbnail]) -> None:
        self._known = {id_: one for id_, one in pictures.items() if one.is_jpeg}
        self._of: dict[str, list[Thumbnail]] = {}
        for one in self._known.values():
            self._of.setdefault(one.person, []).append(one)

    def faces(self, risky: Risky) -> tuple[Face, ...]:
        """Of a pair's or a picture's own; of a person, some."""
        if risky.pictures:
            names = risky.people * 2 if len(risky.people) == 1 else risky.people
            return tuple(
                _face(self._known[id_], names[i] if i < len(names) else f"picture {id_}")
                for i, id_ in enumerate(risky.pictures)
                if id_ in self._known
            )
        found = [one for name in risky.people for one in self._of.get(name, ())]
        return tuple(_face(one, one.person) for one in found[:OF_A_PERSON])


def _face(one: Thumbnail, alt: str) -> Face:
    return Face(f"data:image/jpeg;base64,{b64encode(one.jpeg).decode('ascii')}", alt)


def _rows(one: AtRisk, gallery: _Gallery) -> tuple[Row, ...]:
    """Of a target; none where nobody is named."""
    rows = []
    if one.candidates.first:
        kind = MEMBER[one.level]
        first = risk_in_words(one.candidates.first[0].risk)
        rows.append(
            _row(
                one.candidates,
                gallery,
                MEMBERS[one.level].capitalize(),
                f"An attacker with {one.attack} gives {first} that the first {kind} was trained on "
                "(even odds before).",
            )
        )
    if one.people.first:
        first = risk_in_words(one.people.first[0].risk)
        rows.append(
            _row(
                one.people,
                gallery,
                "People",
                f"An attacker with {one.attack} gives {first} that a pair of the first person was "
                "trained on (even odds before), in the mean over those that were: at least "
                f"{LEAST_PAIRS} of each person.",
            )
        )
    return tuple(rows)


def _row(ranking: Ranking, gallery: _Gallery, title: str, words: str) -> Row:
    cards = tuple(
        Card(risk_in_words(one.risk), gallery.faces(one), *_words(one)) for one in ranking.first
    )
    more = f"{ranking.tied:,} more run the same risk as the last." if ranking.tied else ""
    return Row(title, words, cards, more)


def _words(one: Risky) -> tuple[str, tuple[str, ...]]:
    """Title and small print of a card."""
    if len(one.pictures) == 2:
        return ("one person" if one.same else "two people"), one.pictures
    if one.pictures:
        return one.pictures[0], one.people
    return one.people[0], ((counted(one.pairs, "pair"),) if one.pairs else ())


def risk_in_words(risk: float) -> str:
    """A risk in whole per cent; near certainty with a digit more, since no risk is 100 %."""
    if risk >= 0.9995:
        return f"over{NO_BREAK}{percent(0.999)}"
    return percent(risk, 1 if risk >= 0.995 else 0)
