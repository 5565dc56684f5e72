"""What every backbone that can be loaded here must keep to: `facebone.testing`'s contract."""

from __future__ import annotations

from functools import partial

import pytest

from facebone.backbones.zoo import Zoo, load_backbone
from facebone.testing.backbones import BACKBONE, BackboneSubject

# Collected without a home of its own: what a developer added would be tested too, and may be gone.
NAMES = [entry.spec.name for entry in Zoo() if entry.ready and entry.origin != "added"]


@pytest.mark.parametrize(
    "check",
    [
        check
        for name in NAMES
        for check in BACKBONE.checks(
            BackboneSubject(name, partial(load_backbone, name, device="cpu", threads=1))
        )
    ],
    ids=str,
)
def test_contract(check):
    check()


@pytest.mark.parametrize("entry", [one for one in Zoo() if one.origin != "added"], ids=str)
def test_files_are_known_by_their_whole_hash_or_by_its_first_digits(entry) -> None:
    digits = entry.spec.sha256
    assert digits is not None
    assert len(digits) == (8 if entry.origin == "published" else 64)


def test_hashes_tell_backbones_apart() -> None:
    hashes = [load_backbone(name, device="cpu").weights_hash for name in NAMES]
    assert len(set(hashes)) == len(NAMES) >= 1
