"""Templates of two databases compared as they stand."""

from __future__ import annotations

from facebone.attacks.access import Access
from facebone.attacks.linkage.axes import cosines
from facebone.attacks.linkage.base import LinkageAttack
from facebone.attacks.linkage.view import LinkageView
from facebone.attacks.observations import Floats
from facebone.errors import UsageError


class Direct(LinkageAttack):
    """Goal: link records of two databases that one system made.

    Access: templates. Knowledge: none. Success: templates of one person have the larger cosine.

    It is the ceiling for attacks across systems, and at chance where each database has a key of
    its own: templates under two random rotations have no direction in common.

    References:
        Gomez-Barrero, Galbally, Rathgeb and Busch, "General Framework to Evaluate Unlinkability in
        Biometric Template Protection Systems", 2018.
    """

    name = "direct"
    summary = "templates of one person are alike as they stand"
    access = Access.EMBEDDING
    knowledge = "Nothing beyond both databases."

    def _link(self, view: LinkageView, *, seed: int) -> Floats:
        del seed
        first, second = self._templates(view)
        if first.shape[1] != second.shape[1]:
            raise UsageError(
                f"compares templates of one width, got {first.shape[1]} and {second.shape[1]}",
                where=f"attack {self.name}",
                hint="linear_alignment compares those of different systems",
            )
        return cosines(first, second)
