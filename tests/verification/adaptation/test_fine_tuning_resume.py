"""Long runs of fine-tuning: told of, stopped, and gone on with to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facebone.errors import StorageError, UsageError
from facebone.progress import SilentProgress
from facebone.verification.adaptation.fine_tuning import FineTuningHead, fine_tune
from facebone.verification.heads import make_head
from facebone.verification.labelled_pictures import LabelledPictures

PLAIN = {"backbone": "tiny_plain@4", "batch_size": 8}
PIXELS = {"backbone": "tiny_wide@0", "augment": "full", "batch_size": 8}
SETTINGS = [
    PLAIN | {"schedule": "cosine"},
    PLAIN | {"normalisation": "batch", "sampler": "people", "people_per_batch": 3},
    PLAIN | {"patience": 3, "learning_rate": 3e-3, "keep_centres": True},
    PLAIN | {"loss": "contrastive", "people_per_batch": 4},
    PIXELS,
]


def head(settings: dict[str, Any], **more: Any) -> FineTuningHead:
    made = make_head("fine_tuning", {"epochs": 4, "learning_rate": 1e-3} | settings | more)
    assert isinstance(made, FineTuningHead)
    return made


def people(settings: dict[str, Any], seed: int = 0) -> LabelledPictures:
    """Rows as of the settings' cut, of 8 people with 3 pictures each."""
    pixels = settings["backbone"] == "tiny_wide@0"
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(8), 3)
    width = 3 * 56 * 56 if pixels else 1536
    rows = rng.normal(size=(8, width))[person] + 0.7 * rng.normal(size=(24, width))
    rows = np.clip(128 + 50 * rows, 0, 255) if pixels else rows
    constant = 128.0 if pixels else 32.0
    rows = np.concatenate([rows, np.full((24, 1), constant)], axis=1).astype(np.float32)
    return LabelledPictures.gather([rows], np.arange(24), person)


class Stop:
    """Progress that stops the run, as an interrupt does, when some epochs are done.

    Args:
        after: pictures that have been learnt from by then.
    """

    def __init__(self, after: int) -> None:
        self.after, self.counts = after, [0]
        self.label, self.total = "", 0

    def __call__(self, label: str, total: int) -> Any:
        self.label, self.total = label, total
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def advance(self, count: int) -> None:
        self.counts.append(count)
        if sum(self.counts) >= self.after:
            raise KeyboardInterrupt


def arrays_of(made: FineTuningHead) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in made.state()[1].items()}


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("stop", [1, 2, 4])
def test_stopped_and_gone_on_with_it_is_the_same_run(tmp_path: Path, settings, stop: int) -> None:
    pictures, kept = people(settings), tmp_path / "kept"
    whole = head(settings)
    wanted = whole.fit_people(pictures, seed=1)
    learnt = wanted.pairs
    with pytest.raises(KeyboardInterrupt):
        fine_tune(head(settings), pictures, seed=1, checkpoint=kept, progress=Stop(stop * learnt))
    assert torch.load(kept, weights_only=True)["told"]["epoch"] == stop
    again = head(settings)
    report = fine_tune(again, pictures, seed=1, checkpoint=kept)
    assert report == wanted
    assert arrays_of(again) == arrays_of(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_progress_counts_pictures_and_what_was_done_before(tmp_path: Path) -> None:
    pictures, kept = people(PLAIN), tmp_path / "kept"
    first, second = Stop(2 * 24), Stop(10**6)
    with pytest.raises(KeyboardInterrupt):
        fine_tune(head(PLAIN), pictures, seed=1, checkpoint=kept, progress=first)
    fine_tune(head(PLAIN), pictures, seed=1, checkpoint=kept, progress=second)
    assert (first.label, first.total) == ("fine-tuning", 4 * 24)
    assert first.counts == [0, 0, 24, 24]
    assert second.counts == [0, 48, 24, 24]


def test_finished_run_is_only_read(tmp_path: Path) -> None:
    pictures, kept = people(PLAIN), tmp_path / "kept"
    first, again = head(PLAIN), head(PLAIN)
    report = fine_tune(first, pictures, seed=1, checkpoint=kept)
    written = kept.stat().st_mtime_ns
    assert fine_tune(again, pictures, seed=1, checkpoint=kept) == report
    assert kept.stat().st_mtime_ns == written
    assert arrays_of(again) == arrays_of(first)


def other_settings(kept: Path) -> None:
    fine_tune(head(PLAIN, epochs=5), people(PLAIN), seed=1, checkpoint=kept)


def other_seed(kept: Path) -> None:
    fine_tune(head(PLAIN), people(PLAIN), seed=2, checkpoint=kept)


def other_pictures(kept: Path) -> None:
    fine_tune(head(PLAIN), people(PLAIN, seed=9), seed=1, checkpoint=kept)


def other_people(kept: Path) -> None:
    pictures = people(PLAIN)
    pictures = replace(pictures, person=np.roll(pictures.person, 1))
    fine_tune(head(PLAIN), pictures, seed=1, checkpoint=kept)


@pytest.mark.parametrize("other", [other_settings, other_seed, other_pictures, other_people])
def test_checkpoint_of_another_run_is_refused(tmp_path: Path, other: Callable) -> None:
    kept = tmp_path / "kept"
    fine_tune(head(PLAIN, epochs=4), people(PLAIN), seed=1, checkpoint=kept)
    before = kept.read_bytes()
    with pytest.raises(UsageError, match="is the checkpoint of a training with other settings"):
        other(kept)
    assert kept.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half of one"])
def test_damaged_checkpoint_is_told(tmp_path: Path, content: bytes) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(content)
    with pytest.raises(StorageError, match="is not a readable checkpoint; remove it"):
        fine_tune(head(PLAIN), people(PLAIN), seed=1, checkpoint=kept)


def test_checkpoint_that_would_run_code_is_not_read(tmp_path: Path) -> None:
    kept, seen = tmp_path / "kept", tmp_path / "seen"

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (seen,)

    torch.save({"version": 1, "recipe": Evil()}, kept)
    with pytest.raises(StorageError, match="is not a readable checkpoint"):
        fine_tune(head(PLAIN), people(PLAIN), seed=1, checkpoint=kept)
    assert not seen.exists()


def test_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError):
        fine_tune(head(PLAIN), people(PLAIN), seed=1, checkpoint=tmp_path / "file" / "kept")


def test_head_keeps_nothing_of_a_checkpoint(tmp_path: Path) -> None:
    """A later, plain fit of the same head writes no file."""
    made, kept = head(PLAIN), tmp_path / "kept"
    fine_tune(made, people(PLAIN), seed=1, checkpoint=kept, progress=SilentProgress)
    kept.unlink()
    made.fit_people(people(PLAIN), seed=2)
    assert not kept.exists()
