"""`facebone demo`: wrong use is one line, before any server or training begins."""

from __future__ import annotations

import socket

import pytest

from facebone import cli
from facebone.demo.serving import SCRIPT, keep_uploads_in_memory, server_options
from facebone.demo.settings import DEFAULT_BACKBONES, DemoSettings


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "lfww"], "unknown data set 'lfww'; did you mean 'lfw'?"),
        (["--data", "lfw"], "--backbone: the lfw data set shows photographs"),
        (["--backbone", "tiny_plane"], "did you mean 'tiny_plain'"),
        (["--backbone", "iresnet34-5b0d0e90"], "not pulled"),
        (["--backbone", "tiny_plain"], "needs two or more; .* tiny_plain%60-mirror"),
        (["--pairs", "0"], "pairs: must be .* got 0"),
        (["--shadows", "1"], "--shadows: must be in 2"),
        (["--seed", "-1"], "seed: must be in 0"),
        (["--port", "99999"], "--port"),
        (["--address", "192.0.2.1"], "--port: 192.0.2.1:8501 cannot be listened at"),
    ],
)
def test_wrong_use_is_one_line(words: list[str], message: str, capsys) -> None:
    import re

    assert cli.run(["demo", "--no-browser", *words]) == cli.WRONG_USE
    said = capsys.readouterr()
    (line,) = [one for one in said.err.splitlines() if one.startswith("error: ")]
    assert re.search(message, line)
    assert "unexpected" not in line
    assert said.out == ""


def test_a_port_that_is_taken(capsys) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.run(["demo", "--no-browser", "--port", str(port)]) == cli.WRONG_USE
    assert f"127.0.0.1:{port} cannot be listened at" in capsys.readouterr().err


def test_without_streamlit_the_line_says_how_to_get_it(monkeypatch, capsys) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.run(["demo", "--no-browser"]) == cli.WRONG_USE
    assert "pip install 'facebone[demo]'" in capsys.readouterr().err


def test_the_server_keeps_to_this_machine_and_sends_nothing() -> None:
    options = server_options("127.0.0.1", 8501)
    assert options["server_address"] == "127.0.0.1"
    assert options["browser_gatherUsageStats"] is False
    assert options["client_showErrorDetails"] == "none"
    assert options["server_maxUploadSize"] <= 50
    assert SCRIPT.is_file()


def test_an_upload_stays_in_memory(monkeypatch) -> None:
    """As large a file as is taken goes through the server's parser without a file on disk."""
    import asyncio
    from collections.abc import AsyncIterator

    from starlette.datastructures import Headers
    from starlette.formparsers import MultiPartParser

    monkeypatch.setattr(MultiPartParser, "spool_max_size", MultiPartParser.spool_max_size)
    keep_uploads_in_memory()
    size = server_options("127.0.0.1", 8501)["server_maxUploadSize"] * 2**20
    head = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n'

    async def body() -> AsyncIterator[bytes]:
        yield head
        for _ in range(size // 2**20):
            yield bytes(2**20)
        yield b"\r\n--x--\r\n"

    async def parse() -> tuple[int, bool]:
        headers = Headers({"content-type": "multipart/form-data; boundary=x"})
        form = await MultiPartParser(headers, body()).parse()
        upload = form["a"]
        found = upload.size, upload.file._rolled
        await form.close()
        return found

    assert asyncio.run(parse()) == (size, False)


def test_the_default_needs_nothing() -> None:
    assert DemoSettings().backbones == DEFAULT_BACKBONES
    assert DemoSettings().data == "synthetic"
    assert DemoSettings().root is None
