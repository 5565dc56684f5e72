"""Verify: do two pictures show the same person? Both verifiers answer."""

from __future__ import annotations

import streamlit as st

from facebone.demo import markup
from facebone.demo.asked import PHOTOGRAPHS, SIDES, Bench, bench_for, compare, said_of
from facebone.demo.looking import MAX_BYTES, MAX_PIXELS, Look
from facebone.demo.material import Material
from facebone.demo.pages import frame, sides
from facebone.errors import FaceBoneError

_WIDE = 360


def show() -> None:
    """The page."""
    frame.begin("Do two pictures show the same person?")
    material = frame.ready()
    answer = st.container()
    sides.shortcuts(material)
    ways = st.columns(2, gap="large")
    with ways[0]:
        first = sides.way(material, 0)
    with ways[1]:
        second = sides.way(material, 1)
    own = sides.UPLOAD in (first, second) or sides.CAMERA in (first, second)
    bench = bench_for(material, _kind(material, own))
    if bench.eyes is None:
        with answer:
            st.warning(bench.missing, icon=":material/photo_camera:")
        return
    looks: list[tuple[Look, int] | None] = []
    for i, column in enumerate(ways):
        with column:
            looks.append(_side(material, bench, i, (first, second)[i]))
    with answer:
        _answer(bench, looks)
    st.html(
        markup.remark(
            f"Pictures stay in memory: they are never written or logged. Files may have up to "
            f"{MAX_BYTES // 2**20} MiB and {MAX_PIXELS // 10**6} million pixels."
        )
    )


def _kind(material: Material, own: bool) -> str:
    """What uploads show, which decides by which networks they are looked at."""
    if not own or not material.synthetic:
        return ""
    return st.radio(
        "What your pictures show",
        [PHOTOGRAPHS, "faces drawn by this program"],
        horizontal=True,
        help="Networks that know drawn faces alone are of no use on photographs.",
    )


def _side(material: Material, bench: Bench, number: int, way: str) -> tuple[Look, int] | None:
    """One picture, and which of its faces is meant."""
    try:
        look = sides.look(material, bench, number, way)
    except FaceBoneError as error:
        st.error(str(error), icon=":material/broken_image:")
        return None
    if look is None:
        return None
    name = SIDES[number]
    chosen = 0
    if len(look.faces) > 1:
        chosen = st.radio(
            f"Which face of the {name} picture?",
            range(len(look.faces)),
            format_func=lambda i: f"face {i + 1}",
            horizontal=True,
            key=f"face-{number}",
        )
        chosen = min(chosen, len(look.faces) - 1)
    words = f"The {name} picture, {said_of(look, chosen)}"
    st.html(markup.picture(markup.marked(look, chosen), words, width=_WIDE))
    if not look.faces:
        st.warning(
            f"No face was found in the {name} picture. Use one that shows a face clearly.",
            icon=":material/face_retouching_off:",
        )
        return None
    crops = [
        markup.picture(crop, f"The same face, cut out for {name_}", width=96, caption=name_)
        for name_, crop in zip(bench.names, look.faces[chosen].crops, strict=True)
        if crop is not None
    ]
    st.html(markup.row(crops))
    return look, chosen


def _answer(bench: Bench, looks: list[tuple[Look, int] | None]) -> None:
    first, second = looks
    if first is None or second is None:
        st.html(markup.lead("Choose two pictures that show a face, and the answer stands here."))
        return
    comparison = compare(bench, *first, *second)
    st.html(markup.lead(comparison.sentence))
    st.html(
        markup.row(
            [
                markup.card(one.voice.name, one, comparison.remarks[one.voice.name])
                for one in comparison.main
            ],
            "cards",
        )
    )
    if comparison.note:
        st.html(markup.remark(comparison.note))
    if comparison.alone:
        with st.expander("Each network alone"):
            st.html(
                markup.row(
                    [
                        markup.card(one.voice.name, one, comparison.remarks[one.voice.name])
                        for one in comparison.alone
                    ],
                    "cards",
                )
            )
