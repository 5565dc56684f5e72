"""From results of jobs to audit.json and the rows of scores.parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from facebone.attacks.asking import Asking
from facebone.audit.artefacts import SCORES_COLUMNS
from facebone.audit.disclosure import Disclosure, pool_disclosures
from facebone.audit.plan import Result
from facebone.audit.pooling import (
    pool,
    pool_bought,
    pool_leaks,
    pool_utilities,
    rates_to_schema,
    to_schema,
)
from facebone.audit.schema import (
    Accuracies,
    AttackResult,
    AucOnly,
    BoughtFigures,
    ClaimFigures,
    DisclosureFigures,
    Distances,
    E,
    EpsilonFigure,
    Interval,
    ReconstructionResult,
    ReferenceTarget,
    SeedFigure,
    ShadowFidelity,
    TargetResult,
    UtilityFigures,
)
from facebone.audit.score_table import MEMBERSHIPS, ScoreTable
from facebone.audit.statistics import Leak, figure_from_json
from facebone.data.splits import Level
from facebone.verification.estimates import Estimate, Figure

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """What is known of a target besides what was measured.

    Args:
        name: in results.
        mitigation: name of the defence, or ``unknown``.
        mitigation_settings: those that differ from the defaults.
        description: what the defence does, in one line for people.
        backbones: names.
        head: name, where it is not measured.
        head_settings: those given.
        level: what a member is.
    """

    name: str
    mitigation: str
    description: str
    backbones: tuple[str, ...] = ()
    mitigation_settings: Mapping[str, Any] = field(default_factory=dict)
    head: str = "unknown"
    head_settings: Mapping[str, Any] = field(default_factory=dict)
    level: Level = Level.PAIR


@dataclass(frozen=True, slots=True)
class AttackFacts:
    """One attack as it is run.

    Args:
        label: its name in results, unique in the audit.
        asking: which attack, and how it asks.
        adaptive: whether it makes use of knowing the mitigation.
    """

    label: str
    asking: Asking
    adaptive: bool = False


def target_result(
    facts: TargetFacts,
    seeds: Sequence[int],
    made: Sequence[Result],
    tried: Mapping[AttackLabel, Sequence[Result]],
    attacks: Sequence[AttackFacts],
    *,
    compared: Sequence[Result] = (),
    reconstructions: Sequence[ReconstructionResult] = (),
    others: Mapping[str, Sequence[Any]] | None = None,
) -> TargetResult:
    """One target over all seeds.

    Args:
        facts: of the target.
        seeds: of the repeats.
        made: the target of each seed.
        tried: by label of the attack, its result for each seed.
        attacks: those tried on this target.
        compared: target and shadows of each seed, where there are shadows.
        reconstructions: from its templates.
        others: fields of the result -> those of attacks of yet other goals.
    """
    utilities = [UtilityFigures.model_validate(result.values["utility"]) for result in made]
    member_accuracies = [result.values["member_accuracy"] for result in made]
    found = [attack_result(attack, facts.level, seeds, tried[attack.label]) for attack in attacks]
    return TargetResult(
        name=facts.name,
        level=facts.level.value,
        mitigation=facts.mitigation,
        mitigation_settings=dict(facts.mitigation_settings),
        description=facts.description,
        backbones=list(facts.backbones),
        head=made[0].values.get("head", facts.head),
        head_settings=dict(facts.head_settings),
        utility=pool_utilities(utilities),
        accuracy_on_members=to_schema(pool([figure_from_json(one) for one in member_accuracies])),
        accuracy_by_seed=_by_seed(seeds, [utility.accuracy for utility in utilities]),
        shadow_fidelity=_fidelity([result.values for result in compared]),
        bought=_bought(made),
        attacks=found,
        strongest=max(found, key=_strength).name,
        reconstructions=list(reconstructions),
        **{name: list(results) for name, results in (others or {}).items()},
        seconds=sum(result.seconds for result in made),
    )


def attack_result(
    attack: AttackFacts, level: Level, seeds: Sequence[int], tried: Sequence[Result]
) -> AttackResult:
    """One attack on one target over all seeds."""
    asking = attack.asking
    kind = asking.kind
    leaks = [Leak.from_json(result.values["leak"]) for result in tried]
    leak = pool_leaks(leaks)
    return AttackResult(
        name=attack.label,
        summary=kind.summary,
        goal=kind.goal.value,
        access=asking.access.value,
        level=level.value,
        knowledge=kind.knowledge,
        adaptive=attack.adaptive,
        ask=asking.ask.value,
        probes=asking.probes,
        queries=max(result.values["queries"] for result in tried),
        members=leak.members,
        non_members=leak.non_members,
        member_share=leak.members / (leak.members + leak.non_members),
        auc=to_schema(leak.auc),
        balanced_accuracy=to_schema(leak.balanced_accuracy),
        tpr_at_fpr=rates_to_schema(dict(leak.tpr_at_fpr)),
        control=AucOnly(auc=_pooled(tried, "control")),
        baseline=AucOnly(auc=_pooled(tried, "baseline")),
        beats_control=_in_every(tried, "beats_control"),
        beats_baseline=_in_every(tried, "beats_baseline"),
        auc_by_seed=_by_seed(seeds, [leak.auc for leak in leaks]),
        disclosure=_disclosure(seeds, tried),
        seconds=sum(result.seconds for result in tried),
    )


def _disclosure(seeds: Sequence[int], tried: Sequence[Result]) -> DisclosureFigures:
    parts = [Disclosure.from_json(result.values["disclosure"]) for result in tried]
    found = pool_disclosures(parts)
    bounds = found.epsilon_by_seed
    return DisclosureFigures(
        chosen_on=tried[0].values["chosen_on"],
        at_fpr={
            f"{fpr:g}": ClaimFigures.model_validate(rates.to_json())
            for fpr, rates in found.at_fpr.items()
        },
        epsilon=EpsilonFigure(
            lower_bound=found.epsilon,
            confidence=bounds[0].confidence,
            delta=bounds[0].delta,
            by_seed=[
                SeedFigure(seed=seed, value=bound.value)
                for seed, bound in zip(seeds, bounds, strict=True)
            ],
        ),
    )


def reference_result(facts: TargetFacts, attack: str, results: Sequence[Result]) -> ReferenceTarget:
    """One target under the prototype's protocol, over all seeds."""
    return ReferenceTarget(
        name=facts.name,
        mitigation=facts.mitigation,
        backbones=list(facts.backbones),
        head=results[0].values["head"],
        utility_accuracy=_pooled(results, "utility_accuracy"),
        attack=attack,
        attack_accuracy=_pooled(results, "accuracy"),
        control_accuracy=_pooled(results, "control_accuracy"),
        members=results[0].values["members"],
        non_members=results[0].values["non_members"],
    )


