"""Whose templates leak, whose faces the attacker has, and who is neither."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.data.dataset import Dataset
from facebone.data.duplicates import find_shared
from facebone.errors import DatasetError
from facebone.seeding import make_rng

Positions = npt.NDArray[np.intp]

MOST_ATTACKED = 200
"""People whose template leaks, at most; as many stand by as control, at most."""

MOST_OWN = 12_000
"""Pictures that the attacker has, at most."""

FEWEST_ATTACKED = 10


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """Pictures by position in the data set; nobody stands in two of the three groups.

    Args:
        own: the attacker's.
        attacked: (n,) one of each attacked person: the one whose template leaks.
        others: (o,) other pictures of the attacked.
        of: (o,) whom each of these shows, as a position in `attacked`.
        control: (c,) one of each control person.
    """

    own: Positions
    attacked: Positions
    others: Positions
    of: Positions
    control: Positions


def draw_cast(dataset: Dataset, *, seed: int) -> Cast:
    """Draw a third of the people with two pictures or more to be attacked, a third of the rest.

    Copies of pictures of the attacked are taken away from the attacker.

    Raises:
        DatasetError: too few people.
    """
    rng = make_rng(seed, "reconstruction", "cast")
    people = list(dataset.people.values())
    order = [people[i] for i in rng.permutation(len(people))]
    several = [positions for positions in order if len(positions) > 1]
    count = min(MOST_ATTACKED, len(several) // 3)
    if count < FEWEST_ATTACKED:
        raise DatasetError(
            f"has {len(several)} people with two pictures or more, attacks on templates and "
            f"copies need {3 * FEWEST_ATTACKED}",
            where=dataset.name,
        )
    chosen = {positions[0] for positions in several[:count]}
    rest = [positions for positions in order if positions[0] not in chosen]
    control, left = rest[:count], rest[count:]
    shuffled = [rng.permutation(positions) for positions in several[:count]]
    others = np.concatenate([positions[1:] for positions in shuffled])
    attacked = np.array([positions[0] for positions in shuffled], dtype=np.intp)
    own = np.concatenate([np.array(positions, dtype=np.intp) for positions in left])
    shared = find_shared(dataset, own, np.concatenate([attacked, others]))
    own = own[~np.isin(own, [item.left for item in shared])]
    return Cast(
        own=np.sort(rng.permutation(own)[:MOST_OWN]),
        attacked=attacked,
        others=others,
        of=np.repeat(np.arange(count), [len(positions) - 1 for positions in shuffled]),
        control=np.array([rng.choice(positions) for positions in control], dtype=np.intp),
    )
