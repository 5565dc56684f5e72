"""What a contract is: checks that every part of one kind must pass, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from facebone.errors import FaceBoneError

S = TypeVar("S")
"""A part, and what its checks need to know of it."""


class ContractError(AssertionError):
    """A part breaks its contract; the message says which part, which check, and why.

    Args:
        check: what does not hold, in words.
        why: the reason, in one line.
    """

    def __init__(self, check: str, why: str) -> None:
        super().__init__(f"{check}: {why}")
        self.why = why


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one part: call it, as a test does.

    Args:
        part: what is checked, in words such as ``attack loss_threshold``.
        name: what must hold, in words.
        run: raises where it does not.
    """

    part: str
    name: str
    run: Callable[[], None] = field(repr=False)

    def __call__(self) -> None:
        """Raise unless it holds.

        Raises:
            ContractError: it does not hold.
        """
        try:
            self.run()
        except AssertionError as error:
            raise ContractError(str(self), _line(error)) from error
        except Exception as error:
            why = f"raises {type(error).__name__}: {_line(error)}"
            raise ContractError(str(self), why) from error

    def __str__(self) -> str:
        return f"{self.part}, {self.name}"


class Contract(Generic[S]):
    """The checks of one kind of part.

    Args:
        words: what a subject is called in errors.
        checks: functions that raise AssertionError; their names say what must hold.
    """

    def __init__(self, words: Callable[[S], str], *checks: Callable[[S], None]) -> None:
        self._words = words
        self._checks = checks

    def checks(self, subject: S) -> list[Check]:
        """The checks of one part, for a test to be parametrised by."""
        words = self._words(subject)
        return [
            Check(words, name, _bound(check, subject))
            for name, check in zip(self.names(), self._checks, strict=True)
        ]

    def names(self) -> list[str]:
        """What must hold, in words."""
        return [check.__name__.replace("_", " ") for check in self._checks]


def run_all(checks: Sequence[Check]) -> None:
    """Run checks until one does not hold.

    Raises:
        ContractError: the first that does not hold.
    """
    for check in checks:
        check()


def expect(holds: object, why: str) -> None:
    """Raise unless something holds.

    Raises:
        AssertionError: `why`.
    """
    if not holds:
        raise AssertionError(why)


def expect_close(value: float, wanted: float, within: float, what: str) -> None:
    """Raise unless a number is near another.

    Raises:
        AssertionError: it is further away than `within`.
    """
    expect(
        abs(value - wanted) <= within, f"{what} is {value:.4f}, not {wanted:.4f} +- {within:.4f}"
    )


@contextmanager
def refused(error: type[FaceBoneError], message: str, *, when: str) -> Iterator[None]:
    """Expect what stands inside to be refused with a clear error.

    Args:
        error: its type.
        message: a regular expression that its text holds.
        when: what is done that must be refused, in words.

    Raises:
        AssertionError: it is not refused, or in other words.
    """
    try:
        yield
    except error as raised:
        if not re.search(message, str(raised)):
            raise AssertionError(f"{when}: the error says {raised}; wanted {message}") from raised
        return
    except Exception as raised:
        raise AssertionError(
            f"{when}: raises {type(raised).__name__}: {raised}; wanted a {error.__name__}"
        ) from raised
    raise AssertionError(f"{when}: is not refused; wanted a {error.__name__}: {message}")


def _bound(check: Callable[[Any], None], subject: Any) -> Callable[[], None]:
    return lambda: check(subject)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())
