"""A head that sees templates mixed under a key, and stores no others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.mitigations.keyed_templates.settings import KeyedHeadSettings
from facebone.mitigations.keys import KEPT, derived_key, key_bytes
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix
from facebone.verification.heads import FitReport, LearningHead, Views, make_head
from facebone.verification.heads.base import Arrays, Labelled, Labels
from facebone.verification.heads.composed import ComposedHead, Shapes

_WHERE = "mitigation keyed_templates"


class KeyedTemplatesHead(ComposedHead):
    """Embeddings of K backbones side by side, turned by a secret rotation, then another head.

    A rotation leaves every cosine as it is, so recognition loses nothing; but who steals templates
    without the key cannot tell what their numbers mean, and two databases under two keys have
    nothing in common. It is one linear map for all: who knows templates of as many of their own
    pictures as a template has numbers can undo it.

    References:
        A. Teoh, A. Goh, D. Ngo, "Random Multispace Quantization as an Analytic Mechanism for
        BioHashing of Biometric and Random Identity Inputs", TPAMI 2006.
    """

    name = "keyed_templates"
    settings_type = KeyedHeadSettings
    public_templates = False
    _mixing: npt.NDArray[np.float32]

    def __init__(self, settings: object | None = None, *, device: str = "cpu") -> None:
        super().__init__(settings, device=device)
        chosen: KeyedHeadSettings = self.settings
        inner = make_head(chosen.head, chosen.head_settings, device=device)
        if not isinstance(inner, LearningHead):
            raise UsageError(
                f"head {inner.name} learns nothing, so the key has nothing to be saved with",
                where=_WHERE,
                hint="take a head that learns, such as logistic",
            )
        self._inner = inner

    def stored(self, embeddings: tuple[Matrix, ...]) -> Matrix:
        """Mixed templates, (n, sum of d_k).

        Raises:
            UsageError: it was not fitted, so there is no key yet.
        """
        if self.dimensions is None:
            raise UsageError("has no key before it is fitted", where=_WHERE, hint="fit it")
        # einsum adds up every row alike, wherever it stands; a blocked product does not promise it.
        mixed: Matrix = np.einsum("nd,de->ne", super().stored(embeddings), self._mixing)
        return mixed

    def _fit(
        self, pairs: EmbeddedPairs, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        key = self.settings.key
        secret = derived_key(seed) if key is None else key_bytes(key)
        self._mixing = rotation(secret, sum(pairs.dimensions))
        self._inner = self._inner.fresh()
        # From here on it mixes.
        self.dimensions = pairs.dimensions
        if validation is not None:
            validation = self._shown(validation[0]), validation[1]
        return self._inner.fit(self._shown(pairs), same, seed=seed, validation=validation)

    def _fit_views(
        self, views: Views, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        raise UsageError("mixes all backbones, and is not shown one at a time", where=_WHERE)

    def _shown(self, pairs: EmbeddedPairs) -> EmbeddedPairs:
        """Pairs of stored templates, as of one backbone."""
        return EmbeddedPairs((self.stored(pairs.left),), (self.stored(pairs.right),), pairs.people)

    def _inner_widths(self) -> tuple[int, ...]:
        return (sum(self.dimensions or ()),)

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """See `Head.state`; what the key decides is among the arrays, the key is nowhere."""
        config, arrays = super().state()
        if self.settings.key is not None:
            config["settings"]["key"] = KEPT
        return config, arrays

    def _own_arrays(self) -> Arrays:
        return {"mixing": self._mixing}

    def _own_shapes(self) -> Shapes:
        (width,) = self._inner_widths()
        return {"mixing": (width, width)}

    def _load_own(self, arrays: Arrays) -> None:
        self._mixing = arrays["mixing"].astype(np.float32)


def rotation(secret: bytes, width: int) -> npt.NDArray[np.float32]:
    """An orthogonal matrix (width, width) that a secret decides, uniform over all of them.

    References:
        F. Mezzadri, "How to generate random matrices from the classical compact groups", 2007.
    """
    rng = np.random.default_rng(np.frombuffer(secret, dtype=np.uint32))
    turned, upper = np.linalg.qr(rng.standard_normal((width, width)))
    # Without the signs the decomposition would favour some rotations.
    found: npt.NDArray[np.float32] = (turned * np.sign(np.diag(upper))).astype(np.float32)
    return found
