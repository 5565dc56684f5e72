"""ART's extraction attacks: Copycat on decisions and Knockoff Nets on scores of pairs."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Access
from facebone.attacks.extraction.answers import Answers, Floats
from facebone.attacks.extraction.base import ExtractionAttack, Scorer
from facebone.attacks.extraction.head_learning import passes
from facebone.attacks.extraction.known import KnownPictures
from facebone.attacks.extraction.unit import Unit
from facebone.attacks.membership.art_loading import load_art
from facebone.errors import UsageError
from facebone.seeding import derive_seed
from facebone.settings import check_integer, check_number
from facebone.verification.embedded_pairs import EmbeddedPairs

MOST_ANSWERS = 2**24
"""ART hands questions on as float32, which counts no further without gaps."""

ASKED_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class ArtCopySettings:
    """The network that ART trains, and how.

    Args:
        layers: widths of the hidden layers.
        steps: of the training, about: fewer answers are passed over more often.
        batch_size: answers in a step.
        learning_rate: of Adam.

    Raises:
        UsageError: a value is out of range.
    """

    layers: tuple[int, ...] = (256, 128, 64)
    steps: int = 4000
    batch_size: int = 256
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        given: Any = self.layers
        layers = tuple(given) if isinstance(given, list | tuple) else (given,)
        for width in layers:
            check_integer("layers", width, low=1)
        object.__setattr__(self, "layers", layers)
        check_integer("steps", self.steps, low=1)
        check_integer("batch_size", self.batch_size, low=1)
        check_number("learning_rate", self.learning_rate, low=0.0, low_open=True)


class ArtCopy(ExtractionAttack):
    """What both attacks share: ART's victim that gives recorded answers, and ART's thief.

    A question is the row number of an answer; the thief's first layer looks its features up. So
    ART asks only what was asked, and the budget holds whatever ART does.
    """

    knowledge = "Public embeddings of pictures of other people, and whom these show."
    settings_type = ArtCopySettings

    def _copy(
        self, known: KnownPictures, learnt: Answers, aside: Answers, *, seed: int
    ) -> tuple[Scorer, str]:
        del aside  # ART chooses nothing
        import torch

        from facebone.attacks.extraction.art_network import Lookup, layers_behind, pair_features

        if len(learnt) > MOST_ANSWERS:
            raise UsageError(
                f"takes at most {MOST_ANSWERS} answers, got {len(learnt)}",
                where=f"attack {self.name}",
            )
        _, black_box = load_art(where=f"attack {self.name}")
        settings: ArtCopySettings = self.settings
        symmetric = learnt.symmetric()
        features = pair_features(known.embedded(learnt.left, learnt.right), symmetric=symmetric)
        unit = Unit.of(learnt)
        chance = unit.chances(learnt)
        with _own_randomness(derive_seed(seed, self.name)):
            network = layers_behind(features.shape[1], settings.layers)
            thief = import_module("art.estimators.classification.pytorch").PyTorchClassifier(
                torch.nn.Sequential(Lookup(features), network),
                loss=torch.nn.CrossEntropyLoss(),
                input_shape=(1,),
                nb_classes=2,
                optimizer=torch.optim.Adam(network.parameters(), lr=float(settings.learning_rate)),
                device_type="cpu",
            )

            def recorded(questions: npt.NDArray[np.float32]) -> Floats:
                found = chance[questions[:, 0].astype(np.intp)]
                return np.stack([1.0 - found, found], axis=1)

            victim = black_box(recorded, input_shape=(1,), nb_classes=2)
            attack = self._attack(
                victim,
                batch_size_fit=settings.batch_size,
                batch_size_query=ASKED_AT_ONCE,
                nb_epochs=passes(settings.steps, settings.batch_size, len(learnt)),
                nb_stolen=len(learnt),
            )
            rows = np.arange(len(learnt), dtype=np.float32)[:, None]
            attack.extract(rows, thieved_classifier=thief)
        network.eval()

        def score(pairs: EmbeddedPairs) -> Floats:
            given = torch.from_numpy(pair_features(pairs, symmetric=symmetric))
            with torch.no_grad():
                logits = network(given).double().numpy()
            odds: Floats = logits[:, 1] - logits[:, 0]
            return odds

        return unit.scorer(score), "ART's network on features of pairs"

    @abstractmethod
    def _attack(self, victim: Any, **parameters: int) -> Any:
        """ART's attack on ART's victim."""


class Copycat(ArtCopy):
    """Goal: a verifier that decides as the victim does.

    Access: the decision. Knowledge: public embeddings of pictures of other people, and whom these
    show. Success: the copy decides about strangers as the victim does.

    ART's ``CopycatCNN`` as it is: a network learns the victim's decisions about random pairs.

    References:
        Correia-Silva, Berriel, Badue, de Souza and Oliveira-Santos, "Copycat CNN: Stealing
        Knowledge by Persuading Confession with Random Non-Labeled Data", 2018; Nicolae et al.,
        "Adversarial Robustness Toolbox", 2018.
    """

    name = "copycat"
    summary = "ART's Copycat: a network learns the victim's decisions"
    access = Access.DECISION

    def _attack(self, victim: Any, **parameters: int) -> Any:
        found = import_module("art.attacks.extraction.copycat_cnn")
        return found.CopycatCNN(victim, **parameters)


class Knockoff(ArtCopy):
    """Goal: a verifier that scores as the victim does.

    Access: the score. Knowledge: public embeddings of pictures of other people, and whom these
    show. Success: the copy decides about strangers as the victim does.

    ART's ``KnockoffNets`` as it is, with its random strategy and soft answers: a network learns the
    victim's chances of one person. Its adaptive strategy asks about one pair at a time, the same
    ones again and again, and looks at decisions alone; it is not used.

    References:
        Orekondy, Schiele and Fritz, "Knockoff Nets: Stealing Functionality of Black-Box Models",
        2019; Nicolae et al., "Adversarial Robustness Toolbox", 2018.
    """

    name = "knockoff"
    summary = "ART's Knockoff Nets: a network learns the victim's scores"
    access = Access.SCORE

    def _attack(self, victim: Any, **parameters: int) -> Any:
        found = import_module("art.attacks.extraction.knockoff_nets")
        return found.KnockoffNets(
            victim,
            sampling_strategy="random",
            use_probability=True,
            verbose=False,
            **parameters,
        )


@contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """Seed what ART and its network draw from, and leave the process as it was."""
    import torch

    state = np.random.get_state()  # noqa: NPY002
    devices = range(torch.cuda.device_count())
    with warnings.catch_warnings(), torch.random.fork_rng(devices=devices):
        # Those of ART and of what it imports are not the user's doing.
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002
