"""A head that was trained by DP-SGD: the head inside, and what is guaranteed of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from facebone.errors import MissingPartError, UsageError
from facebone.mitigations.dp.accounting import find_noise
from facebone.mitigations.dp.bounding import bound
from facebone.mitigations.dp.guarantee import Guarantee
from facebone.mitigations.dp.models import make_model
from facebone.mitigations.dp.settings import DPHeadSettings
from facebone.mitigations.dp.training import Course, Draws, train
from facebone.mitigations.units import units_of
from facebone.seeding import derive_seed
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import FitReport, Views
from facebone.verification.heads.base import Arrays, Labelled, Labels
from facebone.verification.heads.composed import ComposedHead, Shapes

_WHERE = "mitigation dp_sgd"
SPENT = ("epsilon", "noise", "rate", "steps")
"""What of the guarantee is no setting; saved as arrays of one number."""


class DPHead(ComposedHead):
    """A head whose parameters tell little of any one unit, however they are used.

    Pairs are left out until no unit stands in more than some; see `bounding`. Each step meets each
    of the others with some probability, cuts the gradient of each pair to a length, and hides the
    sum in noise; see `training`. `guarantee` says what this comes to.

    It learns from its pairs only through those steps, so an attacker who holds the weights, or
    trains shadows in the same way, is held by the same bound.
    """

    name = "dp_sgd"
    settings_type = DPHeadSettings
    _spent: tuple[float, ...]

    def __init__(self, settings: object | None = None, *, device: str = "cpu") -> None:
        super().__init__(settings, device=device)
        chosen: DPHeadSettings = self.settings
        self._model = make_model(chosen.head, chosen.head_settings, device=device)
        self._inner = self._model.head

    @property
    def guarantee(self) -> Guarantee:
        """What its parameters tell of each unit, at most.

        Raises:
            UsageError: it was not fitted.
        """
        if self.dimensions is None:
            raise UsageError("guarantees nothing before it is fitted", where=_WHERE, hint="fit it")
        settings: DPHeadSettings = self.settings
        epsilon, noise, rate, steps = self._spent
        return Guarantee(
            epsilon=epsilon,
            delta=settings.delta,
            unit=settings.unit,
            most_pairs=settings.most_pairs,
            noise=noise,
            rate=rate,
            steps=int(steps),
            secret=settings.randomness == "secret",
        )

    def _fit(
        self, pairs: EmbeddedPairs, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        del validation  # it stops after as many steps as were accounted for
        check_opacus()
        settings: DPHeadSettings = self.settings
        kept = self._kept(pairs, same, seed=seed)
        count = len(kept)
        rate = min(settings.batch_size / count, 1.0)
        steps = max(1, round(settings.epochs / rate))
        noise, epsilon = find_noise(
            float(settings.epsilon), float(settings.delta), rate, steps, settings.most_pairs
        )
        model = make_model(settings.head, settings.head_settings, device=self.device)
        rows = torch.from_numpy(model.rows(pairs.take(kept))).to(self.device)
        layers = train(
            model.start(rows.shape[1], seed=seed),
            rows,
            torch.from_numpy(same[kept].astype(np.float32)).to(self.device),
            Course(
                clip=settings.clip,
                noise=noise,
                rate=rate,
                steps=steps,
                learning_rate=settings.learning_rate,
                weight_decay=model.weight_decay,
                dropout=model.dropout,
                safe_noise=settings.randomness == "secret",
            ),
            self._draws(seed),
        )
        self._model, self._inner = model, model.head
        self._inner.dimensions = pairs.dimensions
        self._inner._load(model.arrays(layers, pairs.dimensions))
        self._spent = epsilon, noise, rate, float(steps)
        return FitReport(pairs=count, epochs=settings.epochs, best_epoch=settings.epochs)

    def _kept(self, pairs: EmbeddedPairs, same: Labels, *, seed: int) -> npt.NDArray[np.intp]:
        """Positions of the pairs that are learnt from."""
        settings: DPHeadSettings = self.settings
        units = units_of(pairs, settings.unit)
        number = len(np.unique(units))
        if settings.delta * number >= 1:
            # Giving one unit away altogether would be allowed.
            raise UsageError(
                f"must be below one over the number of units, got {settings.delta:g} for {number}",
                where=f"{_WHERE}, delta",
                hint="lower delta",
            )
        kept = bound(units, settings.most_pairs, seed=seed)
        matched = int(same[kept].sum())
        if matched in (0, len(kept)):
            raise UsageError(
                f"of {len(pairs)} pairs {len(kept)} are left so that no {settings.unit} stands in "
                f"more than {settings.most_pairs}, {matched} of them matched",
                where=f"{_WHERE}, most_pairs",
                hint="raise most_pairs or give more pairs",
            )
        return kept

    def _draws(self, seed: int) -> Draws:
        if self.settings.randomness == "secret":
            return Draws.of_entropy(device=self.device)
        seeds = [derive_seed(seed, "dp_sgd", what) for what in ("sampling", "noise", "dropping")]
        return Draws.of_seeds(*seeds, device=self.device)

    def _fit_views(
        self, views: Views, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        # Seen through several backbones, one pair would count as several.
        raise UsageError("learns from whole pairs, not from one backbone at a time", where=_WHERE)

    def _own_arrays(self) -> Arrays:
        spent = zip(SPENT, self._spent, strict=True)
        return {f"spent.{name}": np.array([value]) for name, value in spent}

    def _own_shapes(self) -> Shapes:
        return {f"spent.{name}": (1,) for name in SPENT}

    def _load_own(self, arrays: Arrays) -> None:
        self._spent = tuple(float(arrays[f"spent.{name}"][0]) for name in SPENT)


def check_opacus() -> None:
    """Refuse to train where Opacus is not installed.

    Raises:
        MissingPartError: it is not.
    """
    from importlib.util import find_spec

    if find_spec("opacus") is None:
        raise MissingPartError(
            "needs Opacus, which is not installed",
            where=_WHERE,
            hint="pip install 'facebone[dp]'",
        )
