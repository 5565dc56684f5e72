"""One contract over every registered adaptation: `facebone.testing`'s."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from facebone.errors import UnknownNameError
from facebone.testing.adaptations import ADAPTATION
from facebone.testing.adaptations_world import Toy
from facebone.testing.parts import adaptation_subject
from facebone.verification.heads import ADAPTATIONS, HEADS, head_from_state, make_head
from facebone.verification.labelled_pictures import LabelledPictures

# Small enough to be quick; every other setting keeps its default.
QUICK = {
    "adapter": {"hidden": [32], "epochs": 8, "learning_rate": 3e-3},
    "fine_tuning": {"backbone": ["tiny_plain@4"], "epochs": 2, "learning_rate": 3e-4},
}


@lru_cache
def drawn_faces() -> Toy:
    """Synthetic faces at the cut of a backbone."""
    from facebone.data.synthetic import synthetic_dataset
    from facebone.verification.engine import EmbeddingEngine
    from facebone.verification.routes import open_routes

    count, each = 20, 4
    pictures = synthetic_dataset(count, each, seed=7).pictures
    routes = open_routes(QUICK["fine_tuning"]["backbone"], device="cpu")
    matrices = EmbeddingEngine(routes, workers=1).embed(pictures).matrices
    person = np.repeat(np.arange(count), each)
    whole = LabelledPictures.gather(matrices, np.arange(count * each), person)
    return Toy(whole.take(person < 12), whole.take(person >= 12))


KNOWN = {
    "fine_tuning": {"toy": drawn_faces, "least": 0.8},
    "whitening": {"draws": False},
}


def subject(name):
    settings = QUICK.get(name, {})
    return adaptation_subject(ADAPTATIONS.get(name), settings, **KNOWN.get(name, {}))


@pytest.mark.parametrize(
    "check",
    [check for name in ADAPTATIONS.own_names() for check in ADAPTATION.checks(subject(name))],
    ids=str,
)
def test_contract(check):
    check()


def test_the_adaptations_there_are():
    assert set(ADAPTATIONS.own_names()) >= {"whitening", "adapter"}
    assert not set(ADAPTATIONS.own_names()) & set(HEADS.own_names())


@pytest.mark.parametrize("name", ADAPTATIONS.own_names())
def test_an_adaptation_is_found_by_its_saved_name(name):
    head = subject(name).fit()
    assert type(head_from_state(*head.state())) is type(head)
    with pytest.raises(UnknownNameError, match=f"unknown setting of head {name} 'epoch'"):
        make_head(name, {"epoch": 3})
