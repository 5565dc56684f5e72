"""The settings of the MLP head: its shape and its training recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from facebone.errors import UsageError
from facebone.settings import check_flag, check_integer, check_number
from facebone.verification.heads.mlp_network import Initialisation
from facebone.verification.heads.objectives import make_objective


@dataclass(frozen=True, slots=True)
class MLPSettings:
    """Shape and training recipe of the MLP.

    The defaults make the prototype's verifier: the undefended target that defences are held
    against. For verification in earnest the logistic head is the better one; who wants an MLP all
    the same sets `symmetric` for scores that do not depend on the order of a pair.

    Args:
        layers: widths of the hidden layers; the output is one logit.
        batch_norm: hidden layers, counted from 0, that are batch-normalised before they are
            rectified; the reference has it in the layer of 128 alone.
        dropout: share of every hidden layer's outputs that training sets to zero.
        weight_decay: of AdamW.
        learning_rate: of AdamW.
        batch_size: pairs in a step; the order is drawn anew in each epoch.
        epochs: passes over the pairs.
        patience: stop after so many epochs without a lower loss on validation pairs and keep the
            best epoch; None trains all epochs and keeps the last.
        validation_share: part of the pairs kept aside where there is `patience` but no validation
            pairs are given, or where the objective needs some; these pairs are not trained on.
        initialisation: see `mlp_network.start`.
        symmetric: average the logits of both orders of a pair when scoring, so that verifying A
            against B and B against A agree; false scores the order given, as the reference does.
            Training takes pairs in the order given either way. Averaging is a defence of its own,
            for the other order of a pair was never trained on: on half the pairs of LFW's View 2,
            not aligned, it took the loss-threshold attack from AUC 0.715 down to 0.615. An
            undefended verifier must not have it unasked.
        objective: what training moves the network towards, as ``NAME:SETTING=VALUE,..``; see
            `objectives`. Losses that are reported, and that `patience` looks at, are
            cross-entropies all the same.
        mixup: of what the parameters of the Beta distribution are from which each batch draws the
            share of its pairs' differences, and of their labels, that is kept; the rest comes from
            another pair of the batch. 0 mixes nothing. See `mlp_mixing`.
    """

    layers: tuple[int, ...] = (512, 256, 128, 64, 32, 16, 8)
    batch_norm: tuple[int, ...] = (2,)
    dropout: float = 0.0
    weight_decay: float = 0.01
    learning_rate: float = 3e-4
    batch_size: int = 64
    epochs: int = 30
    patience: int | None = None
    validation_share: float = 0.1
    initialisation: Initialisation = "he"
    symmetric: bool = False
    objective: str = "cross_entropy"
    mixup: float = 0.0

    def __post_init__(self) -> None:
        self._check_shape()
        check_number("dropout", self.dropout, low=0, high=1)
        check_number("weight_decay", self.weight_decay, low=0)
        check_number("learning_rate", self.learning_rate, low=0, low_open=True)
        # Normalising by a batch of one would leave zeros.
        check_integer("batch_size", self.batch_size, low=2 if self.batch_norm else 1)
        check_integer("epochs", self.epochs, low=1)
        if self.patience is not None:
            check_integer("patience", self.patience, low=1)
        check_number("validation_share", self.validation_share, low=0, high=1, low_open=True)
        if self.initialisation not in get_args(Initialisation):
            known = " or ".join(get_args(Initialisation))
            raise UsageError(
                f"must be {known}, got {self.initialisation!r}", where="initialisation"
            )
        check_flag("symmetric", self.symmetric)
        check_number("mixup", self.mixup, low=0)
        objective = make_objective(self.objective)
        if self.mixup and not objective.mixes:
            raise UsageError(
                f"mixes labels, which objective {self.objective} cannot learn from",
                where="mixup",
                hint="take one of the two",
            )

    def _check_shape(self) -> None:
        for name in ("layers", "batch_norm"):
            if not isinstance(getattr(self, name), tuple):
                raise UsageError(
                    f"must be a list of integers, got {getattr(self, name)!r}", where=name
                )
        for width in self.layers:
            check_integer("layers", width, low=1)
        for position in self.batch_norm:
            check_integer("batch_norm", position, low=0)
            if position >= len(self.layers):
                raise UsageError(
                    f"names hidden layer {position}, but layers has {len(self.layers)}",
                    where="batch_norm",
                    hint="layers are counted from 0",
                )
        if len(set(self.batch_norm)) != len(self.batch_norm):
            raise UsageError(f"names a layer twice: {self.batch_norm}", where="batch_norm")
