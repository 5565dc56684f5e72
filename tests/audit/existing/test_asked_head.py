from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facebone.audit.existing import GivenPairs, ask_head, read_candidates
from facebone.audit.score_table import CONTROL
from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.data.pictures import FileSource
from facebone.data.synthetic import synthetic_dataset
from facebone.errors import DatasetError
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.heads import make_head
from facebone.verification.pairing import embed_pairs
from facebone.verification.routes import open_routes


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return synthetic_dataset(people=24, pictures_per_person=3, seed=1)


@pytest.fixture(scope="module")
def engine() -> EmbeddingEngine:
    return EmbeddingEngine(open_routes(["tiny_plain"], device="cpu"), workers=1, on_problem="skip")


@pytest.fixture
def given(dataset: Dataset, tmp_path: Path) -> Path:
    """20 people in members and non-members, both kinds of pairs; the other 4 in control pairs."""
    people = list(dataset.people.values())
    ids = [picture.id for picture in dataset.pictures]
    rows = []
    for i in range(20):
        a, b, c = (ids[k] for k in people[i])
        other = ids[people[(i + 1) % 20][2]]
        rows.append((a, b, True, i % 2 == 0))
        rows.append((c, other, False, i % 2 == 0))
    rows += [(ids[people[i][0]], ids[people[i][1]], True, "control") for i in range(20, 24)]
    path = tmp_path / "pairs.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("left", "right", "same", "member"), *rows])
    return path


def test_scores_and_people_are_those_of_the_pictures(given: Path, dataset, engine) -> None:
    pairs = read_candidates(given)
    table, embedded = ask_head(make_head("cosine"), pairs, dataset, engine, threshold=0.3)
    positions = Pairs(
        np.array([dataset.index[name] for name in pairs.left]),
        np.array([dataset.index[name] for name in pairs.right]),
        pairs.same,
    )
    want = embed_pairs(engine, dataset, positions).embedded.cosines()[:, 0]
    np.testing.assert_allclose(table.scores(), want, atol=1e-6)
    np.testing.assert_array_equal(table.membership, pairs.membership)
    assert table.answers.threshold == 0.3
    assert table.people is not None
    for column, ids in zip(table.people, (table.left, table.right), strict=True):
        owners = [dataset.pictures[dataset.index[name]].person for name in ids]
        assert column.tolist() == owners
    assert embedded.problems == ()
    # Nothing better was brought: the backbone alone is the baseline.
    assert table.blind is not None
    np.testing.assert_allclose(table.blind.score[:, 0], want, atol=1e-6)


def test_blind_scores_that_were_brought_are_kept(given: Path, dataset, engine) -> None:
    pairs = read_candidates(given)
    blind = np.linspace(0, 1, len(pairs))
    table, _ = ask_head(make_head("cosine"), replace(pairs, blind=blind), dataset, engine)
    assert table.blind is not None
    np.testing.assert_array_equal(table.blind.score[:, 0], blind)


def test_pairs_of_pictures_that_cannot_be_embedded_are_left_out(
    given: Path, dataset: Dataset, engine, tmp_path: Path
) -> None:
    pairs = read_candidates(given)
    control = int(np.flatnonzero(pairs.membership == CONTROL)[0])
    (tmp_path / "no picture").write_bytes(b"a letter")
    spoilt = dataset.index[str(pairs.left[control])]
    pictures = list(dataset.pictures)
    pictures[spoilt] = replace(pictures[spoilt], source=FileSource(tmp_path / "no picture"))
    table, embedded = ask_head(
        make_head("cosine"), pairs, replace(dataset, pictures=tuple(pictures)), engine
    )
    assert len(table) == len(pairs) - 1
    assert pairs.left[control] not in table.left
    assert len(embedded.problems) == 1


def test_picture_that_is_not_there(given: Path, dataset: Dataset, engine) -> None:
    text = given.read_text()
    first = text.splitlines()[1].split(",")[0]
    given.write_text(text.replace(first, first + "x"))
    message = (
        f"{given}, line 2: the synthetic data set has no picture '{first}x', 1 are missing; its "
        f"ids look like {first!r}"
    )
    with pytest.raises(DatasetError, match=re.escape(message)):
        ask_head(make_head("cosine"), read_candidates(given), dataset, engine)


def test_label_that_the_data_set_contradicts(given: Path, dataset: Dataset, engine) -> None:
    pairs = read_candidates(given)
    wrong = pairs.same.copy()
    wrong[[0, 1]] = wrong[[1, 0]]
    with pytest.raises(DatasetError, match="line 2: is said to show two people, but its people"):
        ask_head(make_head("cosine"), replace(pairs, same=wrong), dataset, engine)


def test_what_was_given_is_left_as_it_was(given: Path, dataset: Dataset, engine) -> None:
    pairs: GivenPairs = read_candidates(given)
    ask_head(make_head("cosine"), pairs, dataset, engine)
    assert pairs.people is None
    assert pairs.blind is None
