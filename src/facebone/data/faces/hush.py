"""Silence for the warnings of one library while it works, in any number of threads at once."""

from __future__ import annotations

import re
import threading
import warnings
from contextlib import suppress


class Hush:
    """A context in which what the modules of a library warn about is ignored.

    ``warnings.catch_warnings`` puts back the filters that it found, which undoes what another
    thread has changed meanwhile. This adds one filter when the first thread comes in and takes
    that one away when the last goes out, and leaves all others alone.

    Args:
        module: regular expression that the names of the library's modules begin with.
    """

    def __init__(self, module: str) -> None:
        # As `warnings.filterwarnings` writes it; but that would also make Python forget which
        # warnings it has shown before, and show them again.
        self._filter = ("ignore", None, Warning, re.compile(module), 0)
        self._lock = threading.Lock()
        self._inside = 0
        self._lists: list[list[object]] = []

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            current: list[object] = warnings.filters  # type: ignore[assignment]
            if self._inside == 1 or self._filter not in current:
                current.insert(0, self._filter)
                self._lists.append(current)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                # A `catch_warnings` of somebody else may have copied the list meanwhile.
                self._lists.append(warnings.filters)  # type: ignore[arg-type]
                for filters in self._lists:
                    with suppress(ValueError):
                        filters.remove(self._filter)
                self._lists.clear()
