"""From a target to what an attack is handed of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facebone.attacks.inversion.base import InversionAttack
from facebone.attacks.inversion.classifier_leak import ClassifierLeak
from facebone.attacks.inversion.decision_leak import DecisionLeak
from facebone.attacks.inversion.leaks import Leak, TemplateLeak
from facebone.attacks.inversion.score_leak import ScoreLeak
from facebone.attacks.inversion.slope_leak import SlopeLeak
from facebone.attacks.inversion.way_back import undo
from facebone.audit.extraction.judged import threshold_of
from facebone.audit.jobs import Inputs, Settings, material_of
from facebone.audit.other_goals.victim import Victim, train_victim
from facebone.audit.reconstruction.asked import AskedHead
from facebone.audit.reconstruction.material import FaceMaterial
from facebone.audit.reconstruction.stored import Stored, stored_by
from facebone.audit.target import TargetRecipe
from facebone.seeding import make_rng
from facebone.verification.embedded_pairs import Matrix, side_by_side
from facebone.verification.heads import Head
from facebone.verification.routes import reopen_routes


def leak_for(
    attack: InversionAttack, settings: Settings, inputs: Inputs, faces: FaceMaterial, order: Any
) -> Leak:
    """What leaks of some of the attacked, with one picture of each enrolled: the attacked one.

    Args:
        attack: it says which leak it takes.
        settings: of the job, see `rebuild`.
        inputs: of the job.
        faces: of all.
        order: (m,) of the attacker's own, as the attack has learnt from them.
    """
    return _MAKERS[attack.leak_type](attack, settings, inputs, faces, order)


def stored_of(settings: Settings, inputs: Inputs) -> Stored:
    """How the target of a job makes templates."""
    material = material_of(settings, inputs) if "material" in settings else None
    recipe, backbones = TargetRecipe(**settings["recipe"]), tuple(settings["backbones"])
    return stored_by(recipe, material, backbones, seed=settings["seed"])


def _templates(settings: Settings, inputs: Inputs, faces: FaceMaterial) -> Matrix:
    return stored_of(settings, inputs).templates(faces.rows("attacked", settings["columns"]))


def _template_leak(
    attack: InversionAttack, settings: Settings, inputs: Inputs, faces: FaceMaterial, order: Any
) -> Leak:
    stored, columns = stored_of(settings, inputs), settings["columns"]
    leaked = stored.templates(faces.rows("attacked", columns))[_some(settings)]
    if attack.undoes and not stored.public:
        enrolled = order[: attack.enrolled]
        mine = tuple(rows[enrolled] for rows in faces.rows("own", columns))
        leaked = undo(leaked, stored.templates(mine), side_by_side(mine))
    return TemplateLeak(leaked)


def _classifier_leak(
    attack: InversionAttack, settings: Settings, inputs: Inputs, faces: FaceMaterial, order: Any
) -> Leak:
    """The model knows everybody who is enrolled, of whom some are asked for."""
    del attack, order
    attacked = np.arange(settings["first"], settings["end"])
    return ClassifierLeak.fit(_templates(settings, inputs, faces), attacked)


def _score_leak(
    attack: InversionAttack, settings: Settings, inputs: Inputs, faces: FaceMaterial, order: Any
) -> Leak:
    return ScoreLeak(
        _door(_victim(settings, inputs).head, settings, faces, order),
        people=settings["end"] - settings["first"],
        queries=attack.settings.queries,
        seconds=attack.settings.seconds,
    )


def _decision_leak(
    attack: InversionAttack, settings: Settings, inputs: Inputs, faces: FaceMaterial, order: Any
) -> Leak:
    """The verifier decides where it does when copies of it are made."""
    victim = _victim(settings, inputs)
    material = material_of(settings, inputs)
    threshold = threshold_of(victim, material, seed=settings["seed"])
    return DecisionLeak(
        _door(victim.head, settings, faces, order),
        people=settings["end"] - settings["first"],
        queries=attack.settings.queries,
        threshold=threshold,
        seconds=attack.settings.seconds,
    )


def _door(head: Head, settings: Settings, faces: FaceMaterial, order: Any) -> AskedHead:
    if head.answers_vary:
        head.reseed(make_rng(settings["seed"], "reconstruction", "queries", settings["first"]))
    routes = reopen_routes(settings["routes"], device=settings["device"])
    columns = settings["columns"]
    return AskedHead(
        head,
        _found(faces, "attacked", columns, _some(settings)),
        _found(faces, "own", columns, order),
        tuple(routes[column] for column in columns),
        routes[0],
    )


def _slope_leak(
    attack: InversionAttack, settings: Settings, inputs: Inputs, faces: FaceMaterial, order: Any
) -> Leak:
    del attack
    columns = settings["columns"]
    head = _victim(settings, inputs).head.bare
    if head.answers_vary:
        head.reseed(make_rng(settings["seed"], "reconstruction", "queries", settings["first"]))
    asked = AskedHead(
        head,
        _found(faces, "attacked", columns, _some(settings)),
        _found(faces, "own", columns, order),
    )
    return SlopeLeak(asked.log_odds, people=settings["end"] - settings["first"])


def _victim(settings: Settings, inputs: Inputs) -> Victim:
    recipe = TargetRecipe(**settings["recipe"])
    return train_victim(recipe, material_of(settings, inputs), seed=settings["seed"])


def _found(faces: FaceMaterial, part: str, columns: Any, which: Any) -> tuple[Matrix, ...]:
    return tuple(faces.found[part][column][which] for column in columns)


def _some(settings: Settings) -> slice:
    return slice(settings["first"], settings["end"])


_MAKERS: dict[type[Leak], Callable[..., Leak]] = {
    TemplateLeak: _template_leak,
    ClassifierLeak: _classifier_leak,
    DecisionLeak: _decision_leak,
    ScoreLeak: _score_leak,
    SlopeLeak: _slope_leak,
}
