"""`facebone audit` from the command line: artefacts, repetition, limits, and bad input."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from facebone.attacks.access import Access
from facebone.attacks.base import ATTACKS
from facebone.audit.attack_choice import (
    ADAPTED_ATTACKS,
    DEFAULT_ATTACKS,
    check_attacks,
    expand_attacks,
)
from facebone.audit.schema import TIMES, Audit
from facebone.data.splits import Level
from facebone.errors import UsageError

COMMAND = str(Path(sys.executable).parent / "facebone")
TINY = ("--backbone", "tiny_plain", "--backbone", "tiny_mobile")
QUICK = ("--set", "epochs=3", "--pairs", "60", "--attack", "loss_threshold", "--attack", "gap")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 60 people with four pictures each."""
    from facebone.data.synthetic import export_folder, synthetic_dataset

    folder = tmp_path_factory.mktemp("audited") / "faces"
    export_folder(synthetic_dataset(people=60, pictures_per_person=4, seed=0), folder)
    return folder


@pytest.fixture
def words(faces: Path) -> tuple[str, ...]:
    """A quick audit of that folder."""
    return ("audit", "--data", "folder", "--root", str(faces), *TINY, *QUICK)


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_times(part) for name, part in value.items() if name not in TIMES}
    if isinstance(value, list):
        return [without_times(part) for part in value]
    return value


