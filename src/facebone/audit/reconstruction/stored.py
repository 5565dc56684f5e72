"""The target's head, and what it keeps of a picture in its database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from facebone.audit.material import Material
from facebone.audit.other_goals.victim import train_victim
from facebone.audit.target import TargetRecipe
from facebone.audit.unit_material import UnitMaterial
from facebone.verification.embedded_pairs import Matrix
from facebone.verification.heads import Head


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """How templates come of embeddings.

    Args:
        templates: of K matrices (n, d_k) of length one, (n, d) of length one.
        public: whether they are the backbones' embeddings, which anybody can work out.
    """

    templates: Callable[[tuple[Matrix, ...]], Matrix]
    public: bool


def stored_by(
    recipe: TargetRecipe,
    material: Material | UnitMaterial | None,
    backbones: tuple[str, ...],
    *,
    seed: int,
) -> Stored:
    """How the target of a seed makes its templates.

    Args:
        recipe: of the target.
        material: that it is trained on; None does where it stores the backbones' embeddings.
        backbones: names of those it uses.
        seed: of its training.
    """
    head: Head = recipe.unfitted(backbones)
    if not head.public_templates:
        if material is None:  # whoever plans the job knows
            raise ValueError(f"{recipe.name} makes templates of its own")
        head = train_victim(recipe, material, seed=seed).head
    return Stored(head.stored, head.public_templates)
