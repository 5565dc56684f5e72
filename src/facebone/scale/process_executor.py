"""Calls in processes of this machine: one that crashes costs its own process, and no other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_any
from typing import TypeVar

from facebone.errors import UsageError
from facebone.scale.cores import available_cores
from facebone.scale.executor import Call, Machines, Waiting, call_alone
from facebone.scale.threads import start_with_one_thread

A = TypeVar("A")
R = TypeVar("R")


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
        on_lost: Callable[[A], Iterable[A]] | None = None,
    ) -> None:
        """See `Executor`."""
        waiting = Waiting(arguments)
        if not waiting:
            return
        running: dict[Future[R], tuple[Call[A], ProcessPoolExecutor]] = {}
        crew = _Crew()
        try:
            while waiting or running:
                # No more than there are workers: the order of arguments stays the order of calls.
                while waiting and len(running) < self.workers:
                    call = waiting.pop()
                    future, pool = crew.submit(function, call.argument)
                    running[future] = call, pool
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in [future for future in running if future in done]:
                    call, pool = running.pop(future)
                    try:
                        result = future.result()
                    except BrokenProcessPool:
                        crew.bury(pool)
                        waiting.add_again(call.after_crash(on_lost))
                    else:
                        crew.idle.append(pool)
                        waiting.add(on_result(call.argument, result))
        finally:
            crew.end(at_once=bool(running))


class _Crew:
    """Pools of one process each: when one breaks, it is known which call was in it."""

    def __init__(self) -> None:
        # Not fork: the libraries of this process have threads, which do not survive one.
        self._spawn = multiprocessing.get_context("spawn")
        # Workers watch the other end: it closes when they are to leave at once.
        self._leave, self._stay = self._spawn.Pipe(duplex=False)
        self._pools: list[ProcessPoolExecutor] = []
        self.idle: list[ProcessPoolExecutor] = []

    def submit(
        self, function: Callable[[A], R], argument: A
    ) -> tuple[Future[R], ProcessPoolExecutor]:
        """Begin a call in an idle process, or in a new one."""
        while self.idle:
            pool = self.idle.pop()
            try:
                return pool.submit(call_alone, function, argument), pool
            except BrokenProcessPool:  # it died while it had nothing to do
                self.bury(pool)
        pool = ProcessPoolExecutor(1, self._spawn, _begin, (self._leave,))
        self._pools.append(pool)
        return pool.submit(call_alone, function, argument), pool

    def bury(self, pool: ProcessPoolExecutor) -> None:
        """Forget a pool whose process has died."""
        pool.shutdown()
        self._pools.remove(pool)

    def end(self, *, at_once: bool) -> None:
        """End all processes, those with a call under way too if `at_once`."""
        if at_once:
            self._stay.close()
        for pool in self._pools:
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in self._pools:
            pool.shutdown()
        self._stay.close()
        self._leave.close()


def on_machine(machines: Machines) -> ProcessExecutor:
    """The executor of processes, as the registry makes it."""
    return ProcessExecutor(machines.workers)


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
