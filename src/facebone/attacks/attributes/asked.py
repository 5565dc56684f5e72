"""What scores alone show: each picture asked beside pictures of the attacker's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.attributes.answers import Answers, Budget, Oracle, Rows, ask_grid
from facebone.attacks.attributes.evidence import Evidence
from facebone.errors import LeakageError
from facebone.progress import ProgressFactory, SilentProgress
from facebone.seeding import make_rng


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What was seen of two groups of people by asking.

    Args:
        known: of pictures of people whose attributes the attacker knows.
        seen: of pictures of the victims.
        gallery: (q,) positions of the pictures that both were asked beside: as many of the wanted
            ones as the budget allowed.
        answers: what was said, and what cut it off.
    """

    known: Evidence
    seen: Evidence
    gallery: Rows
    answers: Answers


def ask_about(
    oracle: Oracle,
    person: npt.NDArray[Any],
    *,
    known: Rows,
    seen: Rows,
    gallery: Rows,
    budget: Budget | None = None,
    keep: Path | None = None,
    about: str = "",
    progress: ProgressFactory = SilentProgress,
) -> Asked:
    """Ask about pictures of known people and of victims beside the same gallery.

    The budget counts both: the attacker must ask the target about their own people too.

    Args:
        oracle: the verifier.
        person: (N,) whom each picture shows.
        known: positions of pictures of people whose attributes the attacker knows.
        seen: positions of the victims' pictures.
        gallery: positions of pictures of yet other people, the most useful first; see
            `order_gallery`.
        budget: see `ask_grid`, as for the rest.
        keep: where answers are kept.
        about: what tells this verifier from others.
        progress: told how many questions are answered.

    Raises:
        LeakageError: a person is in two of the three groups.
        UsageError: the budget is too small.
        StorageError: answers cannot be kept, or those that are there are of other questions.
    """
    groups = {"known": known, "victims": seen, "gallery": gallery}
    for name, rows in groups.items():
        for other, theirs in groups.items():
            both = np.isin(person[rows], person[theirs])
            if name < other and both.any():
                raise LeakageError(
                    f"{person[rows][both][0]} is also among the {other}",
                    where=name,
                    hint="split by person",
                )
    answers = ask_grid(
        oracle,
        np.concatenate([known, seen]),
        gallery,
        budget=budget,
        keep=keep,
        about=about,
        progress=progress,
    )
    scores = answers.scores
    return Asked(
        Evidence(person[known], scores=scores[: len(known)]),
        Evidence(person[seen], scores=scores[len(known) :]),
        gallery[: scores.shape[1]],
        answers,
    )


def order_gallery(person: npt.NDArray[Any], pictures: Rows, *, seed: int) -> Rows:
    """Pictures in a random order in which every person comes once before any comes twice.

    Args:
        person: (N,) whom each picture shows.
        pictures: positions of those to order.
        seed: of the order.
    """
    mixed = make_rng(seed, "gallery").permutation(pictures)
    seen: dict[Any, int] = {}
    turn = np.empty(len(mixed), dtype=np.intp)
    for i, who in enumerate(person[mixed].tolist()):
        turn[i] = seen[who] = seen.get(who, -1) + 1
    ordered: Rows = mixed[np.argsort(turn, kind="stable")]
    return ordered
