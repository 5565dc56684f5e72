"""Splits into members and non-members by seed, at the level of pairs, images or people.

Both sides are drawn from the same distribution, by systematic sampling within strata: the share of
matched pairs, or the number of pictures a person has, is the same on both sides but for rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.data.sampling import Positions, check_positions
from facebone.errors import DatasetError, UsageError
from facebone.seeding import make_rng

Mask = npt.NDArray[np.bool_]


class Level(StrEnum):
    """What a member is. The three are different questions; every result names its level."""

    PAIR = "pair"
    """Pairs are split: the same pictures and people stand on both sides."""
    IMAGE = "image"
    """Pictures are split: the same people stand on both sides, with other pictures."""
    IDENTITY = "identity"
    """People are split, with all their pictures."""


@dataclass(frozen=True, slots=True, eq=False)
class PictureSplit:
    """Pictures on two sides.

    Args:
        level: `Level.IMAGE` or `Level.IDENTITY`.
        members: positions, sorted.
        non_members: positions, sorted, none of them among the members.
    """

    level: Level
    members: Positions
    non_members: Positions

    def without(self, positions: npt.ArrayLike) -> PictureSplit:
        """The split with some pictures left out, such as those that stand on both sides."""
        out = np.asarray(positions, dtype=np.intp)
        members = self.members[~np.isin(self.members, out)]
        return PictureSplit(self.level, members, self.non_members[~np.isin(self.non_members, out)])


@dataclass(frozen=True, slots=True, eq=False)
class PairSplit:
    """Pairs on two sides.

    Args:
        level: what was split.
        members: pairs of one side.
        non_members: pairs of the other.
        repeated: pairs dropped because the same pair was there already.
        crossing: pairs dropped because their pictures fell on different sides.
        surplus: pairs dropped at random to keep the share of matched pairs on both sides.
    """

    level: Level
    members: Pairs
    non_members: Pairs
    repeated: int = 0
    crossing: int = 0
    surplus: int = 0


def split_images(
    dataset: Dataset,
    *,
    fraction: float,
    seed: int,
    positions: npt.ArrayLike | None = None,
    evenly: bool = True,
) -> PictureSplit:
    """Split pictures.

    Args:
        dataset: whose pictures.
        fraction: share of members, between 0 and 1.
        seed: the same seed splits the same way.
        positions: the pictures to split, all by default.
        evenly: divide each person's pictures as evenly as whole numbers allow. Else each picture
            falls by itself, and both pictures of a person who has two may fall on one side.

    Raises:
        UsageError: `fraction` or a position is out of range.
        DatasetError: a side would be empty.
    """
    chosen = check_positions(dataset, positions)
    rank = {person: i for i, person in enumerate(dataset.people)}
    owner = np.array([rank[dataset.pictures[i].person] for i in chosen], dtype=np.intp)
    strata = owner if evenly else np.zeros_like(owner)
    mask = _sample(strata, fraction, make_rng(seed, "split", Level.IMAGE))
    _check_sides(mask, "pictures")
    return PictureSplit(Level.IMAGE, chosen[mask], chosen[~mask])


def split_identities(
    dataset: Dataset, *, fraction: float, seed: int, positions: npt.ArrayLike | None = None
) -> PictureSplit:
    """Split people, with all their pictures; both sides hold as many rich and poor ones.

    Args:
        dataset: whose people.
        fraction: share of people who are members, between 0 and 1.
        seed: the same seed splits the same way.
        positions: the pictures to split, all by default.

    Raises:
        UsageError: `fraction` or a position is out of range.
        DatasetError: a side would be empty.
    """
    chosen = check_positions(dataset, positions)
    rank = {person: i for i, person in enumerate(dataset.people)}
    owner = np.array([rank[dataset.pictures[i].person] for i in chosen], dtype=np.intp)
    people, row, sizes = np.unique(owner, return_inverse=True, return_counts=True)
    mask = _sample(sizes, fraction, make_rng(seed, "split", Level.IDENTITY))
    _check_sides(mask, "people")
    member = mask[row] if len(people) else np.empty(0, dtype=np.bool_)
    return PictureSplit(Level.IDENTITY, chosen[member], chosen[~member])


def split_mask(pairs: Pairs, *, fraction: float, seed: int) -> Mask:
    """Which of n different pairs `split_pairs` makes members, (n,).

    Raises:
        UsageError: `fraction` is out of range.
    """
    return _sample(pairs.same, fraction, make_rng(seed, "split", Level.PAIR))


def split_units(strata: npt.ArrayLike, *, fraction: float, seed: int) -> Mask:
    """Which of n pictures or people are members, the same share of each stratum, (n,).

    Args:
        strata: (n,) what both sides must hold alike, such as numbers of pictures.
        fraction: share of members, between 0 and 1.
        seed: the same seed splits the same way.

    Raises:
        UsageError: `fraction` is out of range.
    """
    return _sample(strata, fraction, make_rng(seed, "split units"))


def split_pairs(pairs: Pairs, *, fraction: float, seed: int) -> PairSplit:
    """Split pairs, matched and mismatched ones alike. A pair that occurs again is dropped.

    Args:
        pairs: what to split.
        fraction: share of members, between 0 and 1.
        seed: the same seed splits the same way.

    Raises:
        UsageError: `fraction` is out of range.
        DatasetError: a side would have no pairs of one kind.
    """
    unique = _unique_pairs(pairs)
    mask = split_mask(unique, fraction=fraction, seed=seed)
    split = PairSplit(
        Level.PAIR, unique.take(mask), unique.take(~mask), repeated=len(pairs) - len(unique)
    )
    return _check_kinds(split)


def split_given_pairs(
    dataset: Dataset, pairs: Pairs, *, level: Level | str, fraction: float, seed: int
) -> PairSplit:
    """Split given pairs at any level.

    At the image and identity levels the pictures of the pairs, or the people on them, are split,
    and pairs across the border are dropped. That costs mismatched pairs more than matched ones, so
    matched ones are dropped at random until the share of each kind is what it was.

    Args:
        dataset: where the positions in `pairs` point to.
        pairs: what to split.
        level: pair, image or identity.
        fraction: share of members, between 0 and 1.
        seed: the same seed splits the same way.

    Raises:
        UsageError: no such level, or `fraction` is out of range.
        DatasetError: a side would have no pairs of one kind.
    """
    level = parse_level(level)
    if level is Level.PAIR:
        return split_pairs(pairs, fraction=fraction, seed=seed)
    used = pairs.pictures()
    if level is Level.IMAGE:
        # Evenly divided, the two pictures of most people would always be separated, and with them
        # their one matched pair.
        sides = split_images(dataset, fraction=fraction, seed=seed, positions=used, evenly=False)
    else:
        sides = split_identities(dataset, fraction=fraction, seed=seed, positions=used)
    return pairs_of_split(pairs, sides, seed=seed)


def pairs_of_split(pairs: Pairs, sides: PictureSplit, *, seed: int) -> PairSplit:
    """The given pairs that lie wholly on one side of a split of pictures.

    `split_given_pairs` says what is dropped.

    Raises:
        DatasetError: a side has no pairs of one kind.
    """
    unique = _unique_pairs(pairs)
    within = [pairs_within(unique, side) for side in (sides.members, sides.non_members)]
    share = float(unique.same.mean()) if len(unique) else 0.0
    rng = make_rng(seed, "keep the share of matched pairs")
    kept = [_keep_share(side, share, rng) for side in within]
    split = PairSplit(
        sides.level,
        kept[0],
        kept[1],
        repeated=len(pairs) - len(unique),
        crossing=len(unique) - sum(map(len, within)),
        surplus=sum(map(len, within)) - sum(map(len, kept)),
    )
    return _check_kinds(split)


def pairs_within(pairs: Pairs, positions: npt.ArrayLike) -> Pairs:
    """The pairs of which both pictures are at `positions`."""
    inside = np.asarray(positions, dtype=np.intp)
    return pairs.take(np.isin(pairs.left, inside) & np.isin(pairs.right, inside))


def parse_level(level: Level | str) -> Level:
    """The level called so.

    Raises:
        UsageError: there is no such level.
    """
    try:
        return Level(level)
    except ValueError:
        known = ", ".join(Level)
        raise UsageError(
            f"unknown level {level!r}", where="level", hint=f"known: {known}"
        ) from None


def _sample(strata: npt.ArrayLike, fraction: float, rng: np.random.Generator) -> Mask:
    """Which of n items are members: a `fraction` of all and, within one, of each stratum."""
    if not 0 < fraction < 1:
        raise UsageError(f"must lie between 0 and 1, got {fraction}", where="fraction")
    keys = np.asarray(strata)
    # Strata in random order and items in random order within: every n-th item on this line, from
    # a random start, is each item with probability `fraction`.
    values, stratum = np.unique(keys, return_inverse=True)
    order = rng.permutation(len(keys))
    order = order[np.argsort(rng.permutation(len(values))[stratum[order]], kind="stable")]
    steps = np.floor(np.arange(len(keys) + 1) * fraction + rng.random())
    mask = np.empty(len(keys), dtype=np.bool_)
    mask[order] = np.diff(steps) > 0
    return mask


def _unique_pairs(pairs: Pairs) -> Pairs:
    """The pairs without later repeats, whichever side the pictures stand on."""
    both = np.sort(np.stack([pairs.left, pairs.right], axis=1), axis=1)
    first = np.unique(both, axis=0, return_index=True)[1]
    return pairs.take(np.sort(first))


def _keep_share(pairs: Pairs, share: float, rng: np.random.Generator) -> Pairs:
    """Drop pairs of the kind there are too many of, until matched ones are `share` of all."""
    matched, mismatched = np.flatnonzero(pairs.same), np.flatnonzero(~pairs.same)
    if not 0 < share < 1:
        return pairs
    total = min(len(matched) / share, len(mismatched) / (1 - share))
    keep = np.concatenate(
        [
            rng.choice(matched, min(len(matched), round(total * share)), replace=False),
            rng.choice(mismatched, min(len(mismatched), round(total * (1 - share))), replace=False),
        ]
    )
    return pairs.take(np.sort(keep))


def _check_sides(mask: Mask, what: str) -> None:
    if not mask.any() or mask.all():
        raise DatasetError(
            f"{len(mask)} {what} are too few for two sides at this fraction",
            hint="bring more, or choose a fraction nearer to a half",
        )


def _check_kinds(split: PairSplit) -> PairSplit:
    for side, pairs in (("members", split.members), ("non-members", split.non_members)):
        if not pairs.same.any() or pairs.same.all():
            matched = int(pairs.same.sum())
            raise DatasetError(
                f"of the {side}, {matched} pairs are matched and {len(pairs) - matched} are not: "
                f"too few pairs are left at the {split.level} level",
                hint="bring more pairs, or draw pairs on each side after splitting",
            )
    return split
