"""Heads: what scores a pair of embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from facebone.errors import WeightsError
from facebone.plugin_checks import subclass_of
from facebone.registry import Registry
from facebone.settings import parse_settings
from facebone.verification.heads.base import Head, LearningHead
from facebone.verification.heads.fit_report import FitReport
from facebone.verification.heads.inside import Inside
from facebone.verification.heads.many import FitJob, logit_many
from facebone.verification.heads.people import PeopleHead
from facebone.verification.heads.probing import probe, probe_names
from facebone.verification.heads.soft import SoftHead, SoftJob
from facebone.verification.heads.views import Views

__all__ = [
    "ADAPTATIONS",
    "COMPOSED",
    "HEADS",
    "FitJob",
    "FitReport",
    "Head",
    "Inside",
    "LearningHead",
    "PeopleHead",
    "SoftHead",
    "SoftJob",
    "Views",
    "head_from_state",
    "head_kind",
    "logit_many",
    "make_head",
    "probe",
    "probe_names",
]

_HERE = "facebone.verification.heads"

HEADS: Registry[type[Head]] = Registry(
    "head",
    group="facebone.heads",
    check=subclass_of(Head),
    rivals=(f"{_HERE}:ADAPTATIONS", f"{_HERE}:COMPOSED"),
)
HEADS.add("cosine", "facebone.verification.heads.cosine:CosineHead")
HEADS.add("euclidean", "facebone.verification.heads.euclidean:EuclideanHead")
HEADS.add("logistic", "facebone.verification.heads.logistic:LogisticHead")
HEADS.add("quality", "facebone.verification.heads.quality:QualityHead")
HEADS.add("products", "facebone.verification.heads.products:ProductsHead")
HEADS.add("mlp", "facebone.verification.heads.mlp:MLPHead")

# They learn from pictures of known people instead of pairs, so they are asked for apart; the
# implementations lie beside this package, which imports nothing of theirs.
ADAPTATIONS: Registry[type[PeopleHead]] = Registry(
    "adaptation",
    group="facebone.adaptations",
    check=subclass_of(PeopleHead),
    rivals=(f"{_HERE}:HEADS", f"{_HERE}:COMPOSED"),
)
ADAPTATIONS.add("whitening", "facebone.verification.adaptation.whitening:WhiteningHead")
ADAPTATIONS.add("adapter", "facebone.verification.adaptation.adapter:AdapterHead")
ADAPTATIONS.add("fine_tuning", "facebone.verification.adaptation.fine_tuning:FineTuningHead")

# Heads that a mitigation composes of others: they cannot be asked for by name. They are named here
# because a saved verifier must load whether or not the program has imported mitigations; only the
# reference is here, so this package still imports nothing of theirs.
COMPOSED: Registry[type[Head]] = Registry(
    "composed head",
    group="facebone.composed_heads",
    check=subclass_of(Head),
    rivals=(f"{_HERE}:HEADS", f"{_HERE}:ADAPTATIONS"),
)
COMPOSED.add("facebone", "facebone.mitigations.multi_backbone.head:FaceBoneHead")
COMPOSED.add("facebone_people", "facebone.mitigations.multi_backbone.people_head:PeopleSplitHead")
COMPOSED.add("keyed_templates", "facebone.mitigations.keyed_templates.head:KeyedTemplatesHead")
COMPOSED.add("guarded", "facebone.mitigations.guards.head:GuardedHead")
COMPOSED.add("guarded_people", "facebone.mitigations.guards.people_head:GuardedPeopleHead")
COMPOSED.add("dp_sgd", "facebone.mitigations.dp.head:DPHead")
COMPOSED.add("selena", "facebone.mitigations.selena.head:SelenaHead")


def head_kind(name: str) -> type[Head]:
    """The class of a head or an adaptation.

    Raises:
        UnknownNameError: no such head.
    """
    return ADAPTATIONS.get(name) if name in ADAPTATIONS else HEADS.get(name)


def make_head(name: str, settings: Mapping[str, Any] | None = None, *, device: str = "cpu") -> Head:
    """An unfitted head by name.

    Args:
        name: a registered head or adaptation.
        settings: names and values; what is not named keeps its default.
        device: where it is fitted, ``cpu`` or ``cuda:N``.

    Raises:
        UnknownNameError: no such head, or no such setting.
        UsageError: a value is wrong.
    """
    kind = head_kind(name)
    parsed = parse_settings(kind.settings_type, settings or {}, owner=f"head {name}")
    return kind(parsed, device=device)


def head_from_state(
    config: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], *, device: str = "cpu"
) -> Head:
    """The head whose `Head.state` was saved.

    Raises:
        UnknownNameError: no such head, or no such setting.
        UsageError: a value is wrong.
        WeightsError: the state is incomplete, or its arrays do not fit.
    """
    missing = {"head", "settings", "dimensions"} - set(config)
    if missing:
        raise WeightsError(f"the saved state of a head lacks {', '.join(sorted(missing))}")
    name = str(config["head"])
    kind = COMPOSED.get(name) if name in COMPOSED else head_kind(name)
    return kind.from_state(config, arrays, device=device)
