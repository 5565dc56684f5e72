"""A whole hardening without pictures: what is looked at when, what is written, what is chosen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from facebone.audit.artefacts import read_audit
from facebone.data.dataset import Dataset
from facebone.data.pictures import RGB, Picture
from facebone.errors import DatasetError, DecodeError, UsageError
from facebone.harden.choice import Rule
from facebone.harden.finish import with_key
from facebone.harden.halves import split_halves
from facebone.harden.hardening import Hardening
from facebone.harden.rings import RingTask
from facebone.harden.run import harden
from facebone.harden.schema import Harden
from facebone.harden.settings import HardenSettings, with_views
from facebone.scale.executor import SerialExecutor
from facebone.seeding import make_rng
from facebone.verification.engine import Embedded
from facebone.verification.verifier import Verifier

MLP = {"layers": [16], "batch_norm": [], "epochs": 30, "learning_rate": 0.01}
WIDTHS = {"wide": 16, "narrow": 12}


@dataclass(frozen=True, slots=True)
class Bytes:
    """A source of which there are bytes, and no picture."""

    location: str
    content: bytes
    landmarks: None = None

    def read(self) -> bytes:
        return self.content

    def decode(self, content: bytes) -> RGB:
        raise DecodeError("no picture", where=self.location)


def made_up_people(people: int = 64, pictures: int = 4) -> Dataset:
    """People whose first picture is, byte for byte, also somebody else's last."""
    found = []
    for who in range(people):
        for i in range(pictures):
            shown = who + 1 if i == pictures - 1 and who % 3 == 0 else who
            number = 0 if shown != who else i
            name = f"p{who:03d}"
            content = f"{shown % people} {number}".encode()
            found.append(Picture(f"{name}/{i}", name, Bytes(f"{name}/{i}", content)))
    return Dataset("made up", tuple(found))


@dataclass
class SpyEngine:
    """Stands for `EmbeddingEngine`: people as directions; remembers what it was shown, and when."""

    names: tuple[str, ...] = tuple(WIDTHS)
    shown: list[list[Picture]] = field(default_factory=list)
    executor: None = None

    @property
    def routes(self) -> list[Any]:
        return [
            SimpleNamespace(
                backbone=SimpleNamespace(
                    spec=SimpleNamespace(name=name, dimension=WIDTHS[name]), device="cpu"
                ),
                describe=lambda name=name: {"backbone": name, "weights_hash": name},
            )
            for name in self.names
        ]

    def along(self, routes: Sequence[Any]) -> SpyEngine:
        return SpyEngine(tuple(route.backbone.spec.name for route in routes), self.shown)

    def embed(self, pictures: Sequence[Picture]) -> Embedded:
        self.shown.append(list(pictures))

        def one(picture: Picture, width: int) -> np.ndarray:
            who, which = make_rng(0, picture.person, width), make_rng(0, picture.id, width)
            return who.normal(size=width) + 1.1 * which.normal(size=width)

        matrices = [
            np.array([one(p, WIDTHS[name]) for p in pictures], dtype=np.float32)
            for name in self.names
        ]
        return Embedded(tuple(matrices), (), (), 0, 0)


class Watching(SerialExecutor):
    """Notes how many times pictures were embedded when each ring was measured."""

    def __init__(self, engine: SpyEngine) -> None:
        self.engine, self.at_ring = engine, []

    def run(
        self,
        function: Callable[[Any], Any],
        arguments: Iterable[Any],
        *,
        on_result: Callable[[Any, Any], Iterable[Any]],
        on_lost: Callable[[Any], Iterable[Any]] | None = None,
    ) -> None:
        def noted(argument: Any, result: Any) -> Iterable[Any]:
            if isinstance(argument, RingTask):
                self.at_ring.append(len(self.engine.shown))
            return on_result(argument, result)

        super().run(function, arguments, on_result=noted, on_lost=on_lost)


