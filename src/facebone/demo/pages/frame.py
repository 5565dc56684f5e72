"""What every page has: its style, its title, and what it says while models are being trained."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from facebone.demo.preparation import Preparation, preparation_of
from facebone.demo.settings import DemoSettings

if TYPE_CHECKING:
    from facebone.demo.material import Material

_STYLE = Path(__file__).parents[1] / "style.css"
ICON = Path(__file__).parents[1] / "icon.png"
"""A file of ours: Streamlit would fetch an icon that is only named from elsewhere."""

_POLL = 1.0
"""Seconds between two looks at how far training is."""


@st.cache_resource(show_spinner=False)
def preparation() -> Preparation:
    """The one preparation that all sessions share."""
    return preparation_of(DemoSettings.from_text(sys.argv[1]))


@st.cache_resource(show_spinner=False)
def _style() -> str:
    return f"<style>{_STYLE.read_text('utf-8')}</style>"


def begin(title: str) -> None:
    """Style and title of a page."""
    st.html(_style())
    st.title(title, anchor=False)


def ready() -> Material:
    """The material; a page ends here, and says how far it is, where it is not there yet."""
    waited_for = preparation()
    if waited_for.material is not None:
        return waited_for.material
    _wait(waited_for)
    return st.stop()


@st.fragment(run_every=_POLL)
def _wait(waited_for: Preparation) -> None:
    if waited_for.material is not None:
        st.rerun()
    if waited_for.error:
        st.error(f"This cannot be shown: {waited_for.error}", icon=":material/error:")
        return
    step = waited_for.step
    st.info(
        "Verifiers are being trained and attacked for this page. That takes some minutes the first "
        "time; what was made is kept for the next start.",
        icon=":material/hourglass_top:",
    )
    st.progress(step.share, text=f"Now: {step.words}")
