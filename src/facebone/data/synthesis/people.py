"""Draw who a person is."""

from __future__ import annotations

import numpy as np

from facebone.data.synthesis.dice import Dice
from facebone.data.synthesis.identity import (
    HAIR_STYLES,
    BeardStyle,
    Brows,
    Extras,
    Eyes,
    GlassesStyle,
    Hair,
    HeadShape,
    Identity,
    Mouth,
    Nose,
    Skin,
)
from facebone.data.synthesis.palette import FRAMES, HAIRS, IRISES, SKINS, Colour, along, mix, shade

_BEARDS: tuple[BeardStyle, ...] = ("none", "stubble", "moustache", "goatee", "full")
_GLASSES: tuple[GlassesStyle, ...] = ("none", "round", "square", "half")


def draw_identity(rng: np.random.Generator) -> Identity:
    """A person, as the generator's stream has it.

    Args:
        rng: read for a fixed number of draws.
    """
    return person_of(Dice.thrown(rng, 96))


def person_of(dice: Dice) -> Identity:
    """The person whom dice describe; 45 normal and 35 uniform numbers of theirs are used."""
    masculine = dice.within(0.0, 1.0)
    head = _head(dice, masculine)
    skin = _skin(dice)
    eyes = _eyes(dice)
    hair = _hair(dice, masculine, skin)
    brow_colour = mix(shade(hair.colour, 0.75), skin.colour, dice.within(0.0, 0.3))
    brows = Brows(
        height=dice.around(12.0, 1.7),
        thickness=dice.around(2.5 + 0.9 * masculine, 0.8),
        half_length=dice.around(9.8, 1.2),
        arch=dice.around(2.6 - masculine, 1.1),
        tilt=dice.around(0.0, 0.9),
        colour=brow_colour,
    )
    nose = Nose(
        length=dice.around(20.1, 2.0),
        half_width=dice.around(6.6 + 0.8 * skin.tone, 1.1),
        bridge=dice.around(3.2, 0.7),
        height=dice.around(9.0, 1.8),
        nostril=dice.around(1.7, 0.3),
    )
    mouth = Mouth(
        drop=dice.around(40.7, 1.8),
        half_width=dice.around(14.4, 1.7),
        upper=dice.around(2.7 + 0.6 * skin.tone, 0.9),
        lower=dice.around(3.9 + 0.7 * skin.tone, 1.1),
        bow=dice.around(1.0, 0.6),
        colour=_lips(dice, skin),
    )
    return Identity(head, skin, eyes, brows, nose, mouth, hair, _extras(dice, masculine, hair))


def _head(dice: Dice, masculine: float) -> HeadShape:
    cheek = dice.around(36.0, 2.3)
    return HeadShape(
        cheek=cheek,
        temple=cheek * dice.around(0.95, 0.025),
        jaw=cheek * dice.around(0.76 + 0.06 * masculine, 0.05),
        chin=dice.around(59.5 + 1.5 * masculine, 2.6),
        chin_half=dice.around(10.5 + 3.0 * masculine, 2.4),
        forehead=dice.around(34.0, 3.0),
        crown=dice.around(57.0, 2.0),
        ear=dice.around(1.0, 0.13),
    )


def _skin(dice: Dice) -> Skin:
    tone = dice.within(0.0, 1.0)
    age = dice.within(0.0, 1.0) ** 1.6
    spots = dice.choose((0, 1, 2, 3), (0.45, 0.25, 0.18, 0.12))
    # Six draws in any case: what follows must not depend on the number of moles.
    places = [(dice.within(-27, 27), dice.within(-24, 48), dice.within(0.9, 1.7)) for _ in range(3)]
    return Skin(
        tone=tone,
        colour=dice.jitter(along(SKINS, tone), 6.0),
        blush=dice.within(0.0, 0.35) * (1.0 - 0.6 * tone),
        freckles=max(0.0, dice.within(-1.8, 1.0)) * (1.0 - tone),
        age=age,
        moles=tuple(places[:spots]),
        texture_seed=dice.integer(),
    )


def _eyes(dice: Dice) -> Eyes:
    return Eyes(
        spacing=dice.around(17.6, 0.9),
        half_width=dice.around(7.5, 0.75),
        opening=dice.around(3.5, 0.75),
        tilt=dice.around(0.35, 0.9),
        iris=dice.around(3.45, 0.25),
        colour=dice.jitter(along(IRISES, dice.within(0.0, 1.0)), 8.0),
        crease=dice.within(0.0, 1.0),
        lashes=dice.within(0.0, 1.0),
    )


def _hair(dice: Dice, masculine: float, skin: Skin) -> Hair:
    # Dark skin comes mostly with dark hair, age with grey hair.
    place = dice.within(0.0, 0.8) * (1.0 - 0.7 * skin.tone)
    colour = along(HAIRS, place)
    grey = max(0.0, skin.age - 0.55) / 0.45 * dice.within(0.3, 1.0)
    colour = mix(colour, along(HAIRS[-2:], dice.within(0.0, 1.0)), grey)
    m, f = masculine, 1.0 - masculine
    weights = (0.10 * m, 0.12 * m, 0.22, 0.16, 0.14, 0.28 * f, 0.12, 0.24 * f, 0.08 * m)
    return Hair(
        style=dice.choose(HAIR_STYLES, weights),
        colour=dice.jitter(colour, 7.0),
        volume=dice.around(1.0, 0.3),
        length=dice.within(0.0, 1.0),
        parting=dice.within(-1.0, 1.0),
        texture_seed=dice.integer(),
    )


def _lips(dice: Dice, skin: Skin) -> Colour:
    natural = mix(shade(skin.colour, 0.86), (176, 70, 76), 0.38)
    painted = mix(natural, (178, 24, 52), dice.within(0.35, 0.8))
    return dice.jitter(painted if dice.chance(0.22) else natural, 6.0)


def _extras(dice: Dice, masculine: float, hair: Hair) -> Extras:
    bearded = max(0.0, masculine - 0.35)
    beard = dice.choose(
        _BEARDS, (1.0 - bearded, 0.35 * bearded, 0.25 * bearded, 0.35 * bearded, 0.45 * bearded)
    )
    return Extras(
        beard=beard,
        beard_colour=dice.jitter(shade(hair.colour, dice.within(0.75, 1.05)), 5.0),
        beard_size=dice.within(0.0, 1.0),
        glasses=dice.choose(_GLASSES, (0.72, 0.1, 0.11, 0.07)),
        frame=along(FRAMES, dice.within(0.0, 1.0)),
        frame_width=dice.within(0.8, 1.7),
        lens=dice.around(1.0, 0.12),
    )
