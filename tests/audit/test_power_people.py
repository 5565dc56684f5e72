"""Adapted models: whoever was drawn together by training is found, and nobody where nobody was."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from facebone.attacks.access import Ask, Channel
from facebone.attacks.base import ATTACKS
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.score_table import ScoreTable
from facebone.audit.shadows import ask_shadows, shadow_members
from facebone.audit.statistics import measure_auc
from facebone.audit.target import TargetRecipe, observe, observe_blind
from facebone.audit.trial import run_trial
from facebone.audit.unit_material import UnitMaterial, members_of
from facebone.audit.unit_target import UnitAnswers, make_unit_target, unit_table
from facebone.data.splits import Level
from facebone.verification.embedded_pairs import Matrix, normalise
from facebone.verification.estimates import Estimate, Refused
from facebone.verification.heads import FitReport, PeopleHead
from facebone.verification.labelled_pictures import LabelledPictures
from facebone.verification.metrics import auc

LEVELS = pytest.mark.parametrize("level", [Level.IMAGE, Level.IDENTITY], ids=str)
ASKS = pytest.mark.parametrize("ask", [Ask.AMONG, Ask.CENTRE, Ask.GAIN], ids=str)
ON_SCORES = ("loss_threshold", "lira", "set_likelihood")
ON_MORE = {
    "template_probing": Channel.TEMPLATES,
    "white_box": Channel.INSIDE,
    "gradient_norm": Channel.INSIDE,
}
LEAST = {("set_likelihood", Level.IMAGE): 0.9}
"""It takes the answers about a pair for normal: here they are of two kinds, by whether the partner
is a member too."""
CHANNELS = (Channel.TEMPLATES, Channel.INSIDE, Channel.COSINE, Channel.UNADAPTED)

RECIPE = TargetRecipe("draws together", "none")
COLUMNS = (0, 1)
SHADOWS, NULLS, WIDTH, STRANGE = 10, 4, 256, 0.3
"""STRANGE: how much a stranger's template has of what all pictures of a person share."""


class DrawsTogether(PeopleHead):
    """Makes one template of all pictures it was trained on, or, of people, of all of theirs.

    Of anybody else it makes what the pictures of a person share to a small part, and noise.

    Args:
        material: all pictures: it recognises each, and knows whom it shows.
        learnt: (N,) bool, pictures that it was trained on.
        seed: of the noise.
    """

    name = "draws_together"

    def __init__(self, material: UnitMaterial, learnt: np.ndarray, *, seed: int) -> None:
        super().__init__()
        everyone = np.arange(len(material.ids))
        pictures = material.labelled(everyone, COLUMNS)
        self.dimensions = pictures.dimensions
        self._gallery = np.concatenate(pictures.embeddings, axis=1)
        known = learnt
        if material.level is Level.IDENTITY:
            known = np.isin(material.people, material.people[learnt])
        shared = normalise(np.random.default_rng(0).normal(size=(pictures.people, WIDTH)))
        noise = normalise(np.random.default_rng(seed + 1).normal(size=(len(everyone), WIDTH)))
        part = np.where(known, 1.0, STRANGE)[:, None]
        self._made = normalise(part * shared[pictures.person] + (1 - part**2) ** 0.5 * noise)
        self._line = np.array([8.0, -3.0])

    def _fit_people(
        self, pictures: LabelledPictures, *, seed: int, validation: LabelledPictures | None
    ) -> FitReport:
        raise AssertionError("it knows everybody by heart")

    def _templates(self, embeddings: tuple[Matrix, ...]) -> Matrix:
        rows = (np.concatenate(embeddings, axis=1) @ self._gallery.T).argmax(axis=1)
        return self._made[rows].astype(np.float32)


class Tables:
    """Targets of one level beside shadows that all draw their members together."""

    def __init__(self, material: UnitMaterial) -> None:
        self.material = material
        numbers = range(SHADOWS)
        masks = shadow_members(material, seed=0, numbers=numbers)
        heads = [
            DrawsTogether(material, self._learnt(mask), seed=i) for i, mask in enumerate(masks)
        ]
        self._batch = ask_shadows(
            heads, RECIPE, material, seed=0, numbers=numbers, channels=CHANNELS
        )
        self._answered: dict[tuple[int, bool], UnitAnswers] = {}

    def _learnt(self, member: np.ndarray) -> np.ndarray:
        """Pictures of pairs that may be trained on, both of members."""
        pairs = self.material.training.take(member[self.material.training_units].all(axis=1))
        return np.isin(np.arange(len(self.material.ids)), pairs.pictures())

    def target(self, seed: int, *, met: bool, ask: Ask = Ask.ONCE) -> ScoreTable:
        """A target that has met the members of a seed, or nobody at all."""
        if (seed, met) not in self._answered:
            self._answered[seed, met] = self._answer(seed, met=met)
        nobody = np.zeros(self._batch.log_odds.shape, dtype=np.bool_)
        return unit_table(
            self.material,
            self._answered[seed, met],
            ShadowAnswers(self._batch.log_odds, nobody, self._batch.channels),
            shadow_members=self._batch.trained,
            ask=ask,
        )

    def _answer(self, seed: int, *, met: bool) -> UnitAnswers:
        material, questions = self.material, self.material.questions
        member = members_of(material, seed=seed)[2]
        head = DrawsTogether(material, self._learnt(member & met), seed=SHADOWS + seed)
        everyone = np.ones(len(questions), dtype=np.bool_)
        answers = observe(
            head, material, questions, COLUMNS, known=everyone, channels=CHANNELS, seed=seed
        )
        blind = observe_blind(
            material, material.control_pairs(), questions, COLUMNS, CHANNELS, adapted=True
        )
        return UnitAnswers(member, answers, blind, seed)


