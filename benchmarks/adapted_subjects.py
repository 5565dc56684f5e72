"""The recipes that `adapted_study` trains and attacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

A, B = "mobilefacenet_ms1m_a", "mobilefacenet_ms1m_b"
NAMES = {(A,): "a", (B,): "b", (A, B): "a + b"}

AT_ONCE = 8
MODELS, MANY = 16, 64

ATTACKS = (
    "loss_threshold",
    "loss_threshold:ask=gain",
    "lira",
    "lira:ask=among",
    "rmia:ask=among",
    "set_likelihood",
)
LEARNT = ("set_classifier",)
"""They take long: tried on a few models, with all probes."""
INSIDE = ("template_probing", "white_box")
"""Of attackers who hold the templates of what they ask about, and who hold the model itself."""
FEW_MODELS = 8

TRAINING = (2, 5, 10)
EPOCHS = (5, 10, 20, 40, 80, 160)
PROBES = (1, 2, 5, None)

SHORT: dict[str, Any] = {"residual": True, "epochs": 10}
RECIPES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("centred", "whitening", {"power": 0.0}),
    ("half-whitened", "whitening", {}),
    ("whitened within people", "whitening", {"power": 1.0, "within": True}),
    ("MLP", "adapter", {}),
    ("MLP, residual", "adapter", {"residual": True}),
    ("low rank, residual", "adapter", {"shape": "low_rank", "residual": True}),
    ("linear, residual, 10 epochs", "adapter", SHORT | {"shape": "linear"}),
    ("MLP, residual, 10 epochs", "adapter", SHORT),
    ("MLP, one a backbone, fused", "adapter", {"joint": False}),
)
DEFENCES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("", "none", {}),
    (", FaceBone", "facebone", {}),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A recipe on some material.

    Args:
        part: of the page: ``table``, ``epochs``, ``many`` or ``trade``.
        name: for people.
        backbones: names.
        aligned: whether faces are.
        training: pictures of a person that may be trained on, at most.
        head: an adaptation.
        settings: of it.
        mitigation: of the verifier.
        defence: its settings.
        models: how many are trained.
        first: number of the first of them; recipes were chosen on models 0 to 99.
        attacks: tried on every model.
        learnt: attacks that take longer, tried on the first few.
        probes: numbers of pictures of a person that are asked about.
        null: attack targets of other people instead.
    """

    part: str
    name: str
    backbones: tuple[str, ...] = (B,)
    aligned: bool = True
    training: int = 10
    head: str = "adapter"
    settings: Mapping[str, Any] = field(default_factory=dict)
    mitigation: str = "none"
    defence: Mapping[str, Any] = field(default_factory=dict)
    models: int = MODELS
    first: int = 1000
    attacks: tuple[str, ...] = ATTACKS
    learnt: tuple[str, ...] = LEARNT
    probes: tuple[int | None, ...] = (None,)
    null: bool = False

    @property
    def faces(self) -> str:
        """How pictures are prepared."""
        return "aligned" if self.aligned else "whole pictures"


def all_subjects() -> list[Subject]:
    """In the order of the page."""
    return [*_table(), *_many(), *_epochs(), *_trade()]


def _table() -> list[Subject]:
    return [
        Subject("table", name, backbones, aligned, training, learnt=(), probes=PROBES)
        for aligned in (True, False)
        for backbones, name in NAMES.items()
        for training in TRAINING
    ]


def _many() -> list[Subject]:
    return [
        Subject("many", f"{MANY} models", models=MANY, learnt=()),
        Subject("many", "trained on other people", null=True, learnt=()),
        Subject(
            "many",
            "class centres kept, the attacker has the weights",
            settings={"keep_centres": True},
            learnt=INSIDE,
        ),
    ]


def _epochs() -> list[Subject]:
    return [
        Subject("epochs", str(epochs), settings={"epochs": epochs}, learnt=()) for epochs in EPOCHS
    ]


def _trade() -> list[Subject]:
    """What helps strangers, and what it leaks: by label, and without labels."""
    both = tuple(NAMES)[-1]
    return [
        Subject(
            "trade",
            name + also,
            both,
            aligned,
            head=head,
            settings=settings,
            mitigation=mitigation,
            defence=defence,
            learnt=LEARNT + INSIDE,
        )
        for aligned in (True, False)
        for name, head, settings in RECIPES
        for also, mitigation, defence in DEFENCES
    ]
