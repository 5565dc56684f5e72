"""Every registered head, and every way FaceBone can be set: many at once are each as alone."""

from __future__ import annotations

import itertools

import pytest

from facebone.mitigations.base import make_mitigation, parse_mitigation
from facebone.testing.heads_many import MANY, MANY_ALONE
from facebone.testing.heads_world import NAMES, HeadSubject
from facebone.verification.heads import HEADS

# Widths of whole vectors: in others, rounding moves what batch normalisation makes of no account,
# as a bias before it.
QUICK = {"layers": [32, 16], "batch_norm": [1], "epochs": 3, "learning_rate": 1e-2}
# Defences of the training recipe, which a logistic head has nothing of.
RECIPES = [
    "early_stopping",
    "weight_decay",
    "dropout",
    "label_smoothing",
    "mixup",
    "relaxloss",
    "adversarial_regularisation",
    "hamp",
]
SPECS = [
    "none",
    "facebone:assignment=all",
    "facebone:assignment=fusion",
    "facebone:quality=true",
    *(
        f"facebone:assignment={assignment},query={query},space={space}"
        for assignment, query, space in itertools.chain(
            itertools.product(("batch", "pair", "epoch"), ("mean",), ("procrustes", "random")),
            itertools.product(("pair",), ("fixed", "random", "secret"), ("learned", "raw")),
        )
    ),
]


def settings_of(head):
    return QUICK if head == "mlp" else {}


def subject(name):
    return HeadSubject.of(HEADS.get(name), settings_of(name))


def defended(spec, head):
    mitigation = make_mitigation(*parse_mitigation(spec))

    def make(settings):
        return mitigation.protect(head, settings_of(head) | dict(settings), backbones=NAMES)

    return HeadSubject(f"{spec} {head}", make)


@pytest.mark.parametrize(
    "check",
    [
        check
        for name in HEADS.own_names()
        for contract in (MANY, MANY_ALONE)
        for check in contract.checks(subject(name))
    ],
    ids=str,
)
def test_heads(check):
    check()


@pytest.mark.parametrize(
    "check",
    [
        check
        for spec, head in (
            *itertools.product(SPECS, ("mlp", "logistic")),
            *itertools.product(
                (*RECIPES, *(f"facebone:assignment=pair/{name}" for name in RECIPES)), ("mlp",)
            ),
        )
        for check in MANY.checks(defended(spec, head))
    ],
    ids=str,
)
def test_defended_heads(check):
    check()
