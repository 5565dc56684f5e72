"""How alike reconstructions look to the pictures: structural similarity."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebone.audit.reconstruction.recognition import mean_over_people
from facebone.backbones.base import Faces
from facebone.verification.estimates import Figure


def likeness(made: Faces, real: Faces, *, seed: int) -> dict[str, Figure]:
    """Mean structural similarity of n reconstructions, -1 .. 1, 1 for the very picture.

    Args:
        made: (n, h, w, 3), n at least 2.
        real: (n, h, w, 3) what they were made of.
        seed: of the bootstrap.

    Returns:
        ``ssim`` to the person's picture, and ``control`` to the next person's.

    References:
        Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, "Image Quality Assessment: From Error
        Visibility to Structural Similarity", IEEE TIP 2004.
    """
    return {
        "ssim": mean_over_people(_ssim(made, real), seed=seed),
        "control": mean_over_people(_ssim(made, np.roll(real, 1, axis=0)), seed=seed),
    }


def _ssim(made: Faces, real: Faces) -> npt.NDArray[np.float64]:
    from skimage.metrics import structural_similarity

    return np.array(
        [
            structural_similarity(one, other, channel_axis=2, data_range=255)  # type: ignore[no-untyped-call]
            for one, other in zip(made, real, strict=True)
        ]
    )
