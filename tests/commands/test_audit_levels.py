"""`facebone audit` about pairs, pictures and people, by attackers who see more or less."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from facebone import cli
from facebone.attacks.base import ATTACKS
from facebone.audit.at_risk import find_at_risk
from facebone.audit.schema import Audit, Interval, TargetResult
from facebone.audit.thumbnails import PICTURES_FILE, read_pictures
from facebone.audit.verdict import deciding_attack, proves

TINY = ("--backbone", "tiny_plain")
SMALL = (
    *("--set", "layers=[32,16]", "--set", "batch_norm=[0]", "--set", "epochs=20"),
    *("--set", "learning_rate=0.01", "--pairs", "60", "--shadows", "4", "--executor", "serial"),
)
"""Heads that soon know 60 pairs by heart."""

ROTATED = "facebone:assignment=pair,query=fixed"

Audited = Callable[..., tuple[Audit, Path]]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 46 people with four pictures each: hardly more than the least."""
    from facebone.data.synthetic import export_folder, synthetic_dataset

    folder = tmp_path_factory.mktemp("levels") / "faces"
    export_folder(synthetic_dataset(people=52, pictures_per_person=4, seed=0), folder)
    return folder


@pytest.fixture(scope="module")
def audited(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """Runs an audit of these faces in this process: its result and its folder."""
    home = tmp_path_factory.mktemp("home of the levels")

    def run(*words: str, out: Path | None = None) -> tuple[Audit, Path]:
        out = out or tmp_path_factory.mktemp("audit") / "out"
        said, told = io.StringIO(), io.StringIO()
        command = ("audit", "--data", "folder", "--root", str(faces), *TINY, *SMALL, *words)
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(told),
        ):
            patch.setenv("FACEBONE_HOME", str(home))
            code = cli.run([*command, "--out", str(out)])
        assert code == 0, told.getvalue()
        (out.parent / "stdout").write_text(said.getvalue(), "utf-8")
        (out.parent / "stderr").write_text(told.getvalue(), "utf-8")
        return Audit.model_validate_json((out / "audit.json").read_text("utf-8")), out

    return run


@pytest.fixture(scope="module")
def three(audited: Audited) -> tuple[Audit, Path]:
    """One audit of every level, undefended and rotated."""
    return audited(
        *("--backbone", "tiny_mobile", "--mitigation", "none", "--mitigation", ROTATED),
        *("--level", "pair", "--level", "identity", "--level", "image"),
        *("--attack", "lira", "--attack", "label_only", "--attack", "set_likelihood"),
        *("--attack", "lira:probes=2"),
    )


def test_a_target_is_named_after_defence_and_level(three: tuple[Audit, Path]) -> None:
    audit, _ = three
    assert [(target.name, target.level, target.mitigation) for target in audit.targets] == [
        ("none", "pair", "none"),
        (ROTATED, "pair", "facebone"),
        ("none @identity", "identity", "none"),
        (f"{ROTATED} @identity", "identity", "facebone"),
        ("none @image", "image", "none"),
        (f"{ROTATED} @image", "image", "facebone"),
    ]
    for target in audit.targets:
        assert {attack.level for attack in target.attacks} == {target.level}
        assert target.shadow_fidelity is not None
        assert target.shadow_fidelity.count == 4


def test_each_level_meets_the_attacks_that_can_ask_about_it(three: tuple[Audit, Path]) -> None:
    audit, _ = three
    names = {target.name: [attack.name for attack in target.attacks] for target in audit.targets}
    of_units = ["lira", "label_only", "set_likelihood", "lira:probes=2"]
    rotated = [
        *("lira", "lira through each", "label_only", "set_likelihood"),
        *("set_likelihood through each", "lira:probes=2", "lira:probes=2 through each"),
    ]
    # Of one pair there are no pictures to choose from.
    assert names["none"] == ["lira", "label_only"]
    assert names[ROTATED] == ["lira", "lira through each", "label_only"]
    for level in ("identity", "image"):
        assert names[f"none @{level}"] == of_units
        assert names[f"{ROTATED} @{level}"] == rotated


