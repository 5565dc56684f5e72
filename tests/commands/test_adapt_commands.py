"""Adaptations from the command line: trained, used, audited about people, and refused in a line."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facebone.audit.attack_choice import ADAPTED_ATTACKS
from facebone.audit.schema import Audit
from facebone.verification.verifier import Verifier

TINY = ("--backbone", "tiny_plain")
SMALL = ("--pairs", "60", "--shadows", "2", "--executor", "serial", "--no-pictures")
QUICK = "adapter:epochs=2,hidden=[32]"


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of hardly more people than an audit needs."""
    from facebone.data.synthetic import export_folder, synthetic_dataset

    folder = tmp_path_factory.mktemp("people") / "faces"
    export_folder(synthetic_dataset(48, 4, seed=0), folder)
    return folder


@pytest.fixture
def train(facebone: Any, crowd: Path, tmp_path: Path) -> Any:
    """Train on these faces; the outcome and the folder."""

    def run(*words: object, name: str = "model") -> Any:
        out = tmp_path / name
        data = ("--data", "folder", "--root", crowd, "--far", 0.05)
        return facebone("train", *data, *TINY, *words, "--out", out), out

    return run


@pytest.fixture
def audit(facebone: Any, faces: Path, tmp_path: Path) -> Any:
    """Audit these faces; the outcome and the folder."""

    def run(*words: object, out: Path | None = None, undefended: bool = True) -> Any:
        out = out or tmp_path / "out"
        data = ("--data", "folder", "--root", faces)
        alone = ("--mitigation", "none") if undefended else ()
        return facebone("audit", *data, *TINY, *alone, *SMALL, *words, "--out", out), out

    return run


def read(out: Path) -> Audit:
    return Audit.model_validate_json((out / "audit.json").read_text("utf-8"))


# ---- train -------------------------------------------------------------------------------------


