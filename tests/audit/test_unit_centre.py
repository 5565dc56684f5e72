"""Pictures beside the centre of the others: from cosines of pairs as from the templates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from facebone.attacks.access import Ask, Channel
from facebone.attacks.observations import Observations
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.unit_centre import albums, to_centres
from facebone.audit.unit_material import UnitMaterial
from facebone.audit.unit_target import UnitAnswers, unit_table
from facebone.data.pairs import Pairs
from facebone.data.splits import Level

SHADOWS, WIDTH = 3, 5
SLOPE, OFFSET = 8.0, -3.0


@pytest.fixture(scope="module")
def made(make_unit_material: Callable[..., UnitMaterial]) -> dict[Level, UnitMaterial]:
    counts = {Level.IMAGE: (2, 3, 4) * 10, Level.IDENTITY: (4, 6, 9) * 18}
    return {level: make_unit_material(level, counts[level], limit=400) for level in counts}


def ask(
    material: UnitMaterial, *, level: float = 0.0
) -> tuple[np.ndarray, UnitAnswers, ShadowAnswers, np.ndarray]:
    """Random templates (verifiers, pictures, width), and what is answered about questions."""
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(SHADOWS + 1, len(material.ids), WIDTH)) + level
    templates = raw / np.linalg.norm(raw, axis=2, keepdims=True)
    pairs = material.questions
    cosine = np.einsum("snd,snd->sn", templates[:, pairs.left], templates[:, pairs.right])
    odds = (SLOPE * cosine[0] + OFFSET)[:, None]
    seen = Observations(
        1 / (1 + np.exp(-odds)),
        pairs.same,
        odds,
        0.5,
        channels={Channel.COSINE: cosine[0][:, None]},
    )
    members = rng.random((SHADOWS + 1, len(material.names))) < 0.5
    shadows = ShadowAnswers(
        # Their own log odds play no part: the target's scale does for all.
        rng.normal(size=(SHADOWS, len(pairs))).astype(np.float32),
        np.zeros((SHADOWS, len(pairs)), dtype=np.bool_),
        {Channel.COSINE: cosine[1:, :, None].astype(np.float32)},
    )
    return templates, UnitAnswers(members[0], seen, seen, 0), shadows, members[1:]


def to_centre(templates: np.ndarray, one: int, others: list[int]) -> float:
    """An oracle, with the templates themselves."""
    centre = templates[others].mean(axis=0)
    return float(templates[one] @ centre / np.linalg.norm(centre))


@pytest.mark.parametrize("probes", [2, 3, None])
def test_people_are_the_mean_over_their_pictures(
    made: dict[Level, UnitMaterial], probes: int | None
) -> None:
    material = made[Level.IDENTITY]
    templates, answered, shadows, members = ask(material)
    table = unit_table(
        material, answered, shadows, shadow_members=members, ask=Ask.CENTRE, probes=probes
    )
    given = table.answers
    assert given.shadows is not None
    assert given.probes is not None
    assert (given.shadows.trained == members).all()
    assert (table.left == material.names).all()
    matched = material.questions.same[material.asked[:, 0]]
    place = 0
    for unit in range(len(material.names)):
        mine = material.asked[(material.asked[:, 1] == unit) & matched]
        rows = [int(row[0]) for row in mine if probes is None or row[2] < probes]
        pictures = sorted(
            {int(side[row]) for side in (material.questions.left, material.questions.right)
             for row in rows}
        )  # fmt: skip
        assert len(pictures) >= 2
        for verifier in range(SHADOWS + 1):
            alike = [
                to_centre(templates[verifier], one, [p for p in pictures if p != one])
                for one in pictures
            ]
            wanted = SLOPE * np.array(alike) + OFFSET
            if verifier == 0:
                assert given.log_odds[unit, 0] == pytest.approx(wanted.mean(), abs=1e-9)
                asked = given.probes.margin[place : place + len(pictures)]
            else:
                found = given.shadows.log_odds[verifier - 1, unit]
                assert found == pytest.approx(wanted.mean(), abs=1e-5)
                asked = given.probes.margins[verifier - 1, place : place + len(pictures)]
            np.testing.assert_allclose(asked, wanted, atol=1e-5)
        assert (given.probes.candidate[place : place + len(pictures)] == unit).all()
        place += len(pictures)
    assert place == len(given.probes.candidate)
    assert given.probes.same.all()
    np.testing.assert_allclose(given.score, 1 / (1 + np.exp(-given.log_odds)))


def test_a_picture_is_compared_with_the_centre_of_its_partners(
    made: dict[Level, UnitMaterial],
) -> None:
    """All pairs of a person are asked about here, so the partners' own cosines are known."""
    material = made[Level.IMAGE]
    templates, answered, shadows, members = ask(material)
    table = unit_table(material, answered, shadows, shadow_members=members, ask=Ask.CENTRE)
    assert table.answers.shadows is not None
    assert (table.left == material.names).all()
    for unit in range(len(material.names)):
        one = int(np.flatnonzero(material.ids == material.names[unit])[0])
        others = np.flatnonzero(material.people == material.people[one])
        others = [int(other) for other in others if other != one]
        for verifier in range(SHADOWS + 1):
            wanted = SLOPE * to_centre(templates[verifier], one, others) + OFFSET
            found = (
                table.answers.log_odds[unit, 0]
                if verifier == 0
                else table.answers.shadows.log_odds[verifier - 1, unit]
            )
            assert found == pytest.approx(wanted, abs=1e-5)


