"""Rebuilding faces by `facebone audit`: artefacts, resumption, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from facebone.audit.reconstruction.sheet import read_sheets

ASKED = (
    "--backbone", "tiny_mobile", "--judge", "tiny_residual", "--head", "logistic",
    "--mitigation", "none", "--mitigation", "keyed_templates", "--pairs", "60", "--no-shifts",
    "--attack", "loss_threshold", "--attack", "template_ridge:knows=networks",
    "--attack", "template_gradient:steps=2", "--executor", "serial",
)  # fmt: skip


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 60 people with four pictures each."""
    from facebone.data.synthetic import export_folder, synthetic_dataset

    folder = tmp_path_factory.mktemp("rebuilt") / "faces"
    export_folder(synthetic_dataset(people=60, pictures_per_person=4, seed=0), folder)
    return folder


def test_an_audit_rebuilds_faces_and_goes_on_where_it_stopped(facebone, faces, tmp_path):
    out = tmp_path / "out"
    words = ("audit", "--data", "folder", "--root", faces, *ASKED, "--out", out)
    first = facebone(*words)
    assert first.code == 0, first.err
    assert "reconstructions judged by tiny_residual" in first.err
    assert "rebuilt from" in first.out
    audit = json.loads((out / "audit.json").read_text("utf-8"))
    assert [attack["name"] for attack in audit["targets"][0]["attacks"]] == ["loss_threshold"]
    found = {
        (target["name"], one["name"]): one
        for target in audit["targets"]
        for one in target["reconstructions"]
    }
    assert len(found) == 4
    for one in found.values():
        assert one["people"] == 20
        assert one["own_faces"] == 80
        assert one["goal"] == "reconstruction"
        # Twenty strangers are too few for one in a thousand, and the audit says so.
        assert "are too few" in one["judge"]["type_ii"]["refused"]
        assert one["attacked"]["recogniser"] == "tiny_mobile"
    # Without the key the networks tell nothing of what is stored; likeness shows it.
    plain, keyed = (
        found[target, "template_ridge:knows=networks"] for target in ("none", "keyed_templates")
    )
    assert plain["ssim"]["low"] > plain["ssim_control"]["high"]
    assert not keyed["ssim"]["low"] > keyed["ssim_control"]["high"]
    assert "--attack template_ridge:knows=networks" in audit["command"]
    assert set(read_sheets(out)) == set(found)
    page = (out / "report.html").read_text("utf-8")
    assert "What an attacker sees of the people" in page
    # Of each target the strongest attack is shown.
    assert page.count("data:image/png") == 2
    again = facebone(*words)
    assert "reconstructing" not in again.err
    hidden = facebone(*words, "--no-pictures")
    assert hidden.code == 0
    assert not read_sheets(out)
    assert "data:image/png" not in (out / "report.html").read_text("utf-8")


def test_wrong_access_backbones_and_judges_are_refused(facebone, faces, tmp_path):
    words = ("audit", "--data", "folder", "--root", faces, "--out", tmp_path / "out")
    few = facebone(*words, "--backbone", "tiny_mobile", "--attack", "template_ridge",
                   "--access", "score")  # fmt: skip
    assert few.code == 2
    assert "attack template_ridge: needs embedding access, was given score" in few.error
    same = facebone(*words, "--backbone", "tiny_mobile", "--attack", "template_ridge",
                    "--judge", "tiny_mobile", "--mitigation", "none")  # fmt: skip
    assert same.code == 2
    assert "--judge: tiny_mobile is a backbone of the targets" in same.error
    views = facebone(*words, "--backbone", "tiny_mobile%mirror", "--attack", "template_gradient",
                     "--judge", "tiny_residual", "--head", "logistic", "--mitigation", "none",
                     "--pairs", "60")  # fmt: skip
    assert views.code == 2
    assert "gives no gradients" in views.error
    near = facebone(*words, "--backbone", "tiny_mobile", "--attack", "template_rigde")
    assert near.code == 2
    assert "did you mean 'template_ridge'" in near.error
    assert not (tmp_path / "out" / "audit.json").exists()


def test_a_table_of_scores_has_no_templates(facebone, tmp_path):
    table = tmp_path / "scores.csv"
    table.write_text("left,right,same,member,score\na,b,1,1,0.9\n", "utf-8")
    given = facebone("audit", "--scores", table, "--attack", "template_ridge", "--out", tmp_path)
    assert given.code == 2
    assert "attack template_ridge: needs embedding access" in given.error
