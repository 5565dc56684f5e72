"""The server: Streamlit's, on this machine alone, without statistics sent anywhere."""

from __future__ import annotations

import socket
import threading
import time
import webbrowser
from pathlib import Path
from typing import Any

from facebone.demo.settings import DemoSettings
from facebone.errors import MissingPartError, UsageError

SCRIPT = Path(__file__).parent / "entry" / "app.py"

INSTALL = "pip install 'facebone[demo]'"

_UPLOADS_MB = 25
"""A little above the largest picture, which the page refuses in its own words."""


def check_installed() -> None:
    """Refuse to begin without Streamlit.

    Raises:
        MissingPartError: it is not installed.
    """
    from importlib.util import find_spec

    if find_spec("streamlit") is None:
        raise MissingPartError(
            "needs streamlit, which its extra brings", where="demo", hint=f"run {INSTALL}"
        )


def check_port(address: str, port: int) -> None:
    """Refuse a port that cannot be had.

    Raises:
        UsageError: another program listens there, or the address is not this machine's.
    """
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        raise UsageError(
            f"{address}:{port} cannot be listened at: {error.strerror}",
            where="--port",
            hint="name another port",
        ) from error


def serve(settings: DemoSettings, *, address: str, port: int, browser: bool) -> None:
    """Serve the demo until it is interrupted.

    Args:
        settings: of the demo.
        address: to listen at.
        port: to listen at.
        browser: whether to open a browser once the server answers.
    """
    from streamlit.web import bootstrap

    from facebone.demo.preparation import preparation_of

    if browser:
        threading.Thread(target=_open_browser, args=(address, port), daemon=True).start()
    options = server_options(address, port)
    keep_uploads_in_memory()
    bootstrap.load_config_options(options)
    preparation_of(settings)
    bootstrap.run(str(SCRIPT), False, [settings.to_text()], options)


def keep_uploads_in_memory() -> None:
    """Let no upload be written: the parser of requests would put more than a megabyte on disk."""
    from starlette.formparsers import MultiPartParser

    MultiPartParser.spool_max_size = (_UPLOADS_MB + 1) * 2**20


def server_options(address: str, port: int) -> dict[str, Any]:
    """How Streamlit is set up, by the names of its command line."""
    return {
        "server_address": address,
        "server_port": port,
        "server_headless": True,
        "server_maxUploadSize": _UPLOADS_MB,
        "server_fileWatcherType": "none",
        "server_showEmailPrompt": False,
        "browser_gatherUsageStats": False,
        "client_toolbarMode": "minimal",
        "client_showErrorDetails": "none",
        "logger_hideWelcomeMessage": True,
        "global_developmentMode": False,
        "theme_base": "light",
        "theme_primaryColor": "#0b5fa5",
        "theme_textColor": "#1b1f24",
        "theme_backgroundColor": "#ffffff",
        "theme_secondaryBackgroundColor": "#f2f4f6",
        "theme_font": "sans-serif",
    }


def _open_browser(address: str, port: int, patience: float = 30.0) -> None:
    """Open a browser as soon as somebody answers."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex((address, port)) == 0:
                webbrowser.open(f"http://{address}:{port}/")
                return
        time.sleep(0.2)
