"""Training with a mitigation and verifying with what came of it, from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from facebone.verification.verifier import Verifier

TWO = ("--backbone", "tiny_plain", "--backbone", "tiny_mixer")
QUICK = ("--pairs", 200, "--set", "epochs=2")
KEY = "0123456789abcdef" * 2


@pytest.fixture
def train(facebone, crowd: Path, tmp_path: Path):
    """Train on a few people; the outcome and the folder."""

    def run(spec: str, *words: object, name: str = "model"):
        folder = tmp_path / name
        data = ("--data", "folder", "--root", crowd, "--far", 0.05)
        return facebone("train", *data, *words, "--mitigation", spec, "--out", folder), folder

    return run


@pytest.fixture
def two_faces(facebone, tmp_path: Path) -> list[Path]:
    faces = tmp_path / "faces"
    assert facebone("synthesize", "--out", faces, "--people", 1, "--pictures", 2).code == 0
    return sorted(next(faces.iterdir()).iterdir())


def test_a_secret_policy_repeats_its_answer(facebone, train, two_faces) -> None:
    spec = f"facebone:assignment=pair,query=secret,key={KEY}"
    result, folder = train(spec, *TWO, *QUICK)
    assert result.code == 0, result.err
    assert "assignment pair" in result.err
    assert "query secret" in result.err
    facts = (folder / "verifier.json").read_text("utf-8")
    assert json.loads(facts)["training"]["mitigation"] == "facebone:assignment=pair,query=secret"
    assert KEY not in facts + result.out + result.err
    answers = [facebone("verify", *two_faces, "--model", folder, "--json") for _ in range(3)]
    assert [answer.code for answer in answers] == [0, 0, 0], answers[0].err
    assert answers[0].out == answers[1].out == answers[2].out
    assert json.loads(answers[0].out)["head"] == "facebone"


def test_a_random_policy_gives_decision_and_score_of_one_query(facebone, train, two_faces) -> None:
    result, folder = train("facebone:assignment=epoch,query=random", *TWO, *QUICK)
    assert result.code == 0, result.err
    answers = [
        json.loads(facebone("verify", *two_faces, "--model", folder, "--json").out)
        for _ in range(12)
    ]
    assert all(a["same"] == (a["score"] >= a["threshold"]) for a in answers)
    # Twelve draws of two backbones all agree once in 2,000 times, and then the scores do.
    assert len({round(a["score"], 9) for a in answers}) == 2


def test_the_default_is_fusion(train) -> None:
    result, folder = train("facebone", *TWO, "--head", "mlp")
    assert result.code == 0, result.err
    verifier = Verifier.load(folder)
    assert verifier.head.name == "logistic"
    assert verifier.backbones == ("tiny_plain", "tiny_mixer")
    assert verifier.training.mitigation == "facebone"


def test_backbones_that_a_mitigation_leaves_out_are_not_embedded(train, monkeypatch) -> None:
    from facebone.verification import training

    opened = []
    original = training.train_verifier

    def remember(dataset, engine, head, **kwargs):
        opened.extend(route.backbone.spec.name for route in engine.routes)
        return original(dataset, engine, head, **kwargs)

    monkeypatch.setattr(training, "train_verifier", remember)
    result, folder = train("none:backbones=tiny_mixer", *TWO, "--head", "logistic")
    assert result.code == 0, result.err
    verifier = Verifier.load(folder)
    assert verifier.backbones == ("tiny_mixer",)
    assert verifier.training.mitigation == "none:backbones=tiny_mixer"
    assert opened == ["tiny_mixer"]


@pytest.mark.parametrize(
    ("spec", "words", "message"),
    [
        ("facbone", TWO, "unknown mitigation 'facbone'; did you mean 'facebone'?"),
        ("facebone:", TWO, "--mitigation: must look like NAME or NAME:SETTING=VALUE"),
        ("facebone:assignment", TWO, "--mitigation facebone: must look like NAME=VALUE"),
        ("facebone:assignment=pears", TWO, "did you mean 'pair'?"),
        ("facebone", TWO[:2], "needs two backbones or more, got 1; name more of them"),
        ("facebone:backbones=tiny_plain", TWO, "needs two backbones or more, got 1"),
        ("none:backbones=tiny_plane", TWO, "unknown backbone 'tiny_plane'; did you mean"),
        ("facebone:query=secret", TWO, "query means something under assignment=batch"),
        (
            "facebone:assignment=pair,query=secret,key=12345678901234567890",
            TWO,
            "key: must be text, got a int; use hexadecimal digits",
        ),
        ("facebone:assignment=pair", (*TWO, "--head", "cosine"), "head cosine learns nothing"),
    ],
)
def test_wrong_use_is_one_line_and_leaves_nothing(train, spec, words, message) -> None:
    result, folder = train(spec, *words)
    assert result.code == 2
    assert message in result.error
    assert not folder.exists()


def test_who_accepts_nobody_is_told_so(train) -> None:
    result, _ = train("decision_only:at=1e-6", *TWO, *QUICK)
    assert result.code == 0, result.err
    assert "warning: this threshold accepts nobody" in result.err
    result, _ = train("none", *TWO, *QUICK, name="plain")
    assert "accepts nobody" not in result.err
