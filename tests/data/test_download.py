"""Fetching LFW, from a server in this process."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from facebone.data import download
from facebone.data.download import RemoteFile, fetch_lfw, published_lfw
from facebone.data.lfw import load_lfw
from facebone.errors import DatasetError


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, i in (("Ann", 1), ("Ann", 2), ("Bob", 1)):
            info = tarfile.TarInfo(f"lfw/{name}/{name}_{i:04d}.jpg")
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
    return buffer.getvalue()


FILES = {"lfw.tgz": archive(), "pairs.txt": b"1\t1\nAnn\t1\t2\nAnn\t1\tBob\t1\n"}


class Server(ThreadingHTTPServer):
    asked: list[str]
    broken: dict[str, bytes]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.strip("/")
        self.server.asked.append(name)
        content = self.server.broken.get(name, FILES.get(name))
        self.send_response(200 if content is not None else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server(("127.0.0.1", 0), Handler)
    server.asked, server.broken = [], {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    files = tuple(
        RemoteFile(name, f"{base}/{name}", hashlib.sha256(content).hexdigest())
        for name, content in FILES.items()
    )
    monkeypatch.setattr(download, "published_lfw", lambda: files)
    monkeypatch.setattr(download, "_RETRIES", 0)
    yield server
    server.shutdown()
    server.server_close()


def test_lfw_without_a_root_is_fetched_once(server: Server, own_home: Path) -> None:
    dataset = load_lfw(None, seed=0)
    assert [p.id for p in dataset.pictures] == ["Ann/0001", "Ann/0002", "Bob/0001"]
    assert dataset.official_pairs is not None
    assert len(dataset.official_pairs) == 2
    assert load_lfw(None, seed=0).fingerprint == dataset.fingerprint
    assert server.asked == ["lfw.tgz", "pairs.txt"]
    assert sorted(p.name for p in (own_home / "lfw").iterdir()) == ["lfw.tgz", "pairs.txt"]


def test_what_was_fetched_before_a_failure_is_kept(server: Server, own_home: Path) -> None:
    server.broken["pairs.txt"] = b"something else"
    with pytest.raises(DatasetError):
        fetch_lfw()
    server.broken.clear()
    fetch_lfw()
    assert server.asked == ["lfw.tgz", "pairs.txt", "pairs.txt"]


def test_a_wrong_hash_keeps_nothing(server: Server, own_home: Path) -> None:
    server.broken["lfw.tgz"] = archive()[:-5]
    with pytest.raises(DatasetError, match=r"lfw\.tgz is not what was published.*--root") as caught:
        fetch_lfw()
    assert "\n" not in str(caught.value)
    assert list((own_home / "lfw").iterdir()) == []


def test_an_error_of_the_server(
    server: Server, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(FILES, "lfw.tgz")
    with pytest.raises(DatasetError, match=r"could not be fetched \(HTTPError\).*--root"):
        fetch_lfw()
    assert list((own_home / "lfw").iterdir()) == []


def test_no_connection(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = (RemoteFile("lfw.tgz", "http://127.0.0.1:9/lfw.tgz", "0" * 64),)
    monkeypatch.setattr(download, "published_lfw", lambda: nowhere)
    with pytest.raises(DatasetError, match=r"could not be fetched \(ConnectionError\).*--root"):
        fetch_lfw()


def test_the_published_files_are_the_original_archive_and_view_2() -> None:
    files = published_lfw()
    assert [file.name for file in files] == ["lfw.tgz", "pairs.txt"]
    assert all(file.url.startswith("https://") and len(file.sha256) == 64 for file in files)
