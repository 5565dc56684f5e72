"""Wrong use and bad input: exit code 2 and one line that says what, where and what to do."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from PIL import Image

TINY = ("--backbone", "tiny_plain")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate", "--data", "lfww", *TINY], "unknown data set 'lfww'; did you mean 'lfw'?"),
        (["evaluate", "--data", "synthetic", "--backbone", "tiny_plane"], "'tiny_plain'"),
        (["evaluate", "--data", "synthetic", *TINY, "--head", "mpl"], "did you mean 'mlp'?"),
        (["evaluate", "--data", "synthetic", *TINY, *TINY], "'tiny_plain' is named twice"),
        (["evaluate", "--data", "synthetic", *TINY, "--seed", "-1"], "seed: must be in 0"),
        (["evaluate", "--data", "synthetic", *TINY, "--alignment", "x"], "--alignment"),
        (["evaluate", "--data", "synthetic", *TINY, "--root", "."], "synthetic"),
        (
            ["evaluate", "--data", "synthetic", *TINY, "--detector", "yunett"],
            "did you mean 'yunet'",
        ),
        (["evaluate", "--data", "synthetic", *TINY, "--device", "cuda:99"], "device"),
        (["evaluate", "--data", "folder", *TINY], "folder"),
        (["evaluate", "--data", "celeba", *TINY], "--root: CelebA cannot be downloaded"),
        (["evaluate", *TINY], "--data"),
        (["evaluate", "--data", "synthetic", *TINY, "--wrong"], "--wrong"),
        (["wrong"], "wrong"),
        (["train", "--data", "synthetic", *TINY, "--out", "x", "--mitigation", "nona"], "'none'"),
        (["train", "--data", "synthetic", *TINY, "--out", "x", "--far", "1"], "far"),
        (["train", "--data", "synthetic", *TINY, "--out", "x", "--set", "epochs"], "NAME=VALUE"),
        (["train", "--data", "synthetic", *TINY, "--out", "x", "--set", "epoch=3"], "'epochs'"),
        (["train", "--data", "synthetic", *TINY, "--out", "x", "--set", "epochs=no"], "epochs"),
        (["verify", "a.jpg", "b.jpg", "--model", "nowhere"], "nowhere: no verifier is here"),
        (["backbones", "add", "nowhere.onnx"], "nowhere.onnx: no such weights file"),
        (["backbones", "add", "notes.txt"], "notes.txt"),
        (["backbones", "pull", "iresnet99"], "did you mean 'iresnet"),
        (["backbones", "check", "iresnet34-5b0d0e90"], "facebone[dlib]"),
        (["synthesize", "--people", "0", "--out", "x"], "--people"),
    ],
)
def test_wrong_use(facebone, words: list[str], message: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = facebone(*words)
    assert result.code == 2
    assert message in result.error
    assert result.out == ""
    assert os.listdir(tmp_path) == []


def test_no_real_backbone_at_hand_names_the_two_ways(facebone, monkeypatch) -> None:
    monkeypatch.delenv("FACEBONE_ASSETS", raising=False)
    error = facebone("evaluate", "--data", "lfw", "--backbone", "mobilefacenet_ms1m_a").error
    assert "facebone[dlib]" in error
    assert "FACEBONE_ASSETS" in error


def person(root: Path, name: str, count: int) -> None:
    (root / name).mkdir(parents=True)
    for i in range(count):
        Image.new("RGB", (64, 64), (i * 40, 90, 10)).save(root / name / f"{i}.png")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "missing"),
        ("empty", "empty"),
        ("one picture each", "folds"),
    ],
)
def test_folders_that_are_no_data_set(facebone, tmp_path: Path, name: str, message: str) -> None:
    root = tmp_path / name
    if name == "empty":
        root.mkdir()
    elif name != "missing":
        for i in range(12):
            person(root, f"person {i}", 1)
    result = facebone("evaluate", "--data", "folder", "--root", root, *TINY)
    assert result.code == 2
    assert message in result.error


def test_an_archive_cut_short_leaves_nothing(facebone, tmp_path: Path, monkeypatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("FACEBONE_HOME", str(home))
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for i in range(30):
            picture = io.BytesIO()
            noise = Image.frombytes("L", (40, 40), os.urandom(1600))
            noise.save(picture, "PNG")
            entry = tarfile.TarInfo(f"lfw/A_B/A_B_{i:04d}.jpg")
            entry.size = len(picture.getvalue())
            picture.seek(0)
            archive.addfile(entry, picture)
    cut = tmp_path / "cut.tgz"
    cut.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    result = facebone("evaluate", "--data", "lfw", "--root", cut, *TINY)
    assert result.code == 2
    assert str(cut) in result.error
    assert not [path for path in home.rglob("*") if path.suffix in {".jpg", ".part"}]


@pytest.fixture
def model(facebone, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    words = ("train", "--data", "synthetic", *TINY, "--head", "cosine", "--out", folder)
    assert facebone(*words).code == 0
    return folder


def test_pictures_that_are_none(facebone, model: Path, tmp_path: Path) -> None:
    good = tmp_path / "good faces"
    assert facebone("synthesize", "--out", good, "--people", 1, "--pictures", 1).code == 0
    (face,) = good.rglob("*.*g")
    text = tmp_path / "tёxt.jpg"
    text.write_text("no picture")
    dot = tmp_path / "dot.png"
    Image.new("RGB", (1, 1)).save(dot)
    blank = tmp_path / "blank.png"
    Image.new("RGB", (120, 120), (30, 90, 160)).save(blank)
    cut = tmp_path / "cut.jpg"
    Image.effect_noise((200, 200), 80).convert("RGB").save(cut, quality=95)
    cut.write_bytes(cut.read_bytes()[:4000])
    for bad in (text, dot, cut, tmp_path / "gone.jpg", tmp_path):
        result = facebone("verify", face, bad, "--model", model)
        assert result.code == 2
        assert str(bad) in result.error
        assert result.out == ""
    result = facebone("verify", face, blank, "--model", model)
    assert (result.code, f"{blank}: no face was found" in result.error) == (2, True)


def test_a_model_folder_is_never_half_or_lost(facebone, model: Path, tmp_path: Path) -> None:
    other = tmp_path / "photos"
    other.mkdir()
    (other / "keep.txt").write_text("mine")
    result = facebone("train", "--data", "synthetic", *TINY, "--head", "cosine", "--out", other)
    assert result.code == 2
    assert "holds something else than a verifier" in result.error
    assert os.listdir(other) == ["keep.txt"]

    facts = model / "verifier.json"
    facts.write_text(facts.read_text("utf-8")[:-40], "utf-8")
    result = facebone("verify", "a.png", "b.png", "--model", model)
    assert result.code == 2
    assert "verifier.json" in result.error


def test_an_interrupt_is_said_in_one_line(facebone, monkeypatch) -> None:
    from facebone.verification.engine import EmbeddingEngine

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(EmbeddingEngine, "embed", interrupt)
    result = facebone("evaluate", "--data", "synthetic", *TINY)
    assert result.code == 130
    assert result.err.splitlines()[-1].startswith("interrupted: run the same command again")


def test_what_nobody_foresaw_is_one_line_too(facebone, monkeypatch) -> None:
    from facebone.verification.engine import EmbeddingEngine

    def fail(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(EmbeddingEngine, "embed", fail)
    result = facebone("evaluate", "--data", "synthetic", *TINY)
    assert result.code == 2
    assert "error: unexpected ZeroDivisionError: by zero; set FACEBONE_DEBUG=1" in result.err
    assert "Traceback" not in result.err


def test_a_copy_among_other_people_is_an_error_or_dropped(facebone, tmp_path: Path) -> None:
    """Every person's first picture is also the last person's: wherever that one is, copies are."""
    faces = tmp_path / "faces"
    assert facebone("synthesize", "--out", faces, "--people", 30, "--pictures", 3).code == 0
    people = sorted(faces.iterdir())
    for person in people[:-1]:
        first = min(person.iterdir())
        (people[-1] / f"copy of {first.name}").write_bytes(first.read_bytes())
    words = ("train", "--data", "folder", "--root", faces, *TINY, "--head", "cosine",
             "--far", "0.3", "--out", tmp_path / "model")  # fmt: skip
    result = facebone(*words)
    assert result.code == 2
    assert "pictures stand on both sides of the split" in result.error
    assert "copy of s0" in result.error
    assert "--copies drop" in result.error
    assert not (tmp_path / "model").exists()
    dropped = facebone(*words, "--copies", "drop")
    assert dropped.code == 0, dropped.err
    assert "dropped: " in dropped.err
