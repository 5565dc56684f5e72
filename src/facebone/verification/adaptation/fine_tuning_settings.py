"""Settings of fine-tuning, and how the words of a command become them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

from facebone.backbones.cut_name import parse_cut
from facebone.errors import UsageError
from facebone.settings import check_integer, check_word
from facebone.verification.adaptation.adapter_settings import (
    AdapterSettings,
    LossName,
    Sampler,
    Schedule,
)
from facebone.verification.adaptation.picture_augmentation import Augment
from facebone.verification.adaptation.tails import Normalisation

_OWN = ("backbone", "normalisation", "augment", "epochs")
"""Settings that an adapter has not, or that it checks otherwise."""


@dataclass(frozen=True, slots=True)
class FineTuningSettings:
    """What is trained, and how.

    Loss, sampling and early stopping are those of the adapter; see `AdapterSettings`.

    Args:
        backbone: names of the cut backbones whose tails are trained, such as
            ``mobilefacenet_ms1m_a@17``, in the order of the routes; one may be given as plain text.
            `place_cut` fills them in.
        normalisation: what becomes of batch normalisation behind the cut. ``frozen`` keeps the
            running statistics, so that no picture's gradient depends on another picture; ``batch``
            lets them follow the training; ``group`` puts group normalisation in its place, which
            also keeps pictures apart, but changes what the network computes from the start.
        augment: ``flip`` mirrors every other picture, ``full`` also moves, resizes, brightens and
            covers them; only for backbones cut at 0, for later there are no pictures any more.
        loss: see `AdapterSettings`, as of all that follow.
        margin: of the loss; None for its own.
        scale: of cosines before the softmax.
        sampler: None for the one that suits the loss.
        batch_size: pictures in a step.
        people_per_batch: of the sampler ``people``.
        pictures_per_person: of the same.
        epochs: passes over the pictures; 0 leaves the networks as they were published, which is
            what fine-tuning is to be held against.
        learning_rate: of AdamW; a tenth of the adapter's, for the layers have learnt before.
        weight_decay: of AdamW.
        schedule: of the learning rate.
        patience: epochs without a better one before training stops.
        validation_share: of the people, kept aside for that.
        keep_centres: keep the centres of the people with the head.
    """

    backbone: tuple[str, ...] = ()
    normalisation: Normalisation = "frozen"
    augment: Augment = "none"
    loss: LossName = "cosface"
    margin: float | None = None
    scale: float = 16.0
    sampler: Sampler | None = None
    batch_size: int = 64
    people_per_batch: int = 16
    pictures_per_person: int = 4
    epochs: int = 10
    learning_rate: float = 1e-4
    weight_decay: float = 1e-4
    schedule: Schedule = "constant"
    patience: int | None = None
    validation_share: float = 0.1
    keep_centres: bool = False

    def __post_init__(self) -> None:
        given: Any = self.backbone
        names = (given,) if isinstance(given, str) else given
        if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
            raise UsageError(f"must be names of backbones, got {given!r}", where="backbone")
        object.__setattr__(self, "backbone", names)
        cuts = [parse_cut(name) for name in names]
        if None in cuts:
            raise UsageError(
                f"must be cut, like {names[0].partition('@')[0]}@3, got {', '.join(names)}",
                where="backbone",
            )
        check_word("normalisation", self.normalisation, get_args(Normalisation))
        check_word("augment", self.augment, get_args(Augment))
        if self.augment != "none" and any(cut and cut[1] for cut in cuts):
            raise UsageError(
                f"needs pictures, and behind the cut of {', '.join(names)} there are none",
                where="augment",
                hint="train all blocks, or use augment=none",
            )
        check_integer("epochs", self.epochs, low=0)
        self.recipe  # noqa: B018  (checks all other settings)

    @property
    def recipe(self) -> AdapterSettings:
        """What is shared with the adapter: loss, batches, early stopping."""
        shared = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in _OWN
        }
        batch_norm = self.normalisation == "batch"
        return AdapterSettings(**shared, epochs=max(1, self.epochs), batch_norm=batch_norm)


def place_cut(
    settings: Mapping[str, Any], backbones: Sequence[str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Settings of fine-tuning and the routes to open, from what a user says.

    A user names whole backbones and, as the setting ``blocks``, how many of the last units are
    trained, 1 or more or ``all``; 2 if nothing is said. Names that are cut already are kept.

    Args:
        settings: names and values as given, ``blocks`` among them or not.
        backbones: names of the zoo.

    Returns:
        Settings with ``backbone`` in the place of ``blocks``, and the names for `open_routes`.

    Raises:
        UsageError: a backbone that cannot be cut, or has fewer units.
    """
    from facebone.backbones.cut import cut_names

    left = dict(settings)
    names = cut_names(backbones, left.pop("blocks", DEFAULT_BLOCKS))
    return left | {"backbone": names}, names


DEFAULT_BLOCKS = 2
"""Units that are trained if a user does not say."""
