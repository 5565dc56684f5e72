"""Two halves of a data set by people: one to search on, and one that only confirms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.data.dataset import Dataset
from facebone.data.fingerprints import FingerprintCache
from facebone.data.pairs import Pairs
from facebone.data.sampling import Positions
from facebone.data.splits import pairs_within, split_identities
from facebone.scale.executor import Executor
from facebone.seeding import derive_seed
from facebone.verification.training_parts import without_copies


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """No person in both, and no picture of which the other holds a copy.

    Args:
        search: what is chosen by.
        confirmation: what is chosen is measured on.
        copies: ids of pictures left out of the confirmation half, because the search half holds a
            copy.
    """

    search: Dataset
    confirmation: Dataset
    copies: tuple[str, ...]


def split_halves(dataset: Dataset, *, seed: int, executor: Executor | None = None) -> Halves:
    """Split the people of a data set in two by seed; see `Halves`.

    Who has how many pictures is the same in both halves but for rounding. Official pairs are kept
    where both pictures lie in one half. The executor, if there is one, decodes pictures to find
    copies.

    Raises:
        DatasetError: fewer than two people.
        DecodeError: a picture cannot be read.
    """
    sides = split_identities(dataset, fraction=0.5, seed=derive_seed(seed, "search half"))
    both, copies = without_copies(
        dataset,
        [sides.members, sides.non_members],
        "drop",
        FingerprintCache(),
        executor=executor,
    )
    search, confirmation = (restrict(dataset, positions) for positions in both)
    return Halves(search, confirmation, tuple(dataset.pictures[i].id for i in copies))


def restrict(dataset: Dataset, positions: Positions) -> Dataset:
    """A data set of some of the pictures, with the official pairs and attributes of these.

    Args:
        dataset: of all.
        positions: of the pictures, sorted.

    Raises:
        DatasetError: there are none.
    """
    pictures = tuple(dataset.pictures[i] for i in positions)
    official = None
    if dataset.official_pairs is not None:
        inside = pairs_within(dataset.official_pairs, positions)
        left, right = (np.searchsorted(positions, side) for side in (inside.left, inside.right))
        official = Pairs(left, right, inside.same, inside.fold) if len(inside) else None
    kept = {one.id for one in pictures}
    return Dataset(
        name=dataset.name,
        pictures=pictures,
        official_pairs=official,
        attributes={name: own for name, own in dataset.attributes.items() if name in kept},
        warnings=dataset.warnings,
    )
