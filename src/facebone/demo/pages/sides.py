"""The two pictures to compare: where each comes from, and what was seen of it last."""

from __future__ import annotations

import hashlib

import numpy as np
import streamlit as st

from facebone.demo.asked import SIDES, Bench, mark
from facebone.demo.looking import MAX_BYTES, Look
from facebone.demo.material import Material

DATA, UPLOAD, CAMERA = "from the data", "upload", "camera"
WAYS = (DATA, UPLOAD, CAMERA)

_CHOSEN = "chosen"
"""Where a session keeps person and picture of both sides."""

TYPES = ("jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff")


def way(material: Material, number: int) -> str:
    """Where a picture comes from; in this order the two choices come first on a page."""
    del material
    chosen = st.radio(
        f"Where the {SIDES[number]} picture comes from",
        WAYS,
        horizontal=True,
        key=f"way-{number}",
    )
    return str(chosen)


def shortcuts(material: Material) -> None:
    """Buttons that choose two pictures of the data set."""
    columns = st.columns(4)
    columns[0].button(
        "Same person", on_click=_draw, args=(material, True), width="stretch", key="draw-same"
    )
    columns[1].button(
        "Two people", on_click=_draw, args=(material, False), width="stretch", key="draw-two"
    )
    if _CHOSEN not in st.session_state:
        _draw(material, True, seed=material.settings.seed)


def look(material: Material, bench: Bench, number: int, way: str) -> Look | None:
    """What is seen of a side's picture; None where there is none yet.

    The last look of a side is kept in the session, so that another click on the page does not look
    again; an upload is known by its digest.

    Raises:
        DecodeError: it is no picture, or a hostile one.
    """
    name = f"the {SIDES[number]} picture"
    if way == DATA:
        position = _choose(material, number)
        key = f"{bench.kind} {position}"
        picture = material.dataset.pictures[position]
        return _kept(number, key) or _keep(number, key, bench.looking.look_at(picture))
    given = (
        st.file_uploader(
            f"Upload {name}",
            type=list(TYPES),
            key=f"upload-{number}",
            max_upload_size=MAX_BYTES // 2**20,
        )
        if way == UPLOAD
        else st.camera_input(f"Take {name}", key=f"camera-{number}")
    )
    if given is None:
        return None
    content = given.getvalue()
    key = f"{bench.kind} {hashlib.sha256(content).hexdigest()}"
    return _kept(number, key) or _keep(number, key, bench.looking.look(content, location=name))


def _choose(material: Material, number: int) -> int:
    """A person and one of their pictures, as a position in the data set."""
    # A box that was not shown for a while has forgotten what was chosen.
    chosen = st.session_state[_CHOSEN]
    st.session_state.setdefault(f"person-{number}", chosen[number][0])
    st.session_state.setdefault(f"picture-{number}", chosen[number][1])
    people = list(material.dataset.people)
    person = st.selectbox(
        f"Person in the {SIDES[number]} picture",
        people,
        format_func=lambda name: f"{name} · {mark(material, name)}",
        key=f"person-{number}",
    )
    positions = material.dataset.people[person]
    last = len(positions) - 1
    st.session_state[f"picture-{number}"] = min(st.session_state[f"picture-{number}"], last)
    picture = st.selectbox(
        f"Which picture of this person, {SIDES[number]} picture",
        range(len(positions)),
        format_func=lambda i: f"picture {i + 1} of {len(positions)}",
        key=f"picture-{number}",
    )
    chosen[number] = (person, picture)
    return positions[picture]


def _draw(material: Material, same: bool, *, seed: int | None = None) -> None:
    """Choose two pictures at random."""
    rng = np.random.default_rng(seed)
    people = material.dataset.people
    asked = [name for name in people if name in material.trained or name in material.others]
    several = [name for name in asked or people if len(people[name]) > 1]
    if same:
        name = several[rng.integers(len(several))]
        left, right = rng.permutation(len(people[name]))[:2].tolist()
        chosen = [(name, left), (name, right)]
    else:
        a, b = rng.permutation(len(several))[:2].tolist()
        chosen = [(several[a], 0), (several[b], 0)]
    st.session_state[_CHOSEN] = chosen
    for number, (name, picture) in enumerate(chosen):
        st.session_state[f"way-{number}"] = DATA
        st.session_state[f"person-{number}"] = name
        st.session_state[f"picture-{number}"] = picture


def _kept(number: int, key: str) -> Look | None:
    found = st.session_state.get(f"look-{number}")
    return found[1] if found is not None and found[0] == key else None


def _keep(number: int, key: str, seen: Look) -> Look:
    st.session_state[f"look-{number}"] = (key, seen)
    return seen
