"""One target's answers about all candidates of one seed: what every attack and figure starts from.

A trained target, a callable, an ONNX head and a table handed in all become this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Channel
from facebone.attacks.observations import Floats, Mask, Observations
from facebone.errors import UsageError

MEMBER, NON_MEMBER, CONTROL = 1, 0, -1
MEMBERSHIPS = {MEMBER: "member", NON_MEMBER: "non_member", CONTROL: "control"}

Texts = npt.NDArray[np.str_]
Codes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class ScoreTable:
    """n pairs with what the target answered and whether it was trained on them.

    Args:
        left: (n,) ids of the pictures on the left.
        right: (n,) ids of the pictures on the right.
        people: two (n,) columns, who is left and right; None where it is not known.
        membership: (n,) int8, `MEMBER`, `NON_MEMBER` or `CONTROL` (people in neither set).
        drawn: (n,) bool, for control pairs their membership drawn by a coin; false elsewhere.
        answers: n candidates as an attacker sees them.
        blind: the answers of a verifier that never learnt from any of these pairs, such as the
            public backbones' similarity; None where there is none.

    Raises:
        UsageError: columns of different lengths.
    """

    left: Texts
    right: Texts
    people: tuple[Texts, Texts] | None
    membership: Codes
    drawn: Mask
    answers: Observations
    blind: Observations | None

    def __post_init__(self) -> None:
        n = len(self.answers)
        lengths = {
            "left": len(self.left),
            "right": len(self.right),
            "membership": len(self.membership),
            "drawn": len(self.drawn),
            "blind": n if self.blind is None else len(self.blind),
        }
        for i, name in enumerate(("person left", "person right")):
            lengths[name] = n if self.people is None else len(self.people[i])
        wrong = {name: size for name, size in lengths.items() if size != n}
        if wrong:
            raise UsageError(f"columns of {wrong} rows do not fit {n} answers", where="scores")

    def __len__(self) -> int:
        return len(self.answers)

    @property
    def same(self) -> Mask:
        """Whether each pair shows one person, (n,)."""
        return self.answers.same

    @property
    def candidates(self) -> Mask:
        """Members and non-members, without the control, (n,)."""
        mask: Mask = self.membership != CONTROL
        return mask

    @property
    def member(self) -> Mask:
        """Who is a member, (n,)."""
        mask: Mask = self.membership == MEMBER
        return mask

    @property
    def control(self) -> Mask:
        """Pairs of people in neither set, (n,)."""
        mask: Mask = self.membership == CONTROL
        return mask

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> ScoreTable:
        """The pairs at `rows`, as positions or as a mask."""
        return ScoreTable(
            self.left[rows],
            self.right[rows],
            None if self.people is None else (self.people[0][rows], self.people[1][rows]),
            self.membership[rows],
            self.drawn[rows],
            self.answers.take(rows),
            None if self.blind is None else self.blind.take(rows),
        )

    def scores(self) -> Floats:
        """The verifier's score of each pair, mean over its queries, (n,)."""
        mean: Floats = self.answers.score.mean(axis=1)
        return mean

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it as arrays by name."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "left": self.left,
            "right": self.right,
            "membership": self.membership,
            "drawn": self.drawn,
        }
        if self.people is not None:
            arrays |= {"person_left": self.people[0], "person_right": self.people[1]}
        arrays |= observed_to_arrays("answers", self.answers)
        if self.blind is not None:
            arrays |= observed_to_arrays("blind", self.blind)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> ScoreTable:
        """What `to_arrays` gave."""
        known = "person_left" in arrays
        return cls(
            left=arrays["left"],
            right=arrays["right"],
            people=(arrays["person_left"], arrays["person_right"]) if known else None,
            membership=arrays["membership"],
            drawn=arrays["drawn"],
            answers=observed_from_arrays("answers", arrays),
            blind=observed_from_arrays("blind", arrays) if "blind_score" in arrays else None,
        )


def observed_to_arrays(name: str, observed: Observations) -> dict[str, npt.NDArray[Any]]:
    """Observations, but for shadows and probes, as arrays by name."""
    arrays: dict[str, npt.NDArray[Any]] = {
        f"{name}_score": observed.score,
        f"{name}_same": observed.same,
        f"{name}_log_odds": observed.log_odds,
        f"{name}_threshold": np.array(observed.threshold),
    }
    for channel, values in observed.channels.items():
        # They come in single precision and go back to it.
        arrays[f"{name}_channel_{channel}"] = values.astype(np.float32)
    return arrays


def observed_from_arrays(name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Observations:
    """What `observed_to_arrays` gave under that name."""
    return Observations(
        arrays[f"{name}_score"],
        arrays[f"{name}_same"],
        arrays[f"{name}_log_odds"],
        float(arrays[f"{name}_threshold"]),
        channels={
            channel: arrays[f"{name}_channel_{channel}"].astype(np.float64)
            for channel in Channel
            if f"{name}_channel_{channel}" in arrays
        },
    )
