"""Refinement: pictures moved until networks take them for whom a template shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from facebone.attacks.inversion.guide import Look
from facebone.attacks.inversion.linear_decoder import Templates
from facebone.attacks.inversion.tensors import to_faces, to_tensor
from facebone.backbones.base import Faces
from facebone.seeding import derive_seed
from facebone.settings import check_integer, check_number

Rows = npt.NDArray[np.intp]
Aim = Callable[[Rows, Templates], Templates]
"""Where embeddings (q, d) of pictures at some places (q,) should go: directions (q, d), of length
one or zero."""

AT_ONCE = 32
"""Pictures that are moved together."""

REACH = 2
"""Pixels that a picture is shaken by at most."""


@dataclass(frozen=True)
class RefinementSettings:
    """How pictures are moved by the gradients of networks.

    Args:
        steps: of Adam; 0 leaves pictures as they are.
        step: how far a pixel goes in one of them at first, in parts of its range, or a number of a
            template.
        smoothness: what total variation counts beside one less the cosine.
        loyalty: what the mean squared difference from the first picture counts.
    """

    steps: int = 15
    step: float = 0.02
    smoothness: float = 60.0
    loyalty: float = 5.0

    def __post_init__(self) -> None:
        check_integer("steps", self.steps, low=0)
        check_number("step", self.step, low=0, low_open=True)
        check_number("smoothness", self.smoothness, low=0)
        check_number("loyalty", self.loyalty, low=0)


class Movable(Protocol):
    """Pictures by the numbers that are moved; its length is how many there are."""

    def __len__(self) -> int: ...

    def numbers(self, rows: Rows) -> Tensor:
        """Of some pictures before they are moved, (q, ..), where the networks are."""
        ...

    def draw(self, numbers: Tensor) -> Tensor:
        """The pictures that numbers stand for, (q, 3, h, w) in 0 .. 1, differentiably."""
        ...

    def bound(self, numbers: Tensor) -> None:
        """Bring numbers back, in place, to where they stand for a picture."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """Pictures whose pixels are moved each by itself: `Movable`.

    Args:
        faces: (n, h, w, 3) uint8.
        device: where the networks are.
    """

    faces: Faces
    device: str = "cpu"

    def __len__(self) -> int:
        return len(self.faces)

    def numbers(self, rows: Rows) -> Tensor:
        """(q, 3, h, w) in 0 .. 1."""
        return to_tensor(self.faces[rows], self.device)

    def draw(self, numbers: Tensor) -> Tensor:
        """They are the picture."""
        return numbers

    def bound(self, numbers: Tensor) -> None:
        """No brighter than white."""
        numbers.clamp_(0, 1)


def refine(
    faces: Movable,
    aim: Aim,
    look: Look,
    settings: RefinementSettings,
    *,
    seed: int,
) -> Faces:
    """Pictures like the first ones that networks see going where they should.

    Args:
        faces: n pictures to begin with.
        aim: where embeddings should go, asked anew in each step.
        look: the networks.
        settings: how.
        seed: of the shaking.

    Returns:
        (n, h, w, 3).

    References:
        A. Mahendran, A. Vedaldi, "Understanding Deep Image Representations by Inverting Them",
        CVPR 2015.
    """
    found = []
    for begin in range(0, len(faces), AT_ONCE):
        rows = np.arange(begin, min(begin + AT_ONCE, len(faces)))
        generator = torch.Generator().manual_seed(derive_seed(seed, "refinement", begin))
        start = faces.numbers(rows)
        moved = _move(faces, start, partial(aim, rows), look, settings, generator)
        found.append(to_faces(faces.draw(moved)))
    return np.concatenate(found)


def towards(templates: Templates) -> Aim:
    """The aim of pictures whose templates (n, d) are known."""
    return lambda rows, _: templates[rows]


def _move(
    faces: Movable,
    start: Tensor,
    aim: Callable[[Templates], Templates],
    look: Look,
    settings: RefinementSettings,
    generator: torch.Generator,
) -> Tensor:
    """The numbers that pictures have been moved to."""
    first = faces.draw(start)
    numbers = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([numbers], lr=settings.step)
    for number in range(settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = settings.step * (1 - number / settings.steps)
        pictures = faces.draw(numbers)
        seen = look(shaken(pictures, generator))
        wanted = torch.from_numpy(aim(seen.detach().cpu().numpy())).to(seen.device)
        missed = 1 - (seen * wanted).sum(dim=1)
        moved = (pictures - first).square().mean(dim=(1, 2, 3))
        loss = missed + settings.smoothness * total_variation(pictures) + settings.loyalty * moved
        optimiser.zero_grad()
        loss.sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        with torch.no_grad():
            faces.bound(numbers)
    return numbers.detach()


def total_variation(pictures: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels of pictures (n, 3, h, w), (n,)."""
    down = (pictures[:, :, 1:] - pictures[:, :, :-1]).abs().mean(dim=(1, 2, 3))
    across = (pictures[:, :, :, 1:] - pictures[:, :, :, :-1]).abs().mean(dim=(1, 2, 3))
    return down + across


def shaken(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures moved by a pixel or two, brighter or darker, with a little noise.

    What a network says of such pictures is what other networks say, too; of the pictures as they
    are it can be led to say anything, by patterns that mean nothing to others.

    References:
        A. Athalye, L. Engstrom, A. Ilyas, K. Kwok, "Synthesizing Robust Adversarial Examples",
        ICML 2018.
    """

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(pictures.device)

    down, right = (int(x) for x in torch.randint(0, 2 * REACH + 1, (2,), generator=generator))
    padded = functional.pad(pictures, (REACH,) * 4, mode="replicate")
    height, width = pictures.shape[2:]
    moved = padded[:, :, down : down + height, right : right + width]
    count = len(pictures)
    light = 1 + 0.1 * drawn(count, 1, 1, 1)
    return moved * light + 0.03 * drawn(count, 3, 1, 1) + 0.02 * drawn(*pictures.shape)
