"""No defence: the head learns from the embeddings as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from facebone.mitigations.base import Mitigation
from facebone.verification.heads import Head, make_head


class Undefended(Mitigation):
    """The head as it is, on all its backbones side by side: what defences are held against."""

    name = "none"
    summary = "the head learns from the embeddings as they are"

    def protect(
        self,
        head: str,
        head_settings: Mapping[str, Any],
        *,
        backbones: tuple[str, ...],
        device: str = "cpu",
    ) -> Head:
        """The head itself."""
        del backbones  # it takes them as they come
        return make_head(head, head_settings, device=device)

    def describe(self, backbones: tuple[str, ...], *, head: str = "mlp") -> str:
        """The backbones, and that nothing is done."""
        del head
        return f"no defence: the head learns from {' + '.join(backbones)} as they are"
