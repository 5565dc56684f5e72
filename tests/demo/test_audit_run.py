"""An audit in a process of its own: it says how far it is, why it failed, and ends when asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facebone.demo.audit_process import from_text, to_text
from facebone.demo.audit_run import AuditRun, State
from facebone.demo.audit_slot import AuditSlot
from facebone.demo.settings import DemoSettings
from facebone.demo.work import Step

PATIENCE = 60.0


def settings(**changes: object) -> DemoSettings:
    return DemoSettings(backbones=("tiny_plain", "tiny_mobile"), pairs=40, shadows=2, **changes)


def wait_for(found, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.05)


def gone(group: int) -> bool:
    """Whether no process of a group is left that still runs."""
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                words = (path / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(words[2]) == group and words[0] != "Z":
                return False
    return True


def test_settings_survive_the_way_to_the_process() -> None:
    asked = settings(seed=3).membership()
    assert from_text(to_text(asked, Path("out"))) == (asked, Path("out"))
    rebuilding = settings().reconstruction()
    assert from_text(to_text(rebuilding, Path("a b")))[0] == rebuilding


def test_demo_settings_survive_the_way_to_the_pages() -> None:
    asked = DemoSettings("lfw", Path("a b"), ("dlib", "dlib%60"), seed=4, cache=Path("c"))
    assert DemoSettings.from_text(asked.to_text()) == asked


def test_cancelling_ends_it_and_what_it_started(tmp_path: Path) -> None:
    run = AuditRun(settings().membership(), tmp_path / "audit")
    wait_for(lambda: run.step.label != "starting", "it tells what it does")
    assert run.state is State.RUNNING
    group = os.getpgid(run._process.pid)
    run.cancel()
    assert run.state is State.CANCELLED
    assert run.error == ""
    wait_for(lambda: gone(group), "all its processes are gone")
    assert not (tmp_path / "audit" / "audit.json").exists()
    run.cancel()  # a second click does nothing


def test_a_failure_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "mine.txt").write_text("something else")
    run = AuditRun(settings().membership(), tmp_path / "audit")
    assert run.wait() is State.FAILED
    assert "is not empty and holds no audit to go on with: mine.txt" in run.error
    assert "\n" not in run.error


def test_one_audit_runs_at_a_time(tmp_path: Path) -> None:
    slot = AuditSlot()
    first = slot.start(settings().membership(), tmp_path / "one")
    assert first is not None
    assert slot.start(settings().membership(), tmp_path / "two") is None
    first.cancel()
    second = slot.start(settings().membership(), tmp_path / "three")
    assert second is not None
    second.cancel()


def test_it_ends_with_the_server_that_started_it(tmp_path: Path) -> None:
    """Also where that one is killed and can say nothing."""
    code = f"""
import sys, time
from pathlib import Path
from facebone.demo.audit_run import AuditRun
from facebone.demo.settings import DemoSettings
asked = DemoSettings(backbones=("tiny_plain", "tiny_mobile"), pairs=40, shadows=2)
run = AuditRun(asked.membership(), Path({str(tmp_path / "audit")!r}))
print(run._process.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        group = int(server.stdout.readline())
        server.send_signal(signal.SIGKILL)
    wait_for(lambda: gone(group), "it is gone")


@pytest.mark.parametrize(
    ("step", "share", "words"),
    [
        (Step("loading", 0, 0), 0.0, "loading"),
        (Step("embedding", 500, 2000), 0.25, "embedding, 500 of 2,000"),
        (Step("embedding", 9, 3), 1.0, "embedding, 9 of 3"),
    ],
)
def test_a_step_in_words(step: Step, share: float, words: str) -> None:
    assert (step.share, step.words) == (share, words)
