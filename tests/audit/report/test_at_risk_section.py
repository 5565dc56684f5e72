"""The section on those most at risk: faces where they are given, names alone where they are not."""

from __future__ import annotations

import base64
import re
from html import unescape
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest

from facebone.audit.artefacts import REPORT_FILE
from facebone.audit.at_risk import AtRisk, Ranking, Risky, find_at_risk
from facebone.audit.names import NO_BREAK
from facebone.audit.report.at_risk import at_risk_section, risk_in_words
from facebone.audit.report.page import render_report, write_report
from facebone.audit.schema import Audit
from facebone.audit.thumbnails import Thumbnail, write_pictures
from facebone.commands.report import report

Simulated = tuple[Audit, pa.Table]

CALLED = {"none": "undefended", "facebone": "FaceBone", "people": "undefended (people)"}
JPEG = b"\xff\xd8\xff\xe0"


def pair(same: bool, *people: str) -> Risky:
    return Risky(("a/0", "b/0"), people, same=same, risk=0.97)


def faces(*owners: str, jpeg: bytes = JPEG) -> dict[str, Thumbnail]:
    """Pictures ``a/0``, ``b/0`` and so on."""
    ids = [f"{'abcdef'[i]}/0" for i in range(len(owners))]
    return {id_: Thumbnail(id_, who, jpeg) for id_, who in zip(ids, owners, strict=True)}


def test_a_pair_shows_both_pictures_ids_and_whether_it_is_one_person() -> None:
    found = [AtRisk("none", "pair", "lira", Ranking((pair(False, "ann", "bob"),), tied=3))]
    section = at_risk_section(found, CALLED, faces("ann", "bob"))
    (row,) = section.shown[0].rows
    (card,) = row.cards
    assert (card.risk, card.title, card.lines) == (f"97{NO_BREAK}%", "two people", ("a/0", "b/0"))
    assert [face.alt for face in card.faces] == ["ann", "bob"]
    assert {face.source for face in card.faces} == {
        f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"
    }
    assert f"with lira gives 97{NO_BREAK}% that the first pair was trained on (even odds" in (
        row.words
    )
    assert row.more == "3 more run the same risk as the last."
    assert section.faces
    assert section.silent == ()


def test_without_names_a_picture_is_called_by_its_id() -> None:
    found = [AtRisk("none", "pair", "lira", Ranking((pair(True),)))]
    section = at_risk_section(found, CALLED, faces("x", "x"))
    card = section.shown[0].rows[0].cards[0]
    assert card.title == "one person"
    assert [face.alt for face in card.faces] == ["picture a/0", "picture b/0"]


def test_a_person_shows_two_of_their_pictures_at_most() -> None:
    person = Risky((), ("ann",), same=True, risk=0.7, pairs=4)
    found = [
        AtRisk("none", "pair", "lira", Ranking((pair(True, "ann", "ann"),)), Ranking((person,)))
    ]
    section = at_risk_section(found, CALLED, faces("ann", "ann", "bob", "ann"))
    card = section.shown[0].rows[1].cards[0]
    assert (card.title, card.lines) == ("ann", (f"4{NO_BREAK}pairs",))
    assert [face.alt for face in card.faces] == ["ann", "ann"]


def test_pictures_that_are_missing_or_no_jpeg_are_left_out() -> None:
    found = [AtRisk("none", "pair", "lira", Ranking((pair(True, "ann", "ann"),)))]
    for pictures in (
        {},
        faces("ann", "ann", jpeg=b"<svg onload=x>"),
        faces("ann", "ann", jpeg=b""),
    ):
        section = at_risk_section(found, CALLED, pictures)
        assert section.shown[0].rows[0].cards[0].faces == ()
        assert not section.faces


def test_targets_without_a_proven_leak_get_one_line() -> None:
    found = [
        AtRisk("none", "pair", None),
        AtRisk("facebone", "pair", "lira"),
        AtRisk("people", "identity", None),
    ]
    section = at_risk_section(found, CALLED, faces("ann"))
    assert section.shown == ()
    assert section.silent == (
        "No leak was proven on undefended and undefended (people), so nobody is named there.",
        "A leak was proven on FaceBone, but no single candidate's risk is known to lie above even "
        "odds.",
    )


