"""Archives: unpacked once, whole or not at all, and never outside their folder."""

from __future__ import annotations

import io
import multiprocessing
import os
import stat
import tarfile
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from facebone.data import archive as archive_module
from facebone.data.archive import unpack
from facebone.errors import DatasetError, StorageError

FILES = {"lfw/Anna/Anna_0001.jpg": b"a" * 3000, "lfw/Юлия Ли/1 .jpg": bytes(range(256)) * 40}


def make_tar(path: Path, files: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def left_behind(home: Path) -> list[str]:
    """Everything under the cache but the notes about archives met before."""
    return [path.name for path in (home / "archives").glob("*") if path.name != "known"]


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.tgz", "w:gz"),
        ("a.tar", "w"),
        ("a.tar.bz2", "w:bz2"),
        ("a.tar.xz", "w:xz"),
        ("a", "w:gz"),
    ],
)
def test_a_tar_is_unpacked_whatever_it_is_called(tmp_path: Path, name: str, mode: str) -> None:
    folder = unpack(make_tar(tmp_path / name, FILES, mode))
    assert content_of(folder) == FILES


def test_a_zip_is_unpacked(tmp_path: Path) -> None:
    assert content_of(unpack(make_zip(tmp_path / "a.zip", FILES))) == FILES


def test_a_path_with_spaces_and_non_latin_letters(tmp_path: Path) -> None:
    place = tmp_path / "мои фото 写真"
    place.mkdir()
    assert content_of(unpack(make_tar(place / "лица и лица.tgz", FILES))) == FILES


def test_hidden_files_stay_inside(tmp_path: Path) -> None:
    extra = {"lfw/.DS_Store": b"x", "__MACOSX/lfw/._Anna_0001.jpg": b"x"}
    assert content_of(unpack(make_zip(tmp_path / "a.zip", {**FILES, **extra}))) == FILES


def test_equal_archives_share_a_folder_and_others_do_not(tmp_path: Path) -> None:
    first = unpack(make_zip(tmp_path / "a.zip", FILES))
    (tmp_path / "b.zip").write_bytes((tmp_path / "a.zip").read_bytes())
    assert unpack(tmp_path / "b.zip") == first
    assert unpack(make_zip(tmp_path / "c.zip", {"x": b"other"})) != first


def test_a_settled_archive_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_tar(tmp_path / "a.tgz", FILES)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    folder = unpack(path)

    def refuse(*_: object) -> None:
        raise AssertionError("hashed again")

    monkeypatch.setattr(archive_module.hashlib, "file_digest", refuse)
    assert unpack(path) == folder


def test_a_changed_archive_is_unpacked_anew(tmp_path: Path) -> None:
    """Same path, same size, time set back: the content decides."""
    path = tmp_path / "a.tar"
    make_tar(path, {"x": b"one"}, "w")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    first = unpack(path)
    make_tar(path, {"x": b"two"}, "w")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert content_of(first) == {"x": b"one"}
    assert content_of(unpack(path)) == {"x": b"two"}


def test_several_processes_unpack_at_once(tmp_path: Path, own_home: Path) -> None:
    many = {f"p{i}/{j}.jpg": os.urandom(500) for i in range(30) for j in range(10)}
    path = make_tar(tmp_path / "a.tgz", many)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(3, mp_context=context) as pool:
        folders = list(pool.map(unpack, [path] * 6))
    assert len(set(folders)) == 1
    assert content_of(folders[0]) == many
    assert left_behind(own_home) == [folders[0].name]


def test_the_loser_of_a_race_takes_what_the_winner_made(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_tar(tmp_path / "a.tgz", FILES)
    slow = archive_module._unpack_into

    def overtaken(folder: Path, *args: Path, **limits: int) -> None:
        slow(folder, *args, **limits)
        monkeypatch.setattr(archive_module, "_unpack_into", slow)
        unpack(path)

    monkeypatch.setattr(archive_module, "_unpack_into", overtaken)
    folder = unpack(path)
    assert content_of(folder) == FILES
    assert left_behind(own_home) == [folder.name]


@pytest.mark.parametrize("mode", ["w:gz", "w", "w:xz", "zip"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.8])
def test_an_archive_cut_short_is_named_and_leaves_nothing(
    tmp_path: Path, own_home: Path, mode: str, share: float
) -> None:
    files = {f"p/{i}.jpg": os.urandom(2000) for i in range(20)}
    path = tmp_path / "faces.bin"
    make_zip(path, files) if mode == "zip" else make_tar(path, files, mode)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DatasetError, match=r"faces\.bin: is cut short or damaged"):
        unpack(path)
    assert left_behind(own_home) == []


