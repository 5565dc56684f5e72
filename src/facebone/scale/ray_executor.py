"""Calls on a Ray cluster: on this machine's cores where no address is given, or on many machines.

Plain tasks, a bounded number of them under way; what they find they keep in a store that all
machines see, so that next to nothing travels. Losses are counted here, not by Ray, which would
repeat a call that crashes its process and one whose machine went away alike.
"""

from __future__ import annotations

import os
import pickle
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, TypeVar

from facebone.config import ASSETS_VARIABLE, HOME_VARIABLE
from facebone.errors import FaceBoneError, MissingPartError, UsageError
from facebone.scale.cores import available_cores
from facebone.scale.executor import Call, Machines, Waiting, call_alone

A = TypeVar("A")
R = TypeVar("R")

MOVES = 20
"""Times that a call may be lost with its machine before it counts as one that crashes."""

# Waiting beside the calls under way, a share of these: no core waits for this process, and a
# cluster that can grow sees that more machines would have work.
_AHEAD = 1.0
_SECONDS_BETWEEN_COUNTS = 5.0
_SECONDS_TO_ANSWER = 10.0
_SECONDS_TO_SETTLE = 1.0
_LOCAL = "local"
_OBJECT_STORE = 256 * 2**20
"""Bytes of shared memory of a Ray of our own: results are small, large ones go to the store."""

_HANDED_ON = (ASSETS_VARIABLE, HOME_VARIABLE)


class RayExecutor:
    """Calls as Ray tasks, each on one core and, where asked for, a share of a graphics card.

    Args:
        workers: calls at a time; by default as many as the cluster has room for, and as many again
            waiting there.
        address: of a running cluster, such as ``auto``, ``10.0.0.1:6379`` or ``ray://...:10001``;
            None starts a Ray for this process, on this machine.
        gpus: share of a graphics card that each call is given.

    Raises:
        MissingPartError: Ray is not installed.
    """

    joined: ClassVar[str | None] = None
    """The address of this process's connection; None where it was made by others."""

    def __init__(
        self, workers: int | None = None, *, address: str | None = None, gpus: float = 0.0
    ) -> None:
        try:
            import ray  # noqa: F401 - to know at once, not after an hour of embedding
        except ImportError:
            raise MissingPartError(
                "needs Ray", where="executor ray", hint="pip install 'facebone[ray]'"
            ) from None
        self.workers = workers
        self.address = address
        self.gpus = gpus

    def run(
        self,
        function: Callable[[A], R],
        arguments: Iterable[A],
        *,
        on_result: Callable[[A, R], Iterable[A]],
        on_lost: Callable[[A], Iterable[A]] | None = None,
    ) -> None:
        """See `Executor`.

        Raises:
            UsageError: no cluster answers at the address, or none of its machines has what a call
                needs.
        """
        waiting = Waiting(arguments)
        if not waiting:
            return
        import ray
        from ray import cloudpickle, exceptions

        self._connect()
        room = _Room(self.workers, self.gpus)
        # Ray's own repeating is off: see the head of this module.
        task = ray.remote(num_cpus=1, num_gpus=self.gpus, max_retries=0)(_there)
        surroundings = _surroundings()
        running: dict[Any, Call[A]] = {}
        with _ended(running):
            while waiting or running:
                while waiting and len(running) < room.calls():
                    call = waiting.pop()
                    packed = cloudpickle.dumps((function, call.argument))
                    running[task.remote(packed, surroundings)] = call
                (done, *_), _ = ray.wait(list(running), num_returns=1)
                try:
                    result = ray.get(done)
                except exceptions.RayTaskError as error:
                    raise error.cause or error from None
                except (exceptions.WorkerCrashedError, exceptions.OutOfMemoryError):
                    waiting.add_again(running.pop(done).after_crash(on_lost))
                except (exceptions.NodeDiedError, exceptions.ObjectLostError):
                    call = running.pop(done)
                    call.moves += 1
                    waiting.add_again([call] if call.moves < MOVES else call.after_crash(on_lost))
                except exceptions.RayError as error:
                    raise FaceBoneError(
                        f"Ray could not go on: {type(error).__name__}: {error}",
                        where="executor ray",
                        hint="run the same command again: it goes on from there",
                    ) from error
                else:
                    call = running.pop(done)
                    waiting.add(on_result(call.argument, result))

    def _connect(self) -> None:
        """Join the cluster, or start one, for this process; others' connection serves as it is."""
        import ray

        wanted = self.address or _LOCAL
        if ray.is_initialized():
            if RayExecutor.joined in (None, wanted):
                return
            ray.shutdown()
        # Nothing is reported to anybody.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        # As Ray will have it from its next version on, without a warning: calls that ask for no
        # graphics card see those that there are.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        # Ray puts its workers behind everything else on a machine; other executors' stand in line.
        os.environ.setdefault("RAY_worker_niceness", "0")
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self.address is None:
            ray.init(
                address=_LOCAL,
                num_cpus=self.workers or available_cores(),
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE,
                **quiet,
            )
        else:
            try:
                _knock(self.address)
                ray.init(address=self.address, **quiet)
            except (OSError, RuntimeError, ValueError) as error:
                raise UsageError(
                    f"cannot join the cluster at {self.address!r}: {error}",
                    where="ray address",
                    hint="start one with 'ray start --head', with this Python and this Ray",
                ) from error
        RayExecutor.joined = wanted
        _keep_quiet()


