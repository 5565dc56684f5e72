"""Two faces compared: opinions, the sentence they come to, and what is said where nobody can."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from facebone.backbones.zoo import Zoo
from facebone.demo import photographs
from facebone.demo.asked import PHOTOGRAPHS, Bench, bench_for, compare, mark, said_of
from facebone.demo.looking import Look
from facebone.demo.photographs import Photographs, best_backbones, cosine_voices
from facebone.demo.voices import Voice, opinions
from facebone.errors import UsageError
from facebone.verification.heads import make_head


def bench(eyes, *thresholds: float | None) -> Bench:
    voices = [
        Voice(name, "backbone", make_head("cosine"), (i,), threshold, 0.01)
        for i, (name, threshold) in enumerate(zip(("a", "b"), thresholds, strict=True))
    ]
    every = [one for one in thresholds if one is not None]
    mean = sum(every) / len(every) if every else None
    voices.append(Voice("both", "fused", make_head("cosine"), (0, 1), mean, 0.01))
    return Bench("data", eyes, tuple(voices))


def test_one_person_scores_higher_than_two(eyes, as_file, photograph) -> None:
    looks = [
        [eyes.look(as_file(photograph(person, number)), location="it") for number in (0, 1)]
        for person in range(6)
    ]
    own = bench(eyes, 0.4, 0.4)
    same = [compare(own, first, 0, second, 0) for first, second in looks]
    other = [compare(own, looks[i][0], 0, looks[i - 1][1], 0) for i in range(6)]
    scores = [[one.main[0].score for one in kind] for kind in (same, other)]
    assert np.mean(scores[0]) - np.mean(scores[1]) > 0.3
    for one in (*same, *other):
        people = "the same person" if one.main[0].score >= 0.4 else "two different people"
        assert one.sentence == f"The networks together: these two pictures show {people}."
    assert sum("same" in one.sentence for one in same) >= 4
    assert sum("same" in one.sentence for one in other) <= 1


def test_scores_are_those_of_the_networks(eyes, as_file, photograph) -> None:
    left, right = (
        eyes.look(as_file(photograph(person, 0)), location="it").faces[0] for person in (0, 1)
    )
    said = opinions(bench(eyes, 0.5, 0.5).voices, eyes.embed(left), eyes.embed(right))
    cosines = []
    for k, route in enumerate(eyes.routes):
        a, b = (route.backbone.embed(face.crops[k][None])[0] for face in (left, right))
        cosines.append(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    assert [one.score for one in said] == pytest.approx([*cosines, np.mean(cosines)], abs=1e-5)


def test_who_did_not_find_the_face_does_not_decide(eyes, as_file, photograph) -> None:
    look = eyes.look(as_file(photograph(0, 0)), location="it")
    (face,) = look.faces
    blind = Look(look.image, (dataclasses.replace(face, crops=(face.crops[0], None)),))
    found = compare(bench(eyes, 0.5, 0.5), look, 0, blind, 0)
    assert [(one.voice.name, one.same) for one in found.alone] == [("a", True), ("b", None)]
    assert found.sentence == "Nobody here can decide about these two faces."


def test_without_a_threshold_nothing_is_decided(eyes, as_file, photograph) -> None:
    look = eyes.look(as_file(photograph(0, 0)), location="it")
    found = compare(bench(eyes, None, None), look, 0, look, 0)
    assert [one.same for one in (*found.main, *found.alone)] == [None, None, None]
    assert found.main[0].score == pytest.approx(1, abs=1e-5)


def test_verifiers_that_disagree_are_named(eyes, as_file, photograph) -> None:
    look = eyes.look(as_file(photograph(0, 0)), location="it")
    voices = tuple(
        Voice(name, kind, make_head("cosine"), (0,), threshold, None)
        for name, kind, threshold in (
            ("Undefended", "undefended", 1.5),
            ("FaceBone", "hardened", 0.5),
        )
    )
    found = compare(Bench("data", eyes, voices), look, 0, look, 0)
    assert found.sentence == (
        "They disagree: FaceBone says the same person, Undefended says two people."
    )


def test_a_network_alone_speaks_for_itself(eyes, as_file, photograph) -> None:
    look = eyes.look(as_file(photograph(0, 0)), location="it")
    voices = cosine_voices(["dlib"])
    found = compare(Bench("photographs", eyes, voices), look, 0, look, 0)
    assert [one.voice.name for one in found.main] == ["dlib"]
    assert found.alone == ()


def test_without_a_real_network_the_page_says_how_to_get_one(monkeypatch) -> None:
    monkeypatch.setattr(photographs, "Zoo", lambda: [e for e in Zoo() if e.origin == "shipped"])
    none = photographs.open_photographs()

    class Material:
        synthetic = True
        photographs: Photographs = none

    asked = bench_for(Material(), PHOTOGRAPHS)
    assert asked.eyes is None
    for way in ("facebone[dlib]", "facebone backbones pull", "FACEBONE_ASSETS"):
        assert way in asked.missing
    with pytest.raises(UsageError, match="two ways to a real backbone"):
        _ = asked.looking


def test_the_best_real_network_comes_first() -> None:
    entries = {entry.spec.name: entry for entry in Zoo()}

    def ready(*names: str):
        return [
            dataclasses.replace(entry, missing=None if name in names else "not here")
            for name, entry in entries.items()
        ]

    shipped = [name for name, entry in entries.items() if entry.origin == "shipped"]
    a, b, torch = (f"mobilefacenet_ms1m_{end}" for end in ("a", "b", "a_torch"))
    pulled = "iresnet100-73e07ba7"
    assert best_backbones(ready(*shipped)) == []
    assert best_backbones(ready(*shipped, "dlib")) == ["dlib"]
    assert best_backbones(ready(*shipped, "dlib", a, b, torch)) == [a, b]
    assert best_backbones(ready(*shipped, "dlib", a, b, pulled)) == [pulled]


def test_a_network_without_a_known_threshold_decides_nothing() -> None:
    voices = cosine_voices(["iresnet100-73e07ba7", "dlib"])
    assert [one.threshold for one in voices] == [None, 0.9215, None]


@pytest.mark.assets
def test_thresholds_are_those_of_lfw(assets) -> None:
    """By the oracle's embeddings of View 2: one in a thousand mismatched pairs passes."""
    found = np.load(assets / "lfw" / "view2_embeddings.npz")
    row = {str(name): i for i, name in enumerate(found["names"])}
    left, right = [], []
    for line in (assets / "lfw" / "pairs.txt").read_text().splitlines()[1:]:
        words = line.split("\t")
        if len(words) == 4:
            left.append(row[f"{words[0]}_{int(words[1]):04d}"])
            right.append(row[f"{words[2]}_{int(words[3]):04d}"])
    for column, name in (
        ("a", "mobilefacenet_ms1m_a"),
        ("b", "mobilefacenet_ms1m_b"),
        ("dlib", "dlib"),
    ):
        rows = found[f"{column}_aligned"]
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        cosines = np.einsum("nd,nd->n", unit[left], unit[right])
        assert np.mean(cosines >= photographs.THRESHOLDS[name]) == pytest.approx(0.001, abs=2e-4)


def test_people_are_marked() -> None:
    class Material:
        trained = frozenset({"Ann"})
        others = frozenset({"Bea"})

    said = [mark(Material(), name) for name in ("Ann", "Bea", "Cyd")]
    assert said == ["trained on", "not trained on", "never asked about"]


def test_what_was_found_is_said(eyes, as_file, photograph) -> None:
    two = np.concatenate([photograph(0, 0), photograph(1, 0)], axis=1)
    assert "boxes around 2 faces, of which number 2" in said_of(
        eyes.look(as_file(two), location="it"), 1
    )
    grey = np.full((99, 99, 3), 99, dtype=np.uint8)
    assert said_of(eyes.look(as_file(grey), location="it"), 0) == "in which no face was found"
