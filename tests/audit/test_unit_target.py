"""Targets of pictures and people: what a table says of a unit is the mean over what was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from facebone.attacks.access import Ask, Channel
from facebone.attacks.observations import Observations
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.score_table import ScoreTable
from facebone.audit.shadows import ask_shadows, train_shadows
from facebone.audit.target import TargetRecipe
from facebone.audit.unit_material import UnitMaterial, members_of
from facebone.audit.unit_target import (
    UnitAnswers,
    make_null_unit_target,
    make_unit_target,
    unit_table,
)
from facebone.data.splits import Level
from facebone.errors import UsageError
from facebone.seeding import derive_seed
from facebone.verification.heads import make_head
from facebone.verification.metrics import auc

LEVELS = pytest.mark.parametrize("level", [Level.IMAGE, Level.IDENTITY], ids=str)
SMALL: dict[str, object] = {
    "layers": [32, 16],
    "batch_norm": [],
    "epochs": 40,
    "learning_rate": 3e-3,
}
MLP = TargetRecipe("mlp", "none", head_settings=SMALL)
ROTATED = TargetRecipe("rotated", "facebone", {"assignment": "pair"}, "mlp", SMALL | {"epochs": 3})
CHANNELS = tuple(Channel)
SIGNED = (Channel.VARIANTS, Channel.THROUGH, Channel.COSINE, Channel.UNADAPTED)
SAME = (False, True)


@pytest.fixture(scope="module")
def made(make_unit_material: Callable[..., UnitMaterial]) -> dict[Level, UnitMaterial]:
    return {
        level: make_unit_material(level, (pictures,) * 100, noise=0.6, widths=(16, 16), limit=300)
        for level, pictures in ((Level.IMAGE, 4), (Level.IDENTITY, 12))
    }


@pytest.fixture(scope="module")
def few(make_unit_material: Callable[..., UnitMaterial]) -> dict[Level, UnitMaterial]:
    """Little enough for naive loops."""
    return {
        level: make_unit_material(level, counts, widths=(4, 4), versions=2, limit=60)
        for level, counts in ((Level.IMAGE, (2, 3) * 20), (Level.IDENTITY, (4, 6) * 30))
    }


def leak(table: ScoreTable) -> float:
    rows = table.candidates
    return auc(table.answers.margin()[rows], table.member[rows])


def random_answers(
    material: UnitMaterial, seed: int, *, queries: int = 3, shadows: int = 2
) -> tuple[UnitAnswers, ShadowAnswers, np.ndarray]:
    """Answers of everybody about everything, at random: a table must only put them together."""
    rng = np.random.default_rng(seed)
    n, u = len(material.questions), len(material.names)
    widths = {channel: 2 + i for i, channel in enumerate(CHANNELS)}

    def observed() -> Observations:
        odds = rng.normal(size=(n, queries))
        channels = {channel: rng.normal(size=(n, width)) for channel, width in widths.items()}
        score = 1 / (1 + np.exp(-odds))
        return Observations(score, material.questions.same, odds, 0.5, channels=channels)

    def singles(*shape: int) -> np.ndarray:
        return rng.normal(size=(shadows, n, *shape)).astype(np.float32)

    answered = UnitAnswers(rng.random(u) < 0.5, observed(), observed(), seed)
    beside = ShadowAnswers(
        singles(),
        np.zeros((shadows, n), dtype=np.bool_),
        {channel: singles(width) for channel, width in widths.items()},
    )
    return answered, beside, rng.random((shadows, u)) < 0.5


@LEVELS
@pytest.mark.parametrize("probes", [1, 2, None])
@pytest.mark.parametrize("ask", [ask for ask in Ask if ask is not Ask.CENTRE], ids=str)
def test_a_unit_is_described_by_means_over_its_pairs(
    few: dict[Level, UnitMaterial], level: Level, probes: int | None, ask: Ask
) -> None:
    """An oracle: a naive loop over units and questions; of `CENTRE` there is another."""
    material = few[level]
    answered, shadows, members = random_answers(material, 0)
    if ask is Ask.AMONG and level is Level.IDENTITY and probes == 1:
        with pytest.raises(UsageError, match="probes: with 1 nothing can be asked"):
            unit_table(material, answered, None, ask=ask, probes=probes)
        return
    table = unit_table(material, answered, shadows, shadow_members=members, ask=ask, probes=probes)
    sign = np.where(material.questions.same, 1.0, -1.0)
    given = table.answers
    assert given.shadows is not None
    assert given.probes is not None
    assert table.blind is not None
    asked_of = {
        unit: [
            int(question)
            for question, number in material.asked[material.asked[:, 1] == unit][:, [0, 2]]
            if (probes is None or number < probes)
            and (ask is not Ask.AMONG or material.questions.same[question])
        ]
        for unit in range(len(material.names))
    }
    asked_of = {unit: rows for unit, rows in asked_of.items() if rows}
    assert (table.left == material.names[list(asked_of)]).all()
    assert (given.shadows.trained == members[:, list(asked_of)]).all()
    every = sorted({row for rows in asked_of.values() for row in rows})
    seen, blind_seen, of_shadows = answered.answers, answered.blind, shadows
    if ask is Ask.GAIN:
        seen, blind_seen, of_shadows = gained_by_loops(material, answered, shadows, every)

    def mean(rows: list[int], values: Callable[[int], Any]) -> np.ndarray:
        """Kinds apart, each weighed by the root of how many there are."""
        kinds = [[row for row in rows if material.questions.same[row] == same] for same in SAME]
        parts = [np.mean([values(row) for row in kind], axis=0) for kind in kinds if kind]
        return np.average(parts, axis=0, weights=[len(kind) ** 0.5 for kind in kinds if kind])

    place = 0
    for at, (unit, rows) in enumerate(asked_of.items()):
        expected = mean(rows, lambda row: sign[row] * asked(seen, ask, row))
        np.testing.assert_allclose(given.log_odds[at], expected, atol=1e-9)
        np.testing.assert_allclose(given.score[at], 1 / (1 + np.exp(-expected)), atol=1e-9)
        blind = mean(rows, lambda row: sign[row] * asked(blind_seen, ask, row))
        np.testing.assert_allclose(table.blind.log_odds[at], blind, atol=1e-9)

        def told(channels: Any, channel: Channel, row: int) -> np.ndarray:
            return channels[channel][row] * (sign[row] if channel in SIGNED else 1)

        for channel in CHANNELS if unit % 9 == 0 else ():
            columns = mean(rows, partial(told, seen.channels, channel))
            np.testing.assert_allclose(given.channels[channel][at], columns, atol=1e-12)
        for row in rows:
            assert given.probes.candidate[place] == at
            assert given.probes.same[place] == material.questions.same[row]
            margin = sign[row] * asked(seen, ask, row).mean()
            assert given.probes.margin[place] == pytest.approx(margin, abs=1e-9)
            place += 1
        if unit % 9:
            continue
        for s in range(2):
            of_shadow = {row: sign[row] * asked_shadow(of_shadows, ask, s, row) for row in rows}
            wanted = mean(rows, of_shadow.__getitem__)
            assert given.shadows.log_odds[s, at] == pytest.approx(wanted, abs=1e-5)
            np.testing.assert_allclose(
                given.probes.margins[s, place - len(rows) : place],
                list(of_shadow.values()),
                atol=1e-5,
            )
            of_one = {channel: values[s] for channel, values in shadows.channels.items()}
            for channel in CHANNELS:
                columns = mean(rows, partial(told, of_one, channel))
                np.testing.assert_allclose(
                    given.shadows.channels[channel][s, at], columns, atol=1e-5
                )
    assert place == len(given.probes.candidate)


def gained_by_loops(
    material: UnitMaterial, answered: UnitAnswers, shadows: ShadowAnswers, rows: list[int]
) -> tuple[Observations, Observations, ShadowAnswers]:
    """First answers less a line on the public cosine, a line for each verifier and kind."""

    def rest(odds: np.ndarray, public: np.ndarray) -> np.ndarray:
        found = np.zeros(len(odds))
        for same in SAME:
            kind = [row for row in rows if material.questions.same[row] == same]
            if len(kind) > 1:
                line = np.polyfit(public[kind], odds[kind], 1)
                found[kind] = odds[kind] - np.polyval(line, public[kind])
        return found

    of_targets = []
    for seen in (answered.answers, answered.blind):
        own = rest(seen.log_odds[:, 0], seen.channels[Channel.UNADAPTED][:, 0])[:, None]
        of_targets.append(replace(seen, log_odds=own, score=1 / (1 + np.exp(-own))))
    public = shadows.channels[Channel.UNADAPTED][..., 0]
    odds = np.array([rest(*both) for both in zip(shadows.log_odds, public, strict=True)])
    return (*of_targets, replace(shadows, log_odds=odds.astype(np.float32)))


def asked(seen: Observations, ask: Ask, row: int) -> np.ndarray:
    """Log odds of all queries about one pair, by the way of asking."""
    match ask:
        case Ask.ONCE | Ask.AMONG | Ask.GAIN:
            return seen.log_odds[row, :1]
        case Ask.REPEATED:
            return seen.log_odds[row]
        case Ask.AUGMENTED:
            return np.append(seen.log_odds[row, 0], seen.channels[Channel.VARIANTS][row])
        case Ask.THROUGH:
            return seen.channels[Channel.THROUGH][row]


def asked_shadow(shadows: ShadowAnswers, ask: Ask, s: int, row: int) -> float:
    """The mean over a shadow's queries about one pair."""
    match ask:
        case Ask.AUGMENTED:
            variants = shadows.channels[Channel.VARIANTS][s, row]
            return float(np.append(shadows.log_odds[s, row], variants).mean())
        case Ask.THROUGH:
            return float(shadows.channels[Channel.THROUGH][s, row].mean())
        case _:
            return float(shadows.log_odds[s, row])


