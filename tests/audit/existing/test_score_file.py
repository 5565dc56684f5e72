from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facebone.attacks.observations import Observations
from facebone.audit.existing import GivenPairs, read_candidates, read_score_table
from facebone.audit.score_table import CONTROL, MEMBER, NON_MEMBER, ScoreTable
from facebone.errors import DatasetError, UsageError

CODES = {"true": MEMBER, "false": NON_MEMBER, "control": CONTROL}


def check_holds(table: ScoreTable, rows: list[dict]) -> None:
    """The table says what the rows say, in their order, to the last bit."""
    assert len(table) == len(rows)
    for i, row in enumerate(rows):
        assert (table.left[i], table.right[i]) == (row["left"], row["right"])
        assert table.same[i] == row["same"]
        assert table.membership[i] == CODES[row["member"]]
        assert table.answers.score[i, 0] == row["score"]
        assert table.people is not None
        assert table.people[0][i] == row["person_left"]
        assert table.people[1][i] == row["person_right"]
        assert table.blind is not None
        assert table.blind.score[i, 0] == row["blind"]


@pytest.mark.parametrize("name", ["table.csv", "table.parquet", "no_ending", "wrong.txt"])
def test_reads_what_was_written(rows, write, name: str) -> None:
    check_holds(read_score_table(write(rows, name)), rows)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_seen(rows, write, separator: str) -> None:
    check_holds(read_score_table(write(rows, separator=separator)), rows)


def test_byte_order_mark_spaces_blank_lines_and_case_do_no_harm(rows, write) -> None:
    path = write(rows)
    lines = path.read_text("utf-8").splitlines()
    lines[0] = lines[0].replace("left", " LEFT ", 1)
    lines[5:5] = [""]
    lines = [line.replace(",true,", ", TRUE ,") for line in lines]
    path.write_text("\ufeff" + "\r\n".join(lines), "utf-8")
    check_holds(read_score_table(path), rows)


def test_quoted_cells_may_stand_behind_a_space(rows, write) -> None:
    for row in rows:
        row["left"] = f"{row['left']}, turned"
    path = write(rows)
    path.write_text(path.read_text("utf-8").replace(',"', ', "'), "utf-8")
    lines = path.read_text("utf-8").splitlines()
    # The quoted id of the first column behind a space too.
    path.write_text("\n".join(lines[:1] + [" " + line for line in lines[1:]]), "utf-8")
    check_holds(read_score_table(path), rows)


def test_parquet_may_hold_numbers_and_booleans(rows, write) -> None:
    numbers = {"true": 1, "false": 0}
    candidates = [row for row in rows if row["member"] in numbers]
    plain = [
        {**row, "left": 2 * i, "right": 2 * i + 1, "member": numbers[row["member"]]}
        for i, row in enumerate(candidates)
    ]
    table = read_score_table(write(plain, "t.parquet"))
    assert table.left.tolist() == [str(2 * i) for i in range(len(plain))]
    np.testing.assert_array_equal(table.member, [row["member"] == 1 for row in plain])


@pytest.mark.parametrize(
    "words", [("member", "non_member"), ("1", "0"), ("True", "FALSE"), ("Member", "Non_Member")]
)
def test_words_for_membership(rows, write, words: tuple[str, str]) -> None:
    said = dict(zip(("true", "false"), words, strict=True), control="Control")
    table = read_score_table(write([{**row, "member": said[row["member"]]} for row in rows]))
    np.testing.assert_array_equal(table.membership, [CODES[row["member"]] for row in rows])


def test_further_answers_are_queries_in_order(rows, write) -> None:
    for i, row in enumerate(rows):
        row.update({"score_3": row["score"] / 3, "score_2": i / 1000})
    table = read_score_table(write(rows))
    np.testing.assert_array_equal(
        table.answers.score, [[row["score"], row["score_2"], row["score_3"]] for row in rows]
    )


def test_one_id_may_name_a_pair(rows, write) -> None:
    drop = {"left", "right", "person_left", "person_right", "blind"}
    plain = [
        {"id": f"p{i}", **{k: v for k, v in row.items() if k not in drop}}
        for i, row in enumerate(rows)
    ]
    table = read_score_table(write(plain))
    assert table.left.tolist() == [f"p{i}" for i in range(len(rows))]
    assert set(table.right.tolist()) == {""}
    assert table.people is None
    assert table.blind is None


