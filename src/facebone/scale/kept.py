"""Where things that outlive a command are kept: in the user's folder, or in a place all share."""

from __future__ import annotations

from facebone.config import home_folder
from facebone.scale.shelves import Place, join


def kept_in(name: str, shared: str | None = None) -> Place:
    """Where things of a kind are kept.

    Args:
        name: of the kind, such as ``embeddings``.
        shared: a place that machines share; by default the user's folder.
    """
    return join(home_folder() if shared is None else shared, name)


def kept_results(shared: str | None) -> Place | None:
    """Where results of jobs are kept, if it is not the folder of the audit."""
    return None if shared is None else kept_in("audits", shared)
