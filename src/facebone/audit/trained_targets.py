"""Targets that an audit trains: from words to recipes, refused early where they do not fit."""

from __future__ import annotations

from collections.abc import Sequence

from facebone.attacks.asking import parse_attack
from facebone.audit.assemble import TargetFacts
from facebone.audit.audit_plan import at_level
from facebone.audit.settings import AuditSettings
from facebone.audit.target import TargetRecipe
from facebone.audit.target_spec import parse_target, target_name
from facebone.data.splits import Level
from facebone.errors import UsageError
from facebone.mitigations.base import make_mitigation
from facebone.verification.adaptation.placing import as_placed, place
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.heads import Head, LearningHead


def check_targets(settings: AuditSettings, engine: EmbeddingEngine, device: str) -> None:
    """Refuse what cannot be trained, before any picture is read.

    Raises:
        UsageError: two mitigations that are the same target, one that does not fit the head or the
            backbones, or a head that learns nothing under an attack that looks at what it learnt.
    """
    names = tuple(route.backbone.spec.name for route in engine.routes)
    called = [target_name(spec) for spec in settings.mitigations]
    twice = sorted({name for name in called if called.count(name) > 1})
    if twice:
        raise UsageError(f"{twice[0]} is named twice", where="--mitigation")
    for spec in settings.mitigations:
        recipe = target_recipe(spec, settings, names, device)
        target_facts(recipe, names)
        _check_learns(recipe.unfitted(chosen_backbones(recipe, names)), settings.attacks)


def _check_learns(head: Head, attacks: Sequence[str]) -> None:
    """Refuse attacks that look at what a head has learnt, of one that learns nothing.

    Raises:
        UsageError: there are some.
    """
    if isinstance(head, LearningHead):
        return
    for spec in attacks:
        asking = parse_attack(spec)
        if asking.kind.needs_shadows or asking.channels:
            raise UsageError(
                f"learns nothing, so {asking.name} has nothing to find",
                where=f"head {head.name}",
                hint="leave that attack out, or name another --head",
            )


def target_recipe(
    spec: str, settings: AuditSettings, names: tuple[str, ...], device: str
) -> TargetRecipe:
    """How a target is made of the routes called `names`.

    Raises:
        UnknownNameError: no such mitigation, head or setting, or a backbone that is not there.
        UsageError: a value is wrong.
    """
    asked = parse_target(spec)
    given = dict(asked.settings)
    plain = make_mitigation(asked.mitigation, given)
    if plain.settings.backbones:
        given |= {"backbones": [as_placed(name, names) for name in plain.settings.backbones]}
    chosen = [names[i] for i in make_mitigation(asked.mitigation, given).columns(names)]
    head, own = settings.head, settings.head_settings
    if asked.head is not None:
        head, own = asked.head, asked.head_settings
    return TargetRecipe(
        name=asked.name,
        mitigation=asked.mitigation,
        settings=given,
        head=head,
        head_settings=place(head, own, chosen)[0],
        device=device,
    )


def target_facts(
    recipe: TargetRecipe, names: tuple[str, ...], level: Level = Level.PAIR
) -> TargetFacts:
    """What is known of a target before it is trained.

    Raises:
        UsageError: it cannot be trained.
    """
    mitigation = make_mitigation(recipe.mitigation, recipe.settings)
    chosen = chosen_backbones(recipe, names)
    recipe.unfitted(chosen)  # refuses what cannot be trained
    return TargetFacts(
        name=at_level(recipe.name, level),
        mitigation=recipe.mitigation,
        description=mitigation.describe(chosen, head=recipe.head),
        backbones=chosen,
        mitigation_settings=mitigation.public_settings(),
        head=recipe.head,
        head_settings=dict(recipe.head_settings),
        level=level,
    )


def chosen_backbones(recipe: TargetRecipe, names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the backbones that a target uses, of all that there are."""
    return tuple(names[i] for i in recipe.columns(names))


def learns(recipe: TargetRecipe, names: tuple[str, ...]) -> bool:
    """Whether a target learns anything from its pairs or people."""
    return isinstance(recipe.unfitted(chosen_backbones(recipe, names)), LearningHead)
