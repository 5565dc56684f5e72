"""Pulling from a server on the loopback address that can cut, refuse and lie."""

from __future__ import annotations

import errno
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from facebone.backbones.pull import find_pullable, pull, pullable
from facebone.backbones.specs import ASSET_SPECS, PublishedFile
from facebone.backbones.zoo import weights_folder
from facebone.errors import (
    HashMismatchError,
    MissingPartError,
    StorageError,
    UnknownNameError,
    UsageError,
)
from facebone.progress import SilentProgress

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """What the server does, and what it was asked."""

    url: str = ""
    content: bytes = CONTENT
    ranges: bool = True
    status: int | None = None
    cut_after: int | None = None
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    # A proxy of the environment would take even the loopback address elsewhere.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append(wanted)
            if state.status is not None:
                self.send_error(state.status)
                return
            start = 0
            if wanted is not None and state.ranges:
                start = int(re.fullmatch(r"bytes=(\d+)-", wanted).group(1))
                if start >= len(state.content):
                    self.send_error(416)
                    return
                self.send_response(206)
                last = len(state.content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
            else:
                self.send_response(200)
            body = state.content[start:]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if state.cut_after is None else body[: state.cut_after])

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        state.url = f"http://127.0.0.1:{httpd.server_address[1]}/w.bin"
        yield state
        httpd.shutdown()
        thread.join()


def part(server: Server, *, sha256: str = SHA256) -> PublishedFile:
    return PublishedFile("w", "w.bin", server.url, sha256, "MIT", True, "a test")


def unfinished() -> Path:
    return weights_folder() / "w.bin.part"


class Counter(SilentProgress):
    """Remembers what it was told."""

    def __init__(self, label: str, total: int) -> None:
        super().__init__(label, total)
        self.label, self.total, self.done = label, total, 0

    def advance(self, count: int) -> None:
        self.done += count


@pytest.fixture
def counters() -> tuple[Callable[[str, int], Counter], list[Counter]]:
    made: list[Counter] = []

    def make(label: str, total: int) -> Counter:
        made.append(Counter(label, total))
        return made[-1]

    return make, made


@pytest.mark.parametrize("digits", [8, 64])
def test_gets_checks_and_names_the_file(server: Server, counters, digits: int) -> None:
    make, made = counters
    path = pull(part(server, sha256=SHA256[:digits]), progress=make)
    assert path == weights_folder() / "w.bin"
    assert path.read_bytes() == CONTENT
    assert not unfinished().exists()
    assert [(c.label, c.total, c.done) for c in made] == [("pulling w", len(CONTENT), len(CONTENT))]


def test_file_that_is_here_is_not_fetched_again(server: Server) -> None:
    first = pull(part(server))
    assert pull(part(server)) == first
    assert len(server.asked) == 1


def test_broken_connection_keeps_what_came_and_the_next_pull_goes_on(
    server: Server, counters
) -> None:
    make, made = counters
    server.cut_after = 200_000
    with pytest.raises(
        MissingPartError, match=r"the connection broke; 0\.2 MB are kept; run the same command"
    ):
        pull(part(server))
    kept = unfinished().stat().st_size
    # What the last, incomplete block brought may be lost.
    assert 100_000 < kept <= 200_000
    assert unfinished().read_bytes() == CONTENT[:kept]
    assert not (weights_folder() / "w.bin").exists()
    server.cut_after = None
    assert pull(part(server), progress=make).read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={kept}-"]
    assert (made[0].total, made[0].done) == (len(CONTENT), len(CONTENT))


def test_cut_twice_still_arrives(server: Server) -> None:
    server.cut_after = 100_000
    kept = []
    for _ in range(2):
        with pytest.raises(MissingPartError, match="the connection broke"):
            pull(part(server))
        kept.append(unfinished().stat().st_size)
    assert 0 < kept[0] < kept[1]
    server.cut_after = None
    assert pull(part(server)).read_bytes() == CONTENT
    assert server.asked == [None, *(f"bytes={size}-" for size in kept)]


def test_server_without_ranges_begins_anew(server: Server) -> None:
    server.cut_after, server.ranges = 200_000, False
    with pytest.raises(MissingPartError):
        pull(part(server))
    server.cut_after = None
    assert pull(part(server)).read_bytes() == CONTENT


def test_pull_that_ended_before_the_check_is_finished(server: Server) -> None:
    weights_folder().mkdir(parents=True)
    unfinished().write_bytes(CONTENT)
    assert pull(part(server)).read_bytes() == CONTENT


def test_wrong_hash_keeps_nothing(server: Server) -> None:
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(HashMismatchError, match=r"the publisher says .*; nothing was kept"):
        pull(part(server))
    assert list(weights_folder().iterdir()) == []


def test_stale_rest_of_another_file_is_not_kept(server: Server) -> None:
    weights_folder().mkdir(parents=True)
    unfinished().write_bytes(b"x" * 1000)
    with pytest.raises(HashMismatchError):
        pull(part(server))
    assert pull(part(server)).read_bytes() == CONTENT


def test_other_file_of_that_name_is_refused(server: Server) -> None:
    weights_folder().mkdir(parents=True)
    (weights_folder() / "w.bin").write_bytes(b"mine")
    with pytest.raises(HashMismatchError, match="remove it and pull again"):
        pull(part(server))
    assert (weights_folder() / "w.bin").read_bytes() == b"mine"


@pytest.mark.parametrize("status", [404, 403, 500])
def test_refusing_server_is_told(server: Server, status: int) -> None:
    server.status = status
    with pytest.raises(MissingPartError, match=f"the server answered {status}") as error:
        pull(part(server))
    assert "\n" not in str(error.value)
    assert list(weights_folder().iterdir()) == []


def test_unreachable_server_is_told(server: Server) -> None:
    # Port 9, discard, is closed on any machine that runs tests.
    file = PublishedFile("w", "w.bin", "http://127.0.0.1:9/w.bin", SHA256, "MIT", True, "")
    with pytest.raises(MissingPartError, match="cannot be reached; check the connection"):
        pull(file)


def test_full_disk_is_told_and_keeps_what_fitted(server: Server, monkeypatch) -> None:
    class Disk:
        """A file on a disk with 100,000 bytes left."""

        def __init__(self, file) -> None:
            self.file, self.left = file, 100_000

        def write(self, block: bytes) -> None:
            if len(block) > self.left:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.left -= len(block)
            self.file.write(block)

        def close(self) -> None:
            self.file.close()

    opened = Path.open

    def open_on_disk(path: Path, *args, **kwargs):
        file = opened(path, *args, **kwargs)
        return Disk(file) if path.suffix == ".part" else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_on_disk)
        with pytest.raises(StorageError, match="the disk is full; free some space"):
            pull(part(server))
    kept = unfinished().read_bytes()
    assert 0 < len(kept) <= 100_000
    assert CONTENT.startswith(kept)


def test_backbone_without_a_published_file_is_refused() -> None:
    with pytest.raises(
        UsageError, match="mobilefacenet_ms1m_a: has no published file; known: iresnet34"
    ):
        pull(ASSET_SPECS[0])


def test_what_can_be_pulled() -> None:
    assert set(pullable()) == {
        "iresnet34-5b0d0e90",
        "iresnet50-7f187506",
        "iresnet100-73e07ba7",
        "yunet",
    }
    assert find_pullable("yunet").filename == "face_detection_yunet_2023mar.onnx"
    with pytest.raises(UnknownNameError, match="unknown published file 'iresnet100'; did you mean"):
        find_pullable("iresnet100")
