"""The material of reconstruction: faces and embeddings of the attacker's people and the attacked.

Made in this process, for it reads pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from facebone.audit.plan import Job, Result
from facebone.audit.reconstruction.cast import draw_cast
from facebone.audit.reconstruction.recognition import Rows
from facebone.backbones.base import Faces
from facebone.data.dataset import Dataset
from facebone.errors import DatasetError
from facebone.progress import ProgressFactory, SilentProgress
from facebone.seeding import make_rng
from facebone.verification.crops import crop_faces
from facebone.verification.embedded_pairs import Matrix, normalise
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import Route

FACES, OWN_FACES = "faces", "own faces"
"""Names of the jobs: of what recognisers look at, and of the attacker's own faces, which are
hundreds of megabytes that only attacks need."""

MOST_STRANGERS = 2000
"""People of the attacker's, one picture each, on whom recognisers' thresholds are set."""

PARTS = ("own", "attacked", "others", "control", "strangers")


@dataclass(frozen=True, slots=True, eq=False)
class FaceMaterial:
    """Faces and embeddings by part; see `Cast`.

    Args:
        attacked_faces: (n, h, w, 3).
        others_faces: (n, h, w, 3) the first other picture of each attacked person.
        found: part -> of each of the audit's backbones (.., d_k), as long as it gives them.
        judged: part -> (.., d) under the judge, of length one; not of ``own``.
        of: (o,) whom each other picture shows, as a row of ``attacked``.
        people: (n,) ids of the attacked pictures.
    """

    attacked_faces: Faces
    others_faces: Faces
    found: Mapping[str, tuple[Matrix, ...]]
    judged: Mapping[str, Matrix]
    of: Rows
    people: Any

    def rows(self, part: str, columns: Sequence[int]) -> tuple[Matrix, ...]:
        """Embeddings of a part under the backbones at `columns`, of length one."""
        return tuple(normalise(self.found[part][column]) for column in columns)

    def first(self, count: int) -> FaceMaterial:
        """With the first so many of the attacked alone."""
        if count >= len(self.people):
            return self
        kept = {"attacked": np.arange(len(self.people)) < count, "others": self.of < count}
        found = {
            part: tuple(one[kept[part]] for one in matrices) if part in kept else matrices
            for part, matrices in self.found.items()
        }
        judged = {
            part: matrix[kept[part]] if part in kept else matrix
            for part, matrix in self.judged.items()
        }
        return replace(
            self,
            attacked_faces=self.attacked_faces[:count],
            others_faces=self.others_faces[:count],
            found=found,
            judged=judged,
            of=self.of[kept["others"]],
            people=self.people[:count],
        )

    @classmethod
    def from_result(cls, result: Result) -> FaceMaterial:
        """What the job made."""
        arrays, count = result.arrays, int(result.values["backbones"])
        return cls(
            arrays["attacked_faces"],
            arrays["others_faces"],
            {part: tuple(arrays[f"{part}_{k}"] for k in range(count)) for part in PARTS},
            {part: arrays[f"{part}_judged"] for part in PARTS[1:]},
            arrays["of"],
            arrays["people"],
        )


def faces_job(
    dataset: Dataset,
    engine: EmbeddingEngine,
    judge: Route,
    *,
    seed: int,
    progress: ProgressFactory = SilentProgress,
) -> Job:
    """The job that draws who is attacked, cuts out faces, and embeds them.

    Args:
        dataset: people and pictures.
        engine: of the audit's backbones; faces are cut out as the first of them wants them.
        judge: the recogniser that no attack uses.
        seed: of the draw.
        progress: of cutting out; the engine tells how far embedding has got.
    """

    def make(_settings: Mapping[str, Any], _inputs: Mapping[str, Result]) -> Result:
        return _make(dataset, engine, judge, seed=seed, progress=progress)

    asked = {
        "fingerprint": dataset.fingerprint,
        "routes": [dict(route.describe()) for route in (*engine.routes, judge)],
        "seed": seed,
    }
    return Job(FACES, make, asked)


def own_faces_job(
    dataset: Dataset,
    engine: EmbeddingEngine,
    *,
    seed: int,
    progress: ProgressFactory = SilentProgress,
) -> Job:
    """The job that cuts out the attacker's own faces, (m, h, w, 3); see `faces_job`."""

    def make(_settings: Mapping[str, Any], inputs: Mapping[str, Result]) -> Result:
        own = [dataset.pictures[i] for i in inputs[FACES].arrays["own"]]
        faces = crop_faces(own, engine.routes[0].preparation, progress=progress)
        return Result({}, {"faces": faces})

    asked = {
        "fingerprint": dataset.fingerprint,
        "route": dict(engine.routes[0].describe()),
        "seed": seed,
    }
    return Job(OWN_FACES, make, asked, (FACES,))


