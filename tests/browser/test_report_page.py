"""The report in a real browser, as it is read: on a desk, on a phone, on paper."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from facebone.audit.report.page import render_report, write_report

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

Check = Callable[[Path], None]


@pytest.fixture(scope="module")
def report(simulation: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of four targets by four attacks in two seeds, with faces of those at risk."""
    folder = tmp_path_factory.mktemp("audit")
    return write_report(simulation.write_simulated_audit(folder, pairs=1200, faces=True))


def test_a_report_of_four_targets(
    chromium: Chrome, page_checks: ModuleType, report: Path, check_report: Check
) -> None:
    check_report(report)
    faces = chromium.execute_script(page_checks.FACES)
    assert len(faces) > 20
    # The answer comes before the faces: none of them is on the first screen.
    for size in (page_checks.DESK, page_checks.PHONE):
        page_checks.open_page(chromium, report, size)
        top = chromium.execute_script(
            "return document.querySelector('#at-risk').getBoundingClientRect().top"
        )
        assert top > size[1]


def test_a_report_of_one_target_with_little_to_say(
    simulation: ModuleType, tmp_path: Path, check_report: Check
) -> None:
    simulation.write_simulated_audit(
        tmp_path,
        targets=simulation.TARGETS[:1],
        attacks=["gap"],
        pairs=200,
        seeds=(0,),
        people=False,
        reference=False,
    )
    check_report(write_report(tmp_path))


def test_a_report_of_many_targets(
    simulation: ModuleType, tmp_path: Path, check_report: Check
) -> None:
    """More than have room for names: numbers and a key."""
    many = [
        simulation.Simulated(f"facebone:assignment={i}", "facebone", 1.1 + 0.05 * i, 0.5 - 0.05 * i)
        for i in range(8)
    ]
    simulation.write_simulated_audit(
        tmp_path, targets=many, attacks=["gap"], pairs=300, seeds=(0,), reference=False
    )
    check_report(write_report(tmp_path))


def test_hostile_names_do_not_run(
    chromium: Chrome, page_checks: ModuleType, simulation: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    page = render_report(*simulation.hostile_audit())
    # Escaping alone must hold; the policy against scripts is a second lock.
    path.write_text(re.sub(r"<meta http-equiv[^>]*>", "", page), "utf-8")
    for size in (page_checks.DESK, page_checks.PHONE):
        page_checks.open_page(chromium, path, size)
        page_checks.check_silence(chromium, path)
        page_checks.check_width(chromium)
        assert chromium.title.startswith("FaceBone audit of ")
        assert chromium.execute_script("return document.querySelectorAll('img').length") == 0


def test_on_paper_nothing_is_cut_off(
    chromium: Chrome, page_checks: ModuleType, report: Path
) -> None:
    """At the width of an A4 page all but the turned section fit, and the browser prints it."""
    page_checks.open_page(chromium, report, (695, 1000))
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        widths = chromium.execute_script(
            "return [...document.querySelectorAll('table')].map("
            "table => [table.closest('section').id, table.getBoundingClientRect().width])"
        )
        shown = chromium.execute_script(
            "return [...document.querySelectorAll('figure.chart')].every(figure => "
            "figure.querySelector('svg.wide').getClientRects().length === 1)"
        )
    finally:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert shown
    for section, width in widths:
        # A4 less its margins, in CSS pixels, upright or turned.
        assert width <= (1024 if section == "targets" else 696), section
    printed = chromium.execute_cdp_cmd(
        "Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True}
    )
    pdf = base64.b64decode(printed["data"])
    boxes = re.findall(rb"/MediaBox \[0 0 (\d+)\S* (\d+)", pdf)
    upright = [box for box in boxes if int(box[0]) < int(box[1])]
    assert 5 <= len(boxes) <= 20
    assert 1 <= len(boxes) - len(upright) <= 2


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        # The policy blocks the picture, and the console says so.
        (("<main>", '<main><img src="http://127.0.0.1:9/x.png" alt="">'), "Content Security"),
        (("<main>", '<main><div style="width: 2000px">wide</div>'), "2000|pixels wide"),
        (("<main>", '<main><div style="height: 900px"></div>'), "p.verdict ends at"),
        (("<svg ", '<svg style="width: 10px" '), "pixels wide"),
        (("--quiet: #56606b", "--quiet: #b6c0cb"), "on rgb\\(255, 255, 255\\) is"),
        (("svg.narrow, .key.narrow { display: none; }", "none { color: red; }"), "2 pictures"),
        ((">accuracy on pairs not trained on<", "><"), "does not name accuracy"),
        (('alt="person ', 'alt="" title="'), "has no words"),
        (("image/jpeg;base64,/9j/", "image/jpeg;base64,AAAA"), "is not shown"),
        ((".thumbs img { display: block;", ".thumbs img { margin-left: -60px;"), "leaves its card"),
    ],
)
def test_a_broken_page_is_found_out(
    report: Path, tmp_path: Path, check_report: Check, broken: tuple[str, str], complaint: str
) -> None:
    """The checks can fail: each spoils the page in one way."""
    page = report.read_text("utf-8")
    assert broken[0] in page
    path = tmp_path / "report.html"
    path.write_text(page.replace(*broken), "utf-8")
    with pytest.raises(AssertionError, match=complaint):
        check_report(path)
