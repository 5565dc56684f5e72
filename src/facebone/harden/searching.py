"""The search half of a hardening: embedded once, and searched within the time given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from facebone.audit.job_store import JobStore
from facebone.audit.level_material import LevelMaterial, make_material
from facebone.audit.material import Material
from facebone.audit.names import UNDEFENDED
from facebone.audit.plan import run_plan
from facebone.data.dataset import Dataset
from facebone.data.splits import Level
from facebone.data.variants import VARIANTS
from facebone.harden.front import leak_of, on_front
from facebone.harden.hardening import Hardening
from facebone.harden.report import make_trials
from facebone.harden.rings import Rings
from facebone.harden.schema import Trial
from facebone.harden.search import Limits, Search
from facebone.harden.settings import CONFIRMED, guards_answers
from facebone.harden.space import make_space
from facebone.harden.study import Record
from facebone.progress import ProgressFactory
from facebone.scale.executor import SerialExecutor

LEAST_SHARE = 0.2
"""Of the time that the confirmation gets at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """What a search found.

    Args:
        trials: that were measured.
        refused: what was picked and could not be measured, and why.
        seconds: that it took.
        pairs: candidates; at the level of people, pairs to train on.
    """

    trials: list[Trial]
    refused: dict[str, str]
    seconds: float
    pairs: int


def search_half(
    asked: Hardening,
    half: Dataset,
    out: Path,
    store: JobStore,
    progress: ProgressFactory,
    tell: Callable[[str], None],
) -> Searched:
    """Measure recipes on the half that is given: no other picture is looked at.

    Args:
        asked: what is to be done.
        half: the search half.
        out: the folder.
        store: of the folder.
        progress: of the search.
        tell: told lines for people.

    Raises:
        DatasetError: too few people or pictures.
        UsageError: the undefended verifier cannot be measured.
    """
    settings = asked.settings
    level = make_material(
        settings.level,
        settings.audit((UNDEFENDED,), settings.quick_attacks, seed=settings.seed),
        half,
        asked.engine,
        store,
        with_changed=False,
    )
    made = run_plan(level.jobs, store, SerialExecutor())
    rings = Rings(
        asked.make,
        made.keys[level.source],
        settings.models,
        settings.seed,
        settings.quick_attacks,
        store,
    )
    space = make_space(
        asked.names,
        settings.heads,
        learnt=settings.learnt,
        make=asked.make,
        head_settings=settings.head_settings,
    )
    record = Record(out, space, seed=settings.seed)
    embedding = made[level.source].seconds
    limits = Limits(
        asked.minutes * 60 - embedding,
        lambda: _reserve(asked, rings, record, embedding),
        asked.trials,
    )
    with progress("searching, seconds of the time given", int(asked.minutes * 60)) as bar:

        def on_batch(seconds: float) -> None:
            bar.advance(round(seconds))
            tell(f"{len(record.measured())} recipes measured, {record.spent:.0f} s")

        Search(record, rings, limits, on_batch).run(asked.executor)
    measured = {name: rings.load(name) for name in _every(record)}
    trials = make_trials(measured, record.numbers(), asked.make, asked.names, asked.rule)
    refused = record.refused()
    refused |= {name: str(rings.load(name).refused) for name in record.given_up()}
    return Searched(trials, refused, record.spent, _pairs(level))


def _every(record: Record) -> list[str]:
    """Names of all that was measured, the undefended one among them even if it was refused."""
    names = record.measured()
    return names if UNDEFENDED in names else [UNDEFENDED, *names]


def _reserve(asked: Hardening, rings: Rings, record: Record, embedding: float) -> float:
    """Seconds that the confirmation will need, guessed from the rings so far.

    A target of it takes its shadows, and a target and one of other people for each repeat: models,
    as a ring is of models. Other pictures are embedded, and where answers may be guarded the
    changed ones that label-only attacks ask about.
    """
    names = record.measured()
    if not names:
        return 0.0
    settings = asked.settings
    guarded = any(guards_answers(name) for name in _front(rings, names))
    ring = sum(rings.load(name).seconds for name in names) / len(names)
    models = settings.shadows + 2 * settings.seeds
    targets = (1 + CONFIRMED) * models / settings.models * ring / asked.workers
    versions = 1 + (len(VARIANTS) if guarded and settings.level is Level.PAIR else 0)
    return max(targets + versions * embedding, LEAST_SHARE * asked.minutes * 60)


def _front(rings: Rings, names: Sequence[str]) -> list[str]:
    """Those of the measured recipes that no other beats: who is confirmed is one of them."""
    measured = {name: rings.load(name).ring for name in names}
    found = {name: ring for name, ring in measured.items() if ring is not None}
    front = on_front(
        [ring.accuracy.mean for ring in found.values()],
        [leak_of(ring.strongest.auc.mean) for ring in found.values()],
    )
    return [name for name, first in zip(found, front, strict=True) if first]


def _pairs(level: LevelMaterial) -> int:
    material = level.material
    return len(material.pool if isinstance(material, Material) else material.training)
