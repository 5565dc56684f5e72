"""Fixtures: a headless Chromium, and the pages that it opens."""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from facebone.data.synthetic import synthetic_dataset

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    # A camera that shows a film, and may be used without asking anybody.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


DEMO_PARTS = ("demo_server", "demo_driver")


def load(path: Path) -> ModuleType:
    """A module that is no test, and so is not imported by pytest."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def film_a_face(path: Path) -> Path:
    """What the camera shows: a drawn person who keeps still."""
    source = synthetic_dataset(4, 3, seed=5, view="scene").pictures[9].source
    pixels = Image.fromarray(source.decode(source.read())).resize((480, 480))
    wide = Image.new("RGB", (640, 480), (120, 120, 120))
    wide.paste(pixels, (80, 0))
    one = io.BytesIO()
    wide.save(one, "JPEG", quality=95)
    path.write_bytes(one.getvalue() * 30)
    return path


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless Chromium that writes down its console and its requests, or a skip."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("Chromium or chromedriver is not installed: no page is opened here")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    folder = tmp_path_factory.mktemp("chromium")
    film = film_a_face(folder / "camera.mjpeg")
    for flag in (*FLAGS, f"--user-data-dir={folder}", f"--use-file-for-fake-video-capture={film}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with pytest.MonkeyPatch.context() as patch:
        # Selenium must neither look for drivers on the network nor report statistics.
        patch.setenv("SE_OFFLINE", "true")
        patch.setenv("SE_AVOID_STATS", "true")
        found = webdriver.Chrome(options=options, service=Service(executable_path=driver))
        try:
            found.get("about:blank")  # instead of the start page, which asks for much
            yield found
        finally:
            found.quit()


@pytest.fixture(scope="session")
def page_checks() -> ModuleType:
    """What a page must be in a browser."""
    return load(Path(__file__).with_name("page_checks.py"))


@pytest.fixture
def check_report(chromium: Chrome, page_checks: ModuleType) -> Callable[[Path], None]:
    """Open a report.html at every width, and fail where it is not what it should be."""

    def check(path: Path) -> None:
        page_checks.check_report(chromium, path)

    return check


@pytest.fixture(scope="session")
def simulation() -> ModuleType:
    """What makes simulated audits."""
    return load(Path(__file__).parents[1] / "audit" / "report" / "simulated_audit.py")


@pytest.fixture(scope="session")
def demo_parts() -> dict[str, ModuleType]:
    """The demo's server and a visitor of it."""
    return {name: load(Path(__file__).with_name(f"{name}.py")) for name in DEMO_PARTS}


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots are kept: the folder that FACEBONE_SCREENSHOTS names, if it does."""
    named = os.environ.get("FACEBONE_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def visitor(
    chromium: Chrome, demo_parts: dict[str, ModuleType], server: Any, shots: Path
) -> Iterator[Any]:
    """Somebody who opens the demo that a module serves; nothing may have gone wrong in the end."""
    found = demo_parts["demo_driver"].Visitor(chromium, server.address, shots)
    found.arrive()
    yield found
    found.check_silence()
    server.check_log()
    chromium.get("about:blank")  # a page whose server has gone asks for it again and again
