"""The demo: how soon its first page is there, how quick an answer is, and ten visitors at once.

Everything goes through the real server and a real browser. Ten windows are ten sessions: for two
minutes all of them ask about two other people within a moment, and ask again once all are answered.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

from benchmarks.demo_browser import IDLE, chromium, follow, listening, server, settle, wait
from benchmarks.results_file import write_result

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SESSIONS, SECONDS = 10, 120.0
ANSWERS = 20

ASK = """
const app = document.querySelector(".stApp");
const shown = () => [...document.querySelectorAll(".fb-numbers")].map(one => one.innerText).join()
  + [...document.querySelectorAll("[data-testid=stMain] img")].map(one => one.src).join();
const before = shown(), began = performance.now();
window.answered = null;
new MutationObserver((_, observer) => {
  if (shown() === before || app.getAttribute("data-test-script-state") !== "notRunning") return;
  observer.disconnect();
  window.answered = performance.now() - began;
}).observe(app.parentElement,
           {attributes: true, childList: true, subtree: true, characterData: true});
[...document.querySelectorAll("button")].find(one => one.innerText.trim() === "Two people").click();
"""
ANSWERED = "return window.answered"
"""Milliseconds from the click until other people and their scores are shown and the server is done
with them; null before."""

PATIENCE = 20.0
"""Seconds after which there will be no answer."""


def memory_mib(pid: int) -> float:
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        line = next(line for line in file if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def first_page(words: list[str], home: str, driver: Chrome) -> dict[str, float]:
    """Seconds from the start of the process until the page is read, and until all is loaded."""
    began = time.monotonic()
    with server(*words, home=home) as (_, port):
        wait(lambda: listening(port))
        answered = time.monotonic() - began
        driver.get(f"http://127.0.0.1:{port}/")
        wait(lambda: driver.execute_script("return document.querySelectorAll('.fb-pipe').length"))
        shown = time.monotonic() - began
        wait(
            lambda: "verifiers are ready" in driver.execute_script("return document.body.innerText")
        )
        return {
            "server answers": round(answered, 2),
            "first page is shown": round(shown, 2),
            "verifiers are loaded": round(time.monotonic() - began, 2),
        }


def answers(driver: Chrome, port: int) -> list[float]:
    """Seconds from a click to the answer about two other people, drawn and all."""
    driver.get(f"http://127.0.0.1:{port}/")
    settle(driver)
    follow(driver, "Verify")
    found = []
    for _ in range(ANSWERS):
        driver.execute_script(ASK)
        found.append(answered(driver))
        settle(driver)
    return found


def answered(driver: Chrome) -> float:
    """Seconds that the window's last question took, once it is answered."""
    return float(wait(lambda: driver.execute_script(ANSWERED), PATIENCE)) / 1000


def crowd(driver: Chrome, port: int, pid: int) -> dict[str, Any]:
    """Ten sessions at once: answers, how long they took, and the server's memory."""
    for number in range(SESSIONS):
        if number:
            driver.switch_to.new_window("window")
        driver.get(f"http://127.0.0.1:{port}/")
        settle(driver)
        follow(driver, "Verify")
    before, memory, late, alarms = memory_mib(pid), [], [], 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for window in driver.window_handles:
            driver.switch_to.window(window)
            driver.execute_script(ASK)
        for window in driver.window_handles:
            driver.switch_to.window(window)
            late.append(answered(driver))
            wait(lambda: driver.execute_script(IDLE))
            alarms += len(driver.find_elements("css selector", "[data-testid=stAlert]"))
            alarms += len(driver.find_elements("css selector", "[data-testid=stException]"))
        memory.append(memory_mib(pid))
    third = max(1, len(memory) // 3)
    return {
        "sessions": SESSIONS,
        "seconds": SECONDS,
        "answers": len(late),
        "errors": alarms,
        "seconds an answer, median": round(statistics.median(late), 2),
        "seconds an answer, 95 %": round(statistics.quantiles(late, n=20)[-1], 2),
        "memory before, MiB": round(before),
        "memory in the first third, MiB": round(statistics.median(memory[:third])),
        "memory in the last third, MiB": round(statistics.median(memory[-third:])),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", help="where models were cached before; a new folder by default")
    arguments, words = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as driver:
        home = arguments.home or folder
        first_page(words, home, driver)  # trains what is not there yet
        figures: dict[str, Any] = {"start": first_page(words, home, driver)}
        with server(*words, home=home) as (process, port):
            wait(lambda: listening(port))
            driver.get(f"http://127.0.0.1:{port}/")
            ready = "return document.body.innerText.includes('verifiers are ready')"
            wait(lambda: driver.execute_script(ready))
            found = answers(driver, port)
            figures["seconds an answer"] = {
                "median": round(statistics.median(found), 2),
                "slowest of 20": round(max(found), 2),
            }
            figures["ten sessions"] = crowd(driver, port, process.pid)
            figures["server still runs"] = process.poll() is None
    print(json.dumps(figures, indent=2))
    write_result("demo", figures, command="python -m benchmarks.bench_demo")
    return 0


if __name__ == "__main__":
    sys.exit(main())
