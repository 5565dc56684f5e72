"""The auditor: a plan of jobs for targets, seeds and attacks, run to the end, and its artefacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import facebone
from facebone.attacks.base import ATTACKS
from facebone.audit import jobs as work
from facebone.audit.artefacts import write_audit, write_scores
from facebone.audit.assemble import (
    AttackFacts,
    TargetFacts,
    reference_result,
    score_rows,
    self_test_result,
    target_result,
)
from facebone.audit.jobs import REFERENCE_SHARE
from facebone.audit.plan import Finished, Job, JobStore, run_plan
from facebone.audit.schema import (
    SCHEMA_VERSION,
    Audit,
    DataFacts,
    Interval,
    ReferenceProtocol,
    SelfTest,
    TargetResult,
)
from facebone.errors import UsageError
from facebone.progress import ProgressFactory, SilentProgress
from facebone.scale.executor import Executor
from facebone.settings import parse_spec

JOBS_FOLDER = "jobs"
SELF_TEST_ATTACKS = {"planted bits": "score_bits", "planted table": "loss_threshold"}
NULL_ATTACK = "loss_threshold"
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


@dataclass(frozen=True, slots=True)
class PlannedShadows:
    """Names of jobs about the shadows of one target.

    Args:
        trained: the answers of all of them.
        rows: where the candidates of a seed stand in these, a seed each.
        control: a target of other people, a seed each.
        compared: whether shadows and target are alike, a seed each.
    """

    trained: str
    rows: tuple[str, ...]
    control: tuple[str, ...]
    compared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedTarget:
    """A target and the jobs that make it, one a seed.

    Args:
        facts: of it.
        made: name of the job that makes its answers, a seed each.
        queries: answers recorded for each candidate.
        shadows: jobs that attacks which compare with shadows need; None where there are none.
    """

    facts: TargetFacts
    made: tuple[str, ...]
    queries: int = 1
    shadows: PlannedShadows | None = None


@dataclass(slots=True)
class AuditPlan:
    """All jobs of an audit, and what to make of their results.

    Args:
        seeds: of the repeats.
        data: facts of the data.
        command: to run it again.
        environment: where it runs.
        targets: with the jobs that make them.
        attacks: specs, as ``NAME`` or ``NAME:SETTING=VALUE,..``.
        jobs: by now.
        null: name of the job whose answers leak nothing.
        reference: under the prototype's protocol: jobs of each target, a seed each.
        warnings: for the reader.
    """

    seeds: tuple[int, ...]
    data: DataFacts
    command: str
    environment: Mapping[str, Any]
    targets: list[PlannedTarget]
    attacks: tuple[str, ...]
    jobs: list[Job]
    null: tuple[str, str] | None = None
    reference: list[tuple[TargetFacts, tuple[str, ...]]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def attacks_on(self, target: PlannedTarget) -> list[AttackFacts]:
        """The attacks as they are run on one target.

        Where answers vary from query to query, an attacker who knows that asks again and again
        and averages: each attack that gains by it is run both ways.
        """
        found = []
        for spec in self.attacks:
            name, settings = parse_spec(spec, where="--attack")
            found.append(AttackFacts(spec, name, settings))
            if target.queries > 1 and ATTACKS.get(name).averages:
                found.append(
                    AttackFacts(
                        f"{spec} x{target.queries}", name, settings, target.queries, adaptive=True
                    )
                )
        return found

    def plan(self) -> list[Job]:
        """Every job, those of attacks and self-tests included."""
        every = list(self.jobs)
        for target in self.targets:
            for attack in self.attacks_on(target):
                every += [
                    _shadow_job(target, i, attack, seed)
                    if ATTACKS.get(attack.name).needs_shadows
                    else _attack_job(trial_name(made, attack.label), made, attack, seed)
                    for i, (made, seed) in enumerate(zip(target.made, self.seeds, strict=True))
                ]
        return every + self._self_tests()

    def _self_tests(self) -> list[Job]:
        first, seed = self.targets[0].made[0], self.seeds[0]
        found = []
        for name, attack in SELF_TEST_ATTACKS.items():
            found.append(Job(f"self-test {name}", work.plant, {"plant": name}, (first,)))
            found.append(_test_job(name, f"self-test {name}", attack, seed))
        if self.null is not None:
            found.append(_test_job(self.null[0], self.null[1], NULL_ATTACK, seed))
        return found

    def self_tests(self) -> dict[str, str]:
        """Self-tests by name, and the attack that each is made with."""
        tests = dict(SELF_TEST_ATTACKS)
        if self.null is not None:
            tests[self.null[0]] = NULL_ATTACK
        return tests


def run_audit(
    plan: AuditPlan,
    out: Path,
    executor: Executor,
    *,
    store: JobStore,
    progress: ProgressFactory = SilentProgress,
) -> Audit:
    """Run what is left of a plan and write audit.json, scores.parquet and report.html.

    Raises:
        UsageError: a job found its input wrong.
        StorageError: the folder cannot be written.
    """
    from facebone.audit.report.page import write_report

    done = run_plan(plan.plan(), store, executor, progress=progress, label="auditing")
    audit = collect(plan, done)
    write_scores(_scores(plan, done), out)
    write_audit(audit, out)
    write_report(out)
    return audit


def collect(plan: AuditPlan, done: Finished) -> Audit:
    """The audit from the results of its jobs."""
    targets = [_target(plan, target, done) for target in plan.targets]
    tests = [
        self_test_result(name, attack, done[f"self-test {name} try"])
        for name, attack in plan.self_tests().items()
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


def trial_name(made: str, attack: str) -> str:
    """Name of the job that tries an attack on the answers of a job."""
    return f"{made} {attack}"


def _shadow_job(target: PlannedTarget, i: int, attack: AttackFacts, seed: int) -> Job:
    made, shadows = target.made[i], target.shadows
    if shadows is None:
        raise UsageError(
            "needs shadow verifiers, which only an audit that trains its targets can train",
            where=f"attack {attack.name}",
            hint="leave it out",
        )
    settings = {
        "attack": attack.name,
        "attack_settings": dict(attack.settings),
        "queries": attack.queries,
        "seed": seed,
        "table": made,
        "shadows": shadows.trained,
        "rows": shadows.rows[i],
        "control": shadows.control[i],
    }
    inputs = (made, shadows.trained, shadows.rows[i], shadows.control[i])
    return Job(trial_name(made, attack.label), work.try_shadow_attack, settings, inputs)


def _attack_job(name: str, made: str, attack: AttackFacts, seed: int) -> Job:
    settings = {
        "attack": attack.name,
        "attack_settings": dict(attack.settings),
        "queries": attack.queries,
        "seed": seed,
    }
    return Job(name, work.try_attack, settings, (made,))


def _test_job(name: str, made: str, attack: str, seed: int) -> Job:
    return _attack_job(f"self-test {name} try", made, AttackFacts(attack, attack, {}), seed)


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
        for attack in target.attacks:
            auc = attack.control.auc
            if isinstance(auc, Interval) and not auc.low <= 0.5 <= auc.high:
                found.append(
                    f"{target.name}, {attack.name}: the control's AUC is told from 0.5, which "
                    "chance does to one attack in twenty"
                )
    return found
