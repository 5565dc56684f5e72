"""What a hardening is asked to do: which attacks it confirms with."""

from __future__ import annotations

import pytest

from facebone.harden.settings import HardenSettings


def settings(**changes: object) -> HardenSettings:
    return HardenSettings(data="synthetic", backbones=("tiny_plain", "tiny_mobile"), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "guarded"),
    [
        (("none", "facebone"), False),
        (("none", "relaxloss/dropout@mlp"), False),
        (("none", "facebone/rounding:digits=2"), True),
        (("none", "decision_only@logistic"), True),
    ],
)
def test_changed_pictures_are_asked_about_where_answers_are_guarded(
    names: tuple[str, ...], guarded: bool
) -> None:
    found = settings().confirming_attacks(names)
    assert ("label_only_shadows" in found) == guarded
    # Decisions without changed pictures cost nothing, so they always count.
    assert "gap" in found
    assert set(settings().quick_attacks) <= set(found)


def test_of_people_no_pictures_are_changed() -> None:
    found = settings(heads=("adapter",)).confirming_attacks(("none", "rounding"))
    assert found == ("loss_threshold", "lira", "rmia", "set_classifier", "template_probing")
