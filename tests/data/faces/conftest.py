"""Real faces for the tests of this folder."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from facebone.data.faces.decode import decode_bytes
from facebone.data.pictures import RGB


@pytest.fixture(scope="session")
def lfw_faces(assets: Path) -> dict[str, RGB]:
    """The first forty pictures of the archive by name, such as ``AJ_Cook_0001``."""
    found: dict[str, RGB] = {}
    with tarfile.open(assets / "lfw" / "lfw.tgz", "r|gz") as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".jpg"):
                file = archive.extractfile(member)
                assert file is not None
                found[Path(member.name).stem] = decode_bytes(file.read(), location=member.name)
            if len(found) == 40:
                return found
    raise AssertionError("the archive holds fewer than forty pictures")
