"""The page is whole, closed in itself, the same every time, and made of text that stays text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from facebone.audit.artefacts import AUDIT_FILE, REPORT_FILE, SCORES_FILE
from facebone.audit.report.page import render_report, write_report
from facebone.audit.schema import Audit
from facebone.commands.report import report
from facebone.errors import DatasetError, StorageError

Simulated = tuple[Audit, pa.Table]

VOID = {"meta", "link", "br", "input"}

TINY = {"pairs": 300, "seeds": (0,), "attacks": ["gap"]}


class Outline(HTMLParser):
    """Tags, ids and links of a page; fails where tags do not close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.labels: list[str] = []
        self.heads: list[int] = []
        self.attributes: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        values = dict(attrs)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        self.links += [str(values[n]) for n in ("href", "src", "action", "data") if values.get(n)]
        self.labels += str(values.get("aria-labelledby") or "").split()
        if re.fullmatch(r"h[1-6]", tag):
            self.heads.append(int(tag[1]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def test_the_page_is_closed_in_itself(page: str) -> None:
    outline = Outline(page)
    assert page.startswith("<!DOCTYPE html>")
    assert {"script", "img", "iframe", "object", "form"}.isdisjoint(outline.tags)
    assert not [name for name in outline.attributes if name.startswith("on")]
    inside = set(outline.ids)
    assert len(inside) == len(outline.ids)
    for link in outline.links:
        assert link == "data:," or link[1:] in inside, link
    for address in re.findall(r"url\(([^)]*)\)", page):
        assert address.startswith("#")
        assert address[1:] in inside
    assert set(outline.labels) <= inside
    assert "@import" not in page
    assert "http:" not in page
    assert "https:" not in page


def test_headings_go_down_one_step_at_a_time(page: str) -> None:
    heads = Outline(page).heads
    assert heads.count(1) == 1
    assert heads[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(heads))


def test_every_picture_has_two_widths_a_title_and_words(page: str) -> None:
    pictures = re.findall(r'<svg class="(\w+)".*?</svg>', page, flags=re.DOTALL)
    # The front of pairs, that of people and DET, and AUC, ROC and scores of four targets.
    assert pictures.count("wide") == pictures.count("narrow") == 3 + 3 * 4
    for svg in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        assert re.search(r"<title id=[^>]*>[^<]{10,}</title><desc id=[^>]*>[^<]{40,}</desc>", svg)
        assert "<image" not in svg
        assert "nan" not in svg


def test_every_section_is_there(page: str) -> None:
    for title in (
        "Targets compared",
        "Who is most at risk",
        "Threat model",
        "Protocol",
        "Self-tests",
        "Limits",
    ):
        assert f"<h2>{title}</h2>" in page
    assert "and why it misleads</h2>" in page
    assert "0.80" in page
    assert "facebone audit --data synthetic" in page
    assert page.count("Refused: ") >= 4  # 600 non-members do not support 0.1 %
    assert len(page) < 2_000_000


@pytest.fixture(scope="module")
def small(simulation: ModuleType) -> Simulated:
    """Two targets by one attack in one seed."""
    audit, table = simulation.simulated_audit(
        targets=simulation.TARGETS[:2], attacks=["gap"], pairs=300, seeds=(0,)
    )
    return audit, table


def test_the_same_input_gives_the_same_page(small: Simulated) -> None:
    assert render_report(*small) == render_report(*small)


def test_settings_of_matplotlib_do_not_change_and_do_not_matter(
    small: Simulated,
) -> None:
    page = render_report(*small)
    with mpl.rc_context({"font.size": 30.0, "axes.facecolor": "red", "svg.fonttype": "path"}):
        before = dict(mpl.rcParams)
        other = render_report(*small)
        assert dict(mpl.rcParams) == before
    texts = re.compile(r"<text [^>]*>[^<]*</text>")
    assert texts.findall(other) == texts.findall(page)


def test_hostile_texts_stay_texts(simulation: ModuleType) -> None:
    page = render_report(*simulation.hostile_audit())
    outline = Outline(page)
    assert {"script", "img", "b", "iframe"} & set(outline.tags) <= {"b"}
    assert outline.tags.count("b") == 1  # the strongest attack's own
    assert not [name for name in outline.attributes if name.startswith("on")]
    assert len(set(outline.ids)) == len(outline.ids)
    assert "&lt;script&gt;" in page
    assert "$\\frac{1}$ {{ 7*7 }} {% raw %}" in page
    assert "\u0000" not in page
    assert "\u202e" not in page


def test_people_and_seeds_that_are_not_known(simulation: ModuleType) -> None:
    audit, table = simulation.simulated_audit(
        targets=simulation.TARGETS[:1], pairs=300, seeds=(4,), people=False, reference=False
    )
    page = render_report(audit, table)
    assert "why it misleads" not in page
    assert "No defended verifier was audited beside it" in page
    assert "1 seed." in page


def test_refused_figures_leave_no_picture_but_a_sentence(small: Simulated) -> None:
    audit, table = small
    raw = json.loads(audit.model_dump_json())
    for target in raw["targets"]:
        target["utility"]["accuracy"] = {"refused": "too few pairs, got 3"}
    page = render_report(Audit.model_validate(raw), table)
    assert "There is no picture of accuracy against leak" in page
    assert "too few pairs, got 3" in page


def test_one_refused_target_is_named_under_the_picture(small: Simulated) -> None:
    audit, table = small
    raw = json.loads(audit.model_dump_json())
    raw["targets"][1]["utility"]["accuracy"] = {"refused": "too few"}
    page = render_report(Audit.model_validate(raw), table)
    assert "Not in the picture, since a figure was refused: FaceBone." in page


def test_scores_of_another_audit_are_refused(simulated: Simulated) -> None:
    audit, table = simulated
    rest = table.filter(pc.not_equal(table["attack"], "gap"))
    with pytest.raises(DatasetError, match=r"no rows of attack 'gap' on target 'none:") as caught:
        render_report(audit, rest)
    assert caught.value.where == SCORES_FILE


def test_constant_scores_can_be_drawn(small: Simulated) -> None:
    audit, table = small
    column = table.column_names.index("verifier_score")
    flat = table.set_column(column, "verifier_score", pa.array([0.5] * len(table)))
    assert "Two histograms" in render_report(audit, flat)


def test_the_file_is_written_whole(simulation: ModuleType, tmp_path: Path) -> None:
    simulation.write_simulated_audit(tmp_path, **TINY)
    path = write_report(tmp_path)
    assert path == tmp_path / REPORT_FILE
    first = path.read_bytes()
    assert first.endswith(b"</html>")
    assert write_report(tmp_path).read_bytes() == first
    assert sorted(p.name for p in tmp_path.iterdir()) == [AUDIT_FILE, REPORT_FILE, SCORES_FILE]


def test_the_command_names_the_path(
    simulation: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulation.write_simulated_audit(tmp_path, **TINY)
    report(tmp_path)
    assert capsys.readouterr().out == f"{tmp_path / REPORT_FILE}\n"


def test_a_folder_without_an_audit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no audit\.json"):
        write_report(tmp_path)


def test_an_audit_without_scores_is_refused(simulation: ModuleType, tmp_path: Path) -> None:
    simulation.write_simulated_audit(tmp_path, **TINY)
    (tmp_path / SCORES_FILE).unlink()
    with pytest.raises(DatasetError, match=r"holds no scores\.parquet"):
        write_report(tmp_path)
    assert not (tmp_path / REPORT_FILE).exists()


def test_a_folder_in_the_way_is_one_line(simulation: ModuleType, tmp_path: Path) -> None:
    simulation.write_simulated_audit(tmp_path, **TINY)
    (tmp_path / REPORT_FILE).mkdir()
    with pytest.raises(StorageError) as caught:
        write_report(tmp_path)
    assert "\n" not in str(caught.value)
