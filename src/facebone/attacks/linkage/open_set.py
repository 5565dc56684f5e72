"""Who of a list of names is in a leaked database: public pictures held against its records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.linkage.alignment import LinearAlignmentSettings, learn_alignment
from facebone.attacks.linkage.axes import cosines
from facebone.attacks.linkage.base import LinkageAttack
from facebone.attacks.linkage.view import LinkageView
from facebone.attacks.observations import Floats, probability_log_odds
from facebone.errors import UsageError
from facebone.settings import check_flag, check_number


@dataclass(frozen=True, slots=True)
class OpenSetSettings:
    """Settings of the identification.

    Args:
        normalise: whether a score counts by how far it lies above those of unrelated people.
        share: of the unrelated people's scores, the largest, that count for that.
        hit: share of those in the database who stand on a list that the attacker has, such as one
            of customers; an audit draws one. None for no list.
        wrong: share of the others who stand on it.

    Raises:
        UsageError: a value is out of range, or one of the last two stands alone.
    """

    normalise: bool = True
    share: float = 0.25
    hit: float | None = None
    wrong: float | None = None

    def __post_init__(self) -> None:
        check_flag("normalise", self.normalise)
        check_number("share", self.share, low=0, high=1 + 1e-9, low_open=True)
        if (self.hit is None) != (self.wrong is None):
            raise UsageError(
                "stand together: who of those in the database and who of the others are listed",
                where="hit and wrong",
                hint="as in hit=0.8,wrong=0.2",
            )
        for name, value in (("hit", self.hit), ("wrong", self.wrong)):
            if value is not None:
                check_number(name, value, low=0, high=1, low_open=True)


class OpenSetIdentification(LinkageAttack):
    """Goal: find named people in a leaked database, and say of others that they are not in it.

    Access: templates. Knowledge: a list of names with public pictures of each, and pictures of
    people of the attacker's own; where the system differs from the one at hand, also anchors.
    Success: a person's public pictures score higher beside their own record than beside any
    other, and those of people who are not in the database lower beside all.

    Scores are normalised on both sides: some faces are alike to everybody. From the score of a
    name and a record is taken the mean of the name's largest scores beside other records, in their
    deviations, and likewise of the record's largest beside the attacker's own people. The best of
    a name is left out of its own mean, for it may be the truth.

    References:
        Matejka, Novotny, Plchot, Burget, Diez and Cernocky, "Analysis of Score Normalization in
        Multilingual Speaker Recognition", 2017; open-set figures: Grother, Ngan and Hanaoka, "Face
        Recognition Vendor Test, Part 2: Identification", NISTIR 8271, 2019.
    """

    name = "open_set_identification"
    summary = "public pictures of a name are alike to one record beyond all others"
    access = Access.EMBEDDING
    knowledge = "Names with public pictures of each, and pictures of other people."
    names_people = True
    settings_type = OpenSetSettings

    def _link(self, view: LinkageView, *, seed: int) -> Floats:
        named, records = self._templates(view)
        own = view.cohort
        if view.anchors is None:
            compared = cosines(named, records)
            unrelated = None if own is None else cosines(own, records)
        else:
            space = learn_alignment(view.anchors, LinearAlignmentSettings(), seed=seed)
            compared = space.compare(named, records)
            unrelated = None if own is None else space.compare(own, records)
        return _judged(compared, unrelated, self.settings)


class ScoreIdentification(LinkageAttack):
    """Goal: find named people in a database that can only be asked.

    Access: the score of a picture beside each record. Knowledge: a list of names with public
    pictures of each, and pictures of people of the attacker's own. Success: as of
    `OpenSetIdentification`, which does the same with templates.

    Scores that all lie in 0 .. 1 are taken for probabilities, and compared as log odds.

    References:
        As `open_set_identification`.
    """

    name = "score_identification"
    summary = "public pictures of a name score high beside one record beyond all others"
    access = Access.SCORE
    knowledge = "Names with public pictures of each, and pictures of other people."
    names_people = True
    settings_type = OpenSetSettings

    def _link(self, view: LinkageView, *, seed: int) -> Floats:
        del seed
        if view.answers is None:
            raise RuntimeError(f"attack {self.name} came without answers")
        given = (
            [view.answers] if view.cohort_answers is None else [view.answers, view.cohort_answers]
        )
        if all(matrix.min() >= 0 and matrix.max() <= 1 for matrix in given if matrix.size):
            given = [probability_log_odds(matrix) for matrix in given]
        return _judged(given[0], given[1] if len(given) > 1 else None, self.settings)


def _judged(compared: Floats, unrelated: Floats | None, settings: OpenSetSettings) -> Floats:
    """Scores as they stand, or normalised; see `OpenSetIdentification`."""
    if not settings.normalise:
        return compared
    found = np.zeros_like(compared)
    sides = 0
    if compared.shape[1] > 2:
        others = np.sort(compared, axis=1)[:, :-1]
        found += _standard(compared, _largest(others.T, settings.share).T, axis=1)
        sides += 1
    if unrelated is not None and len(unrelated) > 1:
        found += _standard(compared, _largest(np.sort(unrelated, axis=0), settings.share), axis=0)
        sides += 1
    return found if sides else compared


def _largest(rising: Floats, share: float) -> Floats:
    """The last rows of (c, k) that rises down its columns, two at least."""
    return rising[-max(2, round(share * len(rising))) :]


def _standard(scores: Floats, others: Floats, *, axis: int) -> Floats:
    """How many deviations of the others each score lies above their mean."""
    spread = others.std(axis=axis, keepdims=True)
    lifted: Floats = scores - others.mean(axis=axis, keepdims=True)
    # Others that are all alike say nothing of the spread.
    return lifted / np.where(spread > 1e-9, spread, 1.0)
