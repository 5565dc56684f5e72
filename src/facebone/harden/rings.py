"""The rings of a search: one a recipe, kept in the folder, so that none is measured twice."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache

from facebone.audit.environment import with_code
from facebone.audit.job_store import JobStore, Result
from facebone.audit.material import Material
from facebone.audit.target import TargetRecipe
from facebone.audit.unit_material import UnitMaterial
from facebone.errors import FaceBoneError
from facebone.harden.ring import Ring, measure_ring
from facebone.harden.time_limit import TooLongError, time_limit
from facebone.scale.executor import ATTEMPTS
from facebone.scale.shelves import Place


@dataclass(frozen=True, slots=True)
class RingTask:
    """A ring as a worker gets it.

    Args:
        key: of its result.
        recipe: of every model.
        material: key of the candidates.
        models: how many.
        seed: of halves and training.
        attacks: specs.
        store: of the material and the results.
        limit: seconds after which it is given up; None for no limit.
    """

    key: str
    recipe: TargetRecipe
    material: str
    models: int
    seed: int
    attacks: tuple[str, ...]
    store: JobStore
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of a recipe.

    Args:
        ring: what its models show; None where they cannot be trained or attacked.
        refused: why not.
        seconds: that it took.
    """

    ring: Ring | None
    refused: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Rings:
    """Rings on one material.

    Args:
        make: from the words of a target to its recipe.
        material: key of the candidates in the store.
        models: of each ring.
        seed: of halves and training.
        attacks: specs.
        store: of the folder.
    """

    make: Callable[[str], TargetRecipe]
    material: str
    models: int
    seed: int
    attacks: tuple[str, ...]
    store: JobStore

    def task(self, name: str, *, limit: float | None = None) -> RingTask:
        """The work of a target's ring; its key stands for all that the result depends on.

        Args:
            name: words of the target.
            limit: seconds after which it is given up.
        """
        recipe = self.make(name)
        described = with_code(
            {
                "recipe": asdict(recipe),
                "material": self.material,
                "models": self.models,
                "seed": self.seed,
                "attacks": list(self.attacks),
            }
        )
        digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
        readable = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60]
        return RingTask(
            f"ring-{readable}-{digest}",
            recipe,
            self.material,
            self.models,
            self.seed,
            self.attacks,
            self.store,
            limit,
        )

    def has(self, name: str) -> bool:
        """Whether a target's ring is measured."""
        return self.store.has(self.task(name).key)

    def load(self, name: str) -> Measured:
        """What became of a target that is measured.

        Raises:
            StorageError: it is not, or the result was changed.
        """
        result = self.store.load(self.task(name).key)
        refused = result.values.get("refused")
        ring = None if refused is not None else Ring.from_json(result.values)
        return Measured(ring, refused, result.seconds)


def run_ring(task: RingTask) -> None:
    """Measure a ring where this is called, and keep what it shows."""
    began = time.perf_counter()
    try:
        with time_limit(task.limit):
            values = measure_ring(
                task.recipe,
                _material(task.store.place, task.material),
                models=task.models,
                seed=task.seed,
                attacks=task.attacks,
            ).to_json()
    except TooLongError:
        values = {"refused": f"not done in {task.limit:.0f} s, a quarter of the time that was left"}
    except FaceBoneError as error:
        # One recipe that cannot be trained is no reason to give up the others.
        values = {"refused": str(error)}
    task.store.save(task.key, Result(values, seconds=time.perf_counter() - began))


def give_up_ring(task: RingTask) -> None:
    """Keep that a ring crashed its process each time, so that the search goes on without it."""
    refused = {"refused": f"ended its process each of {ATTEMPTS} times"}
    task.store.save(task.key, Result(refused))


@lru_cache(maxsize=1)
def _material(place: Place, key: str) -> Material | UnitMaterial:
    made = JobStore(place).load(key)
    kind = UnitMaterial if "level" in made.values else Material
    return kind.from_arrays(made.values, made.arrays)
