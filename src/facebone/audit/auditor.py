"""The auditor: a plan of jobs for targets, seeds and attacks, run to the end, and its artefacts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import facebone
from facebone.audit.artefacts import write_audit, write_scores
from facebone.audit.assemble import reference_result, score_rows, target_result
from facebone.audit.audit_plan import AuditPlan, PlannedTarget, trial_name
from facebone.audit.jobs import REFERENCE_SHARE
from facebone.audit.names import listed
from facebone.audit.other_goals.results import results_on
from facebone.audit.plan import Finished, JobStore, run_plan
from facebone.audit.reconstruction.result import reconstruction_result
from facebone.audit.schema import (
    SCHEMA_VERSION,
    Audit,
    Interval,
    ReferenceProtocol,
    SelfTest,
    TargetResult,
)
from facebone.audit.self_tests import self_test_result
from facebone.data.dataset import Dataset
from facebone.progress import ProgressFactory, SilentProgress
from facebone.scale.executor import Executor

JOBS_FOLDER = "jobs"
REFERENCE_ATTACK = "art_gb"

WHY_IT_MISLEADS = (
    f"{REFERENCE_SHARE:.0%} of the pairs are members, so always answering 'member' already scores "
    f"{REFERENCE_SHARE:.2f}.",
    "The attack is fitted and scored on the same pairs: it may know them by heart. The control "
    "shows what that alone scores where membership is drawn by a coin.",
    "One weak attack is asked, so that a defence need only confuse that one.",
    "Whole pictures are embedded without finding or aligning the face, which costs the verifier "
    "20 points of accuracy and makes its head learn pairs by heart.",
)


def run_audit(
    plan: AuditPlan,
    out: Path,
    executor: Executor,
    *,
    store: JobStore,
    progress: ProgressFactory = SilentProgress,
    dataset: Dataset | None = None,
    pictures: bool = True,
) -> Audit:
    """Run what is left of a plan and write audit.json, scores.parquet and report.html.

    Args:
        plan: of the audit.
        out: its folder.
        executor: runs the jobs.
        store: of their results.
        progress: of the run.
        dataset: whose pictures the report may show of those who are most at risk; None for none.
        pictures: whether the report shows them; otherwise none are kept.

    Raises:
        UsageError: a job found its input wrong.
        StorageError: the folder cannot be written.
    """
    from facebone.audit.reconstruction.sheet import remove_sheets, write_sheets
    from facebone.audit.report.page import write_report
    from facebone.audit.thumbnails import make_pictures, remove_pictures

    done = run_plan(plan.plan(), store, executor, progress=progress, label="auditing")
    audit = collect(plan, done)
    scores = _scores(plan, done)
    write_scores(scores, out)
    write_audit(audit, out)
    if dataset is None or not pictures:
        remove_pictures(out)
        remove_sheets(out)
    else:
        make_pictures(audit, scores, dataset, out)
        write_sheets(plan.reconstructions, done, out)
    write_report(out, pictures=pictures)
    return audit


def collect(plan: AuditPlan, done: Finished) -> Audit:
    """The audit from the results of its jobs."""
    targets = [_target(plan, target, done) for target in plan.targets]
    tests = [
        self_test_result(test.name, test.attack, done[f"self-test {test.name} try"])
        for test in plan.tests()
    ]
    return Audit(
        schema_version=SCHEMA_VERSION,
        facebone_version=facebone.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=plan.seeds[0],
        seeds=list(plan.seeds),
        command=plan.command,
        environment=dict(plan.environment),
        data=plan.data,
        targets=targets,
        self_tests=tests,
        reference_protocol=_reference(plan, done),
        warnings=plan.warnings + _doubts(targets, tests),
    )


def _target(plan: AuditPlan, target: PlannedTarget, done: Finished) -> TargetResult:
    attacks = plan.attacks_on(target)
    return target_result(
        target.facts,
        plan.seeds,
        [done[name] for name in target.made],
        {
            attack.label: [done[trial_name(made, attack.label)] for made in target.made]
            for attack in attacks
        },
        attacks,
        compared=[done[name] for name in target.shadows.compared] if target.shadows else [],
        reconstructions=[
            reconstruction_result(one, target.facts.backbones, done)
            for one in plan.reconstructions
            if one.target == target.facts.name
        ],
        others=results_on(target.facts.name, plan.others, done),
    )


def _scores(plan: AuditPlan, done: Finished) -> Any:
    import pyarrow as pa

    parts = []
    for target in plan.targets:
        for name, seed in zip(target.made, plan.seeds, strict=True):
            made = done[name]
            for attack in plan.attacks_on(target):
                tried = done[trial_name(name, attack.label)]
                parts.append(score_rows(target.facts.name, seed, attack.label, made, tried))
    return pa.concat_tables(parts)


def _reference(plan: AuditPlan, done: Finished) -> ReferenceProtocol | None:
    if not plan.reference:
        return None
    return ReferenceProtocol(
        alignment="none",
        member_share=REFERENCE_SHARE,
        why_it_misleads=list(WHY_IT_MISLEADS),
        targets=[
            reference_result(facts, REFERENCE_ATTACK, [done[name] for name in names])
            for facts, names in plan.reference
        ],
    )


def _doubts(targets: Sequence[TargetResult], tests: Sequence[SelfTest]) -> list[str]:
    """What the results themselves give reason to doubt."""
    found = [
        f"self-test '{test.name}' failed: do not trust the figures before it is understood"
        for test in tests
        if not test.passed
    ]
    for target in targets:
        shadows = target.shadow_fidelity
        if shadows is not None and not shadows.alike:
            found.append(
                f"{target.name}: shadows are not like it (right about "
                f"{shadows.shadows.on_members:.1%} of their members and "
                f"{shadows.shadows.on_others:.1%} of others, the target about "
                f"{shadows.target.on_members:.1%} and {shadows.target.on_others:.1%}): attacks "
                "that compare with them may miss what it leaks"
            )
        told = [
            attack.name
            for attack in target.attacks
            if isinstance(auc := attack.control.auc, Interval) and not auc.low <= 0.5 <= auc.high
        ]
        if told:
            found.append(
                f"{target.name}: the control's AUC of {listed(told)} is told from 0.5, which "
                "chance does to one attack in twenty"
            )
    return found