def asked_for(dataset: Dataset, home: Path, **changes: Any) -> Hardening:
    engine = SpyEngine()
    settings = HardenSettings(
        data="made up",
        backbones=tuple(WIDTHS),
        heads=("mlp", "logistic"),
        head_settings=MLP,
        pairs=60,
        models=3,
        shadows=4,
        seeds=1,
        device="cpu",
    )
    asked = Hardening(
        settings=settings,
        rule=Rule(max_drop=0.3),
        dataset=dataset,
        engine=engine,  # type: ignore[arg-type]
        device="cpu",
        executor=Watching(engine),
        workers=1,
        shadow_folder=home / "shadows",
        minutes=100,
        trials=4,
        target_far=0.02,
        pictures=False,
    )
    return replace(asked, **changes)


@dataclass(frozen=True)
class Done:
    """A hardening that is done."""

    asked: Hardening
    report: Harden
    out: Path
    lines: list[str]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    home = tmp_path_factory.mktemp("hardened")
    asked = asked_for(made_up_people(), home)
    lines: list[str] = []
    report = harden(asked, home / "out", tell=lines.append)
    return Done(asked, report, home / "out", lines)


def test_the_search_sees_nobody_of_the_confirmation(done: Done) -> None:
    halves = split_halves(done.asked.dataset, seed=0)
    engine, executor = done.asked.engine, done.asked.executor
    assert isinstance(engine, SpyEngine)
    assert isinstance(executor, Watching)
    assert len(executor.at_ring) == 4
    until = max(executor.at_ring)
    seen = [picture for batch in engine.shown[:until] for picture in batch]
    others = halves.confirmation.pictures
    assert seen
    assert not {one.person for one in seen} & {one.person for one in others}
    assert not {one.id for one in seen} & {one.id for one in others}
    assert not {one.source.read() for one in seen} & {one.source.read() for one in others}
    assert halves.copies, "there were copies to leave out"


def test_the_confirmation_sees_nobody_of_the_search(done: Done) -> None:
    halves = split_halves(done.asked.dataset, seed=0)
    targets = read_audit(done.out)
    assert targets.data.fingerprint == halves.confirmation.fingerprint
    assert targets.data.people == len(halves.confirmation.people)
    assert done.report.data.search.fingerprint == halves.search.fingerprint
    assert targets.seed != done.asked.settings.seed


def test_what_is_written_is_valid_and_whole(done: Done) -> None:
    values = json.loads((done.out / "harden.json").read_text("utf-8"))
    assert Harden.model_validate(values) == done.report
    for name in ("audit.json", "report.html", "scores.parquet"):
        assert (done.out / name).stat().st_size
    assert not list(done.out.rglob("*.part"))
    assert {one.name for one in done.report.trials} == {
        "none",
        "facebone",
        "none@logistic",
        done.report.trials[3].name,
    }
    assert done.report.trials[0].name == "none"


def test_before_and_after_stand_in_one_audit(done: Done) -> None:
    audit = read_audit(done.out)
    assert audit.targets[0].name == "none"
    assert {one.name for one in audit.targets} == {one.name for one in done.report.confirmation}
    assert audit.command == done.report.command
    heads = {one.name: one.head for one in audit.targets}
    assert heads["none"] == "mlp"
    assert "logistic" in heads.values()
    confirmed = {one.name: one for one in done.report.confirmation}
    assert confirmed["none"].accuracy == audit.targets[0].utility.accuracy


def test_the_least_leak_is_recommended(done: Done) -> None:
    by_name = {one.name: one for one in done.report.trials}
    assert by_name["none"].leak > 0.6
    assert done.report.recommended is not None
    assert by_name[done.report.recommended].leak < by_name["none"].leak - 0.05
    assert by_name[done.report.recommended].on_front


def test_the_verifier_loads_and_is_of_the_recommended_recipe(done: Done) -> None:
    assert done.report.verifier is not None
    verifier = Verifier.load(done.out / done.report.verifier.folder)
    assert verifier.threshold == done.report.verifier.threshold
    trial = next(one for one in done.report.trials if one.name == done.report.recommended)
    assert list(verifier.backbones) == trial.backbones
    assert verifier.training.fingerprint == done.asked.dataset.fingerprint


