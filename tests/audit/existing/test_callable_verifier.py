from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facebone.audit.existing import (
    GivenPairs,
    ask_verifier,
    load_callable,
    read_candidates,
    read_score_table,
)
from facebone.errors import DatasetError, StorageError, UnknownNameError, UsageError


@pytest.fixture
def pairs(rows, write) -> GivenPairs:
    return read_candidates(write(rows))


class Oracle:
    """Answers with the score that a row states; remembers what it was asked."""

    def __init__(self, rows: list[dict]) -> None:
        self.known = {(row["left"], row["right"]): row["score"] for row in rows}
        self.asked: list[tuple[str, str]] = []
        self.calls: list[int] = []

    def __call__(self, left: list[str], right: list[str]) -> object:
        assert type(left) is list
        assert type(left[0]) is str
        batch = list(zip(left, right, strict=True))
        self.asked += batch
        self.calls.append(len(batch))
        return [self.known[pair] for pair in batch]


def test_gives_the_table_that_the_same_scores_in_a_file_give(rows, write, pairs) -> None:
    oracle = Oracle(rows)
    table = ask_verifier(oracle, pairs, batch_size=10, threshold=0.4, seed=5)
    want = read_score_table(write(rows), threshold=0.4, seed=5)
    np.testing.assert_array_equal(table.answers.score, want.answers.score)
    np.testing.assert_array_equal(table.answers.log_odds, want.answers.log_odds)
    np.testing.assert_array_equal(table.drawn, want.drawn)
    assert table.answers.threshold == 0.4
    assert oracle.asked == [(row["left"], row["right"]) for row in rows]
    assert oracle.calls == [10, 10, 10, 10, 10, 2]


def test_queries_are_asked_anew_and_stand_side_by_side(rows, pairs) -> None:
    calls = iter(range(1000))

    def verify(left: list[str], right: list[str]) -> np.ndarray:
        return next(calls) / 100 + np.arange(len(left)) % 7 / 1000

    table = ask_verifier(verify, pairs, batch_size=52, queries=3)
    one = np.arange(52) % 7 / 1000
    np.testing.assert_allclose(table.answers.score, np.stack([one, one + 0.01, one + 0.02], 1))


def test_distances_need_their_sign_turned(rows, pairs) -> None:
    oracle = Oracle([{**row, "score": -row["score"]} for row in rows])
    with pytest.raises(UsageError, match="give sign=-1"):
        ask_verifier(oracle, pairs)
    want = [row["score"] for row in rows]
    np.testing.assert_array_equal(ask_verifier(oracle, pairs, sign=-1).scores(), want)


def test_verifier_that_breaks_off_is_not_asked_again_what_it_answered(
    rows, pairs, tmp_path: Path
) -> None:
    oracle = Oracle(rows)
    kept = tmp_path / "answers"
    broken = [True]

    def verify(left: list[str], right: list[str]) -> object:
        if broken[0] and rows[30]["left"] in left:
            raise ConnectionError("the server\nis gone")
        return oracle(left, right)

    message = (
        "verifier verify: fails on pairs 31 to 40, the first 'f6a', 'f6b': ConnectionError: the "
        "server is gone; earlier answers are kept; mend it and run the same again"
    )
    with pytest.raises(UsageError, match=re.escape(message)) as error:
        ask_verifier(verify, pairs, batch_size=10, answers=kept)
    assert isinstance(error.value.__cause__, ConnectionError)
    assert len(oracle.asked) == 30
    broken[0] = False
    table = ask_verifier(verify, pairs, batch_size=10, answers=kept)
    assert oracle.asked == [(row["left"], row["right"]) for row in rows]
    np.testing.assert_array_equal(table.scores(), [row["score"] for row in rows])
    ask_verifier(verify, pairs, batch_size=10, answers=kept)
    assert len(oracle.asked) == len(rows)
    assert not [path for path in kept.iterdir() if path.suffix != ".npy"]


def test_answers_are_kept_for_pairs_query_version_and_source(rows, pairs, tmp_path: Path) -> None:
    oracle = Oracle(rows)
    kept = tmp_path / "answers"

    def other(left: list[str], right: list[str]) -> object:
        return oracle(left, right)

    def asked(given: GivenPairs = pairs, verify: object = oracle, **more: object) -> int:
        before = len(oracle.asked)
        ask_verifier(verify, given, batch_size=13, answers=kept, **more)  # type: ignore[arg-type]
        return len(oracle.asked) - before

    assert asked() == 52
    assert asked() == 0
    assert asked(queries=2) == 52
    assert asked(version="epoch 2") == 52
    assert asked(verify=other) == 52
    # Only the last batch of pairs is another one.
    assert asked(pairs.take(np.arange(51))) == 12
    assert asked() == 0


def test_changed_source_file_is_asked_anew(rows, pairs, tmp_path: Path, clean_imports) -> None:
    mine = tmp_path / "mine.py"
    kept = tmp_path / "answers"
    for number in (1, 2):
        mine.write_text(f"def verify(left, right):\n    return [{number} + len(i) for i in left]\n")
        table = ask_verifier(load_callable(f"{mine}:verify"), pairs, answers=kept)
        np.testing.assert_array_equal(table.scores(), [number + len(row["left"]) for row in rows])


