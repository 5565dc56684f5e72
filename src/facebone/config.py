"""Where things lie: the folders FaceBone reads and writes outside what it is told to."""

from __future__ import annotations

import os
from pathlib import Path

from facebone.errors import UsageError

ASSETS_VARIABLE = "FACEBONE_ASSETS"
HOME_VARIABLE = "FACEBONE_HOME"


def assets_folder() -> Path | None:
    """The folder of real faces and weights that ``FACEBONE_ASSETS`` names, if it is set.

    Raises:
        UsageError: the variable is set to something that is not a folder.
    """
    value = os.environ.get(ASSETS_VARIABLE)
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise UsageError(
            f"{value!r} is not a folder", where=ASSETS_VARIABLE, hint="correct or unset it"
        )
    return folder


def home_folder() -> Path:
    """Where pulled weights, unpacked archives and stored embeddings are kept.

    ``FACEBONE_HOME`` if set, else the user's cache folder of the platform. The folder is created
    by whoever writes into it, not here.
    """
    value = os.environ.get(HOME_VARIABLE)
    if value:
        return Path(value).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("facebone", appauthor=False))
