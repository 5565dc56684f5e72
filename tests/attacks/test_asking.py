"""How attackers ask: words of a command, what each way shows, means over queries in plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from facebone.attacks.access import Access, Ask, Channel
from facebone.attacks.asking import as_asked, parse_attack
from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Observations
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.attack_choice import check_attacks
from facebone.data.splits import Level
from facebone.errors import UnknownNameError, UsageError

CHANNELS = {Channel.VARIANTS: 3, Channel.THROUGH: 2, Channel.COSINE: 1, Channel.UNADAPTED: 1}


def observe(n=6, shadows=4, queries=2, seed=0):
    rng = np.random.default_rng(seed)
    odds = 3 * rng.normal(size=(n, queries))
    return Observations(
        expit(odds),
        rng.random(n) < 0.5,
        odds,
        0.5,
        ShadowAnswers(
            3 * rng.normal(size=(shadows, n)).astype(np.float32),
            rng.random((shadows, n)) < 0.5,
            {
                channel: 3 * rng.normal(size=(shadows, n, f)).astype(np.float32)
                for channel, f in CHANNELS.items()
            },
        ),
        {channel: 3 * rng.normal(size=(n, f)) for channel, f in CHANNELS.items()},
    )


def test_a_name_alone_asks_as_the_attack_does():
    asking = parse_attack("lira")
    assert (asking.name, asking.settings, asking.ask, asking.probes) == ("lira", {}, "once", None)
    assert asking.kind is type(ATTACKS.make("lira"))
    assert (asking.access, asking.channels) == (Access.SCORE, ())


def test_how_it_asks_is_kept_apart_from_the_attacks_own_settings():
    asking = parse_attack("lira:ask=augmented,mode=offline,probes=5")
    assert asking.ask is Ask.AUGMENTED
    assert asking.probes == 5
    assert asking.settings == {"mode": "offline"}
    ATTACKS.make(asking.name, asking.settings)


@pytest.mark.parametrize(
    ("spec", "access", "channels"),
    [
        ("lira:ask=repeated", Access.SCORE, []),
        ("lira:ask=augmented", Access.SCORE, ["variants"]),
        ("lira:ask=through", Access.EMBEDDING, ["through"]),
        ("label_only", Access.DECISION, ["decisions"]),
        ("label_only:ask=through", Access.EMBEDDING, ["decisions", "through"]),
        ("gap:ask=repeated", Access.DECISION, []),
        ("white_box:ask=through", Access.WEIGHTS, ["inside", "through"]),
        ("template_probing:ask=augmented", Access.EMBEDDING, ["templates", "variants"]),
        ("lira:ask=among", Access.SCORE, []),
        ("gap:ask=among", Access.DECISION, []),
        ("lira:ask=centre", Access.EMBEDDING, ["cosine"]),
        ("loss_threshold:ask=gain", Access.SCORE, ["unadapted"]),
        ("label_only:ask=gain", Access.SCORE, ["decisions", "unadapted"]),
        ("white_box:ask=centre", Access.WEIGHTS, ["inside", "cosine"]),
    ],
)
def test_the_attacker_must_see_what_the_attack_and_the_asking_need(spec, access, channels):
    asking = parse_attack(spec)
    assert asking.access is access
    assert list(asking.channels) == channels


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "lira:ask=twice",
            "ask: must be once, repeated, augmented, through, among, centre, gain, got 'twice'",
        ),
        ("lira:ask=1", "must be once, .*got 1"),
        ("lira:probes=0", "probes: must be an integer of at least 1, got 0"),
        ("lira:probes=true", "probes: must be an integer of at least 1, got True"),
        ("lira:probes=some", "probes: must be an integer of at least 1, got 'some'"),
        ("lira:", "--attack: must look like NAME"),
    ],
)
def test_wrong_words_are_refused(spec, message):
    with pytest.raises(UsageError, match=message):
        parse_attack(spec)


def test_an_unknown_attack_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'lira'"):
        parse_attack("lyra:ask=once")


@pytest.mark.parametrize("ask", ["among", "centre", "gain"])
def test_some_ways_are_of_pictures_and_people_alone(ask):
    units = (Level.IMAGE, Level.IDENTITY)
    assert parse_attack(f"lira:ask={ask}").levels == units
    assert parse_attack(f"lira:ask={ask},probes=2").levels == units
    assert parse_attack(f"set_likelihood:ask={ask}").levels == units
    with pytest.raises(
        UsageError, match=f"attack lira:ask={ask}: asks about image, identity alone"
    ):
        check_attacks((f"lira:ask={ask}",), access=Access.WEIGHTS)
    check_attacks((f"lira:ask={ask}",), access=Access.WEIGHTS, levels=[Level.IDENTITY])


def test_a_way_that_looks_at_templates_is_refused_to_who_sees_scores():
    with pytest.raises(UsageError, match="needs embedding access, was given score"):
        check_attacks(("lira:ask=centre",), access=Access.SCORE, levels=[Level.IDENTITY])
    check_attacks(("lira:ask=gain",), access=Access.SCORE, levels=[Level.IDENTITY])


def test_once_is_the_first_answer_and_repeated_are_all():
    observed = observe(queries=3)
    once = as_asked(observed, Ask.ONCE)
    np.testing.assert_array_equal(once.log_odds, observed.log_odds[:, :1])
    np.testing.assert_array_equal(once.score, observed.score[:, :1])
    assert once.shadows is observed.shadows
    assert as_asked(observed, Ask.REPEATED) is observed
    # Which pairs are asked about is decided elsewhere, and so is what is made of templates.
    for ask in (Ask.AMONG, Ask.CENTRE):
        np.testing.assert_array_equal(as_asked(observed, ask).log_odds, once.log_odds)


@pytest.mark.parametrize("ask", [Ask.AUGMENTED, Ask.THROUGH])
def test_margins_are_means_over_the_queries_in_a_loop(ask):
    observed = observe()
    asked = as_asked(observed, ask)
    shadows, kind = observed.shadows, ask.channel

    def mean(plain, others):
        # Through the backbones the plain answer is one of the others, or one that mixes them.
        told = [float(x) for x in others] + ([float(plain)] if ask is Ask.AUGMENTED else [])
        return sum(told) / len(told)

    for i in range(6):
        sign = 1 if observed.same[i] else -1
        wanted = mean(observed.log_odds[i, 0], observed.channels[kind][i])
        assert asked.margin()[i] == pytest.approx(sign * wanted)
        right = [float(x) >= 0 for x in asked.log_odds[i]]
        assert asked.right_share()[i] == pytest.approx(
            sum(r == observed.same[i] for r in right) / len(right)
        )
        for s in range(4):
            wanted = mean(shadows.log_odds[s, i], shadows.channels[kind][s, i])
            assert asked.shadows.margins(observed.same)[s, i] == pytest.approx(
                sign * wanted, rel=1e-5
            )
    np.testing.assert_allclose(asked.score, expit(asked.log_odds))
    assert asked.queries == CHANNELS[kind] + (ask is Ask.AUGMENTED)
    assert asked.shadows.log_odds.dtype == np.float32
    np.testing.assert_array_equal(asked.shadows.trained, shadows.trained)
    # What else is seen stays, for attacks that look at it.
    assert asked.channels is observed.channels
    assert asked.shadows.channels is shadows.channels


@pytest.mark.parametrize("ask", [Ask.AUGMENTED, Ask.THROUGH])
def test_a_target_without_shadows_can_be_asked_so_too(ask):
    observed = observe()
    alone = as_asked(replace(observed, shadows=None), ask)
    assert alone.shadows is None
    np.testing.assert_array_equal(alone.log_odds, as_asked(observed, ask).log_odds)


@pytest.mark.parametrize("ask", [ask for ask in Ask if ask.channel is not None])
@pytest.mark.parametrize("of", ["target", "shadows"])
def test_answers_that_were_not_recorded_are_refused(ask, of):
    observed = observe()
    rest = {c: v for c, v in observed.channels.items() if c is not ask.channel}
    if of == "target":
        bare = replace(observed, channels=rest)
    else:
        few = {c: observed.shadows.channels[c] for c in rest}
        bare = replace(observed, shadows=replace(observed.shadows, channels=few))
    with pytest.raises(UsageError, match=f"ask={ask}: .*not recorded: {ask.channel}"):
        as_asked(bare, ask)


def test_any_attack_on_scores_runs_however_it_asks():
    observed = observe(n=40, shadows=6)
    plain = ATTACKS.make("lira").score(as_asked(observed, Ask.ONCE))
    for ask in (Ask.AUGMENTED, Ask.THROUGH, Ask.GAIN):
        found = ATTACKS.make("lira").score(as_asked(observed, ask))
        assert np.isfinite(found).all()
        assert not np.allclose(found, plain)
