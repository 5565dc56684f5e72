from __future__ import annotations

import json
from pathlib import Path

import pytest

from facebone.audit.artefacts import write_audit


@pytest.fixture
def folders(make_audit, tmp_path: Path) -> tuple[Path, Path]:
    """Two audits: the leak fell, the seeds changed, one target is gone and one is new."""
    before, after = tmp_path / "before", tmp_path / "after"
    write_audit(
        make_audit({"none": {"accuracy": 0.9, "loss_threshold": 0.72, "gap": 0.6}, "old": {}}),
        before,
    )
    write_audit(
        make_audit(
            {"none": {"accuracy": 0.91, "loss_threshold": 0.55, "art_gb": 0.61}, "new": {}},
            seeds=[7],
        ),
        after,
    )
    return before, after


def test_table_of_changes(folders, facebone) -> None:
    result = facebone("diff", *folders)
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    starts = [line.index(word) for word, line in zip(("FIGURE", "accuracy"), lines, strict=False)]
    assert starts[0] == starts[1]  # columns stand under their heads
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]
    assert cells == [
        ["TARGET", "FIGURE", "BEFORE", "AFTER", "CHANGE", "VERDICT"],
        ["none", "accuracy", "0.9000 [0.8800, 0.9200]", "0.9100 [0.8900, 0.9300]", "+0.0100",
         "not told apart"],
        ["none", "AUC of the strongest attack", "0.7200 [0.7000, 0.7400]",
         "0.6100 [0.5900, 0.6300]", "-0.1100", "changed"],
        ["none", "its TPR at FPR 0.01", "0.0300 [0.0100, 0.0500]", "0.0300 [0.0100, 0.0500]",
         "+0.0000", "not told apart"],
        ["none", "its TPR at FPR 0.001", "refused", "refused", "not known"],
        ["none", "AUC of loss_threshold", "0.7200 [0.7000, 0.7400]", "0.5500 [0.5300, 0.5700]",
         "-0.1700", "changed"],
        ["old", "in DIR1 only"],
        ["new", "in DIR2 only"],
    ]  # fmt: skip
    assert result.err.splitlines() == [
        "warning: other members were drawn: seeds 0+1 -> 7",
        "none: strongest attack loss_threshold before, art_gb after",
        "none: in DIR1 only: gap",
        "none: in DIR2 only: art_gb",
    ]


def test_json_and_nothing_else_on_stdout(folders, facebone) -> None:
    result = facebone("diff", *folders, "--json")
    assert result.code == 0
    found = json.loads(result.out)
    assert (found["only_before"], found["only_after"]) == (["old"], ["new"])
    assert [target["name"] for target in found["targets"]] == ["none"]
    assert found["warnings"] == ["other members were drawn: seeds 0+1 -> 7"]
    assert "warning: other members" in result.err


def test_same_audit(folders, facebone) -> None:
    result = facebone("diff", folders[0], folders[0] / "audit.json")
    assert (result.code, result.out, result.err) == (0, "no difference\n", "")
    assert json.loads(facebone("diff", folders[0], folders[0], "--json").out)["same"] is True


def test_folder_without_an_audit(folders, facebone, tmp_path: Path) -> None:
    result = facebone("diff", folders[0], tmp_path)
    assert result.code == 2
    assert result.out == ""
    assert (
        result.error == f"error: {tmp_path}: holds no audit.json; name the --out folder of an audit"
    )


def test_help_has_an_example(facebone) -> None:
    shown = facebone("diff", "--help")
    assert shown.code == 0
    assert "Example" in shown.out
