"""Heads that adapt the embedding: they learn from pictures of known people, not from pairs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.seeding import check_seed, make_rng
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix
from facebone.verification.heads.base import Arrays, Labelled, Labels, LearningHead, Scores
from facebone.verification.heads.fit_report import FitReport
from facebone.verification.heads.inside import Inside
from facebone.verification.labelled_pictures import LabelledPictures

Rows = npt.NDArray[np.intp]

FEWEST_PEOPLE = 2
CALIBRATION_PAIRS = 2000
"""Matched, and mismatched, pairs of training pictures at most that log odds are fitted to."""
REGULARISATION = 1e-2
"""Pairs that an adaptation was trained on are parted without error, and would ask for an endless
slope."""


class PeopleHead(LearningHead):
    """A head that makes a template of each picture, and compares templates.

    It adapts the embedding to people: `fit_people` learns from labelled pictures. The log odds of
    a pair are a straight line on the cosine of its templates, fitted to training pictures, so they
    rank pairs as the cosine does; who sets a threshold does it on other people.

    A subclass implements `_fit_people` and `_templates`, and `_compare` if it compares otherwise.
    It calls `_calibrate` when it has learnt.
    """

    public_templates = False
    _line: npt.NDArray[np.float64]
    """Slope and offset of the log odds on the cosine."""

    def fit(
        self, pairs: EmbeddedPairs, same: Labels, *, seed: int, validation: Labelled | None = None
    ) -> FitReport:
        """Refuse: pairs do not say who their pictures show.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "learns from pictures of known people, not from pairs",
            where=f"head {self.name}",
            hint="train it with 'facebone train --adapt', audit it with --level identity",
        )

    def fit_people(
        self,
        pictures: LabelledPictures,
        *,
        seed: int,
        validation: LabelledPictures | None = None,
    ) -> FitReport:
        """Learn from labelled pictures.

        Args:
            pictures: n pictures of two people or more, of one of them two pictures or more.
            seed: for everything random.
            validation: pictures of other people for early stopping, where the settings ask for it.

        Raises:
            UsageError: pictures it cannot learn from, or embeddings that are not finite.
        """
        check_seed(seed)
        self.check_people(pictures)
        if validation is not None:
            self.check_people(validation, where="validation")
            if validation.dimensions != pictures.dimensions:
                raise UsageError(
                    f"embeddings of width {validation.dimensions}, training has "
                    f"{pictures.dimensions}",
                    where=f"head {self.name}, validation",
                )
            if np.isin(validation.person, pictures.person).any():
                raise UsageError(
                    "shows people who are trained on", where=f"head {self.name}, validation"
                )
        report = self._fit_people(pictures, seed=seed, validation=validation)
        self.dimensions = pictures.dimensions
        return report

    def fit_people_many(
        self, pool: LabelledPictures, members: Sequence[Rows], seeds: Sequence[int]
    ) -> list[Self]:
        """Heads with these settings, each fitted to its part of the pool.

        Args:
            pool: n pictures, held once.
            members: K arrays of positions in the pool.
            seeds: K seeds.

        Raises:
            UsageError: as `fit_people`, before anything is fitted.
        """
        if len(members) != len(seeds):
            raise UsageError(
                f"needs one seed a job, got {len(seeds)} for {len(members)} jobs",
                where=f"head {self.name}",
            )
        for number, (rows, seed) in enumerate(zip(members, seeds, strict=True)):
            check_seed(seed)
            self.check_people(pool.take(rows), where=f"job {number}")
        heads = self._fit_people_many(pool, members, seeds)
        for head in heads:
            head.dimensions = pool.dimensions
        return heads

    def templates(self, embeddings: Sequence[Matrix]) -> Matrix:
        """The templates of n pictures, (n, t) float32; n may be 0.

        Args:
            embeddings: K matrices (n, d_k) float32 of the backbones it was fitted to, rows of
                length one.

        Raises:
            UsageError: it was not fitted, or the embeddings have other widths or are not finite.
        """
        where = f"head {self.name}"
        if self.dimensions is None:
            raise UsageError("makes no template before it is fitted", where=where, hint="fit it")
        widths = tuple(matrix.shape[1] for matrix in embeddings)
        if widths != self.dimensions:
            raise UsageError(
                f"was fitted to embeddings of width {self.dimensions}, got {widths}",
                where=where,
                hint="use the backbones it was fitted with, in the same order",
            )
        for matrix in embeddings:
            if not np.isfinite(matrix).all():
                raise UsageError("embeddings are not finite", where=where)
        return self._templates(tuple(embeddings))

    def compare(self, left: Matrix, right: Matrix) -> Scores:
        """Log odds that templates (n, t) left and right show the same person, (n,) float64."""
        return self._compare(left, right) if len(left) else np.empty(0)

    def check_people(self, pictures: LabelledPictures, *, where: str = "") -> None:
        """Refuse pictures that nothing can be learnt from.

        Raises:
            UsageError: fewer than two people, no person with two pictures, or embeddings that are
                not finite.
        """
        place = f"head {self.name}" + (f", {where}" if where else "")
        counts = np.unique(pictures.person, return_counts=True)[1]
        if len(counts) < FEWEST_PEOPLE or counts.max() < 2:
            raise UsageError(
                f"needs two people, and of one of them two pictures, got {len(pictures)} pictures "
                f"of {len(counts)} people",
                where=place,
            )
        for matrix in pictures.embeddings:
            bad = ~np.isfinite(matrix).all(axis=1)
            if bad.any():
                raise UsageError(
                    f"the embeddings of picture {int(np.flatnonzero(bad)[0])} are not finite",
                    where=place,
                    hint="leave out pictures that could not be embedded",
                )

    def stored(self, embeddings: tuple[Matrix, ...]) -> Matrix:
        """Its templates."""
        return self.templates(embeddings)

    @abstractmethod
    def _fit_people(
        self, pictures: LabelledPictures, *, seed: int, validation: LabelledPictures | None
    ) -> FitReport:
        """Learn, and calibrate; all checks are done."""

    def _fit_people_many(
        self, pool: LabelledPictures, members: Sequence[Rows], seeds: Sequence[int]
    ) -> list[Self]:
        """Fit one after another; a head that can train many side by side overrides this."""
        heads = []
        for rows, seed in zip(members, seeds, strict=True):
            heads.append(self.fresh())
            heads[-1].fit_people(pool.take(rows), seed=seed)
        return heads

    @abstractmethod
    def _templates(self, embeddings: tuple[Matrix, ...]) -> Matrix:
        """Templates of pictures, rows of length one; all checks are done, n may be 0."""

    def _compare(self, left: Matrix, right: Matrix) -> Scores:
        """Log odds of at least one pair of templates."""
        slope, offset = self._line
        cosine = np.einsum("nd,nd->n", left, right, dtype=np.float64)
        log_odds: Scores = slope * cosine + offset
        return log_odds

    def _logit(self, pairs: EmbeddedPairs) -> Scores:
        return self._compare(self._templates(pairs.left), self._templates(pairs.right))

    def _inside(self, pairs: EmbeddedPairs, same: Labels) -> Inside:
        """What the line on the cosine says; a head that has trained layers adds theirs."""
        left, right = self._templates(pairs.left), self._templates(pairs.right)
        cosine = np.einsum("nd,nd->n", left, right, dtype=np.float64)
        # The log odds change by the cosine with the slope, and by one with the offset.
        slopes = np.sqrt(1 + cosine**2)[:, None]
        logit = self._compare(left, right) if len(pairs) else np.empty(0)
        return Inside.of_logits(logit, same, slopes, np.empty((len(pairs), 0)))

    def _calibrate(self, templates: Matrix, person: Rows, *, seed: int) -> None:
        """Fit the line of the log odds to pairs of templates (n, t) of known people."""
        left, right, same = draw_labelled_pairs(person, CALIBRATION_PAIRS, seed=seed)
        cosine = np.einsum("nd,nd->n", templates[left], templates[right], dtype=np.float64)
        self._line = np.array(fit_line(cosine, same))

    def _arrays(self) -> Arrays:
        return {"line": self._line}

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {"line": (2,)}

    def _load(self, arrays: Arrays) -> None:
        self._line = arrays["line"]


