"""What a verifier would answer about a candidate, trained on it or not, guessed from few shadows.

Two or three answers say little about one candidate, but thousands of candidates say what is usual,
and how a candidate's answers out of training go with those in training. Empirical Bayes puts the
two together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from facebone.attacks.membership.shadow_attack import Compared
from facebone.attacks.membership.shadow_moments import LEAST_VARIANCE, Moments, pooled_variances
from facebone.attacks.observations import Floats, Mask

ENOUGH = 20
"""Candidates of a class from which on what is usual is learnt from the class alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Means and variances of the next verifier's margin about each of n candidates, (n,) each.

    Args:
        mean_in: if it was trained on the candidate.
        mean_out: if not.
        variance_in: of what it then answers, what is not known of the mean included.
        variance_out: likewise.
    """

    mean_in: Floats
    mean_out: Floats
    variance_in: Floats
    variance_out: Floats

    def log_ratio(self, margin: Floats) -> Floats:
        """Log of how much likelier the margin (n,) is from a verifier trained on the candidate."""
        far = (margin - self.mean_out) ** 2 / self.variance_out + np.log(self.variance_out)
        near = (margin - self.mean_in) ** 2 / self.variance_in + np.log(self.variance_in)
        ratio: Floats = (far - near) / 2
        return ratio


def expect(margins: Floats, trained: Mask, same: Mask) -> Expected:
    """What to expect of the next verifier, by matched and mismatched pairs apart.

    Args:
        margins: (S, n) of shadows.
        trained: (S, n) bool.
        same: (n,) bool.
    """
    parts = [rows for rows in (same, ~same) if rows.any()]
    if min(int(rows.sum()) for rows in parts) < ENOUGH:
        parts = [np.ones(len(same), dtype=np.bool_)]
    found = np.empty((4, len(same)))
    for rows in parts:
        found[:, rows] = _expect(margins[:, rows], trained[:, rows])
    return Expected(*found)


def _expect(margins: Floats, trained: Mask) -> tuple[Floats, Floats, Floats, Floats]:
    """The normal model of one class.

    A candidate has a mean margin in training and one out of it, (t, u), drawn from a bivariate
    normal distribution; a shadow's answer is t or u with noise of variance w_in or w_out. With k
    answers of mean x in training and l of mean y out of it, the posterior of (t, u) has the
    precision ``P + diag(k / w_in, l / w_out)``, P that of the prior, and the mean that solves
    ``precision @ mean = P @ prior + (k x / w_in, l y / w_out)``. Two by two, so by Cramer's rule.
    """
    inside, outside = Moments.of(margins, trained), Moments.of(margins, ~trained)
    noise_in, noise_out = pooled_variances(inside, outside)
    middle_in, middle_out, (v_in, v_out, between) = _prior(inside, outside, noise_in, noise_out)

    size = v_in * v_out - between**2
    p_in, p_out, p_both = v_out / size, v_in / size, -between / size
    a, d = p_in + inside.count / noise_in, p_out + outside.count / noise_out
    x = p_in * middle_in + p_both * middle_out + inside.count * inside.mean / noise_in
    y = p_both * middle_in + p_out * middle_out + outside.count * outside.mean / noise_out
    determinant = a * d - p_both**2
    return (
        (d * x - p_both * y) / determinant,
        (a * y - p_both * x) / determinant,
        d / determinant + noise_in,
        a / determinant + noise_out,
    )


def _prior(
    inside: Moments, outside: Moments, noise_in: float, noise_out: float
) -> tuple[float, float, tuple[float, float, float]]:
    """Means, and variances and covariance, of what candidates answer in and out of training.

    By moments: a mean of k answers varies between candidates by the variance sought and by w / k.
    """
    middles, variances = [], []
    for kind, other, noise in ((inside, outside, noise_in), (outside, inside, noise_out)):
        # Without a shadow of this kind nothing is known but the other kind's answers.
        source = kind if kind.known.any() else other
        means, count = source.mean[source.known], source.count[source.known]
        middles.append(float(means.mean()))
        found = float(means.var()) - noise * float((1 / count).mean())
        variances.append(max(found, noise * 0.02, LEAST_VARIANCE))
    both = inside.known & outside.known
    largest = float(np.sqrt(variances[0] * variances[1]))
    if both.sum() > 2:
        apart = (inside.mean - middles[0]) * (outside.mean - middles[1])
        between = float(np.clip(apart[both].mean(), -0.98 * largest, 0.98 * largest))
    else:
        between = largest / 2
    return middles[0], middles[1], (variances[0], variances[1], between)


def align(seen: Compared) -> Compared:
    """The answers with each verifier's brought to one common distribution in each class.

    Heads that were trained alike differ in how large their log odds are all in all. The order of
    one verifier's answers is kept, and each is replaced by the mean over all verifiers of what
    stands at its place. Classes with few candidates stay as they are: there are too few places.
    """
    from scipy.stats import rankdata

    every = np.vstack([seen.margin, seen.margins])
    for rows in (seen.same, ~seen.same):
        size = int(rows.sum())
        if size < ENOUGH:
            continue
        common = np.sort(every[:, rows], axis=1).mean(axis=0)
        places = rankdata(every[:, rows], axis=1)  # equal answers share the mean of their places
        every[:, rows] = np.interp(places, np.arange(1, size + 1), common)
    return replace(seen, margin=every[0], margins=every[1:])
