"""Planning the audit of verifiers that are there already: tables of their answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import facebone
from facebone.attacks.access import Access
from facebone.audit import jobs as work
from facebone.audit.assemble import TargetFacts
from facebone.audit.attack_choice import check_attacks
from facebone.audit.audit_plan import NULL_ATTACK, AuditPlan, PlannedTarget, PlannedTest
from facebone.audit.environment import describe_environment, with_code
from facebone.audit.existing.cautions import cautions
from facebone.audit.plan import Job, JobStore, Result, run_plan
from facebone.audit.schema import SCHEMA_VERSION, DataFacts
from facebone.audit.score_table import ScoreTable
from facebone.scale.executor import SerialExecutor
from facebone.seeding import derive_seed
from facebone.verification.folds import draw_folds, fold_accuracies
from facebone.verification.utility import fold_figure, measure_utility

GIVEN = (
    "members and non-members were given, not drawn: whether both come from one distribution is "
    "shown by the blind baseline alone"
)


def common_identity(*, attacks: tuple[str, ...], seed: int) -> dict[str, Any]:
    """What makes an audit of a given verifier another than others, besides the verifier."""
    described: dict[str, Any] = {
        "attacks": list(attacks),
        "seed": seed,
        "schema": SCHEMA_VERSION,
        "facebone": facebone.__version__,
    }
    return with_code(described)


def plan_table(
    table: ScoreTable,
    facts: TargetFacts,
    store: JobStore,
    *,
    attacks: tuple[str, ...],
    seed: int,
    command: str,
    data: str,
    alignment: str = "unknown",
    access: Access = Access.SCORE,
) -> AuditPlan:
    """Plan the attacks on one verifier whose answers are known.

    Args:
        table: its answers.
        facts: of the verifier.
        store: of the audit's folder.
        attacks: specs.
        seed: of everything random.
        command: to run the audit again.
        data: name of the data, for the report.
        alignment: of the pictures, where it is known.
        access: what the attacker sees: scores, or decisions alone.

    Raises:
        UnknownNameError: no such attack or setting.
        UsageError: too few pairs to measure utility, or an attack that needs to see more.
    """
    check_attacks(attacks, access=access, trains=False)

    def hand_over(_settings: Mapping[str, Any], _inputs: Mapping[str, Result]) -> Result:
        return Result(_measure(table, seed), table.to_arrays())

    made = f"{facts.name} seed {seed}"
    job = Job(made, hand_over, {"fingerprint": fingerprint(table), "seed": seed})
    run_plan([job], store, SerialExecutor())
    null = "redrawn membership"
    redraw = Job(f"self-test {null}", work.redraw_membership, {"seed": seed}, (made,))
    return AuditPlan(
        seeds=(seed,),
        data=_data_facts(table, data, alignment),
        command=command,
        environment=describe_environment(device="cpu"),
        targets=[PlannedTarget(facts, (made,), table.answers.queries)],
        attacks=attacks,
        access=access,
        jobs=[job, redraw],
        nulls=[PlannedTest(null, null, NULL_ATTACK, f"self-test {null}")],
        warnings=[GIVEN, *cautions(table)],
    )


def fingerprint(table: ScoreTable) -> str:
    """A hash of everything in a table."""
    digest = hashlib.sha256()
    for name, array in sorted(table.to_arrays().items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _measure(table: ScoreTable, seed: int) -> dict[str, Any]:
    """Utility on non-members, and accuracy on members."""
    scores, same = table.scores(), table.same
    held_out, member = table.candidates & ~table.member, table.member
    people = table.people
    utility = measure_utility(
        scores[held_out],
        same[held_out],
        people=None if people is None else (people[0][held_out], people[1][held_out]),
        seed=derive_seed(seed, "utility"),
    )
    folds = draw_folds(same[member], seed=derive_seed(seed, "member folds"))
    accuracies = fold_accuracies(scores[member], same[member], folds)
    return {
        "utility": utility.to_json(),
        "member_accuracy": fold_figure(accuracies, int(member.sum())).to_json(),
    }


def _data_facts(table: ScoreTable, name: str, alignment: str) -> DataFacts:
    people = table.people
    control = table.control
    everyone: Sequence[str] = () if people is None else [*people[0], *people[1]]
    apart = () if people is None else [*people[0][control], *people[1][control]]
    return DataFacts(
        name=name,
        people=len(set(everyone)),
        images=len({*table.left, *table.right} - {""}),
        pairs=int(table.candidates.sum()),
        fingerprint=fingerprint(table),
        alignment=alignment,
        control_people=len(set(apart)),
        control_pairs=int(control.sum()),
        copies=0,
    )
