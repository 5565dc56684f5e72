"""Import ART and leave nothing behind: no file at home, no logging or random state changed."""

from __future__ import annotations

import importlib
import logging
import logging.config
import os
import random
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from facebone.errors import MissingPartError

_ATTACK = "art.attacks.inference.membership_inference.black_box"
_ESTIMATOR = "art.estimators.classification.blackbox"
_lock = threading.Lock()


def load_art(*, where: str) -> tuple[type[Any], type[Any]]:
    """ART's black-box membership attack and its estimator of a model known by its answers.

    The first call imports ART, which takes seconds.

    Args:
        where: what needs it, for the error message.

    Raises:
        MissingPartError: ART is not installed, or cannot be imported.
    """
    try:
        with _lock:
            attack, estimator = _modules()
    except ImportError as error:
        raise MissingPartError(
            f"needs ART, which cannot be imported ({error})",
            where=where,
            hint="pip install adversarial-robustness-toolbox",
        ) from None
    return attack.MembershipInferenceBlackBox, estimator.BlackBoxClassifier


def _modules() -> tuple[ModuleType, ModuleType]:
    if "art" in sys.modules:
        # Whoever imported it first has had its effects already.
        return importlib.import_module(_ATTACK), importlib.import_module(_ESTIMATOR)
    # What ART imports too keeps its own settings of the process, which are not ours to undo.
    for name in ("sklearn.svm", "torch"):
        importlib.import_module(name)
    with _quiet(), _no_file_at_home():
        return importlib.import_module(_ATTACK), importlib.import_module(_ESTIMATOR)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings, logging and random numbers as they are.

    ART's ``logging.config.dictConfig`` would close every handler that the process has.
    """
    state, configure = random.getstate(), logging.config.dictConfig
    logging.config.dictConfig = lambda config: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(state)
        logging.config.dictConfig = configure
    logger = logging.getLogger("art")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


@contextmanager
def _no_file_at_home() -> Iterator[None]:
    """Let ART write its ``~/.art/config.json`` elsewhere, unless the user has one.

    ART knows no other way to be told: it takes no path from the environment.
    """
    home = Path("~").expanduser()
    if (home / ".art" / "config.json").exists():
        yield
        return
    before = {name: os.environ.get(name) for name in ("HOME", "USERPROFILE")}
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(dict.fromkeys(before, folder))
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
    # What the user does with ART later in this process finds the folder it would have found.
    config: Any = sys.modules["art.config"]
    config.ART_DATA_PATH = str(home / ".art" / "data")
