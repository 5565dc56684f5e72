"""What a head's own numbers say of a pair, to an attacker who holds the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]

SUMMARIES = ("mean", "deviation", "share")
"""Of a hidden layer's rectified outputs: mean and standard deviation over its units, and the share
of units that are above zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Inside:
    """What a head's own numbers say of each of n pairs.

    Networks from other starts have their units in other orders, so nothing here depends on the
    order of units: what was seen of one network can be compared with what was seen of another.

    Args:
        loss: (n,) cross-entropy of each pair given its label, in nats.
        gradient_norms: (n, L) Euclidean length of the gradient of a pair's loss by the parameters
            of each of L layers.
        activity: (n, 3 H) `SUMMARIES` of each of H hidden layers, layer by layer; (n, 0) for a
            head that has none.
        extra: (n, e) what else its numbers say; None for nothing.
        extra_names: what each column of it is.

    Raises:
        UsageError: shapes that do not fit each other, or numbers that are not finite.
    """

    loss: Floats
    gradient_norms: Floats
    activity: Floats
    extra: Floats | None = None
    extra_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shapes = self.loss.shape, self.gradient_norms.shape, self.activity.shape
        rows = self.loss.shape[:1]
        fit = [len(shape) for shape in shapes] == [1, 2, 2] and all(s[:1] == rows for s in shapes)
        if not fit or not shapes[1][1] or shapes[2][1] % len(SUMMARIES):
            raise UsageError(
                "loss, gradient norms and activity must be (n,), (n, layers) and "
                f"(n, {len(SUMMARIES)} times hidden layers), got {shapes}",
                where="inside",
            )
        extra = np.empty((len(self), 0)) if self.extra is None else self.extra
        if extra.shape != (len(self), len(self.extra_names)):
            raise UsageError(
                f"extra must be (n, {len(self.extra_names)}), a column a name, got {extra.shape}",
                where="inside",
            )
        for name, values in (
            ("loss", self.loss),
            ("gradient_norms", self.gradient_norms),
            ("activity", self.activity),
            ("extra", extra),
        ):
            if not np.isfinite(values).all():
                raise UsageError(f"{name} is not finite", where="inside")

    @classmethod
    def of_logits(
        cls,
        logit: Floats,
        same: Labels,
        slopes: Floats,
        activity: Floats,
        *,
        extra: Floats | None = None,
        extra_names: tuple[str, ...] = (),
    ) -> Inside:
        """From log odds and how steeply these depend on the parameters.

        Args:
            logit: (n,) log odds of the same person.
            same: (n,) bool.
            slopes: (n, L) length of the gradient of the log odds by each layer's parameters.
            activity: see `Inside`.
            extra: see `Inside`.
            extra_names: see `Inside`.
        """
        margin = np.where(same, logit, -logit)
        # The loss is log(1 + exp(-margin)). By the log odds it changes with 1 / (1 + exp(margin)),
        # the probability of the wrong answer, which the exponential of a logarithm keeps precise
        # where it is small. The chain rule stretches the gradient of the log odds by it.
        wrong = np.exp(-np.logaddexp(0, margin))
        gradient_norms = wrong[:, None] * slopes
        return cls(np.logaddexp(0, -margin), gradient_norms, activity, extra, extra_names)

    @classmethod
    def mean(cls, parts: Sequence[Inside]) -> Inside:
        """The mean of what was seen of the same pairs in several ways."""
        extras = [part.extra for part in parts if part.extra is not None]
        return cls(
            np.mean([part.loss for part in parts], axis=0),
            np.mean([part.gradient_norms for part in parts], axis=0),
            np.mean([part.activity for part in parts], axis=0),
            np.mean(extras, axis=0) if extras else None,
            parts[0].extra_names,
        )

    def __len__(self) -> int:
        return len(self.loss)

    def columns(self) -> Floats:
        """All of it as numbers of a like size, (n, 2 + L + 3 H + e); `names` says what they are.

        The loss and the length of the whole gradient come first, whatever the head.
        Lengths of gradients span many orders of magnitude, so these are logarithms.
        """
        whole = np.linalg.norm(self.gradient_norms, axis=1, keepdims=True)
        lengths = np.concatenate([whole, self.gradient_norms], axis=1)
        # A gradient that vanishes has no logarithm: it counts as the smallest there is.
        logarithms = np.log(np.maximum(lengths, np.finfo(np.float64).tiny))
        extra = [] if self.extra is None else [self.extra]
        return np.concatenate([self.loss[:, None], logarithms, self.activity, *extra], axis=1)

    def names(self) -> tuple[str, ...]:
        """What each of the `columns` is."""
        layers = range(self.gradient_norms.shape[1])
        hidden = range(self.activity.shape[1] // len(SUMMARIES))
        return (
            "loss",
            "log gradient",
            *(f"log gradient of layer {layer}" for layer in layers),
            *(f"activity of layer {layer}, {what}" for layer in hidden for what in SUMMARIES),
            *self.extra_names,
        )
