"""What leaks of enrolled people: the one thing an attack that rebuilds faces is handed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Access
from facebone.attacks.inversion.linear_decoder import Templates
from facebone.errors import UsageError

Counts = npt.NDArray[np.int64]


class Leak(ABC):
    """What an attacker gets of n enrolled people; its length is n."""

    access: ClassVar[Access]
    """What it takes to get it."""

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    def asked(self) -> Counts | None:
        """Questions asked about each person, (n,); None where nothing is asked."""
        return None


class TemplateLeak(Leak):
    """A stolen database: one template a person.

    Args:
        templates: (n, d) of length one.

    Raises:
        UsageError: no matrix, or not finite.
    """

    access = Access.EMBEDDING

    def __init__(self, templates: Templates) -> None:
        if templates.ndim != 2:
            raise UsageError(f"must be (n, d), got {templates.shape}", where="templates")
        if not np.isfinite(templates).all():
            raise UsageError("templates are not finite", where="templates")
        self.templates = templates

    def __len__(self) -> int:
        return len(self.templates)
