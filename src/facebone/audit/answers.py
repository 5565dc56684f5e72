"""Asking a head about pairs: its answers, and what an attacker with more access sees of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Channel
from facebone.audit.gallery import Gallery
from facebone.data.pairs import Pairs
from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.embedded_pairs import normalise
from facebone.verification.heads import LearningHead, PeopleHead

Floats = npt.NDArray[np.float64]

REPEATED_QUERIES = 16
"""How often a head is asked about each pair where its answers vary from query to query."""

CHANGED_SIDES = ((True, True), (True, False), (False, True))
"""Which pictures of a pair are changed: both, the left one, the right one."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a head says of n pairs.

    Args:
        log_odds: (n, q) float64 of the same person; q is 1 unless answers vary.
        channels: (n, f) float32 by what else was asked for.
    """

    log_odds: npt.NDArray[np.float64]
    channels: Mapping[Channel, npt.NDArray[np.float32]] = field(default_factory=dict)


def answer(
    head: LearningHead,
    gallery: Gallery,
    pairs: Pairs,
    columns: tuple[int, ...],
    *,
    channels: Sequence[Channel] = (),
    seed: int,
    probe_seed: int = 0,
    adapted: bool | None = None,
) -> Answers:
    """Ask a head about pairs.

    Args:
        head: fitted.
        gallery: the pictures.
        pairs: n pairs.
        columns: the backbones that the head uses.
        channels: what to record besides the answers.
        seed: of answers that vary.
        probe_seed: of the noise on templates, the same for a target and its shadows.
        adapted: whether templates are looked at as those of a head that makes its own, see
            `probe_people`; by default if it does.

    Raises:
        UsageError: changed pictures are asked for and were not embedded.
    """
    if head.answers_vary:
        head.reseed(make_rng(seed, "queries"))
    queries = REPEATED_QUERIES if head.answers_vary else 1
    log_odds = np.stack(
        [log_odds_of(head, gallery, pairs, columns) for _ in range(queries)], axis=1
    )
    found: dict[Channel, Any] = {}
    if Channel.VARIANTS in channels or Channel.DECISIONS in channels:
        variants = _variants(head, gallery, pairs, columns)
        asked = np.concatenate([log_odds[:, :1], variants], axis=1)
        found[Channel.VARIANTS] = variants
        found[Channel.DECISIONS] = (asked >= 0) == pairs.same[:, None]
    if Channel.THROUGH in channels:
        found[Channel.THROUGH] = head.through(gallery.embedded(pairs, columns))
    if Channel.UNADAPTED in channels:
        found[Channel.UNADAPTED] = _unadapted(gallery, pairs, columns)[:, None]
    if Channel.COSINE in channels:
        found[Channel.COSINE] = _cosine(head, gallery, pairs, columns)[:, None]
    if Channel.TEMPLATES in channels:
        as_people = isinstance(head, PeopleHead) if adapted is None else adapted
        found[Channel.TEMPLATES] = (
            _probe_people(head, gallery, pairs, columns, log_odds[:, 0])
            if as_people
            else _probe(head, gallery, pairs, columns, seed=probe_seed)
        )
    if Channel.INSIDE in channels:
        found[Channel.INSIDE] = head.inside(gallery.embedded(pairs, columns), pairs.same).columns()
    return Answers(log_odds, {name: np.asarray(found[name], dtype=np.float32) for name in channels})


def log_odds_of(
    head: LearningHead, gallery: Gallery, pairs: Pairs, columns: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Log odds of pairs, (n,); where a head makes templates, each picture's is made once."""
    if not isinstance(head, PeopleHead):
        return head.logit(gallery.embedded(pairs, columns))
    pictures, left, right = pairs.placed()
    templates = head.templates(gallery.labelled(pictures, columns).embeddings)
    return head.compare(templates[left], templates[right])


def _unadapted(gallery: Gallery, pairs: Pairs, columns: tuple[int, ...]) -> Floats:
    mean: Floats = gallery.embedded(pairs, columns).cosines().mean(axis=1, dtype=np.float64)
    return mean


def _cosine(head: LearningHead, gallery: Gallery, pairs: Pairs, columns: tuple[int, ...]) -> Floats:
    """Of stored templates: those the head makes, else the embeddings of all backbones."""
    if not isinstance(head, PeopleHead):
        return _unadapted(gallery, pairs, columns)
    pictures, left, right = pairs.placed()
    unit = normalise(head.templates(gallery.labelled(pictures, columns).embeddings))
    cosine: Floats = np.einsum("nd,nd->n", unit[left], unit[right], dtype=np.float64)
    return cosine


def _probe(
    head: LearningHead, gallery: Gallery, pairs: Pairs, columns: tuple[int, ...], *, seed: int
) -> Floats:
    from facebone.verification.heads.probing import probe

    rng = make_rng(seed, "template probes")
    return probe(head, gallery.embedded(pairs, columns), pairs.same, rng=rng)


def _probe_people(
    head: LearningHead,
    gallery: Gallery,
    pairs: Pairs,
    columns: tuple[int, ...],
    log_odds: npt.NDArray[np.float64],
) -> Floats:
    from facebone.verification.heads.people_probing import probe_people

    pictures, left, right = pairs.placed()
    shown = gallery.labelled(pictures, columns)
    return probe_people(
        log_odds,
        head.templates(shown.embeddings) if isinstance(head, PeopleHead) else shown.side_by_side(),
        left,
        right,
        shown.person,
        _unadapted(gallery, pairs, columns),
        pairs.same,
    )


def _variants(
    head: LearningHead, gallery: Gallery, pairs: Pairs, columns: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    """Log odds of changed versions, (n, 3 V): each version on both sides, left, and right."""
    if not gallery.changed:
        raise UsageError("changed pictures were not embedded", where="answers")
    asked = [
        head.quick_logit(gallery.embedded_changed(pairs, columns, version, left=left, right=right))
        for version in range(len(gallery.changed))
        for left, right in CHANGED_SIDES
    ]
    return np.stack(asked, axis=1)
