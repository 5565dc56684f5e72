"""What an attack on attributes is: it learns from people it knows, and scores others."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.attack import Attack, Attacks, Goal
from facebone.attacks.attributes.evidence import Evidence
from facebone.attacks.observations import Floats
from facebone.errors import LeakageError, UsageError
from facebone.seeding import check_seed

FEWEST_PEOPLE = 4
"""Whose attributes the attacker knows: to choose a strength, some are held out."""


class AttributeAttack(Attack):
    """Says of each picture how much of each attribute it shows, larger for more.

    All attributes are learnt at once, each for itself. This class checks what goes in; a subclass
    implements `_fit` and `_infer`.

    Args:
        settings: an instance of `settings_type`; None for the defaults.

    Raises:
        UsageError: settings of another attack.
    """

    goal = Goal.ATTRIBUTES
    needs_gallery: ClassVar[bool] = False
    """Whether the attributes of the pictures that the verifier is asked beside must be known."""

    def __init__(self, settings: object | None = None) -> None:
        super().__init__(settings)
        self._columns = 0
        self._attributes = 0
        self._known: frozenset[object] = frozenset()

    def fit(
        self, known: Evidence, values: Floats, *, seed: int, gallery: Floats | None = None
    ) -> None:
        """Learn from people whose attributes the attacker knows.

        Args:
            known: what is seen of n of their pictures.
            values: (n, k) their attributes.
            seed: for everything random.
            gallery: (q, k) attributes of the pictures that scores were asked beside, of yet other
                people.

        Raises:
            UsageError: the attack needs more access than there is, or what is known does not fit.
        """
        check_seed(seed)
        self._columns, self._attributes = 0, 0
        columns = self._seen(known).shape[1]
        if values.ndim != 2 or len(values) != len(known) or not np.isfinite(values).all():
            raise UsageError(
                f"attributes must be finite, of shape ({len(known)}, k), got {values.shape}",
                where=f"attack {self.name}",
            )
        people = len(np.unique(known.person))
        if people < FEWEST_PEOPLE:
            raise UsageError(
                f"needs {FEWEST_PEOPLE} people whose attributes are known, got {people}",
                where=f"attack {self.name}",
            )
        if self.needs_gallery and (gallery is None or gallery.shape != (columns, values.shape[1])):
            shape = "none" if gallery is None else str(gallery.shape)
            raise UsageError(
                f"needs attributes of shape ({columns}, {values.shape[1]}) of the pictures it asks "
                f"beside, got {shape}",
                where=f"attack {self.name}",
            )
        self._fit(known, values, gallery, seed=seed)
        self._columns, self._attributes = columns, values.shape[1]
        self._known = frozenset(known.person.tolist())

    def infer(self, seen: Evidence) -> Floats:
        """How much of each attribute each picture shows, (n, k) float64; n may be 0.

        Raises:
            UsageError: the attack was not fitted, or sees something else than it was fitted to.
            LeakageError: it was fitted to one of the people.
        """
        if not self._columns:
            raise UsageError("infers nothing before it is fitted", where=f"attack {self.name}")
        columns = self._seen(seen).shape[1]
        if columns != self._columns:
            raise UsageError(
                f"was fitted to {self._columns} columns, got {columns}", where=f"attack {self.name}"
            )
        both = self._known.intersection(seen.person.tolist())
        if both:
            raise LeakageError(
                f"knows the attributes of {min(map(str, both))}, which it should infer",
                where=f"attack {self.name}",
                hint="split by person",
            )
        if not len(seen):
            return np.empty((0, self._attributes))
        found = np.asarray(self._infer(seen), dtype=np.float64)
        if found.shape != (len(seen), self._attributes) or not np.isfinite(found).all():
            # A defect of the attack, not of what it was given.
            raise RuntimeError(f"attack {self.name} gave scores of {found.shape} or not finite")
        return found

    def _seen(self, evidence: Evidence) -> Floats:
        """The templates or the scores, whichever the attack looks at.

        Raises:
            UsageError: they were not recorded.
        """
        scores = self.access is Access.SCORE
        found = evidence.scores if scores else evidence.templates
        if found is None:
            what = "scores beside pictures of the attacker's own" if scores else "templates"
            raise UsageError(
                f"needs {self.access} access, to see {what}, which were not recorded",
                where=f"attack {self.name}",
            )
        return found

    @abstractmethod
    def _fit(self, known: Evidence, values: Floats, gallery: Floats | None, *, seed: int) -> None:
        """Learn; all checks are done."""

    @abstractmethod
    def _infer(self, seen: Evidence) -> Floats:
        """Score at least one picture; all checks are done."""


ATTRIBUTE_ATTACKS: Attacks[AttributeAttack] = Attacks(
    "attribute attack", Goal.ATTRIBUTES, AttributeAttack
)
ATTRIBUTE_ATTACKS.add(
    "attribute_probe", "facebone.attacks.attributes.template_probes:AttributeProbe"
)
ATTRIBUTE_ATTACKS.add("kernel_probe", "facebone.attacks.attributes.template_probes:KernelProbe")
ATTRIBUTE_ATTACKS.add("score_vote", "facebone.attacks.attributes.score_vote:ScoreVote")
ATTRIBUTE_ATTACKS.add("score_probe", "facebone.attacks.attributes.score_probe:ScoreProbe")
