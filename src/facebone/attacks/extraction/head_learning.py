"""Heads of the library that learn what a victim answers, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facebone.attacks.extraction.answers import Answers
from facebone.attacks.extraction.base import Scorer
from facebone.attacks.extraction.known import KnownPictures
from facebone.attacks.extraction.unit import Unit
from facebone.errors import UsageError
from facebone.seeding import derive_seed, make_rng
from facebone.settings import check_integer, check_number
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import HEADS, SoftHead, make_head
from facebone.verification.heads.logistic import LogisticSettings

ENOUGH = 20_000
"""Answers from which on a head of few numbers learns no more: it is given a draw of as many."""

SURE = 100.0
"""How much more than the library's default a regression on scores trusts what it is taught: unlike
labels, scores of a regression are no accident, and a penalty would only pull the copy off."""

AS_GOOD_AS_EXACT = 1e-5
"""Cross-entropy above that of the answers themselves below which no further head is tried."""

FEWEST_EPOCHS, MOST_EPOCHS = 5, 60


@dataclass(frozen=True, slots=True)
class HeadLearningSettings:
    """Which heads are tried, and how an MLP among them is trained.

    The MLP is wider and less deep than the library's own, without batch normalisation: it was the
    better copy of that on faces that no training saw.

    Args:
        heads: names of heads that learn from chances, tried in this order; the one that says best
            what was kept aside is the copy. One name may be given as plain text.
        layers: widths of the MLP's hidden layers.
        dropout: share of their outputs that its training sets to zero.
        networks: MLPs that are trained from different beginnings; the copy says their mean.
        steps: of the MLP's training, about: fewer answers are passed over more often, 5 to 60
            times.
        batch_size: answers in a step.
        learning_rate: of AdamW.

    Raises:
        UsageError: a value is out of range, or a head is named twice or learns from labels alone.
    """

    heads: tuple[str, ...] = ("logistic", "products", "mlp")
    layers: tuple[int, ...] = (512, 256, 128)
    dropout: float = 0.1
    networks: int = 3
    steps: int = 3000
    batch_size: int = 256
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        given: Any = self.heads
        names = (given,) if isinstance(given, str) else tuple(given)
        if not names or len(set(names)) != len(names):
            raise UsageError(f"must be names of different heads, got {given!r}", where="heads")
        for name in names:
            if not issubclass(HEADS.get(name), SoftHead):
                raise UsageError(f"{name!r} cannot learn from chances", where="heads")
        object.__setattr__(self, "heads", names)
        widths: Any = self.layers
        layers = tuple(widths) if isinstance(widths, list | tuple) else (widths,)
        for width in layers:
            check_integer("layers", width, low=1)
        object.__setattr__(self, "layers", layers)
        check_number("dropout", self.dropout, low=0, high=1)
        check_integer("networks", self.networks, low=1)
        check_integer("steps", self.steps, low=1)
        check_integer("batch_size", self.batch_size, low=2)
        check_number("learning_rate", self.learning_rate, low=0.0, low_open=True)


def learn_heads(
    settings: HeadLearningSettings,
    known: KnownPictures,
    learnt: Answers,
    aside: Answers,
    *,
    seed: int,
) -> tuple[Scorer, str]:
    """The head that says best what a victim answered, and its name.

    Args:
        settings: which heads.
        known: the attacker's pictures.
        learnt: answers to learn from.
        aside: answers to choose by; with none, by those that were learnt from.
        seed: for everything random.
    """
    symmetric = learnt.symmetric()
    judge = aside if len(aside) else learnt
    unit = Unit.of(learnt)
    pairs, sharp = known.embedded(judge.left, judge.right), unit.sharp()
    # What the answers themselves would cost; decisions are labels, and would cost nothing.
    least = sharp.loss(judge.margin, judge) if judge.scored else 0.0
    best: tuple[float, Scorer, str] | None = None
    for name in settings.heads:
        heads = [
            _learn(name, settings, known, learnt, unit, symmetric, derive_seed(seed, name, number))
            for number in range(settings.networks if name == "mlp" else 1)
        ]
        scorer = unit.scorer(_mean(heads))
        loss = sharp.loss(np.asarray(scorer(pairs), dtype=np.float64), judge)
        if best is None or loss < best[0]:
            best = loss, scorer, name
        if best[0] - least < AS_GOOD_AS_EXACT:
            break
    if best is None:
        raise RuntimeError("settings name no head")
    return best[1], best[2]


def _learn(
    name: str,
    settings: HeadLearningSettings,
    known: KnownPictures,
    learnt: Answers,
    unit: Unit,
    symmetric: bool,
    seed: int,
) -> SoftHead:
    """One head, fitted to the chances."""
    own: dict[str, Any] = {}
    if name == "mlp":
        if symmetric:
            learnt = learnt.both_orders()
        own = {
            "layers": settings.layers,
            "batch_norm": (),
            "dropout": float(settings.dropout),
            "epochs": passes(settings.steps, settings.batch_size, len(learnt)),
            "batch_size": settings.batch_size,
            "learning_rate": float(settings.learning_rate),
            "symmetric": symmetric,
        }
    elif len(learnt) > ENOUGH:
        learnt = learnt.take(make_rng(seed, "enough").choice(len(learnt), ENOUGH, replace=False))
    head = make_head(name, own)
    if isinstance(head.settings, LogisticSettings) and learnt.scored:
        head = make_head(name, {"C": SURE * head.settings.C})
    if not isinstance(head, SoftHead):
        raise RuntimeError(f"head {name} was checked to learn from chances")
    pairs: EmbeddedPairs = known.embedded(learnt.left, learnt.right)
    head.fit_soft(pairs, unit.chances(learnt), seed=seed)
    return head


def _mean(heads: Sequence[SoftHead]) -> Scorer:
    """The mean of the log odds of heads."""
    return lambda pairs: np.mean([head.logit(pairs) for head in heads], axis=0)


def passes(steps: int, batch_size: int, count: int) -> int:
    """Passes over `count` answers that make about as many steps, `FEWEST_EPOCHS` at least."""
    return int(np.clip(round(steps * batch_size / count), FEWEST_EPOCHS, MOST_EPOCHS))
