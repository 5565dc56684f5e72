"""Thumbnails of those most at risk, in a file of their own beside the scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facebone.audit.at_risk import AtRisk, find_at_risk
from facebone.data.dataset import Dataset
from facebone.errors import DatasetError, PictureError
from facebone.files import new_file, storage_errors

if TYPE_CHECKING:
    import pyarrow as pa

    from facebone.audit.schema import Audit

PICTURES_FILE = "pictures.parquet"

PICTURES_COLUMNS = {"id": "string", "person": "string", "jpeg": "binary"}
"""Columns of pictures.parquet: the picture's id, who is on it, and its thumbnail."""

OF_A_PERSON = 2
"""Pictures that show who a person is, at most."""

SIDE = 96
"""Width and height of a thumbnail in pixels."""

_JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture.

    Args:
        id: of the picture.
        person: who is on it.
        jpeg: the bytes of the file.
    """

    id: str
    person: str
    jpeg: bytes

    @property
    def is_jpeg(self) -> bool:
        """Whether the bytes begin as those of a JPEG do."""
        return self.jpeg.startswith(_JPEG)


def make_pictures(audit: Audit, scores: pa.Table, dataset: Dataset, folder: Path) -> Path | None:
    """Write thumbnails of all that a report names as most at risk, replacing those of before.

    Pictures that cannot be read, and ids that the data set does not know, are left out.

    Args:
        audit: the figures.
        scores: with the columns of `artefacts.SCORES_COLUMNS`.
        dataset: that was audited.
        folder: of the audit.

    Returns:
        The file; None, and no file stays, where there is nothing to show.

    Raises:
        StorageError: the folder cannot be written.
    """
    pictures_of = {
        person: [dataset.pictures[i].id for i in positions]
        for person, positions in dataset.people.items()
    }
    wanted = wanted_pictures(find_at_risk(audit, scores), pictures_of)
    rows = list(_thumbnails(wanted, dataset))
    if rows:
        return write_pictures(rows, folder)
    remove_pictures(folder)
    return None


def wanted_pictures(found: Iterable[AtRisk], pictures_of: Mapping[str, Sequence[str]]) -> list[str]:
    """Ids of the pictures to show, each once, in the order of need.

    Args:
        found: who is at risk.
        pictures_of: person -> ids of their pictures.
    """
    wanted: dict[str, None] = {}
    for one in found:
        for risky in (*one.candidates.first, *one.people.first):
            ids: Iterable[str] = risky.pictures
            if not risky.pictures:
                ids = (id_ for name in risky.people for id_ in pictures_of.get(name, ()))
                ids = list(ids)[:OF_A_PERSON]
            wanted.update(dict.fromkeys(ids))
    return list(wanted)


def _thumbnails(ids: Iterable[str], dataset: Dataset) -> Iterable[Thumbnail]:
    from facebone.data.thumbnail import thumbnail

    for id_ in ids:
        if id_ not in dataset.index:
            continue
        picture = dataset.pictures[dataset.index[id_]]
        try:
            yield Thumbnail(id_, picture.person, thumbnail(picture, side=SIDE))
        except PictureError:
            continue


def write_pictures(rows: Sequence[Thumbnail], folder: Path) -> Path:
    """Write pictures.parquet into `folder` and return its path.

    Raises:
        StorageError: the folder cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"string": pa.string(), "binary": pa.binary()}
    table = pa.table(
        {
            name: pa.array([getattr(row, name) for row in rows], types[kind])
            for name, kind in PICTURES_COLUMNS.items()
        }
    )
    path = folder / PICTURES_FILE
    with new_file(path) as part:
        # JPEG is compressed already.
        pq.write_table(table, part, compression="none")
    return path


def read_pictures(folder: Path) -> dict[str, Thumbnail]:
    """The thumbnails in a folder, by id; none if there is no such file.

    Raises:
        DatasetError: the file is damaged or lacks columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / PICTURES_FILE
    hint = "remove it, or run the audit again"
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        return {}
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(f"cannot be read as Parquet: {error}", where=path, hint=hint) from None
    missing = [name for name in PICTURES_COLUMNS if name not in table.column_names]
    if missing:
        raise DatasetError(f"lacks the columns {', '.join(missing)}", where=path, hint=hint)
    rows = table.select(list(PICTURES_COLUMNS)).to_pylist()
    return {row["id"]: Thumbnail(**row) for row in rows}


def remove_pictures(folder: Path) -> None:
    """Remove pictures.parquet from a folder, if it is there: faces of an audit before.

    Raises:
        StorageError: it cannot be removed.
    """
    path = folder / PICTURES_FILE
    with storage_errors(path):
        path.unlink(missing_ok=True)
