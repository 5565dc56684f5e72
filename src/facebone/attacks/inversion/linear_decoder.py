"""The linear decoder: from a template straight to the pixels of a face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.backbones.base import Faces

Templates = npt.NDArray[np.float32]

STRENGTH, GAIN = 0.15, 1.5
"""Of the decoder unless told otherwise; see `LinearDecoder`."""

AT_ONCE = 512
"""Faces held as floats at a time: 77 MB of 112 pixels a side."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearDecoder:
    """What each number of a template does to each pixel, by ridge regression.

    A recogniser's last layers are nearly linear in what makes faces differ, so a mean of faces,
    weighted by what a template says, comes close to the face. Faces are symmetrised first: no
    template says to which side a head is turned.

    Regression shrinks what it is unsure of towards the mean face. A gain above one makes up for it:
    pictures are farther from the real ones, and easier to recognise.

    Args:
        centre: (d,) mean template.
        face: (h, w, 3) mean face, in 0 .. 255.
        weights: (d, h w 3).
        gain: of the difference from the mean face.
    """

    centre: npt.NDArray[np.float64]
    face: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float32]
    gain: float

    @classmethod
    def fit(
        cls, faces: Faces, templates: Templates, *, strength: float, gain: float
    ) -> LinearDecoder:
        """The decoder of m faces (m, h, w, 3) and their templates (m, d) of length one.

        It minimises the squared difference of pixels plus a penalty on squared weights:
        `strength` times the mean variance of a template's numbers, times m.
        """
        count, width = templates.shape
        centre = templates.mean(axis=0, dtype=np.float64)
        rows = (templates - centre).astype(np.float32)
        face = np.zeros(faces.shape[1:])
        drawn = np.zeros((width, face.size), dtype=np.float32)
        for begin in range(0, count, AT_ONCE):
            plain = faces[begin : begin + AT_ONCE].astype(np.float32)
            part = ((plain + plain[:, :, ::-1]) / 2).astype(np.float32)
            face += part.sum(axis=0, dtype=np.float64)
            drawn += rows[begin : begin + AT_ONCE].T @ part.reshape(len(part), -1)
        # Rows are centred, so the mean face takes no part in what they draw.
        gram = (rows.T @ rows).astype(np.float64)
        gram += strength * np.trace(gram) / width * np.eye(width)
        weights = np.linalg.solve(gram, drawn.astype(np.float64)).astype(np.float32)
        return cls(centre, face / count, weights, gain)

    def decode(self, templates: Templates) -> Faces:
        """Faces (n, h, w, 3) uint8 of templates (n, d)."""
        rows = (templates - self.centre).astype(np.float32)
        differences = (rows @ self.weights).reshape(len(rows), *self.face.shape)
        faces: Faces = np.clip(self.face + self.gain * differences, 0, 255).round().astype(np.uint8)
        return faces