def test_an_adaptation_is_trained_beside_the_unadapted_verifier(train: Any) -> None:
    result, out = train("--adapt", "whitening:power=0.25", "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    adapted = report["adapted"]
    for who in ("strangers", "members"):
        change = adapted[who]["change"]
        before, after = (adapted[who][one]["value"] for one in ("before", "after"))
        assert change["value"] == pytest.approx(after - before)
        assert change["low"] <= change["value"] <= change["high"]
    # An oracle: the cosine as a verifier of its own, on the same people.
    plain, _ = train("--head", "cosine", "--json", name="plain")
    assert "adapted" not in json.loads(plain.out)
    for one, utility in (
        ("after", report["utility"]),
        ("before", json.loads(plain.out)["utility"]),
    ):
        figure = adapted["strangers"][one]["value"]
        assert figure == pytest.approx(utility["accuracy"]["value"], abs=0.01)
    verifier = Verifier.load(out)
    assert (verifier.head.name, verifier.head.settings.power) == ("whitening", 0.25)
    # 25 people, 15 of them to learn from, and two of eight pictures of each kept aside.
    assert verifier.training.pictures == adapted["pictures"] == 15 * 6


def test_people_read_what_it_bought(train: Any) -> None:
    result, _ = train("--adapt", QUICK, "--training-pictures", 3)
    assert result.code == 0, result.err
    strangers, members = result.out.splitlines()[-2:]
    assert strangers.startswith("people never met: accuracy ")
    assert members.startswith("people trained on, by other pictures: accuracy ")
    for line in (strangers, members):
        assert " adapted, " in line
        assert " unadapted (change " in line
    assert "training: 15 people, 45 pictures" in result.err
    assert "never met:" in result.err


def test_few_pictures_of_each_are_all_learnt_from(facebone: Any, faces: Path, tmp_path) -> None:
    words = ("--data", "folder", "--root", faces, *TINY, "--far", 0.05, "--adapt", "whitening")
    result = facebone("train", *words, "--out", tmp_path / "model")
    assert result.code == 0, result.err
    assert "people never met: accuracy" in result.out
    assert "people trained on" not in result.out
    assert "people trained on, by other pictures: too few were kept aside" in result.err


def test_what_was_trained_verifies(train: Any, facebone: Any, crowd: Path) -> None:
    result, out = train("--adapt", QUICK, "--seed", 1)
    assert result.code == 0, result.err
    people = sorted(crowd.iterdir())[:8]
    same, other = [], []
    for i, person in enumerate(people):
        a, b = sorted(person.iterdir())[:2]
        stranger = sorted(people[i - 1].iterdir())[0]
        for pictures, found in (((a, b), same), ((a, stranger), other)):
            answer = json.loads(facebone("verify", *pictures, "--model", out, "--json").out)
            assert answer["head"] == "adapter"
            assert answer["same"] == (answer["score"] >= answer["threshold"])
            found.append(answer["score"])
    assert np.median(same) > np.median(other)


def test_same_seed_same_adaptation(train: Any) -> None:
    arrays = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        result, out = train("--adapt", QUICK, "--seed", seed, name=name)
        assert result.code == 0, result.err
        arrays.append((out / "head.safetensors").read_bytes())
    assert arrays[0] == arrays[1] != arrays[2]


def test_fine_tuning_saves_the_routes_it_goes_on_from(
    train: Any, facebone: Any, crowd: Path
) -> None:
    result, out = train("--adapt", "fine_tuning:epochs=0,blocks=1", "--json")
    assert result.code == 0, result.err
    verifier = Verifier.load(out)
    (name,) = verifier.backbones
    assert name.startswith("tiny_plain@")
    assert verifier.head.settings.backbone == (name,)
    strangers = json.loads(result.out)["adapted"]["strangers"]
    plain = json.loads(train("--head", "cosine", "--json", name="plain")[0].out)["utility"]
    # Untrained it is the published network, and so is what it is held against.
    for figure in (strangers["before"], strangers["after"]):
        assert figure["value"] == pytest.approx(plain["accuracy"]["value"], abs=0.01)
    utility = json.loads(result.out)["utility"]
    assert utility["auc"]["value"] == pytest.approx(plain["auc"]["value"], abs=1e-3)
    a, b = sorted(next(crowd.iterdir()).iterdir())[:2]
    answer = facebone("verify", a, b, "--model", out, "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["head"] == "fine_tuning"


def test_centres_are_saved_where_they_are_kept(train: Any) -> None:
    result, out = train("--adapt", f"{QUICK},keep_centres=true")
    assert result.code == 0, result.err
    head = Verifier.load(out).head
    assert head.state()[1]["centres"].shape[0] == 15


# ---- audit -------------------------------------------------------------------------------------


def test_an_adaptation_is_audited_about_people(audit: Any, facebone: Any, faces: Path) -> None:
    result, out = audit("--adapt", QUICK)
    assert result.code == 0, result.err
    found = read(out)
    (target,) = found.targets
    assert (target.name, target.level, target.head) == ("none @identity", "identity", "adapter")
    assert target.head_settings == {"epochs": 2, "hidden": [32]}
    named = {attack.name.replace(" ", ":ask=") for attack in target.attacks}
    assert set(ADAPTED_ATTACKS) <= named, named
    assert target.shadow_fidelity is not None
    # The command of the report asks for the very same audit: the folder takes it for its own.
    assert f"--adapt '{QUICK}'" in found.command
    words = shlex.split(found.command.replace("ROOT", str(faces)).replace("DIR", str(out)))
    written = (out / "audit.json").stat().st_mtime_ns
    again = facebone(*words[1:], "--executor", "serial", "--no-pictures")
    assert again.code == 0, again.err
    assert (out / "audit.json").stat().st_mtime_ns > written
    assert read(out).targets == found.targets


def test_a_file_may_ask_for_an_adaptation(audit: Any, tmp_path: Path) -> None:
    asked = ("--attack", "loss_threshold")
    result, out = audit("--adapt", "whitening:power=1", *asked)
    assert result.code == 0, result.err
    config = tmp_path / "audit.toml"
    config.write_text('adapt = "whitening:power=1"\nattack = ["loss_threshold"]\n', "utf-8")
    again, _ = audit("--config", config, out=out)
    assert again.code == 0, again.err
    assert read(out).targets[0].head == "whitening"
    other, _ = audit("--config", config, "--adapt", "whitening:power=0.5", *asked, out=out)
    assert "holds another audit: head_settings" in other.error
    both, _ = audit("--config", config, "--head", "mlp")
    assert "--adapt: an adaptation takes the place of a head, so --head is not" in both.error


def test_pictures_may_be_asked_about_too(audit: Any) -> None:
    words = ("--level", "image", "--attack", "loss_threshold")
    result, out = audit("--adapt", "whitening", *words)
    assert result.code == 0, result.err
    assert [target.level for target in read(out).targets] == ["image"]


def test_facebone_stands_beside_it_unless_told_otherwise(audit: Any) -> None:
    result, out = audit("--adapt", "whitening", "--attack", "loss_threshold", undefended=False)
    assert result.code == 0, result.err
    targets = read(out).targets
    assert [target.mitigation for target in targets] == ["none", "facebone"]
    assert "people split into 4 groups" in targets[1].description
    assert all(target.head == "whitening" for target in targets)


def test_facebone_trains_and_verifies(train: Any, facebone: Any, crowd: Path) -> None:
    result, out = train("--adapt", "whitening", "--mitigation", "facebone:parts=3,splits=1")
    assert result.code == 0, result.err
    assert "people split into 3 groups; 3 adaptations" in result.err
    one, other = sorted(sorted(crowd.iterdir())[0].iterdir())[:2]
    told = facebone("verify", one, other, "--model", out, "--json")
    assert told.code == 0, told.err
    assert Verifier.load(out).head.name == "facebone_people"


def test_fine_tuned_backbones_are_called_by_their_names(audit: Any) -> None:
    words = ("--backbone", "tiny_mobile", "--attack", "loss_threshold", "--mitigation")
    spec = "none:backbones=tiny_mobile"
    asked = ("--adapt", "fine_tuning:epochs=1,blocks=1", *words, spec)
    result, out = audit(*asked, undefended=False)
    assert result.code == 0, result.err
    found = read(out)
    (target,) = found.targets
    assert target.name == f"{spec} @identity"
    assert len(target.backbones) == 1
    assert target.backbones[0].startswith("tiny_mobile@")
    assert target.head_settings["backbone"] == target.backbones
    assert "--adapt fine_tuning:epochs=1,blocks=1" in found.command
    assert f"--mitigation {spec}" in found.command
    assert "--backbone tiny_plain --backbone tiny_mobile " in found.command


# ---- wrong use ---------------------------------------------------------------------------------

WRONG = [
    ("--adapt adaptr", "unknown adaptation 'adaptr'; did you mean 'adapter'?"),
    ("--adapt mlp", "unknown adaptation 'mlp'"),
    ("--adapt adapter:epoch=3", "unknown setting of head adapter 'epoch'; did you mean 'epochs'?"),
    ("--adapt adapter:epochs=none", "epochs: must be an integer of at least 1, got 'none'"),
    ("--adapt adapter:epochs", "--adapt adapter: must look like NAME=VALUE, got 'epochs'"),
    ("--adapt adapter:", "--adapt: must look like NAME or NAME:SETTING=VALUE"),
    (
        "--adapt adapter --head mlp",
        "--adapt: an adaptation takes the place of a head, so --head is not for it; leave one",
    ),
    ("--adapt adapter --set epochs=2", "--adapt: an adaptation takes the place of a head, so --se"),
    ("--head adapter", "--head: adapter is an adaptation, which learns from people instead of"),
    ("--adapt fine_tuning:blocks=99", "blocks: tiny_plain has"),
    ("--training-pictures 1", "training-pictures"),
]


@pytest.mark.parametrize(("words", "message"), WRONG)
@pytest.mark.parametrize("command", ["train", "audit"])
def test_wrong_use(facebone: Any, tmp_path: Path, command: str, words: str, message: str) -> None:
    if words.startswith("--training"):
        words += " --adapt adapter"
    data = ("--data", "folder", "--root", tmp_path / "missing")
    alone = ("--mitigation", "none") if command == "audit" else ()
    result = facebone(command, *data, *TINY, *alone, *words.split(), "--out", tmp_path / "out")
    assert result.code == 2
    assert message in result.error
    assert result.out == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--level pair", "--level: adapter learns from pictures of people, so no pair is a memb"),
        ("--level identity --level pair", "no pair is a member; ask about identity or image"),
        ("--protocol reference", "--protocol: the prototype's protocol asks about pairs"),
        ("--attack art_gb", "attack art_gb: asks about pair alone, not about identity"),
        ("--access decision", "no default attack asks about identity with decision access"),
        ("--scores table.csv", "--adapt: is for targets that the audit trains, --scores names one"),
    ],
)
def test_what_an_audit_of_adaptations_cannot_do(audit: Any, words: str, message: str) -> None:
    result, out = audit("--adapt", "adapter", *words.split())
    assert result.code == 2
    assert message in result.error
    assert not out.exists()


@pytest.mark.parametrize("command", ["train", "audit"])
def test_too_few_people(facebone: Any, tmp_path: Path, crowd: Path, command: str) -> None:
    root = tmp_path / "few"
    root.mkdir()
    for person in sorted(crowd.iterdir())[:5]:
        (root / person.name).symlink_to(person)
    alone = ("--mitigation", "none") if command == "audit" else ()
    words = ("--data", "folder", "--root", root, *TINY, *alone, "--adapt", "adapter")
    result = facebone(command, *words, "--out", tmp_path / "out")
    assert result.code == 2
    expected = {
        "train": "the calibration part can form",
        "audit": "has 5 people with 4 pictures or more, an audit at the level identity needs",
    }
    assert expected[command] in result.error
    assert not (tmp_path / "out" / "audit.json").exists()