def test_damaged_answers_are_asked_anew(rows, pairs, tmp_path: Path) -> None:
    oracle = Oracle(rows)
    for content in (b"", b"not numpy", None):
        ask_verifier(oracle, pairs, answers=tmp_path)
        (path,) = tmp_path.glob("*.npy")
        if content is None:
            np.save(path, np.zeros(3))
        else:
            path.write_bytes(content)
        before = len(oracle.asked)
        table = ask_verifier(oracle, pairs, answers=tmp_path)
        assert len(oracle.asked) == before + 52
        np.testing.assert_array_equal(table.scores(), [row["score"] for row in rows])


def test_answers_that_cannot_be_kept(rows, pairs, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"is already there|is a file"):
        ask_verifier(Oracle(rows), pairs, answers=tmp_path / "file")


def test_interrupt_passes_through(pairs) -> None:
    def verify(left: list[str], right: list[str]) -> object:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask_verifier(verify, pairs)


def test_verifier_that_leaves_does_not_end_the_process(pairs) -> None:
    def verify(left: list[str], right: list[str]) -> object:
        sys.exit(1)

    with pytest.raises(UsageError, match="pairs 1 to 52, the first 't0a', 't0b': SystemExit: 1"):
        ask_verifier(verify, pairs)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.zeros(19), "must return 20 numbers for pairs 21 to 40, .*got float64 of shape (19,)"),
        (np.zeros((20, 1)), "got float64 of shape (20, 1)"),
        (None, "got object of shape ()"),
        (["0.5"] * 20, "got <U3 of shape (20,)"),
        (np.zeros(20) + 1j, "got complex128 of shape (20,)"),
        ([[0.5], [0.5, 0.6]], "fails on pairs 21 to 40, the first 't20a', 't20b': ValueError: "),
        (
            [0.5] * 18 + [np.nan, np.inf],
            "answers nan about pair 39, 'f14a', 'f14b', and 2 of 20 in this batch are not finite",
        ),
    ],
)
def test_answer_that_is_none(pairs, answer: object, message: str) -> None:
    calls = iter(range(10))

    def verify(left: list[str], right: list[str]) -> object:
        return answer if next(calls) == 1 else np.linspace(0, 1, len(left))

    pattern = re.escape(message).replace(r"\.\*", ".*")
    with pytest.raises(UsageError, match=pattern) as error:
        ask_verifier(verify, pairs, batch_size=20)
    assert "\n" not in str(error.value)


def test_whole_numbers_and_decisions_are_scores(rows, pairs) -> None:
    want = [float(row["same"]) for row in rows]
    for kind in (int, bool):
        oracle = Oracle([{**row, "score": kind(row["same"])} for row in rows])
        np.testing.assert_array_equal(ask_verifier(oracle, pairs).scores(), want)


def test_constant_answers_are_refused(rows, pairs) -> None:
    oracle = Oracle([{**row, "score": 0.25} for row in rows])
    with pytest.raises(DatasetError, match=r"every score is 0\.25: a verifier that answers every"):
        ask_verifier(oracle, pairs)


@pytest.mark.parametrize("name", ["batch_size", "queries"])
def test_counts_must_be_positive(pairs, name: str) -> None:
    with pytest.raises(UsageError, match="must be an integer of at least 1, got 0"):
        ask_verifier(len, pairs, **{name: 0})  # type: ignore[arg-type]


@pytest.fixture
def clean_imports() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch, clean_imports) -> Path:
    """The current folder, with a module that imports its neighbour."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "neighbour.py").write_text("FACTOR = 3\n")
    (tmp_path / "mine.py").write_text(
        "from neighbour import FACTOR\n"
        "NUMBER = 1\n"
        "def verify(left, right):\n    return [FACTOR * len(name) for name in left]\n"
        "class Model:\n    @staticmethod\n    def verify(left, right):\n        return [7.0]\n"
    )
    (tmp_path / "broken.py").write_text("import a_module_that_is_not_there\n")
    (tmp_path / "leaves.py").write_text("raise SystemExit('bye')\n")
    return tmp_path


@pytest.mark.parametrize("reference", ["mine.py:verify", "mine:verify", "{here}/mine.py:verify"])
def test_finds_a_function(folder: Path, reference: str) -> None:
    verify = load_callable(reference.format(here=folder))
    assert verify(["ab", "c"], ["x", "y"]) == [6, 3]


def test_finds_a_method(folder: Path) -> None:
    assert load_callable("mine.py:Model.verify")(["a"], ["b"]) == [7.0]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mine.py", "must look like file.py:function or package.module:function, got 'mine.py'"),
        ("mine.py:", "must look like"),
        (":verify", "must look like"),
        ("gone.py:verify", "gone.py: there is no such file; check the path"),
        ("gone:verify", "gone: cannot be imported: ModuleNotFoundError: No module named 'gone'"),
        ("broken.py:verify", "cannot be imported: ModuleNotFoundError: No module named 'a_module"),
        ("leaves.py:verify", "leaves.py: cannot be imported: SystemExit: bye"),
        ("mine.py:NUMBER", "mine.py:NUMBER: is of type int, which cannot be called"),
    ],
)
def test_bad_reference(reference: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        load_callable(reference)


@pytest.mark.usefixtures("folder")
def test_nearest_callable_is_named() -> None:
    message = "unknown callable of mine.py 'verfy'; did you mean 'verify'? known: Model, verify"
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        load_callable("mine.py:verfy")
