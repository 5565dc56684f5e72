"""What stands behind a head."""

from __future__ import annotations

import cv2
import numpy as np

from facebone.data.pictures import RGB


def soft_backdrop(shape: tuple[int, int], seed: int) -> RGB:
    """Blurred patches of colour, as of a room out of focus, (h, w, 3) uint8."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(35, 215) + rng.normal(0, 26, 3)
    coarse = base + rng.normal(0, rng.uniform(5, 50), (4, 4, 1)) + rng.normal(0, 13, (4, 4, 3))
    small = np.clip(coarse, 5, 250).astype(np.uint8)
    # Enlarged in two steps: cubic on few pixels for the shape, linear for the rest is quicker.
    medium = cv2.resize(small, (28, 28), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.resize(medium, shape[::-1], interpolation=cv2.INTER_LINEAR))


def busy_backdrop(shape: tuple[int, int], seed: int) -> RGB:
    """A backdrop with things in it: boxes, discs, stripes, blots; (h, w, 3) uint8.

    The things are there to mislead a face detector: round and paired dark shapes too.
    """
    rng = np.random.default_rng([seed, 1])
    pixels = soft_backdrop(shape, seed)
    height, width = shape
    size = max(height, width)
    for _ in range(int(rng.integers(0, 14))):
        colour = rng.uniform(0, 255, 3).tolist()
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        a, b = (int(v) for v in rng.integers(max(2, size // 40), max(3, size // 3), 2))
        kind = int(rng.integers(0, 6))
        if kind == 0:
            cv2.rectangle(pixels, (x, y), (x + a, y + b), colour, -1)
        elif kind == 1:
            angle = float(rng.uniform(0, 180))
            cv2.ellipse(pixels, (x, y), (a // 2, b // 2), angle, 0, 360, colour, -1, cv2.LINE_AA)
        elif kind == 2:
            end = (x + int(rng.normal(0, size)), y + int(rng.normal(0, size)))
            cv2.line(pixels, (x, y), end, colour, int(rng.integers(1, 9)), cv2.LINE_AA)
        elif kind == 3:
            points = np.stack([x, y]) + rng.normal(0, a / 2 + 4, (5, 2))
            cv2.fillPoly(pixels, [points.astype(np.int32)], colour, cv2.LINE_AA)
        elif kind == 4:
            for step in range(0, b, max(4, size // 30)):
                cv2.line(pixels, (x, y + step), (x + a, y + step), colour, 2)
        else:
            radius, gap = max(2, a // 8), max(4, a // 2)
            for centre in ((x, y), (x + gap, y)):
                cv2.circle(pixels, centre, radius, colour, -1, cv2.LINE_AA)
    return pixels