def test_of_two_pictures_it_is_their_cosine(made: dict[Level, UnitMaterial]) -> None:
    material = made[Level.IDENTITY]
    _, answered, shadows, members = ask(material)
    centre, among = (
        unit_table(material, answered, shadows, shadow_members=members, ask=way, probes=2).answers
        for way in (Ask.CENTRE, Ask.AMONG)
    )
    np.testing.assert_allclose(centre.log_odds, among.log_odds, atol=1e-9)
    assert centre.probes is not None
    assert (np.bincount(centre.probes.candidate) == 2).all()


def test_no_pair_with_a_stranger_plays_a_part(made: dict[Level, UnitMaterial]) -> None:
    material = made[Level.IDENTITY]
    _, answered, shadows, members = ask(material)
    first = unit_table(material, answered, shadows, shadow_members=members, ask=Ask.CENTRE)
    # The scale is found on all of them: a change that keeps the line.
    cosine = answered.answers.channels[Channel.COSINE].copy()
    cosine[~material.questions.same] *= 0.5
    odds = SLOPE * cosine + OFFSET
    seen = replace(answered.answers, log_odds=odds, channels={Channel.COSINE: cosine})
    other = unit_table(
        material, replace(answered, answers=seen), shadows, shadow_members=members, ask=Ask.CENTRE
    )
    np.testing.assert_allclose(first.answers.log_odds, other.answers.log_odds, atol=1e-9)
    assert other.answers.shadows is not None
    assert first.answers.shadows is not None
    np.testing.assert_allclose(
        first.answers.shadows.log_odds, other.answers.shadows.log_odds, atol=1e-5
    )


def album_of(cosines: dict[tuple[int, int], float], candidate: int | None) -> np.ndarray:
    left, right = (np.array(side) for side in zip(*cosines, strict=True))
    pairs = Pairs(left, right, np.ones(len(left), dtype=np.bool_))
    asked = np.flatnonzero([candidate in pair or candidate is None for pair in cosines])
    (album,) = albums(pairs, asked, np.zeros(len(asked), dtype=np.intp), [candidate])
    return to_centres(album, np.array([list(cosines.values())]))[0]


def test_a_pair_that_nobody_asked_about_is_taken_for_the_usual() -> None:
    known = {(0, 1): 0.8, (0, 2): 0.4}
    usual = album_of(known | {(1, 2): 0.6}, 0)
    np.testing.assert_allclose(album_of(known, 0), usual)
    np.testing.assert_allclose(usual, 1.2 / (2 + 1.2) ** 0.5)
    assert album_of(known | {(1, 2): 0.1}, 0) != pytest.approx(usual)


def test_pictures_that_cancel_out_have_no_centre() -> None:
    found = album_of({(0, 1): 0.3, (0, 2): -0.3, (1, 2): -1.0}, None)
    assert found[0] == 0
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 1


def test_a_target_whose_answers_fall_with_the_cosine_is_still_ranked_by_it(
    made: dict[Level, UnitMaterial],
) -> None:
    material = made[Level.IDENTITY]
    _, answered, _, _ = ask(material)
    plain = unit_table(material, answered, None, ask=Ask.CENTRE).answers.log_odds[:, 0]
    flipped = replace(answered.answers, log_odds=-answered.answers.log_odds)
    turned = unit_table(material, replace(answered, answers=flipped), None, ask=Ask.CENTRE)
    order = np.argsort(plain)
    assert (np.diff(turned.answers.log_odds[order, 0]) > -1e-12).all()
    assert turned.answers.shadows is None
