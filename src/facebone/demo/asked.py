"""Two faces compared: who is asked, and what the answer comes to in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from facebone.demo.looking import Eyes, Look
from facebone.demo.material import Material
from facebone.demo.voices import Opinion, Voice, opinions
from facebone.errors import UsageError

PHOTOGRAPHS = "photographs of people"

SIDES = ("first", "second")

_MAIN = ("undefended", "hardened", "fused")
"""Kinds of voices that answer first; the others are shown on request."""


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """Who looks at two pictures.

    Args:
        kind: names it.
        eyes: they find faces; None where no network is at hand.
        voices: they compare.
        missing: what to do where there is none.
        note: what a visitor should know of these.
    """

    kind: str
    eyes: Eyes | None
    voices: tuple[Voice, ...]
    missing: str = ""
    note: str = ""

    @property
    def looking(self) -> Eyes:
        """The eyes.

        Raises:
            UsageError: there are none.
        """
        if self.eyes is None:
            raise UsageError(self.missing, where="photographs")
        return self.eyes

    @property
    def names(self) -> list[str]:
        """Names of the networks, in order."""
        return [route.backbone.spec.name for route in self.looking.routes]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What all voices say of two faces.

    Args:
        sentence: the answer.
        main: of the verifiers.
        alone: of each network by itself.
        remarks: name of a voice -> what it is.
        note: what a visitor should know.
    """

    sentence: str
    main: tuple[Opinion, ...]
    alone: tuple[Opinion, ...]
    remarks: Mapping[str, str]
    note: str


def bench_for(material: Material, kind: str) -> Bench:
    """Who looks at pictures of a kind.

    Args:
        material: of the demo.
        kind: `PHOTOGRAPHS` for those of visitors where the data set is synthetic; else whoever
            knows the data set.
    """
    if kind != PHOTOGRAPHS:
        return Bench("data", material.eyes, material.voices)
    real = material.photographs
    missing = (
        "Photographs need a network that has seen photographs, and none is at hand. There are "
        f"{real.missing}."
    )
    note = (
        "These networks compare photographs as they were published: nothing was trained on people "
        "here, so there is nothing to harden. Start the demo with --data lfw to have both "
        "verifiers on photographs."
    )
    return Bench("photographs", real.eyes, real.voices, missing, note)


def compare(bench: Bench, first: Look, one: int, second: Look, other: int) -> Comparison:
    """Compare a face of one picture with a face of another.

    Args:
        bench: who looks.
        first: the first picture.
        one: which of its faces.
        second: the second picture.
        other: which of its faces.
    """
    eyes = bench.looking
    left, right = eyes.embed(first.faces[one]), eyes.embed(second.faces[other])
    said = opinions(bench.voices, left, right)
    main = tuple(each for each in said if each.voice.kind in _MAIN)
    alone = tuple(each for each in said if each.voice.kind not in _MAIN)
    if not main:  # one network, which speaks for itself
        main, alone = alone, ()
    return Comparison(
        _sentence(main),
        main,
        alone,
        {each.voice.name: _remark(each.voice) for each in said},
        bench.note,
    )


def mark(material: Material, person: str) -> str:
    """What a person of the data set was for the verifiers."""
    if person in material.trained:
        return "trained on"
    return "not trained on" if person in material.others else "never asked about"


def said_of(look: Look, chosen: int) -> str:
    """What was found in a picture, in words."""
    if not look.faces:
        return "in which no face was found"
    if len(look.faces) == 1:
        return "with a box around the face and dots on eyes, nose and mouth"
    return f"with boxes around {len(look.faces)} faces, of which number {chosen + 1} is compared"


def _sentence(main: tuple[Opinion, ...]) -> str:
    """The answer of the voices that count."""
    known = [each for each in main if each.same is not None]
    if not known:
        return "Nobody here can decide about these two faces."
    if all(each.same for each in known):
        who = _all_of(known)
        return f"{who}: these two pictures show the same person."
    if not any(each.same for each in known):
        return f"{_all_of(known)}: these two pictures show two different people."
    yes = " and ".join(each.voice.name for each in known if each.same)
    no = " and ".join(each.voice.name for each in known if not each.same)
    return f"They disagree: {yes} says the same person, {no} says two people."


def _all_of(known: list[Opinion]) -> str:
    if len(known) == 1:
        return (
            f"{known[0].voice.name} decides"
            if known[0].voice.kind != "fused"
            else "The networks together"
        )
    return "Both verifiers agree" if len(known) == 2 else "All agree"


def _remark(voice: Voice) -> str:
    """What a voice is, in a line."""
    how = {
        "undefended": "As verifiers are usually built: a network on all templates, trained on "
        "pairs of people.",
        "hardened": "Learns a few numbers on the similarities, so that it cannot learn people by "
        "heart.",
        "backbone": "The similarity of two templates of this network.",
        "fused": "The mean similarity of all networks.",
    }[voice.kind]
    if voice.far is None:
        return how
    return f"{how} At this threshold {voice.far:.1%} of strangers pass for one person."
