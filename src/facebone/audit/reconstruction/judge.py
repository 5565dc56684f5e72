"""The judge: a recogniser that no target and no attack uses."""

from __future__ import annotations

from collections.abc import Sequence

from facebone.backbones.base import BackboneSpec
from facebone.backbones.views import parse_view
from facebone.backbones.zoo import Zoo
from facebone.errors import UsageError
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import Route, open_routes

SYNTHETIC = "synthetic"


def choose_judge(name: str | None, backbones: Sequence[str], data: str) -> str:
    """The backbone that judges.

    Args:
        name: as asked for; None for the best one at hand.
        backbones: of the targets, cut or seen through views or not.
        data: name of the data set: on synthetic faces those judge that were trained on such.

    Raises:
        UnknownNameError: no such backbone.
        UsageError: a target uses it, or there is no other.
    """
    zoo = Zoo()
    used = [zoo.find(_plain(one)).spec for one in backbones]
    if name is not None:
        if any(_one_network(zoo.find(_plain(name)).spec, spec) for spec in used):
            raise UsageError(
                f"{name} is a backbone of the targets, which an attack may have used",
                where="--judge",
                hint="name another",
            )
        return name
    fit = [
        entry.spec
        for entry in zoo
        if entry.ready
        and (entry.origin == "shipped") == (data == SYNTHETIC)
        and not any(_one_network(entry.spec, spec) for spec in used)
    ]
    # Crops are made for the targets' template: another recogniser would miss what lies outside.
    like = [spec for spec in fit if _family(spec) == _family(used[0])]
    if not fit:
        raise UsageError(
            "no backbone is left to judge reconstructions by",
            where="--judge",
            hint="bring one that no target uses; see `facebone backbones list`",
        )
    return (like or fit)[0].name


def _one_network(one: BackboneSpec, other: BackboneSpec) -> bool:
    """Whether they are the same weights, perhaps in files of two formats."""
    if one.name == other.name:
        return True
    facts = [(spec.source, spec.architecture, spec.training_data) for spec in (one, other)]
    return bool(one.source) and facts[0] == facts[1]


def _family(spec: BackboneSpec) -> str:
    return spec.template.partition("-")[0]


def open_judge(name: str, engine: EmbeddingEngine, *, device: str, trust: bool = False) -> Route:
    """The judge's route, pictures prepared as those of an engine are."""
    like = engine.routes[0].preparation
    (route,) = open_routes(
        [name],
        alignment=like.alignment,
        detector="auto",
        choose=like.choose,
        missing=like.missing,
        device=device,
        trust=trust,
    )
    return route


def _plain(name: str) -> str:
    """The backbone of which a name may be a view or a cut."""
    viewed = parse_view(name)
    return (viewed[0] if viewed else name).partition("@")[0]
