"""The demo's server, started as users start it, and ended with the tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START, PREPARE = 60.0, 400.0
"""Seconds that the server gets to answer, and to train its verifiers, on a machine that is busy."""


@dataclass(frozen=True)
class Server:
    """A server that is ready.

    Args:
        address: where it answers.
        log: what it says on stderr and stdout.
        process: it.
    """

    address: str
    log: Path
    process: subprocess.Popen[bytes]

    def check_log(self) -> None:
        """No exception was raised, and the server still runs."""
        said = self.log.read_text("utf-8", "replace")
        assert "Traceback" not in said, said
        assert "error:" not in said, said
        assert self.process.poll() is None, said


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(folder: Path, *words: str) -> Iterator[Server]:
    """Start ``facebone demo`` and wait until its verifiers are there.

    Args:
        folder: for its home and its log.
        words: of the command.
    """
    port, log = free_port(), folder / "server.log"
    command = [str(Path(sys.executable).parent / "facebone"), "demo", "--no-browser"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--port", str(port), *words],
            env=os.environ | {"FACEBONE_HOME": str(folder / "home")},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + PREPARE
        while b"ready: " not in log.read_bytes():
            said = log.read_text("utf-8", "replace")
            assert process.poll() is None, said
            assert "error:" not in said, said
            assert time.monotonic() < end, said
            time.sleep(0.2)
        wait_for_answer(port)
        yield Server(f"http://127.0.0.1:{port}/", log, process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_answer(port: int) -> None:
    """Wait until somebody listens at a port."""
    end = time.monotonic() + START
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < end, f"nobody answers at port {port}"
        time.sleep(0.1)
