"""Whitening: adaptation without labels, the cheap rival of every other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.settings import check_number
from facebone.verification.embedded_pairs import Matrix, normalise
from facebone.verification.heads.base import Arrays, FitReport
from facebone.verification.heads.people import PeopleHead
from facebone.verification.labelled_pictures import LabelledPictures, join

FLOOR = 1e-3
"""Least deviation of an axis, in parts of the largest: with fewer pictures than axes some have
none, and would be blown up without end."""


@dataclass(frozen=True, slots=True)
class WhiteningSettings:
    """How far the principal axes are evened out.

    Args:
        power: each axis is divided by its standard deviation to this power: 0 centres alone, a
            half is halfway, 1 whitens; below 2.
    """

    power: float = 0.5

    def __post_init__(self) -> None:
        check_number("power", self.power, low=0, high=2)


class WhiteningHead(PeopleHead):
    """Centres and whitens each backbone's embeddings, and takes the mean of their cosines.

    It learns a mean and a covariance, and no label enters them: what it knows of one person is
    their part in a mean over all pictures. Labels set the line of the log odds alone.

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
        self._maps = tuple(
            whitening(matrix - mean, power=self.settings.power)
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


def whitening(centred: npt.NDArray[np.floating], *, power: float) -> npt.NDArray[np.float64]:
    """The symmetric matrix (d, d) that divides each principal axis of (n, d) by its deviation.

    Symmetric, so that embeddings move no further than they must; a cosine does not see the
    difference.

    Args:
        centred: n embeddings whose mean is zero.
        power: of the deviation.
    """
    wide = centred.astype(np.float64)
    covariance = wide.T @ wide / len(wide)
    variance, axes = np.linalg.eigh(covariance)
    deviation = np.sqrt(np.maximum(variance, 0.0))
    largest = deviation.max()
    if largest == 0:  # all pictures are one: there is nothing to even out
        return np.eye(len(axes))
    stretch = np.maximum(deviation / largest, FLOOR) ** -power
    matrix: npt.NDArray[np.float64] = (axes * stretch) @ axes.T
    return matrix
