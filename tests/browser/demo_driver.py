"""A visitor of the demo: moves about its pages in a browser, and checks what everybody must get."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

DESK, PHONE = (1280, 900), (390, 844)

PATIENCE = 60.0

IDLE = """
const app = document.querySelector(".stApp");
return Boolean(app) && app.getAttribute("data-test-script-state") === "notRunning"
  && app.getAttribute("data-test-connection-state") === "CONNECTED"
  && document.querySelectorAll("h1").length > 0
  && !document.querySelector("[data-stale='true']");
"""

NAMED = {
    "button", "checkbox", "combobox", "image", "link", "radio", "radiogroup", "searchbox",
    "slider", "spinbutton", "switch", "tab", "textbox",
}  # fmt: skip
"""Roles that a screen reader announces by a name."""

TEXTS = """
return [...document.querySelectorAll("[data-testid=stMain] *, [data-testid=stHeader] *")].filter(
  element => element.getClientRects().length && !element.closest("svg, canvas, [aria-hidden=true]")
    && element.tagName !== "STYLE" && !element.closest("[data-testid=stIconMaterial]")
    && [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())
).map(element => {
  const grounds = [];
  let opacity = 1;
  for (let at = element; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    opacity *= parseFloat(style.opacity);
    grounds.push(style.backgroundColor);
  }
  const disabled = Boolean(element.closest(":disabled, [aria-disabled=true]"));
  return [element.textContent.trim().slice(0, 40), getComputedStyle(element).color, grounds,
          opacity, disabled];
});
"""


class Visitor:
    """One browser at one server.

    Args:
        driver: the browser.
        address: of the server.
        shots: folder of screenshots.
    """

    def __init__(self, driver: Chrome, address: str, shots: Path) -> None:
        self.driver = driver
        self.address = address
        self.shots = shots

    def arrive(self, size: tuple[int, int] = DESK) -> None:
        """Open the first page, with the console begun anew."""
        self.driver.get_log("browser")
        self.resize(size)
        self.driver.get(self.address)
        self.settle()

    def resize(self, size: tuple[int, int]) -> None:
        """A window of so many CSS pixels."""
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def settle(self) -> None:
        """Wait until the page has done what it was asked to."""
        time.sleep(0.25)
        self.wait(lambda: bool(self.driver.execute_script(IDLE)), "the page is idle")
        time.sleep(0.15)
        self.wait(lambda: bool(self.driver.execute_script(IDLE)), "the page is idle")

    def wait(self, found: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
        """Wait for something, and return it."""
        end = time.monotonic() + patience
        while not (value := found()):
            assert time.monotonic() < end, f"waited in vain until {what}: {self.text()[:1500]}"
            time.sleep(0.1)
        return value

    def text(self) -> str:
        """All that the page says."""
        return str(self.driver.execute_script("return document.body.innerText"))

    def says(self, words: str) -> None:
        """Wait until the page says so."""
        self.wait(lambda: words in self.text(), f"it says {words!r}")

    def lead(self) -> str:
        """The answer of the page."""
        shown = self.driver.execute_script(
            "return [...document.querySelectorAll('.fb-lead')].map(one => one.innerText)"
        )
        return " ".join(shown)

    def go(self, title: str) -> None:
        """Follow the link to a page."""
        link = self.wait(
            lambda: self.driver.execute_script(
                "return [...document.querySelectorAll('a')]"
                ".find(one => one.textContent.trim() === arguments[0])",
                title,
            ),
            f"there is a link to {title}",
        )
        self.driver.execute_script("arguments[0].click()", link)
        self.wait(lambda: self.driver.current_url.endswith(title.lower()), f"{title} is open")
        self.settle()

    def press(self, words: str) -> None:
        """Press the button, tab, toggle or radio that is called so, the first that is shown."""
        found = self.wait(
            lambda: self.driver.execute_script(
                "return [...document.querySelectorAll('button, [role=tab], label, summary')]"
                ".find(one => one.innerText.trim().split('\\n').at(-1) === arguments[0] "
                "&& one.getClientRects().length)",
                words,
            ),
            f"{words!r} can be pressed",
        )
        self.driver.execute_script(
            "(arguments[0].querySelector('input') || arguments[0]).click()", found
        )
        self.settle()

    def pick(self, group: str, words: str) -> None:
        """Choose one of the radios of a group."""
        found = self.wait(
            lambda: self.driver.execute_script(
                "const group = [...document.querySelectorAll('[data-testid=stRadio]')].find(one =>"
                " one.innerText.trim().startsWith(arguments[0]));"
                "return group && [...group.querySelectorAll('label')].find(one => "
                "one.innerText.trim() === arguments[1])",
                group,
                words,
            ),
            f"{group!r} offers {words!r}",
        )
        self.driver.execute_script("arguments[0].click()", found)
        self.settle()

    def choose(self, label: str, words: str) -> None:
        """Type into a box that completes, and take the first it offers."""
        from selenium.webdriver.common.keys import Keys

        box = self.wait(
            lambda: self._labelled("input[role=combobox]", label), f"there is a box {label!r}"
        )
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", box)
        box.click()
        box.send_keys(Keys.CONTROL, "a")
        box.send_keys(words)
        self.wait(
            lambda: self.driver.execute_script(
                "return [...document.querySelectorAll('[role=option]')].some(one => "
                "one.innerText.includes(arguments[0]))",
                words,
            ),
            f"{words!r} is offered",
        )
        box.send_keys(Keys.ENTER)
        self.settle()

    def upload(self, side: int, path: Path) -> None:
        """Hand a file to the uploader of a side, in the order of the page."""
        box = self.wait(
            lambda: self.driver.execute_script(
                "return document.querySelectorAll('input[type=file]')[arguments[0]]", side
            ),
            "there is an uploader",
        )
        box.send_keys(str(path))
        self.says(path.name[:6])
        self.settle()

    def _labelled(self, selector: str, label: str) -> WebElement | None:
        return self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].find(one => "
            "(one.getAttribute('aria-label') || '').includes(arguments[1]))",
            selector,
            label,
        )

    def shoot(self, name: str) -> Path:
        """Keep a screenshot of the whole page."""
        height = self.driver.execute_script(
            "return document.querySelector('[data-testid=stMain]').scrollHeight"
        )
        width = self.driver.execute_script("return window.innerWidth")
        self.resize((width, min(max(height, 600), 4000)))
        time.sleep(0.3)
        path = self.shots / f"{name}.png"
        self.driver.save_screenshot(str(path))
        self.resize(DESK if width == DESK[0] else PHONE)
        return path

    def check_silence(self) -> None:
        """No line on the console but for the browser's own start."""
        lines = [line["message"] for line in self.driver.get_log("browser")]
        assert not lines, f"the console says {lines}"

    def check_names(self) -> int:
        """Everything that can be used or seen has a name in the browser's accessibility tree."""
        tree = self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        seen = 0
        for node in tree:
            role = node.get("role", {}).get("value")
            if role in NAMED and not node.get("ignored"):
                name = str(node.get("name", {}).get("value", "")).strip()
                assert name, f"a {role} has no name: {json.dumps(node)[:300]}"
                assert not name.isdigit(), f"a {role} is called {name}"
                seen += 1
        return seen

    def check_width(self) -> None:
        """Nothing is wider than the window but what scrolls in a box of its own."""
        wide, window = self.driver.execute_script(
            "return [document.querySelector('[data-testid=stMain]').scrollWidth, window.innerWidth]"
        )
        assert wide <= window, f"the page is {wide} pixels wide, the window {window}"

    def check_contrast(self, contrast: Callable[[str, str], float]) -> None:
        """All text stands out from its ground as WCAG 2 asks of level AA."""
        texts = self.driver.execute_script(TEXTS)
        assert len(texts) > 10
        for words, colour, grounds, opacity, disabled in texts:
            if disabled:
                continue
            ground = (255.0, 255.0, 255.0)
            for layer in reversed(grounds):
                ground = over(layer, ground)
            shown = over(colour, ground, opacity)
            ratio = contrast(css(shown), css(ground))
            assert ratio >= 4.5, f"{words!r}: {colour} on {ground} is {ratio:.1f} : 1"


def over(
    colour: str, ground: tuple[float, float, float], opacity: float = 1.0
) -> tuple[float, float, float]:
    """A CSS colour that lies over another one."""
    parts = [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")]
    share = (parts[3] if len(parts) > 3 else 1.0) * opacity
    red, green, blue = (
        share * part + (1 - share) * below for part, below in zip(parts, ground, strict=False)
    )
    return red, green, blue


def css(colour: tuple[float, float, float]) -> str:
    """As CSS writes it."""
    return f"rgb({', '.join(f'{part:.2f}' for part in colour)})"
