"""Attributes by a vote of the pictures that a verifier finds alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.attributes.base import AttributeAttack
from facebone.attacks.attributes.columns import Columns
from facebone.attacks.attributes.evidence import Evidence
from facebone.attacks.observations import Floats
from facebone.errors import UsageError
from facebone.settings import check_number


@dataclass(frozen=True, slots=True)
class ScoreVoteSettings:
    """Settings of the vote.

    Args:
        temperatures: that are tried: a picture whose score lies this many deviations above
            another's counts e times as much.

    Raises:
        UsageError: none, or one that is not above 0.
    """

    temperatures: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0)

    def __post_init__(self) -> None:
        if not self.temperatures:
            raise UsageError("needs at least one value", where="temperatures")
        for value in self.temperatures:
            check_number("temperatures", value, low=0, low_open=True)


class ScoreVote(AttributeAttack):
    """Goal: infer attributes where only scores are shown, and few may be asked.

    Access: the score. Knowledge: pictures of other people with their attributes; some to ask
    beside, others to choose by. Success: pictures with the attribute score higher beside others
    with it.

    The attributes of the pictures that were asked beside are averaged, each weighed by the
    exponential of its score in deviations. How sharply is chosen for each attribute by those who
    are known: that is all it learns, so that few of them are enough.

    References:
        Nadaraya, "On Estimating Regression", 1964, for the weighted mean.
    """

    name = "score_vote"
    summary = "pictures that score high beside a face share its attributes"
    access = Access.SCORE
    knowledge = "Pictures of other people with their attributes, some of them to ask beside."
    needs_gallery = True
    settings_type = ScoreVoteSettings
    _usual: Columns
    _gallery: Floats
    _chosen: np.ndarray[tuple[int], np.dtype[np.intp]]

    def _fit(self, known: Evidence, values: Floats, gallery: Floats | None, *, seed: int) -> None:
        del seed
        if gallery is None:
            raise RuntimeError(f"attack {self.name} came without a gallery")
        scores = self._seen(known)
        self._usual, self._gallery = Columns.of(scores), gallery
        votes = self._votes(scores)
        merits = np.stack([_correlations(one, values) for one in votes])
        self._chosen = np.argmax(merits, axis=0)

    def _infer(self, seen: Evidence) -> Floats:
        votes = self._votes(self._seen(seen))
        found: Floats = votes[self._chosen, :, np.arange(votes.shape[2])].T
        return found

    def _votes(self, scores: Floats) -> Floats:
        """The vote of each temperature, (t, n, k)."""
        standard = self._usual.standard(scores)
        found = []
        for temperature in self.settings.temperatures:
            weight = np.exp((standard - standard.max(axis=1, keepdims=True)) / temperature)
            found.append(weight @ self._gallery / weight.sum(axis=1, keepdims=True))
        return np.stack(found)


def _correlations(found: Floats, wanted: Floats) -> Floats:
    """Of each column of (n, k) with that of another, (k,); 0 where one does not vary."""
    one, two = found - found.mean(axis=0), wanted - wanted.mean(axis=0)
    lengths = np.sqrt((one**2).sum(axis=0) * (two**2).sum(axis=0))
    correlation: Floats = (one * two).sum(axis=0) / np.where(lengths > 0, lengths, 1.0)
    return correlation
