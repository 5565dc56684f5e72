"""The settings of DP-SGD: as people give them, and as a head that was trained so keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from facebone.errors import UsageError
from facebone.mitigations.base import MitigationSettings
from facebone.mitigations.units import UNITS
from facebone.settings import check_integer, check_number, check_word, plain

RANDOMNESS = ("seeded", "secret")

EPOCHS = 30
BATCH_SIZE = 512
LEARNING_RATE = 0.005
MOST_PAIRS = 2


@dataclass(frozen=True, slots=True)
class DPSettings(MitigationSettings):
    """What is promised to whom, and how the head is trained.

    Args:
        backbones: see `MitigationSettings`.
        epsilon: how much one unit may change the odds of anything, as a logarithm; the noise is
            chosen so that training spends no more.
        delta: the probability with which it may change them more. It must be well below one over
            the number of units.
        unit: to whom it is promised: each ``person`` (default), with all pairs that show them;
            each ``image``, with all pairs it stands in; or each ``pair``.
        most_pairs: of one person or image that are trained on, 2 by default; others are left out.
            More pairs a unit need more noise. Of a pair there is one.
        clip: length that the gradient of each pair is cut to.
        epochs: how often each pair is met, on average. None takes the head's own where the command
            sets it, or else 30; so with the next two.
        batch_size: pairs that a step meets on average, 512 by default, or all where there are
            fewer; each step draws them anew.
        learning_rate: of AdamW; 0.005 by default.
        randomness: ``seeded`` (default): sampling and noise are drawn from the seed, so that an
            audit can be repeated; whoever knows the seed can take the noise away, and to them
            nothing is promised. ``secret``: they are drawn from the operating system's entropy and
            forgotten, as a verifier that goes out into the world needs; no seed repeats it.
    """

    epsilon: float = 8.0
    delta: float = 1e-5
    unit: str = "person"
    most_pairs: int | None = None
    clip: float = 1.0
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    randomness: str = "seeded"

    def __post_init__(self) -> None:
        # slots=True makes another class of this one, which super() without arguments would miss.
        MitigationSettings.__post_init__(self)
        check_promise(self.epsilon, self.delta, self.unit, self.clip, self.randomness)
        if self.most_pairs is not None:
            check_integer("most_pairs", self.most_pairs, low=1)
            if self.unit == "pair":
                raise UsageError(
                    "means something under unit=person or image alone",
                    where="most_pairs",
                    hint="leave it out",
                )
        if self.epochs is not None:
            check_integer("epochs", self.epochs, low=1)
        if self.batch_size is not None:
            check_integer("batch_size", self.batch_size, low=1)
        if self.learning_rate is not None:
            check_number("learning_rate", self.learning_rate, low=0, low_open=True)

    def for_head(self, head: str, head_settings: Mapping[str, Any]) -> DPHeadSettings:
        """The settings of a head, defaults filled in.

        Args:
            head: name of the head that is trained.
            head_settings: names and values of its settings, as they were given.
        """
        given = dict(head_settings)
        most = MOST_PAIRS if self.most_pairs is None else self.most_pairs

        def own(name: str, default: float) -> Any:
            chosen = getattr(self, name)
            return given.get(name, default) if chosen is None else chosen

        return DPHeadSettings(
            head=head,
            head_settings=given,
            epsilon=self.epsilon,
            delta=self.delta,
            unit=self.unit,
            most_pairs=1 if self.unit == "pair" else most,
            clip=self.clip,
            epochs=own("epochs", EPOCHS),
            batch_size=own("batch_size", BATCH_SIZE),
            learning_rate=own("learning_rate", LEARNING_RATE),
            randomness=self.randomness,
        )


@dataclass(frozen=True, slots=True)
class DPHeadSettings:
    """What a head is made of and how it is trained; see `DPSettings`.

    Args:
        head: name of the head inside.
        head_settings: names and plain values of its settings.
        epsilon: see `DPSettings`, as all that follow.
        delta: of the guarantee.
        unit: to whom it is given.
        most_pairs: of one unit.
        clip: length of a gradient.
        epochs: of training.
        batch_size: expected.
        learning_rate: of AdamW.
        randomness: where noise comes from.
    """

    head: str = "mlp"
    head_settings: dict[str, Any] = field(default_factory=dict)
    epsilon: float = 8.0
    delta: float = 1e-5
    unit: str = "person"
    most_pairs: int = MOST_PAIRS
    clip: float = 1.0
    epochs: int = EPOCHS
    batch_size: int = BATCH_SIZE
    learning_rate: float = LEARNING_RATE
    randomness: str = "seeded"

    def __post_init__(self) -> None:
        if not isinstance(self.head, str) or not isinstance(self.head_settings, dict):
            raise UsageError("needs the name and the settings of a head", where="dp_sgd")
        object.__setattr__(self, "head_settings", plain(self.head_settings))
        check_promise(self.epsilon, self.delta, self.unit, self.clip, self.randomness)
        for name in ("most_pairs", "epochs", "batch_size"):
            check_integer(name, getattr(self, name), low=1)
        check_number("learning_rate", self.learning_rate, low=0, low_open=True)


def check_promise(epsilon: float, delta: float, unit: str, clip: float, randomness: str) -> None:
    """Refuse what no guarantee can be made of.

    Raises:
        UsageError: a value is out of range.
    """
    check_number("epsilon", epsilon, low=0, low_open=True)
    check_number("delta", delta, low=0, high=1, low_open=True)
    check_word("unit", unit, UNITS)
    check_number("clip", clip, low=0, low_open=True)
    check_word("randomness", randomness, RANDOMNESS)
