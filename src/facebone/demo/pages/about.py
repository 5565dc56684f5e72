"""About: what this is, and what of it is real."""

from __future__ import annotations

import streamlit as st

from facebone.demo import markup
from facebone.demo.pages import frame
from facebone.demo.settings import DemoSettings

SENTENCES = (
    "A face verifier looks at two pictures and says whether they show the same person.",
    "It learnt that from pictures of people, and what it learnt can give them away: who was in the "
    "training, and what they look like.",
    "Here two verifiers stand side by side, trained on the same people: one as it is usually "
    "built, and one hardened by FaceBone.",
    "You can ask both about pictures, attack both, and run the audit that measures what they leak.",
    "Everything runs on this machine: nothing is sent anywhere, and your pictures are never kept.",
)

PIPELINE = (
    ("Picture", "A file, a camera, or the data set", ""),
    ("Face", "Found, and turned upright", ""),
    ("Template", "A network makes numbers of it", "Rebuilding: can the face be drawn from these?"),
    ("Score", "Two templates are compared", "Membership: does it tell who was trained on?"),
    ("Decision", "Same person from a threshold on", ""),
    ("Audit", "What leaks, with intervals", ""),
)


def show() -> None:
    """The page."""
    frame.begin("What does a face verifier give away?")
    st.html(markup.lead(" ".join(SENTENCES[:2])) + markup.paragraph(" ".join(SENTENCES[2:])))
    st.html(markup.pipeline("How a verifier works, and where it is attacked", PIPELINE))
    waited_for = frame.preparation()
    st.header("What is real in this run", anchor=False)
    st.html(markup.points(facts(waited_for.settings)))
    if waited_for.material is None:
        frame.ready()
    st.html(markup.remark("The verifiers are ready: choose a page above."))


def facts(settings: DemoSettings) -> list[str]:
    """What is real and what is synthetic."""
    names = ", ".join(settings.backbones)
    if settings.data == "synthetic":
        people = (
            "The people are made up: their faces are drawn by a program, so no one can be hurt."
        )
        networks = f"The networks ({names}) are tiny ones that have seen drawn faces alone."
    else:
        people = f"The people are real: they are those of the data set {settings.data}."
        networks = f"The networks that make templates: {names}."
    return [
        people,
        networks,
        "The verifiers, the attacks and every figure are real: they are trained and run here, "
        f"with seed {settings.seed}, by the same code as on any data.",
        "Your own photographs are looked at by the best real network that is installed, if any.",
    ]
