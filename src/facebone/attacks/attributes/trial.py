"""One attack on attributes of people it does not know, beside its control."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.attacks.attributes.base import AttributeAttack
from facebone.attacks.attributes.evidence import Evidence
from facebone.attacks.attributes.traits import Traits
from facebone.attacks.observations import Floats
from facebone.errors import LeakageError, UsageError
from facebone.seeding import derive_seed, make_rng
from facebone.settings import check_integer

SHUFFLES = 40
AT_ONCE = 10
"""Shuffles that are learnt side by side, as if they were further attributes."""


@dataclass(frozen=True, slots=True, eq=False)
class Inferred:
    """What an attack says of n pictures, and what it says after learning nothing true.

    Args:
        scores: (n, k) larger for more of the attribute.
        control: (s, n, k) of the same attack, fitted s times to attributes shuffled among people.
        truth: of the pictures, which no attack sees.
        shuffled: (s, n, k) the victims' attributes, shuffled too: what each control is held
            against.
        middle: (k,) where a number begins to be large: the median of those whom the attacker
            knows.
    """

    scores: Floats
    control: Floats
    truth: Traits
    shuffled: Floats
    middle: Floats


def infer_attributes(
    attack: AttributeAttack,
    known: Evidence,
    known_traits: Traits,
    seen: Evidence,
    truth: Traits,
    *,
    seed: int,
    gallery: Traits | None = None,
    shuffles: int = SHUFFLES,
) -> Inferred:
    """Run an attack, and its control.

    Args:
        attack: which one; it is fitted several times, last to the truth.
        known: what is seen of pictures of people whose attributes the attacker knows.
        known_traits: their attributes.
        seen: what is seen of the pictures of other people.
        truth: their attributes.
        seed: for everything random.
        gallery: attributes of the pictures that scores were asked beside.
        shuffles: of the control. Victims are shuffled as well as those who are known: what is
            learnt from a shuffle of few people points somewhere, and by chance may point along an
            attribute that templates show, which would then be found without being known.

    Raises:
        UsageError: no shuffles, attributes of other names, or that do not fit the pictures; see
            `AttributeAttack.fit`.
        LeakageError: a person is both known and sought, or also asked beside.
    """
    check_integer("shuffles", shuffles, low=1)
    for traits in (known_traits, truth) if gallery is None else (known_traits, truth, gallery):
        if traits.names != truth.names:
            raise UsageError(
                f"are {', '.join(traits.names)} here and {', '.join(truth.names)} there",
                where="attributes",
            )
    for evidence, traits in ((known, known_traits), (seen, truth)):
        if len(evidence) != len(traits):
            raise UsageError(
                f"of {len(traits)} pictures do not fit {len(evidence)}", where="attributes"
            )
    if gallery is not None:
        for others in (known_traits, truth):
            both = np.isin(gallery.person, others.person)
            if both.any():
                raise LeakageError(
                    f"show {gallery.person[both][0]}, whom other pictures show too",
                    where="pictures asked beside",
                    hint="ask beside pictures of yet other people",
                )
    told = None if gallery is None else gallery.values
    fitted = derive_seed(seed, "attributes")
    rng = make_rng(seed, "attributes shuffled")
    victims = make_rng(seed, "victims' attributes shuffled")
    parts, wrong = list[Floats](), list[Floats]()
    for begin in range(0, shuffles, AT_ONCE):
        count = min(AT_ONCE, shuffles - begin)
        columns = [shuffle_people(known_traits, rng).values for _ in range(count)]
        beside = None
        if gallery is not None:
            beside = np.hstack([shuffle_people(gallery, rng).values for _ in range(count)])
        attack.fit(known, np.hstack(columns), seed=fitted, gallery=beside)
        parts.append(attack.infer(seen).reshape(len(seen), count, -1).swapaxes(0, 1))
        wrong += [shuffle_people(truth, victims).values for _ in range(count)]
    attack.fit(known, known_traits.values, seed=fitted, gallery=told)
    middle: Floats = np.median(known_traits.values, axis=0)
    return Inferred(attack.infer(seen), np.concatenate(parts), truth, np.stack(wrong), middle)


def shuffle_people(traits: Traits, rng: np.random.Generator) -> Traits:
    """Each person gets the attributes of one drawn without replacement, picture by picture.

    Whatever the pictures of one person share stays together: the control errs as an attack on
    people does.
    """
    people, number = np.unique(traits.person, return_inverse=True)
    order = np.argsort(number, kind="stable")
    places = np.split(order, np.cumsum(np.bincount(number))[:-1])
    other = rng.permutation(len(people))
    source = np.empty(len(traits), dtype=np.intp)
    for who, own in enumerate(places):
        theirs = places[other[who]]
        # Who has fewer pictures lends some of them twice.
        source[own] = theirs[np.arange(len(own)) % len(theirs)]
    return Traits(traits.names, traits.values[source], traits.person)
