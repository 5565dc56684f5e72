"""Axes along which templates of two systems can be compared, learnt from pictures under both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from facebone.attacks.observations import Floats

_TINY = 1e-12


def unit_rows(matrix: Floats) -> Floats:
    """Rows scaled to length one; a zero row stays zero."""
    scaled: Floats = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), _TINY)
    return scaled


def cosines(first: Floats, second: Floats) -> Floats:
    """Cosine of each row of (n, d) and each of (m, d), (n, m)."""
    found: Floats = unit_rows(first) @ unit_rows(second).T
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Two straight maps into one space, in which cosines compare templates of two systems.

    Args:
        first_mean: (d1,) what is taken from templates of the first system.
        second_mean: (d2,) of the second.
        first_axes: (d1, r) onto which those of the first are laid.
        second_axes: (d2, r) of the second.
    """

    first_mean: Floats
    second_mean: Floats
    first_axes: Floats
    second_axes: Floats

    def compare(self, first: Floats, second: Floats) -> Floats:
        """Cosine of each of n templates (n, d1) and each of m (m, d2) in that space, (n, m)."""
        return cosines(self.lay_first(first), self.lay_second(second))

    def lay_first(self, templates: Floats) -> Floats:
        """Templates of the first system in the common space, (n, r)."""
        laid: Floats = (unit_rows(templates) - self.first_mean) @ self.first_axes
        return laid

    def lay_second(self, templates: Floats) -> Floats:
        """Templates of the second system in the common space, (m, r)."""
        laid: Floats = (unit_rows(templates) - self.second_mean) @ self.second_axes
        return laid


class Paired:
    """Templates of k pictures under two systems, with what all maps are made from.

    Args:
        first: (k, d1).
        second: (k, d2).
    """

    def __init__(self, first: Floats, second: Floats) -> None:
        one, two = unit_rows(first), unit_rows(second)
        self._means = one.mean(axis=0), two.mean(axis=0)
        self._centred = one - self._means[0], two - self._means[1]

    def rotation(self) -> Alignment:
        """The rotation that brings one system nearest the other (orthogonal Procrustes).

        Between systems of other widths it drops what the narrower one cannot hold.
        """
        first, second = self._centred
        u, _, v = np.linalg.svd(first.T @ second, full_matrices=False)
        return Alignment(*self._means, u, v.T)

    def canonical(self, shrinkage: float) -> Alignment:
        """Canonical axes of whitened templates, each weighed by how surely both systems share it.

        With S1, S2 the covariances and W = (S + shrinkage mean(eigenvalues) I)^(-1/2), the
        singular value decomposition W1 C12 W2 = U diag(r) V' gives pairs of axes with correlation
        r. A direction's share of what both systems say of a person grows with r, so both sides are
        weighed by it; without the weights, axes that only noise made count as much as others.

        Args:
            shrinkage: above 0; more of it trusts few anchors less.
        """
        first, second = self._centred
        one, two = (
            vectors / np.sqrt(values + shrinkage * max(values.mean(), _TINY)) @ vectors.T
            for values, vectors in self._spectra
        )
        u, r, v = np.linalg.svd(one @ (first.T @ second / len(first)) @ two, full_matrices=False)
        return Alignment(*self._means, one @ u * r, two @ v.T * r)

    @cached_property
    def _spectra(self) -> tuple[tuple[Floats, Floats], ...]:
        """Eigenvalues and eigenvectors of both covariances."""
        return tuple(_spectrum(matrix) for matrix in self._centred)


def _spectrum(centred: Floats) -> tuple[Floats, Floats]:
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    return np.maximum(values, 0.0), vectors
