"""What every defence of the training recipe does: set some of the head's own settings."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

from facebone.errors import UsageError
from facebone.mitigations.base import Mitigation
from facebone.verification.heads import head_kind


class Recipe(Mitigation):
    """Trains the head under other settings; any head that has settings of these names will do."""

    needs: ClassVar[str]
    """What a head must have, in a few words for people."""

    @abstractmethod
    def changes(self) -> dict[str, Any]:
        """Settings of the head, names and plain values."""

    def recipe(self, head: str, head_settings: Mapping[str, Any]) -> dict[str, Any]:
        """The head's settings with those of the defence in the place of what was given.

        Raises:
            UnknownNameError: no such head.
            UsageError: the head has no settings of these names.
        """
        known = {field.name for field in fields(head_kind(head).settings_type)}
        changes = self.changes()
        for name in changes:
            if name not in known:
                raise UsageError(
                    f"{head} has no {self.needs}: none of its settings is called {name}",
                    where=f"mitigation {self.name}",
                    hint="take another head, such as mlp, or another mitigation",
                )
        return dict(head_settings) | changes
