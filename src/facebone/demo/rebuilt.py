"""What an attacker rebuilds from stored templates, and what a judge says of each picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.audit.level_material import make_material
from facebone.audit.plan import JobStore, Result, run_plan
from facebone.audit.reconstruction.judge import choose_judge, open_judge
from facebone.audit.reconstruction.material import FACES, FaceMaterial
from facebone.audit.reconstruction.plan import ReconstructionSource, plan_reconstructions
from facebone.audit.reconstruction.stored import stored_by
from facebone.audit.settings import AuditSettings
from facebone.audit.trained_targets import target_recipe
from facebone.backbones.base import Faces
from facebone.data.dataset import Dataset
from facebone.data.splits import Level
from facebone.progress import ProgressFactory, SilentProgress
from facebone.scale.executor import SerialExecutor
from facebone.verification.crops import recrop
from facebone.verification.embedded_pairs import Matrix, normalise
from facebone.verification.engine import EmbeddingEngine

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RebuiltBy:
    """What was rebuilt from the templates of one verifier.

    Args:
        pictures: (n, h, w, 3).
        cosines: (n,) the judge's, of each with another photograph of the person.
        recognised: share of the pictures that the judge takes for the person, with its interval.
        strangers: share that it takes for somebody else.
        genuine: share of real pictures that it takes for the person.
    """

    pictures: Faces
    cosines: Floats
    recognised: tuple[float, float, float] | None
    strangers: float | None
    genuine: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Rebuilt:
    """Attacked people, and what was rebuilt of them.

    Args:
        ids: (n,) of the pictures whose templates leaked.
        leaked: (n, h, w, 3) these pictures.
        others: (n, h, w, 3) another picture of each person.
        real: (n,) the judge's cosine of the two.
        judge: name of the recogniser that judges.
        threshold: from which it takes two pictures for one person; None where it is not known.
        own_faces: number of faces that the attacker learnt from.
        stored: mitigation -> (n, d) what the database holds of the leaked pictures.
        by: mitigation and attack -> what was rebuilt from its templates.
    """

    ids: npt.NDArray[np.str_]
    leaked: Faces
    others: Faces
    real: Floats
    judge: str
    threshold: float | None
    own_faces: int
    stored: Mapping[str, Matrix]
    by: Mapping[tuple[str, str], RebuiltBy]

    @classmethod
    def from_result(cls, result: Result) -> Rebuilt:
        """What `rebuild` made."""
        values, arrays = result.values, result.arrays
        by = {
            (found["mitigation"], found["attack"]): RebuiltBy(
                arrays[f"pictures_{i}"],
                arrays[f"cosines_{i}"],
                _figure(found["judge"]["type_ii"]),
                _value(found["judge"]["control"]),
                _value(found["judge"]["genuine"]),
            )
            for i, found in enumerate(values["found"])
        }
        return cls(
            arrays["ids"],
            arrays["leaked"],
            arrays["others"],
            arrays["real"],
            values["judge"],
            values["threshold"],
            values["own_faces"],
            {name: arrays[f"stored_{name}"] for name in values["stored"]},
            by,
        )


def rebuild(
    settings: AuditSettings,
    dataset: Dataset,
    engine: EmbeddingEngine,
    store: JobStore,
    *,
    device: str,
    progress: ProgressFactory = SilentProgress,
) -> Result:
    """Rebuild faces from the templates of every target of an audit, and have them judged.

    Args:
        settings: of the audit; its other attacks are those that rebuild.
        dataset: people and pictures.
        engine: of the audit.
        store: of an audit of the same people, whose candidates are the very same.
        device: resolved.
        progress: of the work.

    Raises:
        UsageError: no backbone is left to judge.
        DatasetError: too few people.
    """
    judge = open_judge(
        choose_judge(None, settings.backbones, settings.data), engine, device=settings.device
    )
    names = tuple(route.backbone.spec.name for route in engine.routes)
    recipes = [target_recipe(spec, settings, names, device) for spec in settings.mitigations]
    level = make_material(Level.PAIR, settings, dataset, engine, store, with_changed=False)
    source = ReconstructionSource(
        dataset, engine, judge, device, SerialExecutor(), settings.repeats[0]
    )
    jobs, planned = plan_reconstructions(
        settings.others,
        [(recipe.name, recipe, level) for recipe in recipes],
        store,
        source,
        progress=progress,
    )
    done = run_plan(jobs, store, SerialExecutor())
    faces = FaceMaterial.from_result(done[FACES])
    seen = [(one, done[one.seen]) for one in planned]
    # Of the other pictures of each person the first, which is the one that is shown.
    first = faces.judged["others"][np.unique(faces.of, return_index=True)[1]]
    arrays: dict[str, Any] = {
        "ids": faces.people,
        "leaked": faces.attacked_faces,
        "others": faces.others_faces,
        "real": np.einsum("nd,nd->n", faces.judged["attacked"], first).astype(np.float64),
    }
    for recipe in recipes:
        columns = recipe.columns(names)
        stored = stored_by(
            recipe, level.material, tuple(names[i] for i in columns), seed=settings.repeats[0]
        )
        arrays[f"stored_{recipe.name}"] = stored.templates(faces.rows("attacked", columns))
    told = []
    for i, (one, found) in enumerate(seen):
        pictures, judged = found.arrays["pictures"], found.values["recognised"]["judge"]
        shown = recrop(pictures, engine.routes[0].preparation, judge.preparation)
        made = normalise(judge.backbone.embed(shown))
        arrays[f"pictures_{i}"] = pictures
        arrays[f"cosines_{i}"] = np.einsum("nd,nd->n", made, first).astype(np.float64)
        told.append({"mitigation": one.target, "attack": one.spec, "judge": judged})
    facts = {
        "judge": judge.backbone.spec.name,
        "threshold": told[0]["judge"]["threshold"],
        "own_faces": seen[0][1].values["own_faces"],
        "stored": [recipe.name for recipe in recipes],
        "found": told,
    }
    return Result(facts, arrays)


def _figure(found: Mapping[str, Any]) -> tuple[float, float, float] | None:
    if "value" not in found:
        return None
    return float(found["value"]), float(found["low"]), float(found["high"])


def _value(found: Mapping[str, Any]) -> float | None:
    return float(found["value"]) if "value" in found else None
