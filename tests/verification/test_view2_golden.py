"""The whole of LFW's View 2 from stored embeddings: golden numbers, see ``golden/view2.json``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from facebone.data.pairs import Pairs
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import make_head
from facebone.verification.protocol import evaluate_folds

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "view2.json").read_text("utf-8"))
FIGURES = ("accuracy", "standard_error", "auc", "eer", "tar@0.01", "tar@0.001")


@pytest.fixture(scope="module")
def view2(assets):
    """Embeddings by name, the 6,000 pairs with their folds, and who they show."""
    stored = np.load(assets / "lfw" / "view2_embeddings.npz")
    position = {name: i for i, name in enumerate(stored["names"])}
    lines = (assets / "lfw" / "pairs.txt").read_text("utf-8").splitlines()
    assert lines[0].split() == ["10", "300"]
    rows = []
    for line in lines[1:]:
        parts = line.split("\t")
        first, second = ((0, 1), (0, 2)) if len(parts) == 3 else ((0, 1), (2, 3))
        rows.append([
            position[f"{parts[name]}_{int(parts[number]):04d}"] for name, number in (first, second)
        ] + [len(parts) == 3])  # fmt: skip
    left, right, same = np.array(rows, dtype=np.intp).T
    assert len(rows) == 6000
    pairs = Pairs(left, right, same.astype(bool), np.arange(6000) // 600)
    people = np.array([name.rsplit("_", 1)[0] for name in stored["names"]])
    return stored, pairs, (people[left], people[right])


def measure(view2, entry):
    stored, pairs, people = view2
    embedded = EmbeddedPairs.gather([stored[name] for name in entry["embeddings"]], pairs)
    head = make_head(entry["head"])
    found = evaluate_folds(
        head.fresh, embedded, pairs.same, pairs.fold, people, seed=0, replicates=50
    )
    utility = found.utility
    return utility, dict(zip(FIGURES, (
        utility.accuracy.value, utility.accuracy_standard_error, utility.auc.value,
        utility.eer.value, utility.tar_at_far[0.01].value, utility.tar_at_far[0.001].value,
    ), strict=True))  # fmt: skip


@pytest.mark.parametrize("entry", GOLDEN["unfitted"], ids=lambda e: "+".join(e["embeddings"]))
def test_heads_that_learn_nothing(view2, entry):
    utility, found = measure(view2, entry)
    assert found == pytest.approx(entry["figures"], abs=GOLDEN["tolerance"])
    assert found["accuracy"] >= entry.get("at_least", 0)
    if "elsewhere" in entry:
        assert found["accuracy"] == pytest.approx(entry["elsewhere"], abs=0.0015)
    assert utility.accuracy.low < found["accuracy"] < utility.accuracy.high


def test_the_references_mistake_costs_twenty_points(view2):
    _, plain = measure(view2, {"embeddings": ["b_plain"], "head": "cosine"})
    assert plain["accuracy"] == pytest.approx(0.785, abs=0.015)


@pytest.mark.parametrize(
    "entry", GOLDEN["fitted"], ids=lambda e: f"{e['head']}-{e['embeddings'][-1]}"
)
def test_heads_that_learn(view2, entry):
    _, found = measure(view2, entry)
    assert found["accuracy"] == pytest.approx(entry["accuracy"], abs=entry["tolerance"])
    assert found["auc"] == pytest.approx(entry["auc"], abs=entry["tolerance"])
