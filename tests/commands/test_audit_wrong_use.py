"""Attacks that cannot be run are refused in one line, before any picture is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

TWO = ("--backbone", "tiny_plain", "--backbone", "tiny_mobile")


@pytest.fixture
def pairs_of_pictures(tmp_path: Path) -> Path:
    """Fifty people with two pictures each, which nobody needs to look at."""
    for person in range(50):
        folder = tmp_path / "faces" / f"p{person:02}"
        folder.mkdir(parents=True)
        for i in range(2):
            Image.new("RGB", (8, 8), (5 * person, 100 * i, 0)).save(folder / f"{i}.png")
    return tmp_path / "faces"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--attack lira --access decision",
            "attack lira: needs score access, was given decision; give --access score",
        ),
        (
            "--attack template_probing --access score",
            "attack template_probing: needs embedding access, was given score",
        ),
        (
            "--attack white_box --access embedding",
            "attack white_box: needs weights access, was given embedding",
        ),
        (
            "--attack lira:ask=through --access score",
            "attack lira:ask=through: needs embedding access, was given score",
        ),
        (
            "--attack gap:ask=augmented --access decision",
            "attack gap:ask=augmented: needs score access, was given decision",
        ),
        (
            "--attack set_likelihood",
            "attack set_likelihood: asks about image, identity alone, not about pair",
        ),
        (
            "--attack art_gb --level identity --level image",
            "attack art_gb: asks about pair alone, not about identity, image",
        ),
        (
            "--attack lira:probes=2",
            "attack lira:probes=2: asks about image, identity alone, not about pair",
        ),
        (
            "--attack set_likelihood --level identity --level pair",
            "--level: no attack that is named asks about pair",
        ),
        (
            "--access decision --level identity",
            "--attack: no default attack asks about identity with decision access",
        ),
        ("--attack all --attack al", "unknown attack 'al'"),
        ("--attack gap --attack gap", "--attack: gap is named twice"),
        ("--level person", "'--level': 'person' is not one of 'pair', 'image', 'identity'"),
        ("--level pair --level pair", "--level: pair is named twice"),
        ("--access root", "'--access': 'root' is not one of 'decision', 'score', "),
        ("--attack lira:probes=0", "--attack lira, probes: must be an integer of at least 1"),
        (
            "--attack lira:ask=nonsense",
            "ask: must be once, repeated, augmented, through, among, centre, gain, got 'nonsense'",
        ),
        ("--attack lira:asks=once", "did you mean 'ask'? known: ask, mode, probes, variance"),
        ("--attack lira --shadows 1", "--shadows: must be in 2 .. 4096, got 1"),
        (
            "--level identity --training-pictures 1",
            "--training-pictures: must be an integer of at least 2, got 1",
        ),
        ("--level image --protocol reference", "--protocol: the prototype's protocol asks about"),
        ("--attack lira --head cosine", "head cosine: learns nothing, so lira has nothing to find"),
        (
            "--attack label_only --head cosine",
            "head cosine: learns nothing, so label_only has nothing to find",
        ),
        (
            "--attack gradient_norm --head euclidean",
            "head euclidean: learns nothing, so gradient_norm has nothing to find",
        ),
        (
            "--attack loss_threshold:ask=augmented --head cosine",
            "head cosine: learns nothing, so loss_threshold has nothing to find",
        ),
    ],
)
def test_what_cannot_be_run(facebone: Any, tmp_path: Path, words: str, message: str) -> None:
    out = tmp_path / "out"
    # Where nothing was refused before, the missing folder would be.
    data = ("--data", "folder", "--root", tmp_path / "missing")
    outcome = facebone("audit", *data, *TWO, *words.split(), "--out", out)
    assert outcome.code == 2
    assert message in outcome.error
    assert outcome.out == ""
    assert not out.exists()


def test_people_with_too_few_pictures(
    facebone: Any, pairs_of_pictures: Path, tmp_path: Path
) -> None:
    data = ("--data", "folder", "--root", pairs_of_pictures)
    words = ("--level", "identity", "--attack", "lira", "--out", tmp_path / "out")
    outcome = facebone("audit", *data, *TWO, *words)
    assert outcome.code == 2
    assert "has 0 people with 4 pictures or more, an audit at the level identity" in outcome.error
    assert "bring more pictures of each person" in outcome.error
    assert outcome.out == ""
    assert not (tmp_path / "out" / "audit.json").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--attack white_box", "attack white_box: needs weights access, was given score"),
        # An attacker may be granted more; of a table there is no more to be seen.
        ("--attack white_box --access weights", "needs weights access, was given score"),
        (
            "--attack loss_threshold --access decision",
            "attack loss_threshold: needs score access, was given decision",
        ),
        ("--attack label_only", "attack label_only: must see decisions, which an audit records"),
        (
            "--attack loss_threshold:ask=augmented",
            "must see variants, which an audit records only of targets that it trains",
        ),
        ("--attack lira", "attack lira: needs shadow verifiers, which only an audit that trains"),
        ("--level identity", "--level: what --scores names is audited at the level of pairs"),
    ],
)
def test_of_a_table_of_scores_there_are_answers_alone(
    facebone: Any, tmp_path: Path, words: str, message: str
) -> None:
    rows = [f"a{i},b{i},{i % 2 == 1},{i % 4 < 2},{0.6 * (i % 2) + 0.001 * i}" for i in range(200)]
    (tmp_path / "table.csv").write_text("\n".join(["left,right,same,member,score", *rows]))
    table = ("--scores", tmp_path / "table.csv")
    outcome = facebone("audit", *table, *words.split(), "--out", tmp_path / "out")
    assert outcome.code == 2
    assert message in outcome.error
    assert not (tmp_path / "out").exists()


def test_a_verifier_is_not_asked_for_an_attack_that_cannot_be_run(
    facebone: Any, tmp_path: Path
) -> None:
    (tmp_path / "asked.py").write_text(
        "from pathlib import Path\n"
        "Path(__file__).with_suffix('.touched').touch()\n"
        "def verify(left, right):\n    return 0.5\n"
    )
    (tmp_path / "pairs.csv").write_text("left,right,same,member\na.png,b.png,1,1\n")
    verifier = ("--verifier", f"{tmp_path / 'asked.py'}:verify")
    words = ("--candidates", tmp_path / "pairs.csv", "--attack", "white_box")
    outcome = facebone("audit", *verifier, *words, "--out", tmp_path / "out")
    assert "attack white_box: needs weights access, was given score" in outcome.error
    assert not (tmp_path / "asked.touched").exists()


def test_of_decisions_alone_a_table_is_attacked_by_the_gap(facebone: Any, tmp_path: Path) -> None:
    from facebone.audit.artefacts import read_audit

    rows = [f"a{i},b{i},{i % 2 == 1},{i % 4 < 2},{0.6 * (i % 2) + 0.001 * i}" for i in range(200)]
    (tmp_path / "table.csv").write_text("\n".join(["left,right,same,member,score", *rows]))
    words = ("--scores", tmp_path / "table.csv", "--access", "decision", "--no-pictures")
    outcome = facebone("audit", *words, "--executor", "serial", "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    audit = read_audit(tmp_path / "out")
    assert [attack.name for attack in audit.targets[0].attacks] == ["gap"]
    assert "--attack gap --access decision" in audit.command
    again = facebone("audit", *words[:2], "--out", tmp_path / "out")
    assert "holds another audit: access" in again.error
