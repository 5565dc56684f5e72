"""Verifiers made of numbers, with a planted leak and without, for attacks on membership."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from facebone.attacks.access import Channel
from facebone.attacks.observations import Mask, Observations
from facebone.attacks.probe_answers import ProbeAnswers
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.planted import memorise_pairs
from facebone.audit.score_table import ScoreTable
from facebone.data.splits import Level

Seen = tuple[Observations, Mask]
"""What the attacker sees of candidates, and which of them are members."""


def scored(n: int = 400, seed: int = 0, queries: int = 1, level: Level = Level.PAIR) -> Seen:
    """A verifier that is right four times in five, and knows nothing of membership."""
    rng = np.random.default_rng(seed)
    # About a picture or a person, margins are shown as log odds of matched pairs.
    same = (np.arange(n) % 2 == 0) | (level is not Level.PAIR)
    odds = rng.normal(size=(n, 1)) * 2 + np.where(same, 1.7, -1.7)[:, None]
    odds = odds + 0.3 * rng.normal(size=(n, queries))
    observed = Observations.from_scores(1 / (1 + np.exp(-odds)), same)
    return with_shadows(observed, seed), rng.permutation(n) % 2 == 0


def memorised(n: int = 400, seed: int = 0, queries: int = 1, level: Level = Level.PAIR) -> Seen:
    """The same verifier with its members known by heart, beside shadows that do as it does."""
    observed, member = scored(n, seed, queries, level)
    ids = np.array([f"{i}" for i in range(n)])
    table = ScoreTable(
        ids, ids, None, member.astype(np.int8), np.zeros(n, dtype=bool), observed, None
    )
    made = shadows_of(observed)
    sure = np.where(observed.same, np.float32(40), np.float32(-40))
    shadows = ShadowAnswers(np.where(made.trained, sure, made.log_odds), made.trained)
    return with_everything(memorise_pairs(table).answers, shadows, seed), member


def with_shadows(observed: Observations, seed: int = 0, shadows: int = 6) -> Observations:
    """The same beside shadows: they know what is hard, each was trained on a half and shows none.

    An attack that needs none does not look at them.
    """
    rng, n = np.random.default_rng((seed, 1)), len(observed)
    odds = observed.log_odds.mean(axis=1) + rng.normal(size=(shadows, n))
    trained = rng.random((shadows, n)) < 0.5
    return with_everything(observed, ShadowAnswers(odds.astype(np.float32), trained), seed)


def with_everything(observed: Observations, shadows: ShadowAnswers, seed: int = 0) -> Observations:
    """The same with all channels, and with one to four pairs about each candidate.

    They follow from the margins and from noise, and so tell of membership what those tell.
    """
    rng, n = np.random.default_rng((seed, 2)), len(observed)
    sign = np.where(observed.same, 1.0, -1.0)
    margins = np.vstack([observed.margin(), shadows.margins(observed.same)])

    def noisy(times: int, width: float) -> np.ndarray:
        return np.asarray(margins[..., None] + width * rng.normal(size=(*margins.shape, times)))

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


def constant_answers(observed: Observations) -> Observations:
    """All verifiers answer a half about everything, and all of every channel is 1."""
    shadows, probes = shadows_of(observed), probes_of(observed)
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


def choose_shadows(observed: Observations, numbers: np.ndarray) -> Observations:
    """The same beside some of the shadows, in this order."""
    probes = probes_of(observed)
    return replace(
        observed,
        shadows=shadows_of(observed).choose(numbers),
        probes=replace(probes, margins=probes.margins[numbers]),
    )


def without_shadows(observed: Observations) -> Observations:
    """The same with none."""
    probes = probes_of(observed)
    return replace(
        observed, shadows=None, probes=replace(probes, margins=np.asarray(probes.margins)[:0])
    )


def choose_channels(observed: Observations, wanted: Sequence[Channel]) -> Observations:
    """The same with some of the channels."""
    shadows = shadows_of(observed)
    return replace(
        observed,
        channels={channel: observed.channels[channel] for channel in wanted},
        shadows=replace(shadows, channels={one: shadows.channels[one] for one in wanted}),
    )


def shadows_of(observed: Observations) -> ShadowAnswers:
    """What shadows answered; there are some in all that is made here."""
    if observed.shadows is None:
        raise ValueError("no shadows were made")
    return observed.shadows


def probes_of(observed: Observations) -> ProbeAnswers:
    """What was answered about single pairs; there are some in all that is made here."""
    if observed.probes is None:
        raise ValueError("no pairs were asked about")
    return observed.probes
