"""Public networks that can be differentiated: what a picture's embedding says of its pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from facebone.attacks.inversion.linear_decoder import Templates
from facebone.backbones.base import BackboneSpec
from facebone.backbones.cut import open_cut
from facebone.backbones.cut_name import cut_name
from facebone.errors import UsageError

Look = Callable[[Tensor], Tensor]
"""Templates of length one (n, d) of pictures (n, 3, h, w) in 0 .. 1, through which gradients
flow."""


class Guide(nn.Module):
    """A backbone from pixels to embeddings through which gradients flow.

    Args:
        spec: its facts.
        network: from prepared pictures (n, 3, h, w) to embeddings (n, d), in evaluation mode.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: BackboneSpec, network: nn.Module) -> None:
        super().__init__()
        self.spec, self.network = spec, network
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Embeddings of length one, (n, d), of pictures (n, 3, h, w), red first, in 0 .. 1."""
        if tuple(pictures.shape[2:]) != self.spec.input_size:
            pictures = functional.interpolate(
                pictures, self.spec.input_size, mode="bilinear", align_corners=False, antialias=True
            )
        if self.spec.colour == "bgr":
            pictures = pictures.flip(1)
        prepared = (pictures * 255 - self.mean) / self.std
        rows = self.network(prepared.contiguous(memory_format=torch.channels_last))
        return functional.normalize(rows)


def open_guide(name: str, device: str | torch.device = "cpu") -> Guide:
    """A backbone of the zoo that can be differentiated.

    Raises:
        UsageError: it cannot, as a network whose layers nobody gives.
        UnknownNameError, MissingPartError, WeightsError: as `load_backbone`.
    """
    try:
        cut = open_cut(cut_name(name, 0))
    except UsageError as error:
        raise UsageError(
            f"gives no gradients: {error.what}",
            where=name,
            hint="take an attack that needs none",
        ) from error
    network = cut.tail.requires_grad_(False).to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Guide(cut.spec, network).to(device)


def look_through(names: Sequence[str], device: str | torch.device = "cpu") -> Look:
    """The way from pictures to the embeddings of public backbones side by side.

    Args:
        names: of the backbones, which want faces alike.
        device: where they run.

    Returns:
        A function from (n, 3, h, w) in 0 .. 1 to (n, d) of length one.

    Raises:
        UsageError: one of them gives no gradients, or they want faces cut out differently.
        UnknownNameError, MissingPartError, WeightsError: as `open_guide`.
    """
    guides = [open_guide(name, device) for name in names]
    families = {guide.spec.template.rpartition("-")[0] for guide in guides}
    if len(families) > 1:
        raise UsageError(
            f"want faces cut out differently: {', '.join(sorted(families))}",
            where=", ".join(names),
            hint="take an attack that needs no gradients",
        )

    def look(pictures: Tensor) -> Tensor:
        rows = [guide(pictures) for guide in guides]
        return torch.cat(rows, dim=1) / math.sqrt(len(rows))

    return look


def look_further(look: Look, public: Templates, stored: Templates) -> Look:
    """The way from pictures to the templates of a system that changes what networks say.

    What it does to embeddings is learnt as one linear map, by least squares: that is all a rotation
    does, and most of what an adapter does.

    Args:
        look: from pictures to the embeddings of public backbones (n, d).
        public: (m, d) of faces that the attacker has.
        stored: (m, t) what the system stores of them.

    Returns:
        A function from pictures to templates (n, t) of length one.
    """
    # A little of a ridge, for fewer faces than numbers leave the map open.
    gram = public.T @ public + 1e-3 * len(public) / public.shape[1] * np.eye(public.shape[1])
    learnt = torch.from_numpy(np.linalg.solve(gram, public.T @ stored).astype(np.float32))

    def further(pictures: Tensor) -> Tensor:
        rows = look(pictures)
        return functional.normalize(rows @ learnt.to(rows.device))

    return further
