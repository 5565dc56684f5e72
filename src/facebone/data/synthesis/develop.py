"""From light to a picture: tint, exposure, contrast, blur and noise of a camera."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facebone.data.pictures import RGB
from facebone.data.synthesis.nuisance import Camera
from facebone.data.synthesis.palette import Colour

# The deviation of the sum of two uniform draws from 0..255: each has (256^2 - 1) / 12 as variance.
_BYTES_DEVIATION = 104.5


def develop(scene: npt.NDArray[np.float32], camera: Camera, tint: Colour) -> RGB:
    """What the camera makes of a scene.

    Args:
        scene: (h, w, 3) float32 in 0..255, changed in place.
        camera: its settings.
        tint: factors on the three channels.

    Returns:
        (h, w, 3) uint8.
    """
    # Tint, exposure, saturation and contrast are linear in the three channels: one 3x4 matrix.
    grey = np.full((3, 3), 1 / 3) * (1.0 - camera.saturation)
    matrix = np.diag(np.asarray(tint)) * camera.exposure
    matrix = camera.contrast * ((np.eye(3) * camera.saturation + grey) @ matrix)
    offset = 118.0 * (1.0 - camera.contrast)
    developed = cv2.transform(scene, np.column_stack([matrix, np.full(3, offset)]))
    if camera.blur > 0.25:
        size = 2 * int(2.5 * camera.blur + 0.5) + 1
        developed = cv2.GaussianBlur(developed, (size, size), camera.blur)
    if camera.noise <= 0:
        return np.asarray(cv2.convertScaleAbs(np.maximum(developed, 0.0)))
    # The sum of two random bytes: close to a normal distribution at a tenth of its cost.
    rng = np.random.Generator(np.random.SFC64(camera.noise_seed))
    grains = np.frombuffer(rng.bytes(2 * scene.size), np.uint8).reshape(2, *scene.shape)
    share = camera.noise / _BYTES_DEVIATION
    grain = cv2.addWeighted(grains[0], share, grains[1], share, -255 * share, dtype=cv2.CV_32F)
    return np.asarray(cv2.add(developed, grain, dtype=cv2.CV_8U))
