"""Routes: which backbones a verifier uses, and how pictures are prepared for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facebone.backbones.base import Backbone
from facebone.data.faces.prepare import Preparation, plan_preparation
from facebone.errors import UsageError, WeightsError


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A backbone and the way pictures are prepared for it.

    Args:
        backbone: the network.
        preparation: detection and alignment to the template the network asks for.
    """

    backbone: Backbone
    preparation: Preparation

    def describe(self) -> dict[str, str]:
        """The facts a saved verifier keeps, from which `reopen_routes` makes the route again."""
        return {
            "backbone": self.backbone.spec.name,
            "weights_hash": self.backbone.weights_hash,
            "alignment": self.preparation.alignment,
            "detector": self.preparation.detector,
            "choose": self.preparation.choose,
        }


def open_routes(
    names: Sequence[str],
    *,
    alignment: str = "five-point",
    detector: str = "auto",
    choose: str = "centre",
    missing: str = "error",
    device: str = "auto",
    trust: bool = False,
) -> tuple[Route, ...]:
    """Load backbones and decide how pictures are prepared for each.

    Args:
        names: names of the zoo, or paths to weights that were described.
        alignment: ``five-point``, or ``none`` to resize the whole picture.
        detector: a registered detector, a path to a YuNet file, or ``auto``: what the backbone
            was published with, else the best one at hand.
        choose: which face counts where there are several: ``centre``, ``largest`` or ``only``.
        missing: what to do where no face is found: ``error``, or ``centre`` to guess its place.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        trust: run TorchScript programs, which may do anything.

    Raises:
        UsageError: a name or setting is unknown, or a backbone is named twice.
        MissingPartError: a backbone or a detector is not at hand.
        WeightsError: weights are damaged.
    """
    from facebone.backbones.zoo import load_backbone

    if not names:
        raise UsageError(
            "name at least one", where="backbone", hint="see 'facebone backbones list'"
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise UsageError(f"{repeated[0]!r} is named twice", where="backbone", hint="name it once")
    routes = []
    for name in names:
        backbone = load_backbone(name, device=device, trust=trust)
        preparation = plan_preparation(
            backbone.spec.template,
            alignment=alignment,
            detector=backbone.spec.detector if detector == "auto" else detector,
            choose=choose,
            missing=missing,
        )
        routes.append(Route(backbone, preparation))
    return tuple(routes)


def reopen_routes(
    descriptions: Sequence[Mapping[str, str]],
    *,
    choose: str | None = None,
    device: str = "auto",
    trust: bool = False,
) -> tuple[Route, ...]:
    """Open the routes that `Route.describe` described.

    Args:
        descriptions: one a backbone.
        choose: another choice of the face than the one described.
        device: see `open_routes`.
        trust: see `open_routes`.

    Raises:
        WeightsError: a backbone of that name has other weights now.
    """
    routes: list[Route] = []
    for facts in descriptions:
        (route,) = open_routes(
            [facts["backbone"]],
            alignment=facts["alignment"],
            detector=facts["detector"],
            choose=choose or facts["choose"],
            device=device,
            trust=trust,
        )
        if route.backbone.weights_hash != facts["weights_hash"]:
            raise WeightsError(
                f"the weights have hash {route.backbone.weights_hash[:12]}.., the verifier was "
                f"made with {facts['weights_hash'][:12]}..",
                where=facts["backbone"],
                hint="bring back those weights or train the verifier anew",
            )
        routes.append(route)
    return tuple(routes)
