"""The people of these attacks: embedded pictures of the attacker's own, the attacked, and others.

Made in this process, for it reads pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.attributes.traits import Traits
from facebone.audit.gallery import Gallery, gallery_parts, hang
from facebone.audit.plan import Job, Result
from facebone.audit.reconstruction.cast import Cast, draw_cast
from facebone.data.dataset import Dataset
from facebone.errors import DatasetError
from facebone.seeding import make_rng
from facebone.verification.embedded_pairs import Matrix, normalise
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import Route

CROWD = "crowd"
"""Name of the job."""

MOST_OWN = 3000
"""Pictures that the attacker has, about."""

MOST_OTHERS = 10
"""Pictures of one attacked person besides the one in the database."""

OWN, ATTACKED, OTHER, CONTROL = range(4)
"""What a picture is: the attacker's, the attacked person's in the database, another of theirs, or
one of somebody who is neither."""

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Crowd(Gallery):
    """N pictures by what they are; see `Cast`.

    Args:
        role: (N,) of the pictures.
        stated: rows of pictures of which attributes are stated.
        network: name of another public backbone; empty where none is needed.
        second: (N, d) embeddings under that one, of length one; None where none is needed.
        traits: attributes of the pictures at `stated`; None where these are not asked about.
    """

    role: npt.NDArray[np.int8]
    stated: Rows
    network: str = ""
    second: Matrix | None = None
    traits: Traits | None = None

    @classmethod
    def from_result(cls, result: Result) -> Crowd:
        """What the job made."""
        arrays, values = result.arrays, result.values
        traits = None
        if values["traits"]:
            people = arrays["people"][arrays["stated"]]
            traits = Traits(tuple(values["traits"]), arrays["traits"], people)
        return cls(
            **gallery_parts(values, arrays),
            role=arrays["role"],
            network=values["network"],
            second=arrays.get("second"),
            traits=traits,
            stated=arrays["stated"],
        )

    def rows(self, *roles: int) -> Rows:
        """Where pictures of these roles are, rising."""
        return np.flatnonzero(np.isin(self.role, roles))

    def chosen(self, columns: tuple[int, ...]) -> tuple[Matrix, ...]:
        """Embeddings under the backbones at `columns`, as these gave them."""
        return tuple(self.matrices[column] for column in columns)


def crowd_job(
    dataset: Dataset,
    engine: EmbeddingEngine,
    *,
    network: Route | None,
    traits: bool,
    seed: int,
) -> Job:
    """The job that draws who is attacked, and embeds them.

    Args:
        dataset: people and pictures.
        engine: of the audit's backbones; it tells how far it has got.
        network: another public backbone, by which another database is made; None for none.
        traits: whether attributes are asked about.
        seed: of the draw.
    """

    def make(_settings: Mapping[str, Any], _inputs: Mapping[str, Result]) -> Result:
        return _make(dataset, engine, network, traits=traits, seed=seed)

    more = [] if network is None else [network]
    asked = {
        "fingerprint": dataset.fingerprint,
        "routes": [dict(route.describe()) for route in (*engine.routes, *more)],
        "traits": traits,
        "seed": seed,
    }
    return Job(CROWD, make, asked)


def _make(
    dataset: Dataset, engine: EmbeddingEngine, network: Route | None, *, traits: bool, seed: int
) -> Result:
    cast = draw_cast(dataset, seed=seed)
    others = _few_each(cast)
    parts = {
        OWN: _whole_people(dataset, cast.own, seed=seed),
        ATTACKED: cast.attacked,
        OTHER: others,
        CONTROL: cast.control,
    }
    positions = np.concatenate(list(parts.values()))
    role = np.repeat(list(parts), [len(part) for part in parts.values()]).astype(np.int8)
    second = None
    if network is not None:
        found = engine.along([network]).embed([dataset.pictures[i] for i in positions])
        positions, role = positions[found.usable], role[found.usable]
        second = normalise(found.matrices[0][found.usable])
    hung = hang(engine, dataset, positions)
    rows = hung.row[positions]
    # Who is attacked needs the picture in the database and another one.
    person = np.array([dataset.pictures[i].person for i in positions])
    both = np.intersect1d(
        person[(role == ATTACKED) & (rows >= 0)], person[(role == OTHER) & (rows >= 0)]
    )
    kept = (rows >= 0) & (~np.isin(role, (ATTACKED, OTHER)) | np.isin(person, both))
    if not len(both):
        raise DatasetError("no attacked person's pictures could be embedded", where=dataset.name)
    rows, positions, role = rows[kept], positions[kept], role[kept]
    facts, arrays = Gallery(**hung.parts).gallery_arrays()
    arrays = {name: array[rows] for name, array in arrays.items()} | {"role": role}
    facts |= {"network": "" if network is None else network.backbone.spec.name, "traits": []}
    if second is not None:
        arrays["second"] = second[kept]
    arrays["stated"] = np.empty(0, dtype=np.intp)
    if traits:
        known = [dataset.pictures[i].id in dataset.attributes for i in positions]
        arrays["stated"] = np.flatnonzero(known)
        read = Traits.read(dataset, positions[arrays["stated"]])
        facts["traits"], arrays["traits"] = list(read.names), read.values
    return Result(facts, arrays)


def _few_each(cast: Cast) -> Rows:
    """Of each attacked person's other pictures the first `MOST_OTHERS`."""
    place = np.arange(len(cast.of)) - np.searchsorted(cast.of, cast.of)
    kept: Rows = cast.others[place < MOST_OTHERS]
    return kept


def _whole_people(dataset: Dataset, own: Rows, *, seed: int) -> Rows:
    """The attacker's pictures, people by people in random order until there are enough."""
    person = np.array([dataset.pictures[i].person for i in own])
    names, number = np.unique(person, return_inverse=True)
    turn = make_rng(seed, "crowd", "own").permutation(len(names))[number]
    order = np.argsort(turn, kind="stable")
    ends = np.cumsum(np.bincount(turn))
    # A person more than fits is left out whole, unless it is the first.
    count = max(1, int(np.searchsorted(ends, MOST_OWN, side="right")))
    return np.sort(own[order][: ends[count - 1]])