def read(folder: Path) -> Any:
    return json.loads((folder / "audit.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def finished(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished audit with every kind of answer and the prototype's protocol."""
    out = tmp_path_factory.mktemp("finished") / "audit"
    command = [
        *("audit", "--data", "folder", "--root", str(faces), *TINY, *QUICK),
        *("--mitigation", "none:backbones=tiny_plain", "--mitigation", "facebone"),
        *("--mitigation", "facebone:assignment=pair,query=random"),
        *("--protocol", "reference", "--seeds", "2", "--out", str(out)),
    ]
    environment = os.environ | {"FACEBONE_HOME": str(out.parent / "home")}
    done = subprocess.run(
        [COMMAND, *command],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (out.parent / "stdout").write_text(done.stdout)
    return out


def test_the_table_comes_first_and_both_paths_last(finished: Path) -> None:
    lines = (finished.parent / "stdout").read_text().splitlines()
    assert lines[0].split()[:2] == ["target", "accuracy"]
    assert lines[-2:] == [str(finished / "audit.json"), str(finished / "report.html")]
    assert (finished / "report.html").stat().st_size > 10_000


def test_audit_json_is_what_the_contract_says(finished: Path) -> None:
    raw = read(finished)
    audit = Audit.model_validate(raw)
    names = [target.name for target in audit.targets]
    assert names == [
        "none:backbones=tiny_plain",
        "facebone",
        "facebone:assignment=pair,query=random",
    ]
    assert [target.mitigation for target in audit.targets] == ["none", "facebone", "facebone"]
    assert audit.targets[0].backbones == ["tiny_plain"]
    assert audit.targets[1].backbones == ["tiny_plain", "tiny_mobile"]
    assert [target.head for target in audit.targets] == ["mlp", "logistic", "mlp"]
    assert audit.data.alignment == "five-point"
    assert audit.data.pairs == 120
    assert len(audit.seeds) == 2
    for target in raw["targets"]:
        for figure in (target["utility"]["accuracy"], target["utility"]["eer"]):
            assert figure["low"] <= figure["value"] <= figure["high"]
        assert target["strongest"] in [attack["name"] for attack in target["attacks"]]
        for attack in target["attacks"]:
            assert attack["level"] == "pair"
            assert attack["members"] == attack["non_members"] == 60
            assert attack["auc"]["low"] <= attack["auc"]["value"] <= attack["auc"]["high"]
            # 60 non-members say nothing about 1 % or 0.1 %.
            assert "300 non-members" in attack["tpr_at_fpr"]["0.01"]["refused"]
            assert "3000 non-members" in attack["tpr_at_fpr"]["0.001"]["refused"]
            assert "value" in attack["control"]["auc"]
            # A verifier that never learnt has no backbones to choose from.
            known = "refused" if attack["ask"] == "through" else "value"
            assert known in attack["baseline"]["auc"]
    assert all(test.passed for test in audit.self_tests[:2])
    assert [test.name for test in audit.self_tests] == [
        "planted bits",
        "planted table",
        "other people",
    ]


def test_who_varies_is_attacked_adaptively_too(finished: Path) -> None:
    audit = Audit.model_validate(read(finished))
    asked = {
        target.name: [(attack.name, attack.queries, attack.adaptive) for attack in target.attacks]
        for target in audit.targets
    }
    assert asked["facebone"] == [("loss_threshold", 1, False), ("gap", 1, False)]
    assert asked["facebone:assignment=pair,query=random"] == [
        ("loss_threshold", 1, False),
        ("loss_threshold x16", 16, True),
        ("loss_threshold through each", 2, True),
        ("gap", 1, False),
        ("gap x16", 16, True),
        ("gap through each", 2, True),
    ]


def test_the_prototypes_protocol_stands_beside_with_its_share_of_members(finished: Path) -> None:
    reference = Audit.model_validate(read(finished)).reference_protocol
    assert reference is not None
    assert reference.member_share == 0.8
    assert reference.alignment == "none"
    assert any("0.80" in reason for reason in reference.why_it_misleads)
    assert len(reference.targets) == 3
    assert {target.head for target in reference.targets} == {"mlp", "logistic"}
    for target in reference.targets:
        assert target.members == 96
        assert target.non_members == 24
        assert target.attack == "art_gb"


def test_scores_hold_a_row_for_each_target_seed_attack_and_candidate(finished: Path) -> None:
    table = pq.read_table(finished / "scores.parquet")
    rows = table.to_pylist()
    audit = Audit.model_validate(read(finished))
    trials = sum(len(target.attacks) for target in audit.targets) * len(audit.seeds)
    per_trial = audit.data.pairs + audit.data.control_pairs
    assert len(rows) == trials * per_trial
    members = [row for row in rows if row["membership"] == "member"]
    assert len(members) == trials * 60
    assert all((row["person_left"] == row["person_right"]) == row["same"] for row in rows)
    assert all((row["drawn"] is None) == (row["membership"] != "control") for row in rows)


def test_the_auc_can_be_worked_out_again_from_the_scores(finished: Path) -> None:
    """An oracle: wins of members over non-members, counted by hand."""
    audit = Audit.model_validate(read(finished))
    target, attack = audit.targets[0], audit.targets[0].attacks[0]
    rows = pq.read_table(finished / "scores.parquet").to_pylist()
    for expected in attack.auc_by_seed:
        scores: dict[str, list[float]] = {"member": [], "non_member": [], "control": []}
        for row in rows:
            if (row["target"], row["attack"], row["seed"]) == (
                target.name,
                attack.name,
                expected.seed,
            ):
                scores[row["membership"]].append(row["attack_score"])
        wins = sum((a > b) + (a == b) / 2 for a in scores["member"] for b in scores["non_member"])
        assert wins / (60 * 60) == pytest.approx(expected.value, abs=1e-12)


def test_a_finished_audit_is_not_run_again_and_says_the_same(
    finished: Path, faces: Path, facebone: Any
) -> None:
    before = (finished / "audit.json").read_text()
    jobs = {path: path.stat().st_mtime_ns for path in (finished / "jobs").iterdir()}
    outcome = facebone(
        *("audit", "--data", "folder", "--root", faces, *TINY, *QUICK),
        *("--mitigation", "none:backbones=tiny_plain", "--mitigation", "facebone"),
        *("--mitigation", "facebone:assignment=pair,query=random"),
        *("--protocol", "reference", "--seeds", "2", "--out", finished),
    )
    assert outcome.code == 0, outcome.err
    assert {path: path.stat().st_mtime_ns for path in (finished / "jobs").iterdir()} == jobs
    assert without_times(read(finished)) == without_times(json.loads(before))


def test_serial_and_processes_find_the_same(
    facebone: Any, words: tuple[str, ...], tmp_path: Path
) -> None:
    for name in ("serial", "processes"):
        outcome = facebone(*words, "--executor", name, "--workers", 2, "--out", tmp_path / name)
        assert outcome.code == 0, outcome.err
    assert without_times(read(tmp_path / "serial")) == without_times(read(tmp_path / "processes"))


def test_killed_at_ten_random_moments_it_ends_with_the_same_figures(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    def start(out: Path) -> subprocess.Popen[bytes]:
        command = [COMMAND, *words, "--seeds", "3"]
        return subprocess.Popen(
            [*command, "--workers", "1", "--out", str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    began = time.monotonic()
    assert start(tmp_path / "whole").wait() == 0
    whole = time.monotonic() - began
    expected = without_times(read(tmp_path / "whole"))
    chance = random.Random(0)
    killed, ended = 0, 0
    while killed < 10 or ended == 0:
        out = tmp_path / f"killed {ended}"
        process = start(out)
        try:
            # Within the time of an uninterrupted run, so that it strikes while reading, embedding,
            # training, attacking and writing; the last start may finish.
            limit = chance.uniform(0.1, 0.7) * whole if killed < 10 else None
            assert process.wait(timeout=limit) == 0
            assert without_times(read(out)) == expected
            ended += 1
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
    assert not list(tmp_path.rglob("*.part"))


def test_attacks_with_shadows_say_how_like_the_target_these_are(
    facebone: Any, words: tuple[str, ...], tmp_path: Path
) -> None:
    more = ("--attack", "lira", "--shadows", 3, "--mitigation", "none")
    outcome = facebone(*words, *more, "--out", tmp_path / "a")
    assert outcome.code == 0, outcome.err
    (target,) = Audit.model_validate(read(tmp_path / "a")).targets
    assert target.shadow_fidelity is not None
    assert target.shadow_fidelity.count == 3
    assert [attack.name for attack in target.attacks] == ["loss_threshold", "gap", "lira"]
    page = (tmp_path / "a" / "report.html").read_text("utf-8")
    assert "3 shadows trained by the same recipe" in page


@pytest.mark.parametrize("access", list(Access))
@pytest.mark.parametrize("levels", [[Level.PAIR], [Level.IMAGE], [Level.PAIR, Level.IDENTITY]])
def test_all_attacks_are_all_that_can_be_run(access: Access, levels: list[Level]) -> None:
    """An oracle: each attack alone is refused or not."""

    def runs(name: str) -> bool:
        asked_about = ATTACKS.get(name).levels
        try:
            check_attacks(
                (name,), access=access, levels=[one for one in levels if one in asked_about]
            )
        except UsageError:
            return False
        return bool(set(asked_about) & set(levels))

    every = expand_attacks(("all",), access=access, levels=levels)
    assert every == tuple(name for name in ATTACKS.names() if runs(name))
    check_attacks(every, access=access, levels=levels)
    assert every
    if set(every) & set(DEFAULT_ATTACKS):
        default = expand_attacks((), access=access, levels=levels)
        assert default == tuple(name for name in DEFAULT_ATTACKS if name in every)


def test_default_attacks_with_settings_are_taken_as_access_allows() -> None:
    def chosen(access: Access) -> tuple[str, ...]:
        return expand_attacks((), access=access, levels=[Level.IDENTITY], default=ADAPTED_ATTACKS)

    assert chosen(Access.EMBEDDING) == ADAPTED_ATTACKS
    assert chosen(Access.SCORE) == ADAPTED_ATTACKS[:-1]
    inner = ("lira:ask=centre", "lira")
    for access, expected in ((Access.SCORE, ("lira",)), (Access.EMBEDDING, inner)):
        assert expand_attacks((), access=access, levels=[Level.IDENTITY], default=inner) == expected


def test_all_may_stand_beside_attacks_with_settings() -> None:
    every = ATTACKS.names()
    assert expand_attacks(("all",)) == tuple(
        name for name in every if Level.PAIR in ATTACKS.get(name).levels
    )
    more = expand_attacks(("lira:mode=offline", "all", "gap"))
    assert more[-2:] == ("lira:mode=offline", "gap")
    assert sorted(more) == sorted({*expand_attacks(("all",)), "lira:mode=offline"})
    assert expand_attacks(("gap", "gap")) == ("gap", "gap")  # refused later: named twice
    with pytest.raises(UsageError, match="no default attack asks about identity with decision"):
        expand_attacks((), access=Access.DECISION, levels=[Level.IDENTITY])


def test_all_of_a_verifier_that_is_given_need_answers_alone() -> None:
    found = expand_attacks(("all",), access=Access.SCORE, trains=False)
    check_attacks(found, access=Access.SCORE, trains=False)
    kinds = [ATTACKS.get(name) for name in found]
    assert "loss_threshold" in found
    assert not any(kind.needs_shadows or kind.channels for kind in kinds)
    assert expand_attacks(("all",), access=Access.DECISION, trains=False) == ("gap",)


def test_a_verifier_that_is_given_has_no_shadows(facebone: Any, tmp_path: Path) -> None:
    rows = ["left,right,same,member,score"]
    for i in range(200):
        score = 0.6 * (i % 2) + 0.001 * i
        rows.append(f"a{i},b{i},{i % 2 == 1},{i % 4 < 2},{score}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    table = ("--scores", tmp_path / "table.csv")
    outcome = facebone("audit", *table, "--attack", "lira", "--out", tmp_path / "a")
    assert outcome.code == 2
    assert "attack lira: needs shadow verifiers" in outcome.error


def test_a_limit_that_is_exceeded_gives_code_one(
    facebone: Any, words: tuple[str, ...], tmp_path: Path
) -> None:
    outcome = facebone(*words, "--fail-above", "auc=0.2", "--out", tmp_path / "a")
    assert outcome.code == 1
    assert "limit exceeded: none, loss_threshold: auc" in outcome.err
    assert outcome.out.splitlines()[-1] == str(tmp_path / "a" / "report.html")
    again = facebone(*words, "--fail-above", "auc=1", "--out", tmp_path / "a")
    assert again.code == 0


def test_a_file_may_give_all_options_and_the_command_line_comes_first(
    facebone: Any, faces: Path, tmp_path: Path
) -> None:
    file = tmp_path / "audit.toml"
    file.write_text(
        f'data = "folder"\nroot = "{faces}"\nbackbone = ["tiny_plain"]\nset = ["epochs=2"]\n'
        'pairs = 40\nseed = 5\nmitigation = ["none"]\nattack = ["gap"]\n'
        'fail-above = ["auc=0.999"]\n'
    )
    outcome = facebone("audit", "--config", file, "--seed", 7, "--out", tmp_path / "a")
    assert outcome.code == 0, outcome.err
    audit = Audit.model_validate(read(tmp_path / "a"))
    assert audit.seed == 7
    assert audit.targets[0].head_settings == {"epochs": 2}
    assert [attack.name for attack in audit.targets[0].attacks] == ["gap"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed = [", "is no TOML"),
        ("sead = 1", "did you mean 'seed'"),
        ("seed = [1, 2]", "must be one value"),
    ],
)
def test_a_wrong_file_is_one_line(facebone: Any, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "audit.toml"
    file.write_text(text)
    outcome = facebone("audit", "--config", file, "--out", tmp_path / "a")
    assert outcome.code == 2
    assert message in outcome.error
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--attack", "los_threshold"), "did you mean 'loss_threshold'"),
        (("--mitigation", "facebon"), "did you mean 'facebone'"),
        (("--mitigation", "facebone:asignment=pair"), "did you mean 'assignment'"),
        (("--mitigation", "facebone:backbones=tiny_plane"), "did you mean 'tiny_plain'"),
        (("--mitigation", "none", "--mitigation", "none"), "named twice"),
        (
            ("--mitigation", "facebone", "--mitigation", "facebone:assignment=fusion"),
            "named twice",
        ),
        (("--mitigation", "facebone:backbones=tiny_plain"), "needs two backbones or more"),
        (("--seeds", "0"), "--seeds: must be in 1 .. 100"),
        (("--pairs", "5"), "pairs: must be at least 20"),
        (("--fail-above", "auk=0.5"), "did you mean 'auc'"),
        (("--scores", "a.csv", "--verifier", "b.py:f"), "exclude each other"),
        (("--verifier", "b.py:f"), "--candidates"),
    ],
)
def test_wrong_use_is_one_line_before_any_work(
    facebone: Any, words: tuple[str, ...], tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    outcome = facebone(*words, *more, "--out", tmp_path / "a")
    assert outcome.code == 2
    assert message in outcome.error
    assert not (tmp_path / "a" / "audit.json").exists()


def test_no_data_or_backbone_is_one_line(facebone: Any, tmp_path: Path) -> None:
    assert "--data: needs" in facebone("audit", "--out", tmp_path / "a").error
    outcome = facebone("audit", "--data", "synthetic", "--out", tmp_path / "a")
    assert "--backbone: " in outcome.error


def test_the_folder_of_another_audit_is_left_alone(
    facebone: Any, words: tuple[str, ...], finished: Path
) -> None:
    before = (finished / "audit.json").read_bytes()
    outcome = facebone(*words, "--seed", 9, "--out", finished)
    assert outcome.code == 2
    assert str(finished) in outcome.error
    assert "another audit" in outcome.error
    assert (finished / "audit.json").read_bytes() == before


def test_a_folder_with_something_else_is_left_alone(
    facebone: Any, words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    outcome = facebone(*words, "--out", tmp_path)
    assert outcome.code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thesis.txt"]


def test_a_place_that_cannot_be_written_is_one_line(
    facebone: Any, words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    outcome = facebone(*words, "--out", tmp_path / "file" / "audit")
    assert outcome.code == 2
    assert "a part of this path is a file" in outcome.error
    if os.geteuid() == 0:  # root may write everywhere but on a file system that is read-only
        outcome = facebone(*words, "--out", "/proc/audit")
        assert outcome.code == 2
    else:
        folder = tmp_path / "read only"
        folder.mkdir(mode=0o500)
        outcome = facebone(*words, "--out", folder / "audit")
        assert "no permission to write" in outcome.error
    assert "error: " in outcome.err
