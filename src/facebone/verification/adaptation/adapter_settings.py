"""Shape and training recipe of an adapter, checked."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import cos, pi
from typing import Literal, get_args

from facebone.errors import UsageError
from facebone.settings import check_flag, check_integer, check_number, check_word

Shape = Literal["linear", "low_rank", "mlp"]
LossName = Literal["cosface", "arcface", "softmax", "triplet", "contrastive"]
Sampler = Literal["pictures", "people"]
Schedule = Literal["constant", "cosine"]

MARGINS: dict[str, float] = {
    "cosface": 0.35,
    "arcface": 0.5,
    "softmax": 0.0,
    "triplet": 0.2,
    "contrastive": 0.5,
}
"""Margin of each loss where none is set. Of ``cosface`` and ``arcface`` it is that of the paper."""

WITHIN_BATCH = ("triplet", "contrastive")
"""Losses that compare the pictures of a batch with each other, not with centres of people."""

_OF_LOSS = ("margin", "scale", "keep_centres")


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    """Shape and training recipe of an adapter.

    A setting that would do nothing under the others is refused, unless it has its default.

    Args:
        shape: ``linear``: one affine map; ``low_rank``: two in a row, through `rank` numbers;
            ``mlp``: through rectified `hidden` layers.
        rank: numbers between the two maps of ``low_rank``.
        hidden: widths of the hidden layers of ``mlp``.
        batch_norm: normalise the hidden layers of ``mlp`` over the batch, before they are
            rectified; after training by running moments.
        residual: add the input to the output, and start the last map at zero, so that the adapter
            starts as the verifier without it.
        width: of the template; None for that of the input.
        joint: one adapter over all backbones side by side; false for one adapter a backbone, whose
            cosines are averaged.
        loss: ``cosface``, ``arcface`` and ``softmax`` tell people apart by cosines to a learnt
            centre of each; ``triplet`` and ``contrastive`` compare the pictures of a batch.
        margin: of the loss; None for its own, see `MARGINS`. By ``cosface`` it is taken off the
            cosine to the right centre, by ``arcface`` put on its angle, in radians; ``triplet``
            wants a cosine to the same person larger by it than to another; ``contrastive`` lets
            pictures of two people have cosines up to it.
        scale: what cosines are multiplied by before the softmax. The bound of Wang et al. for a
            few hundred people and a probability of 0.9999 is 15; the 64 of large trainings makes
            gradients of few pictures jump.
        sampler: ``pictures``: an epoch meets each picture once; ``people``: a batch holds a few
            pictures of each of a few people; None for ``people`` with the losses within a batch,
            which need pairs of one person, else ``pictures``.
        batch_size: pictures in a step of the sampler ``pictures``.
        people_per_batch: people in a step of the sampler ``people``.
        pictures_per_person: pictures of each of them, or as many as there are.
        epochs: passes over the pictures.
        learning_rate: of AdamW.
        weight_decay: of AdamW.
        schedule: the learning rate stays ``constant``, or falls to zero along half a ``cosine``.
        noise: Gaussian noise on the embeddings of each batch, about this long in parts of their
            length; they are scaled back to length one.
        dropout: share of every hidden layer's outputs that training sets to zero.
        patience: stop after so many epochs without a lower log loss on pairs of other people and
            keep the best epoch; None trains all epochs and keeps the last.
        validation_share: part of the people kept aside where there is `patience` but no validation
            pictures are given; they are not trained on.
        keep_centres: keep the centres of the people with the head, as a checkpoint of its training
            does. Verification does not need them, and who holds them can compare a picture with
            each person that was trained on.

    References:
        ``cosface`` and the bound: Wang et al., "CosFace: Large Margin Cosine Loss for Deep Face
        Recognition", 2018. ``arcface``: Deng et al., "ArcFace: Additive Angular Margin Loss for
        Deep Face Recognition", 2019. ``triplet`` over a whole batch: Hermans et al., "In Defense of
        the Triplet Loss for Person Re-Identification", 2017. ``contrastive``: Hadsell et al.,
        "Dimensionality Reduction by Learning an Invariant Mapping", 2006.
    """

    shape: Shape = "mlp"
    rank: int = 16
    hidden: tuple[int, ...] = (512,)
    batch_norm: bool = False
    residual: bool = False
    width: int | None = None
    joint: bool = True
    loss: LossName = "cosface"
    margin: float | None = None
    scale: float = 16.0
    sampler: Sampler | None = None
    batch_size: int = 64
    people_per_batch: int = 16
    pictures_per_person: int = 4
    epochs: int = 40
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    schedule: Schedule = "constant"
    noise: float = 0.0
    dropout: float = 0.0
    patience: int | None = None
    validation_share: float = 0.1
    keep_centres: bool = False

    def __post_init__(self) -> None:
        check_word("shape", self.shape, get_args(Shape))
        check_word("loss", self.loss, get_args(LossName))
        check_word("schedule", self.schedule, get_args(Schedule))
        if self.sampler is not None:
            check_word("sampler", self.sampler, get_args(Sampler))
        self._check_shape()
        self._check_loss()
        # Normalising by a batch of one would leave zeros.
        check_integer("batch_size", self.batch_size, low=2 if self.batch_norm else 1)
        check_integer("people_per_batch", self.people_per_batch, low=2)
        check_integer("pictures_per_person", self.pictures_per_person, low=1)
        check_integer("epochs", self.epochs, low=1)
        check_number("learning_rate", self.learning_rate, low=0, low_open=True)
        check_number("weight_decay", self.weight_decay, low=0)
        check_number("noise", self.noise, low=0)
        check_number("dropout", self.dropout, low=0, high=1)
        if self.patience is not None:
            check_integer("patience", self.patience, low=1)
        check_number("validation_share", self.validation_share, low=0, high=1, low_open=True)
        self._refuse_idle()

    def _check_shape(self) -> None:
        check_integer("rank", self.rank, low=1)
        if not isinstance(self.hidden, tuple) or not self.hidden:
            raise UsageError(
                f"must be a list of integers, got {self.hidden!r}",
                where="hidden",
                hint="an adapter without hidden layers has shape=linear",
            )
        for width in self.hidden:
            check_integer("hidden", width, low=1)
        for name in ("batch_norm", "residual", "joint", "keep_centres"):
            check_flag(name, getattr(self, name))
        if self.width is not None:
            check_integer("width", self.width, low=1)
            if self.residual:
                raise UsageError(
                    "must be left out with residual, which adds the input to the output",
                    where="width",
                )

    def _check_loss(self) -> None:
        if self.margin is not None:
            check_number("margin", self.margin, low=0, high=2)
        check_number("scale", self.scale, low=0, low_open=True)

    def _refuse_idle(self) -> None:
        """Refuse what other settings leave without any effect."""
        within = self.loss in WITHIN_BATCH
        idle = {
            "rank": self.shape != "low_rank",
            "hidden": self.shape != "mlp",
            "batch_norm": self.shape != "mlp",
            "dropout": self.shape != "mlp",
            "margin": self.loss == "softmax",
            "scale": within,
            "keep_centres": within,
        }
        for field in fields(self):
            if idle.get(field.name) and getattr(self, field.name) != field.default:
                owner = "loss" if field.name in _OF_LOSS else "shape"
                reason = f"{owner}={getattr(self, owner)}"
                raise UsageError(f"does nothing with {reason}", where=field.name)

    @property
    def chosen_margin(self) -> float:
        """The margin of the loss."""
        return MARGINS[self.loss] if self.margin is None else self.margin

    @property
    def chosen_sampler(self) -> Sampler:
        """What fills the batches."""
        if self.sampler is not None:
            return self.sampler
        return "people" if self.loss in WITHIN_BATCH else "pictures"

    def rate_at(self, share: float) -> float:
        """The learning rate when this share of the training is done."""
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * (1 + cos(pi * share)) / 2

    @property
    def rows(self) -> int:
        """Pictures in a full batch."""
        if self.chosen_sampler == "people":
            return self.people_per_batch * self.pictures_per_person
        return self.batch_size
