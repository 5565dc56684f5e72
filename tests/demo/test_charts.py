"""Interactive charts show the audit's figures, and are charts that Vega knows."""

from __future__ import annotations

import json

import pytest

from facebone.audit.report.tables import strongest_attack
from facebone.demo import charts
from facebone.demo.curves import attack_lines, strongest_lines, utility_lines
from facebone.demo.shown_audit import ShownAudit, open_shown
from facebone.errors import DatasetError


def rows_of(chart) -> list[dict]:
    """Every row of data in a chart that was checked against Vega-Lite's schema."""
    drawn = chart.to_dict()
    return [
        row for layer in drawn["layer"] for row in layer.get("data", drawn.get("data"))["values"]
    ]


def test_the_trade_off_has_a_point_a_target(simulated) -> None:
    audit, _ = simulated
    rows = rows_of(charts.trade_off(audit))
    shown = {row["target"]: row for row in rows if "target" in row}
    assert len(shown) == len(audit.targets)
    for target in audit.targets:
        strongest = next(one for one in target.attacks if one.name == target.strongest)
        assert any(
            row["auc"] == strongest.auc.value and row["accuracy"] == target.utility.accuracy.value
            for row in shown.values()
        )


def test_the_forest_has_a_row_an_attack(simulated) -> None:
    audit, _ = simulated
    target = audit.targets[0]
    rows = [row for row in rows_of(charts.forest(target)) if "attack" in row]
    assert {row["attack"]: row["auc"] for row in rows} == {
        one.name: one.auc.value for one in target.attacks
    }


def test_curves_are_those_of_the_report(simulated) -> None:
    audit, table = simulated
    shown = ShownAudit(audit, table, None)
    target = audit.targets[0]
    lines = shown.lines(target)
    assert lines is shown.lines(target)
    assert lines[0].name == target.strongest
    rows = [row for row in rows_of(charts.roc(lines)) if "curve" in row]
    assert {row["curve"] for row in rows} == {line.name for line in lines}
    assert charts.roc_words(lines).startswith("ROC on logarithmic axes.")
    assert rows_of(charts.det(shown.errors()))


def test_both_verifiers_strongest_attacks_stand_together(simulated) -> None:
    audit, table = simulated
    shown = ShownAudit(audit, table, None)
    attacked = [
        one for one in audit.targets if one.level == "pair" and strongest_attack(one) is not None
    ]
    assert len(strongest_lines(audit, shown.rows, "pair")) == len(attacked) > 1
    assert len(strongest_lines(audit, shown.rows, "identity")) == 1
    assert strongest_lines(audit, shown.rows, "image") == []
    assert len(utility_lines(audit, shown.rows)) <= len(audit.targets)
    assert attack_lines(audit.targets[0], shown.rows, seed=0)


def test_a_histogram_of_equal_scores_is_one(simulated) -> None:
    rows = rows_of(charts.histogram([0.5] * 9, [True] * 4 + [False] * 5))
    assert sum(row["share"] for row in rows if row["group"] == "trained on") == pytest.approx(1)


def test_an_audit_is_opened_from_its_bytes(simulated, tmp_path) -> None:
    from facebone.audit.artefacts import write_audit, write_scores

    audit, table = simulated
    content = write_audit(audit, tmp_path).read_bytes()
    alone = open_shown(content, None)
    assert alone.audit == audit
    assert alone.report is None
    assert alone.lines(audit.targets[0]) == alone.errors() == []
    whole = open_shown(content, write_scores(table, tmp_path).read_bytes())
    assert whole.report.startswith(b"<!doctype html>") or b"<html" in whole.report[:300]


@pytest.mark.parametrize(
    ("content", "scores", "message"),
    [
        (b"", None, "audit.json: cannot be read as JSON"),
        (b"\xff\xfe", None, "audit.json: cannot be read as JSON"),
        (b"[" * 100_000, None, "audit.json: cannot be read as JSON"),
        (b"[]", None, "has schema version None"),
        (b'{"schema_version": "1.3", "targets": 3}', None, "is no audit|has schema version"),
    ],
)
def test_what_is_no_audit_is_refused(content: bytes, scores, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as error:
        open_shown(content, scores)
    assert "\n" not in str(error.value)


def test_scores_that_are_none_are_refused(simulated) -> None:
    audit, _ = simulated
    content = json.dumps(audit.model_dump(mode="json")).encode()
    with pytest.raises(DatasetError, match=r"scores.parquet: cannot be read as Parquet"):
        open_shown(content, b"PAR1 but no more")
