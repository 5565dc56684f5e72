"""No defence: the head learns from the embeddings as they are."""

from __future__ import annotations

from facebone.mitigations.base import Mitigation


class Undefended(Mitigation):
    """The head as it is, on all its backbones side by side: what defences are held against."""

    name = "none"
    summary = "the head learns from the embeddings as they are"

    def describe(self, backbones: tuple[str, ...], *, head: str = "mlp") -> str:
        """The backbones, and that nothing is done."""
        del head
        return f"no defence: the head learns from {' + '.join(backbones)} as they are"
