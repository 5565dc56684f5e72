"""Several defences of one verifier: names, settings, and the order in which they work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from facebone.errors import UnknownNameError, UsageError
from facebone.mitigations.base import (
    MITIGATIONS,
    Mitigation,
    MitigationSettings,
    make_mitigation,
    parse_mitigation,
)
from facebone.verification.heads import Head

NAMES = ("one", "two", "three")


@dataclass(frozen=True, slots=True)
class Share(MitigationSettings):
    share: float = 0.5


class Dropping(Mitigation):
    name, summary, settings_type = "dropping", "drops outputs", Share

    def recipe(self, head: str, head_settings: Mapping[str, Any]) -> dict[str, Any]:
        if head != "mlp":
            raise UsageError(f"{head} has nothing to drop", where="mitigation dropping")
        return dict(head_settings) | {"dropout": self.settings.share}


class Outer(Mitigation):
    name, summary, settings_type = "outer", "marks the head", Share

    def guard(self, head: Head) -> Head:
        head.marks = [*getattr(head, "marks", []), self.name]  # type: ignore[attr-defined]
        return head


class Inner(Outer):
    name = "inner"


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = dict(MITIGATIONS._parts)
    for kind in (Dropping, Outer, Inner):
        parts[kind.name] = kind
    monkeypatch.setattr(MITIGATIONS, "_parts", parts)


def made(spec: str) -> Mitigation:
    return make_mitigation(*parse_mitigation(spec))


def test_a_spec_of_several_is_read_and_written() -> None:
    spec = "facebone:backbones=one+three,assignment=pair/dropping:share=0.25/outer"
    assert parse_mitigation(spec) == (
        "facebone/dropping/outer",
        {
            "facebone.backbones": ["one", "three"],
            "facebone.assignment": "pair",
            "dropping.share": 0.25,
        },
    )
    chain = made(spec)
    assert chain.name == "facebone/dropping/outer"
    assert chain.columns(NAMES) == (0, 2)
    assert made(chain.spec()).spec() == chain.spec()
    assert made(chain.spec()).public_settings() == chain.public_settings()
    assert chain.public_settings() == {
        "backbones": ["one", "three"],
        "facebone.assignment": "pair",
        "dropping.share": 0.25,
    }
    assert made("dropping/outer:backbones=two").spec() == "dropping:backbones=two/outer"
    # Of one alone a stroke in a value stays where it is.
    key = parse_mitigation("facebone:assignment=pair,query=secret,key=ab/cd/0123456789abcd")
    assert key[1]["key"] == "ab/cd/0123456789abcd"


def test_secrets_are_shown_nowhere() -> None:
    chain = made("facebone:assignment=pair,query=secret,key=0123456789abcdefx/outer")
    for shown in (chain.spec(), str(chain.public_settings()), chain.describe(NAMES)):
        assert "0123456789abcdefx" not in shown


def test_the_recipe_is_changed_and_the_answers_are_guarded_in_order() -> None:
    head = made("outer/dropping:share=0.25/inner").protect(
        "mlp", {"layers": [8], "batch_norm": []}, backbones=NAMES
    )
    assert head.name == "mlp"
    assert head.settings.dropout == 0.25
    assert head.settings.layers == (8,)
    assert head.marks == ["outer", "inner"]  # type: ignore[attr-defined]


def test_the_leading_one_gets_the_changed_recipe() -> None:
    chain = made("dropping/facebone:assignment=pair/outer")
    head = chain.protect("mlp", {"layers": [8], "batch_norm": []}, backbones=NAMES)
    assert head.name == "facebone"
    assert head.settings.head_settings == {"layers": [8], "batch_norm": [], "dropout": 0.5}
    assert head.marks == ["outer"]  # type: ignore[attr-defined]
    line = chain.describe(NAMES)
    assert line.startswith("one + two + three: ")
    assert line.endswith("; drops outputs; marks the head")
    assert "marks the head (share 0.25)" in made("dropping/outer:share=0.25").describe(NAMES)


def test_who_is_trained_instead_is_asked() -> None:
    """Fusion replaces the head by logistic regression: nothing is dropped there."""
    with pytest.raises(UsageError, match="logistic has nothing to drop"):
        made("facebone/dropping").protect("mlp", {}, backbones=NAMES)
    with pytest.raises(UnknownNameError, match="setting of head mlp"):
        made("facebone/outer").protect("mlp", {"layer": 1}, backbones=NAMES)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("none/outer", "none is no defence"),
        ("outer/outer", "outer is named twice"),
        ("outer:backbones=one/inner:backbones=two", "backbones are named twice"),
        ("outer/other", "unknown mitigation 'other'; did you mean 'outer'"),
        ("outer:sharing=1/inner", "unknown setting of mitigation outer"),
    ],
)
def test_what_does_not_go_together(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        made(spec)


def test_two_that_decide_what_is_trained_on_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inner, "protect", lambda *a, **k: None)
    with pytest.raises(UsageError, match="facebone and inner both decide what is trained"):
        made("facebone/outer/inner")


@pytest.mark.parametrize("guard", ["memguard", "keyed_noise"])
def test_nothing_is_learnt_beside_what_is_promised(guard: str) -> None:
    with pytest.raises(UsageError, match=f"{guard} keeps what it learns.*dp_sgd promises nothing"):
        made(f"dp_sgd/{guard}")
    assert made("dp_sgd/rounding").name == "dp_sgd/rounding"


def test_a_setting_of_none_of_them() -> None:
    with pytest.raises(UsageError, match=r"share is a setting of none of them.*NAME\.SETTING"):
        make_mitigation("outer/inner", {"share": 1})
