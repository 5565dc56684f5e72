"""What a report must be in a browser: silent, offline, whole, legible, and its answer in sight."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

DESK, PHONE, SMALL_PHONE = (1280, 800), (390, 844), (320, 640)

AXES = {
    "trade-off": ("AUC", "accuracy"),
    "alarms": ("TPR at FPR", "accuracy"),
    "det": ("FAR", "FRR"),
    "auc": ("AUC",),
    "roc": ("false positive", "true positive"),
    "scores": ("score of the verifier", "share of"),
}
"""Kind of a chart -> what its axes must name."""

LEAST_LETTERS = 10
"""Pixels: the smallest letters of a picture, as seen."""

PICTURES = """
return [...document.querySelectorAll("figure.chart")].map(figure => {
  const shown = [...figure.querySelectorAll("svg")].filter(svg => svg.getClientRects().length);
  return {
    name: figure.id,
    keyed: [...figure.querySelectorAll(".key")].some(key => key.getClientRects().length),
    shown: shown.map(svg => {
      const box = svg.getBoundingClientRect();
      const scale = box.width / svg.viewBox.baseVal.width;
      return {
        width: box.width, height: box.height, label: svg.querySelector("title").textContent,
        marks: [...svg.querySelectorAll("path, use")].filter(
          mark => mark.getBoundingClientRect().width + mark.getBoundingClientRect().height > 0
        ).length,
        texts: [...svg.querySelectorAll("text")].map(text => {
          const at = text.getBoundingClientRect(), style = getComputedStyle(text);
          return {
            words: text.textContent, fill: style.fill, size: parseFloat(style.fontSize) * scale,
            out: Math.max(box.left - at.left, at.right - box.right,
                          box.top - at.top, at.bottom - box.bottom),
            box: [at.left, at.top, at.right, at.bottom],
          };
        }),
      };
    }),
  };
});
"""

FACES = """
return [...document.images].map(image => {
  const at = image.getBoundingClientRect(), words = image.closest("li");
  return {
    alt: image.alt, loaded: image.complete && image.naturalWidth > 0,
    sides: [at.width, at.height], left: at.left, right: at.right,
    card: [words.getBoundingClientRect().left, words.getBoundingClientRect().right],
    stated: [image.getAttribute("width"), image.getAttribute("height")],
  };
});
"""

LEAST_FACE = 48
"""Pixels: the smallest face that can be told from another."""

COLOURS = """
return [...document.querySelectorAll("body *")].filter(element =>
  !element.closest("svg") && element.getClientRects().length &&
  [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())
).map(element => {
  let ground = element;
  while (ground && getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)")
    ground = ground.parentElement;
  return [
    element.textContent.trim().slice(0, 40), getComputedStyle(element).color,
    ground ? getComputedStyle(ground).backgroundColor : "rgb(255, 255, 255)",
  ];
});
"""


NOT_OURS = {"exclude": [["[data-testid=stIconMaterial]"]]}
"""Streamlit's icons, which are letters of a font that screen readers are told to skip."""

NOT_ASKED = json.dumps({"rules": {"presentation-role-conflict": {"enabled": False}}})
"""Streamlit's uploader can be focused though its role says that it is nothing."""


def check_axe(driver: Chrome) -> None:
    """What axe finds wrong for keyboards, screen readers and eyes: nothing, of any impact."""
    from axe_core_python.selenium import Axe

    found = Axe().run(driver, NOT_OURS, NOT_ASKED)
    assert len(found["passes"]) > 10
    wrong = [
        f"{rule['id']} ({rule['impact']}): {[node['html'][:200] for node in rule['nodes']]}"
        for rule in found["violations"]
    ]
    assert not wrong, "\n".join(wrong)


def check_report(driver: Chrome, path: Path) -> None:
    """Open a report at three widths; an AssertionError says what is wrong with it."""
    for size in (DESK, PHONE, SMALL_PHONE):
        open_page(driver, path, size)
        check_silence(driver, path)
        check_width(driver)
        pictures = check_pictures(driver, size)
        check_faces(driver, size)
        if size != SMALL_PHONE:
            check_first_screen(driver, size, pictures)
    check_contrast(driver)
    for size in (DESK, PHONE):
        open_page(driver, path, size)
        check_axe(driver)


def open_page(driver: Chrome, path: Path, size: tuple[int, int]) -> None:
    """Open a file in a window of so many CSS pixels, with the logs begun anew."""
    driver.get_log("performance")
    driver.get_log("browser")
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.get(path.resolve().as_uri())


def check_silence(driver: Chrome, path: Path) -> None:
    """No line on the console, and no request but for the page itself."""
    console = [line["message"] for line in driver.get_log("browser")]
    assert not console, f"the console says {console}"
    messages = [json.loads(line["message"])["message"] for line in driver.get_log("performance")]
    asked = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    # The browser's own start page may still be loading; no page of a file may ask for chrome://.
    others = [url for url in asked if not url.startswith(("data:", "chrome://"))]
    assert others == [path.resolve().as_uri()], f"the page asks for {others}"
    scripts = driver.execute_script("return document.scripts.length")
    assert scripts == 0, f"the page holds {scripts} scripts"


