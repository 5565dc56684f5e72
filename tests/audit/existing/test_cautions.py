from __future__ import annotations

import pytest

from facebone.audit.existing import cautions, read_score_table


def test_good_pairs_need_none(rows, write) -> None:
    assert cautions(read_score_table(write(rows))) == []


@pytest.mark.parametrize(
    ("drop", "start"),
    [
        (("blind",), "there is no score of a verifier that never saw the pairs"),
        (("person_left", "person_right"), "who is on the pictures is not known"),
    ],
)
def test_missing_columns_are_said(rows, write, drop: tuple[str, ...], start: str) -> None:
    for row in rows:
        for name in drop:
            del row[name]
    (line,) = cautions(read_score_table(write(rows)))
    assert line.startswith(start)
    assert all(name in line for name in drop)


def test_missing_control_is_said(rows, write) -> None:
    (line,) = cautions(read_score_table(write([r for r in rows if r["member"] != "control"])))
    assert line.startswith("there are no control pairs")


def test_sides_of_unlike_balance_are_said(rows, write) -> None:
    """Of 48 members 36 are matched, of 24 non-members 12: 75 % against 50 %."""
    more = [
        {**row, "left": f"m{i} {row['left']}", "right": f"m{i} {row['right']}"}
        for i in range(2)
        for row in rows
        if row["member"] == "true" and row["same"]
    ]
    assert cautions(read_score_table(write(rows + more))) == []  # 2.1 standard errors
    for i in range(8):
        more += [{**row, "left": f"n{i} {row['left']}"} for row in more[:24]]
    (line,) = cautions(read_score_table(write(rows + more)))
    assert line.startswith("95% of the members and 50% of the non-members are matched pairs")
