"""Training an adaptation: who is learnt from, who is measured, and what it is held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from facebone.data.dataset import Dataset
from facebone.data.pictures import RGB, Picture
from facebone.errors import DatasetError, DecodeError, LeakageError, UsageError
from facebone.seeding import make_rng
from facebone.verification.adaptation.whitening import WhiteningHead, WhiteningSettings
from facebone.verification.adapted_training import (
    FEWEST_TO_KEEP,
    embed_labelled,
    share_out,
    train_adapted,
)
from facebone.verification.chain import Problem
from facebone.verification.engine import Embedded
from facebone.verification.heads import make_head
from facebone.verification.training import Trained, train_verifier

COUNTS = (*[1] * 10, *[3] * 30, *[8] * 30, *[14] * 20)
WIDTHS = (16, 12)


@dataclass(frozen=True, slots=True)
class NoPicture:
    """Bytes that are told from others and cannot be decoded."""

    location: str
    landmarks: None = None

    def read(self) -> bytes:
        return self.location.partition("=")[2].encode() or self.location.encode()

    def decode(self, content: bytes) -> RGB:
        raise DecodeError("no picture", where=self.location)


def people_of(counts: Sequence[int], copies: dict[str, str] | None = None) -> Dataset:
    """One person a count; `copies` makes a picture's bytes those of another."""
    names = [f"p{who:03d}/{i:02d}" for who, count in enumerate(counts) for i in range(count)]
    same = copies or {}
    return Dataset(
        "made up",
        tuple(Picture(name, name[:4], NoPicture(f"x={same.get(name, name)}")) for name in names),
    )


class MadeUpEngine:
    """People as directions whose axes differ much in size, which whitening evens out."""

    def __init__(self, broken: Sequence[str] = ()) -> None:
        specs = [SimpleNamespace(name=f"backbone_{i}") for i in range(len(WIDTHS))]
        self.routes = [
            SimpleNamespace(
                backbone=SimpleNamespace(spec=spec),
                describe=lambda spec=spec: {"backbone": spec.name, "weights_hash": "ab"},
            )
            for spec in specs
        ]
        self.broken = set(broken)
        self.asked: list[str] = []

    def embed(self, pictures: Sequence[Picture]) -> Embedded:
        self.asked += [picture.id for picture in pictures]
        matrices = tuple(
            np.array([embedding(picture.id, width) for picture in pictures], dtype=np.float32)
            for width in WIDTHS
        )
        for matrix in matrices:
            matrix[[picture.id in self.broken for picture in pictures]] = np.nan
        problems = tuple(Problem(p.id, "no face") for p in pictures if p.id in self.broken)
        return Embedded(matrices, problems, (), 0, 0)


def embedding(name: str, width: int) -> np.ndarray:
    who, which = make_rng(0, name[:4], width), make_rng(0, name, width)
    noise = 0.6 * which.normal(size=width)
    noise[0] *= 12  # an axis that says nothing of anybody
    return who.normal(size=width) + noise + 0.5


class Spy(WhiteningHead):
    """Remembers what it learnt from and what it was asked."""

    def __init__(self, settings: object | None = None, *, device: str = "cpu") -> None:
        super().__init__(settings or WhiteningSettings(power=1.0), device=device)
        self.learnt: list[tuple[np.ndarray, np.ndarray]] = []
        self.asked: list[np.ndarray] = []
        self.validated = False

    def _fit_people(self, pictures, *, seed, validation):
        self.learnt.append((pictures.embeddings[0], pictures.person))
        self.validated = validation is not None
        return super()._fit_people(pictures, seed=seed, validation=validation)

    def _logit(self, pairs):
        self.asked += [pairs.left[0], pairs.right[0]]
        return super()._logit(pairs)


def train(head=None, engine=None, counts=COUNTS, **changes) -> Trained:
    words = {"seed": 3, "limit": 200, "target_far": 0.05} | changes
    data = words.pop("dataset", None) or people_of(counts)
    return train_adapted(data, engine or MadeUpEngine(), head or Spy(), **words)


def names_of(rows: np.ndarray, dataset: Dataset) -> list[str]:
    """Which pictures normalised rows of the first backbone are."""
    known = {}
    for picture in dataset.pictures:
        row = embedding(picture.id, WIDTHS[0]).astype(np.float32)
        known[(row / np.linalg.norm(row)).astype(np.float32).round(4).tobytes()] = picture.id
    return [known[row.round(4).tobytes()] for row in rows]


# ---- who is learnt from ------------------------------------------------------------------------


def test_nobody_is_learnt_from_and_measured_but_by_other_pictures() -> None:
    head, dataset = Spy(), people_of(COUNTS)
    trained = train(head, pictures=5)
    ((rows, person),) = head.learnt
    learnt = names_of(rows, dataset)
    assert len(set(learnt)) == len(learnt) == trained.adapted.pictures
    # The numbers tell the people apart, and one person from no other.
    assert (
        len({(name[:4], who) for name, who in zip(learnt, person, strict=True)})
        == len({name[:4] for name in learnt})
        == len(set(person.tolist()))
    )
    assert max(Counter(name[:4] for name in learnt).values()) == 5
    assert len({name[:4] for name in learnt}) == trained.people[0]
    calibration, test, kept = (
        set(names_of(np.concatenate(head.asked[i : i + 2]), dataset)) for i in (0, 2, 4)
    )
    mine = {name[:4] for name in learnt}
    sides = [{name[:4] for name in side} for side in (calibration, test)]
    assert not sides[0] & sides[1]
    assert not mine & (sides[0] | sides[1])
    assert {name[:4] for name in kept} <= mine
    assert kept
    assert not kept & set(learnt)
    assert not head.validated


