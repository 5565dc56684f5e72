"""What an attack that links records is: it scores each record of one database beside another's."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.attack import Attack, Attacks, Goal
from facebone.attacks.linkage.view import LinkageView
from facebone.attacks.observations import Floats
from facebone.errors import UsageError
from facebone.seeding import check_seed


class LinkageAttack(Attack):
    """Says how surely each record of one database and each of another show one person.

    This class checks what goes in; a subclass implements `_link`.

    Args:
        settings: an instance of `settings_type`; None for the defaults.

    Raises:
        UsageError: settings of another attack.
    """

    goal = Goal.LINKAGE
    needs_anchors: ClassVar[bool] = False
    """Whether the attacker must have pictures of people of their own under both systems."""
    names_people: ClassVar[bool] = False
    """Whether the first database is of named people, of whom many are not in the second."""

    def link(self, view: LinkageView, *, seed: int) -> Floats:
        """How surely each pair of records shows one person, (n, m), larger for the same.

        Args:
            view: what the attacker sees.
            seed: for everything random.

        Raises:
            UsageError: the attack needs more access than there is, or anchors that are not there.
        """
        check_seed(seed)
        shape = self._shape(view)
        if self.needs_anchors and view.anchors is None:
            raise UsageError(
                "needs anchors, pictures of people of the attacker's own under both systems",
                where=f"attack {self.name}",
                hint="unaligned needs none",
            )
        if not all(shape):
            return np.empty(shape)
        found = np.asarray(self._link(view, seed=seed), dtype=np.float64)
        if found.shape != shape or not np.isfinite(found).all():
            # A defect of the attack, not of what it was given.
            raise RuntimeError(f"attack {self.name} gave scores of {found.shape} or not finite")
        return found

    def _shape(self, view: LinkageView) -> tuple[int, int]:
        """How many records each database has, if the attack sees what it needs."""
        if self.access is Access.SCORE and view.answers is not None:
            return view.answers.shape[0], view.answers.shape[1]
        if self.access is Access.EMBEDDING and view.first is not None and view.second is not None:
            return len(view.first), len(view.second)
        what = "the verifier's answers" if self.access is Access.SCORE else "templates"
        raise UsageError(
            f"needs {self.access} access, to see {what}, which were not recorded",
            where=f"attack {self.name}",
        )

    @abstractmethod
    def _link(self, view: LinkageView, *, seed: int) -> Floats:
        """Score all pairs of at least one record a side; all checks are done."""

    def _templates(self, view: LinkageView) -> tuple[Floats, Floats]:
        """Both databases, which an attack with embedding access always sees."""
        if view.first is None or view.second is None:
            raise RuntimeError(f"attack {self.name} looks at templates it has no access to")
        return view.first, view.second


LINKAGES: Attacks[LinkageAttack] = Attacks("linkage attack", Goal.LINKAGE, LinkageAttack)
LINKAGES.add("direct", "facebone.attacks.linkage.direct:Direct")
LINKAGES.add("linear_alignment", "facebone.attacks.linkage.alignment:LinearAlignment")
LINKAGES.add("unaligned", "facebone.attacks.linkage.unaligned:Unaligned")
LINKAGES.add("open_set_identification", "facebone.attacks.linkage.open_set:OpenSetIdentification")
LINKAGES.add("score_identification", "facebone.attacks.linkage.open_set:ScoreIdentification")
