"""What shadow verifiers answer about the candidates, and which of these each was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Channel
from facebone.errors import UsageError

Mask = npt.NDArray[np.bool_]
Singles = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ShadowAnswers:
    """Answers of S shadows about n candidates, in the order of the target's observations.

    Args:
        log_odds: (S, n) float32 of the same person; the mean over queries where answers vary.
        trained: (S, n) bool, whether the shadow was trained on the candidate.
        channels: (S, n, f) float32 by what else the attacker sees; see `Channel`.

    Raises:
        UsageError: shapes that do not fit, or answers that are not finite.
    """

    log_odds: Singles
    trained: Mask
    channels: Mapping[Channel, Singles] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.log_odds.ndim != 2 or self.log_odds.shape != self.trained.shape:
            raise UsageError(
                f"log odds of {self.log_odds.shape} and membership of {self.trained.shape} must "
                "both be (shadows, candidates)",
                where="shadows",
            )
        if self.trained.dtype != np.bool_:
            raise UsageError(f"membership must be bool, got {self.trained.dtype}", where="shadows")
        for name, values in self.channels.items():
            if values.ndim != 3 or values.shape[:2] != self.log_odds.shape:
                raise UsageError(
                    f"{name} of {values.shape} do not fit log odds of {self.log_odds.shape}",
                    where="shadows",
                )
        if not all(np.isfinite(v).all() for v in (self.log_odds, *self.channels.values())):
            raise UsageError("their answers are not finite", where="shadows")

    def __len__(self) -> int:
        return len(self.log_odds)

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> ShadowAnswers:
        """The candidates at `rows`, as positions or as a mask."""
        return ShadowAnswers(
            self.log_odds[:, rows],
            self.trained[:, rows],
            {name: values[:, rows] for name, values in self.channels.items()},
        )

    def choose(self, numbers: npt.NDArray[np.intp] | Mask) -> ShadowAnswers:
        """The shadows at `numbers`, as positions or as a mask."""
        return ShadowAnswers(
            self.log_odds[numbers],
            self.trained[numbers],
            {name: values[numbers] for name, values in self.channels.items()},
        )

    def margins(self, same: Mask) -> npt.NDArray[np.float64]:
        """Log odds of the right answer, (S, n) float64."""
        signs = np.where(same, 1.0, -1.0)
        signed: npt.NDArray[np.float64] = self.log_odds.astype(np.float64) * signs
        return signed
