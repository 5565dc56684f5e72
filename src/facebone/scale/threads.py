"""One thread: numeric libraries kept from starting their own, so that sums round alike."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from facebone.scale.cores import available_cores

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What numeric libraries read when they are loaded."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep numeric libraries to one thread while the block runs, those it loads included.

    Afterwards each library has the number of threads that it had before; one that the block loaded
    has as many as there are cores.
    """
    from threadpoolctl import ThreadpoolController

    variables = {name: os.environ.get(name) for name in _VARIABLES}
    # PyTorch counts its threads by itself, besides those of the libraries below it.
    torch_before = _torch_threads()
    before = {
        library.filepath: library.num_threads for library in ThreadpoolController().lib_controllers
    }
    start_with_one_thread()
    try:
        yield
    finally:
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        for library in ThreadpoolController().lib_controllers:
            library.set_num_threads(before.get(library.filepath, available_cores()))
        _set_torch_threads(available_cores() if torch_before is None else torch_before)


def start_with_one_thread() -> None:
    """Keep numeric libraries to one thread from now on, those loaded later included."""
    from threadpoolctl import ThreadpoolController

    os.environ.update(dict.fromkeys(_VARIABLES, "1"))
    for library in ThreadpoolController().lib_controllers:
        library.set_num_threads(1)
    _set_torch_threads(1)


def _torch_threads() -> int | None:
    """PyTorch's number of threads; None where it is not loaded."""
    torch: Any = sys.modules.get("torch")
    # A module that is still being imported is there too, without its parts.
    return int(torch.get_num_threads()) if hasattr(torch, "get_num_threads") else None


def _set_torch_threads(count: int) -> None:
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "set_num_threads"):
        torch.set_num_threads(count)
