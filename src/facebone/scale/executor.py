"""Executors: who runs the jobs of a plan, this process or several, with the same results."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_any
from typing import Protocol, TypeVar

from facebone.errors import FaceBoneError, UsageError
from facebone.registry import Registry
from facebone.scale.cores import available_cores
from facebone.scale.threads import one_thread, start_with_one_thread

A = TypeVar("A")
R = TypeVar("R")


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
    ) -> None:
        """Call `function` for every argument and for those that `on_result` adds.

        Args:
            function: for several processes importable by its name, and what it takes and returns
                can be pickled.
            arguments: to begin with.
            on_result: is told, in this process and one at a time, an argument and its result, in
                the order in which calls end; returns further arguments to run.

        Raises:
            Exception: what a call raised, as itself; no other call begins, and those under way in
                other processes are ended.
            KeyboardInterrupt: likewise.
        """
        ...


class SerialExecutor:
    """One call after the other, in this process."""

    def run(
        self,
        function: Callable[[A], R],
        arguments: Iterable[A],
        *,
        on_result: Callable[[A, R], Iterable[A]],
    ) -> None:
        """See `Executor`."""
        waiting = deque(arguments)
        while waiting:
            argument = waiting.popleft()
            waiting.extend(on_result(argument, _call(function, argument)))


class ProcessExecutor:
    """Calls in processes of their own, which end when this one does, however it ends.

    Args:
        workers: how many; the number of cores by default.

    Raises:
        UsageError: fewer than one.
    """

    def __init__(self, workers: int | None = None) -> None:
        chosen = available_cores() if workers is None else workers
        if chosen < 1:
            raise UsageError(f"must be at least 1, got {chosen}", where="workers")
        self.workers = chosen

    def run(
        self,
        function: Callable[[A], R],
        arguments: Iterable[A],
        *,
        on_result: Callable[[A, R], Iterable[A]],
    ) -> None:
        """See `Executor`.

        Raises:
            FaceBoneError: a process died, for lack of memory most likely.
        """
        waiting = deque(arguments)
        if not waiting:
            return
        # Not fork: the libraries of this process have threads, which do not survive one.
        spawn = multiprocessing.get_context("spawn")
        # Workers watch the other end: it closes when they are to leave at once.
        leave, stay = spawn.Pipe(duplex=False)
        pool = ProcessPoolExecutor(self.workers, spawn, _begin, (leave,))
        running: dict[Future[R], A] = {}
        try:
            while waiting or running:
                # No more than there are workers: the order of arguments stays the order of calls.
                while waiting and len(running) < self.workers:
                    argument = waiting.popleft()
                    running[pool.submit(_call, function, argument)] = argument
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in [future for future in running if future in done]:
                    waiting.extend(on_result(running.pop(future), future.result()))
        except BrokenProcessPool as error:
            raise FaceBoneError(
                "a worker process died, for lack of memory most likely",
                where="executor",
                hint="run the same command again, with fewer workers: it goes on from there",
            ) from error
        finally:
            if running:
                stay.close()
            pool.shutdown(cancel_futures=True)
            stay.close()
            leave.close()


EXECUTORS: Registry[Callable[[int | None], Executor]] = Registry("executor")
EXECUTORS.add("serial", lambda _workers: SerialExecutor())
EXECUTORS.add("processes", ProcessExecutor)


def make_executor(name: str, workers: int | None = None) -> Executor:
    """An executor by name.

    Args:
        name: a registered executor.
        workers: how many calls at a time, for those that make several; the number of cores by
            default.

    Raises:
        UnknownNameError: no such executor.
        UsageError: fewer than one worker.
    """
    make = EXECUTORS.get(name)
    if workers is not None and workers < 1:
        raise UsageError(f"must be at least 1, got {workers}", where="workers")
    return make(workers)


def leave_with_parent(leave: Connection | None = None) -> None:
    """End this process when its parent is gone: a parent that was killed cannot say so.

    Starts a thread that waits for it. Whatever is under way is cut short: what a worker writes must
    appear whole or not at all.

    Args:
        leave: end also when the other end of this pipe closes.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    ends: list[int | Connection] = [parent.sentinel]
    if leave is not None:
        ends.append(leave)

    def watch() -> None:
        wait_for_any(ends)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _begin(leave: Connection) -> None:
    """Prepare a worker process."""
    # An interrupt at the terminal reaches every process; the parent ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_with_parent(leave)
    start_with_one_thread()


def _call(function: Callable[[A], R], argument: A) -> R:
    with one_thread():
        return function(argument)
