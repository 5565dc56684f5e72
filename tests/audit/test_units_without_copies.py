"""No photograph stands on two sides, whatever name or form its copies have in the data set."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from facebone.audit import unit_candidates
from facebone.audit.unit_candidates import UnitCandidates, draw_units
from facebone.data.dataset import Dataset
from facebone.data.fingerprints import FingerprintCache
from facebone.data.folder import load_folder
from facebone.data.splits import Level
from facebone.verification.adapted_training import share_out
from facebone.verification.training_parts import without_repeats

LEVELS = pytest.mark.parametrize("level", [Level.IMAGE, Level.IDENTITY], ids=str)
SEEDS = range(6)
PEOPLE, PICTURES = 48, 6


def photograph(rng: np.random.Generator) -> Image.Image:
    """Something with large and small structure, unlike any other."""
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((96, 96), 3)
    fine = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)).resize((96, 96), 3)
    return Image.blend(coarse, fine, 0.4)


def compressed(image: Image.Image) -> Image.Image:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=40)
    return Image.open(io.BytesIO(content.getvalue())).convert("RGB")


CHANGES: tuple[Callable[[Image.Image], Image.Image], ...] = (
    compressed,
    lambda image: compressed(image).resize((70, 70)),
    lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    lambda image: image.crop((2, 1, 94, 95)),
)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, dict[str, str]]:
    """A folder with copies, and which photograph each of its pictures shows.

    Of each picture of the first four people there is a changed copy under their own name, and of
    each of the next four people's one under the name of somebody else.
    """
    root = tmp_path_factory.mktemp("copies") / "faces"
    rng = np.random.default_rng(0)
    shows: dict[str, str] = {}

    def save(image: Image.Image, person: int, name: str, photo: str) -> None:
        folder = root / f"p{person:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        image.save(folder / name)
        shows[f"{folder.name}/{name}"] = photo

    for person in range(PEOPLE):
        for number in range(PICTURES):
            image, photo = photograph(rng), f"{person} {number}"
            save(image, person, f"{number}.png", photo)
            change = CHANGES[number % len(CHANGES)]
            if person < 4:
                save(change(image), person, f"copy {number}.png", photo)
            elif person < 8:
                save(change(image), person + 20 + number, f"copy {person}.png", photo)
    return load_folder(root), shows


def shared_photographs(dataset: Dataset, shows: dict[str, str], drawn: UnitCandidates) -> int:
    """Pictures of the candidates that show what another of them shows."""
    photos = [shows[dataset.pictures[i].id] for i in drawn.pictures()]
    return len(photos) - len(set(photos))


@LEVELS
@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_candidates_show_one_photograph(
    planted: tuple[Dataset, dict[str, str]], level: Level, seed: int
) -> None:
    dataset, shows = planted
    drawn = draw_units(dataset, level, limit=2000, seed=seed)
    assert shared_photographs(dataset, shows, drawn) == 0
    # They still take part, with the one that is left.
    people = {dataset.pictures[i].person for i in drawn.pictures()}
    assert {f"p{person:02d}" for person in range(8)} <= people


def test_of_people_no_probe_shows_what_was_trained_on(
    planted: tuple[Dataset, dict[str, str]],
) -> None:
    dataset, shows = planted
    for seed in SEEDS:
        drawn = draw_units(dataset, Level.IDENTITY, limit=2000, seed=seed)
        trained = {shows[dataset.pictures[i].id] for i in drawn.training.pictures()}
        asked = {shows[dataset.pictures[i].id] for i in drawn.questions.pictures()}
        assert trained
        assert not trained & asked


@LEVELS
def test_the_copies_would_stand_on_two_sides_if_nobody_looked(
    planted: tuple[Dataset, dict[str, str]], level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The power of the tests above."""
    dataset, shows = planted
    monkeypatch.setattr(
        unit_candidates, "first_copies", lambda given: np.arange(len(given.pictures))
    )
    drawn = draw_units(dataset, level, limit=2000, seed=0)
    assert shared_photographs(dataset, shows, drawn) > 20
    if level is Level.IDENTITY:
        trained = {shows[dataset.pictures[i].id] for i in drawn.training.pictures()}
        asked = {shows[dataset.pictures[i].id] for i in drawn.questions.pictures()}
        assert len(trained & asked) > 5


@pytest.mark.parametrize("look", [True, False], ids=["looked", "blind"])
def test_pictures_to_learn_from_and_pictures_kept_aside(
    planted: tuple[Dataset, dict[str, str]], look: bool
) -> None:
    dataset, shows = planted
    everything = np.arange(len(dataset.pictures))
    own, repeated = without_repeats(dataset, everything, FingerprintCache())
    assert sorted([*own.tolist(), *repeated]) == everything.tolist()
    assert len(own) == PEOPLE * PICTURES  # one of each, whichever it is
    learnt, kept = share_out(dataset, own if look else everything, most=3, seed=0)
    photos = [{shows[dataset.pictures[i].id] for i in side} for side in (learnt, kept)]
    assert all(photos)
    assert bool(photos[0] & photos[1]) is not look
