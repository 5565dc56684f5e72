"""Executors: who runs the jobs of a plan, this process, several or a cluster, with like results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar

from facebone.errors import FaceBoneError, UsageError
from facebone.registry import Registry
from facebone.scale.threads import one_thread

A = TypeVar("A")
R = TypeVar("R")

ATTEMPTS = 3
"""Times that a call may end the process it runs in, before it is given up."""


class Executor(Protocol):
    """Calls a function for every argument, each call with one thread of the numeric libraries.

    The number of threads decides how sums are rounded: with one, every executor finds the same.
    """

    def run(
        self,
        function: Callable[[A], R],
        arguments: Iterable[A],
        *,
        on_result: Callable[[A, R], Iterable[A]],
        on_lost: Callable[[A], Iterable[A]] | None = None,
    ) -> None:
        """Call `function` for every argument and for those that are added meanwhile.

        A call whose process dies is repeated, after those that wait, up to `ATTEMPTS` times in
        all; no other call is touched. A call must therefore do no harm when it is repeated.

        Args:
            function: for several processes importable by its name, and what it takes and returns
                can be pickled.
            arguments: to begin with; taken one by one as they are needed.
            on_result: is told, in this process and one at a time, an argument and its result, in
                the order in which calls end; returns further arguments to run.
            on_lost: is told an argument whose calls ended their process each time; returns further
                arguments to run. By default such a call is an error like any other.

        Raises:
            Exception: what a call raised, as itself; no other call begins, and those under way in
                other processes are ended.
            FaceBoneError: a call was lost, and there is no `on_lost`.
            KeyboardInterrupt: likewise.
        """
        ...


class SerialExecutor:
    """One call after the other, in this process: one that ends its process ends this one."""

    def run(
        self,
        function: Callable[[A], R],
        arguments: Iterable[A],
        *,
        on_result: Callable[[A, R], Iterable[A]],
        on_lost: Callable[[A], Iterable[A]] | None = None,
    ) -> None:
        """See `Executor`."""
        del on_lost
        waiting = Waiting(arguments)
        while waiting:
            call = waiting.pop()
            waiting.add(on_result(call.argument, call_alone(function, call.argument)))


@dataclass(slots=True, eq=False)
class Call(Generic[A]):
    """A call that waits or is under way elsewhere.

    Args:
        argument: of the function.
        crashes: how often it ended its process.
        moves: how often it was lost with the machine that it ran on.
    """

    argument: A
    crashes: int = 0
    moves: int = 0

    def after_crash(self, on_lost: Callable[[A], Iterable[A]] | None) -> list[Call[A]]:
        """What is to run after this call has ended its process.

        Raises:
            FaceBoneError: it did so too often, and nobody is to be told.
        """
        self.crashes += 1
        if self.crashes < ATTEMPTS:
            return [self]
        if on_lost is None:
            raise FaceBoneError(
                f"a job ended its process {self.crashes} times, for lack of memory most likely",
                where="executor",
                hint="run the same command again, with fewer workers: it goes on from there",
            )
        return [Call(argument) for argument in on_lost(self.argument)]


class Waiting(Generic[A]):
    """Calls that have not begun: those given, taken one by one, then those that were added.

    Args:
        arguments: given; there may be more than memory holds.
    """

    def __init__(self, arguments: Iterable[A]) -> None:
        self._given: Iterator[A] = iter(arguments)
        self._next: deque[Call[A]] = deque()
        self._added: deque[Call[A]] = deque()

    def __bool__(self) -> bool:
        if not self._next:
            self._next.extend(Call(argument) for argument in islice(self._given, 1))
        return bool(self._next or self._added)

    def pop(self) -> Call[A]:
        """The next one.

        Raises:
            IndexError: there is none.
        """
        return (self._next if self and self._next else self._added).popleft()

    def add(self, arguments: Iterable[A]) -> None:
        """Further arguments, behind all that wait."""
        self._added.extend(Call(argument) for argument in arguments)

    def add_again(self, calls: Iterable[Call[A]]) -> None:
        """Calls that were lost, behind all that wait."""
        self._added.extend(calls)


def call_alone(function: Callable[[A], R], argument: A) -> R:
    """A call with one thread."""
    with one_thread():
        return function(argument)


@dataclass(frozen=True, slots=True)
class Machines:
    """Where calls may run, for executors that have a choice.

    Args:
        workers: calls at a time; by default as many as there are cores.
        address: of a Ray cluster; by default Ray is started on this machine alone.
        gpus: share of a graphics card that each call is given.
    """

    workers: int | None = None
    address: str | None = None
    gpus: float = 0.0


EXECUTORS: Registry[Callable[[Machines], Executor]] = Registry("executor")
EXECUTORS.add("serial", lambda _machines: SerialExecutor())
EXECUTORS.add("processes", "facebone.scale.process_executor:on_machine")
EXECUTORS.add("ray", "facebone.scale.ray_executor:on_cluster")


def make_executor(
    name: str, workers: int | None = None, *, address: str | None = None, gpus: float = 0.0
) -> Executor:
    """An executor by name.

    Args:
        name: a registered executor.
        workers: see `Machines`.
        address: see `Machines`.
        gpus: see `Machines`.

    Raises:
        UnknownNameError: no such executor.
        MissingPartError: its optional package is not installed.
        UsageError: fewer than one worker, a negative share, or an address without Ray.
    """
    make = EXECUTORS.get(name)
    if workers is not None and workers < 1:
        raise UsageError(f"must be at least 1, got {workers}", where="workers")
    if gpus < 0:
        raise UsageError(f"must not be negative, got {gpus:g}", where="gpus")
    if address is not None and name != "ray":
        raise UsageError(
            f"is for the executor ray, not for {name}", where="ray address", hint="--executor ray"
        )
    return make(Machines(workers, address, gpus))
