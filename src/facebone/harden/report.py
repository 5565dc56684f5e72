"""From rings to the trials of harden.json, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from facebone.audit.names import UNDEFENDED
from facebone.audit.pooling import to_schema
from facebone.audit.target import TargetRecipe
from facebone.errors import UsageError
from facebone.harden.choice import Rule, Standing
from facebone.harden.front import leak_of, on_front
from facebone.harden.ring import Ring, Spread
from facebone.harden.rings import Measured
from facebone.harden.schema import AttackFound, OverModels, Trial
from facebone.mitigations.base import make_mitigation


def make_trials(
    measured: Mapping[str, Measured],
    numbers: Mapping[str, int],
    make: Callable[[str], TargetRecipe],
    backbones: tuple[str, ...],
    rule: Rule,
) -> list[Trial]:
    """The trials that were measured, in the order of the search.

    Args:
        measured: name of the target -> what became of it.
        numbers: name of the target -> number of its trial.
        make: from the words of a target to its recipe.
        backbones: all names.
        rule: what is to be kept of accuracy.

    Raises:
        UsageError: the undefended one is not among them, so there is nothing to compare with.
    """
    rings = {name: one.ring for name, one in measured.items() if one.ring is not None}
    if UNDEFENDED not in rings:
        why = measured[UNDEFENDED].refused if UNDEFENDED in measured else "it was not reached"
        raise UsageError(f"the undefended verifier could not be measured: {why}", where="harden")
    limit = rule.limit(rings[UNDEFENDED].accuracy.mean)
    front = on_front(
        [ring.accuracy.mean for ring in rings.values()],
        [leak_of(ring.strongest.auc.mean) for ring in rings.values()],
    )
    return [
        _trial(
            make(name),
            ring,
            backbones,
            number=numbers[name],
            front=first,
            keeps=ring.accuracy.mean >= limit,
            seconds=measured[name].seconds,
        )
        for (name, ring), first in zip(rings.items(), front, strict=True)
    ]


def standings(trials: Sequence[Trial]) -> list[Standing]:
    """What the choice looks at."""
    return [
        Standing(
            one.name,
            one.accuracy.mean,
            one.leak,
            _error(one),
            one.on_front,
        )
        for one in trials
    ]


def _error(trial: Trial) -> float:
    strongest = next(one for one in trial.attacks if one.attack == trial.strongest)
    return Spread(**strongest.auc.model_dump()).error


def _trial(
    recipe: TargetRecipe,
    ring: Ring,
    backbones: tuple[str, ...],
    *,
    number: int,
    front: bool,
    keeps: bool,
    seconds: float,
) -> Trial:
    mitigation = make_mitigation(recipe.mitigation, recipe.settings)
    used = tuple(backbones[i] for i in recipe.columns(backbones))
    return Trial(
        name=recipe.name,
        number=number,
        mitigation=recipe.mitigation,
        mitigation_settings=mitigation.public_settings(),
        description=mitigation.describe(used, head=recipe.head),
        head=recipe.head,
        head_settings=dict(recipe.head_settings),
        backbones=list(used),
        accuracy=_over(ring.accuracy),
        accuracy_interval=to_schema(ring.accuracy_interval),
        leak=leak_of(ring.strongest.auc.mean),
        leak_interval=to_schema(ring.leak_interval),
        strongest=ring.strongest.attack,
        attacks=[
            AttackFound(
                attack=one.attack,
                auc=_over(one.auc),
                tpr_at_fpr={fpr: _over(tpr) for fpr, tpr in one.tpr_at_fpr.items()},
            )
            for one in ring.found
        ],
        on_front=front,
        keeps_accuracy=keeps,
        seconds=seconds,
    )


def _over(spread: Spread) -> OverModels:
    return OverModels(**asdict(spread))
