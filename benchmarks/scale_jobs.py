"""The jobs of the study of scale: an audit at the level of people over simulated embeddings.

Times are the processor's: what else the machine does is no matter.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import scale_people as people_of
from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Floats
from facebone.audit.gallery import Gallery
from facebone.audit.plan import Job, JobFunction, Result
from facebone.audit.shadow_heads import pack, unpack
from facebone.audit.shadows import AT_ONCE, train_shadows
from facebone.audit.statistics import measure_leak
from facebone.audit.target import TargetRecipe, observe, train
from facebone.audit.unit_material import UnitMaterial, members_of
from facebone.audit.unit_means import UnitMeans
from facebone.data.pairs import Pairs
from facebone.data.splits import Level
from facebone.data.store import DiskSpace
from facebone.seeding import make_rng
from facebone.verification.heads import LearningHead

Settings = Mapping[str, Any]
Inputs = Mapping[str, Result]

BACKBONE = "simulated"
RECIPE = TargetRecipe(
    "none", "none", head="mlp", head_settings={"layers": [64, 32], "batch_norm": [], "epochs": 30}
)
TRAINED = 5
"""Pictures of a person that may be trained on; the others are asked about."""

POOL = 800
"""People of whom target and shadows train on a half each, at most: the pairs are bounded."""

STRANGERS = 4
"""Pictures of others that each picture is asked about with."""

PROBES = people_of.PICTURES - TRAINED
QUESTIONS = PROBES * (PROBES - 1) // 2 + PROBES * STRANGERS
"""About each person."""

AT_A_TIME = 250
"""People whose questions are in memory together."""


def plan(people: int, place: str) -> list[Job]:
    """All jobs over so many people whose embeddings are kept at a place."""
    shards = range(-(-people // people_of.SHARD))
    common: dict[str, Any] = {"people": people, "place": place}
    fills = [Job(f"fill {i}", fill, {**common, "shard": i}) for i in shards]
    material = Job("material", draw, common, tuple(job.name for job in fills))
    target = Job("target", train_target, common, ("material",))
    shadows = Job("shadows", train_batch, common, ("material",))
    asks = [Job(f"ask {i}", ask, {**common, "shard": i}, ("material", "target")) for i in shards]
    leak = Job("leak", measure, common, tuple(job.name for job in asks))
    return [*fills, material, target, shadows, *asks, leak]


def timed(function: JobFunction) -> JobFunction:
    """A job that tells its processor time too, and the most memory that its process has held."""

    @wraps(function)
    def run(settings: Settings, inputs: Inputs) -> Result:
        began = time.process_time()
        found = function(settings, inputs)
        more = {"cpu": time.process_time() - began, "peak": peak_memory()}
        return Result({**found.values, **more}, found.arrays)

    return run


@timed
def fill(settings: Settings, inputs: Inputs) -> Result:
    """Simulate a shard and store it."""
    del inputs
    people, shard = settings["people"], settings["shard"]
    made, keys = people_of.embeddings_of(people, shard), people_of.keys_of_shard(people, shard)
    began = time.process_time()
    _space(settings).append(keys, made)
    return Result({"append": time.process_time() - began})


@timed
def draw(settings: Settings, inputs: Inputs) -> Result:
    """Draw whom targets may train on from all people, and read their embeddings."""
    del inputs
    people = settings["people"]
    rng = make_rng(0, "pool")
    pool = np.sort(rng.choice(people, min(POOL, people * 4 // 5), replace=False))
    person = np.repeat(pool, TRAINED)
    began = time.process_time()
    rows = _space(settings).scan(people_of.keys_of(person, np.tile(np.arange(TRAINED), len(pool))))
    reading = time.process_time() - began
    names = pool.astype(np.str_)
    first = np.arange(len(pool)) * TRAINED
    a, b = np.triu_indices(TRAINED, k=1)
    left = [(first[:, None] + a).ravel()]
    right = [(first[:, None] + b).ravel()]
    matched = left[0].size
    # Three for one, since both people of a mismatched pair must be members.
    sides = rng.integers(0, len(rows), size=(2, 3 * matched))
    sides = sides[:, sides[0] // TRAINED != sides[1] // TRAINED]
    left.append(sides[0])
    right.append(sides[1])
    pairs = Pairs(
        np.concatenate(left), np.concatenate(right), np.arange(matched + sides.shape[1]) < matched
    )
    units = np.stack([pairs.left // TRAINED, pairs.right // TRAINED], axis=1)
    material = UnitMaterial(
        backbones=(BACKBONE,),
        matrices=(rows,),
        ids=np.arange(len(rows)).astype(np.str_),
        people=person.astype(np.str_),
        level=Level.IDENTITY,
        names=names,
        person=names,
        strata=np.zeros(len(pool), dtype=np.intp),
        control_units=np.zeros(len(pool), dtype=np.bool_),
        training=pairs,
        training_units=units,
        questions=pairs.take(np.arange(0)),
        asked=np.empty((0, 3), dtype=np.intp),
    )
    facts, arrays = material.to_arrays()
    return Result({**facts, "scan": reading}, arrays)


@timed
def train_target(settings: Settings, inputs: Inputs) -> Result:
    """One target, and whom it was trained on."""
    del settings
    material = _material(inputs)
    _, rows, member = members_of(material, seed=0)
    began = time.process_time()
    head, _ = train(RECIPE, material, material.training.take(rows), seed=0)
    facts, arrays = pack([head])
    seconds = time.process_time() - began
    members = material.names[member].astype(np.intp)
    return Result({**facts, "train": seconds, "pairs": len(rows)}, {**arrays, "members": members})


@timed
def train_batch(settings: Settings, inputs: Inputs) -> Result:
    """A batch of shadows, for what they cost."""
    del settings
    began = time.process_time()
    heads = train_shadows(RECIPE, _material(inputs), seed=0, numbers=range(AT_ONCE))
    facts, arrays = pack(heads)
    return Result({**facts, "train": time.process_time() - began}, arrays)


@timed
def ask(settings: Settings, inputs: Inputs) -> Result:
    """Ask the target about everybody in a shard, and score them by an attack on scores."""
    people, shard = settings["people"], settings["shard"]
    count = people_of.shard_size(people, shard)
    began = time.process_time()
    rows = _space(settings).scan(people_of.keys_of_shard(people, shard))
    reading = time.process_time() - began
    began = time.process_time()
    person = np.repeat(np.arange(count), people_of.PICTURES).astype(np.str_)
    gallery = Gallery((BACKBONE,), (rows,), np.arange(len(rows)).astype(np.str_), person)
    packed = inputs["target"]
    arrays = {name: array for name, array in packed.arrays.items() if name != "members"}
    (head,) = unpack(RECIPE, _material(inputs), packed.values, arrays)
    pairs, unit = _questions(count, make_rng(0, "questions", shard))
    scores = np.concatenate(
        [
            _score(head, gallery, pairs.take(np.flatnonzero(unit // AT_A_TIME == block)))
            for block in range(-(-count // AT_A_TIME))
        ]
    )
    return Result(
        {"scan": reading, "ask": time.process_time() - began, "questions": len(pairs)},
        {
            "scores": scores.astype(np.float32),
            "member": np.isin(shard * people_of.SHARD + np.arange(count), packed.arrays["members"]),
        },
    )


@timed
def measure(settings: Settings, inputs: Inputs) -> Result:
    """The leak over all people."""
    del settings
    began = time.process_time()
    scores = np.concatenate([one.arrays["scores"] for one in inputs.values()]).astype(np.float64)
    member = np.concatenate([one.arrays["member"] for one in inputs.values()])
    leak = measure_leak(
        scores, None, member, np.ones(len(member), dtype=np.bool_), None, seed=0, replicates=200
    )
    return Result({"leak": leak.to_json(), "measure": time.process_time() - began})


def peak_memory() -> int:
    """Bytes that this process has held at most.

    Not `getrusage`: what it tells of a process that was just started is its parent's peak.
    """
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024


def _score(head: LearningHead, gallery: Gallery, pairs: Pairs) -> Floats:
    """The attack's scores of the people that these questions are about, the same number each."""
    everyone = np.ones(len(pairs), dtype=np.bool_)
    observed = observe(head, gallery, pairs, (0,), known=everyone, channels=(), seed=0)
    unit = np.arange(len(pairs)) // QUESTIONS
    means = UnitMeans(np.arange(len(pairs)), unit, pairs.same)
    return ATTACKS.make("loss_threshold").score(means.of(observed, None))


def _questions(
    count: int, rng: np.random.Generator
) -> tuple[Pairs, np.ndarray[Any, np.dtype[np.intp]]]:
    """A person's pictures that nobody trains on among each other, and each with others' ones."""
    probes = np.arange(TRAINED, people_of.PICTURES)
    a, b = np.triu_indices(len(probes), k=1)
    left, right = np.append(probes[a], np.repeat(probes, STRANGERS)), probes[b]
    first = np.arange(count) * people_of.PICTURES
    strangers = len(probes) * STRANGERS
    others = (np.arange(count)[:, None] + rng.integers(1, count, size=(count, strangers))) % count
    theirs = others * people_of.PICTURES + rng.choice(probes, size=others.shape)
    pairs = Pairs(
        (first[:, None] + left).ravel(),
        np.concatenate([first[:, None] + right, theirs], axis=1).ravel(),
        np.tile(np.arange(len(left)) < len(right), count),
    )
    return pairs, np.repeat(np.arange(count), len(left))


def _space(settings: Settings) -> DiskSpace:
    return DiskSpace(settings["place"], people_of.DIMENSION)


def _material(inputs: Inputs) -> UnitMaterial:
    made = inputs["material"]
    return UnitMaterial.from_arrays(made.values, made.arrays)
