"""What was tried for FaceBone: ways to learn from pairs under many backbones, a function each.

A way takes the embeddings of all pictures under K backbones, the pairs, and which of them may be
learnt from, and gives the log odds of every pair. Some are FaceBone as the package has it, or heads
of the package; the others are here because they were tried, and are written for that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from facebone.data.pairs import Pairs
from facebone.seeding import derive_seed, make_rng
from facebone.verification.embedded_pairs import normalise

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Space = tuple[Floats, Floats]
"""A mean (d,) that is taken off, and a matrix (d, m) that is applied."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What all models of a study have in common.

    Args:
        rows: of each backbone (N, d), rows of length one.
        lengths: of each backbone (N,), how long the rows were before: a measure of quality.
        pairs: n pairs of pictures.
        others: pictures that stand in no pair: what is known of faces without anybody's consent
            to be learnt from; none where there are no such pictures.
    """

    rows: tuple[Floats, ...]
    lengths: tuple[Floats, ...]
    pairs: Pairs
    others: npt.NDArray[np.intp]

    @classmethod
    def of(
        cls, matrices: Sequence[npt.NDArray[np.floating]], pairs: Pairs, others: Sequence[int] = ()
    ) -> World:
        """Of embeddings as the networks give them."""
        wide = [matrix.astype(np.float32) for matrix in matrices]
        return cls(
            tuple(normalise(matrix) for matrix in wide),
            tuple(np.linalg.norm(matrix, axis=1) for matrix in wide),
            pairs,
            np.asarray(others, dtype=np.intp),
        )

    def cosines(self, spaces: Sequence[Space] | None = None) -> Floats:
        """(n, K) of all pairs, in other spaces where these are given."""
        columns = []
        for k, rows in enumerate(self.rows):
            moved = rows if spaces is None else normalise((rows - spaces[k][0]) @ spaces[k][1])
            columns.append((moved[self.pairs.left] * moved[self.pairs.right]).sum(axis=1))
        return np.stack(columns, axis=1)

    def pictures(self, learnt: Mask) -> npt.NDArray[np.intp]:
        """Those of the pairs that may be learnt from."""
        return self.pairs.take(np.flatnonzero(learnt)).pictures()


Way = Callable[[World, Mask, int], Floats]


def fused(world: World, columns: Floats, learnt: Mask, *, strength: float = 1.0) -> Floats:
    """Logistic regression on columns (n, m) of all pairs; `strength` is scikit-learn's C."""
    centre, spread = columns[learnt].mean(axis=0), columns[learnt].std(axis=0) + 1e-12
    scaled = (columns - centre) / spread
    model = LogisticRegression(C=strength, max_iter=1000)
    model.fit(scaled[learnt], world.pairs.same[learnt])
    found: Floats = model.decision_function(scaled)
    return found


def fusion(world: World, learnt: Mask, seed: int) -> Floats:
    """FaceBone: logistic regression on the K cosines."""
    del seed
    return fused(world, world.cosines(), learnt)


def whitened(power: float, *, other_pictures: bool) -> Way:
    """Fusion where each backbone's axes are divided by their deviation to some power.

    Axes and deviations come from the pictures that are learnt from, or from others.
    """

    def way(world: World, learnt: Mask, seed: int) -> Floats:
        del seed
        chosen = world.others if other_pictures else world.pictures(learnt)
        spaces = [principal(rows[chosen], power) for rows in world.rows]
        return fused(world, world.cosines(spaces), learnt)

    return way


def principal(rows: Floats, power: float) -> Space:
    """The mean, and the axes over their deviation to a power."""
    centre = rows.mean(axis=0)
    _, values, axes = np.linalg.svd(rows - centre, full_matrices=False)
    deviation = np.maximum(values / np.sqrt(len(rows)), 1e-6)
    return centre, axes.T * deviation**-power


def within(shrink: float, *, noise: float = 0.0) -> Way:
    """Fusion where axes are those along which pictures of one person differ, as matched pairs say.

    The covariance is shrunk towards a round one, and symmetric noise may be added to it.
    """

    def way(world: World, learnt: Mask, seed: int) -> Floats:
        spaces = [
            within_space(rows, world, learnt, shrink, noise, derive_seed(seed, "noise", k))
            for k, rows in enumerate(world.rows)
        ]
        return fused(world, world.cosines(spaces), learnt)

    return way


def within_space(
    rows: Floats, world: World, learnt: Mask, shrink: float, noise: float, seed: int
) -> Space:
    """The mean of the pictures, and the covariance of matched pairs to the power -1/2."""
    matched = world.pairs.take(np.flatnonzero(learnt & world.pairs.same))
    differences = (rows[matched.left] - rows[matched.right]) / np.sqrt(2)
    covariance = differences.T @ differences / len(differences)
    size = len(covariance)
    usual = float(np.trace(covariance)) / size
    drawn = make_rng(seed, "covariance").normal(size=(size, size)) * noise * usual
    covariance = covariance + (drawn + drawn.T) / np.sqrt(2)
    covariance = (1 - shrink) * covariance + shrink * usual * np.eye(size)
    values, axes = np.linalg.eigh(covariance)
    scale = np.maximum(values, 0.05 * usual) ** -0.5
    return rows[world.pictures(learnt)].mean(axis=0), axes * scale


