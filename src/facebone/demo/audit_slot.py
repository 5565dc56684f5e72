"""The one place for a visitor's audit: two at once would take each other's cores."""

from __future__ import annotations

import threading
from pathlib import Path

from facebone.audit.settings import AuditSettings
from facebone.demo.audit_run import AuditRun, State


class AuditSlot:
    """Lets one audit run at a time, whoever asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: AuditRun | None = None

    def start(self, settings: AuditSettings, out: Path) -> AuditRun | None:
        """Start an audit; None where another one is running."""
        with self._lock:
            if self._run is not None and self._run.state is State.RUNNING:
                return None
            self._run = AuditRun(settings, out)
            return self._run


SLOT = AuditSlot()
"""Of this server."""
