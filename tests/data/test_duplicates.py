"""The same picture on both sides: by bytes, by look, in made and in real pictures."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facebone.data import fingerprints
from facebone.data.dataset import Dataset
from facebone.data.duplicates import SharedPicture, check_disjoint, find_shared
from facebone.data.fingerprints import (
    FingerprintCache,
    fingerprint_pictures,
    hash_and_thumbnail,
)
from facebone.data.likeness import detail_correlation, hash_distances, unit_rows
from facebone.data.pictures import RGB, FileSource, Picture
from facebone.errors import DecodeError, LeakageError, UsageError
from facebone.scale.process_executor import ProcessExecutor

Change = Callable[[RGB], RGB]


def scene(seed: int, size: int = 160) -> RGB:
    """A picture with large and small shapes, another for every seed."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((size, size, 3), dtype=np.float32)
    for grain, weight in ((4, 90), (12, 50), (40, 25)):
        noise = rng.normal(size=(grain, grain, 3)).astype(np.float32)
        picture += weight * cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture + 128, 0, 255).astype(np.uint8)


def jpeg(quality: int) -> Change:
    def change(image: RGB) -> RGB:
        return cv2.imdecode(cv2.imencode(".jpg", image, [1, quality])[1], 1)

    return change


def resize(factor: float) -> Change:
    return lambda image: cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def crop(share: float) -> Change:
    def change(image: RGB) -> RGB:
        edge = round(len(image) * share / 2)
        return image[edge:-edge, edge:-edge]

    return change


def brighten(by: float) -> Change:
    return lambda image: np.clip(image * by, 0, 255).astype(np.uint8)


def turn(degrees: float) -> Change:
    def change(image: RGB) -> RGB:
        size = len(image)
        how = cv2.getRotationMatrix2D((size / 2, size / 2), degrees, 1)
        return cv2.warpAffine(image, how, (size, size), borderMode=cv2.BORDER_REPLICATE)

    return change


COPIES: dict[str, Change] = {
    "jpeg 75": jpeg(75),
    "jpeg 10": jpeg(10),
    "half": resize(0.5),
    "third": resize(1 / 3),
    "double": resize(2),
    "cropped 4 %": crop(0.04),
    "brighter": brighten(1.2),
    "darker": brighten(0.6),
    "turned": turn(2),
    "all": lambda image: jpeg(60)(brighten(1.1)(resize(0.6)(crop(0.04)(image)))),
}


def make(folder: Path, images: list[RGB | bytes]) -> Dataset:
    pictures = []
    for i, image in enumerate(images):
        path = folder / f"{i}.png"
        content = image if isinstance(image, bytes) else cv2.imencode(".png", image)[1].tobytes()
        path.write_bytes(content)
        pictures.append(Picture(f"{i}", f"p{i}", FileSource(path)))
    return Dataset("test", tuple(pictures))


def test_disjoint_sides_pass(tmp_path: Path) -> None:
    dataset = make(tmp_path, [scene(i) for i in range(12)])
    check_disjoint(dataset, range(6), range(6, 12))
    assert find_shared(dataset, [], range(12)) == ()


def test_the_same_position_on_both_sides(tmp_path: Path) -> None:
    dataset = make(tmp_path, [scene(i) for i in range(4)])
    with pytest.raises(LeakageError, match=r"1 pictures stand on both.*2\.png \(the same picture"):
        check_disjoint(dataset, [0, 1, 2], [2, 3])


@pytest.mark.parametrize("near_duplicates", [True, False])
def test_the_same_bytes_under_two_names(tmp_path: Path, near_duplicates: bool) -> None:
    dataset = make(tmp_path, [scene(0), scene(1), scene(2), scene(1)])
    with pytest.raises(LeakageError, match=r"1\.png and .*3\.png \(same bytes\)"):
        check_disjoint(dataset, [0, 1], [2, 3], near_duplicates=near_duplicates)


