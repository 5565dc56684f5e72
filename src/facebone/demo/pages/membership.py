"""Membership: what attackers conclude about a candidate, a game against them, and their curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from facebone.audit.audit_plan import at_level
from facebone.audit.names import MEMBERS
from facebone.audit.report.charts.roc import Line
from facebone.audit.report.score_rows import ScoreRows
from facebone.audit.report.tables import strongest_attack
from facebone.data.splits import Level
from facebone.demo import charts, markup
from facebone.demo.candidates import Candidate, candidates_at, of_level
from facebone.demo.conclusions import ANY, FILTERS, conclusion, rows_of, summary
from facebone.demo.curves import strongest_lines
from facebone.demo.game import ROUNDS, Game
from facebone.demo.material import Material
from facebone.demo.pages import frame
from facebone.demo.settings import HARDENED, UNDEFENDED
from facebone.errors import PictureError

_SIDE = 200
_TRUE, _FALSE = "It was trained on", "It was not"


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """What all sessions share of a level: its candidates and its curves."""

    candidates: list[Candidate]
    lines: list[Line]


@st.cache_resource(show_spinner="Reading what the attackers said")
def _level(_material: Material, level: str) -> _Level:
    audit, scores = _material.audited.audit, _material.audited.scores
    if scores is None:  # an audit that was run here has them
        return _Level([], [])
    found = candidates_at(scores, Level(level), (UNDEFENDED, HARDENED))
    return _Level(found, strongest_lines(audit, ScoreRows(scores), level))


def show() -> None:
    """The page."""
    frame.begin("Was this in the training?")
    material = frame.ready()
    level = Level(
        st.radio(
            "What the attackers ask about",
            [one.value for one in Level],
            format_func=lambda value: f"a {of_level(Level(value))}",
            horizontal=True,
            key="level",
        )
    )
    shared = _level(material, level.value)
    st.html(markup.lead(summary(material.audited.audit, level)))
    one, game, curves = st.tabs(["Ask about one", f"Play {ROUNDS} rounds", "All of them"])
    with one:
        _one(material, level, shared)
    with game:
        _game(material, level, shared)
    with curves:
        _curves(shared, level)


def _one(material: Material, level: Level, shared: _Level) -> None:
    """One candidate: what each attacker says, and then the truth."""
    left, right = st.columns([1, 2])
    kind = left.selectbox("Choose among", FILTERS, key=f"filter-{level}")
    chosen = [
        i
        for i, one in enumerate(shared.candidates)
        if kind == ANY or one.member is (kind == FILTERS[1])
    ]
    if not chosen:
        return
    number = right.selectbox(
        f"Which {of_level(level)}",
        chosen,
        format_func=lambda i: shared.candidates[i].label,
        key=f"candidate-{level}-{kind}",
    )
    candidate = shared.candidates[number]
    _pictures(material, candidate)
    st.html(markup.table(*conclusion(candidate)))
    if st.toggle("Show the truth", key=f"truth-{level}-{number}"):
        st.html(markup.verdict(candidate.member, f"{_TRUE if candidate.member else _FALSE}."))


def _game(material: Material, level: Level, shared: _Level) -> None:
    key = f"game-{level}"
    if key not in st.session_state:
        _deal(material, level, shared)
    game: Game = st.session_state[key]
    candidate = game.current
    if candidate is None:
        _final(material, level, shared, game)
        return
    st.html(
        markup.paragraph(
            f"Round {len(game.rounds) + 1} of {ROUNDS}. You see what the attacker sees of the "
            f"undefended verifier: this {of_level(level)}, and the score it gets "
            f"({candidate.scores[UNDEFENDED]:.3f}). Was it trained on?"
        )
    )
    _pictures(material, candidate)
    columns = st.columns(2)
    columns[0].button(
        "Trained on", key=f"yes-{level}", width="stretch", on_click=_guess, args=(game, True)
    )
    columns[1].button(
        "Not trained on", key=f"no-{level}", width="stretch", on_click=_guess, args=(game, False)
    )
    if game.rounds:
        last = game.rounds[-1]
        truth = "was trained on" if last.candidate.member else "was not trained on"
        well = "You were right" if last.visitor == last.candidate.member else "You were wrong"
        st.html(markup.remark(f"{well}: the last one {truth}."))
        st.html(markup.score(rows_of(game)))


def _final(material: Material, level: Level, shared: _Level, game: Game) -> None:
    st.html(markup.lead(f"All {ROUNDS} rounds are played."))
    st.html(markup.score(rows_of(game)))
    said = {True: "trained on", False: "not"}
    rows = [
        [
            one.candidate.label,
            said[one.candidate.member],
            said[one.visitor],
            said[one.attackers[UNDEFENDED]],
            said[one.attackers[HARDENED]],
        ]
        for one in game.rounds
    ]
    heads = [
        of_level(level).capitalize(), "Truth", "You", "Attacker, undefended", "Attacker, FaceBone",
    ]  # fmt: skip
    st.html(markup.table("What was said in each round", heads, rows))
    st.button("Play again", key=f"again-{level}", on_click=_deal, args=(material, level, shared))


def _guess(game: Game, member: bool) -> None:
    if not game.over:  # a click that came twice
        game.guess(member)


def _deal(material: Material, level: Level, shared: _Level) -> None:
    """A new game, against the strongest attack on the undefended verifier and on the other."""
    attacks = {}
    for mitigation in (UNDEFENDED, HARDENED):
        name = at_level(mitigation, level)
        target = next(one for one in material.audited.audit.targets if one.name == name)
        attack = strongest_attack(target)
        attacks[mitigation] = attack.name if attack else target.attacks[0].name
    rng = np.random.default_rng()
    st.session_state[f"game-{level}"] = Game.deal(shared.candidates, attacks, rng=rng)


def _curves(shared: _Level, level: Level) -> None:
    lines = shared.lines
    if not lines:
        return
    st.html(
        markup.paragraph(
            f"How many {MEMBERS[level.value]} that were trained on the strongest attack finds, by "
            "how many others it accuses. On the dashed line it might as well guess; bands are 95 % "
            "intervals."
        )
    )
    st.altair_chart(charts.roc(lines), width="stretch", theme=None, alt=charts.roc_words(lines))


def _pictures(material: Material, candidate: Candidate) -> None:
    shown = []
    for picture in candidate.pictures(material.dataset):
        try:
            image = picture.source.decode(picture.source.read())
        except PictureError:
            continue
        words = f"Picture {picture.id} of {picture.person}"
        shown.append(markup.picture(image, words, width=_SIDE, caption=picture.person))
    st.html(markup.row(shown))
