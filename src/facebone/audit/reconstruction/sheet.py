"""Contact sheets: leaked pictures, what was rebuilt of them, and other pictures of the people."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from facebone.audit.plan import Finished
from facebone.audit.reconstruction.material import FACES, FaceMaterial
from facebone.audit.reconstruction.planned import PlannedReconstruction
from facebone.backbones.base import Faces
from facebone.errors import DatasetError
from facebone.files import new_file, storage_errors

SHEETS_FILE = "reconstructions.parquet"

COLUMNS = ("target", "attack", "png")

SHOWN = 8
"""People of a sheet: the first that were drawn, not the best."""


def contact_sheet(leaked: Faces, made: Faces, others: Faces) -> bytes:
    """A PNG of three rows: leaked pictures, reconstructions, other pictures of the people."""
    from PIL import Image

    rows = [np.concatenate(list(faces[:SHOWN]), axis=1) for faces in (leaked, made, others)]
    written = io.BytesIO()
    Image.fromarray(np.concatenate(rows)).save(written, format="PNG", optimize=True)
    return written.getvalue()


def write_sheets(planned: Sequence[PlannedReconstruction], done: Finished, folder: Path) -> None:
    """Write reconstructions.parquet: a contact sheet for each target and attack.

    Raises:
        StorageError: the folder cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not planned:
        remove_sheets(folder)
        return
    faces = FaceMaterial.from_result(done[FACES])
    rows = [
        {
            "target": one.target,
            "attack": one.spec,
            "png": contact_sheet(
                faces.attacked_faces, done[one.seen].arrays["pictures"], faces.others_faces
            ),
        }
        for one in planned
    ]
    with new_file(folder / SHEETS_FILE) as part:
        pq.write_table(pa.Table.from_pylist(rows), part, compression="none")


def read_sheets(folder: Path) -> Mapping[tuple[str, str], bytes]:
    """Target and attack -> the PNG of their sheet; none if there is no such file.

    Raises:
        DatasetError: the file is damaged or lacks columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, hint = folder / SHEETS_FILE, "remove it, or run the audit again"
    try:
        rows = pq.read_table(path, columns=list(COLUMNS)).to_pylist()
    except FileNotFoundError:
        return {}
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise DatasetError(f"cannot be read: {error}", where=path, hint=hint) from None
    # What is no PNG is not shown: the file may come from anywhere.
    return {
        (str(row["target"]), str(row["attack"])): bytes(row["png"])
        for row in rows
        if bytes(row["png"] or b"").startswith(b"\x89PNG\r\n\x1a\n")
    }


def remove_sheets(folder: Path) -> None:
    """Remove reconstructions.parquet from a folder, if it is there.

    Raises:
        StorageError: it cannot be removed.
    """
    path = folder / SHEETS_FILE
    with storage_errors(path):
        path.unlink(missing_ok=True)
