"""Reconstruction: a stored template, what an attacker draws of it, and what a judge says."""

from __future__ import annotations

import streamlit as st

from facebone.demo import markup
from facebone.demo.material import Material
from facebone.demo.pages import frame
from facebone.demo.rebuilt import Rebuilt, RebuiltBy
from facebone.demo.settings import ENROLLED, KEYED, STOLEN, UNDEFENDED

_SIDE = 190
_STRIP = 560

ATTACKERS = {
    STOLEN: "has stolen the database",
    ENROLLED: "has stolen it, and had the system enrol many faces of their own",
}

STORED = {UNDEFENDED: "plain templates", KEYED: "keyed templates"}


def show() -> None:
    """The page."""
    frame.begin("Can a face be drawn from what is stored?")
    material = frame.ready()
    rebuilt = material.rebuilt
    if rebuilt is None:
        st.warning(f"No faces were rebuilt here: {material.no_rebuilt}", icon=":material/info:")
        return
    answer = st.container()
    attacker = st.radio(
        "The attacker", list(ATTACKERS), format_func=ATTACKERS.__getitem__, key="attacker"
    )
    number = st.selectbox(
        "Person whose template leaked",
        range(len(rebuilt.ids)),
        format_func=lambda i: _person(material, str(rebuilt.ids[i])),
        key="attacked",
    )
    found = {name: rebuilt.by[name, attacker] for name in STORED}
    with answer:
        st.html(markup.lead(headline(rebuilt, found)))
    if number is not None:
        _one(rebuilt, found, number)
    st.html(
        markup.remark(
            f"The attacker learnt from {rebuilt.own_faces:,} faces of other people. The judge is "
            f"{rebuilt.judge}, a network that no attack used; it takes one pair of strangers in a "
            "thousand for one person."
        )
    )


def _one(rebuilt: Rebuilt, found: dict[str, RebuiltBy], number: int) -> None:
    """One person: four pictures in a row, and the templates below."""
    person = str(rebuilt.ids[number])
    pictures = [
        markup.picture(
            rebuilt.leaked[number],
            f"The enrolled picture {person}",
            width=_SIDE,
            caption="enrolled",
        )
    ]
    for name, by in found.items():
        pictures.append(
            markup.picture(
                by.pictures[number],
                f"What the attacker draws of the {STORED[name]} of {person}",
                width=_SIDE,
                caption=f"drawn from {STORED[name]}: {said(rebuilt, float(by.cosines[number]))}",
            )
        )
    pictures.append(
        markup.picture(
            rebuilt.others[number],
            "Another photograph of the person, which the judge compares with",
            width=_SIDE,
            caption="another photograph, the one to compare with; of the enrolled one "
            + said(rebuilt, float(rebuilt.real[number])),
        )
    )
    st.html(markup.row(pictures))
    st.header("What the database holds of this person", anchor=False)
    for name, words in STORED.items():
        values = rebuilt.stored[name][number]
        st.html(
            '<div class="fb-strip">'
            + markup.picture(
                markup.strip(values),
                f"{words.capitalize()}: {len(values)} numbers as bars of colour",
                width=_STRIP,
                caption=f"{words}: {len(values)} numbers",
                pixels=True,
            )
            + "</div>"
        )


def headline(rebuilt: Rebuilt, found: dict[str, RebuiltBy]) -> str:
    """The answer: how often the judge knows the person."""
    shares = {}
    for name, by in found.items():
        if by.recognised is None:
            return "Too few people stand by to say how often the judge knows a rebuilt face."
        value, low, high = by.recognised
        shares[name] = f"{value:.0%} of the time ({100 * low:.0f} to {100 * high:.0f})"
    genuine = found[UNDEFENDED].genuine
    best = "" if genuine is None else f" Real pictures reach {genuine:.0%}."
    return (
        f"From plain templates the judge knows the person {shares[UNDEFENDED]}, from keyed ones "
        f"{shares[KEYED]}.{best}"
    )


def said(rebuilt: Rebuilt, cosine: float) -> str:
    """What the judge says of a picture."""
    if rebuilt.threshold is None:
        return f"similarity {cosine:.2f}"
    same = cosine >= rebuilt.threshold
    word = "the judge says it is this person" if same else "the judge does not know the person"
    return f"{word} ({cosine:.2f}, threshold {rebuilt.threshold:.2f})"


def _person(material: Material, picture: str) -> str:
    position = material.dataset.index.get(picture)
    person = picture if position is None else material.dataset.pictures[position].person
    return f"{person} · picture {picture}"
