"""Fine-tuning: what it starts from, what a step does, what stays frozen, and what is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from facebone.backbones.base import BackboneSpec
from facebone.backbones.cut import open_cut
from facebone.backbones.homogeneous import lower
from facebone.backbones.mobilefacenet import build
from facebone.backbones.zoo import Zoo, load_backbone
from facebone.data.pairs import Pairs
from facebone.data.synthetic import synthetic_dataset
from facebone.errors import UsageError, WeightsError
from facebone.seeding import make_rng
from facebone.verification.adaptation import tails
from facebone.verification.adaptation.fine_tuning import FineTuningHead
from facebone.verification.adaptation.fine_tuning_settings import FineTuningSettings, place_cut
from facebone.verification.adaptation.sampling import draw_epoch
from facebone.verification.adaptation.tails import Tails
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.heads import head_from_state, make_head
from facebone.verification.labelled_pictures import LabelledPictures
from facebone.verification.routes import open_routes

PEOPLE, EACH = 12, 6
ROUTES = ("tiny_plain", "tiny_plain@0", "tiny_plain@4", "tiny_residual@2", "tiny_residual")


class Shown:
    """Synthetic people under `ROUTES`; half of each one's pictures to learn from."""

    def __init__(self) -> None:
        pictures = synthetic_dataset(PEOPLE, EACH, seed=7).pictures
        engine = EmbeddingEngine(open_routes(list(ROUTES), device="cpu"), workers=1)
        self.matrices = dict(zip(ROUTES, engine.embed(pictures).matrices, strict=True))
        self.person = np.repeat(np.arange(PEOPLE), EACH)
        self.learnt = np.flatnonzero(np.arange(PEOPLE * EACH) % EACH < EACH // 2)
        self.others = np.setdiff1d(np.arange(PEOPLE * EACH), self.learnt)

    def labelled(self, *names: str, rows: np.ndarray | None = None) -> LabelledPictures:
        """Some pictures under some backbones; those to learn from if nothing is said."""
        rows = self.learnt if rows is None else rows
        return LabelledPictures.gather(
            [self.matrices[name] for name in names], rows, self.person[rows]
        )


@pytest.fixture(scope="module")
def shown() -> Shown:
    return Shown()


def tuned(pictures: LabelledPictures, *names: str, seed: int = 0, **settings: Any) -> Any:
    head = make_head("fine_tuning", {"backbone": list(names), **settings})
    assert isinstance(head, FineTuningHead)
    head.fit_people(pictures, seed=seed)
    return head


def gap(templates: np.ndarray, person: np.ndarray) -> float:
    """Mean cosine of pictures of one person less that of two."""
    cosine = templates @ templates.T
    same = person[:, None] == person
    return float(cosine[same & ~np.eye(len(person), dtype=bool)].mean() - cosine[~same].mean())


@pytest.mark.parametrize("names", [("tiny_plain@4",), ("tiny_residual@2", "tiny_plain@0")])
def test_without_an_epoch_it_is_the_backbone_as_published(shown: Shown, names) -> None:
    """Held against ONNX Runtime; of two backbones the cosine is the mean of theirs."""
    head = tuned(shown.labelled(*names), *names, epochs=0)
    templates = head.templates(shown.labelled(*names, rows=shown.others).embeddings)
    whole = [normalise(shown.matrices[name.split("@")[0]][shown.others]) for name in names]
    wanted = np.mean([one @ one.T for one in whole], axis=0)
    np.testing.assert_allclose(templates @ templates.T, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("tiny_plain@4", {}),
        ("tiny_plain@0", {"augment": "flip", "learning_rate": 3e-4}),
        ("tiny_residual@2", {"normalisation": "batch", "schedule": "cosine"}),
        ("tiny_residual@2", {"normalisation": "group"}),
        ("tiny_plain@4", {"loss": "triplet", "people_per_batch": 6}),
        ("tiny_plain@4", {"loss": "arcface", "sampler": "people"}),
    ],
)
def test_training_lowers_the_loss_and_draws_people_together(shown: Shown, name, settings) -> None:
    common = {"epochs": 6, "batch_size": 18, "learning_rate": 1e-3}
    pictures = shown.labelled(name)
    head = make_head("fine_tuning", {"backbone": name} | common | settings)
    report = head.fit_people(pictures, seed=0)
    assert (report.epochs, report.pairs, report.best_epoch) == (6, len(pictures), 6)
    assert report.train_loss[-1] < report.train_loss[0]
    kept = {key: one for key, one in settings.items() if key == "normalisation"}
    before = tuned(pictures, name, epochs=0, **kept)
    first, after = (
        gap(one.templates(pictures.embeddings), pictures.person) for one in (before, head)
    )
    assert after > first + 0.01


