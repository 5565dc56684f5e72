"""An audit in a process of its own: tells its progress in lines of JSON, and can be ended.

``python -m facebone.demo.audit_process JSON``; see `audit_run.AuditRun`, which starts it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from facebone.audit.settings import AuditSettings
from facebone.errors import FaceBoneError

DONE, WRONG = 0, 2


def to_text(settings: AuditSettings, out: Path) -> str:
    """The word that the process takes."""
    return json.dumps({"settings": asdict(settings), "out": str(out)}, default=str)


def from_text(text: str) -> tuple[AuditSettings, Path]:
    """What `to_text` gave."""
    asked = json.loads(text)
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in asked["settings"].items()
    }
    values["root"] = None if values["root"] is None else Path(values["root"])
    return AuditSettings(**values), Path(asked["out"])


class LinesProgress:
    """Progress as a line of JSON whenever it moves on."""

    def __init__(self, label: str, total: int) -> None:
        self._label, self._total, self._done = label, total, 0

    def __enter__(self) -> LinesProgress:
        self._tell()
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def advance(self, count: int) -> None:
        """Count items, and say so."""
        self._done += count
        self._tell()

    def _tell(self) -> None:
        _say({"label": self._label, "done": self._done, "total": self._total})


def main(text: str) -> int:
    """Run the audit that `text` asks for, and return the exit code."""
    _leave_with_starter()
    try:
        _run(*from_text(text))
    except FaceBoneError as error:
        _say({"error": str(error)})
        return WRONG
    return DONE


def _run(settings: AuditSettings, out: Path) -> None:
    from facebone.audit.run_trained import open_sources, run_trained
    from facebone.backbones.devices import resolve_torch_device
    from facebone.data.dataset import load_dataset
    from facebone.scale.cores import available_cores
    from facebone.scale.executor import make_executor
    from facebone.verification.opening import open_engine_for, open_store

    _say({"label": "opening the data set and the backbones", "done": 0, "total": 0})
    engine = open_engine_for(
        settings.data,
        settings.backbones,
        alignment=settings.alignment,
        device=settings.device,
        store=open_store(),
        progress=LinesProgress,
    )
    sources = open_sources(
        settings,
        engine,
        lambda: load_dataset(settings.data, settings.root, seed=settings.seed),
        resolve_torch_device(settings.device),
    )
    _say({"label": "looking for copies among the pictures", "done": 0, "total": 0})
    # Workers that are started cost seconds each: on one core they gain nothing.
    executor = make_executor("processes" if available_cores() > 1 else "serial")
    run_trained(settings, sources, out, executor, progress=LinesProgress)


def _say(line: Mapping[str, object]) -> None:
    print(json.dumps(line), flush=True)


def _leave_with_starter() -> None:
    """End when whoever started this process is gone: its end of our input closes then."""

    def watch() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
