"""Fine-tuning: the last blocks of a backbone, or all of it, trained on pictures of known people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.progress import ProgressFactory, SilentProgress
from facebone.verification.adaptation.adapter_inside import (
    CENTRE_NAMES,
    count_centres,
    look_at_centres,
)
from facebone.verification.adaptation.fine_tuning_checkpoint import Checkpoint, fingerprint
from facebone.verification.adaptation.fine_tuning_settings import FineTuningSettings
from facebone.verification.adaptation.fine_tuning_training import FineTuning
from facebone.verification.adaptation.tails import Tails
from facebone.verification.adaptation.watching import keep_aside
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix, normalise
from facebone.verification.heads.base import Arrays, Labels
from facebone.verification.heads.fit_report import FitReport
from facebone.verification.heads.inside import Inside
from facebone.verification.heads.people import PeopleHead
from facebone.verification.labelled_pictures import LabelledPictures


@dataclass(frozen=True, slots=True)
class Watching:
    """How a long run is kept and told of.

    Args:
        checkpoint: file that is written after each epoch, and gone on from; None for none.
        progress: told how far training has got.
    """

    checkpoint: Path | None = None
    progress: ProgressFactory = SilentProgress


class FineTuningHead(PeopleHead):
    """The tails of cut backbones, trained to know people apart; what they give is the template.

    Its "embeddings" are the rows at the cuts, as the routes ``BACKBONE@P`` give them; see
    `facebone.backbones.cut`. Training starts from the published weights, which are taken from the
    zoo by name. Afterwards the head holds all weights of its own; the zoo must still know how the
    backbones are built.
    """

    name = "fine_tuning"
    settings_type = FineTuningSettings
    _tails: Tails
    _centres: Matrix

    def __init__(
        self, settings: object | None = None, *, device: str = "cpu", people: int = 0
    ) -> None:
        super().__init__(settings, device=device)
        if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", device):
            raise UsageError(f"must be cpu, mps, cuda or cuda:N, got {device!r}", where="device")
        self._people = people
        self._watching = Watching()

    def _fit_people(
        self, pictures: LabelledPictures, *, seed: int, validation: LabelledPictures | None
    ) -> FitReport:
        settings: FineTuningSettings = self.settings
        tails = self._open()
        if tails.widths != pictures.dimensions:
            raise UsageError(
                f"the embeddings have widths {pictures.dimensions}, at the cuts of "
                f"{' + '.join(settings.backbone)} they have {tails.widths}",
                where=f"head {self.name}",
                hint=f"open the routes {' '.join(settings.backbone)}",
            )
        learnt, aside = pictures, validation
        if settings.patience is not None and validation is None:
            rows = keep_aside(pictures.person, settings.validation_share, seed=seed)
            learnt, aside = pictures.take(~rows), pictures.take(rows)
        checkpoint = None
        if self._watching.checkpoint is not None:
            shown = [learnt] if aside is None else [learnt, aside]
            recipe = fingerprint(settings, seed, tails.arrays(), shown)
            checkpoint = Checkpoint(self._watching.checkpoint, recipe)
        run = FineTuning(settings, tails, learnt, aside, seed=seed, device=self.device)
        told = run.run(checkpoint=checkpoint, progress=self._watching.progress)
        self._tails = tails.eval().requires_grad_(False)
        if settings.keep_centres and run.centres is not None:
            self._centres = normalise(run.centres.detach().cpu().numpy())
            self._people = len(self._centres)
        self._calibrate(self._templates(learnt.embeddings), learnt.person, seed=seed)
        return FitReport(
            pairs=len(learnt),
            held_out=len(pictures) - len(learnt),
            epochs=told.epoch,
            best_epoch=told.best_epoch,
            train_loss=tuple(told.train_loss),
            validation_loss=tuple(told.validation_loss),
        )

    def _open(self, *, filled: bool = True) -> Tails:
        """The tails as they were published, or their structure alone."""
        settings: FineTuningSettings = self.settings
        if not settings.backbone:
            raise UsageError(
                "must name the cut backbones whose tails are trained",
                where=f"head {self.name}, backbone",
                hint="such as backbone=tiny_mobile@9; place_cut finds the number of the unit",
            )
        return Tails.open(settings.backbone, settings.normalisation, filled=filled)

    def _templates(self, embeddings: tuple[Matrix, ...]) -> Matrix:
        return self._tails.embed(embeddings, self.device)

    def _inside(self, pairs: EmbeddedPairs, same: Labels) -> Inside:
        """The line on the cosine, and how the last units answer.

        Gradients by the weights of whole blocks would take a pass backwards for each pair.
        """
        sides = [self._tails.look(side, self.device) for side in (pairs.left, pairs.right)]
        (left, active), (right, also) = sides
        cosine = np.einsum("nd,nd->n", left, right, dtype=np.float64)
        logit = self._compare(left, right) if len(pairs) else np.empty(0)
        kept = self.settings.keep_centres
        return Inside.of_logits(
            logit,
            same,
            np.sqrt(1 + cosine**2)[:, None],
            (active + also) / 2,
            extra=look_at_centres([left, right], self._centres) if kept else None,
            extra_names=CENTRE_NAMES if kept else (),
        )

    @classmethod
    def from_state(
        cls, config: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], **kwargs: Any
    ) -> Self:
        """See `Head.from_state`; the backbones' weights need not be here, but for ONNX files."""
        return super().from_state(config, arrays, people=count_centres(arrays), **kwargs)

    def _arrays(self) -> Arrays:
        found = PeopleHead._arrays(self) | self._tails.arrays()
        if self.settings.keep_centres:
            found["centres"] = self._centres
        return found

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        self._tails = self._open(filled=False)
        found = PeopleHead._shapes(self) | self._tails.shapes_of_arrays()
        if self.settings.keep_centres:
            width = sum(spec.dimension for spec in self._tails.specs)
            found["centres"] = self._people, width
        return found

    def _load(self, arrays: Arrays) -> None:
        PeopleHead._load(self, arrays)
        self._tails.fill(arrays).eval().requires_grad_(False).place(self.device)
        if self.settings.keep_centres:
            self._centres = arrays["centres"].astype(np.float32)


def fine_tune(
    head: FineTuningHead,
    pictures: LabelledPictures,
    *,
    seed: int,
    validation: LabelledPictures | None = None,
    checkpoint: Path | None = None,
    progress: ProgressFactory = SilentProgress,
) -> FitReport:
    """`PeopleHead.fit_people` for long runs, which can be stopped at any time and gone on with.

    Args:
        head: unfitted.
        pictures: see `PeopleHead.fit_people`.
        seed: for everything random.
        validation: pictures of other people, where the settings ask for early stopping.
        checkpoint: file that is written whole after each epoch. If it is there, training goes on
            from it, and on the same device comes to the same numbers as without a break.
        progress: told of pictures that were learnt from, each as often as there are epochs.

    Raises:
        UsageError: as `PeopleHead.fit_people`; a checkpoint of another run.
        StorageError: the checkpoint is damaged or cannot be written.
    """
    head._watching = Watching(checkpoint, progress)
    try:
        return head.fit_people(pictures, seed=seed, validation=validation)
    finally:
        head._watching = Watching()
