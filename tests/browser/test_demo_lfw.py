"""The demo on photographs: people of LFW chosen by name, and uploads of such."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.assets

WORDS = (
    "--backbone", "mobilefacenet_ms1m_a", "--backbone", "mobilefacenet_ms1m_b",
    "--pairs", "60", "--shadows", "2",
)  # fmt: skip


@pytest.fixture(scope="module")
def server(demo_parts: dict[str, ModuleType], few_of_lfw: Path, tmp_path_factory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("demo-lfw")
    words = ("--data", "lfw", "--root", str(few_of_lfw), *WORDS)
    with demo_parts["demo_server"].serve(folder, *words) as found:
        yield found


def test_people_are_chosen_by_name(visitor, few_of_lfw: Path) -> None:
    first, second = sorted(path.name for path in few_of_lfw.iterdir())[:2]
    visitor.says("The people are real")
    visitor.go("Verify")
    visitor.choose("Person in the first picture", first)
    visitor.choose("Which picture of this person, first", "picture 1")
    visitor.choose("Person in the second picture", first)
    visitor.choose("Which picture of this person, second", "picture 2")
    assert visitor.lead() == "Both verifiers agree: these two pictures show the same person."
    visitor.choose("Person in the second picture", second)
    assert visitor.lead() == "Both verifiers agree: these two pictures show two different people."
    visitor.check_names()
    visitor.shoot("lfw-by-name")


def test_two_photographs_are_uploaded(visitor, few_of_lfw: Path) -> None:
    first, second = sorted(few_of_lfw.iterdir())[5:7]
    (a, again, *_), b = sorted(first.iterdir()), next(iter(sorted(second.iterdir())))
    visitor.go("Verify")
    visitor.pick("Where the first", "upload")
    visitor.pick("Where the second", "upload")
    visitor.upload(0, a)
    visitor.upload(1, again)
    assert visitor.lead() == "Both verifiers agree: these two pictures show the same person."
    visitor.shoot("lfw-uploads")
    visitor.upload(1, b)
    visitor.says("these two pictures show two different people")


def test_faces_of_real_people_are_rebuilt_and_candidates_shown(visitor) -> None:
    visitor.go("Reconstruction")
    # So few people set no threshold at one in a thousand: the page says so, and shows likeness.
    assert "Too few people stand by" in visitor.lead()
    visitor.says("similarity 0.")
    visitor.shoot("lfw-reconstruction")
    visitor.go("Membership")
    assert "Shown one pair that was trained on" in visitor.lead()
    visitor.check_names()
