"""Noise on answers that a key decides: asking again does not average it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from facebone.mitigations.base import SECRET, MitigationSettings
from facebone.mitigations.choices import Choice, Number, Words
from facebone.mitigations.guards.codes import Floats, PairNumbers
from facebone.mitigations.guards.guard import Guarding
from facebone.mitigations.guards.keyed import KeyedGuard
from facebone.mitigations.keys import check_key
from facebone.settings import check_number, check_word
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Scores

DISTRIBUTIONS = ("laplace", "gaussian")


@dataclass(frozen=True, slots=True)
class KeyedNoiseSettings(MitigationSettings):
    """What noise there is.

    Args:
        backbones: see `MitigationSettings`.
        scale: in log odds: the mean size of Laplace noise, the standard deviation of Gaussian.
        distribution: ``laplace`` (default) or ``gaussian``.
        key: any text of 16 characters or more, best 32 random hexadecimal digits. None derives it
            from the seed, which a verifier that goes out into the world must not rely on. It is
            saved with the verifier's arrays and shown nowhere.
    """

    scale: float = 1.0
    distribution: str = "laplace"
    key: str | None = field(default=None, repr=False, metadata=SECRET)

    def __post_init__(self) -> None:
        # slots=True makes another class of this one, which super() without arguments would miss.
        MitigationSettings.__post_init__(self)
        check_number("scale", self.scale, low=0, low_open=True)
        check_word("distribution", self.distribution, DISTRIBUTIONS)
        if self.key is not None:
            check_key(self.key)


class KeyedNoiseGuard(KeyedGuard):
    """Adds noise that belongs to the pair; see `PairNumbers`."""

    name = "keyed_noise"
    _numbers: PairNumbers

    def _open(self) -> None:
        self._numbers = PairNumbers(self._key, b"noise", self._centre)

    def show(self, log_odds: Scores, pairs: EmbeddedPairs, *, way: int | None = None) -> Scores:
        """See `Guard.show`."""
        drawn = self._numbers.draw(pairs, 2, way=way)
        noise = laplace(drawn[:, 0]) if self.settings.distribution == "laplace" else gauss(drawn)
        scale: float = self.settings.scale
        return log_odds + scale * noise


def laplace(drawn: Floats) -> Floats:
    """Laplace numbers of mean size 1, (n,), from uniform ones (n,): the inverse of its function.

    Half of all lie below 0, and there P(x) = exp(x) / 2; above it is the mirror image.
    """
    middle = drawn - 0.5
    inverse: Floats = -np.sign(middle) * np.log1p(-2 * np.abs(middle))
    return inverse


def gauss(drawn: Floats) -> Floats:
    """Standard normal numbers, (n,), from uniform ones (n, 2).

    References:
        G. Box and M. Muller, "A Note on the Generation of Random Normal Deviates", 1958.
    """
    normal: Floats = np.sqrt(-2 * np.log(drawn[:, 0])) * np.cos(2 * np.pi * drawn[:, 1])
    return normal


class KeyedNoise(Guarding):
    """Adds noise to the log odds of each pair, the same whenever the pair is asked about.

    What it cannot do: pictures that were changed enough to cross a secret plane meet other noise,
    so who asks with many changed versions averages over them; who hands in templates can do so
    at will. Pairs that share a code share their noise, and the difference of their answers has
    none. It is no differential privacy: the noise hides an answer, not what was learnt.

    References:
        The Laplace distribution as noise on answers: C. Dwork, F. McSherry, K. Nissim, A. Smith,
        "Calibrating Noise to Sensitivity in Private Data Analysis", TCC 2006.
        Noise that stays with a question: P. Francis, S. Probst-Eide, R. Munz, "Diffix:
        High-Utility Database Anonymization", APF 2017.
    """

    name = "keyed_noise"
    summary = "noise that a key decides for each pair is added to log odds"
    settings_type = KeyedNoiseSettings
    choices: ClassVar[Mapping[str, Choice]] = {
        "scale": Number(0.1, 8.0, log=True),
        "distribution": Words((None, "gaussian")),
    }
    guard_type = KeyedNoiseGuard

    def effect(self) -> str:
        """What noise is added."""
        return f"{self.summary} ({self.settings.distribution} of {self.settings.scale:g})"