def score_rows(target: str, seed: int, attack: str, made: Result, tried: Result) -> pa.Table:
    """Rows of scores.parquet of one trial.

    At the levels of pictures and people the trial itself says which candidates it was about.
    """
    import pyarrow as pa

    table = ScoreTable.from_arrays(tried.arrays if "left" in tried.arrays else made.arrays)
    n = len(table)
    people = table.people
    kinds = np.array([MEMBERSHIPS[int(code)] for code in table.membership])
    columns: dict[str, Any] = {
        "target": np.full(n, target),
        "seed": np.full(n, seed, dtype=np.int64),
        "attack": np.full(n, attack),
        "left": table.left,
        "right": table.right,
        "person_left": None if people is None else people[0],
        "person_right": None if people is None else people[1],
        "same": table.same,
        "membership": kinds,
        "drawn": pa.array(table.drawn, mask=~table.control),
        "verifier_score": table.scores(),
        "attack_score": tried.arrays["attack_score"],
        "claimed": tried.arrays["claimed"],
        "risk": pa.array(tried.arrays["risk"], mask=np.isnan(tried.arrays["risk"])),
    }
    types = {
        "string": pa.string(),
        "int64": pa.int64(),
        "bool": pa.bool_(),
        "float64": pa.float64(),
    }
    arrays = [
        pa.nulls(n, types[kind]) if columns[name] is None else pa.array(columns[name], types[kind])
        for name, kind in SCORES_COLUMNS.items()
    ]
    return pa.table(arrays, names=list(SCORES_COLUMNS))


AttackLabel = str


def _fidelity(compared: Sequence[Mapping[str, Any]]) -> ShadowFidelity | None:
    if not compared:
        return None

    def mean(whose: str) -> dict[str, float]:
        names = ("on_members", "on_others")
        return {name: float(np.mean([one[whose][name] for one in compared])) for name in names}

    return ShadowFidelity(
        count=compared[0]["count"],
        target=Accuracies(**mean("target")),
        shadows=Accuracies(**mean("shadows")),
        deviation=Accuracies(**mean("deviation")),
        distance=Distances(**mean("distance")),
        usual_distance=Distances(**mean("usual_distance")),
        alike=all(one["alike"] for one in compared),
    )


def _bought(made: Sequence[Result]) -> BoughtFigures | None:
    """None where the target is not one that the audit trained, or learns nothing."""
    found = [result.values.get("bought") for result in made]
    if None in found:
        return None
    return pool_bought([BoughtFigures.model_validate(one) for one in found])


def _strength(attack: AttackResult) -> float:
    return attack.auc.value if isinstance(attack.auc, Interval) else -1.0


def _pooled(results: Sequence[Result], name: str) -> E:
    return to_schema(pool([figure_from_json(result.values[name]) for result in results]))


def _in_every(results: Sequence[Result], name: str) -> bool | None:
    """Whether it holds in every seed; None where it cannot be said of one."""
    found = [result.values[name] for result in results]
    return None if None in found else all(found)


def _by_seed(seeds: Sequence[int], figures: Sequence[Figure | E]) -> list[SeedFigure]:
    return [
        SeedFigure(seed=seed, value=figure.value)
        for seed, figure in zip(seeds, figures, strict=True)
        if isinstance(figure, Estimate | Interval)
    ]
