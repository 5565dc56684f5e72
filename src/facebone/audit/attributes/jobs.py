"""The job of an attack on attributes: look at templates or ask, infer, measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Access
from facebone.attacks.attributes.asked import ask_about, order_gallery
from facebone.attacks.attributes.base import ATTRIBUTE_ATTACKS
from facebone.attacks.attributes.evidence import Evidence
from facebone.attacks.attributes.figures import measure_attributes
from facebone.attacks.attributes.traits import Traits
from facebone.attacks.attributes.trial import infer_attributes
from facebone.audit.jobs import Inputs, Settings, material_of
from facebone.audit.other_goals.crowd import ATTACKED, CONTROL, CROWD, OTHER, OWN, Crowd
from facebone.audit.other_goals.victim import Victim, train_victim
from facebone.audit.plan import Result
from facebone.audit.target import TargetRecipe
from facebone.seeding import make_rng

QUESTIONS = 64
"""Pictures of the attacker's own beside which each picture is asked about, at most."""

MOST_KNOWN, MOST_SEEN = 2000, 2000
"""Pictures to learn from, and pictures of those whose attributes are sought."""

Rows = npt.NDArray[np.intp]


def infer(settings: Settings, inputs: Inputs) -> Result:
    """What the templates or scores of a target tell of people's attributes.

    Settings: ``attack``, ``attack_settings``, ``recipe`` of the target, ``material`` that it is
    trained on, and ``seed``.
    """
    crowd, seed = Crowd.from_result(inputs[CROWD]), settings["seed"]
    if crowd.traits is None:  # refused before any work was done
        raise ValueError("no attributes were read")
    attack = ATTRIBUTE_ATTACKS.make(settings["attack"], settings["attack_settings"])
    target = train_victim(
        TargetRecipe(**settings["recipe"]), material_of(settings, inputs), seed=seed
    )
    asks = attack.access is not Access.EMBEDDING
    groups = _deal(crowd, asks=asks, seed=seed)
    known, seen, beside = _evidence(target, crowd, groups)
    traits = _traits(crowd, crowd.traits)
    inferred = infer_attributes(
        attack,
        known,
        traits.take(groups.known),
        seen,
        traits.take(groups.seen),
        seed=seed,
        gallery=traits.take(beside) if asks else None,
    )
    report = measure_attributes(inferred, seed=seed).to_json()
    return Result(
        {
            "people": len(np.unique(seen.person)),
            "known_people": len(np.unique(known.person)),
            "queries": len(beside),
            "attributes": report["attributes"],
            "auc": report["mean"]["auc"],
            "control": report["control"],
        }
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Rows of a crowd of which attributes are stated; nobody is in two of the groups.

    Args:
        known: of people whose attributes the attacker knows.
        seen: of those whose attributes are sought.
        gallery: of people of the attacker's whom others are asked about beside.
    """

    known: Rows
    seen: Rows
    gallery: Rows


def _deal(crowd: Crowd, *, asks: bool, seed: int) -> _Groups:
    stated = np.isin(np.arange(len(crowd.ids)), crowd.stated)
    own = crowd.rows(OWN)
    own = own[stated[own]]
    seen = crowd.rows(ATTACKED, OTHER, CONTROL)
    rng = make_rng(seed, "attributes", "people")
    gallery = np.empty(0, dtype=np.intp)
    if asks:
        # A third of the attacker's people at most: they need others to learn from.
        people = rng.permutation(np.unique(crowd.people[own]))
        beside = np.isin(crowd.people[own], people[: max(1, len(people) // 3)])
        gallery = order_gallery(crowd.people, own[beside], seed=seed)[:QUESTIONS]
        own = own[~beside]
    return _Groups(
        np.sort(rng.permutation(own)[:MOST_KNOWN]),
        np.sort(rng.permutation(seen[stated[seen]])[:MOST_SEEN]),
        gallery,
    )


def _evidence(target: Victim, crowd: Crowd, groups: _Groups) -> tuple[Evidence, Evidence, Rows]:
    """What is seen of the known and of the others, and beside which pictures they were asked."""
    embeddings = crowd.chosen(target.columns)
    if not len(groups.gallery):
        stored = target.stored(embeddings)
        known, seen = (
            Evidence(crowd.people[rows], stored[rows]) for rows in (groups.known, groups.seen)
        )
        return known, seen, groups.gallery
    asked = ask_about(
        lambda left, right: np.nan_to_num(target.answers(embeddings, left, right)),
        crowd.people,
        known=groups.known,
        seen=groups.seen,
        gallery=groups.gallery,
    )
    return asked.known, asked.seen, asked.gallery


def _traits(crowd: Crowd, traits: Traits) -> Traits:
    """Attributes by row of the crowd; those of pictures without any are zero, and never taken."""
    values = np.zeros((len(crowd.ids), len(traits.names)))
    values[crowd.stated] = traits.values
    return Traits(traits.names, values, crowd.people)
