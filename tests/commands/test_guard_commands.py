"""The commands with guards: a verifier is trained behind them, saved, loaded and asked."""

from __future__ import annotations

import json

import numpy as np

HEAD = ("--backbone", "tiny_plain", "--head", "logistic", "--far", "0.05")
KEY = "0123456789abcdef and more"


def test_train_and_verify_behind_guards(facebone, crowd, tmp_path) -> None:
    faces = tmp_path / "faces"
    assert facebone("synthesize", "--out", faces, "--people", 2, "--pictures", 2).code == 0
    (a, b), (c, _) = (sorted(person.iterdir()) for person in sorted(faces.iterdir()))

    def scores(spec: str, name: str) -> list[float]:
        folder = tmp_path / "model"
        data = ("--data", "folder", "--root", crowd)
        trained = facebone("train", *data, *HEAD, "--mitigation", spec, "--out", folder)
        assert trained.code == 0, trained.err
        facts = (folder / "verifier.json").read_text("utf-8")
        assert KEY not in facts + trained.out + trained.err
        assert json.loads(facts)["training"]["mitigation"] == name
        asked = [
            facebone("verify", *pair, "--model", folder, "--json") for pair in ((a, b), (a, c))
        ]
        assert [one.code for one in asked] == [0, 0], asked[0].err
        return [json.loads(one.out)["score"] for one in asked]

    plain = scores("none", "none")
    rounded = scores("rounding:digits=2", "rounding:digits=2")
    np.testing.assert_allclose(rounded, np.clip(np.round(plain, 2), 0.005, 0.995), rtol=1e-9)
    spec = "decision_only/keyed_noise:scale=0.5"
    decided = np.array(scores(f"{spec},key={KEY}", spec))
    noise = np.log(decided / (1 - decided))
    noise -= np.where(np.array(plain) >= 0.5, 1, -1) * np.log(3)
    assert (np.abs(noise) > 0).all()
    assert (np.abs(noise) < 5).all()
    np.testing.assert_allclose(scores("query_budget", "query_budget"), plain, rtol=1e-9)