@pytest.mark.parametrize("copy", COPIES)
def test_a_changed_copy_is_found_only_by_look(tmp_path: Path, copy: str) -> None:
    images: list[RGB | bytes] = [scene(i) for i in range(6)]
    images.append(np.ascontiguousarray(COPIES[copy](scene(4))))
    dataset = make(tmp_path, images)
    found = find_shared(dataset, range(6), [6])
    assert found == (SharedPicture(4, 6, "near-duplicate"),)
    check_disjoint(dataset, range(6), [6], near_duplicates=False)


def test_swapping_the_sides_changes_nothing(tmp_path: Path) -> None:
    images: list[RGB | bytes] = [scene(i) for i in range(8)]
    images += [np.ascontiguousarray(change(scene(i))) for i, change in enumerate(COPIES.values())]
    dataset = make(tmp_path, images)
    there = find_shared(dataset, range(8), range(8, 18))
    back = find_shared(dataset, range(8, 18), range(8))
    assert [(s.left, s.right) for s in there] == sorted((s.right, s.left) for s in back)
    assert len(there) == 8


def test_the_error_names_the_first_few_and_the_count_in_one_line(tmp_path: Path) -> None:
    images: list[RGB | bytes] = [scene(i) for i in range(5)]
    images += [jpeg(80)(scene(i)) for i in range(5)]
    with pytest.raises(LeakageError) as caught:
        check_disjoint(make(tmp_path, images), range(5), range(5, 10))
    text = str(caught.value)
    assert text.startswith("test: 5 pictures stand on both sides of the split: ")
    assert [f"{i}.png" in text for i in range(5)] == [True, True, True, False, False]
    assert "and 2 more" in text
    assert "\n" not in text


def test_blank_pictures_are_not_alike(tmp_path: Path) -> None:
    blank = np.zeros((64, 64, 3), dtype=np.uint8)
    dataset = make(tmp_path, [blank, blank + 9, scene(0)])
    check_disjoint(dataset, [0], [1, 2])


