"""ART's black-box membership attack, with each kind of attack model that ART has."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Access
from facebone.attacks.base import MembershipAttack
from facebone.attacks.membership.art_loading import load_art
from facebone.attacks.observations import Floats, Mask, Observations
from facebone.data.splits import Level
from facebone.errors import UsageError
from facebone.seeding import derive_seed
from facebone.settings import check_integer, check_number

INPUT_TYPES = ("prediction", "loss")
SCALER_TYPES = ("standard", "minmax", "robust", "none")


@dataclass(frozen=True, slots=True)
class ArtSettings:
    """Settings of ART's black-box attack, ART's own defaults.

    Args:
        input_type: what the attack model sees beside the label: ``prediction``, the two
            probabilities, or ``loss``, the cross-entropy.
        scaler_type: how that is scaled: ``standard``, ``minmax``, ``robust`` or ``none``.

    Raises:
        UsageError: a value is none of these.
    """

    input_type: str = "prediction"
    scaler_type: str = "standard"

    def __post_init__(self) -> None:
        for name, value, known in (
            ("input_type", self.input_type, INPUT_TYPES),
            ("scaler_type", self.scaler_type, SCALER_TYPES),
        ):
            if value not in known:
                raise UsageError(f"must be one of {', '.join(known)}, got {value!r}", where=name)


@dataclass(frozen=True, slots=True)
class ArtNetworkSettings(ArtSettings):
    """Settings of ART's black-box attack with a network.

    Args:
        input_type: see `ArtSettings`.
        scaler_type: see `ArtSettings`.
        epochs: passes over the known candidates.
        batch_size: candidates a step.
        learning_rate: of Adam.

    Raises:
        UsageError: a value is out of range.
    """

    epochs: int = 100
    batch_size: int = 100
    learning_rate: float = 1e-4

    def __post_init__(self) -> None:
        # dataclass(slots=True) makes a new class, which a bare super() does not know.
        ArtSettings.__post_init__(self)
        check_integer("epochs", self.epochs, low=1)
        check_integer("batch_size", self.batch_size, low=1)
        check_number("learning_rate", self.learning_rate, low=0.0, low_open=True)


class ArtBlackBox(MembershipAttack):
    """Goal: tell members by whatever a learner finds in answer and label.

    Access: the score. Knowledge: whether each candidate shows one person, and some members and
    non-members of the target. Success: the attack model gives members a higher probability.

    ART's ``MembershipInferenceBlackBox`` is used as it is, on recorded answers. It sees the
    probabilities of "different" and "same" (the mean over the queries; a score that is no
    probability enters by its log odds) and the label in two columns. The score is the probability
    of membership that its attack model gives. Only ``random_state`` is set on attack models that
    have one, so that a seed gives one result.

    References:
        Shokri, Stronati, Song and Shmatikov, "Membership Inference Attacks Against Machine
        Learning Models", 2017; Nicolae et al., "Adversarial Robustness Toolbox", 2018.
    """

    access = Access.SCORE
    levels = (Level.PAIR,)
    knowledge = "Whether each candidate shows one person, and some members and non-members."
    learns = True
    settings_type = ArtSettings
    model: ClassVar[str]
    """ART's name of the attack model."""

    def _fit(self, known: Observations, member: Mask, *, seed: int) -> None:
        attack = self._new_attack()
        own_seed = derive_seed(seed, self.name)
        # The network is made inside ART's fit, the other models are there already.
        parameters = {} if self.model == "nn" else attack.attack_model.get_params()
        if "random_state" in parameters:
            attack.attack_model.set_params(random_state=own_seed)
        predictions, labels = _as_art_expects(known)
        with self._own_ways(own_seed):
            attack.fit(
                pred=predictions[member],
                y=labels[member],
                test_pred=predictions[~member],
                test_y=labels[~member],
            )
        self._attack = attack

    def _score(self, observed: Observations) -> Floats:
        predictions, labels = _as_art_expects(observed)
        with self._own_ways(0):
            found = self._attack.infer(None, labels, pred=predictions, probabilities=True)
        member: Floats = np.asarray(found, dtype=np.float64)[:, 0]
        return member

    @contextmanager
    def _own_ways(self, seed: int) -> Iterator[None]:
        """Seed the network apart from the process, and keep warnings of ART's models back."""
        with warnings.catch_warnings(), ExitStack() as stack:
            # A deprecated option of SVC, and solvers that stop early: neither is the user's doing.
            warnings.simplefilter("ignore")
            if self.model == "nn":
                import torch

                devices = range(torch.cuda.device_count())
                stack.enter_context(torch.random.fork_rng(devices=devices))
                torch.manual_seed(seed)
                # For layers this small, threads cost more than they gain, and sums that are
                # shared out differently would round differently.
                stack.callback(torch.set_num_threads, torch.get_num_threads())
                torch.set_num_threads(1)
            yield

    def _new_attack(self) -> Any:
        black_box, classifier = load_art(where=f"attack {self.name}")
        target = classifier(_never_asked, input_shape=(2,), nb_classes=2)
        target.compute_loss_from_predictions = cross_entropy
        settings = self.settings
        extra = {}
        if isinstance(settings, ArtNetworkSettings):
            extra = {
                "nn_model_epochs": settings.epochs,
                "nn_model_batch_size": settings.batch_size,
                "nn_model_learning_rate": settings.learning_rate,
            }
        return black_box(
            target,
            input_type=settings.input_type,
            attack_model_type=self.model,
            scaler_type=None if settings.scaler_type == "none" else settings.scaler_type,
            **extra,
        )


