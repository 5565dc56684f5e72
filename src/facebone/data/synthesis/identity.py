"""Who a synthetic person is: everything that stays the same from picture to picture.

Lengths are pixels of the 112x112 ArcFace template, where the eyes stand 35 pixels apart; shares and
strengths run from 0 to 1; colours are RGB in 0..255.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from facebone.data.synthesis.palette import Colour

HairStyle = Literal[
    "shaven", "receding", "short", "parted", "fringe", "long", "curly", "wavy", "crest"
]
BeardStyle = Literal["none", "stubble", "moustache", "goatee", "full"]
GlassesStyle = Literal["none", "round", "square", "half"]

HAIR_STYLES: tuple[HairStyle, ...] = (
    "shaven",
    "receding",
    "short",
    "parted",
    "fringe",
    "long",
    "curly",
    "wavy",
    "crest",
)


@dataclass(frozen=True, slots=True)
class HeadShape:
    """The outline: half widths, and distances from the line between the eyes."""

    cheek: float
    temple: float
    jaw: float
    chin: float
    chin_half: float
    forehead: float
    crown: float
    ear: float


@dataclass(frozen=True, slots=True)
class Skin:
    """The skin: its colour, `tone` from light 0 to dark 1, and what lies on it."""

    tone: float
    colour: Colour
    blush: float
    freckles: float
    age: float
    moles: tuple[tuple[float, float, float], ...]
    texture_seed: int


@dataclass(frozen=True, slots=True)
class Eyes:
    """The eyes; `spacing` is from the midline to the centre of one."""

    spacing: float
    half_width: float
    opening: float
    tilt: float
    iris: float
    colour: Colour
    crease: float
    lashes: float


@dataclass(frozen=True, slots=True)
class Brows:
    """The eyebrows, `height` above the eyes."""

    height: float
    thickness: float
    half_length: float
    arch: float
    tilt: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class Nose:
    """The nose; `length` runs from the line between the eyes to the tip."""

    length: float
    half_width: float
    bridge: float
    height: float
    nostril: float


@dataclass(frozen=True, slots=True)
class Mouth:
    """The mouth, `drop` below the line between the eyes."""

    drop: float
    half_width: float
    upper: float
    lower: float
    bow: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class Hair:
    """The hair of the head; `parting` is -1 image-left to 1 image-right."""

    style: HairStyle
    colour: Colour
    volume: float
    length: float
    parting: float
    texture_seed: int


@dataclass(frozen=True, slots=True)
class Extras:
    """Beard and glasses."""

    beard: BeardStyle
    beard_colour: Colour
    beard_size: float
    glasses: GlassesStyle
    frame: Colour
    frame_width: float
    lens: float


@dataclass(frozen=True, slots=True)
class Identity:
    """One synthetic person."""

    head: HeadShape
    skin: Skin
    eyes: Eyes
    brows: Brows
    nose: Nose
    mouth: Mouth
    hair: Hair
    extras: Extras

    def attributes(self) -> dict[str, float]:
        """What a published data set would state of this person, as numbers."""
        red, green, blue = self.hair.colour
        return {
            "skin_tone": self.skin.tone,
            "freckles": self.skin.freckles,
            "age": self.skin.age,
            "moles": float(len(self.skin.moles)),
            "face_width": self.head.cheek,
            "jaw_width": self.head.jaw,
            "chin_length": self.head.chin,
            "eye_spacing": 2 * self.eyes.spacing,
            "eye_size": self.eyes.half_width,
            "eye_blueness": (self.eyes.colour[2] - self.eyes.colour[0]) / 255,
            "brow_thickness": self.brows.thickness,
            "nose_length": self.nose.length,
            "nose_width": 2 * self.nose.half_width,
            "mouth_width": 2 * self.mouth.half_width,
            "lip_fullness": self.mouth.upper + self.mouth.lower,
            "hair_brightness": (red + green + blue) / 765,
            "hair_style": float(HAIR_STYLES.index(self.hair.style)),
            "bald": float(self.hair.style == "shaven"),
            "long_hair": float(self.hair.style in ("long", "wavy")),
            "beard": float(self.extras.beard in ("goatee", "full")),
            "moustache": float(self.extras.beard in ("moustache", "goatee", "full")),
            "glasses": float(self.extras.glasses != "none"),
        }