def test_one_step_is_that_of_a_plain_loop(shown: Shown) -> None:
    """CosFace by PyTorch's own cross-entropy and autograd on a layer, with its own AdamW."""
    pictures = shown.labelled("tiny_plain@4")
    settings = {"epochs": 3, "learning_rate": 2e-3, "weight_decay": 0.01, "batch_size": 16}
    head = tuned(pictures, "tiny_plain@4", seed=5, **settings)
    cut = open_cut("tiny_plain@4")
    tail = cut.tail  # in evaluation mode throughout: running statistics are frozen
    rows = lower(torch.from_numpy(pictures.embeddings[0]), cut.shape)
    person = torch.from_numpy(pictures.person)
    with torch.no_grad():
        start = functional.normalize(tail(rows))
    centres = nn.Parameter(
        functional.normalize(torch.stack([start[person == k].sum(0) for k in range(PEOPLE)]))
    )
    optimiser = torch.optim.AdamW([*tail.parameters(), centres], lr=2e-3, weight_decay=0.01)
    for epoch in range(3):
        rng = make_rng(5, "fine-tuning", "order", epoch)
        recipe = FineTuningSettings(backbone=("x@4",), **settings).recipe
        for places, weights in zip(*draw_epoch(recipe, pictures.person, rng), strict=True):
            batch = torch.from_numpy(places[weights > 0])
            cosine = functional.normalize(tail(rows[batch])) @ functional.normalize(centres).T
            logits = 16 * (cosine - 0.35 * functional.one_hot(person[batch], PEOPLE))
            optimiser.zero_grad()
            functional.cross_entropy(logits, person[batch]).backward()
            optimiser.step()
    with torch.no_grad():
        wanted = functional.normalize(tail(rows)).numpy()
    np.testing.assert_allclose(head.templates(pictures.embeddings), wanted, atol=2e-5)
    assert np.abs(wanted - start.numpy()).max() > 0.01


def statistics(head: FineTuningHead) -> dict[str, np.ndarray]:
    return {name: one for name, one in head.state()[1].items() if "running" in name}


def test_frozen_statistics_stay_and_others_follow(shown: Shown) -> None:
    pictures = shown.labelled("tiny_residual@2")
    start, frozen, batch, group = (
        tuned(pictures, "tiny_residual@2", epochs=epochs, normalisation=kind)
        for epochs, kind in ((0, "frozen"), (2, "frozen"), (2, "batch"), (2, "group"))
    )
    published = statistics(start)
    assert len(published) == 2 * 3  # in the block, behind it, and behind the last matrix
    for name, kept in statistics(frozen).items():
        np.testing.assert_array_equal(kept, published[name])
    for name, moved in statistics(batch).items():
        assert np.abs(moved - published[name]).max() > 1e-3
    assert statistics(group) == {}
    weights = [head.state()[1] for head in (start, frozen)]
    assert all(
        np.abs(weights[0][name] - weights[1][name]).max() > 0
        for name in weights[0]
        if name.endswith("weight")
    )


@pytest.mark.parametrize(("kind", "apart"), [("frozen", True), ("group", True), ("batch", False)])
def test_whether_pictures_see_each_other_while_training(shown: Shown, kind, apart: bool) -> None:
    rows = shown.labelled("tiny_residual@2").embeddings
    network = Tails.open(["tiny_residual@2"], kind).train()
    with torch.no_grad():
        together = network(network.lower(rows, "cpu"))[:4]
        alone = network(network.lower([rows[0][:4]], "cpu"))
    assert torch.allclose(together, alone, atol=1e-5) == apart


def test_group_normalisation_takes_over_scale_and_shift() -> None:
    batch, group = (Tails.open(["tiny_residual@2"], kind) for kind in ("frozen", "group"))
    before = [one for one in batch.modules() if isinstance(one, nn.BatchNorm1d)]
    after = [one for one in group.modules() if isinstance(one, nn.GroupNorm)]
    assert [one.num_groups for one in after] == [1, 5, 8]  # of 56, 80 and 128 channels
    for a, b in zip(before, after, strict=True):
        torch.testing.assert_close(a.weight, b.weight)
        torch.testing.assert_close(a.bias, b.bias)