def test_two_faces_of_one_silhouette_are_not_alike() -> None:
    """A dark oval before a light wall correlates with any other; its details do not."""
    rng = np.random.default_rng(0)
    thumbnails = []
    for _ in range(2):
        image = np.full((128, 128), 230, dtype=np.float32)
        cv2.ellipse(image, (64, 60), (36, 48), 0, 0, 360, 60, -1)
        image = cv2.GaussianBlur(image, (0, 0), 8)
        image += 12 * cv2.resize(rng.normal(size=(20, 20)).astype(np.float32), (128, 128))
        rgb = np.repeat(np.clip(image, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
        thumbnails.append(hash_and_thumbnail(rgb)[1])
    rows = unit_rows(np.stack(thumbnails))
    assert rows[0] @ rows[1] > 0.95
    assert detail_correlation(*thumbnails) < 0.9


def test_a_picture_that_cannot_be_decoded_is_compared_by_bytes(tmp_path: Path) -> None:
    dataset = make(tmp_path, [b"no picture", scene(0), b"no picture", b"another", scene(1)])
    assert find_shared(dataset, [0, 1], [2, 3, 4]) == (SharedPicture(0, 2, "same bytes"),)


def test_a_picture_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    dataset = make(tmp_path, [scene(0), scene(1)])
    (tmp_path / "1.png").unlink()
    with pytest.raises(DecodeError, match=r"1\.png"):
        check_disjoint(dataset, [0], [1])


def test_a_position_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="positions: must lie in"):
        check_disjoint(make(tmp_path, [scene(0)]), [0], [1])


def test_the_cache_decodes_each_content_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make(tmp_path, [scene(0), scene(1), scene(0), b"no picture"])
    cache = FingerprintCache()
    first = fingerprint_pictures(dataset.pictures, cache=cache)
    assert len(cache) == 3
    monkeypatch.setattr(FileSource, "decode", lambda *_: pytest.fail("decoded again"))
    again = fingerprint_pictures(dataset.pictures, cache=cache)
    np.testing.assert_array_equal(first.hashes, again.hashes)
    np.testing.assert_array_equal(first.thumbnails, again.thumbnails)
    assert again.decoded.tolist() == [True, True, True, False]
    assert again.digests[0] == again.digests[2] != again.digests[1]


def test_what_was_found_is_kept_and_asked_of_other_pictures_anew(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = scene(0)
    dataset = make(tmp_path, [image, scene(1), jpeg(60)(image), scene(2)])
    first = find_shared(dataset, [0, 1], [2, 3])
    assert first == (SharedPicture(0, 2, "near-duplicate"),)
    (kept,) = (own_home / "copies").glob("*.json")
    decoded = []
    plain = FileSource.decode
    monkeypatch.setattr(
        FileSource, "decode", lambda self, content: decoded.append(1) or plain(self, content)
    )
    assert find_shared(dataset, [0, 1], [2, 3]) == first
    assert not decoded
    # Other sides are another question, and so are other bytes.
    assert find_shared(dataset, [1], [2, 3]) == ()
    assert len(decoded) == 3
    (tmp_path / "2.png").write_bytes((tmp_path / "3.png").read_bytes())
    assert find_shared(dataset, [0, 1], [2, 3]) == ()
    # What is damaged is found again.
    (tmp_path / "2.png").write_bytes((tmp_path / "0.png").read_bytes())
    for damaged in ("", "[[0]]", "[[0, 9]]", "null"):
        kept.write_text(damaged)
        assert find_shared(make(tmp_path, [image, scene(1), jpeg(60)(image), scene(2)]),
                           [0, 1], [2, 3]) == first  # fmt: skip
    # Where nothing can be written, nothing is kept.
    kept.unlink()
    (own_home / "copies").rename(own_home / "other")
    (own_home / "copies").write_text("in the way")
    assert find_shared(dataset, [0, 1], [2, 3]) == first


class Deadly:
    """A picture that takes the process down that is to decode it."""

    location = "deadly"
    landmarks = None

    def read(self) -> bytes:
        return b"deadly"

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (1,)


def test_jobs_find_what_threads_find_and_a_crash_costs_its_picture_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprints, "_IN_A_JOB", 3)
    dataset = make(tmp_path, [scene(0), scene(1), scene(0), b"no picture"])
    pictures = [*dataset.pictures[:2], Picture("deadly", "p", Deadly()), *dataset.pictures[2:]]
    found = fingerprint_pictures(pictures, executor=ProcessExecutor(2))
    plain = fingerprint_pictures(dataset.pictures)
    assert found.decoded.tolist() == [True, True, False, True, False]
    kept = [0, 1, 3, 4]
    np.testing.assert_array_equal(found.hashes[kept], plain.hashes)
    np.testing.assert_array_equal(found.thumbnails[kept], plain.thumbnails)
    assert tuple(found.digests[i] for i in kept) == plain.digests
    assert found.digests[2] == hashlib.blake2b(b"deadly", digest_size=16).digest()


def test_the_hash_is_that_of_a_transform_written_out() -> None:
    """The cosine transform as its definition has it, wave by wave."""
    image = scene(3)
    found, thumbnail = hash_and_thumbnail(image)
    small = cv2.resize(thumbnail, (32, 32), interpolation=cv2.INTER_AREA).astype(float)
    at = np.arange(32)
    waves = sorted((i * i + j * j, i, j) for i in range(32) for j in range(32))[1:65]
    values = []
    for _, i, j in waves:
        wave = np.outer(
            np.cos(np.pi * (2 * at + 1) * i / 64), np.cos(np.pi * (2 * at + 1) * j / 64)
        )
        scale = (1 if i else 0.5**0.5) * (1 if j else 0.5**0.5)
        values.append(scale * (small * wave).sum())
    np.testing.assert_array_equal(found, np.array(values) > np.median(values))
    assert found.sum() == 32


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9))
@settings(deadline=None)
def test_distances_are_counts_of_differing_bits(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = rng.random((n, 64)) < 0.5, rng.random((m, 64)) < 0.5
    naive = [[sum(bool(x != y) for x, y in zip(a, b, strict=True)) for b in right] for a in left]
    np.testing.assert_array_equal(hash_distances(left, right), naive)


def test_correlations_agree_with_numpy() -> None:
    thumbnails = np.stack([hash_and_thumbnail(scene(i))[1] for i in range(4)])
    small = thumbnails.reshape(4, 32, 2, 32, 2).mean(axis=(2, 4)).reshape(4, -1)
    rows = unit_rows(thumbnails)
    np.testing.assert_allclose(rows @ rows.T, np.corrcoef(small), atol=1e-5)


def test_100_million_distances_take_seconds() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.random((10_000, 64)) < 0.5
    started = time.perf_counter()
    near = 0
    for start in range(0, 10_000, 2048):
        near += int((hash_distances(hashes[start : start + 2048], hashes) <= 14).sum())
    assert near >= 10_000
    assert time.perf_counter() - started < 20


REAL_COPIES = [  # one photograph twice, told by eye
    ("Ari_Fleischer/0006", "Ari_Fleischer/0011"),
    ("Gabrielle_Rose/0001", "Martha_Bowen/0002"),
    ("George_W_Bush/0016", "George_W_Bush/0039"),
    ("George_W_Bush/0130", "George_W_Bush/0206"),
    ("George_W_Bush/0168", "George_W_Bush/0171"),
    ("George_W_Bush/0177", "George_W_Bush/0194"),
    ("George_W_Bush/0235", "George_W_Bush/0261"),
    ("George_W_Bush/0407", "George_W_Bush/0409"),
    ("Julianne_Moore/0001", "Julianne_Moore/0008"),
    ("Julie_Gerberding/0004", "Julie_Gerberding/0006"),
    ("Leslie_Ann_Woodward/0001", "Leslie_Ann_Woodward/0002"),
    ("Prince_Willem-Alexander/0002", "Prince_Willem-Alexander/0003"),
    ("Renee_Zellweger/0010", "Renee_Zellweger/0013"),
    ("Serena_Williams/0002", "Serena_Williams/0016"),
    ("Serena_Williams/0029", "Serena_Williams/0031"),
]
REAL_LOOKALIKES = [  # two people, or one at another moment
    ("Barry_Zito/0001", "Stephanie_Zimbalist/0001"),
    ("Edward_Norton/0002", "Leonardo_DiCaprio/0006"),
    ("Catherine_Zeta-Jones/0010", "Charlotte_Church/0001"),
    ("Jean_Chretien/0050", "Wen_Jiabao/0004"),
    ("Minnie_Driver/0001", "Robin_Tunney/0001"),
    ("Colin_Powell/0035", "Colin_Powell/0062"),
    ("Mireya_Moscoso/0002", "Mireya_Moscoso/0003"),
]


def test_real_copies_are_found_and_lookalikes_are_not(lfw: Dataset) -> None:
    one, other = zip(*REAL_COPIES, *REAL_LOOKALIKES, strict=True)
    left = [lfw.index[name] for name in one]
    right = {*(lfw.index[name] for name in other), *range(0, len(lfw.pictures), 40)} - {*left}
    found = find_shared(lfw, left, sorted(right))
    names = [(lfw.pictures[s.left].id, lfw.pictures[s.right].id) for s in found]
    assert sorted(names) == sorted(REAL_COPIES)


@pytest.mark.parametrize("copy", COPIES)
def test_changed_copies_of_real_pictures_are_found(lfw: Dataset, tmp_path: Path, copy: str) -> None:
    sources = [picture.source for picture in lfw.pictures[::300]]
    images: list[RGB | bytes] = [source.decode(source.read()) for source in sources]
    count = len(images)
    images += [np.ascontiguousarray(COPIES[copy](image)) for image in images]
    found = find_shared(make(tmp_path, images), range(count), range(count, 2 * count))
    assert all(shared.right - shared.left == count for shared in found)
    assert len(found) >= count - 1


def test_folds_of_view_2_share_one_photograph(lfw: Dataset) -> None:
    """Folds 0 and 4 hold it under two names."""
    pairs = lfw.official_pairs
    assert pairs is not None
    folds = [pairs.take(pairs.fold == fold).pictures() for fold in (0, 4)]
    with pytest.raises(LeakageError, match=r"1 pictures .*Martha_Bowen_0002.*Gabrielle_Rose_0001"):
        check_disjoint(lfw, *folds)