def test_who_knows_the_defence_goes_through_each_backbone(three: tuple[Audit, Path]) -> None:
    audit, _ = three
    for target in audit.targets:
        attacks = {attack.name: attack for attack in target.attacks}
        for name, attack in attacks.items():
            if name.endswith(" through each"):
                once = attacks[name.removesuffix(" through each")]
                assert (attack.adaptive, attack.access, attack.ask) == (
                    True,
                    "embedding",
                    "through",
                )
                assert (once.access, once.ask) == ("score", "once")
                assert abs(attack.queries - 2 * once.queries) <= 1  # each is rounded
        if target.mitigation == "none":
            assert not any(attack.adaptive for attack in target.attacks)
        else:
            assert attacks["lira"].adaptive  # its shadows are trained under the defence
            assert not attacks["label_only"].adaptive
    picture = {attack.name: attack for attack in audit.targets[4].attacks}
    assert (picture["lira:probes=2"].probes, picture["lira:probes=2"].queries) == (2, 2)
    assert picture["lira"].queries > 2
    assert picture["label_only"].access == "decision"


def test_members_and_others_are_as_many_as_the_scores_say(three: tuple[Audit, Path]) -> None:
    audit, out = three
    people = {row["left"] for row in rows_of(out) if row["target"] == "none @identity"}
    assert len(people) == 52
    for target in audit.targets:
        for attack in target.attacks:
            mine = rows_of(out, target.name, attack.name)
            count = [row["membership"] for row in mine].count
            assert (count("member"), count("non_member")) == (attack.members, attack.non_members)
            assert len({(row["left"], row["right"]) for row in mine}) == len(mine)
            if target.level != "pair":
                assert all(row["left"] == row["right"] and row["same"] for row in mine)
            if target.level == "identity":
                assert all(row["left"] == row["person_left"] for row in mine)
            if target.level == "image":
                assert all(row["left"].startswith(row["person_left"] + "/") for row in mine)


def test_auc_is_that_of_the_scores_and_the_strongest_has_the_highest(
    three: tuple[Audit, Path],
) -> None:
    """An oracle: wins of members over non-members, counted by hand."""
    audit, out = three
    for target in audit.targets:
        found = {}
        for attack in target.attacks:
            scores: dict[str, list[float]] = {"member": [], "non_member": [], "control": []}
            for row in rows_of(out, target.name, attack.name):
                scores[row["membership"]].append(row["attack_score"])
            mine, others = scores["member"], scores["non_member"]
            wins = sum((a > b) + (a == b) / 2 for a in mine for b in others)
            found[attack.name] = wins / (len(mine) * len(others))
            assert isinstance(attack.auc, Interval)
            assert attack.auc.value == pytest.approx(found[attack.name], abs=1e-9)
        assert found[target.strongest] == max(found.values())


def test_risk_is_a_probability_where_a_candidate_was_scored(three: tuple[Audit, Path]) -> None:
    _, out = three
    for row in rows_of(out):
        scored = row["attack_score"] is not None and row["attack_score"] == row["attack_score"]
        if row["membership"] == "control":
            assert (row["risk"] is not None) == scored
        else:
            assert scored
            assert 0 <= row["risk"] <= 1


def test_the_leak_of_heads_that_know_pairs_by_heart_is_found(three: tuple[Audit, Path]) -> None:
    audit, out = three
    assert leaks(audit.targets[0])
    assert leaks(audit.targets[1])
    assert [test.name for test in audit.self_tests if test.passed] == [
        "planted bits",
        "planted table",
        "planted table @identity",
        "planted table @image",
        "other people",
        "other people @image",
    ]
    assert len(audit.self_tests) == 6
    # Of five control people there are five matched pairs.
    assert any("at the level identity: no self-test without a leak" in w for w in audit.warnings)
    shown = (out.parent / "stderr").read_text("utf-8")
    assert all(f"warning: {warning}" in shown for warning in audit.warnings)


def test_the_table_has_a_line_a_target(three: tuple[Audit, Path]) -> None:
    audit, out = three
    lines = (out.parent / "stdout").read_text("utf-8").splitlines()
    # Two tables: what each leaks, and what its training bought.
    assert len(lines) == 2 * (1 + len(audit.targets)) + 2
    for target, line in zip(audit.targets, lines[1:], strict=False):
        assert line.startswith(f"{target.name}  ")
        assert f"  {target.strongest}  " in line


def test_the_faces_of_those_most_at_risk_are_kept_and_shown(three: tuple[Audit, Path]) -> None:
    audit, out = three
    at_risk = find_at_risk(audit, pq.read_table(out / "scores.parquet"))
    named = {id_ for one in at_risk for risky in one.candidates.first for id_ in risky.pictures}
    kept = read_pictures(out)
    assert named
    assert named <= set(kept)
    page = (out / "report.html").read_text("utf-8")
    assert "Who is most at risk" in page
    assert "data:image/jpeg;base64," in page


