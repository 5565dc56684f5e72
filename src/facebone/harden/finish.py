"""The recommended verifier: trained on the whole data set, as `facebone train` trains one."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from facebone.audit.schema import UtilityFigures
from facebone.audit.target import TargetRecipe
from facebone.data.dataset import Dataset
from facebone.data.sampling import count_pairs
from facebone.errors import DatasetError, UsageError
from facebone.files import storage_errors
from facebone.harden.schema import VerifierFacts
from facebone.harden.settings import HardenSettings
from facebone.mitigations.base import CHAINED, MITIGATIONS, make_mitigation
from facebone.verification.adapted_training import train_adapted
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.heads import PeopleHead
from facebone.verification.metrics import mismatched_needed
from facebone.verification.training import train_verifier
from facebone.verification.training_parts import PARTS, split_people
from facebone.verification.verifier_folder import check_target

VERIFIER_FOLDER = "verifier"
KEY_BYTES = 16


def check_can_train(dataset: Dataset, *, target_far: float, seed: int) -> None:
    """Refuse a data set of which the recommended verifier could not be trained in the end.

    Raises:
        DatasetError: too few people or pictures to set a threshold at this false accept rate.
        UsageError: a rate that is none.
    """
    needed = mismatched_needed(target_far)
    for name, part in zip(PARTS[1:], split_people(dataset, seed)[1:], strict=True):
        possible = count_pairs(dataset, positions=part)
        if possible.matched < 1 or possible.mismatched < needed:
            raise DatasetError(
                f"the {name} part can form {possible.matched} matched and {possible.mismatched} "
                f"mismatched pairs, and needs 1 and {needed}",
                where=dataset.name,
                hint="bring more people with two pictures or more, or ask for a larger --far",
            )


def train_recommended(
    recipe: TargetRecipe,
    settings: HardenSettings,
    dataset: Dataset,
    engine: EmbeddingEngine,
    folder: Path,
    *,
    target_far: float,
) -> tuple[VerifierFacts, bool]:
    """Train a verifier by a recipe on 60 % of all people, and save it.

    Where the defence has a secret key, a fresh one is drawn: one that follows from the seed is good
    for audits, which must repeat, and for nothing else.

    Args:
        recipe: of the verifier.
        settings: of the hardening.
        dataset: the whole one.
        engine: with all backbones.
        folder: to save to.
        target_far: false accept rate at which the threshold is set.

    Returns:
        What is known of it, and whether a key was drawn.

    Raises:
        DatasetError, StorageError: see `train_verifier` and `Verifier.save`.
    """
    columns = recipe.columns(tuple(route.backbone.spec.name for route in engine.routes))
    routes = [engine.routes[column] for column in columns]
    names = tuple(route.backbone.spec.name for route in routes)
    given, keyed = with_key(recipe, names)
    defence = make_mitigation(recipe.mitigation, given)
    head = defence.protect(recipe.head, recipe.head_settings, backbones=names, device=recipe.device)
    common: dict[str, Any] = {
        "seed": settings.seed,
        "target_far": target_far,
        "limit": settings.pairs,
        "copies": "drop",
        "mitigation": defence.spec(),
    }
    own = engine.along(routes)
    if isinstance(head, PeopleHead):
        trained = train_adapted(dataset, own, head, pictures=settings.training_pictures, **common)
    else:
        trained = train_verifier(dataset, own, head, **common)
    trained.verifier.save(folder)
    facts = VerifierFacts(
        folder=folder.name,
        threshold=trained.verifier.threshold,
        target_far=target_far,
        utility=UtilityFigures.model_validate(trained.utility.to_json()),
    )
    return facts, keyed


def remove_earlier(folder: Path) -> None:
    """Remove a verifier of an earlier run, which is recommended no longer.

    Raises:
        StorageError: the folder holds something else, or cannot be removed.
    """
    check_target(folder)
    with storage_errors(folder):
        if folder.exists():
            shutil.rmtree(folder)


def with_key(recipe: TargetRecipe, backbones: tuple[str, ...]) -> tuple[Mapping[str, Any], bool]:
    """Settings of a recipe's mitigation with fresh keys where it takes some and was given none.

    Returns:
        The settings, and whether a key was drawn.
    """
    found, keyed = dict(recipe.settings), False
    names = recipe.mitigation.split(CHAINED)
    for name in names:
        for field in fields(MITIGATIONS.get(name).settings_type):
            setting = field.name if len(names) == 1 else f"{name}.{field.name}"
            if not field.metadata.get("secret") or found.get(setting) is not None:
                continue
            tried = found | {setting: secrets.token_hex(KEY_BYTES)}
            try:
                make_mitigation(recipe.mitigation, tried).protect(
                    recipe.head, recipe.head_settings, backbones=backbones
                )
            except UsageError:  # under these settings it has no key
                continue
            found, keyed = tried, True
    return found, keyed