def test_coin_gives_half_of_each_kind_of_control_pair_to_members(rows, write) -> None:
    path = write(rows)
    drawn = [read_score_table(path, seed=seed).drawn for seed in (0, 0, *range(1, 20))]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert len({mask.tobytes() for mask in drawn}) == 4  # 2 of 2 matched times 2 of 2 mismatched
    table = read_score_table(path)
    for mask in drawn:
        assert not mask[table.candidates].any()
        for kind in (True, False):
            assert mask[table.control & (table.same == kind)].sum() == 1


def test_threshold_is_the_verifiers(rows, write) -> None:
    path = write(rows)
    assert read_score_table(path).answers.threshold == 0.5
    assert read_score_table(path, threshold=0.7).answers.threshold == 0.7
    with pytest.raises(UsageError, match="threshold: must be a finite number, got nan"):
        read_score_table(path, threshold=float("nan"))


def test_distances_need_their_sign_turned(rows, write) -> None:
    right_way = read_score_table(write(rows), threshold=0.6)
    path = write([{**row, "score": 1 - row["score"]} for row in rows], "distances.csv")
    hint = r"distances\.csv: matched pairs score lower than mismatched ones \(AUC 0\.00 .*sign=-1"
    with pytest.raises(UsageError, match=hint):
        read_score_table(path)
    turned = read_score_table(path, sign=-1, threshold=0.4)
    assert turned.answers.threshold == -0.4
    np.testing.assert_array_equal(turned.answers.right(), right_way.answers.right())
    np.testing.assert_array_equal(
        np.argsort(turned.answers.margin()[turned.same]),
        np.argsort(right_way.answers.margin()[right_way.same]),
    )
    with pytest.raises(UsageError, match=r"sign: must be 1, or -1 .*, got 2"):
        read_score_table(path, sign=2)


def test_members_alone_do_not_tell_the_direction(rows, write) -> None:
    """Members may be memorised whichever way; only the others say what larger means."""
    for row in rows:
        if row["member"] == "true":
            row["score"] = 1 - row["score"]
    check_holds(read_score_table(write(rows)), rows)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.sampled_from(["t.csv", "t.parquet"]))
def test_order_and_sides_do_not_matter(rows, write, random, name: str) -> None:
    """Whatever order rows have and sides pictures stand on, each pair keeps what is its own."""
    shuffled = [dict(row) for row in rows]
    random.shuffle(shuffled)
    for row in shuffled:
        if random.random() < 0.5:
            for one, two in (("left", "right"), ("person_left", "person_right")):
                row[one], row[two] = row[two], row[one]
    check_holds(read_score_table(write(shuffled, name)), shuffled)


def spoil(field: str, value: object, *, row: int = 2) -> Callable[[list[dict]], None]:
    def change(rows: list[dict]) -> None:
        rows[row][field] = value

    return change


def repeat(rows: list[dict]) -> None:
    rows.append({**rows[2], "score": 0.25})


def repeat_turned(rows: list[dict]) -> None:
    row = rows[2]
    rows.append({**row, "left": row["right"], "right": row["left"]})


def member_as_control(rows: list[dict]) -> None:
    rows.append({**rows[2], "member": "control"})


def person_in_control(rows: list[dict]) -> None:
    rows[-1].update(person_left="t2", left="another picture")


def drop(*fields: str) -> Callable[[list[dict]], None]:
    def change(rows: list[dict]) -> None:
        for row in rows:
            for field in fields:
                del row[field]

    return change


def rename(old: str, new: str) -> Callable[[list[dict]], None]:
    def change(rows: list[dict]) -> None:
        for row in rows:
            row[new] = row.pop(old)

    return change


def set_all(field: str, value: object) -> Callable[[list[dict]], None]:
    def change(rows: list[dict]) -> None:
        for row in rows:
            row[field] = value

    return change


def keep(*members: str, matched: int = 99) -> Callable[[list[dict]], None]:
    """Rows of some memberships, with so many matched pairs of non-members at most."""

    def change(rows: list[dict]) -> None:
        left = matched
        for row in list(rows):
            few = row["member"] == "false" and row["same"]
            left -= few
            if row["member"] not in members or (few and left < 0):
                rows.remove(row)

    return change


