"""What a search may pick: every choice is one that its mitigation takes, and all fits together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from facebone.audit.target import TargetRecipe
from facebone.audit.target_spec import parse_target
from facebone.errors import UsageError
from facebone.harden.space import NONE, Defaults, Space, first_trials, make_space
from facebone.mitigations.base import MITIGATIONS, make_mitigation
from facebone.mitigations.choices import Choice, Integer, Number, Words

WITH_CHOICES = [name for name in MITIGATIONS.names() if MITIGATIONS.get(name).choices]


class Dice(Defaults):
    """A chooser that throws dice."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.rng = rng

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        ends = np.log([low, high]) if log else np.array([low, high])
        value = float(self.rng.uniform(*ends))
        return float(np.exp(value)) if log else value

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return int(self.rng.integers(low, high + 1))

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.chosen[name] = choices[int(self.rng.integers(len(choices)))]
        return self.chosen[name]


@pytest.fixture(scope="module")
def space(make: Callable[[str], TargetRecipe]) -> Space:
    return make_space(
        ("backbone_0", "backbone_1"), ("mlp", "logistic", "products"), learnt="pairs", make=make
    )


def values(choice: Choice) -> list[Any]:
    """Every word, or both ends of a range."""
    if isinstance(choice, Words):
        return [word for word in choice.words if word is not None]
    return [choice.low, choice.high]


def test_facebone_and_others_take_part() -> None:
    assert {"facebone", "dropout", "label_smoothing"} <= set(WITH_CHOICES)
    assert "none" not in WITH_CHOICES


@pytest.mark.parametrize("name", WITH_CHOICES)
def test_every_choice_is_a_setting_that_takes_its_values(name: str) -> None:
    kind = MITIGATIONS.get(name)
    for setting, choice in kind.choices.items():
        assert hasattr(kind.settings_type(), setting)
        needed: dict[str, Any] = {}
        at = choice
        while at.when is not None:  # what it hangs on, and what that hangs on
            needed[at.when[0]] = at.when[1][0]
            at = kind.choices[at.when[0]]
        if isinstance(choice, Number | Integer):
            assert choice.low < choice.high
        taken = []
        for value in values(choice):
            # Two settings may have to fit each other, and the other one is at its default.
            with suppress(UsageError):
                made = make_mitigation(name, needed | {setting: value})
                taken.append(getattr(made.settings, setting) == value)
        assert all(taken)
        assert taken or not values(choice)


def test_a_condition_keeps_a_setting_out() -> None:
    query = MITIGATIONS.get("facebone").choices["query"]
    assert query.applies({"assignment": "pair"}, "pairs")
    assert not query.applies({"assignment": "fusion"}, "pairs")
    parts = MITIGATIONS.get("facebone").choices["parts"]
    assert parts.applies({}, "people")
    assert not parts.applies({}, "pairs")


def test_parts_are_offered_to_the_heads_that_they_fit(space: Space) -> None:
    assert "facebone" in space.leading
    assert "dropout" in space.recipes["mlp"]
    assert space.recipes["logistic"] == space.recipes["products"] == ()


def test_it_begins_with_the_undefended_one_facebone_and_plain_heads(space: Space) -> None:
    names = [space.choose(Defaults(answers)) for answers in first_trials(space)]
    assert names[:4] == ["none", "facebone", "none@logistic", "none@products"]
    assert len(set(names)) == len(names)
    tried = {parse_target(name).mitigation for name in names}
    assert {*space.leading, *space.recipes["mlp"], *space.guards["mlp"], NONE} == tried


def test_whatever_is_picked_can_be_made_and_means_itself(space: Space) -> None:
    rng = np.random.default_rng(0)
    picked, refused = set(), 0
    for _ in range(120):
        try:
            name = space.choose(Dice(rng))
        except UsageError:
            refused += 1
            continue
        picked.add(name)
        recipe = space.make(name)
        assert recipe.name == name
        columns = recipe.columns(space.backbones)
        recipe.unfitted(tuple(space.backbones[i] for i in columns))
    assert refused < 80
    assert len(picked) > 30
    assert any("@products" in name for name in picked)
    assert any("backbones=backbone_1" in name for name in picked)
    assert any("/" in name for name in picked)


def test_where_a_defence_takes_the_heads_place_heads_are_one(space: Space) -> None:
    other = Defaults({"leading": "facebone", "head": "products"})
    assert space.choose(other) == space.choose(Defaults({"leading": "facebone"})) == "facebone"


def test_one_backbone_and_one_head_leave_fewer_questions(
    make_maker: Callable[..., Callable[[str], TargetRecipe]],
) -> None:
    make = make_maker(("backbone_0",), "logistic", {})
    one = make_space(("backbone_0",), ("logistic",), learnt="pairs", make=make)
    chooser = Defaults()
    assert one.choose(chooser) == "none"
    assert not {"head", "use backbone_0"} & set(chooser.chosen)
    assert "facebone" not in one.leading