@LEVELS
def test_who_is_member_control_and_drawn(few: dict[Level, UnitMaterial], level: Level) -> None:
    material = few[level]
    answered, _, _ = random_answers(material, 4)
    member = answered.member & ~material.control_units
    table = unit_table(material, replace(answered, member=member), None)
    assert (table.control == material.control_units).all()
    assert (table.member == member).all()
    control = int(table.control.sum())
    assert table.drawn.sum() == control // 2
    assert not table.drawn[~table.control].any()
    assert table.people is not None
    assert (table.people[0] == material.person).all()
    assert table.same.all()
    assert table.answers.shadows is None
    other = unit_table(material, replace(answered, member=member, seed=5), None)
    assert (table.drawn != other.drawn).any()


def test_units_about_whom_too_few_pictures_are_asked_drop_out(
    few: dict[Level, UnitMaterial],
) -> None:
    """Matched questions alone: with one picture of a person there is none."""
    material = few[Level.IDENTITY]
    keep = material.questions.same[material.asked[:, 0]] & (material.asked[:, 1] != 3)
    less = replace(material, asked=material.asked[keep])
    answered, shadows, members = random_answers(less, 1)
    table = unit_table(less, answered, shadows, shadow_members=members, probes=2)
    there = np.arange(len(less.names)) != 3
    assert (table.left == less.names[there]).all()
    assert table.answers.shadows is not None
    assert (table.answers.shadows.trained == members[:, there]).all()
    assert (table.member == (answered.member & ~less.control_units)[there]).all()
    with pytest.raises(UsageError, match="probes: with 1 nothing can be asked"):
        unit_table(less, answered, shadows, shadow_members=members, probes=1)


