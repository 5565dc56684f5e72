"""The head of a verifier that was trained by rotation: a head inside, a space and a policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.mitigations.keys import KEPT, KEY_BYTES, derived_key, key_bytes
from facebone.mitigations.multi_backbone.assignment import assign
from facebone.mitigations.multi_backbone.query import (
    POLICIES,
    Fixed,
    Mean,
    QueryPolicy,
    Random,
    Secret,
)
from facebone.mitigations.multi_backbone.settings import RotationSettings
from facebone.mitigations.multi_backbone.spaces import SPACES, Maps, meet
from facebone.seeding import make_rng
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import FitJob, FitReport, Inside, LearningHead, Views, make_head
from facebone.verification.heads.base import Arrays, Labelled, Labels, Scores
from facebone.verification.heads.composed import ComposedHead, Shapes, arrays_under
from facebone.verification.heads.many import PoolJobs

_WHERE = "mitigation facebone"


class FaceBoneHead(ComposedHead):
    """One head for K backbones that share a space; it learns from one of them at a time.

    Under the random policy answers vary: after `fit` they are drawn from the seed, so that an
    audit can be repeated; after loading from the operating system's entropy, for draws that start
    over with each load would be no secret. `reseed` makes them repeatable. Each call of `score` or
    `logit` is a query of its own.
    """

    name = "facebone"
    settings_type = RotationSettings
    _maps: Maps
    _policy: QueryPolicy | None = None
    _key: bytes
    _centre: Any

    def __init__(self, settings: object | None = None, *, device: str = "cpu") -> None:
        super().__init__(settings, device=device)
        chosen: RotationSettings = self.settings
        inner = make_head(chosen.head, chosen.head_settings, device=device)
        if not isinstance(inner, LearningHead):
            raise UsageError(
                f"head {inner.name} learns nothing, so no backbone can be rotated in its training",
                where=_WHERE,
                hint="take a head that learns, or assignment=fusion or all",
            )
        self._inner = inner
        self.at_once = inner.at_once
        self._space = SPACES[chosen.space](width=chosen.width, regularisation=chosen.regularisation)

    @property
    def answers_vary(self) -> bool:
        """Whether the policy draws a backbone for each query."""
        return POLICIES[self.settings.query].varies

    @property
    def alternates(self) -> bool:
        """All its backbones share a space, and any of them can be asked."""
        return True

    def reseed(self, rng: np.random.Generator) -> None:
        """Draw the backbones that answer from `rng` from now on; only the random policy draws.

        Raises:
            UsageError: the head was not fitted, and fitting will seed it.
        """
        if self._policy is None:
            raise UsageError("draws nothing before it is fitted", where=_WHERE, hint="fit it")
        if isinstance(self._policy, Random):
            self._policy.rng = rng

    def through(self, pairs: EmbeddedPairs) -> Scores:
        """Log odds through each backbone, (n, K): what the policy chooses from.

        The policy does not hide them from whoever makes templates: in the place of the backbone
        that answers they can put another's, brought into its space.

        Raises:
            UsageError: as `score`.
        """
        self._check_scored(pairs)
        count = len(pairs.left)
        if not len(pairs):
            return np.empty((0, count))
        return np.stack([self._through(pairs, k) for k in range(count)], axis=1)

    def _fit(
        self, pairs: EmbeddedPairs, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        views, maps = self._meet(pairs, seed=seed)
        if validation is not None:
            # Which backbone will be asked is the policy's choice, so the validation takes them all.
            met, count = meet(validation[0], maps), len(pairs.left)
            every = assign("epoch", len(met), count, epochs=None, block=1, seed=seed)
            validation = Views(met, every).distinct(validation[1])
        inner = self._inner.fresh()
        report = inner.fit_views(views, same, seed=seed, validation=validation)
        self._adopt(inner, maps, self._middle(pairs), count=len(pairs.left), seed=seed)
        return report

    def _stream(self, jobs: PoolJobs, groups: list[list[int]]) -> Iterator[tuple[int, Self]]:
        count = len(jobs.pool.left)
        for group in groups:
            found: list[tuple[Maps, Any]] = []
            inners = self._inner.fit_views_many(self._lessons(jobs, group, found))
            for number, inner, (maps, centre) in zip(group, inners, found, strict=True):
                head = self.fresh()
                head._adopt(inner, maps, centre, count=count, seed=jobs.seeds[number])
                head.dimensions = jobs.pool.dimensions
                yield number, head

    def _lessons(
        self, jobs: PoolJobs, group: list[int], found: list[tuple[Maps, Any]]
    ) -> Iterator[FitJob]:
        """What the heads inside learn from, one by one; the rest goes to `found`."""
        for number in group:
            pairs, same = jobs.pairs(number)
            views, maps = self._meet(pairs, seed=jobs.seeds[number])
            found.append((maps, self._middle(pairs)))
            yield FitJob(views, same, jobs.seeds[number])

    def _meet(self, pairs: EmbeddedPairs, *, seed: int) -> tuple[Views, Maps]:
        """What the head inside learns from, and the maps into the space where it does."""
        settings: RotationSettings = self.settings
        count = self._count(pairs.dimensions)
        maps = self._space.fit(pairs, seed=seed)
        schedule = assign(
            settings.assignment,
            len(pairs),
            count,
            epochs=getattr(self._inner.settings, "epochs", None),
            block=settings.block,
            seed=seed,
        )
        return Views(meet(pairs, maps), schedule), maps

    def _middle(self, pairs: EmbeddedPairs) -> Any:
        """Mean of the first backbone's embeddings."""
        first = np.concatenate([pairs.left[0], pairs.right[0]])
        return first.mean(axis=0, dtype=np.float64)

    def _adopt(
        self, inner: LearningHead, maps: Maps, centre: Any, *, count: int, seed: int
    ) -> None:
        """Take a fitted head inside, and open the policy of this seed."""
        self._inner, self._maps, self._centre = inner, maps, centre
        key = self.settings.key
        self._key = derived_key(seed) if key is None else key_bytes(key)
        self._open_policy(count, rng=make_rng(seed, "facebone", "queries"))

    def _logit(self, pairs: EmbeddedPairs) -> Scores:
        if self._policy is None:  # checked before: it was fitted or loaded
            raise RuntimeError("no policy")
        return self._policy.answer(pairs, self._through)

    def _inside(self, pairs: EmbeddedPairs, same: Labels) -> Inside:
        # Whoever holds the weights can send a pair through every backbone, whatever the policy.
        met = [meet(pairs, self._maps, [k]) for k in range(len(pairs.left))]
        return Inside.mean([self._inner.inside(one, same) for one in met])

    def _quick_logit(self, pairs: EmbeddedPairs) -> npt.NDArray[np.float32]:
        if self._policy is None:  # as above
            raise RuntimeError("no policy")

        def through(asked: EmbeddedPairs, backbone: int) -> Scores:
            return self._inner.quick_logit(meet(asked, self._maps, [backbone])).astype(np.float64)

        return self._policy.answer(pairs, through).astype(np.float32)

    def _through(self, pairs: EmbeddedPairs, backbone: int) -> Scores:
        return self._inner.logit(meet(pairs, self._maps, [backbone]))

    def _count(self, dimensions: tuple[int, ...]) -> int:
        """Number of backbones, if they can do."""
        check_several(len(dimensions))
        answering = self.settings.answering
        if answering >= len(dimensions):
            raise UsageError(
                f"backbone {answering} is to answer, but there are {len(dimensions)}",
                where=_WHERE,
                hint="they are counted from 0",
            )
        return len(dimensions)

    def _open_policy(self, count: int, *, rng: np.random.Generator) -> None:
        match self.settings.query:
            case "fixed":
                self._policy = Fixed(count, answering=self.settings.answering)
            case "random":
                self._policy = Random(count, rng=rng)
            case "secret":
                self._policy = Secret(count, key=self._key, centre=self._centre)
            case _:
                self._policy = Mean(count)

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """See `Head.state`; a key is among the arrays alone, not in the part that people read."""
        config, arrays = super().state()
        if self.settings.key is not None:
            config["settings"]["key"] = KEPT
        return config, arrays

    def _inner_widths(self) -> tuple[int, ...]:
        dimensions = self.dimensions or ()
        self._count(dimensions)
        return (self._space.width(dimensions),)

    def _own_arrays(self) -> Arrays:
        arrays: Arrays = {f"map.{k}": taken for k, taken in self._maps.items()}
        if self.settings.query == "secret":
            arrays["key"] = np.frombuffer(self._key, dtype=np.uint8)
            arrays["centre"] = self._centre
        return arrays

    def _own_shapes(self) -> Shapes:
        dimensions = self.dimensions or ()
        maps = self._space.shapes(dimensions)
        shapes: Shapes = {f"map.{k}": shape for k, shape in maps.items()}
        if self.settings.query == "secret":
            shapes |= {"key": (KEY_BYTES,), "centre": dimensions[:1]}
        return shapes

    def _load_own(self, arrays: Arrays) -> None:
        maps = arrays_under("map.", arrays)
        self._maps = {int(k): taken.astype(np.float64) for k, taken in maps.items()}
        if self.settings.query == "secret":
            self._key = arrays["key"].astype(np.uint8).tobytes()
            self._centre = arrays["centre"].astype(np.float64)
            if self.settings.key == KEPT:
                self._settings = replace(self._settings, key=self._key.hex())
        self._open_policy(len(self.dimensions or ()), rng=np.random.default_rng())


def check_several(count: int) -> None:
    """Refuse a single backbone.

    Raises:
        UsageError: there is only one.
    """
    if count < 2:
        raise UsageError(
            f"needs two backbones or more, got {count}",
            where=_WHERE,
            hint="name more of them with --backbone",
        )
