"""The jobs of reconstruction: an attack learns and rebuilds pictures, recognisers look at them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from facebone.attacks.inversion.base import INVERSIONS, OwnFaces
from facebone.attacks.inversion.guide import look_further, look_through
from facebone.audit.jobs import Inputs, Settings
from facebone.audit.plan import Job, Result
from facebone.audit.reconstruction.asked import look_at
from facebone.audit.reconstruction.leaking import leak_for, stored_of
from facebone.audit.reconstruction.likeness import likeness
from facebone.audit.reconstruction.material import FACES, OWN_FACES, FaceMaterial
from facebone.audit.reconstruction.recognition import Seen, recognise
from facebone.backbones.base import Faces
from facebone.seeding import derive_seed, make_rng
from facebone.verification.embedded_pairs import Matrix, normalise, side_by_side
from facebone.verification.routes import Route, reopen_routes


def rebuild(settings: Settings, inputs: Inputs) -> Result:
    """Pictures of some of the attacked, from what leaks of them.

    Settings: ``attack``, ``attack_settings``, ``backbones`` (names of the target's, in order),
    ``columns`` (which of the audit's these are), ``routes`` (described, of the audit), ``first``
    and ``end`` (of the attacked), ``seed`` and ``device``; ``recipe`` of the target, and
    ``material`` where more of it is needed than public templates.
    """
    faces = FaceMaterial.from_result(inputs[FACES])
    own = inputs[OWN_FACES].arrays["faces"]
    device = settings["device"]
    attack = INVERSIONS.make(settings["attack"], settings["attack_settings"])
    rows = faces.rows("own", settings["columns"])
    # In random order: an attacker who enrolled some did not enrol the first of the alphabet.
    order = make_rng(settings["seed"], "reconstruction", "own").permutation(len(own))
    templates = public = side_by_side(rows)[order]
    look = look_through(settings["backbones"], device) if attack.needs_gradients else None
    if attack.knows_system:
        stored = stored_of(settings, inputs)
        templates = stored.templates(rows)[order]
        if look is not None and not stored.public:
            some = slice(attack.enrolled)
            look = look_further(look, public[some], templates[some])
    see = _see_through(settings) if attack.needs_sight else None
    attack.learn(OwnFaces(own[order], templates, look, see))
    leak = leak_for(attack, settings, inputs, faces, order)
    # Each part is shaken by itself.
    seed = derive_seed(settings["seed"], "reconstruction", settings["first"])
    arrays: dict[str, Any] = {"pictures": attack.reconstruct(leak, seed=seed, device=device)}
    if leak.asked is not None:
        arrays["asked"] = leak.asked
    return Result({}, arrays)


def _see_through(settings: Settings) -> Callable[[Faces], Matrix]:
    """What the target's backbones, which are public, say of pictures made for the first route."""
    routes = reopen_routes(settings["routes"], device=settings["device"])
    chosen = [routes[column] for column in settings["columns"]]
    return lambda pictures: side_by_side(
        [normalise(one) for one in look_at(pictures, routes[0], chosen)]
    )


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
        pictures = np.concatenate([inputs[one].arrays["pictures"] for one in made])
        faces = FaceMaterial.from_result(inputs[FACES]).first(len(pictures))
        asked = [inputs[one].arrays["asked"] for one in made if "asked" in inputs[one].arrays]

        def embed(route: Route) -> Matrix:
            return normalise(look_at(pictures, routes[0], [route])[0])

        own = [embed(routes[column]) for column in columns]
        parts = ("attacked", "others", "control", "strangers")
        attacked = {part: side_by_side(faces.rows(part, columns)) for part in parts}
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
            "queries": float(np.concatenate(asked).mean()) if asked else None,
            "own_faces": len(faces.found["own"][0]),
            "control_people": len(faces.judged["control"]),
        }
        return Result(facts, {"pictures": pictures})

    described = {
        "made": list(made),
        "columns": list(columns),
        "routes": [dict(route.describe()) for route in (*routes, judge)],
        "seed": seed,
    }
    return Job(name, look, described, (FACES, *made))


def _named(parts: Mapping[str, Matrix]) -> dict[str, Matrix]:
    return {name: parts[name] for name in ("attacked", "others", "control", "strangers")}