def axis_by_axis(shrink: float) -> Way:
    """As `within`, but of the axes of other pictures only the deviations are learnt."""

    def way(world: World, learnt: Mask, seed: int) -> Floats:
        del seed
        matched = world.pairs.take(np.flatnonzero(learnt & world.pairs.same))
        spaces = []
        for rows in world.rows:
            centre, axes = principal(rows[world.others], 0.0)
            differences = (rows[matched.left] - rows[matched.right]) @ axes
            variance = (differences**2).mean(axis=0) / 2
            variance = (1 - shrink) * variance + shrink * variance.mean()
            spaces.append((centre, axes * variance**-0.5))
        return fused(world, world.cosines(spaces), learnt)

    return way


def unseen(inner: Way, parts: int) -> Way:
    """Each pair is answered by models that learnt from none of its part; the mean of them.

    Which pairs belong to which part a registry says, where they were learnt from; others are put
    into a part at random.
    """

    def way(world: World, learnt: Mask, seed: int) -> Floats:
        part = make_rng(seed, "parts").permutation(np.arange(len(learnt)) % parts)
        found = np.empty(len(learnt))
        for k in range(parts):
            answers = inner(world, learnt & (part != k), derive_seed(seed, "part", k))
            found[part == k] = answers[part == k]
        return found

    return way


def products(strength: float, *, dropped: bool = False) -> Way:
    """Logistic regression on all products of coordinates.

    With `dropped` each pair is shown once more for each backbone, without that one.
    """

    def way(world: World, learnt: Mask, seed: int) -> Floats:
        del seed
        blocks = [rows[world.pairs.left] * rows[world.pairs.right] for rows in world.rows]
        columns = np.concatenate(blocks, axis=1)
        shown, same = columns[learnt], world.pairs.same[learnt]
        if dropped:
            begins = np.cumsum([0, *(block.shape[1] for block in blocks)])
            copies = [shown.copy() for _ in blocks]
            for k, copy in enumerate(copies):
                copy[:, begins[k] : begins[k + 1]] = 0
            shown, same = np.concatenate([shown, *copies]), np.tile(same, len(blocks) + 1)
        centre, spread = shown.mean(axis=0), shown.std(axis=0) + 1e-12
        model = LogisticRegression(C=strength, max_iter=2000)
        model.fit((shown - centre) / spread, same)
        found: Floats = model.decision_function((columns - centre) / spread)
        return found

    return way


def with_quality(world: World, learnt: Mask, seed: int) -> Floats:
    """Fusion that also sees how long the shorter embedding of a pair is, alone and as a weight."""
    del seed
    cosines = world.cosines()
    shorter = np.stack(
        [np.minimum(one[world.pairs.left], one[world.pairs.right]) for one in world.lengths],
        axis=1,
    )
    shorter = shorter / shorter[learnt].mean(axis=0)
    return fused(world, np.concatenate([cosines, shorter, cosines * shorter], axis=1), learnt)


def with_noise(deviation: float) -> Way:
    """Fusion that is trained on cosines with noise, drawn ten times."""

    def way(world: World, learnt: Mask, seed: int) -> Floats:
        cosines, rng = world.cosines(), make_rng(seed, "noise")
        shown = np.tile(cosines[learnt], (10, 1))
        shown = shown + deviation * rng.normal(size=shown.shape)
        model = LogisticRegression(max_iter=1000)
        model.fit(shown, np.tile(world.pairs.same[learnt], 10))
        found: Floats = model.decision_function(cosines)
        return found

    return way


def distilled(teacher: Way, strength: float) -> Way:
    """Logistic regression on products that learns a teacher's answers instead of the labels.

    The teacher answers each pair by models that never saw it.
    """

    def way(world: World, learnt: Mask, seed: int) -> Floats:
        told = unseen(teacher, 5)(world, learnt, seed)[learnt]
        share = 1 / (1 + np.exp(-told))
        blocks = [rows[world.pairs.left] * rows[world.pairs.right] for rows in world.rows]
        columns = np.concatenate(blocks, axis=1)
        centre, spread = columns[learnt].mean(axis=0), columns[learnt].std(axis=0) + 1e-12
        scaled = (columns - centre) / spread
        model = LogisticRegression(C=strength, max_iter=2000)
        count = len(share)
        model.fit(
            np.tile(scaled[learnt], (2, 1)),
            np.arange(2 * count) < count,
            sample_weight=np.concatenate([share, 1 - share]),
        )
        found: Floats = model.decision_function(scaled)
        return found

    return way
