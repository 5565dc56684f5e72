"""The documentation is built with warnings as errors, and fetches nothing when it is read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_site_is_built_whole_and_needs_no_network(tmp_path: Path) -> None:
    site = tmp_path / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(site)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout + done.stderr == ""
    pages = {page.relative_to(site).as_posix() for page in site.rglob("*.html")}
    written = {page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")}
    assert {page.with_suffix(".html").as_posix() for page in written} <= pages
    for page in pages:
        text = (site / page).read_text("utf-8")
        fetching = re.findall(r"<(?:script|img|iframe|link)\b[^>]*>", text)
        assert not [tag for tag in fetching if re.search(r"(?:src|href)=\"?https?:", tag)], page
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"(?:@import|url\()\s*[\"']?https?:", sheet.read_text("utf-8"))


def test_the_reference_shows_what_the_page_names() -> None:
    from importlib import import_module

    for page in (ROOT / "docs" / "api").glob("*.md"):
        names = re.findall(r"^::: (\S+)$", page.read_text("utf-8"), flags=re.MULTILINE)
        assert names, page
        for name in names:
            assert import_module(name).__doc__
