"""Targets in words: a mitigation, and perhaps a head of its own."""

from __future__ import annotations

import pytest

from facebone.audit.settings import AuditSettings
from facebone.audit.target_spec import parse_target, target_name
from facebone.audit.trained_targets import target_recipe
from facebone.errors import UnknownNameError, UsageError

NAMES = ("a", "b")


def test_without_a_head_it_is_the_audits() -> None:
    spec = parse_target("facebone:assignment=pair,query=random")
    assert (spec.mitigation, spec.head) == ("facebone", None)
    assert spec.settings == {"assignment": "pair", "query": "random"}


def test_a_head_of_its_own_comes_with_settings() -> None:
    spec = parse_target("facebone:assignment=pair@mlp:layers=8+4+2,epochs=3")
    assert (spec.mitigation, spec.head) == ("facebone", "mlp")
    assert spec.head_settings == {"layers": [8, 4, 2], "epochs": 3}


@pytest.mark.parametrize(
    "words",
    [
        "none",
        "none@logistic",
        "facebone:assignment=pair@mlp:layers=8+4+2,epochs=3",
        "none@mlp:dropout=0.5",
    ],
)
def test_the_name_says_the_same_again(words: str) -> None:
    assert target_name(words) == words
    assert parse_target(target_name(words)) == parse_target(words)


def test_an_at_sign_that_no_head_follows_belongs_to_a_setting() -> None:
    key = "0123456789@abcdefgh"
    spec = parse_target(f"facebone:assignment=pair,query=secret,key={key}")
    assert spec.settings["key"] == key
    assert key not in spec.name


@pytest.mark.parametrize("words", ["none@logistic:depth=3", "fog@mlp", "none@mlp:epochs=0"])
def test_wrong_words_are_refused(words: str) -> None:
    with pytest.raises(UsageError):
        parse_target(words)


def test_a_head_that_is_not_known_is_no_head() -> None:
    with pytest.raises(UnknownNameError):
        parse_target("none@fog")


def test_each_target_is_made_with_its_own_head() -> None:
    settings = AuditSettings(
        data="made up",
        backbones=NAMES,
        head="mlp",
        head_settings={"epochs": 3},
        mitigations=("none", "none@logistic", "none:backbones=b@products"),
    )
    made = [target_recipe(spec, settings, NAMES, "cpu") for spec in settings.mitigations]
    assert [one.head for one in made] == ["mlp", "logistic", "products"]
    assert [dict(one.head_settings) for one in made] == [{"epochs": 3}, {}, {}]
    assert len({one.name for one in made}) == 3
    assert made[2].columns(NAMES) == (1,)


def test_an_adaptation_has_no_other_head_beside_it() -> None:
    with pytest.raises(UsageError, match="takes the place"):
        AuditSettings(
            data="made up",
            backbones=NAMES,
            head="adapter",
            mitigations=("none@logistic",),
            levels=("identity",),
        )
