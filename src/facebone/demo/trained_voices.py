"""The two verifiers of the demo, trained on the same half of the people, and who these are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facebone.audit.job_store import JobStore
from facebone.audit.level_material import make_material
from facebone.audit.settings import AuditSettings
from facebone.audit.target import train
from facebone.audit.trained_targets import target_recipe
from facebone.audit.unit_material import UnitMaterial, members_of
from facebone.data.dataset import Dataset
from facebone.data.splits import Level
from facebone.demo.settings import HARDENED, UNDEFENDED
from facebone.demo.voices import Voice
from facebone.verification.calibration import best_accuracy_threshold, calibrate_threshold
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.heads import Head, make_head
from facebone.verification.metrics import mismatched_needed
from facebone.verification.verifier import TrainingFacts, Verifier

FAR = 0.01
"""False accept rate at which thresholds are set, where there are enough control people for it."""

SPOKEN = {UNDEFENDED: ("Undefended", "undefended"), HARDENED: ("FaceBone", "hardened")}
"""Mitigation -> its verifier's name for people, and its kind; see `Voice`."""


def train_voices(
    folder: Path,
    settings: AuditSettings,
    dataset: Dataset,
    engine: EmbeddingEngine,
    store: JobStore,
    *,
    device: str,
) -> tuple[list[str], list[str]]:
    """Train the verifiers that the audit attacked at the level of people, and save them.

    Each backbone alone, by its cosine, is saved beside them. Thresholds are set on control people,
    of whom no verifier learns.

    Args:
        folder: a verifier is saved in a folder of its own in it.
        settings: of the audit.
        dataset: people and pictures.
        engine: of the audit.
        store: of the audit: the candidates in it are the very same.
        device: where heads are trained, resolved.

    Returns:
        Names of the people who are members, and of those who are not.
    """
    level = make_material(Level.IDENTITY, settings, dataset, engine, store, with_changed=False)
    material, seed = level.material, settings.repeats[0]
    if not isinstance(material, UnitMaterial):  # the level says that it is
        raise TypeError(material)
    _, rows, member = members_of(material, seed=seed)
    learnt = material.training.take(rows)
    fitted: list[tuple[str, str, Head, tuple[int, ...], int]] = []
    for spec in settings.mitigations:
        recipe = target_recipe(spec, settings, material.backbones, device)
        head, columns = train(recipe, material, learnt, seed=seed)
        fitted.append((spec, recipe.mitigation, head, columns, len(learnt)))
    fitted += [
        (_alone(column), UNDEFENDED, make_head("cosine"), (column,), 0)
        for column in range(len(material.backbones))
    ]
    for name, mitigation, head, columns, pairs in fitted:
        threshold, far = _threshold(head, material, columns)
        Verifier(
            routes=tuple(engine.routes[column].describe() for column in columns),
            dimensions=tuple(material.matrices[column].shape[1] for column in columns),
            head=head,
            threshold=threshold,
            target_far=far,
            training=TrainingFacts(dataset.name, dataset.fingerprint, seed, mitigation, pairs),
        ).save(folder / name)
    people, candidate = material.names, ~material.control_units
    return (
        sorted({str(name) for name in people[member]}),
        sorted({str(name) for name in people[candidate & ~member]}),
    )


def load_voices(folder: Path, routes: Sequence[str]) -> tuple[Voice, ...]:
    """The verifiers that `train_voices` saved: undefended, hardened, then each backbone alone.

    Args:
        folder: of theirs.
        routes: names of the backbones, in order.

    Raises:
        UsageError, WeightsError: see `Verifier.load`.
    """
    voices = [
        Voice.of(*SPOKEN[mitigation], Verifier.load(folder / mitigation), routes)
        for mitigation in SPOKEN
    ]
    voices += [
        Voice.of(name, "backbone", Verifier.load(folder / _alone(column)), routes)
        for column, name in enumerate(routes)
    ]
    return tuple(voices)


def _alone(column: int) -> str:
    return f"backbone-{column}"


def _threshold(
    head: Head, material: UnitMaterial, columns: tuple[int, ...]
) -> tuple[float, float | None]:
    """On pairs of control people: at `FAR` if there are enough, else of best accuracy."""
    control = material.control_pairs()
    scores = head.score(material.embedded(control, columns))
    if int((~control.same).sum()) >= mismatched_needed(FAR):
        return calibrate_threshold(scores, control.same, far=FAR), FAR
    return best_accuracy_threshold(scores, control.same), None
