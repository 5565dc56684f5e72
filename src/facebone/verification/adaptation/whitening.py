"""Whitening: adaptation by a mean and a covariance, the cheap rival of every other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.settings import check_flag, check_number
from facebone.verification.embedded_pairs import Matrix, normalise
from facebone.verification.heads.base import Arrays
from facebone.verification.heads.fit_report import FitReport
from facebone.verification.heads.people import PeopleHead
from facebone.verification.labelled_pictures import LabelledPictures, join

FLOOR = 1e-3
"""Least deviation of an axis, in parts of the largest: with fewer pictures than axes some have
none, and would be blown up without end."""


SHRINKAGE_WITHIN = 0.2
"""Of the covariance within people, where none is set: a few pictures each measure it roughly."""


@dataclass(frozen=True, slots=True)
class WhiteningSettings:
    """Which principal axes are evened out, and how far.

    Args:
        power: each axis is divided by its standard deviation to this power: 0 centres alone, a
            half is halfway, 1 whitens; below 3.
        within: take the axes along which pictures differ from the mean of their own person, those
            of light, pose and camera, instead of those along which all pictures differ. It needs
            labels, helps more, and leaks far less: how a picture differs from others of the same
            person tells little of who they are.
        shrinkage: part of the covariance, below 1, that is replaced by the same variance along all
            axes; None for 0.2 with `within`, else 0.

    References:
        ``within``: Hatch, Kajarekar and Stolcke, "Within-Class Covariance Normalization for
        SVM-based Speaker Recognition", 2006. ``shrinkage``: Ledoit and Wolf, "A well-conditioned
        estimator for large-dimensional covariance matrices", 2004.
    """

    power: float = 0.5
    within: bool = False
    shrinkage: float | None = None

    def __post_init__(self) -> None:
        check_number("power", self.power, low=0, high=3)
        check_flag("within", self.within)
        if self.shrinkage is not None:
            check_number("shrinkage", self.shrinkage, low=0, high=1)

    @property
    def chosen_shrinkage(self) -> float:
        """The shrinkage, or its default."""
        if self.shrinkage is None:
            return SHRINKAGE_WITHIN if self.within else 0.0
        return self.shrinkage


class WhiteningHead(PeopleHead):
    """Centres and whitens each backbone's embeddings, and takes the mean of their cosines.

    It learns a mean and a covariance. Unless these are taken within people no label enters them,
    and labels set the line of the log odds alone. That does not keep people apart from strangers:
    axes along which members differ from the mean are shortened, so their pictures grow less alike.

    References:
        The use of whitening for descriptors: Jegou and Chum, "Negative Evidences and
        Co-occurrences in Image Retrieval: The Benefit of PCA and Whitening", 2012.
    """

    name = "whitening"
    settings_type = WhiteningSettings
    _means: tuple[npt.NDArray[np.float64], ...]
    _maps: tuple[npt.NDArray[np.float64], ...]

    def _fit_people(
        self, pictures: LabelledPictures, *, seed: int, validation: LabelledPictures | None
    ) -> FitReport:
        self._means = tuple(matrix.mean(axis=0, dtype=np.float64) for matrix in pictures.embeddings)
        settings: WhiteningSettings = self.settings
        self._maps = tuple(
            whitening(
                around_people(matrix, pictures.person) if settings.within else matrix - mean,
                power=settings.power,
                shrinkage=settings.chosen_shrinkage,
            )
            for matrix, mean in zip(pictures.embeddings, self._means, strict=True)
        )
        self._calibrate(self._templates(pictures.embeddings), pictures.person, seed=seed)
        return FitReport(pairs=len(pictures))

    def _templates(self, embeddings: tuple[Matrix, ...]) -> Matrix:
        parts = zip(embeddings, self._means, self._maps, strict=True)
        return join([normalise(((x - mean) @ axes).astype(np.float32)) for x, mean, axes in parts])

    def _arrays(self) -> Arrays:
        found = PeopleHead._arrays(self)
        for k, (mean, axes) in enumerate(zip(self._means, self._maps, strict=True)):
            found |= {f"mean_{k}": mean, f"axes_{k}": axes}
        return found

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        found = PeopleHead._shapes(self)
        for k, width in enumerate(self.dimensions or ()):
            found |= {f"mean_{k}": (width,), f"axes_{k}": (width, width)}
        return found

    def _load(self, arrays: Arrays) -> None:
        PeopleHead._load(self, arrays)
        count = len(self.dimensions or ())
        self._means = tuple(arrays[f"mean_{k}"] for k in range(count))
        self._maps = tuple(arrays[f"axes_{k}"] for k in range(count))


def around_people(embeddings: Matrix, person: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """How each of (n, d) embeddings differs from the mean of its person's, (n, d)."""
    number, counts = np.unique(person, return_inverse=True, return_counts=True)[1:]
    sums = np.zeros((len(counts), embeddings.shape[1]))
    np.add.at(sums, number, embeddings)
    centred: npt.NDArray[np.float64] = embeddings - (sums / counts[:, None])[number]
    return centred


def whitening(
    centred: npt.NDArray[np.floating], *, power: float, shrinkage: float = 0.0
) -> npt.NDArray[np.float64]:
    """The symmetric matrix (d, d) that divides each principal axis of (n, d) by its deviation.

    Symmetric, so that embeddings move no further than they must; a cosine does not see the
    difference.

    Args:
        centred: n embeddings whose mean is zero.
        power: of the deviation.
        shrinkage: part of the covariance that is replaced by its mean variance along all axes.
    """
    wide = centred.astype(np.float64)
    covariance = wide.T @ wide / len(wide)
    even = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    covariance = (1 - shrinkage) * covariance + shrinkage * even
    variance, axes = np.linalg.eigh(covariance)
    deviation = np.sqrt(np.maximum(variance, 0.0))
    largest = deviation.max()
    if largest == 0:  # all pictures are one: there is nothing to even out
        return np.eye(len(axes))
    stretch = np.maximum(deviation / largest, FLOOR) ** -power
    matrix: npt.NDArray[np.float64] = (axes * stretch) @ axes.T
    return matrix
