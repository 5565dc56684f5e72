"""Pictures as tensors, and back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from facebone.backbones.base import Faces


def to_tensor(faces: Faces, device: str | torch.device = "cpu") -> Tensor:
    """(n, h, w, 3) uint8 as (n, 3, h, w) float32 in 0 .. 1."""
    # A copy, not a view with strides that run backwards, as mirrored pictures have.
    planes = torch.from_numpy(np.ascontiguousarray(faces.transpose(0, 3, 1, 2))).to(device)
    return planes.float() / 255


def to_faces(pictures: Tensor) -> Faces:
    """(n, 3, h, w) in 0 .. 1 as (n, h, w, 3) uint8; what lies outside is cut off."""
    whole = (pictures.detach().clamp(0, 1) * 255).round().byte()
    faces: Faces = np.ascontiguousarray(whole.permute(0, 2, 3, 1).cpu().numpy())
    return faces
