"""A verifier: backbones, preparation of pictures, head and threshold, joined."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.seeding import check_seed, derive_seed
from facebone.verification.calibration import best_accuracy_threshold, calibrate_threshold
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.folds import draw_folds
from facebone.verification.heads.base import Head, Labelled, Labels, Scores
from facebone.verification.heads.fit_report import FitReport
from facebone.verification.heads.people import PeopleHead
from facebone.verification.labelled_pictures import LabelledPictures
from facebone.verification.metrics import check_far
from facebone.verification.protocol import held_out_scores

ROUTE_FACTS = ("backbone", "weights_hash")
"""What a description of a route must name; what else it holds says how pictures are prepared."""

CALIBRATION_FOLDS = 5


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """What a verifier was made from.

    Args:
        data: name of the data set.
        fingerprint: of the data set, see `Dataset.fingerprint`.
        seed: of everything random in the training.
        mitigation: name of the defence it was trained with.
        pairs: number of pairs it was fitted to.
        pictures: number of pictures of known people that it was fitted to instead.
    """

    data: str
    fingerprint: str
    seed: int
    mitigation: str = "none"
    pairs: int = 0
    pictures: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Verifier:
    """Two pictures' embeddings -> score -> decision, with the facts to make it again.

    Args:
        routes: a description a backbone, see `Route.describe`: its name as ``backbone``, the hash
            of its weights as ``weights_hash``, and how pictures are prepared for it.
        dimensions: width of each backbone's embeddings.
        head: fitted, if it learns.
        threshold: pairs that score at least this are taken for the same person.
        target_far: false accept rate the threshold was calibrated at; None for best accuracy.
        training: what it was made from.

    Raises:
        UsageError: the parts do not fit each other.
    """

    routes: tuple[Mapping[str, str], ...]
    dimensions: tuple[int, ...]
    head: Head
    threshold: float
    target_far: float | None
    training: TrainingFacts

    def __post_init__(self) -> None:
        if not self.routes or len(self.routes) != len(self.dimensions):
            raise UsageError(
                f"needs one description and one width a backbone, got {len(self.routes)} and "
                f"{len(self.dimensions)}",
                where="verifier",
            )
        for route in self.routes:
            missing = [fact for fact in ROUTE_FACTS if fact not in route]
            if missing:
                raise UsageError(f"a route lacks {', '.join(missing)}", where="verifier")
        if self.head.learns and self.head.dimensions != self.dimensions:
            raise UsageError(
                f"the head was fitted to embeddings of width {self.head.dimensions}, the "
                f"backbones have {self.dimensions}",
                where="verifier",
            )
        if not math.isfinite(self.threshold):
            raise UsageError(f"must be finite, got {self.threshold}", where="threshold")
        if self.target_far is not None:
            check_far(self.target_far)
        check_seed(self.training.seed)

    @classmethod
    def fit(
        cls,
        head: Head,
        pairs: EmbeddedPairs,
        same: Labels,
        *,
        routes: tuple[Mapping[str, str], ...],
        training: TrainingFacts,
        target_far: float | None = None,
        calibration: Labelled | None = None,
    ) -> tuple[Verifier, FitReport]:
        """Fit a head and choose its threshold.

        The threshold comes from the `calibration` pairs. Without them it comes from the training
        pairs: a head that learns then scores each of five folds fitted to the other four, for on
        pairs that it learnt from it is too sure of itself; the head that is kept learns from all.

        Args:
            head: learns in place, if it learns.
            pairs: n pairs.
            same: (n,) bool.
            routes: a description a backbone.
            training: facts to keep; its seed is used, its number of pairs filled in.
            target_far: calibrate at this false accept rate; None chooses the best accuracy.
            calibration: pairs the head does not learn from, and their labels.

        Returns:
            The verifier, and what fitting did.

        Raises:
            UsageError: too few mismatched pairs for `target_far`, or labels and pairs that do not
                fit; see `Head.fit`.
        """
        report = head.fit(pairs, same, seed=training.seed)
        if calibration is not None:
            scored, truth = head.score(calibration[0]), calibration[1]
        elif head.learns:
            seed = derive_seed(training.seed, "calibration")
            fold = draw_folds(same, seed=seed, count=CALIBRATION_FOLDS)
            scored, truth = held_out_scores(head.fresh, pairs, same, fold, seed=seed), same
        else:
            scored, truth = head.score(pairs), same
        facts = replace(training, pairs=len(pairs))
        threshold = _threshold(scored, truth, target_far)
        return cls(routes, pairs.dimensions, head, threshold, target_far, facts), report

    @classmethod
    def fit_people(
        cls,
        head: PeopleHead,
        pictures: LabelledPictures,
        *,
        routes: tuple[Mapping[str, str], ...],
        training: TrainingFacts,
        calibration: Labelled,
        target_far: float | None = None,
    ) -> tuple[Verifier, FitReport]:
        """Fit an adaptation and choose its threshold on pairs of other people.

        Args:
            head: learns in place.
            pictures: of known people.
            routes: a description a backbone.
            training: facts to keep; its seed is used, its number of pictures filled in.
            calibration: pairs of people it does not learn from, and their labels.
            target_far: as in `fit`.

        Returns:
            The verifier, and what fitting did.

        Raises:
            UsageError: too few mismatched pairs for `target_far`; see `PeopleHead.fit_people`.
        """
        report = head.fit_people(pictures, seed=training.seed)
        pairs, truth = calibration
        threshold = _threshold(head.score(pairs), truth, target_far)
        facts = replace(training, pictures=len(pictures))
        return cls(routes, pictures.dimensions, head, threshold, target_far, facts), report

    @property
    def backbones(self) -> tuple[str, ...]:
        """Names of the backbones, in the order in which pairs hold their embeddings."""
        return tuple(route["backbone"] for route in self.routes)

    def score(self, pairs: EmbeddedPairs) -> Scores:
        """Score pairs, (n,) float64, larger for the same person.

        Raises:
            UsageError: embeddings of other widths than the backbones', or not finite.
        """
        if pairs.dimensions != self.dimensions:
            raise UsageError(
                f"its backbones have embeddings of width {self.dimensions}, got {pairs.dimensions}",
                where="verifier",
                hint=f"embed with {', '.join(self.backbones)}, in this order",
            )
        return self.head.score(pairs)

    def decide(self, pairs: EmbeddedPairs) -> npt.NDArray[np.bool_]:
        """Whether each pair is taken for the same person, (n,).

        Raises:
            UsageError: as `score`.
        """
        return self.score(pairs) >= self.threshold

    def save(self, folder: Path) -> None:
        """Write the verifier; see `verifier_folder.save_verifier`."""
        from facebone.verification.verifier_folder import save_verifier

        save_verifier(self, folder)

    @classmethod
    def load(cls, folder: Path) -> Verifier:
        """Read a saved verifier; see `verifier_folder.load_verifier`."""
        from facebone.verification.verifier_folder import load_verifier

        return load_verifier(folder)


def _threshold(scores: Scores, same: Labels, far: float | None) -> float:
    """Of best accuracy, or at a false accept rate."""
    if far is None:
        return best_accuracy_threshold(scores, same)
    return calibrate_threshold(scores, same, far=far)