def test_a_tar_cut_exactly_between_two_files_is_not_taken_for_whole(tmp_path: Path) -> None:
    """Here tarfile itself reports no error."""
    path = make_tar(tmp_path / "a.tar", {"1.jpg": b"x" * 512, "2.jpg": b"y" * 512}, "w")
    path.write_bytes(path.read_bytes()[:1024])
    with tarfile.open(path) as tar:
        assert tar.getnames() == ["1.jpg"]
    with pytest.raises(DatasetError, match="end is missing"):
        unpack(path)


def test_a_zip_with_a_flipped_byte_is_refused(tmp_path: Path, own_home: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr("1.jpg", b"q" * 1000)
    path.write_bytes(path.read_bytes().replace(b"q" * 1000, b"q" * 999 + b"r"))
    with pytest.raises(DatasetError, match=r"damaged.*CRC"):
        unpack(path)
    assert left_behind(own_home) == []


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DatasetError, match="no tar or zip archive"):
        unpack(tmp_path / "notes.txt")


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil", "C:\\evil"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_paths_that_lead_out_are_refused(
    tmp_path: Path, own_home: Path, name: str, kind: str
) -> None:
    files = {"fine.jpg": b"x", name: b"evil"}
    path = make_tar(tmp_path / "a", files) if kind == "tar" else make_zip(tmp_path / "a", files)
    with pytest.raises(DatasetError, match="leads out of the folder"):
        unpack(path)
    assert left_behind(own_home) == []
    assert not list(tmp_path.rglob("evil"))
    assert not list(own_home.rglob("evil"))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(
    tmp_path: Path, own_home: Path, kind: bytes
) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("lfw/x.jpg")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(DatasetError, match=r"'lfw/x\.jpg' is a link or a device"):
        unpack(path)
    assert left_behind(own_home) == []


def test_a_link_in_a_zip_is_refused(tmp_path: Path, own_home: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        info = zipfile.ZipInfo("x.jpg")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    with pytest.raises(DatasetError, match="is a link or a device"):
        unpack(path)
    assert left_behind(own_home) == []


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"x.jpg": b"x" * 50})
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag in the file's own header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    path.write_bytes(bytes(content))
    with pytest.raises(DatasetError, match="encrypted"):
        unpack(path)


def test_limits_on_number_and_size(tmp_path: Path, own_home: Path) -> None:
    path = make_tar(tmp_path / "a.tgz", FILES)
    total = sum(map(len, FILES.values()))
    with pytest.raises(DatasetError, match="more than 1 files"):
        unpack(path, max_files=1)
    with pytest.raises(DatasetError, match=f"or {total - 1} bytes"):
        unpack(path, max_bytes=total - 1)
    assert left_behind(own_home) == []
    assert content_of(unpack(path, max_files=2, max_bytes=total)) == FILES


def test_a_bomb_is_refused_before_it_is_written(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_module, "HARMLESS_BYTES", 1000)
    path = make_zip(tmp_path / "a.zip", {"zeros.jpg": bytes(10**6)})
    assert path.stat().st_size * archive_module.MAX_GROWTH < 10**6
    with pytest.raises(DatasetError, match="holds more than"):
        unpack(path)
    assert left_behind(own_home) == []


def test_a_name_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        for content in (b"one", b"two"):
            info = tarfile.TarInfo("x.jpg")
            info.size = 3
            tar.addfile(info, io.BytesIO(content))
    with pytest.raises(StorageError, match=r"x\.jpg"):
        unpack(path)


def test_no_room_for_the_cache_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_tar(tmp_path / "a.tgz", FILES)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FACEBONE_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError):
        unpack(path)
