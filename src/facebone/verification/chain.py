"""The chain that one batch of pictures goes through: read, look up, prepare, embed, store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import numpy as np
import numpy.typing as npt

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
        self._reading = Lock()

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
        wanted = self._look_up(pictures, result.keys)
        result.reused = sum(int((~need).sum()) for need in wanted)
        crops: list[list[RGB]] = [[] for _ in self._routes]
        rows: list[list[int]] = [[] for _ in self._routes]
        for i in np.flatnonzero(np.any(wanted, axis=0)).tolist():
            if stopped():
                break
            needed = [k for k, need in enumerate(wanted) if need[i]]
            try:
                made = self._one(pictures[i], i, needed, result)
            except PictureError as error:
                if self._on_problem == "raise":
                    raise
                result.problems.append(Problem(pictures[i].id, str(error)))
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

    def _look_up(self, pictures: Sequence[Picture], keys: Keys) -> list[npt.NDArray[np.bool_]]:
        """Fill in the keys of a batch; for each route, which pictures have no embedding yet.

        A picture that cannot be read has none: whoever reads it again will say why. The bytes are
        not kept, as those of a batch of large photographs would fill the memory; reading again
        what was just read costs a hundredth of preparing it.
        """
        unread = np.zeros(len(pictures), dtype=np.bool_)
        # One worker at a time: many short reads at once make threads wait for Python's lock, which
        # doubles the time of a run that finds everything in the store.
        with self._reading:
            for i, picture in enumerate(pictures):
                try:
                    keys[i] = _key(picture, picture.source.read())
                except PictureError:
                    unread[i] = True
            return [space.missing(keys) | unread for space in self._spaces]

    def _one(
        self, picture: Picture, i: int, needed: Sequence[int], result: BatchResult
    ) -> dict[int, RGB]:
        """The crops of one picture for the routes that need them."""
        content = picture.source.read()
        # Of these very bytes: the file may have changed since it was looked up.
        result.keys[i] = _key(picture, content)
        return self._prepare(picture, content, needed, result)

    def _prepare(
        self, picture: Picture, content: bytes, needed: Sequence[int], result: BatchResult
    ) -> dict[int, RGB]:
        """The crops of one picture for the routes that need one, each preparation made once."""
        image, landmarks = picture.source.decode(content), picture.source.landmarks
        made: dict[Preparation, RGB] = {}
        for k in needed:
            preparation = self._routes[k].preparation
            if preparation not in made:
                prepared = preparation.prepare(image, landmarks, location=picture.source.location)
                made[preparation] = prepared.crop
                if prepared.guessed and picture.id not in result.guessed:
                    result.guessed.append(picture.id)
        return {k: made[self._routes[k].preparation] for k in needed}


def _key(picture: Picture, content: bytes) -> Keys:
    return np.frombuffer(picture_key(picture, content), dtype=np.uint8)