def test_the_command_of_the_report_names_all_that_was_asked(three: tuple[Audit, Path]) -> None:
    audit, _ = three
    for words in (
        "--level pair --level identity --level image",
        "--attack lira --attack label_only --attack set_likelihood --attack lira:probes=2",
        f"--mitigation none --mitigation {ROTATED}",
    ):
        assert words in audit.command


def test_who_wants_no_faces_gets_none(audited: Audited, facebone: Any) -> None:
    words = ("--mitigation", "none", "--attack", "loss_threshold", "--attack", "entropy")
    audit, out = audited(*words, "--no-pictures")
    assert leaks(audit.targets[0])

    def shows_faces() -> bool:
        return "data:image/jpeg" in (out / "report.html").read_text("utf-8")

    assert not (out / PICTURES_FILE).exists()
    assert not shows_faces()
    assert "Who is most at risk" in (out / "report.html").read_text("utf-8")
    jobs = {path: path.stat().st_mtime_ns for path in (out / "jobs").iterdir()}
    again, _ = audited(*words, out=out)
    assert again.command == audit.command  # what the page shows decides no figure
    assert (out / PICTURES_FILE).exists()
    assert shows_faces()
    assert {path: path.stat().st_mtime_ns for path in (out / "jobs").iterdir()} == jobs
    assert facebone("report", out, "--no-pictures").code == 0
    assert (out / PICTURES_FILE).exists()
    assert not shows_faces()
    audited(*words, "--no-pictures", out=out)
    assert not (out / PICTURES_FILE).exists()


@pytest.mark.parametrize("access", ["decision", "score", "weights"])
def test_all_attacks_are_those_that_the_access_allows(audited: Audited, access: str) -> None:
    audit, _ = audited("--mitigation", "none", "--attack", "all", "--access", access)
    order = ["decision", "score", "embedding", "weights"]
    (target,) = audit.targets
    assert {attack.name for attack in target.attacks} == {
        name
        for name in ATTACKS.names()
        if order.index(ATTACKS.get(name).access) <= order.index(access)
        and "pair" in ATTACKS.get(name).levels
    }
    heights = {
        attack.name: attack.auc.value
        for attack in target.attacks
        if isinstance(attack.auc, Interval)
    }
    assert len(heights) == len(target.attacks)
    assert heights[target.strongest] == max(heights.values())
    assert leaks(target)


def test_levels_in_any_order_of_few_people(audited: Audited, tmp_path: Path) -> None:
    """Hardly any pair of control people: the self-tests are those of each level nevertheless."""
    from facebone.data.synthetic import export_folder, synthetic_dataset

    few = tmp_path / "few"
    export_folder(synthetic_dataset(people=46, pictures_per_person=2, seed=1), few)
    words = ("--root", str(few), "--mitigation", "none", "--attack", "loss_threshold")
    audit, out = audited(*words, "--level", "image", "--level", "pair")
    assert [target.name for target in audit.targets] == ["none @image", "none"]
    assert [test.name for test in audit.self_tests] == [
        *("planted table @image", "planted bits", "planted table", "redrawn membership")
    ]
    assert all(test.passed for test in audit.self_tests)
    warned = [warning for warning in audit.warnings if warning.startswith("only 5 matched and")]
    assert [warning.partition(": ")[2] for warning in warned] == [
        "no self-test without a leak was run there",
        "the self-test without a leak redraws membership instead of training on them",
    ]
    # The data are told of as pairs where pairs are asked about.
    assert audit.data.pairs == audit.targets[1].attacks[0].members * 2
    assert (
        len(rows_of(out, "none", "loss_threshold")) == audit.data.pairs + audit.data.control_pairs
    )


def rows_of(
    out: Path, target: str | None = None, attack: str | None = None
) -> list[dict[str, Any]]:
    """Rows of scores.parquet, of one trial if it is named."""
    rows: list[dict[str, Any]] = pq.read_table(out / "scores.parquet").to_pylist()
    return [
        row
        for row in rows
        if (target is None or row["target"] == target)
        and (attack is None or row["attack"] == attack)
    ]


def leaks(target: TargetResult) -> bool:
    attack = deciding_attack(target)
    return attack is not None and proves(attack)
