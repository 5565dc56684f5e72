"""Model inversion by `facebone audit`: scores, gradients, and what defences make of them."""

from __future__ import annotations

import json

ACCESS = {
    "decision_bisection": "decision",
    "score_regression": "score",
    "score_search": "score",
    "score_gradient": "weights",
    "mi_face": "weights",
}


def test_an_audit_inverts_heads_and_says_what_it_asked(facebone, tmp_path):
    from facebone.data.synthetic import export_folder, synthetic_dataset

    faces, out = tmp_path / "faces", tmp_path / "out"
    export_folder(synthetic_dataset(people=36, pictures_per_person=6, seed=0), faces)
    words = (
        "audit", "--data", "folder", "--root", faces, "--backbone", "tiny_mobile",
        "--judge", "tiny_residual", "--head", "logistic", "--mitigation", "none",
        "--mitigation", "decision_only", "--pairs", "60", "--no-shifts",
        "--attack", "loss_threshold", "--attack", "score_regression:queries=70",
        "--attack", "score_search:queries=40",
        "--attack", "decision_bisection:queries=60", "--attack", "score_gradient:steps=1",
        "--attack", "mi_face:steps=1", "--executor", "serial", "--out", out,
    )  # fmt: skip
    first = facebone(*words)
    assert first.code == 0, first.err
    audit = json.loads((out / "audit.json").read_text("utf-8"))
    found = {
        (target["name"], one["name"].partition(":")[0]): one
        for target in audit["targets"]
        for one in target["reconstructions"]
    }
    assert len(found) == 10
    for (_, name), one in found.items():
        assert one["access"] == ACCESS[name]
        assert one["people"] == 12
    # Of the 72 pictures of their own they use as many as they may ask about.
    assert found["none", "score_regression"]["queries"] == 70
    assert 12 <= found["none", "score_search"]["queries"] <= 40
    # Half of the questions go to own pictures, one to the picture drawn, and five to each mixture.
    assert 31 <= found["none", "decision_bisection"]["queries"] <= 60
    # A gradient at each of eight own faces, and one a step.
    assert found["none", "score_gradient"]["queries"] == 9
    assert found["none", "mi_face"]["queries"] is None
    assert found["none", "score_regression"]["ssim"]["value"] > 0
    # The defence acts on what is told: other answers, other pictures.
    scored, decided = (found[target, "score_regression"] for target in ("none", "decision_only"))
    assert scored["ssim"] != decided["ssim"]
    # Who hides scores shows the same decisions, where the target makes them itself.
    assert found["decision_only", "decision_bisection"]["queries"] >= 31
    # Who holds the weights takes a guard of answers off.
    plain, guarded = (found[target, "score_gradient"] for target in ("none", "decision_only"))
    assert guarded["ssim"] == plain["ssim"]
    again = facebone(*words)
    assert again.code == 0
    assert "reconstructing" not in again.err


def test_access_that_does_not_do_is_refused_by_name(facebone, tmp_path):
    words = ("audit", "--data", "synthetic", "--backbone", "tiny_mobile", "--out", tmp_path / "out")
    for access, attack, needed in (
        ("decision", "score_regression", "score"),
        ("decision", "score_search", "score"),
        ("embedding", "score_gradient", "weights"),
        ("embedding", "mi_face", "weights"),
    ):
        given = facebone(*words, "--attack", attack, "--access", access)
        assert given.code == 2
        assert f"attack {attack}: needs {needed} access, was given {access}" in given.error
