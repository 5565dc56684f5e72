"""The chain that one batch of pictures goes through: read, look up, prepare, embed, store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from facebone.data.digest_index import KEY_BYTES, Keys
from facebone.data.faces.prepare import Preparation
from facebone.data.pictures import RGB, Picture
from facebone.data.store import Space, picture_key
from facebone.errors import PictureError
from facebone.verification.routes import Route

WhenProblem = Literal["raise", "skip"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A picture that could not be embedded, and why."""

    picture: str
    reason: str


@dataclass(slots=True, eq=False)
class BatchResult:
    """What became of a batch.

    Args:
        keys: (n, 16) digests of its pictures; zeros where one could not be read.
        problems: pictures that could not be embedded.
        guessed: ids of pictures whose face was not found, but guessed.
        computed: embeddings computed, over all routes.
        reused: embeddings that were stored already.
    """

    keys: Keys
    problems: list[Problem]
    guessed: list[str]
    computed: int
    reused: int


class Chain:
    """Takes batches of pictures to stored embeddings. May be used from several threads at once.

    Args:
        routes: backbones with their preparations.
        spaces: where the embeddings of each route are kept.
        on_problem: what to do about a picture that cannot be embedded.
    """

    def __init__(
        self, routes: Sequence[Route], spaces: Sequence[Space], on_problem: WhenProblem
    ) -> None:
        self._routes = routes
        self._spaces = spaces
        self._on_problem = on_problem

    def run(self, pictures: Sequence[Picture], stopped: Callable[[], bool]) -> BatchResult:
        """Take one batch through.

        Args:
            pictures: the batch.
            stopped: once it returns true, no further picture is prepared; what was is stored.

        Raises:
            PictureError: a picture cannot be embedded, and `on_problem` is ``raise``.
            StorageError: the store cannot be written.
        """
        result = BatchResult(np.zeros((len(pictures), KEY_BYTES), dtype=np.uint8), [], [], 0, 0)
        crops: list[list[RGB]] = [[] for _ in self._routes]
        rows: list[list[int]] = [[] for _ in self._routes]
        for i, picture in enumerate(pictures):
            if stopped():
                break
            try:
                made = self._one(picture, i, result)
            except PictureError as error:
                if self._on_problem == "raise":
                    raise
                result.problems.append(Problem(picture.id, str(error)))
                continue
            for k, crop in made.items():
                crops[k].append(crop)
                rows[k].append(i)
        for k, route in enumerate(self._routes):
            if crops[k]:
                embeddings = route.backbone.embed(np.stack(crops[k]))
                self._spaces[k].append(result.keys[rows[k]], embeddings)
                result.computed += len(rows[k])
        return result

    def _one(self, picture: Picture, i: int, result: BatchResult) -> dict[int, RGB]:
        """Read one picture, note its key, and make the crops that are not stored yet."""
        content = picture.source.read()
        result.keys[i] = np.frombuffer(picture_key(picture, content), dtype=np.uint8)
        key = result.keys[i : i + 1]
        needed = [k for k, space in enumerate(self._spaces) if space.missing(key)[0]]
        result.reused += len(self._spaces) - len(needed)
        return self._prepare(picture, content, needed, result) if needed else {}

    def _prepare(
        self, picture: Picture, content: bytes, needed: Sequence[int], result: BatchResult
    ) -> dict[int, RGB]:
        """The crops of one picture for the routes that need one, each preparation made once."""
        image = picture.source.decode(content)
        made: dict[Preparation, RGB] = {}
        for k in needed:
            preparation = self._routes[k].preparation
            if preparation not in made:
                prepared = preparation.prepare(
                    image, picture.source.landmarks, location=picture.source.location
                )
                made[preparation] = prepared.crop
                if prepared.guessed and picture.id not in result.guessed:
                    result.guessed.append(picture.id)
        return {k: made[self._routes[k].preparation] for k in needed}
