"""One contract over every registered data set: `facebone.testing`'s."""

from __future__ import annotations

from pathlib import Path

import pytest

from facebone.data.dataset import DATASETS
from facebone.data.synthetic import export_folder, synthetic_dataset
from facebone.testing import dataset_checks
from facebone.testing.datasets import DATASET

CELEBA = [("000001.jpg", "2880"), ("000002.jpg", "2937"), ("000003.jpg", "2880")]
CHECKS = DATASET.names()


def write_folder(root: Path) -> Path:
    """Twelve pictures of four people, one folder a person."""
    export_folder(synthetic_dataset(4, 3, seed=0), root / "people", file_format="jpg")
    return root / "people"


def write_lfw(root: Path) -> Path:
    """Two people under their published names, with a published pair of each kind."""
    files = export_folder(synthetic_dataset(2, 2, seed=0), root / "drawn", file_format="jpg")
    for path, name in zip(files, ("Ann_Lee", "Ann_Lee", "Bo_Xi", "Bo_Xi"), strict=True):
        (root / "lfw" / name).mkdir(parents=True, exist_ok=True)
        number = len(list((root / "lfw" / name).iterdir())) + 1
        path.rename(root / "lfw" / name / f"{name}_{number:04d}.jpg")
    (root / "lfw" / "pairs.txt").write_text("1\t1\nAnn_Lee\t1\t2\nAnn_Lee\t1\tBo_Xi\t2\n")
    return root / "lfw"


def write_celeba(root: Path) -> Path:
    """Three pictures of two people, without the lists of attributes and landmarks."""
    files = export_folder(synthetic_dataset(2, 2, seed=0), root / "drawn", file_format="jpg")
    (root / "img_align_celeba").mkdir()
    for path, (name, _) in zip(files[:3], CELEBA, strict=True):
        path.rename(root / "img_align_celeba" / name)
    lines = [f"{name} {person}" for name, person in CELEBA]
    (root / "identity_CelebA.txt").write_text("\n".join(lines) + "\n")
    return root


WRITERS = {"folder": write_folder, "lfw": write_lfw, "celeba": write_celeba}


@pytest.fixture(scope="module", params=DATASETS.own_names())
def checks(request, tmp_path_factory):
    """Of one data set, by name."""
    name, write = request.param, WRITERS.get(request.param)
    root = None if write is None else write(tmp_path_factory.mktemp(name))
    return {check.name: check for check in dataset_checks(name, DATASETS.get(name), root)}


@pytest.mark.parametrize("check", CHECKS)
def test_contract(checks, check):
    checks[check]()
