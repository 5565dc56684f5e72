"""Targets are called by names that people understand and can tell apart."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.audit.names import (
    NO_BREAK,
    counted,
    display_names,
    listed,
    percent,
    rate_name,
    settings_in_words,
)
from facebone.audit.schema import Audit


def called(audit: Audit, targets: list[tuple[str, str]]) -> list[str]:
    raw = json.loads(audit.model_dump_json())
    raw["targets"] = [
        {
            **raw["targets"][0],
            "name": name,
            "mitigation": mitigation,
            "level": name.partition("@")[2] or "pair",
        }
        for name, mitigation in targets
    ]
    return list(display_names(Audit.model_validate(raw)).values())


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        ([("none", "none"), ("facebone", "facebone")], ["undefended", "FaceBone"]),
        ([("none:backbones=a", "none")], ["undefended"]),
        (
            [("facebone:query=mean", "facebone"), ("facebone:query=fixed", "facebone")],
            ["FaceBone: mean", "FaceBone: fixed"],
        ),
        (
            [("facebone", "facebone"), ("facebone:assignment=pair,query=mean", "facebone")],
            ["FaceBone", "FaceBone: pair, mean"],
        ),
        (
            [("facebone:assignment=all", "facebone"), ("facebone:query=all", "facebone")],
            ["FaceBone: assignment=all", "FaceBone: query=all"],
        ),
        ([("scores", "unknown"), ("noise:scale=2", "noise")], ["scores", "noise:scale=2"]),
        # What a member is stands behind the name, unless it is a pair.
        (
            [("none", "none"), ("none @image", "none"), ("none@identity", "none")],
            ["undefended", "undefended (pictures)", "undefended (people)"],
        ),
        (
            [
                ("facebone:query=mean", "facebone"),
                ("facebone:query=mean @identity", "facebone"),
                ("facebone:query=fixed @identity", "facebone"),
            ],
            ["FaceBone", "FaceBone: mean (people)", "FaceBone: fixed (people)"],
        ),
        ([("noise:scale=2 @image", "noise")], ["noise:scale=2 (pictures)"]),
        ([("x (people)", "unknown"), ("x @identity", "unknown")], ["x (people)", "x @identity"]),
        # A target of another mitigation keeps the name somebody gave it.
        ([("none", "unknown")], ["none"]),
    ],
)
def test_names(
    simulated: tuple[Audit, object], targets: list[tuple[str, str]], names: list[str]
) -> None:
    assert called(simulated[0], targets) == names


@given(
    st.lists(
        st.sampled_from(
            ["", ":query=mean", ":query=fixed", ":assignment=fixed", ":a=1,query=mean"]
        ),
        min_size=1,
        unique=True,
    )
)
def test_names_are_never_shared(simulated: tuple[Audit, object], settings: list[str]) -> None:
    names = called(simulated[0], [(f"facebone{one}", "facebone") for one in settings])
    assert len(set(names)) == len(names)


def test_settings_in_words(simulated: tuple[Audit, object]) -> None:
    target = (
        simulated[0]
        .targets[0]
        .model_copy(
            update={
                "head_settings": {"epochs": 30},
                "mitigation_settings": {"backbones": ["a", "b"], "query": "mean"},
            }
        )
    )
    assert settings_in_words(target) == "epochs=30, backbones=a + b, query=mean"


def test_figures_in_words() -> None:
    assert percent(0.97449) == f"97.4{NO_BREAK}%"
    assert rate_name("0.001") == f"0.1{NO_BREAK}%"
    assert counted(1, "pair") == f"1{NO_BREAK}pair"
    assert counted(6000, "person", "people") == f"6,000{NO_BREAK}people"
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == [
        "a",
        "a and b",
        "a, b and c",
    ]