def test_what_was_not_recorded_cannot_be_asked(few: dict[Level, UnitMaterial]) -> None:
    material = few[Level.IMAGE]
    answered, _, _ = random_answers(material, 0)
    bare = replace(answered.answers, channels={})
    with pytest.raises(UsageError, match="not recorded: variants"):
        unit_table(material, replace(answered, answers=bare), None, ask=Ask.AUGMENTED)
    blind = replace(answered.blind, channels={})
    table = unit_table(material, replace(answered, blind=blind), None, ask=Ask.AUGMENTED)
    assert table.blind is None


@LEVELS
def test_an_overfitted_target_leaks_and_one_of_other_people_does_not(
    made: dict[Level, UnitMaterial], level: Level
) -> None:
    material = made[level]
    targets = [make_unit_target(MLP, material, seed=seed) for seed in range(4)]
    found = [leak(unit_table(material, target.answers, None)) for target in targets]
    assert np.mean(found) > 0.58
    target = targets[0]
    null = [
        leak(unit_table(material, make_null_unit_target(MLP, material, seed=seed), None))
        for seed in range(4)
    ]
    members = int(members_of(material, seed=0)[2].sum())
    # The deviation of an AUC of m against m without a difference is sqrt(1 / (6 m)).
    assert abs(np.mean(null) - 0.5) < 3.5 * (1 / (6 * members) / 4) ** 0.5
    assert np.mean(target.member_accuracy) > target.utility.accuracy.value
    assert target.members == len(members_of(material, seed=0)[1])


