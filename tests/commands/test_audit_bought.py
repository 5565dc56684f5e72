"""`facebone audit` says what training bought: in audit.json, in the report and in the terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from facebone.audit.report.bought import bought_in_words
from facebone.audit.schema import Audit, BoughtFigures, E, Interval
from facebone.data.shifts import SHIFTS
from facebone.data.synthetic import export_folder, synthetic_dataset

Run = Callable[..., SimpleNamespace]
KINDS = [shift.kind for shift in SHIFTS]
MLP = (
    *("--set", "layers=[32,16]", "--set", "batch_norm=[0]", "--set", "epochs=20"),
    *("--set", "learning_rate=0.01"),
)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bought") / "faces"
    export_folder(synthetic_dataset(people=48, pictures_per_person=4, seed=0), folder)
    return folder


@pytest.fixture
def audited(faces: Path, facebone: Run, tmp_path: Path) -> Callable[..., SimpleNamespace]:
    """Runs an audit of these faces: code, what was said, the audit and its folder."""

    def run(*words: str, out: str = "out") -> SimpleNamespace:
        folder = tmp_path / out
        done = facebone(
            *("audit", "--data", "folder", "--root", faces, "--backbone", "tiny_plain"),
            *("--mitigation", "none", "--pairs", "60", "--executor", "serial", *words),
            *("--out", folder),
        )
        assert done.code == 0, done.err
        audit = Audit.model_validate_json((folder / "audit.json").read_text("utf-8"))
        return SimpleNamespace(audit=audit, folder=folder, out=done.out, err=done.err)

    return run


def bought_of(done: SimpleNamespace, number: int = 0) -> BoughtFigures:
    found = done.audit.targets[number].bought
    assert isinstance(found, BoughtFigures)
    return found


def known(figure: E) -> Interval:
    assert isinstance(figure, Interval)
    assert figure.low <= figure.value <= figure.high
    return figure


def test_every_level_says_what_training_bought(audited: Callable[..., SimpleNamespace]) -> None:
    done = audited(
        *MLP,
        *("--backbone", "tiny_wide", "--attack", "loss_threshold"),
        *("--level", "pair", "--level", "image", "--level", "identity"),
    )
    assert done.audit.schema_version == "1.3"
    page = (done.folder / "report.html").read_text("utf-8")
    lines = [line for line in done.out.splitlines() if "->" in line]
    assert len(lines) == len(done.audit.targets) == 3
    head = next(line for line in done.out.splitlines() if line.startswith("what training"))
    assert head.split() == ["what", "training", "bought", "members", "strangers", *KINDS]
    for number, target in enumerate(done.audit.targets):
        found = bought_of(done, number)
        assert found.unadapted == "mean cosine of tiny_plain and tiny_wide"
        assert list(found.shifts) == KINDS
        every = [found.members, found.strangers, *found.shifts.values()]
        for gain in every:
            assert gain.pairs >= 20
            before, after = known(gain.before), known(gain.after)
            change = known(gain.change)
            assert 0.5 < before.value <= 1
            assert change.value == pytest.approx(after.value - before.value, abs=1e-9)
        assert {gain.pairs for gain in found.shifts.values()} == {found.strangers.pairs}
        # Other pictures are shown there, so other figures come out.
        seen = {(known(gain.before).value, known(gain.after).value) for gain in every[1:]}
        assert len(seen) > 2
        said = bought_in_words(target)
        assert said in page
        assert f"{target.name}: {said}" in done.err
        shown = re.findall(r"\d\.\d{3} -> \d\.\d{3}", lines[number])
        assert shown == [
            f"{known(gain.before).value:.3f} -> {known(gain.after).value:.3f}" for gain in every
        ]
    # It knows the pairs that it was trained on by heart, and others no better than it can.
    pairs = bought_of(done)
    assert known(pairs.members.after).value > known(pairs.strangers.after).value + 0.05


def test_an_adaptation_is_measured_too_and_a_second_audit_embeds_nothing(
    audited: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--adapt", "whitening", "--attack", "loss_threshold")
    first = audited(*words)
    assert first.audit.targets[0].level == "identity"
    found = bought_of(first)
    assert list(found.shifts) == KINDS
    from facebone.backbones.base import Backbone

    def refuse(*_: object) -> None:
        raise AssertionError("a picture is embedded anew")

    monkeypatch.setattr(Backbone, "embed", refuse)
    again = audited(*words, out="again")
    assert bought_of(again) == found


def test_shifts_can_be_left_out(audited: Callable[..., SimpleNamespace]) -> None:
    words = (*MLP, "--attack", "loss_threshold")
    short = audited(*words, "--no-shifts")
    assert bought_of(short).shifts == {}
    assert "--no-shifts" in short.audit.command
    assert "unaligned" not in short.out
    assert not list((short.folder / "jobs").glob("shifted*"))
    full = audited(*words, out="full")
    assert "shifts" not in full.audit.command
    assert bought_of(full).strangers == bought_of(short).strangers
    assert bought_of(full).members == bought_of(short).members
    # What else is measured does not change.
    assert full.audit.targets[0].attacks[0].auc == short.audit.targets[0].attacks[0].auc
    assert full.audit.targets[0].utility == short.audit.targets[0].utility


def test_whole_pictures_are_shifted_in_other_ways_alone(
    audited: Callable[..., SimpleNamespace],
) -> None:
    done = audited(*MLP, "--attack", "loss_threshold", "--alignment", "none")
    assert list(bought_of(done).shifts) == KINDS[1:]


def test_a_head_that_learns_nothing_bought_nothing(
    audited: Callable[..., SimpleNamespace],
) -> None:
    done = audited("--head", "cosine", "--attack", "loss_threshold")
    assert done.audit.targets[0].bought is None
    assert "what training bought" not in done.out
    assert "->" not in done.out
    assert not list((done.folder / "jobs").glob("shifted*"))
    assert "What training bought" not in (done.folder / "report.html").read_text("utf-8")


def test_a_table_of_scores_does_not_say_what_training_bought(facebone: Run, tmp_path: Path) -> None:
    rows = ["left,right,same,member,score"]
    rows += [f"a{i},b{i},{i % 2},{i % 4 < 2:d},{(i * 37) % 101 / 100}" for i in range(200)]
    (tmp_path / "table.csv").write_text("\n".join(rows), "utf-8")
    out = tmp_path / "out"
    done = facebone(
        *("audit", "--scores", tmp_path / "table.csv", "--attack", "loss_threshold", "--out", out)
    )
    assert done.code == 0, done.err
    (target,) = json.loads((out / "audit.json").read_text("utf-8"))["targets"]
    assert target["bought"] is None
    assert "->" not in done.out
