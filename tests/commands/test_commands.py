"""Each command from end to end on synthetic faces."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from facebone.verification.verifier import Verifier

TINY = ("--backbone", "tiny_plain")


def test_evaluate_prints_the_utility_object_and_nothing_else(facebone) -> None:
    result = facebone("evaluate", "--data", "synthetic", *TINY, "--json")
    assert result.code == 0
    utility = json.loads(result.out)
    assert set(utility) == {"accuracy", "auc", "eer", "tar_at_far"}
    assert set(utility["tar_at_far"]) == {"0.01", "0.001"}
    for figure in (utility["accuracy"], utility["auc"], utility["eer"]):
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert 0.9 < utility["accuracy"]["value"] < 1
    again = facebone("evaluate", "--data", "synthetic", *TINY, "--json")
    assert again.out == result.out


def test_evaluate_for_people_shows_a_table(facebone) -> None:
    result = facebone("evaluate", "--data", "synthetic", *TINY)
    assert [line.split("  ")[0] for line in result.out.splitlines()] == [
        "accuracy",
        "AUC",
        "EER",
        "TAR at FAR 0.01",
        "TAR at FAR 0.001",
    ]
    assert "tiny_plain (five-point, detector synthetic, cpu)" in result.err


def test_alignment_none_and_two_backbones_change_the_figures(facebone, crowd: Path) -> None:
    def accuracy(*words: str) -> float:
        data = ("--data", "folder", "--root", crowd, "--detector", "synthetic")
        result = facebone("evaluate", *data, *TINY, *words, "--json")
        assert result.code == 0, result.err
        return float(json.loads(result.out)["accuracy"]["value"])

    one, whole, two = (
        accuracy(),
        accuracy("--alignment", "none"),
        accuracy("--backbone", "tiny_mixer"),
    )
    assert whole < one
    assert two != one


@pytest.fixture
def model(facebone, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    result = facebone(
        "train", "--data", "synthetic", *TINY, "--head", "logistic", "--out", folder, "--json"
    )
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert report["model"] == str(folder)
    assert 0.9 < report["utility"]["accuracy"]["value"] < 1
    return folder


def test_train_then_verify(facebone, model: Path, tmp_path: Path) -> None:
    faces = tmp_path / "faces with spaces"
    assert facebone("synthesize", "--out", faces, "--people", 12, "--pictures", 2).code == 0
    people = sorted(faces.iterdir())
    assert len(people) == 12
    same, other = [], []
    for i, person in enumerate(people):
        a, b = sorted(person.iterdir())
        stranger = sorted(people[(i + 1) % len(people)].iterdir())[0]
        for pictures, scores in (((a, b), same), ((a, stranger), other)):
            result = facebone("verify", *pictures, "--model", model, "--json")
            assert result.code == 0, result.err
            answer = json.loads(result.out)
            assert answer["same"] == (answer["score"] >= answer["threshold"])
            scores.append(answer["score"])
    # Another oracle than the figures of `train`: of pictures that went through files.
    assert np.median(same) > np.median(other)
    assert np.mean(np.array(same) > np.max(other)) > 0.5

    a, b = sorted(people[0].iterdir())
    swapped = facebone("verify", b, a, "--model", model, "--json")
    assert json.loads(swapped.out)["score"] == pytest.approx(same[0], abs=1e-6)
    shown = facebone("verify", a, b, "--model", model)
    assert shown.out.startswith("decision")


def test_train_is_repeatable_and_another_seed_is_another_model(
    facebone, crowd: Path, tmp_path: Path
) -> None:
    def weights(name: str, seed: int) -> bytes:
        words = ("--head", "mlp", "--set", "epochs=2", "--far", 0.05, "--seed", seed)
        out = tmp_path / name
        data = ("--data", "folder", "--root", crowd)
        result = facebone("train", *data, *TINY, *words, "--out", out)
        assert result.code == 0, result.err
        assert Verifier.load(out).head.settings.epochs == 2
        return (out / "head.safetensors").read_bytes()

    one = weights("one", 3)
    assert weights("two", 3) == one
    assert weights("three", 4) != one


def test_backbones_lists_facts(facebone) -> None:
    listed = json.loads(facebone("backbones", "list", "--json").out)
    tiny = {entry["name"]: entry for entry in listed}["tiny_plain"]
    assert (tiny["origin"], tiny["missing"], tiny["licence"]) == ("shipped", None, "Apache-2.0")
    table = facebone("backbones", "list")
    assert table.out.splitlines()[0].split() == [
        "NAME",
        "STATE",
        "INPUT",
        "WIDTH",
        "LICENCE",
        "FROM",
    ]
    assert "iresnet100-73e07ba7: not pulled" in table.err


def test_a_file_is_described_once_and_used_by_name_and_path(
    facebone, crowd: Path, tmp_path: Path
) -> None:
    from facebone.backbones.zoo import Zoo

    shipped = Zoo().get("tiny_plain")
    path = tmp_path / "mine.onnx"
    path.write_bytes(shipped.require_path().read_bytes())
    assert f"facebone backbones add {path}" in facebone("evaluate", "--data", "synthetic",
                                                        "--backbone", path).error  # fmt: skip
    spec = shipped.spec
    height, width = spec.input_size
    added = facebone(
        "backbones", "add", path, "--dimension", spec.dimension, "--size", f"{width}x{height}",
        "--template", spec.template, "--colour", spec.colour,
        "--mean", ",".join(map(str, spec.mean)), "--std", ",".join(map(str, spec.std)),
    )  # fmt: skip
    assert (added.code, added.out) == (0, "mine\n"), added.err
    data = ("--data", "folder", "--root", crowd, "--detector", "synthetic")
    words = ("evaluate", *data, "--json", "--backbone")
    by_name = facebone(*words, "mine")
    assert by_name.code == 0, by_name.err
    assert by_name.out == facebone(*words, path).out == facebone(*words, "tiny_plain").out


def test_help_has_examples_and_version_is_the_packages(facebone) -> None:
    import facebone as package

    assert facebone("--version").out.strip() == package.__version__
    commands = "train, verify, evaluate, synthesize, backbones list, backbones add"
    for command in [*commands.split(", "), "backbones pull", "backbones check"]:
        shown = facebone(*command.split(), "--help")
        assert shown.code == 0
        assert "Example" in shown.out, command
