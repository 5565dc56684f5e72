"""Material without pictures, for the audit's tests: people as directions, pictures as copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from facebone.attacks.attributes.traits import Traits
from facebone.audit.gallery import Gallery
from facebone.audit.material import Material
from facebone.audit.other_goals.crowd import Crowd
from facebone.audit.unit_candidates import draw_units
from facebone.audit.unit_material import UnitMaterial, embed_units
from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.data.pictures import RGB, Picture
from facebone.data.splits import Level
from facebone.errors import DecodeError
from facebone.seeding import make_rng
from facebone.verification.chain import Problem
from facebone.verification.embedded_pairs import normalise
from facebone.verification.engine import Embedded


@pytest.fixture(scope="session")
def make_material() -> Callable[..., Material]:
    """Makes material without pictures."""
    return _make


@pytest.fixture(scope="session")
def material() -> Material:
    """Material of 100 people under three imagined backbones."""
    return _make()


@pytest.fixture(scope="session")
def make_people() -> Callable[..., Dataset]:
    """Makes a data set of people of whom there are no pictures, only bytes."""
    return people_without_pictures


@pytest.fixture(scope="session")
def make_unit_material() -> Callable[..., UnitMaterial]:
    """Makes material of pictures or people, drawn and embedded as an audit does, but made up."""
    return _make_units


@pytest.fixture(scope="session")
def make_crowd() -> Callable[..., Crowd]:
    """Makes the people of attacks of other goals than membership, without pictures."""
    return _make_crowd


@dataclass(frozen=True, slots=True)
class NoPicture:
    """A source whose bytes are told from others, and cannot be decoded."""

    location: str
    landmarks: None = None

    def read(self) -> bytes:
        return self.location.encode()

    def decode(self, content: bytes) -> RGB:
        raise DecodeError("no picture", where=self.location)


def people_without_pictures(counts: Sequence[int]) -> Dataset:
    """One person a count, with so many pictures."""
    names = [f"p{who:04d}/{i:02d}" for who, count in enumerate(counts) for i in range(count)]
    return Dataset("made up", tuple(Picture(one, one[:5], NoPicture(one)) for one in names))


class MadeUpEngine:
    """Stands for `EmbeddingEngine`: people as directions, pictures as those with noise.

    Args:
        widths: of K imagined backbones.
        noise: of pictures beside their person's direction.
        broken: ids of pictures that cannot be embedded.
    """

    def __init__(
        self, widths: Sequence[int] = (16, 12, 16), noise: float = 1.2, broken: Sequence[str] = ()
    ) -> None:
        specs = [SimpleNamespace(name=f"backbone_{i}") for i in range(len(widths))]
        self.routes = [SimpleNamespace(backbone=SimpleNamespace(spec=spec)) for spec in specs]
        self.widths, self.noise, self.broken = widths, noise, set(broken)

    def embed(self, pictures: Sequence[Picture]) -> Embedded:
        def one(picture: Picture, width: int) -> np.ndarray:
            who, which = make_rng(0, picture.person, width), make_rng(0, picture.id, width)
            return who.normal(size=width) + self.noise * which.normal(size=width)

        matrices = [
            np.array([one(picture, width) for picture in pictures], dtype=np.float32)
            for width in self.widths
        ]
        lost = np.array([picture.id in self.broken for picture in pictures])
        for matrix in matrices:
            matrix[lost] = np.nan
        problems = tuple(Problem(p.id, "no face") for p in pictures if p.id in self.broken)
        return Embedded(tuple(matrices), problems, (), 0, 0)


def _make_units(
    level: Level,
    counts: Sequence[int] = (6,) * 100,
    *,
    widths: Sequence[int] = (16, 12, 16),
    noise: float = 1.2,
    broken: Sequence[str] = (),
    versions: int = 0,
    limit: int = 400,
    seed: int = 0,
    control_share: float = 0.2,
) -> UnitMaterial:
    """Pictures or people whom K imagined backbones know more or less.

    Args:
        versions: changed versions of all pictures.
        counts, widths, noise, broken: of the made-up pictures.
        level, limit, seed, control_share: as `draw_units` takes them.
    """
    people = people_without_pictures(counts)
    drawn = draw_units(people, level, limit=limit, seed=seed, control_share=control_share)
    engine = MadeUpEngine(widths, noise, broken)
    material, _ = embed_units(engine, people, drawn)  # type: ignore[arg-type]
    rng = np.random.default_rng(seed)
    changed = tuple(
        tuple(
            (matrix + 0.3 * rng.normal(size=matrix.shape)).astype(np.float32)
            for matrix in material.matrices
        )
        for _ in range(versions)
    )
    return replace(material, changed=changed)


def _make(
    *,
    people: int = 80,
    pictures: int = 6,
    control_people: int = 20,
    dimensions: tuple[int, ...] = (16, 12, 16),
    noise: float = 1.2,
    pairs: int = 150,
    control_pairs: int = 60,
    seed: int = 0,
) -> Material:
    """Balanced pool and control pairs of people whom K imagined backbones know more or less."""
    rng = np.random.default_rng(seed)
    total = people + control_people
    owner = np.repeat(np.arange(total), pictures)
    matrices = []
    for width in dimensions:
        centres = rng.normal(size=(total, width))
        found = centres[owner] + noise * rng.normal(size=(len(owner), width))
        matrices.append((found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32))
    pool_rows = np.flatnonzero(owner < people)
    control_rows = np.flatnonzero(owner >= people)
    return Material(
        backbones=tuple(f"backbone_{i}" for i in range(len(dimensions))),
        matrices=tuple(matrices),
        ids=np.array([f"p{who:03d}/{i:02d}" for i, who in enumerate(owner)]),
        people=np.array([f"p{who:03d}" for who in owner]),
        pool=_draw(pool_rows, owner, pairs, pairs, rng),
        control=_draw(control_rows, owner, control_pairs, control_pairs, rng),
        strangers=_draw(pool_rows, owner, 0, 40, rng),
        copies=0,
    )


def _draw(
    rows: np.ndarray, owner: np.ndarray, matched: int, mismatched: int, rng: np.random.Generator
) -> Pairs:
    left, right = np.triu_indices(len(rows), k=1)
    left, right = rows[left], rows[right]
    same = owner[left] == owner[right]
    chosen = np.concatenate(
        [
            rng.choice(np.flatnonzero(same), matched, replace=False),
            rng.choice(np.flatnonzero(~same), mismatched, replace=False),
        ]
    )
    return Pairs(left[chosen], right[chosen], same[chosen])


def _make_crowd(material: Gallery, *, people: int = 90, pictures: int = 4, seed: int = 5) -> Crowd:
    """Other people under the imagined backbones of a material, a third of each kind.

    Attributes are a direction each of the first backbone's embeddings, and a coin.
    """
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(people), pictures)
    first = np.tile(np.arange(pictures) == 0, people)
    role = np.select([owner % 3 == 0, (owner % 3 == 1) & first, owner % 3 == 1], [0, 1, 2], 3)
    matrices = []
    for matrix in material.matrices:
        centres = rng.normal(size=(people, matrix.shape[1]))
        noise = rng.normal(size=(len(owner), matrix.shape[1]))
        matrices.append((centres[owner] + 0.5 * noise).astype(np.float32))
    second = np.tanh(matrices[0] @ rng.normal(size=(matrices[0].shape[1], 10))).astype(np.float32)
    names = np.array([f"q{who:03d}" for who in owner])
    shown = np.array([matrices[0][owner == who, 0].mean() for who in range(people)])
    coin = rng.random(people) < 0.5
    values = np.stack([shown[owner] > 0, coin[owner]], axis=1).astype(float)
    return Crowd(
        backbones=material.backbones,
        matrices=tuple(matrices),
        ids=np.array([f"{name}/{i}" for i, name in enumerate(names)]),
        people=names,
        role=role.astype(np.int8),
        stated=np.arange(len(names)),
        network="third",
        second=normalise(second),
        traits=Traits(("shown", "coin"), values, names),
    )
