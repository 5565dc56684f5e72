"""Real photographs with the extra ``dlib`` alone: no other weights, no other detector."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from facebone.data.dataset import Dataset


@pytest.fixture
def photographs(lfw: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photographs of 30 people of LFW, two each, in a folder with a space in its name."""
    pytest.importorskip("dlib")
    root = tmp_path / "my people"
    rich = [person for person, pictures in lfw.people.items() if len(pictures) >= 3]
    for person in rich[:150:5]:
        (root / person).mkdir(parents=True)
        for position in lfw.people[person][:2]:
            shutil.copy(lfw.pictures[position].source.path, root / person)  # type: ignore[attr-defined]
    monkeypatch.delenv("FACEBONE_ASSETS")
    return root


def test_train_and_verify_with_dlib_alone(facebone, photographs: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    words = ("--data", "folder", "--root", photographs, "--backbone", "dlib")
    trained = facebone(
        "train", *words, "--head", "cosine", "--far", "0.3", "--out", model, "--json"
    )
    assert trained.code == 0, trained.err
    assert json.loads(trained.out)["utility"]["auc"]["value"] > 0.95

    people = sorted(photographs.iterdir())
    answers = []
    for i, person in enumerate(people[:4]):
        first, second = sorted(person.iterdir())
        stranger = sorted(people[i + 1].iterdir())[0]
        for other, same in ((second, True), (stranger, False)):
            result = facebone("verify", first, other, "--model", model, "--json")
            assert result.code == 0, result.err
            answers.append((json.loads(result.out)["score"], same))
    scores_of = {same: [score for score, s in answers if s == same] for same in (True, False)}
    assert min(scores_of[True]) > max(scores_of[False])


def test_two_faces_are_a_choice_or_an_error(facebone, lfw: Dataset, tmp_path: Path) -> None:
    """Side by side in one picture: the largest face is another than the one at the centre."""
    from PIL import Image

    model = tmp_path / "model"
    names = ["Aaron_Peirsol/0001", "Colin_Powell/0001"]
    paths = [lfw.pictures[lfw.index[name]].source.path for name in names]  # type: ignore[attr-defined]
    one, two = (Image.open(path) for path in paths)
    both = Image.new("RGB", (750, 500))
    both.paste(one, (250, 125))
    both.paste(two.crop((50, 50, 200, 200)).resize((300, 300)), (0, 0))
    picture = tmp_path / "both.jpg"
    both.save(picture, quality=95)
    make_cosine_model(model)

    def score(face: str, other: Path) -> float:
        result = facebone("verify", picture, other, "--model", model, "--face", face, "--json")
        assert result.code == 0, result.err
        return float(json.loads(result.out)["score"])

    assert score("centre", paths[0]) > 0.7 > 0.4 > score("centre", paths[1])
    assert score("largest", paths[1]) > 0.7 > 0.4 > score("largest", paths[0])
    result = facebone("verify", picture, paths[0], "--model", model, "--face", "only")
    assert result.code == 2
    assert f"{picture}: " in result.error
    assert "faces" in result.error


def make_cosine_model(folder: Path) -> None:
    """A verifier that needs no training: plain cosine on a real backbone."""
    from facebone.verification.heads import make_head
    from facebone.verification.routes import open_routes
    from facebone.verification.verifier import TrainingFacts, Verifier

    routes = open_routes(["mobilefacenet_ms1m_b"])
    facts = TrainingFacts("lfw", "none", 0)
    descriptions = tuple(route.describe() for route in routes)
    Verifier(descriptions, (128,), make_head("cosine"), 0.3, None, facts).save(folder)
