"""Template inversion by describing people to a generator of synthetic faces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.inversion.base import InversionAttack, OwnFaces
from facebone.attacks.inversion.evolution import Evolution, Floats
from facebone.attacks.inversion.leaks import TemplateLeak
from facebone.attacks.inversion.linear_decoder import Templates
from facebone.backbones.base import Faces
from facebone.data.synthesis.nuisance import Nuisance
from facebone.data.synthesis.parameters import WIDTH, identity_at
from facebone.data.synthesis.render import render_face
from facebone.seeding import make_rng
from facebone.settings import check_integer, check_number
from facebone.verification.embedded_pairs import normalise


@dataclass(frozen=True, slots=True)
class SynthesisSettings:
    """How a description is looked for.

    Args:
        library: synthetic people from whose faces it is learnt where to begin.
        pictures: looked at for each person after that; 0 leaves the beginning as it is.
        step: of the search at first, in standard deviations of people.
        strength: of the penalty of the regression that says where to begin, times the mean
            variance of a template's numbers.
    """

    library: int = 1000
    pictures: int = 1000
    step: float = 0.6
    strength: float = 1.0

    def __post_init__(self) -> None:
        check_integer("library", self.library, low=2)
        check_integer("pictures", self.pictures, low=0)
        check_number("step", self.step, low=0, low_open=True)
        check_number("strength", self.strength, low=0, low_open=True)


class TemplateSynthesis(InversionAttack):
    """Goal: a picture of each person whose template leaked.

    Access: stored templates. Knowledge: the public networks that made them, no gradients needed,
    and faces of other people. Success: a recogniser that the attack never used takes the picture
    for the person.

    Pictures are those of a generator that draws nothing but faces, by what describes them: how wide
    a jaw is, how dark the hair. Regression on faces of the generator's own says which description a
    template calls for, and an evolution strategy finds a better one. Networks see drawn faces in a
    corner of their own, so both kinds of templates are compared from their own middle.

    References:
        N. Hansen, "The CMA Evolution Strategy: A Tutorial", 2016; the prior is that of F. Cole, D.
        Belanger, D. Krishnan, A. Sarna, I. Mosseri, W. Freeman, "Synthesizing Normalized Faces from
        Facial Identity Features", CVPR 2017, by other means.
    """

    name = "template_synthesis"
    summary = "a search for the synthetic face that public networks see most like the template"
    access = Access.EMBEDDING
    knowledge = "The public networks that made the templates, and faces of other people."
    needs_sight = True
    slow = True
    settings_type = SynthesisSettings
    leak_type = TemplateLeak
    _see: Callable[[Faces], Templates]
    _shape: tuple[int, int]
    _own_centre: Templates
    _centre: Templates
    _describe: Floats

    def _learn(self, own: OwnFaces) -> None:
        if own.see is None:  # checked before
            raise RuntimeError("no networks to look through")
        height, width = own.faces.shape[1:3]
        self._see, self._shape = own.see, (width, height)
        self._own_centre = own.templates.mean(axis=0)
        points = make_rng(0, self.name).normal(size=(self.settings.library, WIDTH))
        seen = self._see(self._draw(points))
        self._centre = seen.mean(axis=0)
        rows = normalise(seen - self._centre).astype(np.float64)
        gram = rows.T @ rows
        gram += self.settings.strength * np.trace(gram) / len(gram) * np.eye(len(gram))
        self._describe = np.linalg.solve(gram, rows.T @ points).astype(np.float64)

    def _rebuild(self, leak: TemplateLeak, *, seed: int, device: str) -> Faces:
        del device
        wanted: Floats = normalise(leak.templates - self._own_centre).astype(np.float64)
        searches = [
            Evolution(start, self.settings.step, rng=make_rng(seed, self.name, person))
            for person, start in enumerate(wanted @ self._describe)
        ]
        # All people take a step together, for networks are quicker with many pictures at a time.
        size = searches[0].size
        for _ in range(self.settings.pictures // size):
            points = np.stack([search.ask() for search in searches])
            seen = normalise(self._see(self._draw(points.reshape(-1, WIDTH))) - self._centre)
            alike = np.einsum("nsd,nd->ns", seen.reshape(len(leak), size, -1), wanted)
            for search, some, values in zip(searches, points, alike, strict=True):
                search.tell(some, values)
        return self._draw(np.stack([search.mean for search in searches]))

    def _draw(self, points: Floats) -> Faces:
        """Faces (n, h, w, 3) of the people at points (n, WIDTH), by plain light."""
        drawn = [render_face(identity_at(point), Nuisance()).image for point in points]
        return np.stack(
            [cv2.resize(one, self._shape, interpolation=cv2.INTER_AREA) for one in drawn]
        )
