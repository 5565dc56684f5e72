"""The contract of backbones."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from facebone.backbones.base import Backbone, Embeddings, Faces
from facebone.errors import UsageError
from facebone.testing.contract import Contract, expect, refused
from facebone.testing.quiet import silent

COUNT = 5
"""Faces that a check uses: slow networks take 0.1 s for each."""


@dataclass(frozen=True)
class BackboneSubject:
    """A backbone, loaded when the first check asks for it.

    Args:
        name: in the zoo.
        load: loads it, on the CPU and with one thread.
    """

    name: str
    load: Callable[[], Backbone]

    def loaded(self) -> Backbone:
        """The backbone; loaded once."""
        return _load(self)

    def faces(self) -> Faces:
        """Smooth blobs with some noise: nearer to pictures than noise alone."""
        height, width = self.loaded().spec.input_size
        rng = np.random.default_rng(9)
        y, x = np.mgrid[:height, :width] / height
        waves = [
            np.sin(rng.uniform(2, 9, 3) * x[..., None] + rng.uniform(2, 9, 3) * y[..., None] + k)
            for k in range(COUNT)
        ]
        noise = rng.normal(0, 8, (COUNT, height, width, 3))
        return np.clip(128 + 90 * np.stack(waves) + noise, 0, 255).astype(np.uint8)

    def embeddings(self) -> Embeddings:
        """Of `faces`; worked out once."""
        return _embed(self)


@lru_cache(maxsize=2)
def _load(subject: BackboneSubject) -> Backbone:
    return subject.load()


@lru_cache(maxsize=2)
def _embed(subject: BackboneSubject) -> Embeddings:
    return subject.loaded().embed(subject.faces())


def expect_near(found: Embeddings, wanted: Embeddings, how: str) -> None:
    """Equal to a hundred-thousandth of an embedding's length.

    Raises:
        AssertionError: they are further apart.
    """
    scale = np.linalg.norm(wanted, axis=1).max()
    apart = float(np.abs(found - wanted).max(initial=0.0) / scale)
    expect(apart <= 1e-5 * 1.01, f"{how}: embeddings differ by {apart:.2g} of their length")


def facts_are_complete(subject: BackboneSubject) -> None:
    """Licence, source, template and the hash of what decides embeddings."""
    backbone = subject.loaded()
    spec = backbone.spec
    expect(spec.name == subject.name, f"calls itself {spec.name!r}")
    expect(len(backbone.weights_hash) == 64, f"weights_hash is {backbone.weights_hash!r}")
    for fact in ("architecture", "licence", "source", "template"):
        expect(getattr(spec, fact), f"says nothing of its {fact}")
    expect(spec.sha256 is None or len(spec.sha256) >= 8, f"sha256 is {spec.sha256!r}")
    expect(backbone.device == "cpu", f"was loaded on the cpu, and says {backbone.device!r}")


def shape_type_and_values(subject: BackboneSubject) -> None:
    """As its facts say."""
    found, spec = subject.embeddings(), subject.loaded().spec
    expect(found.shape == (COUNT, spec.dimension), f"embeddings have shape {found.shape}")
    expect(found.dtype == np.float32, f"embeddings are {found.dtype}")
    expect(np.isfinite(found).all(), "embeddings are not finite")
    expect((np.linalg.norm(found, axis=1) > 0).all(), "an embedding is nothing")


def other_faces_have_other_embeddings(subject: BackboneSubject) -> None:
    """In other directions."""
    found = subject.embeddings()
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    most = float((unit @ unit.T)[~np.eye(COUNT, dtype=bool)].max())
    expect(most < 0.9999, f"two faces have a cosine of {most:.6f}")


def an_embedding_does_not_depend_on_the_rest_of_the_batch(subject: BackboneSubject) -> None:
    """Alone, or in another order."""
    backbone, faces, wanted = subject.loaded(), subject.faces(), subject.embeddings()
    expect_near(backbone.embed(faces[3:4]), wanted[3:4], "alone")
    expect_near(backbone.embed(faces[[4, 1]]), wanted[[4, 1]], "in another order")


def same_faces_same_numbers(subject: BackboneSubject) -> None:
    """To the bit."""
    again = subject.loaded().embed(subject.faces())
    expect(np.array_equal(again, subject.embeddings()), "embeds the same faces otherwise")


def four_threads_at_once(subject: BackboneSubject) -> None:
    """As engines call it."""
    backbone, faces, wanted = subject.loaded(), subject.faces(), subject.embeddings()
    orders = [np.roll(np.arange(COUNT), shift)[:3] for shift in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda order: backbone.embed(faces[order]), orders))
    for order, result in zip(orders, results, strict=True):
        expect_near(result, wanted[order], "in four threads")


def faces_are_not_changed(subject: BackboneSubject) -> None:
    """Other backbones look at them, too."""
    faces = subject.faces()[:1]
    before = faces.copy()
    faces.setflags(write=False)
    subject.loaded().embed(faces)
    expect(np.array_equal(faces, before), "changes the faces")


def takes_faces_in_any_memory_layout(subject: BackboneSubject) -> None:
    """Planes first, seen as rows first."""
    faces = subject.faces()[:1]
    planes_first = np.ascontiguousarray(faces.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    found = subject.loaded().embed(planes_first)
    expect_near(found, subject.embeddings()[:1], "in another memory layout")


def no_faces_give_no_embeddings(subject: BackboneSubject) -> None:
    """Of the right width."""
    backbone = subject.loaded()
    none = backbone.embed(subject.faces()[:0])
    expect(none.shape == (0, backbone.spec.dimension), f"no faces give {none.shape}")
    expect(none.dtype == np.float32, f"no faces give {none.dtype}")


def wrong_shapes_and_types_are_refused(subject: BackboneSubject) -> None:
    """One face alone, another size, grey, planes first, numbers that are no bytes."""
    backbone, faces = subject.loaded(), subject.faces()
    wrong = (faces[0], faces[:, :-1], faces[..., :1], faces.transpose(0, 3, 1, 2))
    for given in wrong:
        message = f"{subject.name}: faces must be"
        with refused(UsageError, message, when=f"given faces of shape {given.shape}"):
            backbone.embed(given)
    for dtype in (np.float32, np.int16):
        with refused(UsageError, "faces must be uint8", when=f"given faces of {dtype.__name__}"):
            backbone.embed(faces.astype(dtype))


def nothing_is_printed(subject: BackboneSubject) -> None:
    """When it is loaded, and when it embeds."""
    with silent():
        subject.load().embed(subject.faces()[:1])


BACKBONE: Contract[BackboneSubject] = Contract(
    lambda subject: f"backbone {subject.name}",
    facts_are_complete,
    shape_type_and_values,
    other_faces_have_other_embeddings,
    an_embedding_does_not_depend_on_the_rest_of_the_batch,
    same_faces_same_numbers,
    four_threads_at_once,
    faces_are_not_changed,
    takes_faces_in_any_memory_layout,
    no_faces_give_no_embeddings,
    wrong_shapes_and_types_are_refused,
    nothing_is_printed,
)
