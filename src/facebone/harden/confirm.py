"""The confirmation: what was chosen, audited on other people with other seeds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from facebone.audit.auditor import run_audit
from facebone.audit.job_store import JobStore
from facebone.audit.names import UNDEFENDED
from facebone.audit.schema import Audit, E, Interval, TargetResult
from facebone.audit.self_tests import AT_LEVEL
from facebone.audit.trained import Sources, plan_trained
from facebone.audit.trained_targets import check_targets
from facebone.harden.choice import Rule
from facebone.harden.schema import Confirmed, Trial
from facebone.harden.settings import HardenSettings
from facebone.progress import ProgressFactory, SilentProgress
from facebone.scale.executor import Executor
from facebone.scale.shelves import Place


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What became of the chosen ones.

    Args:
        audit: of all of them, the undefended one first.
        confirmed: one a target, in the order in which they were chosen.
        limit: least accuracy there.
        recommended: the first that keeps it; None where none does.
    """

    audit: Audit
    confirmed: tuple[Confirmed, ...]
    limit: float
    recommended: str | None


def audit_chosen(
    settings: HardenSettings,
    names: Sequence[str],
    sources: Sources,
    store: JobStore,
    executor: Executor,
    *,
    out: Path,
    shadow_folder: Place,
    command: str,
    pictures: bool,
    progress: ProgressFactory = SilentProgress,
) -> Audit:
    """The audit of some targets on the confirmation half, with its files in `out`.

    Args:
        settings: of the hardening.
        names: words of the targets, the undefended one first.
        sources: the confirmation half, and the engine.
        store: of the folder.
        executor: runs the jobs.
        out: the folder.
        shadow_folder: where shadows are kept, for all audits.
        command: that the report shows.
        pictures: whether the report shows those most at risk.
        progress: of the run.

    Raises:
        DatasetError, PictureError, StorageError, UsageError: see `plan_trained` and `run_audit`.
    """
    attacks = settings.confirming_attacks(names)
    asked = settings.audit(names, attacks, seed=settings.confirmation_seed, seeds=settings.seeds)
    check_targets(asked, sources.engine, sources.device)
    plan = plan_trained(
        asked, sources, store, executor, shadow_folder=shadow_folder, progress=progress
    )
    plan.command = command
    plan.warnings.append(
        "these are the people whom the search for defences did not see: half of the data set"
    )
    return run_audit(
        plan,
        out,
        executor,
        store=store,
        progress=progress,
        dataset=sources.dataset,
        pictures=pictures,
    )


def judge_chosen(
    audit: Audit,
    trials: Sequence[Trial],
    rule: Rule,
    settings: HardenSettings,
    *,
    eligible: Collection[str],
) -> Confirmation:
    """Hold what was confirmed against what the search said.

    With a drop allowed, a target fails where its whole interval of accuracy lies below the limit:
    as many pairs again would move it as much. An accuracy that was asked for must be reached.

    Args:
        audit: of the chosen ones.
        trials: theirs, in the order of preference.
        rule: what to keep.
        settings: of the hardening.
        eligible: names of those that will do by the search.
    """
    found = {_name(target): target for target in audit.targets}
    limit = rule.limit(_value(found[UNDEFENDED].utility.accuracy))
    confirmed = tuple(_confirmed(found[one.name], one, rule, limit, settings) for one in trials)
    kept = (one.name for one in confirmed if one.keeps_accuracy and one.name in eligible)
    return Confirmation(audit, confirmed, limit, next(kept, None))


def _confirmed(
    target: TargetResult, trial: Trial, rule: Rule, limit: float, settings: HardenSettings
) -> Confirmed:
    accuracy = target.utility.accuracy
    quick = [
        attack
        for attack in target.attacks
        if any(attack.name.split(" ")[0] == spec for spec in settings.quick_attacks)
    ]
    leak = max((attack.auc for attack in quick), key=_value)
    strongest = max(target.attacks, key=lambda attack: _value(attack.auc))
    reached = _value(accuracy)
    if rule.min_accuracy is None and isinstance(accuracy, Interval):
        reached = accuracy.high
    return Confirmed(
        name=trial.name,
        accuracy=accuracy,
        leak=leak,
        strongest=strongest.name,
        strongest_auc=strongest.auc,
        accuracy_agrees=_inside(accuracy, trial.accuracy_interval),
        leak_agrees=_inside(leak, trial.leak_interval),
        keeps_accuracy=reached >= limit,
    )


def _name(target: TargetResult) -> str:
    """The words of a target, without its level."""
    return target.name.removesuffix(f"{AT_LEVEL}{target.level}")


def _value(figure: E) -> float:
    return figure.value if isinstance(figure, Interval) else -1.0


def _inside(figure: E, interval: E) -> bool | None:
    if not isinstance(figure, Interval) or not isinstance(interval, Interval):
        return None
    return interval.low <= figure.value <= interval.high
