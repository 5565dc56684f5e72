"""Audit FaceBone in all its forms on LFW, unaligned and aligned, and write the page of the tables.

Runs `facebone audit` on examples/lfw_unaligned.toml and lfw_aligned.toml into runs/, where an
interrupted audit goes on, and writes docs/lfw-audit.md and results/audit_lfw.json.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.results_file import write_result
from facebone.audit.artefacts import read_audit
from facebone.audit.schema import AttackResult, Audit, E, Interval, TargetResult
from facebone.config import assets_folder

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "lfw-audit.md"
RUNS = {name: ROOT / "runs" / f"lfw_{name}" for name in ("unaligned", "aligned")}
COMMAND = (
    "facebone audit --config examples/lfw_{name}.toml --root $FACEBONE_ASSETS/lfw "
    "--out runs/lfw_{name}"
)
SHOWN = {"mobilefacenet_ms1m_a": "a", "mobilefacenet_ms1m_b": "b", "dlib": "dlib"}

INTRODUCTION = """# FaceBone on LFW

Written by `python -m benchmarks.audit_lfw`, which runs

```text
{commands}
```

{setting}

- **Accuracy** is of pairs that the target was not trained on, each fold at the threshold that is
  best on the others.
- **AUC** is an attacker's chance to tell a member from a non-member, one of each: 0.5 is guessing.
  The loss threshold stands for itself; next to it stands the strongest of {attacks} attacks.
  Attacks that learn are fitted to one half of the candidates and scored on the other, in turn.
- Brackets are 95 % intervals, over people. Every attack ran beside a control and a blind baseline;
  they lie between {lowest:.3f} and {highest:.3f}.
- Where answers vary (query `random`), the strongest attack may have asked 16 times and averaged
  (`x16`).
"""

REFERENCE = """
## The prototype's own protocol, and why it misleads

{reasons}

| target | accuracy | attack accuracy (members: {share:.2f}) | drawn by a coin | honest AUC |
| --- | --- | --- | --- | --- |
{rows}

The fourth column is the same attack, fitted and scored on the same pairs, where a coin had drawn
who is called a member: it is what there is to score without any leak. The last column is the
strongest attack under the honest protocol, on the same unaligned pictures. Here the verifier
decides at a probability of a half, as the prototype does, and not at a threshold chosen on other
folds: where training ends on one backbone and others are asked, its probabilities are off.
"""


def main() -> int:
    assets = assets_folder()
    if assets is None:
        print("FACEBONE_ASSETS is not set", file=sys.stderr)
        return 2
    script = str(Path(sys.executable).parent / "facebone")
    for name, out in RUNS.items():
        words = ["--config", f"examples/lfw_{name}.toml", "--root", str(assets / "lfw")]
        code = subprocess.run(
            [script, "audit", *words, "--out", str(out)], cwd=ROOT, check=False
        ).returncode
        if code:
            return code
    audits = {name: read_audit(out) for name, out in RUNS.items()}
    PAGE.write_text(render(audits), "utf-8")
    print(f"wrote {PAGE}", file=sys.stderr)
    write_result("audit_lfw", {name: _short(audit) for name, audit in audits.items()})
    return 0


def render(audits: dict[str, Audit]) -> str:
    """The page from both audits."""
    first = audits["unaligned"]
    attacks = {attack.name for t in first.targets for attack in t.attacks if attack.queries == 1}
    beside = [
        figure.value
        for audit in audits.values()
        for target in audit.targets
        for attack in target.attacks
        for figure in (attack.control.auc, attack.baseline.auc)
        if isinstance(figure, Interval)
    ]
    parts = [
        INTRODUCTION.format(
            commands="\n".join(COMMAND.format(name=name) for name in RUNS),
            setting=_setting(first),
            attacks=len(attacks),
            lowest=min(beside),
            highest=max(beside),
        )
    ]
    for name, audit in audits.items():
        parts.append(f"\n## {name.capitalize()} pictures\n\n{_table(audit)}\n")
    reference = first.reference_protocol
    if reference is not None:
        honest = {target.name: _strongest(target) for target in first.targets}
        rows = "\n".join(
            f"| {_name(first, one.name)} | {_cell(one.utility_accuracy)} | "
            f"{_cell(one.attack_accuracy)} | {_cell(one.control_accuracy)} | "
            f"{_cell(honest[one.name].auc)} |"
            for one in reference.targets
        )
        reasons = "\n".join(f"- {reason}" for reason in reference.why_it_misleads)
        parts.append(REFERENCE.format(reasons=reasons, share=reference.member_share, rows=rows))
    return "".join(parts)


def _setting(audit: Audit) -> str:
    data = audit.data
    seeds = f"{len(audit.seeds)} seeds"
    return (
        f"on {data.pairs:,} pairs, a random half of them members, the other half non-members, and "
        f"{data.control_pairs:,} control pairs\nof {data.control_people} people in neither set; "
        f"{seeds}. Backbones a and b are the MobileFaceNets of\n[real-faces.md](real-faces.md), "
        "dlib is dlib's ResNet. Undefended is the MLP on b alone."
    )


def _table(audit: Audit) -> str:
    lines = [
        "| target | accuracy | loss threshold AUC | strongest attack | AUC | TPR at FPR 0.1 % |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for target in audit.targets:
        attack = _strongest(target)
        loss = next(one for one in target.attacks if one.name == "loss_threshold")
        lines.append(
            f"| {_name(audit, target.name)} | {_cell(target.utility.accuracy)} | "
            f"{_cell(loss.auc)} | `{attack.name}` | "
            f"{_cell(attack.auc)} | {_cell(attack.tpr_at_fpr['0.001'])} |"
        )
    return "\n".join(lines)


def _strongest(target: TargetResult) -> AttackResult:
    return next(one for one in target.attacks if one.name == target.strongest)


def _name(audit: Audit, name: str) -> str:
    """What a target is, without the settings that all share."""
    target = next(one for one in audit.targets if one.name == name)
    if target.mitigation == "none":
        return f"undefended, {' + '.join(SHOWN[one] for one in target.backbones)}"
    settings = target.mitigation_settings
    assignment = settings.get("assignment", "fusion")
    query = settings.get("query")
    return f"FaceBone, {assignment}{f', {query}' if query else ''}"


def _cell(figure: E) -> str:
    if not isinstance(figure, Interval):
        return "refused"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def _short(audit: Audit) -> dict[str, Any]:
    """What of an audit is kept with the results: every figure with its interval, as text."""
    return {
        "seeds": audit.seeds,
        "fingerprint": audit.data.fingerprint,
        "targets": {
            target.name: {
                "accuracy": _cell(target.utility.accuracy),
                "eer": _cell(target.utility.eer),
                **{f"tar@{far}": _cell(one) for far, one in target.utility.tar_at_far.items()},
                "attacks": {
                    attack.name: {
                        "auc": _cell(attack.auc),
                        **{f"tpr@{fpr}": _cell(one) for fpr, one in attack.tpr_at_fpr.items()},
                        "control": _cell(attack.control.auc),
                        "baseline": _cell(attack.baseline.auc),
                    }
                    for attack in target.attacks
                },
            }
            for target in audit.targets
        },
    }


if __name__ == "__main__":
    sys.exit(main())
