"""Take the README's pictures of the demo: three pages of it, on the embedded default."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.demo_browser import chromium, follow, listening, server, settle, wait

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SIZE = (1120, 900)
COLOURS = 160


def press(driver: Chrome, words: str) -> None:
    find = (
        "return [...document.querySelectorAll('button, [role=tab], label')].find(one => "
        "one.innerText.trim() === arguments[0])"
    )
    driver.execute_script("arguments[0].click()", wait(lambda: driver.execute_script(find, words)))
    settle(driver)


def shoot(driver: Chrome, name: str, height: int) -> None:
    metrics = {"width": SIZE[0], "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    time.sleep(1)
    path = IMAGES / f"demo_{name}.png"
    driver.save_screenshot(str(path))
    # A palette holds a page at a third of the bytes.
    Image.open(path).convert("RGB").quantize(COLOURS).save(path, optimize=True)
    print(f"wrote {path}, {path.stat().st_size // 1024} kB", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", required=True, help="where models are kept between runs")
    home = parser.parse_args().home
    with server(home=home) as (_, port), chromium(SIZE) as driver:
        wait(lambda: listening(port))
        driver.get(f"http://127.0.0.1:{port}/")
        ready = "return document.body.innerText.includes('verifiers are ready')"
        wait(lambda: driver.execute_script(ready))
        follow(driver, "Verify")
        shoot(driver, "verify", 1180)
        follow(driver, "Membership")
        press(driver, "All of them")
        shoot(driver, "membership", 880)
        follow(driver, "Reconstruction")
        shoot(driver, "reconstruction", 880)
    return 0


if __name__ == "__main__":
    sys.exit(main())
