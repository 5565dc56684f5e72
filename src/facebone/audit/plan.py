"""The plan of an audit: small jobs whose results are kept, so that none is done twice."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from typing import Any, cast

from facebone.audit.job_store import JobStore, Result, bind
from facebone.errors import FaceBoneError, UsageError
from facebone.progress import ProgressFactory, SilentProgress
from facebone.scale.executor import ATTEMPTS, Executor

__all__ = ["Finished", "Job", "JobFunction", "JobStore", "Result", "bind", "run_plan"]

_NAMED = 3
"""Jobs that an error names."""

JobFunction = Callable[[Mapping[str, Any], Mapping[str, Result]], Result]
"""``function(settings, inputs)``: settings and context of the job in one mapping, and the results
of its inputs by name, as they come from the store (tuples in them have become lists)."""


@dataclass(frozen=True, slots=True)
class Job:
    """One step of a plan.

    Args:
        name: for people, and unique in the plan, such as ``facebone seed 0 art_gb``.
        function: a `JobFunction`, or where to find one, ``"module:name"``. To run in another
            process it must stand at the top level of a module.
        settings: JSON-able; all that the result depends on besides the inputs.
        inputs: names of the jobs whose results it needs.
        context: JSON-able; handed over with the settings, but the result does not depend on it,
            such as the folder of a cache.
    """

    name: str
    function: JobFunction | str
    settings: Mapping[str, Any]
    inputs: tuple[str, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """Where to find the function, ``"module:name"``."""
        if isinstance(self.function, str):
            return self.function
        return f"{self.function.__module__}:{self.function.__qualname__}"


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A plan that is done.

    Args:
        executed: names of the jobs that were run now, in the order of the plan.
        reused: names of those that were done before.
        store: of the results.
        keys: name of a job -> key of its result in the store.
    """

    executed: tuple[str, ...]
    reused: tuple[str, ...]
    store: JobStore
    keys: Mapping[str, str]

    def __getitem__(self, name: str) -> Result:
        """The result of a job, read from the store.

        Raises:
            KeyError: no such job in the plan.
            StorageError: the result was changed since.
        """
        return self.store.load(self.keys[name])


def run_plan(
    jobs: Sequence[Job],
    store: JobStore,
    executor: Executor,
    *,
    progress: ProgressFactory = SilentProgress,
    label: str = "jobs",
) -> Finished:
    """Run the jobs that are not done yet, each after its inputs.

    A result is kept under a key made of the job's name, function and settings and of the keys of
    its inputs: a changed setting repeats the job and what depends on it, and nothing else.

    A job that ends its process again and again is given up; all others that do not need it are
    done before that is said.

    Args:
        jobs: in any order; ready ones begin in this order.
        store: of this audit, see `bind`.
        executor: runs them.
        progress: makes what is told how many of the jobs left are done.
        label: what the progress is called.

    Raises:
        UsageError: two jobs of one name, an input that is no job, or jobs that wait for each
            other.
        StorageError: a result cannot be written.
        FaceBoneError: jobs were given up.
        Exception: what a job raised, as itself, with a note of the job's name.
    """
    keys = _keys(jobs)
    reused = {job.name for job in jobs if store.has(keys[job.name])}
    left = {job.name: job for job in jobs if job.name not in reused}
    # What each job still waits for.
    missing = {name: set(job.inputs) - reused for name, job in left.items()}

    def ready() -> list[_Task]:
        """Tasks of the jobs that need wait no longer, each handed out once."""
        names = [name for name, inputs in missing.items() if not inputs]
        for name in names:
            del missing[name]
        return [_task(left[name], keys, store) for name in names]

    def on_result(task: _Task, _: None) -> list[_Task]:
        bar.advance(1)
        store.has(task.key)
        for inputs in missing.values():
            inputs.discard(task.name)
        return ready()

    lost: list[str] = []

    def on_lost(task: _Task) -> list[_Task]:
        lost.append(task.name)
        return []

    if left:
        with progress(label, len(left)) as bar:
            executor.run(_execute, ready(), on_result=on_result, on_lost=on_lost)
    if lost:
        raise _given_up(lost, waiting=len(missing), done=len(jobs) - len(missing) - len(lost))
    return Finished(
        executed=tuple(left),
        reused=tuple(job.name for job in jobs if job.name in reused),
        store=store,
        keys=keys,
    )


def _given_up(lost: Sequence[str], *, waiting: int, done: int) -> FaceBoneError:
    """The error that jobs ended their processes each time."""
    named = ", ".join(repr(name) for name in lost[:_NAMED])
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    which = f"{len(lost)} jobs" if len(lost) > 1 else "a job"
    those = f", {waiting} that need what they make wait" if waiting else ""
    return FaceBoneError(
        f"{which} {named}{more} ended the process each of {ATTEMPTS} times; "
        f"{done} other jobs are done{those}",
        where="plan",
        hint="too little memory is the likely cause; the same command again tries what is left",
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """A job as a worker gets it."""

    name: str
    key: str
    function: JobFunction | str
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    store: JobStore


def _task(job: Job, keys: Mapping[str, str], store: JobStore) -> _Task:
    return _Task(
        job.name,
        keys[job.name],
        job.function,
        {**job.settings, **job.context},
        {name: keys[name] for name in job.inputs},
        store,
    )


def _execute(task: _Task) -> None:
    """Run a job where this is called, and keep its result."""
    function = task.function
    if isinstance(function, str):
        module, _, name = function.partition(":")
        function = cast(JobFunction, getattr(import_module(module), name))
    began = time.perf_counter()
    try:
        inputs = {name: task.store.load(key) for name, key in task.inputs.items()}
        result = function(task.settings, inputs)
        task.store.save(task.key, replace(result, seconds=time.perf_counter() - began))
    except Exception as error:
        error.add_note(f"in the job {task.name!r}")
        raise


def _keys(jobs: Sequence[Job]) -> dict[str, str]:
    """The key of each job's result, by name.

    Raises:
        UsageError: the jobs are no plan.
    """
    by_name: dict[str, Job] = {}
    for job in jobs:
        if job.name in by_name:
            raise UsageError(f"two jobs are called {job.name!r}", where="plan")
        by_name[job.name] = job
    for job in jobs:
        for name in job.inputs:
            if name not in by_name:
                raise UsageError(f"{job.name!r} needs {name!r}, which is no job", where="plan")
    try:
        order = tuple(TopologicalSorter({job.name: job.inputs for job in jobs}).static_order())
    except CycleError as error:
        circle = " <- ".join(error.args[1])
        raise UsageError(f"jobs wait for each other: {circle}", where="plan") from None
    keys: dict[str, str] = {}
    for name in order:
        job = by_name[name]
        described = {
            "name": name,
            "function": job.reference,
            "settings": dict(job.settings),
            "inputs": {needed: keys[needed] for needed in job.inputs},
        }
        text = json.dumps(described, sort_keys=True, allow_nan=False)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        readable = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80]
        keys[name] = f"{readable or 'job'}-{digest}"
    return keys