def test_people_are_split_as_for_heads() -> None:
    dataset = people_of(COUNTS)
    adapted = train()
    plain = train_verifier(
        dataset, MadeUpEngine(), make_head("cosine"), seed=3, limit=200, target_far=0.05
    )
    assert adapted.people == plain.people
    assert adapted.pairs[1:] == plain.pairs[1:]
    # An oracle for what it is held against: the cosine as a verifier of its own.
    before = adapted.adapted.strangers.before
    assert before.value == pytest.approx(plain.utility.accuracy.value, abs=0.01)
    after = adapted.adapted.strangers.after
    assert after.value == pytest.approx(adapted.utility.accuracy.value, abs=0.01)


def test_the_unadapted_verifier_is_worse_where_an_axis_is_noise() -> None:
    found = train().adapted
    for change in (found.strangers, found.members):
        assert change.change.low > 0.05
        assert change.change.value == pytest.approx(change.after.value - change.before.value)


def test_the_threshold_is_that_of_the_calibration_people() -> None:
    trained = train()
    assert trained.verifier.target_far == 0.05
    assert trained.verifier.training.pictures == trained.adapted.pictures
    assert trained.verifier.training.pairs == 0
    assert trained.verifier.backbones == ("backbone_0", "backbone_1")
    # Of people never met it accepts about as many as asked for.
    strict = train(target_far=0.01)
    assert strict.verifier.threshold > trained.verifier.threshold


def test_same_seed_same_verifier_and_another_seed_another() -> None:
    one, two, other = train(), train(), train(seed=4)
    for left, right in zip(one.verifier.head._means, two.verifier.head._means, strict=True):
        assert left.tobytes() == right.tobytes()
    assert one.utility.to_json() == two.utility.to_json()
    assert one.verifier.head._means[0].tobytes() != other.verifier.head._means[0].tobytes()


def test_who_has_few_pictures_keeps_none_aside() -> None:
    trained = train(counts=(4,) * 60)
    assert trained.adapted.members is None
    assert trained.adapted.pictures == 4 * trained.people[0]
    assert trained.adapted.to_json()["members"] is None


@pytest.mark.parametrize("most", [2, 5, 100])
def test_pictures_are_shared_out(most: int) -> None:
    dataset = people_of((1, 2, 7, 8, 11, 40))
    everything = np.arange(len(dataset.pictures))
    learnt, kept = share_out(dataset, everything, most=most, seed=0)
    assert sorted([*learnt, *kept]) == everything.tolist()
    assert (np.diff(learnt) > 0).all()
    count = Counter(dataset.pictures[i].person for i in learnt)
    for person, own in dataset.people.items():
        free = len(own) - (len(own) // 4 if len(own) >= FEWEST_TO_KEEP else 0)
        assert count[person] == min(most, free)
    other = share_out(dataset, everything, most=most, seed=1)[0]
    assert len(other) == len(learnt)
    assert (other != learnt).any()


# ---- copies and losses -------------------------------------------------------------------------


def test_a_picture_of_two_parts_is_an_error_or_is_dropped() -> None:
    dataset = people_of(COUNTS)
    _, learnt_people = train().people, Spy()
    train(learnt_people)
    trained_on = names_of(learnt_people.learnt[0][0], dataset)
    stranger = next(
        picture.id
        for picture in dataset.pictures
        if picture.person not in {name[:4] for name in trained_on} and picture.id.endswith("02")
    )
    twice = people_of(COUNTS, {stranger: trained_on[0]})
    with pytest.raises(LeakageError, match="stand on both sides"):
        train(dataset=twice)
    dropped = train(dataset=twice, copies="drop")
    assert dropped.removed == (stranger,)


def test_repeats_of_training_people_are_left_out_quietly() -> None:
    dataset = people_of(COUNTS)
    head = Spy()
    train(head)
    rich = next(name[:4] for name in names_of(head.learnt[0][0], dataset) if name[:4] >= "p070")
    copies = {f"{rich}/{i:02d}": f"{rich}/00" for i in range(1, 7)}
    again = Spy()
    trained = train(again, dataset=people_of(COUNTS, copies))
    assert set(trained.removed) == set(copies)
    assert not set(copies) & set(names_of(again.learnt[0][0], dataset))


def test_pictures_that_cannot_be_embedded_are_left_out_with_a_reason() -> None:
    dataset, head = people_of(COUNTS), Spy()
    train(head)
    broken = names_of(head.learnt[0][0], dataset)[:3]
    again = Spy()
    trained = train(again, MadeUpEngine(broken))
    assert [problem.picture for problem in trained.problems] == sorted(broken)
    assert not set(broken) & set(names_of(again.learnt[0][0], dataset))
    with pytest.raises(DatasetError, match=r"no picture to learn from .* first reason: no face"):
        embed_labelled(
            MadeUpEngine([picture.id for picture in dataset.pictures]),  # type: ignore[arg-type]
            dataset,
            np.arange(5),
        )


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"counts": (3,) * 2}, DatasetError, "people are too few for two sides"),
        ({"counts": (3,) * 9}, DatasetError, "the calibration part can form"),
        ({"limit": 0}, UsageError, "limit: must be at least 1"),
        ({"pictures": 1}, UsageError, "--training-pictures: must be an integer of at least 2"),
        ({"target_far": 0.0}, UsageError, "far: must be more than 0"),
    ],
)
def test_what_cannot_be_trained(changes, error, message) -> None:
    with pytest.raises(error, match=message):
        train(**changes)