def draw_labelled_pairs(person: Rows, most: int, *, seed: int) -> tuple[Rows, Rows, Labels]:
    """Matched and mismatched pairs of labelled pictures, as many of each, `most` at most.

    Args:
        person: (n,) of two people or more, of one of them two pictures or more.
        most: of each kind.
        seed: of the draw.

    Returns:
        Positions left and right, and whether both show one person.
    """
    rng = make_rng(seed, "labelled pairs")
    order = np.argsort(person, kind="stable")
    found: list[Any] = []
    for begin, size in _groups(person[order]):
        a, b = np.triu_indices(size, k=1)
        found.append(np.stack([order[begin + a], order[begin + b]]))
    matched = np.concatenate(found, axis=1)
    matched = matched[:, rng.permutation(matched.shape[1])[:most]]
    count = matched.shape[1]
    # A few more than are wanted, for some meet themselves or a picture of the same person.
    drawn = rng.integers(len(person), size=(2, 4 * count + 64))
    drawn = drawn[:, person[drawn[0]] != person[drawn[1]]][:, :count]
    same = np.arange(count + drawn.shape[1]) < count
    left, right = np.concatenate([matched, drawn], axis=1)
    return left, right, same


def _groups(ordered: Rows) -> list[tuple[int, int]]:
    """Where each person's pictures begin, and how many there are."""
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    sizes = np.diff(np.append(begins, len(ordered)))
    return [(int(a), int(b)) for a, b in zip(begins, sizes, strict=True)]


def fit_line(cosine: Scores, same: Labels) -> tuple[float, float]:
    """Slope, above zero, and offset of log odds on a cosine, by regularised logistic regression."""
    from sklearn.linear_model import LogisticRegression

    # 1 / (C n) is the weight of the penalty beside the mean loss.
    model = LogisticRegression(C=1 / (REGULARISATION * len(same)), solver="lbfgs", max_iter=1000)
    spread = float(cosine.std()) or 1.0
    model.fit((cosine[:, None] - cosine.mean()) / spread, same)
    slope = max(float(model.coef_[0, 0]), 1e-3) / spread
    return slope, float(model.intercept_[0]) - slope * float(cosine.mean())
