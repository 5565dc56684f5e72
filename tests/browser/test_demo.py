"""The demo as visitors meet it: the embedded default, its real server, a real browser."""

from __future__ import annotations

import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from facebone.data.pictures import RGB
from facebone.data.synthetic import synthetic_dataset

if TYPE_CHECKING:
    pass

PAGES = ("About", "Verify", "Membership", "Reconstruction", "Audit")

PHOTOGRAPHED = (("Aaron_Peirsol", "0001"), ("Aaron_Peirsol", "0002"), ("Aaron_Sorkin", "0001"))

SMALL = (
    "--backbone", "tiny_plain", "--backbone", "tiny_mobile", "--pairs", "60", "--shadows", "2",
)  # fmt: skip
"""Of what is trained, as little as every page can be shown with."""


@pytest.fixture(scope="module")
def server(demo_parts: dict[str, ModuleType], tmp_path_factory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("demo")
    with demo_parts["demo_server"].serve(folder, *SMALL) as found:
        yield found


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> dict[str, Path]:
    """Pictures of drawn people as files: two of one, one of another, and one of both."""
    folder = tmp_path_factory.mktemp("photographs")
    people = synthetic_dataset(4, 3, seed=5, view="scene")

    def pixels(person: int, number: int) -> RGB:
        source = people.pictures[3 * person + number].source
        return source.decode(source.read())

    both = np.concatenate([pixels(3, 0), pixels(2, 0)], axis=1)
    found = {"a": pixels(3, 0), "again": pixels(3, 1), "b": pixels(2, 0), "both": both}
    for name, image in found.items():
        Image.fromarray(image).save(folder / f"{name}.png")
    return {name: folder / f"{name}.png" for name in found}


def bring(visitor, first: Path, second: Path) -> None:
    """Upload two pictures of drawn faces on the page that verifies."""
    visitor.go("Verify")
    visitor.pick("Where the first", "upload")
    visitor.pick("Where the second", "upload")
    visitor.pick("What your pictures show", "faces drawn by this program")
    visitor.upload(0, first)
    visitor.upload(1, second)


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_every_page_can_be_read_and_used_by_everybody(
    visitor, demo_parts, page_checks: ModuleType, size: str
) -> None:
    parts = demo_parts["demo_driver"]
    visitor.arrive(parts.DESK if size == "desk" else parts.PHONE)
    for title in PAGES:
        if size == "phone":
            visitor.resize(parts.DESK)  # the links are in a menu on phones, which is its own test
        if title != "About":
            visitor.go(title)
        visitor.resize(parts.DESK if size == "desk" else parts.PHONE)
        time.sleep(0.4)
        assert visitor.check_names() > 4, title
        visitor.check_width()
        visitor.check_contrast(page_checks.contrast)
        page_checks.check_axe(visitor.driver)
        assert visitor.lead(), f"{title} opens without its answer"
        visitor.shoot(f"{title.lower()}-{size}")


def test_a_phone_has_a_menu(visitor, demo_parts) -> None:
    visitor.arrive(demo_parts["demo_driver"].PHONE)
    visitor.driver.find_element("css selector", "[data-testid=stExpandSidebarButton]").click()
    time.sleep(0.5)
    links = [one.text.strip() for one in visitor.driver.find_elements("css selector", "a")]
    assert set(PAGES) <= set(links)


def test_two_uploads_of_one_person_and_of_two(visitor, photographs: dict[str, Path]) -> None:
    bring(visitor, photographs["a"], photographs["again"])
    assert visitor.lead() == "Both verifiers agree: these two pictures show the same person."
    visitor.shoot("uploads-same")
    visitor.upload(1, photographs["b"])
    visitor.says("these two pictures show two different people")
    assert visitor.lead().startswith("Both verifiers agree")
    visitor.press("Each network alone")
    visitor.says("tiny_mobile")
    visitor.shoot("uploads-other")


def test_the_camera_takes_a_picture(visitor, photographs: dict[str, Path], page_checks) -> None:
    visitor.go("Verify")
    visitor.pick("Where the first", "camera")
    visitor.pick("Where the second", "upload")
    visitor.pick("What your pictures show", "faces drawn by this program")
    visitor.press("Take Photo")
    visitor.says("Clear photo")
    visitor.upload(0, photographs["again"])
    visitor.says("Both verifiers agree: these two pictures show the same person.")
    visitor.upload(0, photographs["b"])
    visitor.says("Both verifiers agree: these two pictures show two different people.")
    page_checks.check_axe(visitor.driver)
    visitor.shoot("camera")


@pytest.mark.assets
def test_own_photographs_go_through_a_real_network(visitor, assets: Path, tmp_path: Path) -> None:
    names = [f"{name}/{name}_{n}.jpg" for name, n in PHOTOGRAPHED]
    with tarfile.open(assets / "lfw" / "lfw.tgz") as archive:
        for name in names:
            archive.extract(f"lfw/{name}", tmp_path, filter="data")
    first, again, other = (tmp_path / "lfw" / name for name in names)
    visitor.go("Verify")
    visitor.pick("Where the first", "upload")
    visitor.pick("Where the second", "upload")
    visitor.upload(0, first)
    visitor.upload(1, again)
    # One network decides, or several together, as many as there are at hand.
    assert visitor.lead().endswith(": these two pictures show the same person.")
    visitor.upload(1, other)
    visitor.says(": these two pictures show two different people.")
    visitor.shoot("own-photographs")


def test_of_several_faces_one_is_chosen(visitor, photographs: dict[str, Path]) -> None:
    bring(visitor, photographs["both"], photographs["b"])
    answers = set()
    for face in ("face 1", "face 2"):
        visitor.pick("Which face of the first", face)
        answers.add(visitor.lead().rpartition(": ")[2])
    assert answers == {
        "these two pictures show the same person.",
        "these two pictures show two different people.",
    }
    visitor.shoot("several-faces")


def test_hostile_files_are_one_line_and_the_server_lives(
    visitor, photographs: dict[str, Path], tmp_path: Path
) -> None:
    whole = photographs["a"].read_bytes()
    files = {
        "text.png": b"<script>alert(1)</script>",
        "cut.png": whole[: len(whole) // 2],
        "huge.png": whole[:16] + (60_000).to_bytes(4, "big") * 2 + whole[24:],
        "small.png": None,
        "grey.png": None,
    }
    Image.new("RGB", (9, 9)).save(tmp_path / "small.png")
    Image.new("RGB", (300, 300), (128, 128, 128)).save(tmp_path / "grey.png")
    said = {
        "text.png": "the first picture: is not a picture of a known format",
        "cut.png": "the first picture: the PNG file is damaged or cut short",
        "huge.png": "the first picture:",
        "small.png": "the first picture: the picture has only 9 x 9 pixels",
        "grey.png": "No face was found in the first picture.",
    }
    bring(visitor, photographs["a"], photographs["b"])
    for name, content in files.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        visitor.upload(0, tmp_path / name)
        visitor.says(said[name])
        assert "Choose two pictures that show a face" in visitor.lead()
    visitor.upload(0, photographs["b"])
    visitor.says("these two pictures show the same person")


def test_names_of_files_are_text(visitor, photographs: dict[str, Path], tmp_path: Path) -> None:
    evil = tmp_path / "<img src=x onerror=alert(1)>.png"
    evil.write_bytes(photographs["a"].read_bytes())
    bring(visitor, evil, photographs["again"])
    assert "same person" in visitor.lead()
    assert not visitor.driver.execute_script("return document.querySelectorAll('[onerror]').length")


def test_people_of_the_data_are_chosen_and_marked(visitor) -> None:
    visitor.go("Verify")
    visitor.choose("Person in the first picture", "s00123")
    visitor.choose("Person in the second picture", "s00124")
    values = visitor.driver.execute_script(
        "return [...document.querySelectorAll('input[role=combobox]')].map(one => one.value)"
    )
    assert values[0].startswith("s00123 · ")
    marks = {value.partition(" · ")[2] for value in values if " · " in value}
    assert marks <= {"trained on", "not trained on", "never asked about"}
    visitor.press("Two people")
    assert "pictures show" in visitor.lead() or "They disagree" in visitor.lead()
    visitor.press("Same person")
    assert "pictures show" in visitor.lead() or "They disagree" in visitor.lead()


def test_a_game_is_played_and_the_truth_told(visitor) -> None:
    visitor.go("Membership")
    visitor.pick("What the attackers ask about", "a pair")
    assert "Shown one pair" in visitor.lead()
    visitor.press("Show the truth")
    assert visitor.driver.find_elements("css selector", ".fb-truth")
    visitor.press("Play 10 rounds")
    for number in range(1, 11):
        visitor.says(f"Round {number} of 10")
        visitor.press("Trained on" if number % 2 else "Not trained on")
    visitor.says("All 10 rounds are played.")
    rows = visitor.driver.find_elements("css selector", "[role=tabpanel] table tbody tr")
    assert len([row for row in rows if row.text.strip()]) == 10
    visitor.shoot("game-over")
    visitor.press("All of them")
    visitor.shoot("membership-curves")


@pytest.mark.parametrize("what", ["a picture", "a person"])
def test_other_candidates_have_conclusions_too(visitor, what: str) -> None:
    visitor.go("Membership")
    visitor.pick("What the attackers ask about", what)
    assert f"Shown one {what.partition(' ')[2]}" in visitor.lead()
    visitor.says("shadow_boosting")


def test_a_key_helps_until_the_attacker_can_enrol(visitor) -> None:
    visitor.go("Reconstruction")
    keyed = visitor.lead()
    assert "from keyed ones 0% of the time" in keyed
    visitor.pick("The attacker", "has stolen it, and had the system enrol many faces of their own")
    assert visitor.lead() != keyed
    visitor.shoot("reconstruction-enrolled")


def test_an_audit_is_cancelled_then_run_and_its_report_downloaded(
    visitor, page_checks, tmp_path: Path
) -> None:
    visitor.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    visitor.go("Audit")
    visitor.pick("Which audit", "a small one, run now")
    visitor.press("Run the audit")
    visitor.says("Now: ")
    visitor.press("Cancel")
    visitor.says("The audit was cancelled.")
    visitor.press("Run the audit")
    visitor.wait(lambda: "Download the report" in visitor.text(), "the audit is done", 300)
    visitor.settle()
    visitor.shoot("audit-run")
    visitor.press("Download the report")
    visitor.press("Download audit.json")
    report, audit = tmp_path / "report.html", tmp_path / "audit.json"
    visitor.wait(lambda: report.exists() and audit.exists(), "both files are there")
    assert [one["name"] for one in json.loads(audit.read_text())["targets"]] == ["none", "facebone"]
    # What was downloaded can be opened again, and is the report that it should be.
    visitor.pick("Which audit", "one from a file")
    visitor.upload(0, audit)
    visitor.says("Accuracy against leak")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    visitor.arrive()
    visitor.go("Audit")
    visitor.pick("Which audit", "one from a file")
    visitor.upload(0, broken)
    visitor.says("audit.json: cannot be read as JSON")
    visitor.check_silence()
    page_checks.check_report(visitor.driver, report)