@LEVELS
def test_answers_are_those_of_a_head_fitted_to_pairs_of_members_alone(
    made: dict[Level, UnitMaterial], level: Level
) -> None:
    """An oracle: the head fitted by hand to the rows that belong to the seed."""
    material = made[level]
    recipe = TargetRecipe("logistic", "none", head="logistic")
    answers = make_unit_target(recipe, material, seed=5).answers
    _, rows, member = members_of(material, seed=5)
    assert (answers.member == member).all()
    pairs = material.training.take(rows)
    head = make_head("logistic")
    head.fit(material.embedded(pairs, (0, 1)), pairs.same, seed=derive_seed(5, "target"))
    expected = head.logit(material.embedded(material.questions, (0, 1)))  # type: ignore[attr-defined]
    np.testing.assert_allclose(answers.answers.log_odds[:, 0], expected, rtol=1e-9)


@LEVELS
def test_the_target_of_other_people_and_the_blind_answers_hang_on_no_member(
    made: dict[Level, UnitMaterial], level: Level
) -> None:
    """The embeddings of all candidates' training pictures are exchanged: nothing may change."""
    material = made[level]
    control = np.isin(material.people, material.person[material.control_units])
    asked_only = np.isin(
        np.arange(len(material.ids)),
        material.questions.pictures() if level is Level.IDENTITY else np.flatnonzero(control),
    )
    rng = np.random.default_rng(0)
    spoilt = replace(
        material,
        matrices=tuple(
            np.where(asked_only[:, None], matrix, rng.normal(size=matrix.shape)).astype(np.float32)
            for matrix in material.matrices
        ),
    )
    first, second = (make_null_unit_target(MLP, one, seed=1) for one in (material, spoilt))
    pairs = material.questions
    rows = asked_only[pairs.left] & asked_only[pairs.right]
    assert rows.any()
    assert (first.answers.log_odds[rows] == second.answers.log_odds[rows]).all()
    assert (first.blind.log_odds[rows] == second.blind.log_odds[rows]).all()
    target = make_unit_target(MLP, material, seed=1).answers
    assert (target.blind.log_odds == first.blind.log_odds).all()
    assert (target.member == first.member).all()
    assert (target.answers.log_odds != first.answers.log_odds).any()


