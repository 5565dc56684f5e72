"""The two databases that an attacker links: which records they hold, and what is seen of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Access
from facebone.attacks.linkage.base import LinkageAttack
from facebone.attacks.linkage.records import Records
from facebone.attacks.linkage.view import Anchors, LinkageView
from facebone.audit.other_goals.crowd import ATTACKED, CONTROL, OTHER, OWN, Crowd
from facebone.audit.other_goals.victim import Victim
from facebone.seeding import make_rng
from facebone.verification.embedded_pairs import normalise, side_by_side

MOST_ANCHORS = 256
"""The attacker's own people who are in both databases, at most."""

MOST_ANCHOR_PICTURES = 4
"""Pictures of each of them, at most."""

COHORT = 200
"""The attacker's own people who show what strangers score."""

ANOTHER = "another installation of the same verifier"
PUBLIC = "public pictures by name"

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Databases:
    """What an attacker is given, and the truth.

    Args:
        view: what is seen.
        first: (n,) whom the records of the first database show, each once.
        second: (m,) likewise.
        made_by: what made the other database than the target's, in words.
        anchors: people in both who are the attacker's own.
    """

    view: LinkageView
    first: npt.NDArray[Any]
    second: npt.NDArray[Any]
    made_by: str
    anchors: int = 0


def open_databases(
    attack: LinkageAttack, crowd: Crowd, target: Victim, other: Victim, *, seed: int
) -> Databases:
    """What the attack is tried on.

    The target's database holds one picture of each attacked person. The other one holds other
    pictures of theirs: under another installation of the target, or, for an attack that learns a
    map between systems, under another public network. For an attack that looks for names the
    other one is a list of names with public pictures; half of these people are not in the target's.

    Args:
        attack: that links.
        crowd: people and pictures.
        target: the verifier whose database leaked.
        other: the same verifier as somebody else has installed it, with a key and a training of
            its own.
        seed: of the choice of the attacker's people.
    """
    if attack.names_people:
        return _named(attack, crowd, target, seed=seed)
    mine = target.stored(crowd.chosen(target.columns))
    first = Records.enrol(mine, crowd.people, crowd.rows(ATTACKED))
    if attack.needs_anchors:
        if crowd.second is None:  # whoever plans the job knows
            raise ValueError("no pictures were embedded under another network")
        theirs, anchors = crowd.second.astype(np.float64), _anchors(crowd, seed)
        second = Records.enrol(theirs, crowd.people, crowd.rows(OTHER))
        known = Anchors(mine[anchors], theirs[anchors], crowd.people[anchors])
        view = LinkageView(first.templates, second.templates, known)
        people = len(np.unique(known.person))
        return Databases(view, first.person, second.person, crowd.network, people)
    theirs = other.stored(crowd.chosen(other.columns))
    second = Records.enrol(theirs, crowd.people, crowd.rows(OTHER))
    view = LinkageView(first.templates, second.templates)
    return Databases(view, first.person, second.person, ANOTHER)


def _named(attack: LinkageAttack, crowd: Crowd, target: Victim, *, seed: int) -> Databases:
    """Names with public pictures, held against the target's records."""
    embeddings = crowd.chosen(target.columns)
    records, shown = crowd.rows(ATTACKED), crowd.rows(OTHER, CONTROL)
    own = _one_each(crowd, seed, "cohort")[:COHORT]
    if attack.access is Access.SCORE:
        # One public picture a name: each is asked about beside every record.
        shown = shown[np.unique(crowd.people[shown], return_index=True)[1]]

        def ask(rows: Rows) -> Floats:
            left, right = np.repeat(rows, len(records)), np.tile(records, len(rows))
            said = target.answers(embeddings, left, right)
            # Log odds without end would say that the verifier knows for sure; it shows no more
            # than the largest number.
            return np.nan_to_num(said).reshape(len(rows), len(records))

        view = LinkageView(answers=ask(shown), cohort_answers=ask(own))
        return Databases(view, crowd.people[shown], crowd.people[records], PUBLIC)
    public = side_by_side([normalise(one) for one in embeddings]).astype(np.float64)
    mine = target.stored(embeddings)
    named = Records.enrol(public, crowd.people, shown)
    leaked = Records.enrol(mine, crowd.people, records)
    known, count = None, 0
    if not target.head.public_templates:
        # Nobody can work these templates out, but the attacker's own people are enrolled too.
        anchors = _anchors(crowd, seed)
        known = Anchors(public[anchors], mine[anchors], crowd.people[anchors])
        count = len(np.unique(known.person))
    view = LinkageView(named.templates, leaked.templates, known, public[own])
    return Databases(view, named.person, leaked.person, PUBLIC, count)


def _anchors(crowd: Crowd, seed: int) -> Rows:
    """Some pictures of some of the attacker's own people."""
    chosen = crowd.people[_one_each(crowd, seed, "anchors")[:MOST_ANCHORS]]
    own = crowd.rows(OWN)
    own = own[np.isin(crowd.people[own], chosen)]
    order = np.argsort(crowd.people[own], kind="stable")
    person = crowd.people[own][order]
    place = np.arange(len(own)) - np.searchsorted(person, person)
    return np.sort(own[order][place < MOST_ANCHOR_PICTURES])


def _one_each(crowd: Crowd, seed: int, purpose: str) -> Rows:
    """One picture of each of the attacker's people, in random order."""
    rng = make_rng(seed, "linkage", purpose)
    own = rng.permutation(crowd.rows(OWN))
    first: Rows = own[np.unique(crowd.people[own], return_index=True)[1]]
    return rng.permutation(first)
