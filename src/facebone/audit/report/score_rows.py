"""The rows of scores.parquet as arrays, found by target, attack and seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from facebone.audit.artefacts import SCORES_FILE
from facebone.audit.report.bands import Floats, Mask, Numbers, Sample
from facebone.errors import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, eq=False)
class SeedRows:
    """What one target and one attack said of n candidates in one seed; no control among them.

    Args:
        seed: of the repeat.
        member: (n,) bool.
        same: (n,) bool, whether a pair shows one person.
        verifier: (n,) the target's scores.
        attack: (n,) the attack's scores.
        units: see `bands.Sample`.
    """

    seed: int
    member: Mask
    same: Mask
    verifier: Floats
    attack: Floats
    units: tuple[Numbers, Numbers]

    def leak(self) -> Sample:
        """Members against non-members, by the attack's score.

        Raises:
            UsageError: one of them is missing.
        """
        return Sample(self.attack, self.member, self.units)

    def utility(self) -> Sample:
        """Matched against mismatched non-members, by the verifier's score.

        Raises:
            UsageError: one of them is missing.
        """
        out = ~self.member
        units = (self.units[0][out], self.units[1][out])
        return Sample(self.verifier[out], self.same[out], units)


class ScoreRows:
    """All rows, found by target and attack.

    Args:
        table: with the columns of `artefacts.SCORES_COLUMNS`.
    """

    def __init__(self, table: pa.Table) -> None:
        import pyarrow.compute as pc

        rows = table.filter(pc.not_equal(table["membership"], "control"))
        self._names = {name: _codes(rows[name]) for name in ("target", "attack")}
        self._seed = rows["seed"].to_numpy()
        self._member = np.asarray(pc.equal(rows["membership"], "member"))
        self._same = np.asarray(rows["same"])
        self._verifier = rows["verifier_score"].to_numpy()
        self._attack = rows["attack_score"].to_numpy()
        self._units = _units(rows)

    def seeds_of(self, target: str, attack: str) -> list[SeedRows]:
        """The rows of an attack on a target, one entry a seed, by rising seed.

        Raises:
            DatasetError: there are none.
        """
        chosen = self._is("target", target) & self._is("attack", attack)
        if not chosen.any():
            raise DatasetError(
                f"has no rows of attack {attack!r} on target {target!r}, which the audit names",
                where=SCORES_FILE,
                hint="run the audit again",
            )
        return [self._take(seed, chosen) for seed in np.unique(self._seed[chosen])]

    def _is(self, column: str, name: str) -> Mask:
        values, codes = self._names[column]
        found: Mask = codes == values.index(name) if name in values else np.zeros(len(codes), bool)
        return found

    def _take(self, seed: int, chosen: Mask) -> SeedRows:
        rows = np.flatnonzero(chosen & (self._seed == seed))
        return SeedRows(
            int(seed),
            self._member[rows],
            self._same[rows],
            self._verifier[rows],
            self._attack[rows],
            (self._units[0][rows], self._units[1][rows]),
        )


def _codes(column: pa.ChunkedArray) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The distinct texts, and where in them each row's stands."""
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), np.asarray(encoded.indices, dtype=np.int64)


def _units(rows: pa.Table) -> tuple[Numbers, Numbers]:
    """Who is resampled: people where every row names both, else pairs."""
    import pyarrow as pa
    import pyarrow.compute as pc

    left, right = rows["person_left"], rows["person_right"]
    if left.null_count or right.null_count:
        pairs = pc.binary_join_element_wise(rows["left"], rows["right"], "\x1f")
        numbers = _codes(pairs)[1]
        return numbers, numbers
    both = pa.chunked_array([*left.chunks, *right.chunks], type=left.type)
    numbers = _codes(both)[1]
    return numbers[: len(left)], numbers[len(left) :]
