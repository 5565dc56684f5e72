"""An audit that runs beside the server: begun, watched and, if somebody wants so, ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from facebone.audit.settings import AuditSettings
from facebone.demo.audit_process import to_text
from facebone.demo.work import Step

_KEPT_LINES = 20
"""Last lines of what the process says besides its progress."""

_PATIENCE = 5.0
"""Seconds that a process gets to end by itself."""


class State(StrEnum):
    """How far an audit is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class _Told:
    step: Step
    error: str = ""


class AuditRun:
    """One audit in a process of its own, with all the processes that it starts.

    Args:
        settings: of the audit.
        out: its folder.
    """

    def __init__(self, settings: AuditSettings, out: Path) -> None:
        self.out = out
        self._told = _Told(Step("starting", 0, 0))
        self._cancelled = False
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        # A session of its own: what it starts can be ended together with it. Its input stays open
        # as long as this process lives.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "facebone.demo.audit_process", to_text(settings, out)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def step(self) -> Step:
        """What it is doing."""
        return self._told.step

    @property
    def state(self) -> State:
        """How far it is."""
        code = self._process.poll()
        if code is None:
            return State.RUNNING
        if self._cancelled:
            return State.CANCELLED
        return State.DONE if code == 0 else State.FAILED

    @property
    def error(self) -> str:
        """Why it failed, in a line; empty where it did not."""
        if self.state is not State.FAILED:
            return ""
        self._reader.join(_PATIENCE)
        return self._told.error or (self._lines[-1] if self._lines else "it ended unexpectedly")

    def wait(self) -> State:
        """Wait until it ends."""
        self._process.wait()
        self._reader.join(_PATIENCE)
        return self.state

    def cancel(self) -> None:
        """End it and everything it started; returns when it is gone."""
        if self._process.poll() is not None:
            return
        self._cancelled = True
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)
                break
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)  # whoever did not listen

    def _read(self) -> None:
        """Take in what the process says, until it has gone."""
        with self._process.stdout or nullcontext(()) as said, self._process.stdin or nullcontext():
            self._take_in(said)

    def _take_in(self, lines: Iterable[str]) -> None:
        for line in lines:
            try:
                said = json.loads(line)
                if "error" in said:
                    self._told.error = str(said["error"])
                else:
                    step = Step(str(said["label"]), int(said["done"]), int(said["total"]))
                    self._told.step = step
            except (ValueError, TypeError, KeyError):
                if line.strip():
                    self._lines.append(line.strip())