@pytest.mark.parametrize("normalisation", ["frozen", "batch", "group"])
def test_saved_state_answers_bit_for_bit_alike(shown: Shown, normalisation: str) -> None:
    names = "tiny_residual@2", "tiny_plain@4"
    pictures = shown.labelled(*names)
    settings = {"epochs": 1, "normalisation": normalisation, "keep_centres": True}
    head = tuned(pictures, *names, **settings)
    config, arrays = head.state()
    again = head_from_state(json.loads(json.dumps(config)), arrays)
    assert again.settings == head.settings
    others = shown.labelled(*names, rows=shown.others).embeddings
    assert again.templates(others).tobytes() == head.templates(others).tobytes()
    for name, array in again.state()[1].items():
        np.testing.assert_array_equal(array, arrays[name])


@pytest.fixture
def network_file(tmp_path: Path) -> Path:
    """A MobileFaceNet of random weights, described as ``mine``."""
    from safetensors.torch import save_file

    path = tmp_path / "mine.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(4)
        save_file(build("mobilefacenet", 16, (112, 112)).state_dict(), path)
    spec = BackboneSpec("mine", "mobilefacenet", "torch", (112, 112), 16, "arcface-112x112")
    Zoo().add(path, spec)
    return path


def made_up(width: int, seed: int = 0) -> LabelledPictures:
    """Rows as of a cut of that width, of 8 people with 4 pictures each."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(8), 4)
    rows = rng.normal(size=(8, width))[person] + rng.normal(size=(32, width))
    rows[:, -1] = 32.0
    return LabelledPictures.gather([rows.astype(np.float32)], np.arange(32), person)


def test_state_loads_where_the_weights_are_gone(network_file: Path) -> None:
    pictures = made_up(512 + 1)
    head = tuned(pictures, "mine@19", epochs=2)
    wanted = head.templates(pictures.embeddings)
    config, arrays = head.state()
    network_file.unlink()
    again = head_from_state(config, arrays)
    assert again.templates(pictures.embeddings).tobytes() == wanted.tobytes()


def test_state_of_another_shape_is_refused(shown: Shown) -> None:
    config, arrays = tuned(shown.labelled("tiny_plain@4"), "tiny_plain@4", epochs=0).state()
    name = next(name for name in arrays if name.endswith("weight"))
    with pytest.raises(WeightsError, match="has shape"):
        head_from_state(config, arrays | {name: arrays[name][:1]})
    with pytest.raises(WeightsError, match="arrays missing or too many: extra"):
        head_from_state(config, arrays | {"extra": arrays[name]})


def test_the_seed_decides_and_no_global_one(shown: Shown) -> None:
    pictures = shown.labelled("tiny_plain@0")
    settings = {"epochs": 1, "augment": "full", "batch_size": 16, "learning_rate": 1e-3}
    torch.manual_seed(1)
    first = tuned(pictures, "tiny_plain@0", seed=3, **settings).templates(pictures.embeddings)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again, other = (
        tuned(pictures, "tiny_plain@0", seed=seed, **settings).templates(pictures.embeddings)
        for seed in (3, 4)
    )
    assert again.tobytes() == first.tobytes()
    assert np.abs(other - first).max() > 1e-4
    assert torch.equal(torch.get_rng_state(), before)


def test_early_stopping_keeps_the_best_epoch() -> None:
    """Under a rate that spoils the network, what is kept is what a shorter run comes to."""
    pictures, others = made_up(1536 + 1), made_up(1536 + 1, seed=1)
    others = replace(others, person=others.person + 100)
    settings = {"backbone": "tiny_plain@4", "learning_rate": 3e-3, "epochs": 12}
    patient = make_head("fine_tuning", settings | {"patience": 2})
    report = patient.fit_people(pictures, seed=0, validation=others)
    losses = report.validation_loss
    assert report.best_epoch == 1 + int(np.argmin(losses))
    assert report.epochs == len(losses) == min(report.best_epoch + 2, 12) < 12
    short = make_head("fine_tuning", settings | {"epochs": report.best_epoch})
    short.fit_people(pictures, seed=0)
    assert patient.templates(others.embeddings).tobytes() == (
        short.templates(others.embeddings).tobytes()
    )


def test_people_kept_aside_are_not_trained_on() -> None:
    head = make_head("fine_tuning", {"backbone": "tiny_plain@4", "patience": 1, "epochs": 1})
    report = head.fit_people(made_up(1536 + 1), seed=0)
    assert (report.pairs, report.held_out) == (24, 8)


def test_inside_sums_up_the_last_units_and_compares_with_centres(shown: Shown) -> None:
    pictures = shown.labelled("tiny_plain@4")
    head = tuned(pictures, "tiny_plain@4", epochs=1, keep_centres=True)
    pairs = EmbeddedPairs.gather(
        pictures.embeddings,
        Pairs(np.array([0, 3, 5]), np.array([1, 9, 20]), np.array([True, False, False])),
    )
    inside = head.inside(pairs, np.array([True, False, False]))
    columns = dict(zip(inside.names(), inside.columns().T, strict=True))
    templates = head.templates(pictures.embeddings)
    nearest = (templates @ head.state()[1]["centres"].T).max(axis=1)
    np.testing.assert_allclose(
        columns["nearest centre"], (nearest[[0, 3, 5]] + nearest[[1, 9, 20]]) / 2, atol=1e-6
    )
    # One unit behind the cut: its answers are the embeddings before they get length one.
    cut = open_cut("tiny_plain@4")
    arrays = head.state()[1]
    cut.tail.load_state_dict(
        {name.removeprefix("tail_0."): torch.from_numpy(one) for name, one in arrays.items()
         if name.startswith("tail_0.")}, strict=False,
    )  # fmt: skip
    with torch.no_grad():
        made = cut.tail(lower(torch.from_numpy(pictures.embeddings[0]), cut.shape)).clamp_min(0)
    share = (made > 0).double().mean(1).numpy()
    np.testing.assert_allclose(
        columns["activity of layer 0, share"], (share[[0, 3, 5]] + share[[1, 9, 20]]) / 2, atol=1e-6
    )
    assert "activity of layer 1, share" not in columns
    assert head.inside(pairs.take(np.arange(0)), np.empty(0, dtype=bool)).columns().shape[0] == 0


def test_no_pictures_give_no_templates(shown: Shown) -> None:
    pictures = shown.labelled("tiny_plain@4")
    head = tuned(pictures, "tiny_plain@4", epochs=0)
    none = [matrix[:0] for matrix in pictures.embeddings]
    assert head.templates(none).shape == (0, load_backbone("tiny_plain").spec.dimension)


def test_blocks_of_a_command_become_cuts() -> None:
    settings, names = place_cut({"blocks": 3, "epochs": 4}, ["tiny_mobile", "tiny_wide"])
    assert names == ("tiny_mobile@10", "tiny_wide@0")
    assert settings == {"backbone": names, "epochs": 4}
    assert place_cut({}, ["tiny_mobile"])[1] == ("tiny_mobile@11",)
    assert place_cut({"blocks": "all"}, ["tiny_mobile"])[1] == ("tiny_mobile@0",)
    assert place_cut({}, ["tiny_mobile@5"])[1] == ("tiny_mobile@5",)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backbone": "tiny_plain"}, r"backbone: must be cut, like tiny_plain@3"),
        ({"backbone": 3}, "backbone: must be names of backbones"),
        ({"backbone": "x@2", "augment": "flip"}, "augment: needs pictures, and behind the cut"),
        ({"augment": "mixup"}, "augment: must be one of none, flip, full"),
        ({"normalisation": "layer"}, "normalisation: must be one of frozen, batch, group"),
        ({"epochs": -1}, "epochs: must be an integer of at least 0"),
        ({"learning_rate": 0}, "learning_rate: must be a number of more than 0"),
        ({"loss": "hinge"}, "loss: must be one of cosface"),
        ({"loss": "triplet", "keep_centres": True}, "keep_centres: does nothing with loss=triplet"),
    ],
)
def test_settings_that_do_not_do_are_refused(settings, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_head("fine_tuning", settings)


def test_what_does_not_fit_is_told(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = shown.labelled("tiny_plain")
    with pytest.raises(UsageError, match="must name the cut backbones whose tails are trained"):
        make_head("fine_tuning").fit_people(whole, seed=0)
    with pytest.raises(UsageError, match=r"widths \(64,\), .* have \(1537,\); open the routes"):
        make_head("fine_tuning", {"backbone": "tiny_plain@4"}).fit_people(whole, seed=0)
    with pytest.raises(UsageError, match="device: must be cpu"):
        FineTuningHead(device="tpu")

    def without_norms(name: str, *, filled: bool) -> Any:
        del filled
        return replace(open_cut(name), tail=nn.Sequential(nn.Linear(1536, 64)))

    monkeypatch.setattr(tails, "open_cut", without_norms)
    with pytest.raises(UsageError, match="there is no batch normalisation behind the cut"):
        Tails.open(["tiny_plain@4"], "group")


def test_training_that_runs_out_of_bounds_says_so() -> None:
    with pytest.raises(UsageError, match="ran out of bounds; lower learning_rate"):
        tuned(made_up(1536 + 1), "tiny_plain@4", learning_rate=1e30, epochs=3)
