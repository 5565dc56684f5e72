"""Fixtures for the commands: run them in this process and see what they print."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from facebone import cli


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of an error; fails where there are more or none."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        assert "unexpected" not in lines[0], self.err
        return lines[0]


Run = Callable[..., Outcome]


PARALLEL = ("audit", "harden")
"""Commands that share jobs out over processes."""


@pytest.fixture(autouse=True)
def shared_home(
    own_home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One store for all commands: faces that one test has embedded are not rendered again."""
    del own_home  # set before, to be replaced here
    home = tmp_path_factory.getbasetemp() / "home of the commands"
    monkeypatch.setenv("FACEBONE_HOME", str(home))


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a few people, with as many pictures as training on people keeps some of."""
    from facebone.data.synthetic import export_folder, synthetic_dataset

    folder = tmp_path_factory.mktemp("people") / "faces"
    export_folder(synthetic_dataset(25, 8, seed=0), folder)
    return folder


@pytest.fixture
def facebone(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``facebone`` with words and return code, stdout and stderr.

    Jobs run in this process unless the words say otherwise: others take seconds to start, and find
    the same, to which a test holds them.
    """

    def run(*words: object) -> Outcome:
        given = [str(word) for word in words]
        if given[0] in PARALLEL and not {"--executor", "--workers", "--help"} & set(given):
            given += ["--executor", "serial"]
        capsys.readouterr()
        code = cli.run(given)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run
