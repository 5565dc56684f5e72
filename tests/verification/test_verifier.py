"""A verifier: what it joins, how its threshold comes about, and its way to disk and back."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from facebone.errors import HashMismatchError, StorageError, UsageError, WeightsError
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import HEADS, make_head
from facebone.verification.metrics import accuracy
from facebone.verification.verifier import TrainingFacts, Verifier

ROUTES = (
    {"backbone": "one", "weights_hash": "ab" * 32, "alignment": "five-point"},
    {"backbone": "two", "weights_hash": "cd" * 32, "alignment": "none"},
)
FACTS = TrainingFacts("toy", "f00d", seed=5, mitigation="none")
QUICK = {"mlp": {"layers": [16], "batch_norm": [0], "epochs": 15, "learning_rate": 1e-2}}


def data(pairs=400, seed=0, noise=0.8):
    rng = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    sides = ([], [])
    for width in (6, 4):
        a = rng.normal(size=(pairs, width))
        b = np.where(same[:, None], a, rng.normal(size=a.shape)) + noise * rng.normal(size=a.shape)
        for side, matrix in zip(sides, (a, b), strict=True):
            side.append(normalise(matrix.astype(np.float32)))
    return EmbeddedPairs(tuple(sides[0]), tuple(sides[1])), same


def make(name="logistic", **kwargs):
    kwargs = {"routes": ROUTES, "training": FACTS} | kwargs
    return Verifier.fit(make_head(name, QUICK.get(name)), *data(), **kwargs)[0]


@pytest.fixture(params=HEADS.names())
def name(request):
    return request.param


# ---- joining -----------------------------------------------------------------------------------


def test_decides_by_its_threshold(name):
    verifier = make(name)
    pairs, same = data(seed=1)
    scores = verifier.score(pairs)
    np.testing.assert_array_equal(verifier.decide(pairs), scores >= verifier.threshold)
    assert accuracy(scores, same, verifier.threshold) > 0.7
    assert verifier.backbones == ("one", "two")


def test_a_score_at_the_threshold_is_accepted():
    verifier = make("cosine")
    pairs, _ = data(seed=1)
    exact = replace(verifier, threshold=float(verifier.score(pairs)[7]))
    assert exact.decide(pairs)[7]


def test_fit_keeps_the_facts():
    verifier, report = Verifier.fit(
        make_head("logistic"), *data(), routes=ROUTES, training=FACTS, target_far=0.1
    )
    assert report.pairs == 400
    assert verifier.training == TrainingFacts("toy", "f00d", 5, "none", 400)
    assert (verifier.dimensions, verifier.target_far) == ((6, 4), 0.1)
    with pytest.raises(FrozenInstanceError):
        verifier.threshold = 0.0


def test_threshold_comes_from_the_calibration_pairs():
    pairs, same = data(2000, seed=2)
    verifier = make("logistic", target_far=0.02, calibration=(pairs, same))
    assert verifier.decide(pairs)[~same].sum() == 20
    strict = make("logistic", target_far=0.004, calibration=(pairs, same))
    assert strict.decide(pairs)[~same].sum() == 4
    assert strict.threshold > verifier.threshold


def test_without_calibration_pairs_a_head_is_not_trusted_on_what_it_learnt():
    """An overfitted head is sure of its own pairs; the held-out threshold holds on strangers."""
    pairs, same = data(200, noise=2.0)
    settings = {"layers": [128], "batch_norm": [], "epochs": 150, "learning_rate": 1e-2}
    head = make_head("mlp", settings)
    verifier, _ = Verifier.fit(head, pairs, same, routes=ROUTES, training=FACTS, target_far=0.1)
    fresh, truth = data(2000, seed=9, noise=2.0)
    assert verifier.decide(fresh)[~truth].mean() == pytest.approx(0.1, abs=0.08)
    naive = float(np.quantile(head.score(pairs)[~same], 0.9))
    assert (head.score(fresh)[~truth] >= naive).mean() > 0.3


def test_too_few_pairs_for_the_asked_rate_are_refused():
    with pytest.raises(UsageError, match=r"at FAR 0\.01 needs at least 300 .* got 200"):
        make("cosine", target_far=0.01)


def test_other_embeddings_are_refused(name):
    pairs, _ = data()
    one = EmbeddedPairs(pairs.left[:1], pairs.right[:1])
    with pytest.raises(UsageError, match=r"width \(6, 4\), got \(6,\); embed with one, two"):
        make(name).score(one)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"routes": ()}, "one description and one width a backbone, got 0 and 2"),
        ({"routes": ROUTES[:1]}, "got 1 and 2"),
        ({"routes": ({"backbone": "one"}, ROUTES[1])}, "a route lacks weights_hash"),
        ({"dimensions": (4, 6)}, r"fitted to embeddings of width \(6, 4\), the backbones have"),
        ({"threshold": float("nan")}, "threshold: must be finite"),
        ({"threshold": float("inf")}, "threshold: must be finite"),
        ({"target_far": 0.0}, "far: must be more than 0"),
        ({"training": replace(FACTS, seed=-1)}, "seed: must be in"),
        ({"head": make_head("logistic")}, "fitted to embeddings of width None"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, message):
    with pytest.raises(UsageError, match=message):
        replace(make(), **change)


# ---- to disk and back --------------------------------------------------------------------------


def test_comes_back_as_it_went(name, tmp_path):
    folder = tmp_path / "runs" / "Müller 模型"
    verifier = make(name, target_far=0.1)
    verifier.save(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["head.safetensors", "verifier.json"]
    again = Verifier.load(folder)
    pairs, _ = data(seed=1)
    assert again.score(pairs).tobytes() == verifier.score(pairs).tobytes()
    np.testing.assert_array_equal(again.decide(pairs), verifier.decide(pairs))
    for fact in ("routes", "dimensions", "threshold", "target_far", "training"):
        assert getattr(again, fact) == getattr(verifier, fact)
    assert again.head.settings == verifier.head.settings


def test_same_verifier_same_bytes(tmp_path):
    make("mlp").save(tmp_path / "a")
    make("mlp").save(tmp_path / "b")
    for file in ("verifier.json", "head.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_verifier_may_be_replaced_and_an_empty_folder_filled(tmp_path):
    folder = tmp_path / "v"
    folder.mkdir()
    make("cosine").save(folder)
    make("logistic").save(folder)
    assert Verifier.load(folder).head.name == "logistic"
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


@pytest.mark.parametrize("extra", ["notes.txt", "verifier.json.bak", "head.safetensors"])
def test_a_folder_with_something_else_is_left_alone(extra, tmp_path):
    (tmp_path / extra).write_text("precious")
    with pytest.raises(StorageError, match="holds something else than a verifier; name a new"):
        make("cosine").save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [extra]
    assert (tmp_path / extra).read_text() == "precious"


def test_a_verifier_with_a_file_beside_it_is_left_alone(tmp_path):
    make("cosine").save(tmp_path / "v")
    (tmp_path / "v" / "report.html").write_text("precious")
    with pytest.raises(StorageError, match="something else"):
        make("logistic").save(tmp_path / "v")
    assert Verifier.load(tmp_path / "v").head.name == "cosine"


def test_a_file_in_the_way_is_left_alone(tmp_path):
    (tmp_path / "v").write_text("precious")
    with pytest.raises(StorageError, match="something else"):
        make("cosine").save(tmp_path / "v")
    assert (tmp_path / "v").read_text() == "precious"


def test_a_full_disk_leaves_the_old_verifier_and_no_half_of_the_new(tmp_path, monkeypatch):
    folder = tmp_path / "v"
    make("cosine").save(folder)

    def full(self, *args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(StorageError, match="the disk is full"):
            make("logistic").save(folder)
    assert Verifier.load(folder).head.name == "cosine"
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


@pytest.fixture
def saved(tmp_path):
    make("logistic").save(tmp_path / "v")
    return tmp_path / "v"


def rewrite(folder, **changes):
    """Change the document the way a careless editor would."""
    path = folder / "verifier.json"
    document = json.loads(path.read_text("utf-8"))
    for name, value in changes.items():
        document[name] = value
    path.write_text(json.dumps(document), "utf-8")


def reseal(folder, arrays):
    """Other arrays, with the hash set right: only their content is wrong."""
    content = safetensors.numpy.save(arrays) if isinstance(arrays, dict) else arrays
    (folder / "head.safetensors").write_bytes(content)
    rewrite(folder, arrays_sha256=hashlib.sha256(content).hexdigest())


def test_where_there_is_none(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError, match="no verifier is here; make one with 'facebone train'"):
            Verifier.load(folder)


def test_another_schema_version(saved):
    rewrite(saved, schema_version=2)
    with pytest.raises(UsageError, match="schema version 2, this facebone reads 1; install"):
        Verifier.load(saved)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_damaged_json(saved, content):
    (saved / "verifier.json").write_bytes(content)
    with pytest.raises(WeightsError, match=r"verifier\.json: is not JSON: .*; train"):
        Verifier.load(saved)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": "high"}, "threshold"),
        ({"routes": 3}, "routes"),
        ({"extra": 3}, "extra"),
        ({"format": "pickle"}, "format"),
        ({"training": {}}, "training.data"),
        ({"head": {"head": "logistic"}}, "head.settings"),
        ({"schema_version": None}, "schema_version"),
    ],
)
def test_json_of_another_shape(saved, change, place):
    rewrite(saved, **change)
    with pytest.raises(WeightsError, match=rf"verifier\.json: {re.escape(place)}: "):
        Verifier.load(saved)


def test_json_that_is_no_object(saved):
    (saved / "verifier.json").write_text("3")
    with pytest.raises(WeightsError, match="the whole"):
        Verifier.load(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": {"head": "magic", "settings": {}, "dimensions": [6, 4]}}, "unknown head 'magic'"),
        (
            {"head": {"head": "logistic", "settings": {"C": -1}, "dimensions": [6, 4]}},
            "C: must be a number of more than 0",
        ),
        ({"dimensions": [6]}, "one description and one width a backbone"),
        ({"routes": [{}, {}]}, "a route lacks backbone, weights_hash"),
        ({"target_far": 7.0}, "far: must be more than 0"),
    ],
)
def test_json_of_the_right_shape_and_wrong_content(saved, change, message):
    rewrite(saved, **change)
    with pytest.raises(WeightsError, match=f"does not make a verifier: .*{message}"):
        Verifier.load(saved)


def test_missing_arrays(saved):
    (saved / "head.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"head\.safetensors: cannot be read: No such file"):
        Verifier.load(saved)


def test_arrays_of_another_verifier(saved, tmp_path):
    make("products").save(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "head.safetensors", saved)
    with pytest.raises(HashMismatchError, match=r"is not the file that verifier\.json was written"):
        Verifier.load(saved)


def test_cut_short_arrays(saved):
    path = saved / "head.safetensors"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(HashMismatchError, match=r"head\.safetensors"):
        Verifier.load(saved)
    reseal(saved, path.read_bytes())
    with pytest.raises(WeightsError, match=r"head\.safetensors: is no safetensors file"):
        Verifier.load(saved)


def test_arrays_of_wrong_shape(saved):
    arrays = safetensors.numpy.load_file(saved / "head.safetensors")
    reseal(saved, arrays | {"coefficients": np.zeros(3)})
    with pytest.raises(WeightsError, match=r"coefficients has shape \(3,\), needs \(2,\)"):
        Verifier.load(saved)


def test_a_pickle_is_not_read(saved):
    import pickle

    reseal(saved, pickle.dumps({"coefficients": [1.0]}))
    with pytest.raises(WeightsError, match="is no safetensors file"):
        Verifier.load(saved)
