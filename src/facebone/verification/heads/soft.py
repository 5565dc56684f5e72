"""Heads that can also learn from how likely others find pairs, instead of from labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.seeding import check_seed
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Labelled, LearningHead
from facebone.verification.heads.checks import check_finite, check_validation
from facebone.verification.heads.fit_report import FitReport

Chances = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SoftJob:
    """What one of many heads learns from.

    Args:
        pairs: n pairs.
        chance: (n,) float64 between 0 and 1, how likely each shows one person.
        seed: for everything random.
    """

    pairs: EmbeddedPairs
    chance: Chances
    seed: int


class SoftHead(LearningHead):
    """A head that can be fitted to chances: it minimises the cross-entropy of them, not of labels.

    Chances of 0 and 1 are labels, and fit it as those do. They may all lie on one side.

    A subclass implements `_fit_soft`, and `fit_soft_many` if it can train many side by side.
    """

    def check_soft(self) -> None:
        """Refuse settings under which it learns from labels alone.

        Raises:
            UsageError: they are such.
        """

    def fit_soft(
        self,
        pairs: EmbeddedPairs,
        chance: Chances,
        *,
        seed: int,
        validation: Labelled | None = None,
    ) -> FitReport:
        """Learn from pairs and how likely each shows one person.

        Args:
            pairs: n pairs, at least one.
            chance: (n,) float64 between 0 and 1.
            seed: for everything random.
            validation: labelled pairs for early stopping, where the settings ask for it.

        Raises:
            UsageError: chances that are none or do not fit the pairs, embeddings that are not
                finite, or settings under which it learns from labels alone.
        """
        self._check_taught(SoftJob(pairs, chance, seed))
        if validation is not None:
            check_validation(*validation, pairs.dimensions, where=f"head {self.name}, validation")
        report = self._fit_soft(pairs, chance, seed=seed, validation=validation)
        self.dimensions = pairs.dimensions
        return report

    def fit_soft_many(self, jobs: Iterable[SoftJob]) -> list[Self]:
        """Heads with these settings, each as `fit_soft` makes it, all trained side by side.

        Args:
            jobs: taken one after another, so that their maker need not hold all of them.

        Raises:
            UsageError: as `fit_soft`.
        """
        heads = []
        for job in jobs:
            heads.append(self.fresh())
            heads[-1].fit_soft(job.pairs, job.chance, seed=job.seed)
        return heads

    def _check_taught(self, job: SoftJob) -> None:
        where = f"head {self.name}"
        self.check_soft()
        check_seed(job.seed)
        chance, count = job.chance, len(job.pairs)
        if chance.shape != (count,) or chance.dtype != np.float64 or not count:
            raise UsageError(
                f"chances must be float64 of shape ({count},), of one pair at least, "
                f"got {chance.dtype} of {chance.shape}",
                where=where,
            )
        # NaN is neither at least 0 nor at most 1.
        if not ((chance >= 0) & (chance <= 1)).all():
            raise UsageError("chances must lie between 0 and 1", where=where)
        check_finite(job.pairs, where=where)

    @abstractmethod
    def _fit_soft(
        self, pairs: EmbeddedPairs, chance: Chances, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        """Learn from chances; all checks are done."""
