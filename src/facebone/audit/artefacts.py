"""The files of an audit: audit.json and scores.parquet, written whole and read with checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from facebone.audit.schema import SCHEMA_VERSION, Audit
from facebone.errors import DatasetError
from facebone.files import new_file

if TYPE_CHECKING:
    import pyarrow as pa

AUDIT_FILE, SCORES_FILE, REPORT_FILE = "audit.json", "scores.parquet", "report.html"

SCORES_COLUMNS = {
    "target": "string",
    "seed": "int64",
    "attack": "string",
    "left": "string",
    "right": "string",
    "person_left": "string",
    "person_right": "string",
    "same": "bool",
    "membership": "string",
    "drawn": "bool",
    "verifier_score": "float64",
    "attack_score": "float64",
    "claimed": "bool",
    "risk": "float64",
}
"""Columns of scores.parquet. `membership` is member, non_member or control; `drawn` is the
membership that a coin gave a control pair, null elsewhere; `claimed` whether the attack says
member; `risk` how probably it takes the candidate for a member where every other candidate is one,
calibrated where the attacker knows the members; people are null where they are not known. At the
levels of pictures and people left and right name the one candidate."""


def write_audit(audit: Audit, folder: Path) -> Path:
    """Write audit.json into `folder` and return its path.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = folder / AUDIT_FILE
    text = json.dumps(audit.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    with new_file(path) as part:
        part.write_text(text + "\n", "utf-8")
    return path


def read_audit(folder: Path) -> Audit:
    """The audit in a folder, or of an audit.json named itself.

    Raises:
        DatasetError: there is none, it is no audit, or it has another schema version.
    """
    path = folder / AUDIT_FILE if folder.is_dir() else folder
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DatasetError(
            f"holds no {AUDIT_FILE}", where=folder, hint="name the --out folder of an audit"
        ) from None
    except OSError as error:
        raise DatasetError(f"cannot be read as JSON: {error}", where=path) from None
    return parse_audit(content, where=path)


def parse_audit(content: bytes, *, where: Path | str = AUDIT_FILE) -> Audit:
    """The audit in the bytes of an audit.json.

    Args:
        content: of the file.
        where: what an error calls it.

    Raises:
        DatasetError: it is no audit, or has another schema version.
    """
    from pydantic import ValidationError

    try:
        raw = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"cannot be read as JSON: {error}", where=where) from None
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if version != SCHEMA_VERSION:
        raise DatasetError(
            f"has schema version {version!r}, this FaceBone reads {SCHEMA_VERSION!r}",
            where=where,
            hint="run the audit again",
        )
    try:
        return Audit.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DatasetError(
            f"is no audit: {place}: {first['msg']}", where=where, hint="run the audit again"
        ) from None


def write_scores(table: pa.Table, folder: Path) -> Path:
    """Write scores.parquet into `folder` and return its path.

    Args:
        table: with the columns that `SCORES_COLUMNS` names.
        folder: where to.

    Raises:
        StorageError: the folder cannot be written.
    """
    import pyarrow.parquet as pq

    path = folder / SCORES_FILE
    with new_file(path) as part:
        pq.write_table(table.select(list(SCORES_COLUMNS)), part, compression="zstd")
    return path


def read_scores(folder: Path) -> pa.Table:
    """The rows of scores.parquet in a folder.

    Raises:
        DatasetError: there is none, or it lacks columns.
    """
    path = folder / SCORES_FILE
    if not path.exists():
        raise DatasetError(
            f"holds no {SCORES_FILE}", where=folder, hint="name the --out folder of an audit"
        )
    return parse_scores(path, where=path)


def parse_scores(source: Path | BinaryIO, *, where: Path | str = SCORES_FILE) -> pa.Table:
    """The rows of a scores.parquet.

    Args:
        source: its path, or its bytes as a file.
        where: what an error calls it.

    Raises:
        DatasetError: it is no Parquet file, or lacks columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(source)
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(f"cannot be read as Parquet: {error}", where=where) from None
    missing = [name for name in SCORES_COLUMNS if name not in table.column_names]
    if missing:
        raise DatasetError(f"lacks the columns {', '.join(missing)}", where=where)
    return table
