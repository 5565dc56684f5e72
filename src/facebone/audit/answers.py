"""Asking a head about pairs: its answers, and what an attacker with more access sees of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Channel
from facebone.audit.gallery import Gallery
from facebone.audit.unadapted import unadapted_scores
from facebone.data.pairs import Pairs
from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.embedded_pairs import Matrix, normalise
from facebone.verification.heads import Head, LearningHead, PeopleHead
from facebone.verification.heads.base import sigmoid

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

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
    made = _Templates.of(head, gallery, pairs, columns) if isinstance(head, PeopleHead) else None

    def ask() -> Floats:
        if made is None or not isinstance(head, PeopleHead):
            return head.logit(gallery.embedded(pairs, columns))
        return head.compare(*made.sides)

    log_odds = np.stack([ask() for _ in range(queries)], axis=1)
    found: dict[Channel, Any] = {}
    if Channel.VARIANTS in channels or Channel.DECISIONS in channels:
        variants = _variants(head, gallery, pairs, columns)
        asked = np.concatenate([log_odds[:, :1], variants], axis=1)
        found[Channel.VARIANTS] = variants
        found[Channel.DECISIONS] = (asked >= 0) == pairs.same[:, None]
    if Channel.THROUGH in channels:
        found[Channel.THROUGH] = head.through(gallery.embedded(pairs, columns))
    if Channel.UNADAPTED in channels:
        found[Channel.UNADAPTED] = unadapted_scores(gallery, pairs, columns)[:, None]
    if Channel.COSINE in channels:
        # Of stored templates: those the head makes, else the embeddings of all backbones.
        stored = unadapted_scores(gallery, pairs, columns) if made is None else made.cosines()
        found[Channel.COSINE] = stored[:, None]
    if Channel.TEMPLATES in channels:
        if made is None and adapted:
            made = _Templates.of(None, gallery, pairs, columns)
        found[Channel.TEMPLATES] = (
            _probe(head, gallery, pairs, columns, seed=probe_seed)
            if made is None
            else made.probe(log_odds[:, 0], unadapted_scores(gallery, pairs, columns), pairs.same)
        )
    if Channel.INSIDE in channels:
        found[Channel.INSIDE] = head.inside(gallery.embedded(pairs, columns), pairs.same).columns()
    return Answers(log_odds, {name: np.asarray(found[name], dtype=np.float32) for name in channels})


def log_odds_of(
    head: LearningHead, gallery: Gallery, pairs: Pairs, columns: tuple[int, ...]
) -> Floats:
    """Log odds of pairs, (n,); where a head makes templates, each picture's is made once."""
    if not isinstance(head, PeopleHead):
        return head.logit(gallery.embedded(pairs, columns))
    return head.compare(*_Templates.of(head, gallery, pairs, columns).sides)


def scores_of(head: Head, gallery: Gallery, pairs: Pairs, columns: tuple[int, ...]) -> Floats:
    """Scores of pairs, (n,); where a head makes templates, each picture's is made once."""
    if isinstance(head, PeopleHead):
        return sigmoid(log_odds_of(head, gallery, pairs, columns))
    return head.score(gallery.embedded(pairs, columns))


@dataclass(frozen=True, slots=True, eq=False)
class _Templates:
    """Templates of the pictures that pairs show, each made once.

    Args:
        rows: (p, t) one a picture.
        left: (n,) rows of the pairs' left pictures.
        right: (n,) of the right ones.
        person: (p,) whom each picture shows.
    """

    rows: Matrix
    left: Rows
    right: Rows
    person: Rows

    @classmethod
    def of(
        cls, head: PeopleHead | None, gallery: Gallery, pairs: Pairs, columns: tuple[int, ...]
    ) -> _Templates:
        """Those that a head makes; without one the embeddings of all backbones side by side."""
        pictures, left, right = pairs.placed()
        shown = gallery.labelled(pictures, columns)
        rows = shown.side_by_side() if head is None else head.templates(shown.embeddings)
        return cls(rows, left, right, shown.person)

    @property
    def sides(self) -> tuple[Matrix, Matrix]:
        """Templates (n, t) of the left pictures, and of the right ones."""
        return self.rows[self.left], self.rows[self.right]

    def cosines(self) -> Floats:
        unit = normalise(self.rows)
        cosine: Floats = np.einsum("nd,nd->n", unit[self.left], unit[self.right], dtype=np.float64)
        return cosine

    def probe(self, log_odds: Floats, unadapted: Floats, same: npt.NDArray[np.bool_]) -> Floats:
        """See `probe_people`."""
        from facebone.verification.heads.people_probing import probe_people

        return probe_people(
            log_odds, self.rows, self.left, self.right, self.person, unadapted, same
        )


def _probe(
    head: LearningHead, gallery: Gallery, pairs: Pairs, columns: tuple[int, ...], *, seed: int
) -> Floats:
    from facebone.verification.heads.probing import probe

    rng = make_rng(seed, "template probes")
    return probe(head, gallery.embedded(pairs, columns), pairs.same, rng=rng)


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
