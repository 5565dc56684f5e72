"""Defences of the training recipe: what they set, what they refuse, and that they hide members."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.errors import UnknownNameError, UsageError
from facebone.mitigations.base import Mitigation, make_mitigation, parse_mitigation
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import LearningHead

SMALL = {"layers": [16, 8], "batch_norm": []}
SETS = {
    "early_stopping": {"patience": 3, "validation_share": 0.1},
    "early_stopping:patience=5,validation_share=0.2": {"patience": 5, "validation_share": 0.2},
    "weight_decay:strength=0.5": {"weight_decay": 0.5},
    "dropout:share=0.25": {"dropout": 0.25},
    "label_smoothing": {"objective": "label_smoothing:share=0.1"},
    "mixup:alpha=0.2": {"mixup": 0.2},
    "relaxloss:target=0.5": {"objective": "relaxloss:target=0.5,upper=1.0"},
    "adversarial_regularisation:strength=2,steps=3,validation_share=0.3": {
        "objective": "adversarial:strength=2,steps=3",
        "validation_share": 0.3,
    },
    "hamp:share=0.8,strength=0.1": {"objective": "high_entropy:share=0.8,strength=0.1"},
}
NAMES = sorted({spec.split(":")[0] for spec in SETS})


def made(spec: str) -> Mitigation:
    return make_mitigation(*parse_mitigation(spec))


@pytest.mark.parametrize("spec", SETS)
def test_it_sets_what_it_says_and_nothing_else(spec):
    given = SMALL | {"epochs": 7, "dropout": 0.1, "weight_decay": 0.2}
    assert made(spec).recipe("mlp", given) == given | SETS[spec]
    head = made(spec).protect("mlp", given, backbones=("one",))
    settings = (head._inner if head.name == "guarded" else head).settings
    for name, value in SETS[spec].items():
        assert getattr(settings, name) == value
    assert settings.epochs == 7


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("head", ["logistic", "products", "cosine"])
def test_heads_without_such_a_setting_are_refused(name, head):
    message = f"mitigation {name}: {head} has no .*: none of its settings is called"
    with pytest.raises(UsageError, match=message):
        make_mitigation(name).protect(head, {}, backbones=("one",))


def test_a_refusal_says_what_is_missing():
    with pytest.raises(UsageError, match=r"logistic has no dropout: .* called dropout; take anoth"):
        made("dropout").recipe("logistic", {})
    # Cosines of several backbones are fused by logistic regression, whatever was asked for.
    with pytest.raises(UsageError, match="logistic has no weight decay"):
        made("facebone/weight_decay").protect("mlp", {}, backbones=("one", "two"))
    with pytest.raises(UnknownNameError, match="unknown head 'mpl'"):
        made("dropout").recipe("mpl", {})


@pytest.mark.parametrize("spec", ["weight_decay", "dropout", "early_stopping"])
def test_adaptations_have_these_settings_too(spec):
    head = made(spec).protect("adapter", {}, backbones=("one",))
    for name, value in made(spec).recipe("adapter", {}).items():
        assert getattr(head.settings, name) == value


@pytest.mark.parametrize("spec", ["label_smoothing", "mixup", "relaxloss", "hamp"])
def test_adaptations_learn_by_objectives_of_their_own(spec):
    with pytest.raises(UsageError, match=r"adapter has no (objective to choose|mixing of pairs)"):
        made(spec).protect("adapter", {}, backbones=("one",))


@pytest.mark.parametrize(
    "spec",
    [
        "label_smoothing/relaxloss",
        "hamp/label_smoothing",
        "adversarial_regularisation/dropout/relaxloss",
    ],
)
def test_one_objective_is_enough(spec):
    first, *_, last = spec.split("/")
    with pytest.raises(UsageError, match=f"{first} and {last} both set objective of mlp; take on"):
        made(spec).protect("mlp", SMALL, backbones=("one",))


def test_two_may_agree_but_not_differ_on_a_setting():
    agreed = made("early_stopping/adversarial_regularisation").recipe("mlp", SMALL)
    assert (agreed["patience"], agreed["validation_share"]) == (3, 0.1)
    spec = "early_stopping/adversarial_regularisation:validation_share=0.3"
    with pytest.raises(UsageError, match="both set validation_share of mlp"):
        made(spec).recipe("mlp", SMALL)
    # What the user gave belongs to no defence.
    given = SMALL | {"dropout": 0.1, "objective": "relaxloss"}
    found = made("dropout/label_smoothing").recipe("mlp", given)
    assert (found["dropout"], found["objective"]) == (0.3, "label_smoothing:share=0.1")


def test_what_cannot_be_mixed_is_refused():
    with pytest.raises(UsageError, match="mixup: mixes labels, which objective relaxloss"):
        made("mixup/relaxloss").protect("mlp", SMALL, backbones=("one",))
    head = made("mixup/label_smoothing/dropout").protect("mlp", SMALL, backbones=("one",))
    assert (head.settings.mixup, head.settings.dropout) == (1.0, 0.3)


@pytest.mark.parametrize("name", NAMES)
def test_rotation_leads_under_any_recipe(name):
    given = SMALL | {"epochs": 3}
    spec = f"facebone:assignment=pair/{name}"
    head = made(spec).protect("mlp", given, backbones=("one", "two"))
    head = head._inner if head.name == "guarded" else head
    assert head.name == "facebone"
    changed = made(name).recipe("mlp", given)
    assert head.settings.head_settings == changed
    assert head._inner.settings.epochs == 3


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("early_stopping:patience=0", "patience: must be an integer of at least 1, got 0"),
        ("early_stopping:validation_share=1", "validation_share: must be a number of more than 0"),
        ("weight_decay:strength=-1", "strength: must be a number of at least 0, got -1"),
        ("dropout:share=1", "share: must be a number of at least 0 and less than 1, got 1"),
        ("label_smoothing:share=1", "share: must be a number of at least 0 and less than 1"),
        ("mixup:alpha=0", "alpha: must be a number of more than 0, got 0"),
        ("relaxloss:target=-1", "target: must be a number of at least 0, got -1"),
        ("relaxloss:upper=2", "upper: must be at most 1, got 2"),
        ("adversarial_regularisation:steps=0", "steps: must be an integer of at least 1, got 0"),
        ("hamp:share=1", "share: must be a number of at least 0 and less than 1, got 1"),
        ("hamp:random_scores=2", "random_scores: must be true or false, got 2"),
        ("hamp:key=short", "key: must have at least 16 characters, got 5"),
    ],
)
def test_bad_settings_are_refused(spec, message):
    with pytest.raises(UsageError, match=message):
        made(spec)


# ---- what they are for ---------------------------------------------------------------------------


def data(pairs=200, seed=0, width=32):
    """Pairs that cannot be told apart well, so that what is learnt is mostly learnt by heart."""
    rng = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    a = rng.normal(size=(pairs, width))
    b = np.where(same[:, None], a, rng.normal(size=a.shape)) + 1.5 * rng.normal(size=a.shape)
    left, right = (normalise(side.astype(np.float32)) for side in (a, b))
    return EmbeddedPairs((left,), (right,)), same


def gap(spec: str) -> float:
    """Mean confidence in the right answer, of training pairs less of others."""
    settings = {"layers": [64, 32], "batch_norm": [], "epochs": 60, "learning_rate": 3e-3}
    head = made(spec).protect("mlp", settings, backbones=("one",))
    assert isinstance(head, LearningHead)
    trained, others = data(), data(pairs=1000, seed=1)
    head.fit(*trained, seed=0)
    inside, outside = (
        np.where(same, score, 1 - score).mean()
        for score, same in ((head.score(pairs), same) for pairs, same in (trained, others))
    )
    return float(inside - outside)


@pytest.fixture(scope="module")
def undefended() -> float:
    found = gap("none")
    assert found > 0.25
    return found


@pytest.mark.parametrize(
    "spec",
    [
        "early_stopping",
        "weight_decay",
        "dropout",
        "label_smoothing:share=0.3",
        "mixup",
        "relaxloss",
        "adversarial_regularisation",
        "hamp",
        "hamp:random_scores=false",
    ],
)
def test_members_stand_out_less(spec, undefended):
    assert gap(spec) < 0.9 * undefended