def _make(
    dataset: Dataset,
    engine: EmbeddingEngine,
    judge: Route,
    *,
    seed: int,
    progress: ProgressFactory,
) -> Result:
    cast = draw_cast(dataset, seed=seed)
    strangers = _one_each(dataset, cast.own, seed=seed)
    positions = np.concatenate([cast.own, cast.attacked, cast.others, cast.control])
    found = engine.embed([dataset.pictures[i] for i in positions])
    shown = np.concatenate([strangers, cast.attacked, cast.others, cast.control])
    judged = engine.along([judge]).embed([dataset.pictures[i] for i in shown])
    row = np.full(len(dataset.pictures), -1)
    row[positions[found.usable]] = np.flatnonzero(found.usable)
    judged_row = np.full(len(dataset.pictures), -1)
    judged_row[shown[judged.usable]] = np.flatnonzero(judged.usable)
    seen = (row >= 0) & (judged_row >= 0)
    # An attacked person needs the leaked picture and another one.
    whole = np.array(
        [seen[i] and seen[cast.others[cast.of == n]].any() for n, i in enumerate(cast.attacked)]
    )
    if not whole.any():
        raise DatasetError("no attacked person's pictures could be embedded", where=dataset.name)
    new = np.cumsum(whole) - 1
    kept = whole[cast.of] & seen[cast.others]
    parts = {
        "own": cast.own[row[cast.own] >= 0],
        "attacked": cast.attacked[whole],
        "others": cast.others[kept],
        "control": cast.control[seen[cast.control]],
        "strangers": strangers[seen[strangers]],
    }
    of = new[cast.of[kept]]
    first = parts["others"][np.unique(of, return_index=True)[1]]
    preparation = engine.routes[0].preparation

    def crops(which: Any) -> Faces:
        return crop_faces([dataset.pictures[i] for i in which], preparation, progress=progress)

    arrays: dict[str, Any] = {
        "own": parts["own"],
        "attacked_faces": crops(parts["attacked"]),
        "others_faces": crops(first),
        "of": of,
        "people": np.array([dataset.pictures[i].id for i in parts["attacked"]]),
    }
    for name, which in parts.items():
        for k, matrix in enumerate(found.matrices):
            arrays[f"{name}_{k}"] = matrix[row[which]]
        if name != "own":
            arrays[f"{name}_judged"] = normalise(judged.matrices[0][judged_row[which]])
    facts = {"backbones": len(engine.routes), "judge": judge.backbone.spec.name}
    return Result(facts, arrays)


def _one_each(dataset: Dataset, positions: Rows, *, seed: int) -> Rows:
    """One of the pictures at `positions` of each person, of some people."""
    rng = make_rng(seed, "reconstruction", "strangers")
    people = np.array([dataset.pictures[i].person for i in positions])
    shuffled = rng.permutation(len(positions))
    first = np.unique(people[shuffled], return_index=True)[1]
    chosen: Rows = positions[shuffled[rng.permutation(first)[:MOST_STRANGERS]]]
    return chosen
