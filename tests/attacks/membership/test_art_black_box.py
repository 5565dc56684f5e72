"""ART's black-box attack is ART's: the same as its parts put together by hand."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.special import expit
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from facebone.attacks.base import ATTACKS
from facebone.attacks.membership.art_black_box import cross_entropy
from facebone.attacks.observations import Observations
from facebone.errors import MissingPartError, UsageError
from facebone.seeding import derive_seed
from facebone.verification.metrics import auc


def sample(n=300, seed=0, queries=1):
    """Members are surer of the right answer."""
    rng = np.random.default_rng(seed)
    same, member = rng.random(n) < 0.5, rng.random(n) < 0.5
    margin = (1.0 + 2.0 * member)[:, None] + rng.normal(size=(n, queries))
    odds = np.where(same[:, None], margin, -margin)
    return Observations(expit(odds), same, odds, 0.5), member


def by_hand(model, scaler, known, member, fresh):
    """Members first, then the others, float32 answers beside two columns of label."""

    def table(observed):
        p = expit(observed.log_odds.mean(axis=1))
        answers = np.stack([1 - p, p], axis=1).astype(np.float32)
        return np.c_[answers, ~observed.same, observed.same]

    order = np.argsort(~member, kind="stable")
    x = table(known)[order]
    scaler.fit(x)
    model.fit(scaler.transform(x), member[order])
    return model.predict_proba(scaler.transform(table(fresh)))[:, 1]


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("art_knn", KNeighborsClassifier()),
        ("art_lr", LogisticRegression()),
        ("art_gb", GradientBoostingClassifier(random_state=derive_seed(5, "art_gb"))),
    ],
)
def test_agrees_with_the_parts_put_together_by_hand(name, model):
    (known, member), (fresh, _) = sample(), sample(seed=1)
    attack = ATTACKS.make(name)
    attack.fit(known, member, seed=5)
    wanted = by_hand(model, StandardScaler(), known, member, fresh)
    np.testing.assert_allclose(attack.score(fresh), wanted, atol=1e-6)


def test_the_scaler_is_a_setting():
    (known, member), (fresh, _) = sample(), sample(seed=1)
    attack = ATTACKS.make("art_lr", {"scaler_type": "minmax"})
    attack.fit(known, member, seed=5)
    wanted = by_hand(LogisticRegression(), MinMaxScaler(), known, member, fresh)
    np.testing.assert_allclose(attack.score(fresh), wanted, atol=1e-6)
    for other in ("robust", "none"):
        attack = ATTACKS.make("art_lr", {"scaler_type": other})
        attack.fit(known, member, seed=5)
        assert np.abs(attack.score(fresh) - wanted).max() > 1e-4


def test_the_loss_lets_a_linear_model_see_what_probabilities_hide_from_it():
    """Sure and right is a product of answer and label, which a sum of both cannot say."""
    (known, member), (fresh, truth) = sample(n=1000), sample(n=1000, seed=1)
    found = {}
    for kind in ("prediction", "loss"):
        attack = ATTACKS.make("art_lr", {"input_type": kind})
        attack.fit(known, member, seed=0)
        found[kind] = auc(attack.score(fresh), truth)
    assert found["loss"] > 0.85
    assert found["prediction"] < 0.6


def test_scores_are_probabilities_of_membership_and_art_does_the_work():
    from art.attacks.inference.membership_inference import MembershipInferenceBlackBox

    known, member = sample()
    attack = ATTACKS.make("art_svm")
    attack.fit(known, member, seed=0)
    found = attack.score(known)
    assert ((found > 0) & (found < 1)).all()
    assert found[member].mean() > found[~member].mean()
    assert isinstance(attack._attack, MembershipInferenceBlackBox)


def test_answers_are_averaged_over_queries_as_probabilities():
    known, member = sample(queries=4)
    mean = Observations.from_scores(known.score.mean(axis=1), known.same)
    first, second = ATTACKS.make("art_gb"), ATTACKS.make("art_gb")
    first.fit(known, member, seed=0)
    second.fit(mean, member, seed=0)
    np.testing.assert_allclose(first.score(known), second.score(mean), atol=1e-9)


def test_scores_that_are_no_probabilities_enter_by_their_log_odds():
    known, member = sample()
    cosines = Observations(known.score * 7 - 3, known.same, known.log_odds, 0.5)
    first, second = ATTACKS.make("art_gb"), ATTACKS.make("art_gb")
    first.fit(known, member, seed=0)
    second.fit(cosines, member, seed=0)
    np.testing.assert_array_equal(first.score(known), second.score(cosines))


def test_settings_of_the_network_reach_art():
    attack = ATTACKS.make("art_nn", {"epochs": 2, "batch_size": 30, "learning_rate": 0.01})
    known, member = sample()
    attack.fit(known, member, seed=0)
    art = attack._attack
    assert (art.epochs, art.batch_size, art.learning_rate) == (2, 30, 0.01)
    with pytest.raises(UsageError, match="unknown setting of attack art_gb"):
        ATTACKS.make("art_gb", {"epochs": 2})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"input_type": "logits"}, "input_type: must be one of prediction, loss, got 'logits'"),
        ({"scaler_type": None}, "scaler_type: must be one of .*none, got None"),
        ({"epochs": 0}, "epochs: must be an integer of at least 1"),
        ({"batch_size": 0}, "batch_size: must be an integer of at least 1"),
        ({"learning_rate": 0}, "learning_rate: must be a number of more than 0"),
        ({"input_type": "logits", "epochs": 3}, "input_type: must be one of"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        ATTACKS.make("art_nn", settings)


def test_the_loss_is_exact_and_finite():
    odds = np.array([-800.0, -30.0, -1.0, 0.0, 1.0, 30.0, 45.0])
    pred = np.stack([expit(-odds), expit(odds)], axis=1)
    same = np.tile([0.0, 1.0], (7, 1))
    found = cross_entropy(pred, same)
    np.testing.assert_allclose(found[1:], np.logaddexp(0, -odds)[1:], rtol=1e-12)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(cross_entropy(pred, same[:, ::-1])[::-1][:-1],
                               np.logaddexp(0, odds)[::-1][:-1], rtol=1e-12)  # fmt: skip


def test_without_art_the_error_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "art"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "art", None)
    known, member = sample()
    with pytest.raises(MissingPartError, match=r"attack art_gb: needs ART.*pip install adversar"):
        ATTACKS.make("art_gb").fit(known, member, seed=0)