@LEVELS
def test_utility_is_of_pairs_of_units_that_are_no_members(
    made: dict[Level, UnitMaterial], level: Level
) -> None:
    material = made[level]
    recipe = TargetRecipe("logistic", "none", head="logistic")
    target = make_unit_target(recipe, material, seed=2)
    chosen, rows, _ = members_of(material, seed=2)
    others = material.training_rows(~chosen & ~material.control_units, seed=2)
    assert not chosen[material.training_units[others]].any()
    pairs, learnt = material.training.take(others), material.training.take(rows)
    head = make_head("logistic")
    head.fit(material.embedded(learnt, (0, 1)), learnt.same, seed=0)
    expected = auc(head.score(material.embedded(pairs, (0, 1))), pairs.same)
    assert target.utility.to_json()["auc"]["value"] == pytest.approx(expected, abs=1e-9)


@LEVELS
@pytest.mark.parametrize("recipe", [MLP, ROTATED], ids=["mlp", "rotated"])
def test_answers_survive_as_arrays_and_repeat_exactly(
    few: dict[Level, UnitMaterial], level: Level, recipe: TargetRecipe
) -> None:
    material = few[level]
    recipe = replace(recipe, head_settings=SMALL | {"epochs": 2})
    channels = tuple(Channel)
    answers = make_unit_target(recipe, material, seed=1, channels=channels).answers
    again = make_unit_target(recipe, material, seed=1, channels=channels).answers
    arrays = answers.to_arrays()
    for back in (UnitAnswers.from_arrays(arrays), again):
        assert back.seed == 1
        assert back.to_arrays().keys() == arrays.keys()
        for name, array in back.to_arrays().items():
            assert (array == arrays[name]).all(), name
    other = make_unit_target(recipe, material, seed=2, channels=channels).answers
    assert 0.3 < (other.member & answers.member).sum() / answers.member.sum() < 0.7


@LEVELS
def test_shadows_are_trained_on_units_of_their_own(
    made: dict[Level, UnitMaterial], level: Level
) -> None:
    material = made[level]
    heads = train_shadows(MLP, material, seed=0, numbers=range(4))
    batch = ask_shadows(heads, MLP, material, seed=0, numbers=range(4))
    assert batch.log_odds.shape == (4, len(material.questions))
    assert batch.trained.shape == (4, len(material.names))
    assert not batch.trained[:, material.control_units].any()
    target = make_unit_target(MLP, material, seed=0).answers
    halves = [*batch.trained, target.member]
    for i, one in enumerate(halves):
        for other in halves[:i]:
            assert 0.3 < (one & other).sum() / other.sum() < 0.7
    nobody = np.zeros(batch.log_odds.shape, dtype=np.bool_)
    table = unit_table(
        material, target, ShadowAnswers(batch.log_odds, nobody), shadow_members=batch.trained
    )
    shadows = table.answers.shadows
    assert shadows is not None
    candidates = table.candidates
    # Each is a target of its own: it knows its members, as the table says, and not another's.
    leaks = [
        [auc(one[candidates].astype(float), trained[candidates]) for trained in shadows.trained]
        for one in shadows.log_odds
    ]
    assert np.mean(np.diag(leaks)) > 0.58
    assert np.mean(np.diag(leaks)) > np.mean(np.roll(leaks, 1, axis=0).diagonal()) + 0.05
    alone = ask_shadows(
        train_shadows(MLP, material, seed=0, numbers=[2]), MLP, material, seed=0, numbers=[2]
    )
    assert (alone.trained[0] == batch.trained[2]).all()
    assert np.corrcoef(alone.log_odds[0], batch.log_odds[2])[0, 1] > 0.999


def test_a_head_that_learns_nothing_can_be_asked_about_people(
    made: dict[Level, UnitMaterial],
) -> None:
    material = made[Level.IDENTITY]
    recipe = TargetRecipe("cosine", "none", head="cosine")
    table = unit_table(material, make_unit_target(recipe, material, seed=0).answers, None)
    assert abs(leak(table) - 0.5) < 0.2
    assert table.answers.right().mean() > 0.5
