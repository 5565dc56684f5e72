"""The settings of keyed templates: as people give them, and as a head keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from facebone.errors import UsageError
from facebone.mitigations.base import SECRET, MitigationSettings
from facebone.mitigations.keys import check_key
from facebone.settings import plain


@dataclass(frozen=True, slots=True)
class KeyedTemplatesSettings(MitigationSettings):
    """Under which key templates are mixed.

    Args:
        backbones: see `MitigationSettings`.
        key: any text of 16 characters or more, best 32 random hexadecimal digits. None derives it
            from the seed, so that an audit can be repeated; a verifier that goes out into the world
            needs a key of its own. What it decides is saved with the verifier's arrays: they must
            not lie where the templates lie.
    """

    key: str | None = field(default=None, repr=False, metadata=SECRET)

    def __post_init__(self) -> None:
        # slots=True makes another class of this one, which super() without arguments would miss.
        MitigationSettings.__post_init__(self)
        if self.key is not None:
            check_key(self.key)


@dataclass(frozen=True, slots=True)
class KeyedHeadSettings:
    """What a head behind mixed templates is made of.

    Args:
        head: name of the head that compares them.
        head_settings: names and plain values of its settings.
        key: see `KeyedTemplatesSettings`; `KEPT` in a saved head, whose mixing is an array.
    """

    head: str = "mlp"
    head_settings: dict[str, Any] = field(default_factory=dict)
    key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.head, str) or not isinstance(self.head_settings, dict):
            raise UsageError("needs the name and the settings of a head", where="keyed_templates")
        object.__setattr__(self, "head_settings", plain(self.head_settings))
        if self.key is not None:
            check_key(self.key)
