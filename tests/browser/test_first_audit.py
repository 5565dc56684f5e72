"""The audit that `make audit` runs, from its command to its page in a browser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facebone.audit.artefacts import read_audit

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that audit, made as the Makefile makes it."""
    recipe = (ROOT / "Makefile").read_text("utf-8")
    asked = "audit --config examples/first_audit.toml"
    assert asked in recipe
    out = tmp_path_factory.mktemp("first") / "audit"
    script = str(Path(sys.executable).parent / "facebone")
    result = subprocess.run(
        [script, *asked.split(), "--out", str(out)],
        cwd=ROOT,
        env=os.environ | {"FACEBONE_HOME": str(out.parent / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-2:] == [str(out / "audit.json"), str(out / "report.html")]
    return out


def test_it_is_what_a_first_audit_should_be(audited: Path) -> None:
    audit = read_audit(audited)
    assert [target.mitigation for target in audit.targets] == ["none", "facebone", "facebone"]
    assert audit.targets[0].head == "mlp"
    assert len(audit.seeds) == 2
    assert all(len(target.attacks) >= 3 for target in audit.targets)
    assert [test.name for test in audit.self_tests if not test.passed] == []
    # Every figure has an interval, none was refused; but what claims at a strict threshold are
    # worth cannot be said where the attacker then claims nobody.
    for target in audit.targets:
        assert {"lira", "shadow_boosting"} <= {attack.name for attack in target.attacks}
        assert target.shadow_fidelity is not None
        for attack in target.attacks:
            assert "refused" not in attack.model_dump_json(exclude={"disclosure"})
        assert "refused" not in target.model_dump_json(exclude={"attacks"})


def test_its_page_holds_what_a_page_should(
    audited: Path, check_report: Callable[[Path], object]
) -> None:
    check_report(audited / "report.html")
