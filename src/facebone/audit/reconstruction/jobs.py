"""The jobs of reconstruction: an attack learns and rebuilds pictures, recognisers look at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from facebone.attacks.inversion.base import OwnFaces, make_inversion
from facebone.attacks.inversion.guide import look_further, look_through
from facebone.audit.jobs import Inputs, Settings, material_of
from facebone.audit.plan import Job, Result
from facebone.audit.reconstruction.likeness import likeness
from facebone.audit.reconstruction.material import FACES, FaceMaterial
from facebone.audit.reconstruction.recognition import Seen, recognise
from facebone.audit.reconstruction.stored import Stored, stored_by
from facebone.audit.target import TargetRecipe
from facebone.seeding import derive_seed, make_rng
from facebone.verification.crops import recrop
from facebone.verification.embedded_pairs import Matrix, normalise, side_by_side
from facebone.verification.routes import Route


def rebuild(settings: Settings, inputs: Inputs) -> Result:
    """Pictures of some of the attacked, from their templates.

    Settings: ``attack``, ``attack_settings``, ``backbones`` (names of the target's, in order),
    ``columns`` (which of the audit's these are), ``first`` and ``end`` (of the attacked), ``seed``
    and ``device``; ``recipe`` of the target, and ``material`` where it makes templates of its own.
    """
    faces = FaceMaterial.from_result(inputs[FACES])
    columns, device = settings["columns"], settings["device"]
    stored = _stored(settings, inputs)
    attack = make_inversion(settings["attack"], settings["attack_settings"])
    rows = _chosen(faces.rows["own"], columns)
    # In random order: an attacker who enrolled some did not enrol the first of the alphabet.
    order = make_rng(settings["seed"], "reconstruction", "own").permutation(len(faces.own_faces))
    public = side_by_side(rows)[order]
    templates = stored.templates(rows)[order] if attack.knows_system else public
    look = None
    if attack.needs_gradients:
        look = look_through(settings["backbones"], device)
        if attack.knows_system and not stored.public:
            some = slice(attack.settings.enrolled)
            look = look_further(look, public[some], templates[some])
    attack.learn(OwnFaces(faces.own_faces[order], templates, look))
    leaked = stored.templates(_chosen(faces.rows["attacked"], columns))
    leaked = leaked[settings["first"] : settings["end"]]
    # Each part is shaken by itself.
    seed = derive_seed(settings["seed"], "reconstruction", settings["first"])
    return Result({}, {"pictures": attack.reconstruct(leaked, seed=seed, device=device)})


def recognition_job(
    name: str,
    made: Sequence[str],
    columns: Sequence[int],
    routes: Sequence[Route],
    judge: Route,
    *,
    seed: int,
) -> Job:
    """The job that has the attacked networks and the judge look at pictures.

    Args:
        name: of it.
        made: the jobs that made the pictures, in order.
        columns: the target's backbones among `routes`.
        routes: of the audit; pictures are as the first of them wants them.
        judge: no attack used it.
        seed: of bootstraps.
    """

    def look(_settings: Mapping[str, Any], inputs: Mapping[str, Result]) -> Result:
        faces = FaceMaterial.from_result(inputs[FACES])
        pictures = np.concatenate([inputs[one].arrays["pictures"] for one in made])

        def embed(route: Route) -> Matrix:
            shown = recrop(pictures, routes[0].preparation, route.preparation)
            return normalise(route.backbone.embed(shown))

        own = [embed(routes[column]) for column in columns]
        parts = ("attacked", "others", "control", "strangers")
        attacked = {part: side_by_side(_chosen(faces.rows[part], columns)) for part in parts}
        found = {
            "attacked": recognise(
                Seen(side_by_side(own), **_named(attacked), of=faces.of), seed=seed
            ).to_json(),
            "judge": recognise(
                Seen(embed(judge), **_named(faces.judged), of=faces.of), seed=seed
            ).to_json(),
        }
        alike = likeness(pictures, faces.attacked_faces, seed=seed)
        facts = {
            "recognised": found,
            "likeness": {name: figure.to_json() for name, figure in alike.items()},
            "people": len(pictures),
            "own_faces": len(faces.own_faces),
            "control_people": len(faces.judged["control"]),
        }
        return Result(facts, {"pictures": pictures})

    asked = {
        "made": list(made),
        "columns": list(columns),
        "routes": [dict(route.describe()) for route in (*routes, judge)],
        "seed": seed,
    }
    return Job(name, look, asked, (FACES, *made))


def _stored(settings: Settings, inputs: Inputs) -> Stored:
    recipe = TargetRecipe(**settings["recipe"])
    material = material_of(settings, inputs) if "material" in settings else None
    return stored_by(recipe, material, tuple(settings["backbones"]), seed=settings["seed"])


def _chosen(rows: Sequence[Matrix], columns: Sequence[int]) -> tuple[Matrix, ...]:
    return tuple(rows[column] for column in columns)


def _named(parts: Mapping[str, Matrix]) -> dict[str, Matrix]:
    return {name: parts[name] for name in ("attacked", "others", "control", "strangers")}
