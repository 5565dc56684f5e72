"""Attributes read off stored templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.attributes.base import AttributeAttack
from facebone.attacks.attributes.evidence import Evidence
from facebone.attacks.attributes.ridge import STRENGTHS, Ridge, fit_ridge
from facebone.attacks.observations import Floats
from facebone.errors import UsageError
from facebone.seeding import derive_seed
from facebone.settings import check_integer, check_number

_TINY = 1e-12
ALIKE = 1e-9
"""Mean squared distance of unit rows below which all templates are one."""


@dataclass(frozen=True, slots=True)
class AttributeProbeSettings:
    """Settings of the straight probe.

    Args:
        strengths: penalties that are tried, see `ridge.STRENGTHS`.

    Raises:
        UsageError: none, or one that is not above 0.
    """

    strengths: tuple[float, ...] = STRENGTHS

    def __post_init__(self) -> None:
        _check_all("strengths", self.strengths)


@dataclass(frozen=True, slots=True)
class KernelProbeSettings:
    """Settings of the bent probe.

    Args:
        strengths: penalties that are tried, see `ridge.STRENGTHS`.
        widths: of the kernel that are tried, as multiples of the usual distance of two templates.
        landmarks: templates that the kernel is spanned by.

    Raises:
        UsageError: a value is out of range.
    """

    strengths: tuple[float, ...] = STRENGTHS
    widths: tuple[float, ...] = (0.5, 1.0, 2.0)
    landmarks: int = 300

    def __post_init__(self) -> None:
        _check_all("strengths", self.strengths)
        _check_all("widths", self.widths)
        check_integer("landmarks", self.landmarks, low=2)


class AttributeProbe(AttributeAttack):
    """Goal: read attributes off templates.

    Access: templates. Knowledge: pictures of other people with their attributes, from any public
    data set. Success: a weighted sum of a template's numbers grows with the attribute.

    Ridge regression on templates of length one; yes and no are numbers too, for which this is
    Fisher's discriminant. The penalty is chosen on held-out people, for each attribute its own.

    References:
        Terhoerst, Faehrmann, Damer, Kirchbuchner and Kuijper, "Beyond Identity: What Information
        Is Stored in Biometric Face Templates?", 2020.
    """

    name = "attribute_probe"
    summary = "a weighted sum of a template's numbers tells an attribute"
    access = Access.EMBEDDING
    knowledge = "Pictures of other people with their attributes."
    settings_type = AttributeProbeSettings
    _ridge: Ridge

    def _fit(self, known: Evidence, values: Floats, gallery: Floats | None, *, seed: int) -> None:
        del gallery
        features = _unit(self._seen(known))
        self._ridge = fit_ridge(
            features, values, known.person, seed=seed, strengths=self.settings.strengths
        )

    def _infer(self, seen: Evidence) -> Floats:
        return self._ridge.predict(_unit(self._seen(seen)))


class KernelProbe(AttributeAttack):
    """Goal: read attributes off templates that no weighted sum tells.

    Access: templates. Knowledge: pictures of other people with their attributes. Success: templates
    near those of people with the attribute are of such people.

    Ridge regression on a Gaussian kernel, spanned by some of the known templates (Nystroem's
    method). For each attribute the width of the kernel and the penalty, or the straight probe, is
    taken, whichever does best on held-out people.

    References:
        Williams and Seeger, "Using the Nystroem Method to Speed Up Kernel Machines", 2001;
        Terhoerst, Faehrmann, Damer, Kirchbuchner and Kuijper, "Beyond Identity: What Information
        Is Stored in Biometric Face Templates?", 2020.
    """

    name = "kernel_probe"
    summary = "templates near those of people with the attribute are of such people"
    access = Access.EMBEDDING
    knowledge = "Pictures of other people with their attributes."
    settings_type = KernelProbeSettings
    _straight: Ridge
    _bent: list[tuple[Any, Ridge]]

    def _fit(self, known: Evidence, values: Floats, gallery: Floats | None, *, seed: int) -> None:
        del gallery
        from sklearn.kernel_approximation import Nystroem

        features = _unit(self._seen(known))
        strengths = self.settings.strengths
        folds = derive_seed(seed, "ridge")
        self._straight = fit_ridge(features, values, known.person, seed=folds, strengths=strengths)
        # The mean squared distance of two rows is twice their variance.
        usual = 2 * float(features.var(axis=0).sum())
        self._bent = []
        if usual < ALIKE:
            # A kernel so narrow would tell rounding apart.
            return
        for width in self.settings.widths:
            span = Nystroem(
                kernel="rbf",
                gamma=1 / (2 * width**2 * usual),
                n_components=min(self.settings.landmarks, len(features)),
                random_state=derive_seed(seed, "landmarks", width),
            ).fit(features)
            ridge = fit_ridge(
                span.transform(features), values, known.person, seed=folds, strengths=strengths
            )
            self._bent.append((span, ridge))

    def _infer(self, seen: Evidence) -> Floats:
        features = _unit(self._seen(seen))
        best, found = self._straight.errors, self._straight.predict(features)
        for span, ridge in self._bent:
            better = ridge.errors < best
            found[:, better] = ridge.predict(span.transform(features))[:, better]
            best = np.minimum(best, ridge.errors)
        return found


def _unit(templates: Floats) -> Floats:
    rows = np.asarray(templates, dtype=np.float64)
    scaled: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)
    return scaled


def _check_all(name: str, values: Sequence[float]) -> None:
    if not values:
        raise UsageError("needs at least one value", where=name)
    for value in values:
        check_number(name, value, low=0, low_open=True)