def _knock(address: str) -> None:
    """See whether anybody is there, for which Ray would take minutes.

    Raises:
        OSError: nobody answers at this host and port.
    """
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if separator and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_ANSWER).close()


class _Room:
    """How many calls the cluster is given at a time; it may grow and shrink."""

    def __init__(self, workers: int | None, gpus: float) -> None:
        self._workers = workers
        self._gpus = gpus
        self._counted = float("-inf")
        self._calls = 0

    def calls(self) -> int:
        """At least 1.

        Raises:
            UsageError: there is no graphics card in the cluster, and calls need one.
        """
        if time.monotonic() - self._counted > _SECONDS_BETWEEN_COUNTS:
            places = self._places()
            self._calls = self._workers or max(1, int(places * (1 + _AHEAD)))
            self._counted = time.monotonic()
        return self._calls

    def _places(self) -> float:
        """Calls that the cluster can run at the same time."""
        import ray

        found = ray.cluster_resources()
        cores, cards = float(found.get("CPU", 0.0)), float(found.get("GPU", 0.0))
        if not self._gpus:
            return cores
        if cards < min(self._gpus, 1.0):
            raise UsageError(
                f"the cluster has {cards:g} graphics cards, a job asks for {self._gpus:g}",
                where="executor ray",
                hint="choose --device cpu, or add such a machine",
            )
        return min(cores, cards / self._gpus)


def on_cluster(machines: Machines) -> RayExecutor:
    """The executor on Ray, as the registry makes it."""
    return RayExecutor(machines.workers, address=machines.address, gpus=machines.gpus)


@contextmanager
def _ended(running: Mapping[Any, object]) -> Iterator[None]:
    """End the calls that are under way where the block ends with an error or an interrupt."""
    try:
        yield
    finally:
        if running:
            import ray

            # Cancelling one that is only just being handed to a worker can end this process
            # (a failed check in Ray): what is quick may end, and the others get well under way.
            _, left = ray.wait(list(running), num_returns=len(running), timeout=_SECONDS_TO_SETTLE)
            if left and RayExecutor.joined:
                ray.shutdown()  # our own connection: all that runs for it ends with it
            else:
                for reference in left:
                    with suppress(Exception):
                        ray.cancel(reference, force=True)


def _keep_quiet() -> None:
    """Keep Ray from printing to this process's output that a worker or a machine was lost."""
    from ray._private import worker

    # There is no public way; where Ray changes, it says what it has to say on the output again.
    if hasattr(worker, "_worker_logs_enabled"):
        worker._worker_logs_enabled = False


_Surroundings = tuple[dict[str, str], tuple[str, ...], str]
"""Variables of the environment, where modules are found, and the folder to work in."""


def _surroundings() -> _Surroundings:
    """What a call finds here and should find there, where machines see the same files."""
    variables = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    return variables, tuple(os.path.abspath(place) for place in sys.path), os.getcwd()


def _there(packed: bytes, surroundings: _Surroundings) -> object:
    """A call in a worker of Ray, which may have been started long before this command."""
    variables, places, folder = surroundings
    os.environ.update(variables)
    with suppress(OSError):  # a machine that has no such folder is told no path below it
        os.chdir(folder)
    sys.path.extend(place for place in places if place not in sys.path)
    function, argument = pickle.loads(packed)
    return call_alone(function, argument)
