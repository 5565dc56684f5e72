"""The checks of a part of each kind, from what an entry point names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from facebone.attacks.attack import Attack, Goal
from facebone.backbones.plugged import PluggedBackbone
from facebone.backbones.runtimes import RUNTIMES, Loader, Settings
from facebone.data.dataset import DatasetLoader
from facebone.mitigations.base import Mitigation
from facebone.settings import parse_settings
from facebone.testing.adaptations import ADAPTATION
from facebone.testing.adaptations_world import AdaptationSubject
from facebone.testing.attributes import ATTRIBUTES
from facebone.testing.backbones import BACKBONE, BackboneSubject
from facebone.testing.contract import Check, Contract, run_all
from facebone.testing.datasets import DATASET, DatasetSubject
from facebone.testing.declared import AttackSubject
from facebone.testing.defences import DEFENCE, DefenceSubject
from facebone.testing.extraction import EXTRACTION
from facebone.testing.heads import HEAD
from facebone.testing.heads_inside import INSIDE
from facebone.testing.heads_many import MANY, MANY_ALONE
from facebone.testing.heads_world import HeadSubject
from facebone.testing.linkage import LINKAGE
from facebone.testing.membership import MEMBERSHIP
from facebone.testing.reconstruction import RECONSTRUCTION
from facebone.verification.heads import Head, PeopleHead

_OF_GOAL: dict[Goal, Contract[Any]] = {
    Goal.MEMBERSHIP: MEMBERSHIP,
    Goal.RECONSTRUCTION: RECONSTRUCTION,
    Goal.EXTRACTION: EXTRACTION,
    Goal.ATTRIBUTES: ATTRIBUTES,
    Goal.LINKAGE: LINKAGE,
}


def attack_checks(
    kind: type[Attack],
    *,
    settings: Mapping[str, Any] | None = None,
    finds: Mapping[str, Any] | None = None,
    least: float | None = None,
    cites: bool = True,
) -> list[Check]:
    """The checks of an attack of any goal.

    Args:
        kind: the class.
        settings: names and plain values that make it quick.
        finds: more settings, for checks that it finds what is planted.
        least: how much of a planted leak it must find, where that is less than its goal asks of
            all: an AUC, or a share of people.
        cites: whether its docstring must name the papers that it is taken from.
    """
    subject = AttackSubject(kind, settings or {}, finds or {}, least, cites)
    return _OF_GOAL[kind.goal].checks(subject)


def defence_checks(
    kind: type[Mitigation], *, settings: Mapping[str, Any] | None = None
) -> list[Check]:
    """The checks of a defence.

    Args:
        kind: the class.
        settings: names and plain values that ease it until it learns from a few hundred pairs.
    """
    return DEFENCE.checks(DefenceSubject(kind, settings or {}))


def head_checks(kind: type[Head], *, settings: Mapping[str, Any] | None = None) -> list[Check]:
    """The checks of a head, or of an adaptation.

    Args:
        kind: the class.
        settings: names and plain values that make it quick.
    """
    if issubclass(kind, PeopleHead):
        return ADAPTATION.checks(adaptation_subject(kind, settings or {}))
    subject = HeadSubject.of(kind, settings or {})
    contracts = (HEAD, INSIDE, MANY, MANY_ALONE)
    return [check for contract in contracts for check in contract.checks(subject)]


def adaptation_subject(
    kind: type[PeopleHead], settings: Mapping[str, Any], **known: Any
) -> AdaptationSubject:
    """An adaptation under quick settings, and what is known of it."""

    def unfitted() -> PeopleHead:
        return kind(parse_settings(kind.settings_type, settings, owner=f"head {kind.name}"))

    return AdaptationSubject(kind.name, unfitted, **known)


def backbone_checks(describe: PluggedBackbone, *, runtime: Loader | None = None) -> list[Check]:
    """The checks of a backbone.

    Args:
        describe: gives its facts, and where its weights are.
        runtime: loads them; by default the one that the facts name.
    """
    spec, path = describe()

    def load() -> Any:
        loader = runtime or RUNTIMES.get(spec.runtime)
        return loader(spec, path, Settings(device="cpu", threads=1))

    return BACKBONE.checks(BackboneSubject(spec.name, load))


def dataset_checks(name: str, load: DatasetLoader, root: Path | None = None) -> list[Check]:
    """The checks of a data set.

    Args:
        name: that it is asked for by.
        load: opens it.
        root: an example of it, with a few pictures; None where it needs none.
    """
    return DATASET.checks(DatasetSubject(name, load, root))


def _running(checks: Callable[..., list[Check]]) -> Callable[..., None]:
    def check(*arguments: Any, **named: Any) -> None:
        run_all(checks(*arguments, **named))

    check.__name__ = f"check_{checks.__name__.removesuffix('_checks')}"
    check.__doc__ = (
        f"Run `{checks.__name__}` of the same arguments.\n\n"
        "    Raises:\n        ContractError: the first check that does not hold.\n    "
    )
    return check


check_attack = _running(attack_checks)
check_defence = _running(defence_checks)
check_head = _running(head_checks)
check_backbone = _running(backbone_checks)
check_dataset = _running(dataset_checks)
