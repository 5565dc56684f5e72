"""A browser at the demo's server, for its benchmark and its pictures."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)

IDLE = """
const app = document.querySelector(".stApp");
return Boolean(app) && app.getAttribute("data-test-script-state") === "notRunning"
  && document.querySelectorAll("h1").length > 0;
"""


@contextmanager
def server(*words: str, home: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """``facebone demo`` at a free port, as soon as it was started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    code = "import sys; from facebone.cli import run; sys.exit(run())"
    command = [sys.executable, "-c", code, "demo", "--no-browser", "--port", str(port), *words]
    process = subprocess.Popen(command, env=os.environ | {"FACEBONE_HOME": home})
    try:
        yield process, port
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def chromium(size: tuple[int, int] = (1280, 900)) -> Iterator[Chrome]:
    """A headless Chromium."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(
            options=options, service=Service(executable_path=shutil.which("chromedriver"))
        )
        try:
            metrics = {
                "width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False,
            }  # fmt: skip
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            yield driver
        finally:
            driver.quit()


def wait(found: Callable[[], Any], patience: float = 900.0) -> Any:
    """Wait for something, and return it."""
    end = time.monotonic() + patience
    while not (value := found()):
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)
    return value


def listening(port: int) -> bool:
    """Whether somebody answers at a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def settle(driver: Chrome) -> None:
    """Wait until the page has done what it was asked to."""
    time.sleep(0.4)
    wait(lambda: driver.execute_script(IDLE))
    time.sleep(0.4)


def follow(driver: Chrome, title: str) -> None:
    """Follow the link to a page."""
    link = (
        "return [...document.querySelectorAll('a')].find(one => one.textContent === arguments[0])"
    )
    driver.execute_script("arguments[0].click()", wait(lambda: driver.execute_script(link, title)))
    wait(lambda: driver.current_url.endswith(title.lower()))
    settle(driver)
