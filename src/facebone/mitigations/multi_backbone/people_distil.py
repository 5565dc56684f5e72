"""Distilling adaptations into one that never learns what they say of people they have seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from facebone.seeding import derive_seed, make_rng
from facebone.verification.adaptation.adapter import AdapterHead
from facebone.verification.adaptation.adapter_network import Plan
from facebone.verification.adaptation.adapter_settings import AdapterSettings
from facebone.verification.adaptation.adapter_training import Trained
from facebone.verification.heads.mlp_network import Network
from facebone.verification.heads.people import PeopleHead
from facebone.verification.labelled_pictures import LabelledPictures

EPOCHS = 40
BATCH = 256
"""Pictures in a step, about; each is compared with all others of its batch."""
LEARNING_RATE = 1e-3
"""Of AdamW at the start; it falls to zero along half a cosine."""


def distil(
    teachers: Sequence[PeopleHead],
    unseen: npt.NDArray[np.bool_],
    pictures: LabelledPictures,
    settings: AdapterSettings,
    *,
    splits: int,
    seed: int,
) -> AdapterHead:
    """An adapter whose cosines are those of the teachers that saw neither of two people.

    It learns from the same pictures as they, but no label: of two pictures the mean cosine by the
    adaptations that saw neither person, whether they show one person or two. Cosines do not depend
    on the space they are taken in, so teachers need none in common.

    Args:
        teachers: K fitted adaptations, split by split.
        unseen: (K, n) bool, who never saw the person in each picture; of any two pictures there is
            in each split one that saw neither.
        pictures: n pictures.
        settings: of the adapters; see `student_settings`.
        splits: how often people were split; each split has the same say.
        seed: of the student's start and of its batches.

    References:
        Tang, Mahloujifar, Song, Shejwalkar, Nasr, Houmansadr and Mittal, "Mitigating Membership
        Inference Attacks by Self-Distillation Through a Novel Ensemble Architecture", 2022, for
        classifiers, of which each sample has teachers of its own.
    """
    shape = student_settings(settings)
    student = AdapterHead(shape)
    inputs = [torch.from_numpy(matrix) for matrix in student._inputs(pictures.embeddings)]
    plans = [Plan.of(shape, x.shape[1]) for x in inputs]
    networks = [_start(plan, derive_seed(seed, "student", k)) for k, plan in enumerate(plans)]
    learnt = [tensor for network in networks for tensor in network.tensors().values()]
    seen = torch.from_numpy(np.stack([head.templates(pictures.embeddings) for head in teachers]))
    masks = torch.from_numpy(unseen.astype(np.float32))[:, :, None]
    steps = max(1, round(len(pictures) / BATCH))
    optimiser: Any = torch.optim.AdamW(
        learnt, lr=LEARNING_RATE, weight_decay=settings.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS * steps)
    for rows in _batches(len(pictures), steps, seed=seed):
        wanted = _taught(seen[:, rows], masks[:, rows], splits)
        with torch.enable_grad():
            given = _cosines(plans, networks, [x[rows] for x in inputs])
            # A picture's cosine with itself is one whatever is learnt, and adds nothing.
            loss = (given - wanted).square().sum() / (len(rows) * (len(rows) - 1))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    student._adopt([Trained(network.map(Tensor.detach)) for network in networks])
    student.dimensions = pictures.dimensions
    student._calibrate(student._templates(pictures.embeddings), pictures.person, seed=seed)
    return student


def student_settings(settings: AdapterSettings) -> AdapterSettings:
    """Settings of the student of adapters with these.

    It has their layers, but for batch normalisation, and starts as the verifier without it where
    its templates are as wide as its input: it has less to learn of the people it is shown.
    """
    return replace(
        settings,
        batch_norm=False,
        patience=None,
        keep_centres=False,
        residual=settings.width is None,
    )


def _start(plan: Plan, seed: int) -> Network:
    network = plan.start(torch.Generator().manual_seed(seed))
    return network.map(lambda tensor: tensor.requires_grad_())


def _batches(count: int, steps: int, *, seed: int) -> Iterator[npt.NDArray[np.intp]]:
    rng = make_rng(seed, "distillation")
    for _ in range(EPOCHS):
        yield from np.array_split(rng.permutation(count), steps)


def _taught(templates: Tensor, unseen: Tensor, splits: int) -> Tensor:
    """Cosines (b, b) by those that saw neither person: the mean in each split, and of splits.

    Args:
        templates: (K, b, t) of a batch, by each of K teachers.
        unseen: (K, b, 1) one where the teacher never saw the person, else zero.
        splits: S, of which each has K / S teachers in a row.
    """
    hidden = templates * unseen
    cosine = torch.bmm(hidden, hidden.transpose(1, 2))
    asked = torch.bmm(unseen, unseen.transpose(1, 2))
    each = (splits, -1, *cosine.shape[1:])
    return (cosine.view(each).sum(1) / asked.view(each).sum(1)).mean(0)


def _cosines(plans: Sequence[Plan], networks: Sequence[Network], rows: Sequence[Tensor]) -> Tensor:
    """Cosines (b, b) of the student's templates: the mean over its networks."""
    total = torch.zeros(())
    for plan, network, x in zip(plans, networks, rows, strict=True):
        made = torch.nn.functional.normalize(plan.forward(network, x), dim=1)
        total = total + made @ made.T
    return total / len(plans)
