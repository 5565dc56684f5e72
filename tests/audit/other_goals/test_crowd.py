"""The people of attacks: who is drawn, what is embedded, what is lost."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.audit.other_goals import crowd as module
from facebone.audit.other_goals.crowd import ATTACKED, CONTROL, OTHER, OWN, Crowd
from facebone.audit.reconstruction.cast import Cast
from facebone.data.dataset import Dataset
from facebone.data.pictures import Picture


class Source:
    """Bytes of a picture, told from others."""

    landmarks = None

    def __init__(self, location: str) -> None:
        self.location = location

    def read(self) -> bytes:
        return self.location.encode()


def people(count: int, pictures: int) -> Dataset:
    names = [f"p{who:03d}/{i}" for who in range(count) for i in range(pictures)]
    facts = {name: {"age": float(int(name[1:4])), "hat": float(name[-1] == "0")} for name in names}
    made = tuple(Picture(name, name[:4], Source(name)) for name in names)
    return Dataset("made up", made, attributes=facts)


class Engine:
    """Stands for an engine: two imagined backbones, and another one along them."""

    def __init__(self, broken=(), widths=(8, 6), names=("one", "two")):
        from types import SimpleNamespace as Space

        self.broken, self.widths = set(broken), widths
        self.routes = [Space(backbone=Space(spec=Space(name=name))) for name in names]

    def embed(self, pictures):
        from types import SimpleNamespace as Space

        rows = [np.random.default_rng(abs(int(p.id[1:4])) + 1000 * int(p.id[-1])) for p in pictures]
        matrices = tuple(
            np.array([rng.normal(size=width) for rng in rows], dtype=np.float32)
            for width in self.widths
        )
        usable = np.array([p.id not in self.broken for p in pictures])
        return Space(matrices=matrices, usable=usable, problems=())

    def along(self, routes):
        return Engine(self.other_broken, (5,), ("third",))

    other_broken = ()


@pytest.fixture
def cast(monkeypatch):
    """Six people are the attacker's, four attacked, four control, three pictures each."""
    at = np.arange(14 * 3).reshape(14, 3)
    found = Cast(
        own=at[:6].ravel(),
        attacked=at[6:10, 0],
        others=at[6:10, 1:].ravel(),
        of=np.repeat(np.arange(4), 2),
        control=at[10:, 0],
    )
    monkeypatch.setattr(module, "draw_cast", lambda dataset, *, seed: found)
    return found


def make(dataset, engine, *, network=None, traits=False) -> Crowd:
    return Crowd.from_result(module._make(dataset, engine, network, traits=traits, seed=0))


def test_everybody_has_one_role(cast):
    made = make(people(14, 3), Engine())
    roles = {role: set(made.people[made.rows(role)]) for role in (OWN, ATTACKED, OTHER, CONTROL)}
    assert roles[ATTACKED] == roles[OTHER] == {f"p{who:03d}" for who in range(6, 10)}
    assert roles[OWN] == {f"p{who:03d}" for who in range(6)}
    assert roles[CONTROL] == {f"p{who:03d}" for who in range(10, 14)}
    assert made.backbones == ("one", "two")
    assert [matrix.shape for matrix in made.chosen((1,))] == [(34, 6)]
    assert made.second is None
    assert made.traits is None
    # Rows are those of the pictures that the ids name.
    for row in (0, 20, 33):
        number = int(made.ids[row][1:4]) + 1000 * int(made.ids[row][-1])
        expected = np.random.default_rng(number).normal(size=8).astype(np.float32)
        np.testing.assert_array_equal(made.matrices[0][row], expected)


def test_who_lost_a_picture_that_is_needed_is_not_attacked(cast):
    engine = Engine(broken=("p006/0", "p007/1", "p008/1", "p008/2", "p000/0"))
    made = make(people(14, 3), engine)
    assert set(made.people[made.rows(ATTACKED)]) == {"p007", "p009"}
    assert set(made.ids[made.rows(OTHER)]) == {"p007/2", "p009/1", "p009/2"}
    assert "p000/0" not in made.ids
    assert len(made.rows(OWN)) == 17


def test_another_network_must_see_the_pictures_too(cast, monkeypatch):
    from types import SimpleNamespace as Space

    monkeypatch.setattr(Engine, "other_broken", ("p006/0", "p001/1"))
    network = Space(backbone=Space(spec=Space(name="third")))
    made = make(people(14, 3), Engine(), network=network)
    assert made.network == "third"
    assert made.second.shape == (len(made.ids), 5)
    np.testing.assert_allclose(np.linalg.norm(made.second, axis=1), 1, rtol=1e-5)
    assert "p006" not in made.people[made.rows(ATTACKED)]
    assert "p001/1" not in made.ids


def test_attributes_stand_at_the_pictures_that_state_them(cast):
    from dataclasses import replace

    dataset = people(14, 3)
    stated = {name: facts for name, facts in dataset.attributes.items() if name != "p010/0"}
    made = make(replace(dataset, attributes=stated), Engine(), traits=True)
    assert made.traits.names == ("age", "hat")
    assert "p010/0" in made.ids
    assert "p010/0" not in made.ids[made.stated]
    ages = [float(name[1:4]) for name in made.ids[made.stated]]
    np.testing.assert_array_equal(made.traits.values[:, 0], ages)


def test_limits_keep_people_whole(cast, monkeypatch):
    monkeypatch.setattr(module, "MOST_OWN", 10)
    monkeypatch.setattr(module, "MOST_OTHERS", 1)
    made = make(people(14, 3), Engine())
    own = made.people[made.rows(OWN)]
    assert sorted(np.unique(own, return_counts=True)[1]) == [3, 3, 3]
    assert set(made.ids[made.rows(OTHER)]) == {f"p{who:03d}/1" for who in range(6, 10)}
