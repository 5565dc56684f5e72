from __future__ import annotations

import threading
import warnings

import pytest

from facebone.data.faces.hush import Hush

NAME = __name__


def test_the_library_is_silent_inside_and_only_there() -> None:
    hush = Hush(NAME)
    with hush:
        warnings.warn("noise", UserWarning, stacklevel=1)
    with pytest.raises(UserWarning, match="noise"):
        warnings.warn("noise", UserWarning, stacklevel=1)


def test_other_modules_still_warn() -> None:
    with Hush("another_library"), pytest.raises(UserWarning, match="news"):
        warnings.warn("news", UserWarning, stacklevel=1)


def test_threads_that_overlap_leave_nothing_behind() -> None:
    before = list(warnings.filters)
    hush = Hush(NAME)
    first_in, second_in = threading.Event(), threading.Event()
    heard: list[str] = []

    def second() -> None:
        first_in.wait(10)
        with hush:
            second_in.set()
            first.join(10)
            try:
                warnings.warn("still inside", UserWarning, stacklevel=1)
            except UserWarning as warning:
                heard.append(str(warning))

    def first_work() -> None:
        with hush:
            first_in.set()
            second_in.wait(10)

    first = threading.Thread(target=first_work)
    other = threading.Thread(target=second)
    first.start()
    other.start()
    other.join(10)
    assert not heard
    assert warnings.filters == before


def test_a_copy_of_the_filters_is_cleaned_too() -> None:
    before = list(warnings.filters)
    hush = Hush(NAME)
    somebody = warnings.catch_warnings()
    with hush:
        somebody.__enter__()  # in another thread, say
        with hush:
            warnings.warn("noise", UserWarning, stacklevel=1)
    assert warnings.filters == before
    somebody.__exit__(None, None, None)
    assert warnings.filters == before
