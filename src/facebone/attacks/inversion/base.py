"""What inversion is: from what leaks of enrolled people to pictures of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from facebone.attacks.attack import Attack, Attacks, Goal
from facebone.attacks.inversion.leaks import Leak
from facebone.attacks.inversion.linear_decoder import Templates
from facebone.backbones.base import Faces
from facebone.errors import UsageError
from facebone.seeding import check_seed

if TYPE_CHECKING:
    # PyTorch is loaded by those who look through networks alone.
    from facebone.attacks.inversion.guide import Look

FEWEST_FACES = 64
"""Of the attacker's own, to learn from."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnFaces:
    """What an attacker has themselves: faces of others, and what the attacked system keeps of them.

    Args:
        faces: (m, h, w, 3) uint8, of nobody who is attacked.
        templates: (m, d) float32 of length one, as the system stores them: learnt by enrolling the
            faces, or from the public networks.
        look: the way from pictures to templates, where all networks on it are public and give
            gradients; None where not.
        see: what the public networks say of any pictures of that size, (n, d) of length one, no
            gradients needed; None where nobody looks through them.

    Raises:
        UsageError: shapes that do not fit, or too few faces.
    """

    faces: Faces
    templates: Templates
    look: Look | None = None
    see: Callable[[Faces], Templates] | None = None

    def __post_init__(self) -> None:
        if self.faces.ndim != 4 or len(self.faces) != len(self.templates):
            raise UsageError(
                f"{self.templates.shape} templates do not fit faces of {self.faces.shape}",
                where="own faces",
            )
        if len(self.faces) < FEWEST_FACES:
            raise UsageError(
                f"an attacker needs {FEWEST_FACES} faces of their own to learn from, got "
                f"{len(self.faces)}",
                where="own faces",
                hint="take a data set of more people, or attack fewer of them",
            )


class InversionAttack(Attack):
    """Makes a picture of each person of whom something leaks.

    This class checks what goes in and comes out; a subclass says which leak it takes, and
    implements `_learn` and `_rebuild`.
    """

    goal = Goal.RECONSTRUCTION
    leak_type: ClassVar[type[Leak]]
    """What it takes; a leak asks for the access that the attack needs."""
    knows_system: bool = False
    """Whether the attacker has the system's templates of their own faces, or the public networks'
    alone."""
    undoes: bool = False
    """Whether they have both, and bring leaked templates back to what the networks would say."""
    needs_gradients: ClassVar[bool] = False
    """Whether all networks on the way to a template must be public and give gradients."""
    needs_sight: ClassVar[bool] = False
    """Whether it looks through the public networks at pictures of its own making."""
    slow: ClassVar[bool] = False
    """Whether a person takes so long that few are done together, lest much is lost by a stop."""
    enrolled: int | None = None
    """Own faces that the attacker has templates of; None for all."""
    _size: tuple[int, int] | None = None

    def learn(self, own: OwnFaces) -> None:
        """Learn from the attacker's own faces.

        Raises:
            UsageError: no gradients, or no sight, where the attack needs them.
        """
        if self.needs_sight and own.see is None:
            raise UsageError(
                "needs to look at pictures through the public networks",
                where=f"attack {self.name}",
                hint="hand it their embeddings as `see`",
            )
        if self.needs_gradients and own.look is None:
            raise UsageError(
                "needs to differentiate the networks on the way to a template",
                where=f"attack {self.name}",
                hint="take one that needs none: template_ridge or score_regression",
            )
        self._learn(own)
        height, width = own.faces.shape[1:3]
        self._size = (height, width)

    def reconstruct(self, leak: Leak, *, seed: int, device: str = "cpu") -> Faces:
        """Pictures of n people, (n, h, w, 3) uint8, of the size of the attacker's own.

        Args:
            leak: of n people; it counts what is asked.
            seed: for everything random.
            device: ``cpu`` or ``cuda:N``, where the networks are.

        Raises:
            UsageError: it has not learnt, or it is handed another leak than it takes.
        """
        check_seed(seed)
        if not isinstance(leak, self.leak_type):
            raise UsageError(
                f"needs {self.access} access, to a {self.leak_type.__name__}, was given a "
                f"{type(leak).__name__}",
                where=f"attack {self.name}",
            )
        if self._size is None:
            raise UsageError("must learn before it reconstructs", where=f"attack {self.name}")
        if not len(leak):
            return np.empty((0, *self._size, 3), dtype=np.uint8)
        return self._rebuild(leak, seed=seed, device=device)

    @abstractmethod
    def _learn(self, own: OwnFaces) -> None:
        """Learn; all checks are done."""

    @abstractmethod
    def _rebuild(self, leak: Any, *, seed: int, device: str) -> Faces:
        """Pictures of at least one person, from a leak of `leak_type`; all checks are done."""


_HERE = "facebone.attacks.inversion"

INVERSIONS: Attacks[InversionAttack] = Attacks(
    "attack", Goal.RECONSTRUCTION, InversionAttack, "leak_type"
)
INVERSIONS.add("decision_bisection", f"{_HERE}.decision_bisection:DecisionBisection")
INVERSIONS.add("score_regression", f"{_HERE}.score_regression:ScoreRegression")
INVERSIONS.add("score_search", f"{_HERE}.score_search:ScoreSearch")
INVERSIONS.add("score_gradient", f"{_HERE}.score_gradient:ScoreGradient")
INVERSIONS.add("mi_face", f"{_HERE}.mi_face:MiFace")
INVERSIONS.add("template_ridge", f"{_HERE}.template_ridge:TemplateRidge")
INVERSIONS.add("template_gradient", f"{_HERE}.template_gradient:TemplateGradient")
INVERSIONS.add("template_synthesis", f"{_HERE}.template_synthesis:TemplateSynthesis")
