"""What studies of attacks with shadows share: tasks on all cores, and figures over many models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from facebone.progress import for_console
from facebone.scale.executor import make_executor

A = TypeVar("A")
R = TypeVar("R")


def run_all(function: Callable[[A], R], tasks: Sequence[A], *, label: str) -> list[R]:
    """Results of all tasks in their order, each task in a process of one thread."""
    found: dict[int, R] = {}
    with for_console(label, len(tasks)) as progress:

        def keep(task: tuple[int, A], result: R) -> list[tuple[int, A]]:
            found[task[0]] = result
            progress.advance(1)
            return []

        numbered = list(enumerate(tasks))
        make_executor("processes", None).run(_Numbered(function), numbered, on_result=keep)
    return [found[i] for i in range(len(tasks))]


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A function of the second of a pair."""

    function: Callable[[Any], Any]

    def __call__(self, task: tuple[int, Any]) -> Any:
        return self.function(task[1])


def over_models(values: Sequence[Sequence[float]]) -> list[dict[str, float]]:
    """Mean, standard deviation over models, and how far the mean may be off, of each figure.

    The last is 1.96 deviations over the root of the number of models. Models of one study share
    their pairs, so it says how sure the mean is for these pairs, not for others.
    """
    return [
        {
            "mean": round(float(column.mean()), 5),
            "deviation": round(float(column.std(ddof=1)), 5),
            "off": round(float(1.96 * column.std(ddof=1) / np.sqrt(len(column))), 5),
        }
        for column in np.array(values, dtype=np.float64).T
    ]
