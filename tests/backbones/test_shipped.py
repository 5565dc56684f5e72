"""The shipped backbones, on people that their training never saw."""

import hashlib

import numpy as np
import numpy.typing as npt
import pytest

from facebone.backbones.base import BackboneSpec
from facebone.backbones.shipped import SHIPPED_SPECS, shipped_path
from facebone.backbones.zoo import load_backbone
from facebone.data.faces.align import align
from facebone.data.faces.templates import get_template
from facebone.data.pictures import RGB
from facebone.data.synthetic import synthetic_dataset

PEOPLE, PICTURES = 150, 6
BY_NAME = {spec.name: spec for spec in SHIPPED_SPECS}

Shown = list[tuple[RGB, npt.NDArray[np.float32]]]


@pytest.fixture(scope="module")
def shown() -> Shown:
    """Pictures of people with their landmarks, people in order."""
    dataset = synthetic_dataset(PEOPLE, PICTURES, seed=31337)
    sources = [picture.source for picture in dataset.pictures]
    return [(source.decode(source.read()), source.landmarks) for source in sources]


def aligned(shown: Shown, spec: BackboneSpec) -> npt.NDArray[np.uint8]:
    template = get_template(spec.template)
    return np.stack([align(image, marks, template) for image, marks in shown])


def accuracy(embeddings: npt.NDArray[np.float32]) -> float:
    """Of the cosine over all matched pairs and as many mismatched ones.

    The threshold for one half of the people comes from the other half.
    """
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    grouped = unit.reshape(PEOPLE, PICTURES, -1)
    upper = np.triu_indices(PICTURES, 1)
    matched = np.einsum("pid,pjd->pij", grouped, grouped)[:, upper[0], upper[1]]
    # Each person against the next in their own half, as many pairs as matched ones.
    half = PEOPLE // 2
    order = np.arange(PEOPLE)
    following = np.where(order < half, (order + 1) % half, half + (order - half + 1) % half)
    crossed = np.einsum("pid,pjd->pij", grouped, grouped[following])
    mismatched = crossed[:, upper[0], upper[1]]
    found = []
    for mine, other in ((order < half, order >= half), (order >= half, order < half)):
        candidates = np.linspace(-1, 1, 401)
        right = [(matched[other] >= c).mean() + (mismatched[other] < c).mean() for c in candidates]
        best = candidates[int(np.argmax(right))]
        found.append(((matched[mine] >= best).mean() + (mismatched[mine] < best).mean()) / 2)
    return float(np.mean(found))


def test_there_are_at_least_four_of_different_make() -> None:
    assert len(SHIPPED_SPECS) >= 4
    assert len({spec.architecture for spec in SHIPPED_SPECS}) == len(SHIPPED_SPECS)
    assert len({spec.dimension for spec in SHIPPED_SPECS}) >= 3
    assert len(BY_NAME) == len(SHIPPED_SPECS)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_file_is_the_one_that_the_spec_describes(name: str) -> None:
    spec = BY_NAME[name]
    assert spec.filename == f"{name}.onnx"
    content = shipped_path(spec.filename).read_bytes()
    assert len(content) <= 1_000_000
    assert hashlib.sha256(content).hexdigest() == spec.sha256
    assert spec.licence == "Apache-2.0"
    assert spec.commercial is True


@pytest.mark.parametrize("name", BY_NAME)
def test_unseen_people_are_told_apart_but_not_perfectly(name: str, shown: Shown) -> None:
    # Measured over 6,000 pairs of 300 people: see benchmarks/results/shipped_backbones.json.
    backbone = load_backbone(name)
    found = accuracy(backbone.embed(aligned(shown, backbone.spec)))
    assert 0.93 <= found < 0.995


def test_each_says_something_that_the_others_do_not(shown: Shown) -> None:
    few = shown[: 40 * PICTURES]
    scores = []
    for name in BY_NAME:
        backbone = load_backbone(name)
        embeddings = backbone.embed(aligned(few, backbone.spec))
        unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
        others = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
        scores.append(others)
    correlations = np.corrcoef(scores)[np.triu_indices(len(scores), 1)]
    assert correlations.max() < 0.98
    assert correlations.min() > 0.3


@pytest.mark.parametrize("name", BY_NAME)
def test_an_embedding_does_not_depend_on_the_batch(name: str, shown: Shown) -> None:
    backbone = load_backbone(name)
    faces = aligned(shown[:20], backbone.spec)
    together = backbone.embed(faces)
    alone = np.concatenate([backbone.embed(face[None]) for face in faces])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_alignment_matters(shown: Shown) -> None:
    # A face turned on its side is another picture to a network that was shown upright ones.
    backbone = load_backbone("tiny_plain")
    faces = aligned(shown, backbone.spec)
    turned = np.ascontiguousarray(np.rot90(faces, axes=(1, 2)))
    assert accuracy(backbone.embed(turned)) < accuracy(backbone.embed(faces)) - 0.05


def test_specs_say_that_photographs_are_beyond_them() -> None:
    for spec in SHIPPED_SPECS:
        assert "synthetic" in spec.training_data
