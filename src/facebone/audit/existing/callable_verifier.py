"""A verifier that is a Python callable: found by its name, asked in batches, answers kept."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from facebone.attacks.observations import Floats
from facebone.audit.existing.given_pairs import GivenPairs, check_sign
from facebone.audit.score_table import ScoreTable
from facebone.errors import UnknownNameError, UsageError
from facebone.files import new_file
from facebone.progress import ProgressFactory, SilentProgress
from facebone.settings import check_integer

Verify = Callable[[list[str], list[str]], Any]
"""``verify(left, right)``: ids of n pictures on each side -> n scores, larger the surer that both
show one person."""

_LONGEST = 200


def load_callable(reference: str) -> Verify:
    """The callable that ``file.py:function`` or ``package.module:function`` names.

    Its file, or the current folder for a module, can be imported from, as if Python ran it.

    Raises:
        UsageError: it does not look like that, there is no such file, its import fails, or what
            it names cannot be called.
        UnknownNameError: the module has nothing of that name.
    """
    place, _, attribute = reference.rpartition(":")
    if not place or not attribute:
        raise UsageError(
            f"must look like file.py:function or package.module:function, got {reference!r}",
            where="verifier",
        )
    is_file = place.endswith(".py")
    path = Path(place)
    if is_file and not path.is_file():
        raise UsageError("there is no such file", where=path, hint="check the path")
    folder = str(path.resolve().parent if is_file else Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found: Any = _import_file(path) if is_file else importlib.import_module(place)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything
        raise UsageError(f"cannot be imported: {_in_one_line(error)}", where=place) from error
    for name in attribute.split("."):
        if not hasattr(found, name):
            names = [each for each in vars(found) if not each.startswith("_")]
            own = [each for each in names if callable(getattr(found, each))]
            raise UnknownNameError(f"callable of {place}", name, own)
        found = getattr(found, name)
    if not callable(found):
        raise UsageError(
            f"is of type {type(found).__name__}, which cannot be called", where=reference
        )
    verify: Verify = found
    return verify


def ask_verifier(
    verify: Verify,
    pairs: GivenPairs,
    *,
    batch_size: int = 256,
    queries: int = 1,
    threshold: float | None = None,
    sign: int = 1,
    seed: int = 0,
    answers: Path | None = None,
    version: str = "",
    progress: ProgressFactory = SilentProgress,
) -> ScoreTable:
    """Ask a verifier about all pairs, in their order, a batch at a time.

    Args:
        verify: gets the ids of the pictures of n pairs and returns n finite scores. Whether pairs
            show one person and whether they are members it is not told.
        pairs: what to ask about.
        batch_size: pairs in a call.
        queries: how often to ask about each pair, for verifiers whose answers vary.
        threshold: see `GivenPairs.to_table`.
        sign: see `GivenPairs.to_table`.
        seed: draws the membership of control pairs.
        answers: a folder where each batch's answers are kept as they come; the same batch is not
            asked about again. Kept for the pairs, the query, `version`, and the source file of
            `verify`: once that file changes, all is asked anew.
        version: names what else the answers depend on, such as the verifier's weights.
        progress: told how many answers have come.

    Raises:
        UsageError: the verifier raises, or returns anything but n finite numbers; a wrong argument.
        DatasetError: its answers cannot be audited; see `GivenPairs.to_table`.
        StorageError: `answers` cannot be written.
    """
    check_integer("batch size", batch_size, low=1)
    check_integer("queries", queries, low=1)
    check_sign(sign)
    who = _describe(verify)
    scores = np.empty((len(pairs), queries))
    with progress("asking the verifier", scores.size) as shown:
        for query in range(queries):
            for first in range(0, len(pairs), batch_size):
                rows = slice(first, min(first + batch_size, len(pairs)))
                key = json.dumps(
                    [pairs.left[rows].tolist(), pairs.right[rows].tolist(), query, who, version]
                )
                kept = None if answers is None else answers / f"{_digest(key)}.npy"
                found = None if kept is None else _read(kept, rows.stop - first)
                if found is None:
                    found = _ask(verify, pairs, rows, kept is not None)
                    if kept is not None:
                        with new_file(kept) as part, part.open("wb") as file:
                            np.save(file, found)
                scores[rows, query] = found
                shown.advance(len(found))
    return pairs.to_table(scores, threshold=threshold, sign=sign, seed=seed)


def _ask(verify: Verify, pairs: GivenPairs, rows: slice, kept: bool) -> Floats:
    """The answers about one batch, (n,)."""
    left, right = pairs.left[rows].tolist(), pairs.right[rows].tolist()
    batch = f"pairs {rows.start + 1} to {rows.stop}, the first {pairs.name(rows.start)}"
    where = f"verifier {getattr(verify, '__name__', type(verify).__name__)}"
    hint = "earlier answers are kept; mend it and run the same again" if kept else "mend it"
    try:
        answer = np.asarray(verify(left, right))
        shape, kind = answer.shape, answer.dtype
    except (Exception, SystemExit) as error:  # a stranger's code may raise anything, or leave
        raise UsageError(
            f"fails on {batch}: {_in_one_line(error)}", where=where, hint=hint
        ) from error
    if kind.kind not in "fiub" or shape != (len(left),):
        raise UsageError(
            f"must return {len(left)} numbers for {batch}, got {kind} of shape {shape}",
            where=where,
            hint=hint,
        )
    scores = answer.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        row = rows.start + int(bad[0])
        raise UsageError(
            f"answers {scores[bad[0]]} about pair {row + 1}, {pairs.name(row)}, and {len(bad)} of "
            f"{len(left)} in this batch are not finite",
            where=where,
            hint=hint,
        )
    return scores


def _read(path: Path, count: int) -> Floats | None:
    """Answers kept earlier; None where there are none, or the file is damaged."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    right = isinstance(found, np.ndarray) and found.shape == (count,) and found.dtype == np.float64
    return found if right else None


def _describe(verify: Verify) -> str:
    """What tells one verifier from another: its name and the content of its source file."""
    plain = inspect.unwrap(verify)
    owner = plain if hasattr(plain, "__qualname__") else type(plain)
    name = f"{getattr(owner, '__module__', '')}:{getattr(owner, '__qualname__', '')}"
    try:
        source = Path(inspect.getfile(owner)).read_bytes()
    except (TypeError, OSError):  # built in, or typed into an interpreter
        return name
    return f"{name} {hashlib.sha256(source).hexdigest()}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _import_file(path: Path) -> ModuleType:
    # A name of its own: mine.py must not stand in for an installed package "mine".
    name = f"_facebone_verifier_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _in_one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:_LONGEST]}" if text else type(error).__name__
