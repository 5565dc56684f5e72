"""Made-up targets beside made-up shadows, for the attacks that compare the two."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit

from facebone.attacks.observations import Observations
from facebone.attacks.shadow_answers import ShadowAnswers


def _beside(margin, margins, trained, same=None):
    """Observations of a target's margins (n,) and those of shadows (S, n); matched by default."""
    same = np.ones(len(margin), dtype=bool) if same is None else same
    sign = np.where(same, 1.0, -1.0)
    odds = (np.asarray(margin) * sign)[:, None]
    shadows = ShadowAnswers((margins * sign).astype(np.float32), trained)
    return Observations(expit(odds), same, odds, 0.5, shadows)


@pytest.fixture(scope="session")
def beside() -> Callable[..., Observations]:
    return _beside


@pytest.fixture(scope="session")
def random_answers() -> Callable[..., Observations]:
    """Answers of everyone drawn by lot, with members of shadows drawn by lot too."""

    def make(n=60, shadows=6, seed=0, spread=3.0):
        rng = np.random.default_rng(seed)
        return _beside(
            spread * rng.normal(size=n),
            spread * rng.normal(size=(shadows, n)),
            rng.random((shadows, n)) < 0.5,
            rng.random(n) < 0.5,
        )

    return make


@pytest.fixture(scope="session")
def gaussian_target() -> Callable[..., tuple[Observations, np.ndarray]]:
    """A target whose margins are normal: members' are higher by `gap` deviations of the noise.

    Candidates differ in difficulty by far more than that, so that the margin alone says little.
    """

    def make(gap, n=4000, shadows=64, seed=0, difficulty=3.0):
        rng = np.random.default_rng(seed)
        hard = difficulty * rng.normal(size=n)
        same, member = rng.random(n) < 0.5, rng.random(n) < 0.5
        trained = rng.random((shadows, n)) < 0.5
        margins = hard + gap * trained + rng.normal(size=(shadows, n))
        observed = _beside(hard + gap * member + rng.normal(size=n), margins, trained, same)
        return observed, member

    return make


@pytest.fixture(scope="session")
def reordered() -> Callable[[Observations, np.ndarray], Observations]:
    """The same observations with the shadows in another order, or some of them."""

    def make(observed, rows):
        shadows = observed.shadows
        return Observations(
            observed.score,
            observed.same,
            observed.log_odds,
            observed.threshold,
            ShadowAnswers(shadows.log_odds[rows], shadows.trained[rows]),
        )

    return make