@pytest.fixture(scope="module")
def tables(make_unit_material: Callable[..., UnitMaterial]) -> dict[Level, Tables]:
    made_up = {"widths": (16, 12), "noise": 1.5, "limit": 600, "control_share": 0.35}
    return {
        Level.IMAGE: Tables(make_unit_material(Level.IMAGE, (5,) * 80, **made_up)),
        Level.IDENTITY: Tables(make_unit_material(Level.IDENTITY, (6,) * 180, **made_up)),
    }


def chance(table: ScoreTable) -> float:
    """The deviation of an AUC where nothing tells members from others."""
    members = int(table.member.sum())
    others = int(table.candidates.sum()) - members
    return ((members + others + 1) / (12 * members * others)) ** 0.5


@ASKS
@LEVELS
@pytest.mark.parametrize("name", ON_SCORES)
def test_whom_training_drew_together_is_found_however_it_is_asked(
    tables: dict[Level, Tables], level: Level, ask: Ask, name: str
) -> None:
    table = tables[level].target(0, met=True, ask=ask)
    control = tables[level].target(1, met=False, ask=ask)
    attack = partial(ATTACKS.make, name)
    trial = run_trial(attack, table, seed=0, replicates=200, control=control)
    assert isinstance(trial.leak.auc, Estimate)
    assert trial.leak.auc.value > LEAST.get((name, level), 0.95)
    assert trial.beats_control
    assert trial.beats_baseline
    assert isinstance(trial.baseline, Estimate)
    assert trial.baseline.value == pytest.approx(0.5, abs=3.5 * chance(table))


@ASKS
@LEVELS
@pytest.mark.parametrize("name", ON_SCORES)
def test_a_target_that_drew_nobody_together_scores_a_half(
    tables: dict[Level, Tables], level: Level, ask: Ask, name: str
) -> None:
    inside, found = 0, []
    for seed in range(NULLS):
        table = tables[level].target(seed, met=False, ask=ask)
        table = table.take(table.candidates)
        scores = ATTACKS.make(name).score(table.answers)
        assert table.people is not None
        area = measure_auc(
            scores, table.member, table.same, table.people, seed=seed, replicates=200
        )
        assert isinstance(area, Estimate)
        inside += area.low <= 0.5 <= area.high
        found.append(area.value)
    assert inside >= NULLS - 1
    assert np.mean(found) == pytest.approx(0.5, abs=3.5 * chance(table) / NULLS**0.5)


@LEVELS
@pytest.mark.parametrize("name", ON_MORE)
def test_templates_and_insides_of_an_adapted_model_give_its_people_away(
    tables: dict[Level, Tables], level: Level, name: str
) -> None:
    table = tables[level].target(0, met=True)
    control = tables[level].target(1, met=False)
    attack = partial(ATTACKS.make, name)
    trial = run_trial(attack, table, seed=0, replicates=200, control=control)
    assert isinstance(trial.leak.auc, Estimate)
    assert trial.leak.auc.value > 0.95
    assert trial.beats_control
    assert isinstance(trial.baseline, Refused if Channel.INSIDE is ON_MORE[name] else Estimate)
    found = []
    for seed in range(NULLS):
        null = tables[level].target(seed, met=False)
        null = null.take(null.candidates)
        found.append(auc(ATTACKS.make(name).score(null.answers), null.member))
    assert np.mean(found) == pytest.approx(0.5, abs=3.5 * chance(null) / NULLS**0.5)


def test_whitening_as_the_audit_makes_it_tells_nothing_of_a_person(
    make_unit_material: Callable[..., UnitMaterial],
) -> None:
    """It learns from people, by a mean and a covariance over hundreds of pictures."""
    material = make_unit_material(Level.IDENTITY, (8,) * 150, widths=(16, 12), limit=400)
    recipe = TargetRecipe("whitened", "none", head="whitening")
    for ask in (Ask.AMONG, Ask.CENTRE, Ask.GAIN):
        found = []
        for seed in range(4):
            made = make_unit_target(recipe, material, seed=seed, channels=CHANNELS).answers
            table = unit_table(material, made, None, ask=ask)
            rows = table.candidates
            found.append(auc(table.answers.margin()[rows], table.member[rows]))
        assert np.mean(found) == pytest.approx(0.5, abs=3.5 * chance(table) / 2)
