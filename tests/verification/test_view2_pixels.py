"""A fixed fifth of LFW's View 2, its first two folds, from pixels to decisions.

The oracle is the file of embeddings beside the assets, made by other software from the same
pictures: the engine's must agree with it, and decide the pairs as well as it does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facebone.data.dataset import Dataset
from facebone.data.store import EmbeddingStore
from facebone.verification.calibration import best_accuracy_threshold
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.pairing import Paired, embed_pairs
from facebone.verification.routes import open_routes

A, B = "mobilefacenet_ms1m_a", "mobilefacenet_ms1m_b"
Oracle = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def oracle(assets: Path, lfw: Dataset) -> Oracle:
    """The stored embeddings by column, rows by position in the data set (NaN where not stored)."""
    stored = np.load(assets / "lfw" / "view2_embeddings.npz")
    rows = [lfw.index["/".join(name.rsplit("_", 1))] for name in stored["names"]]
    columns = {}
    for name in stored.files:
        if name != "names":
            columns[name] = np.full((len(lfw.pictures), 128), np.nan, dtype=np.float32)
            columns[name][rows] = stored[name]
    return columns


def embed_fifth(lfw: Dataset, folder: Path, names: list[str], *, alignment: str) -> Paired:
    assert lfw.official_pairs is not None
    assert lfw.official_pairs.fold is not None
    routes = open_routes(names, alignment=alignment, missing="centre", device="cpu")
    engine = EmbeddingEngine(routes, store=EmbeddingStore(folder))
    return embed_pairs(engine, lfw, lfw.official_pairs.take(lfw.official_pairs.fold < 2))


def agreement(paired: Paired, oracle: Oracle, columns: list[str]) -> list[np.ndarray]:
    """For each backbone the cosine between the engine's and the stored row of each picture."""
    stored = EmbeddedPairs.gather([oracle[name] for name in columns], paired.pairs)
    found = []
    for k in range(len(columns)):
        mine = np.concatenate([paired.embedded.left[k], paired.embedded.right[k]])
        theirs = np.concatenate([stored.left[k], stored.right[k]])
        found.append(np.einsum("nd,nd->n", mine, theirs))
    return found


def accuracy(lfw: Dataset, paired: Paired, oracle: Oracle, columns: list[str]) -> float:
    """Of the fifth, at the threshold that is best for the stored rows of the other folds."""
    others = lfw.official_pairs.take(lfw.official_pairs.fold >= 2)
    stored = EmbeddedPairs.gather([oracle[name] for name in columns], others)
    threshold = best_accuracy_threshold(stored.cosines().mean(axis=1), others.same)
    decided = paired.embedded.cosines().mean(axis=1) >= threshold
    return float((decided == paired.pairs.same).mean())


@pytest.fixture(scope="module")
def aligned(lfw: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Paired:
    return embed_fifth(lfw, tmp_path_factory.mktemp("aligned"), [A, B], alignment="five-point")


def test_every_pair_of_the_fifth_is_there(aligned: Paired) -> None:
    assert len(aligned.pairs) == 1200
    assert int(aligned.pairs.same.sum()) == 600
    assert aligned.problems == ()
    assert aligned.guessed == ()


def test_aligned_embeddings_agree_with_other_software(aligned: Paired, oracle: Oracle) -> None:
    for cosines in agreement(aligned, oracle, ["a_aligned", "b_aligned"]):
        assert np.median(cosines) >= 0.99
        assert np.quantile(cosines, 0.01) >= 0.93


def test_aligned_accuracy(lfw: Dataset, aligned: Paired, oracle: Oracle) -> None:
    # 1,200 pairs have a standard error of 0.002 at these rates: the whole's limits less two of it.
    assert accuracy(lfw, aligned, oracle, ["a_aligned", "b_aligned"]) >= 0.993 - 0.004
    # Not the fifth alone: it decides as the stored rows do, but for a few pairs.
    stored = EmbeddedPairs.gather([oracle["a_aligned"], oracle["b_aligned"]], aligned.pairs)
    difference = stored.cosines() - aligned.embedded.cosines()
    assert np.quantile(np.abs(difference), 0.99) < 0.05


def test_without_alignment_the_mistake_is_reproduced(
    lfw: Dataset, oracle: Oracle, tmp_path: Path
) -> None:
    whole = embed_fifth(lfw, tmp_path, [B], alignment="none")
    (cosines,) = agreement(whole, oracle, ["b_plain"])
    assert np.median(cosines) >= 0.99
    assert np.quantile(cosines, 0.01) >= 0.93
    assert accuracy(lfw, whole, oracle, ["b_plain"]) == pytest.approx(0.785, abs=0.03)


def test_dlib_agrees_with_other_software(lfw: Dataset, oracle: Oracle, tmp_path: Path) -> None:
    """A tenth of a second a picture: 80 pictures, by processes, have to do."""
    pytest.importorskip("dlib")
    routes = open_routes(["dlib"], missing="centre")
    assert routes[0].preparation.detector == "dlib"
    positions = lfw.official_pairs.pictures()[::97]
    engine = EmbeddingEngine(routes, store=EmbeddingStore(tmp_path), workers=2)
    embedded = engine.embed([lfw.pictures[i] for i in positions])
    assert embedded.computed == len(positions) > 64
    mine, theirs = embedded.matrices[0], oracle["dlib_aligned"][positions]
    norms = np.linalg.norm(mine, axis=1) * np.linalg.norm(theirs, axis=1)
    cosines = np.einsum("nd,nd->n", mine, theirs) / norms
    assert np.median(cosines) >= 0.99
    assert np.quantile(cosines, 0.01) >= 0.93
