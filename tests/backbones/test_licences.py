from __future__ import annotations

import pytest

from facebone.backbones.licences import licence_note, needs_warning
from facebone.backbones.specs import ASSET_SPECS, DLIB_SPEC, PUBLISHED_SPECS, YUNET_FILE


@pytest.mark.parametrize("spec", PUBLISHED_SPECS, ids=lambda spec: spec.name)
def test_non_commercial_weights_carry_a_warning(spec) -> None:
    assert needs_warning(spec)
    assert licence_note(spec).endswith("WARNING: no commercial use")
    assert "non-commercial research" in licence_note(spec)


def test_unstated_licence_carries_a_warning() -> None:
    (spec,) = [spec for spec in ASSET_SPECS if spec.name == "mobilefacenet_ms1m_b"]
    assert needs_warning(spec)
    assert licence_note(spec).startswith("not stated - WARNING: ask the publisher")


@pytest.mark.parametrize("part", [ASSET_SPECS[0], DLIB_SPEC, YUNET_FILE], ids=lambda p: p.name)
def test_free_licences_are_shown_alone(part) -> None:
    assert not needs_warning(part)
    assert licence_note(part) == part.licence
