"""Pairs with their membership from a CSV or Parquet file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facebone.audit.existing.given_pairs import GivenPairs
from facebone.audit.existing.table_file import TableFile, read_table
from facebone.audit.score_table import CONTROL, MEMBER, NON_MEMBER, Texts
from facebone.errors import DatasetError

MEMBERSHIP_WORDS = {
    "true": MEMBER,
    "1": MEMBER,
    "member": MEMBER,
    "false": NON_MEMBER,
    "0": NON_MEMBER,
    "non_member": NON_MEMBER,
    "control": CONTROL,
}

COLUMNS = ("left", "right", "id", "same", "member", "person_left", "person_right", "blind")


def read_candidates(path: Path) -> GivenPairs:
    """Pairs to ask a verifier about, from a CSV or Parquet file.

    Columns: ``left`` and ``right`` (ids of pictures, which together name the pair in either order)
    or one ``id``; ``same`` (true or false); ``member`` (true, false, member, non_member or
    control); optional: ``person_left`` and ``person_right``; ``blind``, the score of a verifier
    that never saw the pairs. Other columns are passed over.

    Raises:
        DatasetError: not such a file, or see `GivenPairs`.
    """
    table = read_table(path)
    table.refuse_slips(COLUMNS[3:])
    return pairs_of(table)


def pairs_of(table: TableFile) -> GivenPairs:
    """The pairs of a table; see `read_candidates`.

    Raises:
        DatasetError: columns are missing or hold wrong values, or see `GivenPairs`.
    """
    left, right = _ids(table)
    same = table.flags("same")
    membership = np.array(table.words("member", MEMBERSHIP_WORDS), dtype=np.int8)
    people = None
    if "person_left" in table.columns or "person_right" in table.columns:
        people = (table.texts("person_left"), table.texts("person_right"))
    blind = table.numbers("blind") if "blind" in table.columns else None
    return GivenPairs(
        left, right, same, membership, people, blind, source=str(table.path), lines=table.lines
    )


def _ids(table: TableFile) -> tuple[Texts, Texts]:
    if "left" in table.columns or "right" in table.columns:
        return table.texts("left"), table.texts("right")
    if "id" not in table.columns:
        raise DatasetError(
            "has no columns 'left' and 'right', and no column 'id'",
            where=table.path,
            hint=f"name the pictures of each pair, or the pair; it has {table.listing()}",
        )
    ids = table.texts("id")
    return ids, np.full(len(ids), "", dtype=ids.dtype)
