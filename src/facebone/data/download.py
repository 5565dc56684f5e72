"""Fetching LFW from where it is published, every file checked by its hash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facebone.config import home_folder
from facebone.errors import DatasetError, MissingPartError, StorageError
from facebone.files import storage_errors

_HINT = "fetch lfw.tgz and pairs.txt by other means and name their folder with --root"
_RETRIES = 3
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A published file.

    Args:
        name: what it is called here.
        url: where it is.
        sha256: what it must hash to.
    """

    name: str
    url: str
    sha256: str


def published_lfw() -> tuple[RemoteFile, ...]:
    """The original archive and ``pairs.txt``, as scikit-learn knows them.

    Raises:
        MissingPartError: this version of scikit-learn keeps them elsewhere.
    """
    try:
        from sklearn.datasets._lfw import ARCHIVE, TARGETS
    except ImportError as error:
        raise MissingPartError(
            "this version of scikit-learn does not say where LFW is published", hint=_HINT
        ) from error
    wanted = [ARCHIVE, *(target for target in TARGETS if target.filename == "pairs.txt")]
    return tuple(RemoteFile(file.filename, file.url, file.checksum) for file in wanted)


def fetch_lfw() -> Path:
    """The folder in the user's cache with ``lfw.tgz`` and ``pairs.txt``, fetched if not there.

    A file appears under its name only when its hash is right.

    Raises:
        DatasetError: a file cannot be fetched, or is not what was published.
        StorageError: it cannot be kept.
    """
    folder = home_folder() / "lfw"
    for file in published_lfw():
        if not (folder / file.name).is_file():
            _fetch(file, folder)
    return folder


def _fetch(file: RemoteFile, folder: Path) -> None:
    import pooch
    import requests

    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    keeper = pooch.create(
        path=folder,
        base_url="",
        registry={file.name: f"sha256:{file.sha256}"},
        urls={file.name: file.url},
        retry_if_failed=_RETRIES,
    )
    pooch.get_logger().setLevel("ERROR")  # it would write to stderr, which belongs to commands
    try:
        keeper.fetch(file.name, downloader=pooch.HTTPDownloader(timeout=_TIMEOUT_SECONDS))
    except requests.RequestException as error:
        raise DatasetError(
            f"{file.name} could not be fetched ({type(error).__name__})", where=file.url, hint=_HINT
        ) from error
    except ValueError as error:  # the hash differs: pooch keeps nothing
        raise DatasetError(
            f"{file.name} is not what was published: its hash differs", where=file.url, hint=_HINT
        ) from error
    except OSError as error:
        raise StorageError(f"cannot keep {file.name}: {error.strerror}", where=folder) from error