def test_it_goes_on_from_what_is_done(done: Done) -> None:
    engine = SpyEngine()
    again = replace(done.asked, engine=engine, executor=Watching(engine))  # type: ignore[arg-type]
    report = harden(again, done.out)
    assert again.executor.at_ring == []  # type: ignore[attr-defined]
    same = {"created", "environment", "confirmation_seconds", "search_seconds"}
    assert report.model_dump(exclude=same) == done.report.model_dump(exclude=same)


def test_an_accuracy_that_nothing_reaches_recommends_nothing(done: Done, tmp_path: Path) -> None:
    asked = replace(done.asked, rule=Rule(min_accuracy=1.0))
    out = shutil.copytree(done.out, tmp_path / "out")
    report = harden(asked, out)
    assert not (out / "verifier").exists(), "an earlier one would be taken for recommended"
    assert report.recommended is None
    assert report.chosen is None
    assert report.verifier is None
    assert any("no recipe of the search" in line for line in report.notes)
    assert len(report.confirmation) > 1


def test_another_question_does_not_get_the_folder(done: Done) -> None:
    other = replace(done.asked, settings=replace(done.asked.settings, models=4))
    with pytest.raises(UsageError, match="models"):
        harden(other, done.out)


def test_too_few_people_are_refused_before_anything_is_done(tmp_path: Path) -> None:
    asked = asked_for(made_up_people(8, 2), tmp_path)
    with pytest.raises(DatasetError, match="--far"):
        harden(asked, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert asked.engine.shown == []  # type: ignore[attr-defined]


def test_a_secret_is_drawn_where_there_is_one(done: Done) -> None:
    recipe = done.asked.make("facebone:assignment=epoch,query=secret")
    first, keyed = with_key(recipe, tuple(WIDTHS))
    second, _ = with_key(recipe, tuple(WIDTHS))
    assert keyed
    assert first["key"] != second["key"]
    assert with_key(done.asked.make("none"), tuple(WIDTHS)) == ({}, False)
    given = done.asked.make("facebone:assignment=epoch,query=secret,key=0123456789abcdefx")
    assert with_key(given, tuple(WIDTHS)) == (given.settings, False)


def test_views_stand_beside_their_backbones() -> None:
    assert with_views(["a", "b%60"]) == ("a", "a%80", "a%60", "a%mirror", "b%60")


def test_the_command_says_how_to_harden_so_again(done: Done) -> None:
    assert done.report.command == (
        "facebone harden --data 'made up' --backbone wide --backbone narrow --head mlp --head "
        "logistic --set 'layers=[16]' --set 'batch_norm=[]' --set epochs=30 --set "
        "learning_rate=0.01 --pairs 60 --models 3 --shadows 4 --seeds 1 --device cpu --max-drop "
        "0.3 --budget 100 --trials 4 --far 0.02 --out DIR"
    )


def test_people_of_an_adaptation_are_hardened_too(tmp_path: Path) -> None:
    settings = HardenSettings(
        data="made up",
        backbones=tuple(WIDTHS),
        heads=("adapter",),
        head_settings={"epochs": 3},
        pairs=400,
        models=3,
        shadows=4,
        seeds=1,
        device="cpu",
    )
    asked = asked_for(made_up_people(112, 6), tmp_path, settings=settings, trials=2)
    report = harden(asked, tmp_path / "out")
    assert report.level == "identity"
    assert [one.name for one in report.trials] == ["none", "facebone"]
    assert all(one.head == "adapter" for one in report.trials)
    ways = {one.attack for one in report.trials[0].attacks}
    assert {"loss_threshold", "loss_threshold gain", "lira", "lira among"} <= ways
    assert {one.name for one in report.confirmation} <= {"none", "facebone"}
    assert Verifier.load(tmp_path / "out" / "verifier").head.base_name == "adapter"