def check_width(driver: Chrome) -> None:
    """The page is as wide as the window, and whatever is wider scrolls in a box of its own."""
    wide, window = driver.execute_script(
        "return [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert wide <= window, f"the page is {wide} pixels wide, the window {window}"


def check_pictures(driver: Chrome, size: tuple[int, int]) -> dict[str, Any]:
    """Every chart shows one picture, with marks, named axes, and letters that can be read."""
    found: dict[str, Any] = {}
    for chart in driver.execute_script(PICTURES):
        name, place = chart["name"], f"{chart['name']} at {size[0]} pixels"
        assert len(chart["shown"]) == 1, f"{place}: {len(chart['shown'])} pictures are shown"
        picture = chart["shown"][0]
        assert picture["width"] > 250, f"{place} is {picture['width']} pixels wide"
        assert picture["height"] > 100, f"{place} is {picture['height']} pixels high"
        assert picture["label"], f"{place} has no title"
        assert picture["marks"] > 5, f"{place} is empty"
        words = " ".join(text["words"] for text in picture["texts"])
        kind = name if name in AXES else name.rpartition("-")[0]
        for axis in AXES[kind]:
            assert axis in words, f"{place} does not name {axis}"
        for text in picture["texts"]:
            if size != SMALL_PHONE:
                assert text["size"] >= LEAST_LETTERS, f"{place}: small letters: {text}"
            assert text["out"] <= 1.5, f"{place}: cut off: {text}"
            assert contrast(text["fill"], "rgb(255, 255, 255)") >= 4.5 or chart["keyed"], text
        found[name] = chart
    assert found, "the page has no picture"
    return found


def check_faces(driver: Chrome, size: tuple[int, int]) -> None:
    """Every thumbnail is there, says whom it shows, is square, and stays in its card and window."""
    for face in driver.execute_script(FACES):
        place = f"the face of {face['alt']!r} at {size[0]} pixels"
        assert face["alt"].strip(), f"a face at {size[0]} pixels has no words"
        assert face["loaded"], f"{place} is not shown"
        assert all(face["stated"]), f"{place} has no fixed size"
        width, height = face["sides"]
        assert abs(width - height) <= 1, f"{place} is {width} by {height}"
        assert width >= LEAST_FACE, f"{place} is {width} pixels wide"
        left, right = face["card"]
        assert left - 1 <= face["left"] <= face["right"] <= right + 1, f"{place} leaves its card"
        assert right <= size[0], f"{place} leaves the window"


def check_first_screen(driver: Chrome, size: tuple[int, int], pictures: dict[str, Any]) -> None:
    """Verdict, main picture and, where it needs no key, the strongest attack; none over another."""

    def lowest(selector: str) -> float:
        return driver.execute_script(
            "return Math.max(...[...document.querySelectorAll(arguments[0])]"
            ".map(element => element.getBoundingClientRect().bottom))",
            selector,
        )

    assert len(driver.execute_script("return document.querySelectorAll('p.verdict')")) == 2
    wanted = ["p.verdict"]
    if driver.execute_script("return document.querySelectorAll('.besides').length"):
        wanted.append(".besides")
    if "trade-off" in pictures:
        wanted.append("#trade-off svg")
        wanted += [] if pictures["trade-off"]["keyed"] else [".strongest"]
        check_labels(pictures["trade-off"])
    for selector in wanted:
        bottom = lowest(selector)
        assert bottom <= size[1], f"{selector} ends at {bottom}, the screen of {size} before"


def check_labels(chart: dict[str, Any]) -> None:
    """No text lies over another; numbers in crowded discs, which a key explains, may."""
    if chart["keyed"]:
        return
    texts = chart["shown"][0]["texts"]
    for i, one in enumerate(texts):
        for other in texts[:i]:
            a, b = one["box"], other["box"]
            apart = a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]
            assert apart, f"{one['words']!r} lies over {other['words']!r}"


def check_contrast(driver: Chrome) -> None:
    """All text stands out from its ground as WCAG 2 asks of level AA."""
    seen = driver.execute_script(COLOURS)
    assert len(seen) > 50
    for words, colour, ground in seen:
        ratio = contrast(colour, ground)
        assert ratio >= 4.5, f"{words!r}: {colour} on {ground} is {ratio:.1f} : 1"


def contrast(colour: str, ground: str) -> float:
    """The contrast ratio of two CSS colours by WCAG 2, 1 to 21."""

    def luminance(css: str) -> float:
        parts = [float(part) for part in css[css.index("(") + 1 : -1].split(",")[:3]]
        linear = [
            c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
            for c in (part / 255 for part in parts)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(colour), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
