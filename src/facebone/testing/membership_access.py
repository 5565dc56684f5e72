"""What attacks on membership may look at: no more than they ask for, and all that they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from facebone.attacks.access import Access, Ask, Channel
from facebone.attacks.attack import Goal
from facebone.attacks.observations import Observations
from facebone.attacks.probe_answers import ProbeAnswers
from facebone.data.splits import Level
from facebone.errors import UsageError
from facebone.testing.contract import expect, refused
from facebone.testing.membership_subject import Subject, expect_equal, expect_same, fitted
from facebone.testing.membership_world import (
    choose_channels,
    choose_shadows,
    memorised,
    probes_of,
    scored,
    shadows_of,
    with_shadows,
    without_shadows,
)


def says_what_it_can_be_asked_about(subject: Subject) -> None:
    """Levels, how it asks, and channels that its access shows."""
    kind = subject.kind
    expect(kind.goal is Goal.MEMBERSHIP, f"goal is {kind.goal}")
    expect(kind.levels and set(kind.levels) <= set(Level), f"levels are {kind.levels}")
    expect(kind.asks in Ask, f"asks is {kind.asks!r}, no Ask")
    for channel in kind.channels:
        expect(
            kind.access.allows(channel.access),
            f"looks at {channel}, which takes {channel.access} access, and declares {kind.access}",
        )
    expect(isinstance(kind.learns, bool), f"learns is {kind.learns!r}")
    told = "members" in kind.knowledge
    expect(
        told == kind.learns,
        "knowledge must tell of known members or non-members if, and only if, the attack learns",
    )


def shadows_are_asked_for_where_they_are_needed(subject: Subject) -> None:
    """And not looked at where they are not."""
    attack, (observed, _) = fitted(subject, memorised(seed=1)), scored(seed=2)
    without = without_shadows(observed)
    if not subject.kind.needs_shadows:
        expect_equal(attack.score(without), attack.score(observed), "with shadows and without")
        return
    for given in (without, choose_shadows(observed, np.arange(0))):
        message = f"attack {subject.name}: needs .*shadow verifier"
        with refused(UsageError, message, when="given no shadows"):
            attack.score(given)


def the_order_of_shadows_does_not_matter(subject: Subject) -> None:
    """They are drawn alike."""
    attack, (observed, _) = fitted(subject, memorised(seed=1)), memorised(seed=2)
    found = attack.score(choose_shadows(observed, np.array([3, 1, 5, 0, 2, 4])))
    expect_same(found, attack.score(observed), "with shadows in another order")


def however_few_shadows_and_candidates_scores_are_finite(subject: Subject) -> None:
    """One shadow or two, trained on all, none or some of the candidates."""
    attack, (observed, _) = fitted(subject, memorised(seed=1)), scored(seed=2)
    for count in (1, 2):
        for kind in ("all", "none", "some"):
            few = with_shadows(observed, 5, count)
            if kind != "some":
                shadows = shadows_of(few)
                everyone = np.full_like(shadows.trained, kind == "all")
                few = replace(few, shadows=replace(shadows, trained=everyone))
            for rows in (np.arange(400), np.arange(3), np.arange(1)):
                found = attack.score(few.take(rows))
                expect(
                    np.isfinite(found).all(),
                    f"scores of {len(rows)} candidates beside {count} shadows, trained on {kind}, "
                    "are not finite",
                )


def decisions_are_all_that_decision_access_sees(subject: Subject) -> None:
    """Scores blunted to decisions change nothing."""
    if subject.kind.access is not Access.DECISION:
        return
    observed, member = scored(seed=1, queries=2)
    few = choose_channels(observed, (Channel.DECISIONS,))
    shadows = shadows_of(few)
    blunt = replace(
        Observations.from_scores(
            (observed.score >= observed.threshold).astype(float), observed.same
        ),
        channels=few.channels,
        shadows=replace(shadows, log_odds=np.zeros_like(shadows.log_odds)),
    )
    sharp = fitted(subject, (observed, member)).score(observed)
    found = fitted(subject, (blunt, member)).score(blunt)
    expect_equal(found, sharp, "shown decisions alone, though it declares no more access than that")


def it_looks_at_nothing_that_it_does_not_ask_for(subject: Subject) -> None:
    """Channels that it does not name, and pairs about pictures and people."""
    kind, (observed, _) = subject.kind, memorised(seed=2)
    attack = fitted(subject, memorised(seed=1))
    bare = choose_channels(observed, kind.channels)
    if Level.PAIR in kind.levels:
        bare = replace(bare, probes=None)
    expect_equal(
        attack.score(bare), attack.score(observed), "shown only the channels that it names"
    )


def a_missing_channel_is_said_with_the_access_that_shows_it(subject: Subject) -> None:
    """By name."""
    if not subject.kind.channels:
        return
    attack, (observed, _) = fitted(subject, memorised(seed=1)), scored(seed=2)
    needed = f"attack {subject.name}: needs {attack.access} access, to see {attack.channels[0]}"
    with refused(UsageError, needed, when="shown no channel"):
        attack.score(choose_channels(observed, ()))


def sets_are_what_attacks_on_units_alone_look_at(subject: Subject) -> None:
    """Attacks that cannot be asked about pairs look at every pair about a picture or a person."""
    if Level.PAIR in subject.kind.levels:
        return
    attack, (plain, _) = subject.make(), scored(level=Level.IDENTITY)
    message = f"attack {subject.name}: needs score access, .*every pair"
    with refused(UsageError, message, when="shown no pairs about candidates"):
        attack.score(replace(plain, probes=None))
    unasked = replace(probes_of(plain), margins=np.asarray(probes_of(plain).margins)[:0])
    message = f"attack {subject.name}: needs at least one shadow"
    with refused(UsageError, message, when="shown shadows that were not asked about pairs"):
        attack.score(replace(plain, probes=unasked))
    none = np.zeros(0)
    nothing = ProbeAnswers(
        none.astype(np.intp), none, none.astype(bool), np.zeros((6, 0), dtype=np.float32), 400
    )
    found = attack.score(replace(plain, probes=nothing))
    expect((found == 0).all(), "scores candidates about whom no pair was asked")

    observed, _ = memorised(seed=1, level=Level.IDENTITY)
    probes = probes_of(observed)
    kept = probes.candidate % 5 != 2
    fewer = ProbeAnswers(
        probes.candidate[kept],
        probes.margin[kept],
        probes.same[kept],
        np.asarray(probes.margins)[:, kept],
        probes.size,
    )
    found = attack.score(replace(observed, probes=fewer))
    expect((found[2::5] == 0).all(), "scores candidates about whom no pair was asked")
    rest = np.arange(len(found)) % 5 != 2
    alone = attack.score(observed.take(rest))
    expect_same(found[rest], alone, "beside candidates about whom no pair was asked")
    expect((alone != 0).any(), "says nothing of anybody")


LOOKING: tuple[Callable[[Subject], None], ...] = (
    says_what_it_can_be_asked_about,
    shadows_are_asked_for_where_they_are_needed,
    the_order_of_shadows_does_not_matter,
    however_few_shadows_and_candidates_scores_are_finite,
    decisions_are_all_that_decision_access_sees,
    it_looks_at_nothing_that_it_does_not_ask_for,
    a_missing_channel_is_said_with_the_access_that_shows_it,
    sets_are_what_attacks_on_units_alone_look_at,
)
"""Checks of the contract."""
