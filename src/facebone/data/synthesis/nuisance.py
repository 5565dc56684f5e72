"""What changes from picture to picture of one person: pose, light, expression, camera, occlusion.

Lengths are pixels of the 112x112 ArcFace template, angles are degrees; shares and strengths run
from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from facebone.data.synthesis.dice import Dice
from facebone.data.synthesis.palette import Colour

Occlusion = Literal["none", "sunglasses", "scarf", "hand", "hat"]

_OCCLUSIONS: tuple[Occlusion, ...] = ("none", "sunglasses", "scarf", "hand", "hat")


@dataclass(frozen=True, slots=True)
class Pose:
    """How the head is turned and where it is: `yaw` to image-right, `pitch` down, `roll` clockwise.

    `shift_x`, `shift_y` and `zoom` are the error of a rough crop.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    zoom: float = 1.0


@dataclass(frozen=True, slots=True)
class Light:
    """One lamp and the light all around: `azimuth` from the front to image-right, `elevation` up.

    `strength` is the lamp's share; `tint` multiplies the three channels.
    """

    azimuth: float = -20.0
    elevation: float = 35.0
    strength: float = 0.45
    tint: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Expression:
    """The face's movement: `smile` from -1 sad to 1 glad, the rest shares or pixels."""

    smile: float = 0.0
    mouth_open: float = 0.0
    brow_raise: float = 0.0
    squint: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0


@dataclass(frozen=True, slots=True)
class Camera:
    """How the picture was taken: `blur` and `noise` are deviations, in pixels and grey levels."""

    exposure: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    blur: float = 0.0
    noise: float = 0.0
    noise_seed: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around the face and in front of it."""

    background_seed: int = 0
    clothes: Colour = (70.0, 84.0, 110.0)
    hair_lift: float = 0.0
    occlusion: Occlusion = "none"
    cover: Colour = (60.0, 60.0, 70.0)
    cover_place: float = 0.5


@dataclass(frozen=True, slots=True)
class Nuisance:
    """Everything about one picture that says nothing about who is on it."""

    pose: Pose = Pose()
    light: Light = Light()
    expression: Expression = Expression()
    camera: Camera = Camera()
    surroundings: Surroundings = Surroundings()


def draw_nuisance(rng: np.random.Generator, *, strength: float = 1.0) -> Nuisance:
    """The circumstances of a picture, as the generator's stream has them.

    Args:
        rng: read for a fixed number of draws.
        strength: 1 as in the data set; 0 gives passport photographs, more gives harder ones.
    """
    dice = Dice.thrown(rng, 48)
    pose = Pose(
        yaw=dice.around(0.0, 17.0 * strength),
        pitch=dice.around(0.0, 8.0 * strength),
        roll=dice.around(0.0, 5.0 * strength),
        shift_x=dice.around(0.0, 1.6 * strength),
        shift_y=dice.around(0.0, 1.6 * strength),
        zoom=1.0 + dice.around(0.0, 0.035 * strength),
    )
    warmth = dice.around(0.0, 0.09 * strength)
    light = Light(
        azimuth=dice.around(0.0, 45.0 * strength),
        elevation=dice.around(25.0, 22.0 * strength),
        strength=dice.within(0.2, 0.2 + 0.6 * min(strength, 1.3)),
        tint=(1.0 + warmth, 1.0 + dice.around(0.0, 0.03 * strength), 1.0 - warmth),
    )
    expression = Expression(
        smile=dice.around(0.25, 0.45 * strength),
        mouth_open=max(0.0, dice.around(-0.25, 0.5 * strength)),
        brow_raise=dice.around(0.0, 0.8 * strength),
        squint=max(0.0, dice.around(-0.1, 0.3 * strength)),
        gaze_x=dice.around(0.0, 1.0 * strength),
        gaze_y=dice.around(0.0, 0.5 * strength),
    )
    camera = Camera(
        exposure=0.97 + dice.around(0.0, 0.15 * strength),
        contrast=1.0 + dice.around(0.0, 0.14 * strength),
        saturation=1.0 + dice.around(-0.08, 0.22 * strength),
        blur=max(0.0, dice.around(0.25, 0.55 * strength)),
        noise=1.0 + abs(dice.around(0.0, 4.0 * strength)),
        noise_seed=dice.integer(),
    )
    share = 0.16 * strength
    surroundings = Surroundings(
        background_seed=dice.integer(),
        clothes=(dice.within(20, 235), dice.within(20, 235), dice.within(20, 235)),
        hair_lift=dice.around(0.0, 1.6 * strength),
        occlusion=dice.choose(_OCCLUSIONS, (1 - share, *(share * w for w in (0.3, 0.2, 0.3, 0.2)))),
        cover=(dice.within(15, 220), dice.within(15, 220), dice.within(15, 220)),
        cover_place=dice.within(0.0, 1.0),
    )
    return Nuisance(pose, light, expression, camera, surroundings)