def _with_model(
    model: str, learner: str, settings_type: type[ArtSettings] = ArtSettings
) -> type[ArtBlackBox]:
    """The attack with one of ART's attack models."""
    return type(
        f"{model.upper()}Attack",
        (ArtBlackBox,),
        {
            "__doc__": (ArtBlackBox.__doc__ or "").replace("a learner", learner),
            "__module__": __name__,
            "name": f"art_{model}",
            "model": model,
            "summary": f"ART's black-box attack with {learner}",
            "settings_type": settings_type,
        },
    )


RFAttack = _with_model("rf", "a random forest")
GBAttack = _with_model("gb", "gradient boosting")
NNAttack = _with_model("nn", "a neural network", ArtNetworkSettings)
LRAttack = _with_model("lr", "logistic regression")
DTAttack = _with_model("dt", "a decision tree")
KNNAttack = _with_model("knn", "nearest neighbours")
SVMAttack = _with_model("svm", "a support vector machine")


def _as_art_expects(observed: Observations) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Probabilities of "different" and "same", (n, 2), and labels 0 or 1, (n,).

    Each probability is worked out from its own side: near 1, the other side would be lost in
    ``1 - p``.
    """
    from scipy.special import expit

    sides = [expit(sign * observed.log_odds).mean(axis=1) for sign in (-1.0, 1.0)]
    return np.stack(sides, axis=1), observed.same.astype(np.int64)


def cross_entropy(pred: Floats, y: npt.NDArray[np.floating], **_: object) -> Floats:
    """Loss of predictions (n, 2) for one-hot labels (n, 2), finite and exact near 0, (n,)."""
    right = y.argmax(axis=1)
    rows = np.arange(len(pred))
    chosen, other = pred[rows, right], pred[rows, 1 - right]
    tiny = np.finfo(np.float64).tiny
    # Of a probability near 1 only what it lacks is exact.
    loss: Floats = -np.where(
        chosen > 0.5, np.log1p(-np.minimum(other, 0.5)), np.log(np.maximum(chosen, tiny))
    )
    return loss


def _never_asked(_: Floats) -> Floats:
    raise RuntimeError("ART asked a target whose answers were recorded")
