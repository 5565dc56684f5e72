"""A copy by learning an embedding: cosines of moved public embeddings say what the victim says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.extraction.answers import Answers, Floats
from facebone.attacks.extraction.base import ExtractionAttack, Scorer
from facebone.attacks.extraction.head_learning import SURE, passes
from facebone.attacks.extraction.known import KnownPictures
from facebone.attacks.extraction.unit import Unit
from facebone.seeding import derive_seed
from facebone.settings import check_integer, check_number
from facebone.verification.heads.logistic import LogisticHead, LogisticSettings


@dataclass(frozen=True, slots=True)
class MetricSettings:
    """The network of the metric copy, and how it is trained.

    Args:
        hidden: numbers between the two maps of each backbone; 0 moves embeddings by a matrix.
        steps: of the training, about: fewer answers are passed over more often.
        batch_size: answers in a step.
        learning_rate: of Adam at the start.

    Raises:
        UsageError: a value is out of range.
    """

    hidden: int = 256
    steps: int = 4000
    batch_size: int = 256
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        check_integer("hidden", self.hidden, low=0)
        check_integer("steps", self.steps, low=1)
        check_integer("batch_size", self.batch_size, low=1)
        check_number("learning_rate", self.learning_rate, low=0.0, low_open=True)


class MetricCopy(ExtractionAttack):
    """Goal: an embedding of the attacker's own in which cosines say what the victim scores.

    Access: the score. Knowledge: public embeddings of pictures of other people, and whom these
    show. Success: the copy decides about strangers as the victim does.

    It knows that answers are about pairs: both pictures pass one map, and the log odds are a
    weighted sum of cosines behind it. It begins as the regression of the answers on the public
    cosines, and stays there unless the map foretells the answers kept aside better. Unlike a copied
    head, it gives templates, which can be stored and searched. It does not mind the order of
    pictures; of a victim that does it copies the mean of both orders.

    References:
        Hadsell, Chopra and LeCun, "Dimensionality Reduction by Learning an Invariant Mapping",
        2006; Orekondy, Schiele and Fritz, "Knockoff Nets: Stealing Functionality of Black-Box
        Models", 2019.
    """

    name = "metric_copy"
    summary = "an embedding is learnt in which cosines say what the victim scores"
    access = Access.SCORE
    knowledge = "Public embeddings of pictures of other people, and whom these show."
    settings_type = MetricSettings

    def _copy(
        self, known: KnownPictures, learnt: Answers, aside: Answers, *, seed: int
    ) -> tuple[Scorer, str]:
        import torch

        from facebone.attacks.extraction.metric_network import MetricNetwork, train

        settings: MetricSettings = self.settings
        pairs = known.embedded(learnt.left, learnt.right)
        start = LogisticHead(LogisticSettings(C=SURE))
        unit = Unit.of(learnt)
        start.fit_soft(pairs, unit.chances(learnt), seed=seed)
        weights, bias = _plain_weights(start)
        generator = torch.Generator().manual_seed(derive_seed(seed, self.name))
        network = MetricNetwork(
            known.dimensions, settings.hidden, weights, bias, generator=generator
        )
        train(
            network,
            pairs,
            unit.chances(learnt),
            epochs=passes(settings.steps, settings.batch_size, len(learnt)),
            batch_size=settings.batch_size,
            learning_rate=float(settings.learning_rate),
            generator=generator,
        )
        judge = aside if len(aside) else learnt
        asked, sharp = known.embedded(judge.left, judge.right), unit.sharp()
        losses = [
            sharp.loss(np.asarray(scorer(asked), dtype=np.float64), judge)
            for scorer in (unit.scorer(start.logit), unit.scorer(network.logit))
        ]
        if losses[0] <= losses[1]:
            return unit.scorer(start.logit), "regression on the public cosines"
        return unit.scorer(network.logit), "cosines of moved embeddings"


def _plain_weights(head: LogisticHead) -> tuple[Floats, float]:
    """Weights (K,) of the cosines themselves and the bias, of a regression on standardised ones."""
    arrays = head.state()[1]
    weights: Floats = arrays["coefficients"] / arrays["deviation"]
    bias = float(arrays["intercept"][0] - weights @ arrays["mean"])
    return weights, bias
