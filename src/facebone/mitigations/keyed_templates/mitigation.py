"""Keyed templates as a mitigation: from settings to a head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from facebone.errors import UsageError
from facebone.mitigations.base import Mitigation
from facebone.mitigations.keyed_templates.head import KeyedTemplatesHead
from facebone.mitigations.keyed_templates.settings import (
    KeyedHeadSettings,
    KeyedTemplatesSettings,
)
from facebone.mitigations.keys import key_bytes
from facebone.verification.heads import ADAPTATIONS, Head


class KeyedTemplates(Mitigation):
    """Stores embeddings of all backbones mixed under a secret, against who steals the database.

    It defends templates: pictures cannot be rebuilt from them, and databases not be linked, by who
    lacks the key. What the head memorises of its training it leaves as it is.

    References:
        A. Teoh, A. Goh, D. Ngo, "Random Multispace Quantization as an Analytic Mechanism for
        BioHashing of Biometric and Random Identity Inputs", TPAMI 2006.
    """

    name = "keyed_templates"
    summary = "templates of all backbones are mixed under a secret before they are stored"
    settings_type = KeyedTemplatesSettings

    def protect(
        self,
        head: str,
        head_settings: Mapping[str, Any],
        *,
        backbones: tuple[str, ...],
        device: str = "cpu",
    ) -> Head:
        """The head, behind mixed templates.

        Raises:
            UnknownNameError: no such head, or no such setting.
            UsageError: an adaptation, which makes templates of its own, or a head that learns
                nothing.
        """
        del backbones  # it mixes them all
        if head in ADAPTATIONS:
            raise UsageError(
                f"mixes embeddings of backbones, and {head} makes templates of its own",
                where=f"mitigation {self.name}",
            )
        key = None if self.settings.key is None else key_bytes(self.settings.key).hex()
        settings = KeyedHeadSettings(head=head, head_settings=dict(head_settings), key=key)
        return KeyedTemplatesHead(settings, device=device)
