"""Copies, links and attributes by `facebone audit`: artefacts, resumption, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ASKED = (
    "--backbone", "tiny_mobile", "--judge", "tiny_residual", "--head", "logistic",
    "--mitigation", "none", "--mitigation", "keyed_templates", "--pairs", "60", "--no-shifts",
    "--attack", "loss_threshold", "--executor", "serial",
)  # fmt: skip


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 60 people with four pictures each."""
    from facebone.data.synthetic import export_folder, synthetic_dataset

    folder = tmp_path_factory.mktemp("further") / "faces"
    export_folder(synthetic_dataset(people=60, pictures_per_person=4, seed=0), folder)
    return folder


def results(out: Path, field: str) -> dict[tuple[str, str], dict]:
    audit = json.loads((out / "audit.json").read_text("utf-8"))
    return {
        (target["name"], one["name"]): one for target in audit["targets"] for one in target[field]
    }


COPY = "copy_head:queries=100+300,heads=logistic"

LINKS = (
    "direct", "unaligned", "linear_alignment", "open_set_identification", "score_identification",
    "score_identification:hit=0.9,wrong=0.1",
)  # fmt: skip


@pytest.fixture(scope="module")
def audited(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an audit that copies and links."""
    from facebone import cli

    out = tmp_path_factory.mktemp("audited") / "out"
    assert cli.run(words_of(faces, out)) == 0
    return out


def words_of(faces: Path, out: Path) -> list[str]:
    asked = [word for name in (COPY, *LINKS) for word in ("--attack", name)]
    given = ["--data", "folder", "--root", str(faces), "--out", str(out)]
    return ["audit", *given, *ASKED, *asked]


def test_an_audit_copies_a_verifier(audited):
    found = results(audited, "extractions")
    assert len(found) == 2
    one = found["none", COPY]
    assert (one["goal"], one["access"], one["pictures"]) == ("extraction", "score", 80)
    assert [point["queries"] for point in one["points"]] == [100, 300]
    # A logistic head is two numbers: scores give them away, and the copy decides as it does.
    assert one["points"][-1]["balanced_agreement"]["low"] > 0.9
    assert one["control"]["balanced_agreement"]["high"] < 0.75
    assert one["baseline"]["queries"] == 0
    audit = json.loads((audited / "audit.json").read_text("utf-8"))
    assert "queries=100+300" in audit["command"]
    page = (audited / "report.html").read_text("utf-8")
    assert "Whether the verifier can be copied" in page
    assert "copying the verifier" not in page.lower()  # no longer among what is not tested
    assert "inferring traits" in page.lower()


def test_what_is_done_is_not_done_again(facebone, faces, audited, monkeypatch):
    from facebone.audit.other_goals import plan

    def broken(function):
        """Fails, and bears the name by which the jobs of another function are known."""

        def never(settings, inputs):
            raise AssertionError("a job was run again")

        never.__module__, never.__qualname__ = function.__module__, function.__qualname__
        return never

    for goal, function in plan.JOBS.items():
        monkeypatch.setitem(plan.JOBS, goal, broken(function))
    before = json.loads((audited / "audit.json").read_text("utf-8"))
    again = facebone(*words_of(faces, audited))
    assert again.code == 0, again.err
    assert "records linked to those of tiny_residual" in again.err
    for head in ("copied", "linked"):
        assert any(line.startswith(f"{head} ") for line in again.out.splitlines())
    assert json.loads((audited / "audit.json").read_text("utf-8"))["targets"] == before["targets"]
    assert facebone("diff", audited, audited).out.strip() == "no difference"


def test_an_audit_links_records_and_a_key_stops_who_has_no_anchors(audited):
    found = results(audited, "linkages")
    assert len(found) == 2 * len(LINKS)
    plain, keyed = (found[name, "direct"] for name in ("none", "keyed_templates"))
    assert plain["people"] == 20
    assert plain["rank_one"]["low"] > 0.7
    # Two keys have nothing in common.
    assert keyed["auc"]["low"] < 0.5 < keyed["auc"]["high"]
    # Whoever is enrolled in both databases undoes the key.
    mapped = found["keyed_templates", "linear_alignment"]
    assert (mapped["second"], mapped["anchors"]) == ("tiny_residual", 20)
    assert mapped["auc"]["low"] > 0.9
    named = found["none", "open_set_identification"]
    assert (named["people"], named["strangers"], named["rank_one"]) == (20, 20, None)
    assert named["auc"]["low"] > 0.5
    assert "needs at least 30 names" in named["found"]["0.1"]["refused"]
    listed = found["none", "score_identification:hit=0.9,wrong=0.1"]
    assert listed["auc"]["low"] > 0.5
    assert listed["auc"] != found["none", "score_identification"]["auc"]
    for one in found.values():
        assert one["control"]["auc"]["low"] <= 0.5
    page = (audited / "report.html").read_text("utf-8")
    assert "Whether people are found in other databases" in page


def test_an_audit_infers_what_people_are_like(facebone, tmp_path, monkeypatch):
    from facebone.data.dataset import DATASETS
    from facebone.data.synthetic import synthetic_dataset

    # In the registry: whoever asked before has the function already.
    monkeypatch.setitem(
        DATASETS._parts, "synthetic", lambda root, *, seed: synthetic_dataset(60, 4, seed=seed)
    )
    out = tmp_path / "out"
    words = ("--attack", "attribute_probe", "--attack", "score_vote")
    done = facebone("audit", "--data", "synthetic", *ASKED, *words, "--out", out)
    assert done.code == 0, done.err
    assert "told by" in done.out
    found = results(out, "attributes")
    assert len(found) == 4
    for one in found.values():
        assert one["people"] == 40
        assert one["baseline"]["auc"]["value"] == 0.5
        assert {"glasses", "beard"} <= {figure["name"] for figure in one["attributes"]}
        assert one["auc"]["value"] > one["control"]["auc"]["value"]
    probed, asked = (found["none", name] for name in ("attribute_probe", "score_vote"))
    assert (probed["queries"], asked["queries"]) == (0, 24)
    assert probed["known_people"] == 20
    assert asked["known_people"] == 14
    # A rotation moves no template nearer to another: who knows some templates learns from them.
    assert found["keyed_templates", "attribute_probe"]["auc"]["low"] > 0.5
    assert "What is told of people" in (out / "report.html").read_text("utf-8")


def test_wrong_access_data_and_settings_are_refused(facebone, faces, tmp_path):
    words = ("audit", "--data", "folder", "--root", faces, "--out", tmp_path / "out",
             "--backbone", "tiny_mobile", "--mitigation", "none")  # fmt: skip
    for attack, more, error in (
        ("direct", ("--access", "score"), "direct: needs embedding access, was given score"),
        ("copy_head", ("--access", "decision"), "copy_head: needs score access, was given decis"),
        ("copy_head:queries=300+100", (), "attack copy_head: queries must rise"),
        ("copy_head:queries=many", (), "queries: must be an integer of at least 2"),
        ("copy_head:question=100", (), "question"),
        ("direct:queries=100", (), "queries"),
        ("attribute_probe", (), "the data set folder says that of nobody"),
        ("copy_haed", (), "did you mean 'copy_head'"),
        ("linear_alignment", ("--judge", "tiny_mobile"), "--judge: tiny_mobile is a backbone of"),
    ):
        refused = facebone(*words, "--attack", attack, *more)
        assert refused.code == 2, attack
        assert error in refused.error
    assert not (tmp_path / "out" / "audit.json").exists()


def test_a_table_of_scores_cannot_be_copied(facebone, tmp_path):
    table = tmp_path / "scores.csv"
    table.write_text("left,right,same,member,score\na,b,1,1,0.9\n", "utf-8")
    given = facebone("audit", "--scores", table, "--attack", "copy_head", "--out", tmp_path)
    assert given.code == 2
    assert "attack copy_head: needs people and pictures" in given.error