@pytest.mark.parametrize(
    ("risk", "words"),
    [
        (0.5123, "51 %"),
        (0.97, "97 %"),
        (0.9949, "99 %"),
        (0.996, "99.6 %"),
        (0.9996, "over 99.9 %"),
    ],
)
def test_no_risk_is_certain(risk: float, words: str) -> None:
    assert risk_in_words(risk).replace(NO_BREAK, " ") == words


def section_of(page: str) -> str:
    found = re.search(r'<section id="at-risk">.*?</section>', page, flags=re.DOTALL)
    assert found is not None
    return found[0]


def test_the_page_names_those_who_were_found(
    simulation: ModuleType, simulated: Simulated, page: str
) -> None:
    audit, table = simulated
    assert '<a href="#at-risk">' in page
    section = unescape(section_of(page))
    assert "<img" not in section
    found = find_at_risk(audit, table)
    assert [one.target for one in found if one.attack is None] == [
        "facebone:assignment=pair,query=mean",
        "facebone:assignment=fusion",
    ]
    assert "No leak was proven on FaceBone: pair, mean and FaceBone: fusion, so nobody" in section
    named = [risky for one in found for risky in (*one.candidates.first, *one.people.first)]
    assert len(named) == 12 + 6
    for risky in named:
        for word in risky.pictures or risky.people:
            assert f">{word}<" in section or f"</strong> {word}<" in section
    assert section.count("<li>") == len(named)
    drawn = simulation.drawn_faces(audit, table)
    with_faces = section_of(render_report(audit, table, drawn))
    owners = [one.person for one in drawn.values()]
    wanted = sum(len(risky.pictures) or min(2, owners.count(risky.people[0])) for risky in named)
    images = re.findall(r'<img src="data:image/jpeg;base64,[\w+/=]+" alt="([^"]+)"', with_faces)
    assert len(images) == with_faces.count("<img ") == wanted
    assert wanted > len(named)
    assert all(alt.startswith("person ") for alt in images)
    assert "pass it on with the care" in with_faces
    assert "--no-pictures" in with_faces


def test_an_audit_that_failed_its_checks_names_nobody() -> None:
    found = [AtRisk("none", "pair", "lira", Ranking((pair(True),)))]
    section = at_risk_section(found, CALLED, faces("ann", "ann"), trusted=False)
    assert section.shown == ()
    assert not section.faces
    assert section.silent == ("This audit failed a check of itself, so nobody is named.",)


def test_hostile_names_of_people_stay_texts(simulation: ModuleType) -> None:
    audit, table = simulation.hostile_audit()
    wanted = [
        id_
        for one in find_at_risk(audit, table)
        for risky in one.candidates.first
        for id_ in risky.pictures
    ]
    assert len(wanted) > 12
    hostile = simulation.HOSTILE[1]
    shown = {id_: Thumbnail(id_, hostile, JPEG) for id_ in wanted}
    section = section_of(render_report(audit, table, shown))
    for tag in re.findall(r"<img [^>]*>", section):
        assert re.fullmatch(
            r'<img src="data:image/jpeg;base64,[\w+/=]+" alt="[^"<>]*" width="96" height="96">', tag
        )
    assert section.count("<img ") == section.count('height="96">') > 12
    assert "&lt;script&gt;" in section
    assert "<script" not in section
    assert "\u202e" not in section


def test_the_command_leaves_faces_out(
    simulation: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {
        "targets": [simulation.Simulated("none", "none", 1.2, 6.0)],
        "attacks": ["loss_threshold"],
        "pairs": 300,
        "seeds": (0,),
        "reference": False,
    }
    simulation.write_simulated_audit(tmp_path, faces=True, **settings)
    report(tmp_path)
    with_faces = (tmp_path / REPORT_FILE).read_text("utf-8")
    report(tmp_path, pictures=False)
    without = (tmp_path / REPORT_FILE).read_text("utf-8")
    assert capsys.readouterr().out == f"{tmp_path / REPORT_FILE}\n" * 2
    assert 12 < with_faces.count("<img ") <= 24
    assert "<img" not in without
    assert "These names are private" in without
    # Another audit's faces are not shown: only those that the section names.
    write_pictures([Thumbnail("stranger", "nobody", JPEG)], tmp_path)
    assert "<img" not in write_report(tmp_path).read_text("utf-8")