# Rows 0, 1, 2 .. stand on the lines 2, 3, 4 ..
BAD = {
    "empty left": (spoil("left", ""), "line 4, column 'left': is empty; must be an id"),
    "empty person": (spoil("person_right", " "), "line 4, column 'person_right': is empty"),
    "empty score": (spoil("score", ""), "line 4, column 'score': is empty; must be a finite"),
    "not a number": (
        spoil("score", "0,7 x"),
        "line 4, column 'score': must be a finite number, got '0,7 x'; correct it or drop the row",
    ),
    "NaN": (spoil("score", "nan"), "line 4, column 'score': must be a finite number, got 'nan'"),
    "infinity": (spoil("score", "-inf"), "must be a finite number, got '-inf'"),
    "NaN blind": (spoil("blind", "NaN"), "line 4, column 'blind': must be a finite number"),
    "same maybe": (
        spoil("same", "maybe"),
        "line 4, column 'same': must be true, false, 1 or 0, got 'maybe'",
    ),
    "member perhaps": (
        spoil("member", "perhaps"),
        "line 4, column 'member': must be true, 1, member, false, 0, non_member, control, got",
    ),
    "no score": (drop("score"), "has no column 'score'"),
    "membership": (
        rename("member", "membership"),
        "has no column 'member'; rename its column 'membership'? it has 'left', 'right'",
    ),
    "no ids": (
        drop("left", "right"),
        "has no columns 'left' and 'right', and no column 'id'; name the pictures",
    ),
    "left alone": (drop("right"), "has no column 'right'"),
    "one person": (drop("person_left"), "has no column 'person_left'"),
    "slip": (
        rename("blind", "blnd"),
        "has a column 'blnd' that is not known; call it 'blind', or take it out",
    ),
    "queries with a gap": (
        lambda rows: [row.update(score_2=0.5, score_4=0.5) for row in rows],
        "further answers must be score_2, score_3 and so on, got numbers [2, 4]",
    ),
    "same column": (rename("blind", "SCORE"), "has several columns 'score'; keep one"),
    "repeated": (
        repeat,
        "line 54: the pair 't2a', 't2b' stands on line 4 already; each pair must occur once",
    ),
    "repeated, turned": (repeat_turned, "line 54: the pair 't2b', 't2a' stands on line 4 already"),
    "member as control": (member_as_control, "stands on line 4 already, as control and as member"),
    "person in control": (
        person_in_control,
        "line 53: the person 't2' of this control pair also stands on line 4, which is no control",
    ),
    "itself": (spoil("right", "t2a"), "line 4: pairs 't2a' with itself"),
    "contradicted": (
        spoil("person_right", "someone"),
        "line 4: is said to show the same person, but its people are 't2' and 'someone'",
    ),
    "constant": (
        set_all("score", 0.5),
        "every score is 0.5: a verifier that answers everything alike cannot be audited",
    ),
    "constant blind": (set_all("blind", 1), "every blind is 1"),
    "no members": (
        keep("false", "control"),
        "has no members: all 24 candidates are non-members; an audit compares pairs",
    ),
    "all members": (keep("true"), "has no non-members: all 24 candidates are members"),
    "control alone": (keep("control"), "has no members: there are no candidates"),
    "too few": (
        keep("true", "false", matched=9),
        "has 9 matched and 12 mismatched pairs among the non-members; at least 10 of each",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_table_is_refused(rows, write, name: str) -> None:
    change, message = BAD[name]
    change(rows)
    path = write(rows)
    with pytest.raises(DatasetError, match=re.escape(message)) as error:
        read_score_table(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_ten_of_each_are_enough(rows, write) -> None:
    keep("true", "false", matched=10)(rows)
    assert len(read_score_table(write(rows))) == len(rows)


def test_picture_in_control_is_refused_where_people_are_not_known(rows, write) -> None:
    drop("person_left", "person_right")(rows)
    rows[-1]["left"] = "f5b"
    message = r"line 53: the picture 'f5b' of this control pair also stands on line 31"
    with pytest.raises(DatasetError, match=message):
        read_score_table(write(rows))


@pytest.mark.parametrize(
    ("value", "message"),
    [(float("nan"), "row 3, column 'score': must be a finite number, got 'nan'"),
     (None, "row 3, column 'score': is empty")],
)  # fmt: skip
def test_parquet_names_rows(rows, write, value, message: str) -> None:
    rows[2]["score"] = value
    with pytest.raises(DatasetError, match=message):
        read_score_table(write(rows, "t.parquet"))


def test_parquet_ids_that_are_no_names_are_refused(rows, write) -> None:
    for i, row in enumerate(rows):
        row["left"] = float(i) if i != 2 else float("nan")
    with pytest.raises(DatasetError, match="row 3, column 'left': must be an id, got 'nan'"):
        read_score_table(write(rows, "t.parquet"))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"gone\.csv: there is no such file; check the path"):
        read_score_table(tmp_path / "gone.csv")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is a folder; name a CSV or Parquet file"):
        read_score_table(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; write a header"),
        (b"left,right,same,member,score\n", "has no rows; write a row for each pair"),
        (b"\xff\xd8\xff\xe0 a picture \x00", "is neither a Parquet file nor CSV text in UTF-8"),
        (b"PAR1 but not really PAR1", "cannot be read as Parquet"),
        (b"left,right,score\na,b,0.1\nc,d\n", "line 3: has 2 cells, the header has 3"),
        (b'left,right\n"a,b\n', "is neither a Parquet file nor CSV text in UTF-8: unexpected end"),
        (b"Dear reader,\nthis is, a letter.\n", "has no column 'score'; it has 'dear reader', ''"),
    ],
)
def test_no_table(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=re.escape(message)) as error:
        read_score_table(path)
    assert "\n" not in str(error.value)


def test_truncated_parquet(rows, write) -> None:
    path = write(rows, "t.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DatasetError, match="cannot be read as Parquet"):
        read_score_table(path)


def test_candidates_are_the_same_pairs_without_scores(rows, write) -> None:
    table = read_score_table(write(rows))
    drop("score")(rows)
    pairs = read_candidates(write(rows, "pairs.csv"))
    for name in ("left", "right", "same", "membership"):
        np.testing.assert_array_equal(getattr(pairs, name), getattr(table, name))
    assert pairs.blind is not None
    np.testing.assert_array_equal(pairs.blind, [row["blind"] for row in rows])
    assert [pairs.place(0), pairs.place(51)] == ["line 2", "line 53"]
    assert dataclasses.replace(pairs, lines=None).place(51) == "row 52"


def test_columns_of_another_length_are_refused(rows, write) -> None:
    pairs = read_candidates(write(rows))
    with pytest.raises(UsageError, match=r"needs columns of 52 .*'right': \(51,\)"):
        dataclasses.replace(pairs, right=pairs.right[:-1])
    with pytest.raises(UsageError, match="membership must be 1, 0 or -1"):
        dataclasses.replace(pairs, membership=np.full(52, 2, dtype=np.int8))
    with pytest.raises(UsageError, match=r"52 pairs need as many scores, got an array of \(51,\)"):
        pairs.to_table(np.zeros(51))


def test_scores_are_taken_as_probabilities_only_in_their_range(rows, write) -> None:
    path = write([{**row, "score": 10 * row["score"] - 5} for row in rows])
    table = read_score_table(path)
    want = Observations.from_scores(table.answers.score, table.same)
    assert table.answers.threshold == want.threshold
    assert -3 < want.threshold < 3
    assert want.threshold != 0.5


def test_kinds_that_scores_part_perfectly_are_no_trouble() -> None:
    """Such as a good verifier on few people: calibration has no finite optimum there."""
    n = 4000
    same = np.arange(n) % 2 == 0
    scores = np.random.default_rng(0).random(n) + same
    ids = np.arange(n).astype(np.str_)
    pairs = GivenPairs(ids, np.full(n, ""), same, np.arange(n, dtype=np.int8) // 2 % 2)
    table = pairs.to_table(scores)
    assert table.answers.right().all()
    np.testing.assert_array_equal(np.argsort(table.answers.log_odds[:, 0]), np.argsort(scores))
