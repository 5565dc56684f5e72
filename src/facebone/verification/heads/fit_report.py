"""What fitting a head did."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FitReport:
    """What fitting a head did.

    Args:
        pairs: number of pairs that the parameters were fitted to; of labelled pictures where it is
            these that a head learns from.
        held_out: number of given pairs kept aside for early stopping.
        epochs: passes over the pairs, or iterations of the solver; 0 where nothing is fitted.
        best_epoch: the pass, counted from 1, whose parameters were kept.
        train_loss: mean loss of each pass, where there are passes.
        validation_loss: loss on the validation pairs after each pass, where there are any.
    """

    pairs: int
    held_out: int = 0
    epochs: int = 0
    best_epoch: int = 0
    train_loss: tuple[float, ...] = field(default=(), repr=False)
    validation_loss: tuple[float, ...] = field(default=(), repr=False)
