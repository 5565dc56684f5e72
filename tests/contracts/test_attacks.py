"""One contract over every registered attack."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from facebone.attacks.access import Access, Ask, Channel
from facebone.attacks.attack import Goal
from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Observations
from facebone.attacks.probe_answers import ProbeAnswers
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.planted import memorise_pairs
from facebone.audit.score_table import ScoreTable
from facebone.data.splits import Level
from facebone.errors import UsageError
from facebone.verification.metrics import auc

# Small enough to be quick; every other setting keeps its default.
QUICK = {"art_nn": {"epochs": 30, "learning_rate": 3e-3}}
# ART's linear model sees answer and label as a sum, in which sure and right does not show.
# RMIA's gamma makes equals of ratios that lie close: those of easy pairs, known by heart or not.
FINDS = {"art_lr": {"input_type": "loss"}, "rmia": {"gamma": 1.0}}


def scored(n=400, seed=0, queries=1, level=Level.PAIR):
    """A verifier that is right four times in five, and knows nothing of membership."""
    rng = np.random.default_rng(seed)
    # About a picture or a person, margins are shown as log odds of matched pairs.
    same = (np.arange(n) % 2 == 0) | (level is not Level.PAIR)
    odds = rng.normal(size=(n, 1)) * 2 + np.where(same, 1.7, -1.7)[:, None]
    odds = odds + 0.3 * rng.normal(size=(n, queries))
    observed = Observations.from_scores(1 / (1 + np.exp(-odds)), same)
    return with_shadows(observed, seed), rng.permutation(n) % 2 == 0


def with_shadows(observed, seed=0, shadows=6):
    """The same beside shadows: they know what is hard, each was trained on a half and shows none.

    An attack that needs none does not look at them.
    """
    rng, n = np.random.default_rng((seed, 1)), len(observed)
    odds = observed.log_odds.mean(axis=1) + rng.normal(size=(shadows, n))
    trained = rng.random((shadows, n)) < 0.5
    return with_everything(observed, ShadowAnswers(odds.astype(np.float32), trained), seed)


def with_everything(observed, shadows, seed=0):
    """The same with all channels, and with one to four pairs about each candidate.

    They follow from the margins and from noise, and so tell of membership what those tell.
    """
    rng, n = np.random.default_rng((seed, 2)), len(observed)
    sign = np.where(observed.same, 1.0, -1.0)
    margins = np.vstack([observed.margin(), shadows.margins(observed.same)])

    def noisy(times, width):
        return margins[..., None] + width * rng.normal(size=(*margins.shape, times))

    told = -np.logaddexp(0, margins) + 0.1 * rng.normal(size=margins.shape)
    nothing = rng.normal(size=(*margins.shape, 1))
    every = {
        Channel.DECISIONS: (noisy(9, 6.0) > 0).astype(np.float64),
        Channel.VARIANTS: noisy(3, 0.5) * sign[:, None],
        Channel.THROUGH: noisy(2, 0.5) * sign[:, None],
        Channel.TEMPLATES: np.concatenate([noisy(3, 0.5), nothing], axis=-1),
        Channel.INSIDE: np.stack([np.logaddexp(0, -margins), told, nothing[..., 0]], axis=-1),
    }
    candidate = np.repeat(np.arange(n), rng.integers(1, 5, n))
    asked = margins[:, candidate] + 0.5 * rng.normal(size=(len(margins), len(candidate)))
    matched = rng.random(len(candidate)) < 0.5
    return replace(
        observed,
        shadows=ShadowAnswers(
            shadows.log_odds,
            shadows.trained,
            {channel: values[1:].astype(np.float32) for channel, values in every.items()},
        ),
        channels={channel: values[0] for channel, values in every.items()},
        probes=ProbeAnswers(candidate, asked[0], matched, asked[1:].astype(np.float32), n),
    )


def choose_shadows(observed, numbers):
    probes = replace(observed.probes, margins=observed.probes.margins[numbers])
    return replace(observed, shadows=observed.shadows.choose(numbers), probes=probes)


def choose_channels(observed, wanted):
    def chosen(channels):
        return {channel: channels[channel] for channel in wanted}

    shadows = replace(observed.shadows, channels=chosen(observed.shadows.channels))
    return replace(observed, channels=chosen(observed.channels), shadows=shadows)


def memorised(n=400, seed=0, queries=1, level=Level.PAIR):
    """The same verifier with its members known by heart, beside shadows that do as it does."""
    observed, member = scored(n, seed, queries, level)
    ids = np.array([f"{i}" for i in range(n)])
    table = ScoreTable(
        ids, ids, None, member.astype(np.int8), np.zeros(n, dtype=bool), observed, None
    )
    trained, odds = observed.shadows.trained, observed.shadows.log_odds
    sure = np.where(observed.same, np.float32(40), np.float32(-40))
    shadows = ShadowAnswers(np.where(trained, sure, odds), trained)
    return with_everything(memorise_pairs(table).answers, shadows, seed), member


def fitted(name, data, seed=0, **settings):
    attack = ATTACKS.make(name, QUICK.get(name, {}) | settings)
    attack.fit(*data, seed=seed)
    return attack


@pytest.fixture(params=ATTACKS.names())
def name(request):
    return request.param


EVERY_LEVEL = pytest.mark.parametrize(
    ("name", "level"),
    [(name, level) for name in ATTACKS.names() for level in ATTACKS.get(name).levels],
)


def test_declares_what_it_wants_sees_and_knows(name):
    kind = ATTACKS.get(name)
    assert kind.name == name
    assert isinstance(kind.goal, Goal)
    assert isinstance(kind.access, Access)
    assert kind.levels
    assert set(kind.levels) <= set(Level)
    assert kind.asks in Ask
    assert all(kind.access.allows(channel.access) for channel in kind.channels)
    for sentence in (kind.summary, kind.knowledge):
        assert len(sentence) > 5
        assert "\n" not in sentence
    assert kind.knowledge.endswith(".")
    assert isinstance(kind.learns, bool)
    assert ("members" in kind.knowledge) == kind.learns


def test_docstring_opens_with_goal_access_knowledge_and_success(name):
    words = (ATTACKS.get(name).__doc__ or "").split()
    assert words[0] == "Goal:"
    places = [words.index(part) for part in ("Goal:", "Access:", "Knowledge:", "Success:")]
    assert places == sorted(places)
    assert "References:" in words or name == "score_bits"


@EVERY_LEVEL
def test_finds_what_is_known_by_heart(name, level):
    attack = fitted(name, memorised(seed=1, level=level), **FINDS.get(name, {}))
    found, member = memorised(seed=2, level=level)
    figure = auc(attack.score(found), member)
    if name == "gap":
        # It sees errors alone: of members none, of others the one in five.
        wrong = 1 - found.right()[~member].mean()
        assert figure == pytest.approx(0.5 + wrong / 2)
        assert figure > 0.55
    else:
        assert figure > 0.95


@EVERY_LEVEL
def test_finds_nothing_where_there_is_nothing(name, level):
    attack = fitted(name, scored(seed=3, level=level))
    observed, member = scored(1000, seed=4, level=level)
    # The deviation of an AUC of 500 against 500 without a difference is sqrt(1 / (6 * 500)).
    assert auc(attack.score(observed), member) == pytest.approx(0.5, abs=3.5 * (1 / 3000) ** 0.5)


@EVERY_LEVEL
def test_finds_nothing_in_constant_answers(name, level):
    observed, member = scored(seed=3, level=level)
    constant = constant_answers(observed)
    found = fitted(name, (constant, member)).score(constant)
    if ATTACKS.get(name).needs_shadows:
        # How many shadows were trained on a pair differs, and tells nothing.
        assert auc(found, member) == pytest.approx(0.5, abs=3.5 * (1 / 1200) ** 0.5)
        return
    # One answer for matched pairs, one for mismatched: ART's network rounds by its batches.
    assert len(np.unique(found.round(5))) <= 2


def constant_answers(observed):
    """All verifiers answer a half about everything, and all of every channel is 1."""
    shadows, probes = observed.shadows, observed.probes
    return replace(
        Observations.from_scores(np.full(len(observed), 0.5), observed.same),
        shadows=ShadowAnswers(
            np.zeros_like(shadows.log_odds),
            shadows.trained,
            {channel: np.ones_like(values) for channel, values in shadows.channels.items()},
        ),
        channels={channel: np.ones_like(values) for channel, values in observed.channels.items()},
        probes=replace(
            probes, margin=np.zeros_like(probes.margin), margins=np.zeros_like(probes.margins)
        ),
    )


def test_a_score_depends_on_its_own_row_alone(name):
    attack = fitted(name, memorised(seed=1))
    observed, _ = memorised(seed=2)
    found = attack.score(observed)
    order = np.random.default_rng(0).permutation(len(observed))
    np.testing.assert_allclose(attack.score(observed.take(order)), found[order], atol=1e-6)
    if attack.needs_shadows:
        return  # what is usual is learnt from all candidates together
    for row in (0, 7):
        alone = attack.score(observed.take(np.array([row])))
        np.testing.assert_allclose(alone, found[[row]], atol=1e-6)


def test_shadows_are_asked_for_where_they_are_needed(name):
    attack, (observed, _) = fitted(name, memorised(seed=1)), scored(seed=2)
    probes = replace(observed.probes, margins=observed.probes.margins[:0])
    without = replace(observed, shadows=None, probes=probes)
    if not attack.needs_shadows:
        np.testing.assert_array_equal(attack.score(without), attack.score(observed))
        return
    for given in (without, choose_shadows(observed, np.arange(0))):
        with pytest.raises(UsageError, match=f"attack {name}: needs .*shadow verifier"):
            attack.score(given)


def test_the_order_of_shadows_does_not_matter(name):
    attack, (observed, _) = fitted(name, memorised(seed=1)), memorised(seed=2)
    found = attack.score(choose_shadows(observed, np.array([3, 1, 5, 0, 2, 4])))
    np.testing.assert_allclose(found, attack.score(observed), atol=1e-6)


@pytest.mark.parametrize("shadows", [1, 2])
@pytest.mark.parametrize("kind", ["all", "none", "some"])
def test_however_few_shadows_and_candidates_scores_are_finite(name, shadows, kind):
    attack, (observed, _) = fitted(name, memorised(seed=1)), scored(seed=2)
    few = with_shadows(observed, 5, shadows)
    if kind != "some":
        everyone = np.full_like(few.shadows.trained, kind == "all")
        few = replace(few, shadows=replace(few.shadows, trained=everyone))
    for rows in (slice(None), slice(3), slice(1)):
        assert np.isfinite(attack.score(few.take(np.arange(400)[rows]))).all()


def test_same_seed_same_scores(name):
    data, (observed, _) = memorised(seed=1), scored(seed=2)
    first, second = fitted(name, data, seed=5), fitted(name, data, seed=5)
    np.testing.assert_array_equal(first.score(observed), second.score(observed))
    np.testing.assert_array_equal(first.score(observed), first.score(observed))


def test_another_seed_changes_those_that_draw_lots_alone(name):
    data, (observed, _) = scored(seed=1), scored(seed=2)
    first, second = fitted(name, data, seed=5), fitted(name, data, seed=6)
    equal = np.array_equal(first.score(observed), second.score(observed))
    if name in ("art_rf", "art_nn", "art_svm"):
        assert not equal
    elif name not in ("art_gb", "art_dt"):  # these draw lots for ties only
        assert equal


def test_fitting_again_starts_afresh(name):
    (observed, _), data = scored(seed=2), memorised(seed=1)
    again = fitted(name, scored(seed=3))
    again.fit(*data, seed=5)
    np.testing.assert_array_equal(again.score(observed), fitted(name, data, seed=5).score(observed))


def test_no_global_seed_is_used_or_changed(name):
    import torch

    data, (observed, _) = memorised(seed=1), scored(seed=2)
    wanted = fitted(name, data).score(observed)
    torch.manual_seed(99)
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002

    def state():
        numpy_state = np.random.get_state()[1].tolist()  # noqa: NPY002
        threads = torch.get_num_threads()
        return torch.get_rng_state().tolist(), random.getstate(), numpy_state, threads

    before = state()
    np.testing.assert_array_equal(fitted(name, data).score(observed), wanted)
    assert state() == before


def test_nothing_is_printed(name, capfd):
    fitted(name, memorised(seed=1)).score(scored()[0])
    assert capfd.readouterr() == ("", "")


def test_inputs_are_not_changed(name):
    observed, member = memorised(seed=1)
    before = observed.score.copy(), observed.log_odds.copy(), observed.same.copy(), member.copy()
    fitted(name, (observed, member)).score(observed)
    after = observed.score, observed.log_odds, observed.same, member
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_several_answers_about_each_candidate(name):
    attack = fitted(name, memorised(seed=1, queries=3), **FINDS.get(name, {}))
    observed, member = memorised(seed=2, queries=3)
    found = attack.score(observed)
    assert found.shape == member.shape
    assert auc(found, member) > 0.55


def test_answers_at_the_ends_of_what_a_probability_can_be(name):
    observed, member = scored(seed=1)
    sure = with_shadows(Observations.from_scores(observed.score.round(), observed.same))
    found = fitted(name, (sure, member)).score(sure)
    assert np.isfinite(found).all()


def test_scores_that_are_no_probabilities(name):
    rng = np.random.default_rng(0)
    same = np.arange(300) % 2 == 0
    cosines = Observations.from_scores(np.where(same, 0.5, 0.1) + 0.2 * rng.normal(size=300), same)
    cosines = with_shadows(cosines)
    found = fitted(name, (cosines, rng.random(300) < 0.5)).score(cosines)
    assert np.isfinite(found).all()


def test_no_candidates_give_no_scores(name):
    attack = fitted(name, scored())
    assert attack.score(scored()[0].take(np.zeros(400, dtype=bool))).shape == (0,)


def test_a_learner_refuses_to_score_before_it_is_fitted(name):
    attack, (observed, _) = ATTACKS.make(name), scored()
    if attack.learns:
        with pytest.raises(UsageError, match=f"attack {name}: scores nothing before it is fitted"):
            attack.score(observed)
    else:
        fresh = attack.score(observed)
        attack.fit(*memorised(seed=1), seed=0)
        np.testing.assert_array_equal(attack.score(observed), fresh)


@pytest.mark.parametrize("value", [True, False])
def test_one_class_of_membership_is_refused(name, value):
    observed, _ = scored()
    with pytest.raises(UsageError, match=f"attack {name}: needs members and non-members"):
        ATTACKS.make(name).fit(observed, np.full(400, value), seed=0)


@pytest.mark.parametrize(
    "name", [name for name in ATTACKS.names() if ATTACKS.get(name).access is Access.DECISION]
)
def test_decisions_are_all_that_decision_access_sees(name):
    observed, member = scored(seed=1, queries=2)
    few = choose_channels(observed, (Channel.DECISIONS,))
    decided = (observed.score >= observed.threshold).astype(float)
    blunt = replace(
        Observations.from_scores(decided, observed.same),
        channels=few.channels,
        shadows=replace(few.shadows, log_odds=np.zeros_like(few.shadows.log_odds)),
    )
    np.testing.assert_array_equal(
        fitted(name, (observed, member)).score(observed),
        fitted(name, (blunt, member)).score(blunt),
    )


def test_it_looks_at_nothing_that_it_does_not_ask_for(name):
    kind, (observed, _) = ATTACKS.get(name), memorised(seed=2)
    attack = fitted(name, memorised(seed=1))
    bare = choose_channels(observed, kind.channels)
    if Level.PAIR in kind.levels:
        bare = replace(bare, probes=None)
    np.testing.assert_array_equal(attack.score(bare), attack.score(observed))


@pytest.mark.parametrize("name", [name for name in ATTACKS.names() if ATTACKS.get(name).channels])
def test_a_missing_channel_is_said_with_the_access_that_shows_it(name):
    attack, (observed, _) = fitted(name, memorised(seed=1)), scored(seed=2)
    message = f"attack {name}: needs {attack.access} access, to see {attack.channels[0]}"
    with pytest.raises(UsageError, match=message):
        attack.score(choose_channels(observed, ()))


@pytest.mark.parametrize(
    "name", [name for name in ATTACKS.names() if Level.PAIR not in ATTACKS.get(name).levels]
)
class TestSets:
    """Attacks on pictures and people alone, which look at every pair that was asked."""

    def test_missing_answers_about_pairs_are_said_with_the_access_that_shows_them(self, name):
        observed, _ = scored(level=Level.IDENTITY)
        with pytest.raises(UsageError, match=f"attack {name}: needs score access, .*every pair"):
            ATTACKS.make(name).score(replace(observed, probes=None))

    def test_a_candidate_without_pairs_scores_nothing(self, name):
        observed, _ = memorised(seed=1, level=Level.IDENTITY)
        probes = observed.probes
        kept = probes.candidate % 5 != 2
        fewer = ProbeAnswers(
            probes.candidate[kept],
            probes.margin[kept],
            probes.same[kept],
            probes.margins[:, kept],
            probes.size,
        )
        found = ATTACKS.make(name).score(replace(observed, probes=fewer))
        assert (found[2::5] == 0).all()
        rest = np.arange(len(found)) % 5 != 2
        alone = ATTACKS.make(name).score(observed.take(rest))
        np.testing.assert_allclose(found[rest], alone, atol=1e-6)
        assert (alone != 0).any()

    def test_no_pairs_at_all_score_nothing(self, name):
        observed, _ = scored(level=Level.IDENTITY)
        none = np.zeros(0)
        probes = ProbeAnswers(
            none.astype(np.intp), none, none.astype(bool), np.zeros((6, 0), dtype=np.float32), 400
        )
        found = ATTACKS.make(name).score(replace(observed, probes=probes))
        np.testing.assert_array_equal(found, np.zeros(400))

    def test_shadows_that_were_not_asked_are_said(self, name):
        observed, _ = scored(level=Level.IDENTITY)
        probes = replace(observed.probes, margins=observed.probes.margins[:0])
        with pytest.raises(UsageError, match=f"attack {name}: needs at least one shadow"):
            ATTACKS.make(name).score(replace(observed, probes=probes))


def test_an_attack_is_the_same_in_another_process():
    """Nothing hangs on the hash seed or on what was imported before."""
    code = """
import numpy as np
from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Observations
rng = np.random.default_rng(0)
same, member = np.arange(200) % 2 == 0, rng.random(200) < 0.5
observed = Observations.from_scores(rng.random(200), same)
attack = ATTACKS.make("art_rf")
attack.fit(observed, member, seed=1)
found = attack.score(observed).tobytes().hex()
"""
    here: dict[str, str] = {}
    exec(code, here)
    there = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}print(found)"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "7"},
    ).stdout
    assert there.strip() == here["found"]
