"""FaceBone: what each assignment makes of a head, its settings, and its way to disk."""

from __future__ import annotations

import json

import numpy as np
import pytest

from facebone.errors import UnknownNameError, UsageError, WeightsError
from facebone.mitigations.base import make_mitigation
from facebone.mitigations.multi_backbone.head import FaceBoneHead
from facebone.mitigations.multi_backbone.settings import RotationSettings
from facebone.mitigations.multi_backbone.spaces import meet
from facebone.verification.heads import HEADS, Views, head_from_state, make_head
from facebone.verification.metrics import auc
from facebone.verification.verifier import TrainingFacts, Verifier

QUICK = {"layers": [16, 8], "batch_norm": [1], "epochs": 5, "learning_rate": 1e-2}
NAMES = ("one", "two", "three")
KEY = "0123456789abcdef" * 2


def protect(head="mlp", head_settings=None, **settings):
    given = QUICK if head == "mlp" and head_settings is None else head_settings or {}
    return make_mitigation("facebone", settings).protect(head, given, backbones=NAMES)


def fitted(toy, seed=0, head="mlp", **settings):
    made = protect(head, **settings)
    made.fit(*toy(), seed=seed)
    return made


# ---- what an assignment makes ------------------------------------------------------------------


def test_all_is_the_head_on_all_backbones(toy):
    plain = make_mitigation("none").protect("mlp", QUICK, backbones=NAMES)
    wide = protect(assignment="all")
    for head in (plain, wide):
        head.fit(*toy(), seed=3)
    test, _ = toy(seed=1)
    assert wide.name == "mlp"
    assert wide.score(test).tobytes() == plain.score(test).tobytes()
    assert wide.state()[0] == plain.state()[0]


@pytest.mark.parametrize("head", ["mlp", "cosine", "logistic"])
def test_fusion_is_the_logistic_head_and_the_default(toy, head):
    settings = {"C": 0.3} if head == "logistic" else None
    fused = protect(head, settings)
    plain = make_head("logistic", settings)
    for one in (fused, plain):
        one.fit(*toy(), seed=3)
    test, _ = toy(seed=1)
    assert fused.name == "logistic"
    assert fused.score(test).tobytes() == plain.score(test).tobytes()


@pytest.mark.parametrize("head", ["mlp", "quality"])
def test_fusion_by_quality_is_the_quality_head(toy, head):
    settings = {"C": 0.3} if head == "quality" else None
    fused = protect(head, settings, quality=True)
    plain = make_head("quality", settings)
    for one in (fused, plain):
        one.fit(*toy(), seed=3)
    test, _ = toy(seed=1)
    assert fused.name == "quality"
    assert make_mitigation("facebone", {"quality": True}).trained_head(head) == "quality"
    assert fused.score(test).tobytes() == plain.score(test).tobytes()
    assert protect(quality=False).name == "logistic"


@pytest.mark.parametrize("assignment", ["batch", "pair", "epoch"])
def test_rotation_learns_the_problem_through_every_backbone(toy, assignment):
    head = fitted(toy, assignment=assignment, head_settings=QUICK | {"epochs": 60})
    test, same = toy(seed=1)
    logits = head.through(test)
    assert logits.shape == (300, 3)
    for column in logits.T:
        assert auc(column, same) > 0.8
    np.testing.assert_allclose(head.logit(test), logits.mean(axis=1))


def test_a_composed_head_is_its_parts_put_together(toy):
    """Space, schedule and training by hand."""
    pairs, same = toy()
    head = fitted(toy, seed=4, assignment="batch", block=7)
    inner = make_head("mlp", QUICK)
    schedule = (np.arange(300) // 7 % 3)[None, :]
    inner.fit_views(Views(meet(pairs, head._maps), schedule), same, seed=4)
    test, _ = toy(seed=1)
    wanted = np.stack([inner.logit(meet(test, head._maps, [k])) for k in range(3)], axis=1)
    np.testing.assert_array_equal(head.through(test), wanted)


def test_answers_about_no_pairs(toy):
    head = fitted(toy, assignment="epoch")
    nothing = toy()[0].take(np.array([], dtype=np.intp))
    assert head.through(nothing).shape == (0, 3)
    assert head.score(nothing).shape == (0,)


@pytest.mark.parametrize("assignment", ["batch", "pair", "epoch"])
def test_what_a_pair_meets_does_not_depend_on_the_optimisers_batches(toy, assignment, monkeypatch):
    seen = []
    original = Views.__post_init__

    def remember(self):
        original(self)
        seen.append(self.schedule)

    monkeypatch.setattr(Views, "__post_init__", remember)
    for size in (16, 64, 300):
        fitted(toy, assignment=assignment, head_settings=QUICK | {"batch_size": size})
    assert len(seen) == 3
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])
    # A block is 64 pairs by default, whatever the optimiser takes.
    if assignment == "batch":
        assert np.bincount(seen[0][0]).tolist() == [64 + 64, 64 + 44, 64]


def test_a_head_without_epochs_learns_by_rotation_too(toy):
    test, same = toy(seed=1)
    for assignment in ("batch", "pair", "epoch"):
        head = fitted(toy, head="logistic", assignment=assignment)
        assert auc(head.score(test), same) > 0.85
    # Fitted until it converges, it has no order of passes: what they show is all that counts.
    pair, epoch = (fitted(toy, head="logistic", assignment=a) for a in ("pair", "epoch"))
    np.testing.assert_array_equal(pair.score(test), epoch.score(test))


def test_early_stopping_takes_pairs_under_all_backbones(toy):
    head = protect(assignment="pair", head_settings=QUICK | {"patience": 2})
    report = head.fit(*toy(), seed=0, validation=toy(seed=5))
    assert report.held_out == 0
    assert len(report.validation_loss) == report.epochs
    assert report.pairs == 300


# ---- who answers -------------------------------------------------------------------------------


def test_fixed_asks_the_named_backbone_and_the_first_by_default(toy):
    test, _ = toy(seed=1)
    first = fitted(toy, assignment="pair", query="fixed")
    np.testing.assert_array_equal(first.logit(test), first.through(test)[:, 0])
    third = fitted(toy, assignment="pair", query="fixed", answering="three")
    np.testing.assert_array_equal(third.logit(test), third.through(test)[:, 2])


def test_random_answers_vary_average_to_the_mean_and_can_be_repeated(toy):
    test, _ = toy(seed=1)
    head = fitted(toy, assignment="pair", query="random")
    assert head.answers_vary
    first = fitted(toy, assignment="pair", query="random").logit(test)
    np.testing.assert_array_equal(head.logit(test), first)
    assert (head.logit(test) != first).mean() > 0.5
    head.reseed(np.random.default_rng(1))
    one = head.logit(test)
    head.reseed(np.random.default_rng(1))
    np.testing.assert_array_equal(head.logit(test), one)
    asked = np.mean([head.logit(test) for _ in range(400)], axis=0)
    spread = head.through(test).std(axis=1) / 20
    assert (np.abs(asked - head.through(test).mean(axis=1)) < 5 * spread + 1e-9).all()


def test_only_random_answers_vary(toy):
    test, _ = toy(seed=1)
    for query in ("mean", "fixed", "secret"):
        head = fitted(toy, assignment="pair", query=query)
        assert not head.answers_vary
        before = head.logit(test)
        head.reseed(np.random.default_rng(1))
        np.testing.assert_array_equal(head.logit(test), before)
    with pytest.raises(UsageError, match="draws nothing before it is fitted"):
        protect(assignment="pair", query="random").reseed(np.random.default_rng(1))


def test_secret_answers_through_one_backbone_that_the_key_decides(toy):
    test, _ = toy(seed=1)
    head = fitted(toy, assignment="pair", query="secret", key=KEY)
    answers, logits = head.logit(test), head.through(test)
    # Products of matrices may round otherwise where other rows stand beside.
    near = np.isclose(answers[:, None], logits, rtol=1e-9, atol=1e-12)
    assert (near.sum(axis=1) == 1).all()
    np.testing.assert_allclose(near.mean(axis=0), 1 / 3, atol=0.1)
    other = fitted(toy, assignment="pair", query="secret", key=KEY[::-1])
    np.testing.assert_array_equal(other.through(test), logits)
    assert (other.logit(test) != answers).mean() > 0.5


def test_without_a_key_one_is_made_of_the_seed(toy):
    answers = [
        fitted(toy, seed=s, assignment="pair", query="secret").state()[1]["key"].tobytes()
        for s in (1, 1, 2)
    ]
    assert answers[0] == answers[1] != answers[2]


# ---- to disk and back --------------------------------------------------------------------------


def test_a_saved_verifier_loads_where_no_mitigation_was_imported(toy, tmp_path):
    import subprocess
    import sys

    pairs, same = toy()
    routes = tuple({"backbone": name, "weights_hash": "ab"} for name in NAMES)
    head = protect(assignment="pair", query="secret", key=KEY)
    facts = TrainingFacts("toy", "f00d", seed=1, mitigation="facebone")
    verifier, _ = Verifier.fit(head, pairs, same, routes=routes, training=facts)
    verifier.save(tmp_path / "model")
    code = (
        "import sys; from pathlib import Path; from facebone.verification.verifier import Verifier;"
        f"verifier = Verifier.load(Path({str(tmp_path / 'model')!r}));"
        "print(verifier.head.name, verifier.head.settings.head)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "facebone mlp\n"
    again = Verifier.load(tmp_path / "model")
    test, _ = toy(seed=1)
    assert again.score(test).tobytes() == verifier.score(test).tobytes()


def test_a_key_is_saved_with_the_arrays_and_shown_nowhere(toy, tmp_path):
    mitigation = make_mitigation("facebone", {"assignment": "pair", "query": "secret", "key": KEY})
    head = mitigation.protect("mlp", QUICK, backbones=NAMES)
    pairs, same = toy()
    routes = tuple({"backbone": name, "weights_hash": "ab"} for name in NAMES)
    facts = TrainingFacts("toy", "f00d", seed=1, mitigation=mitigation.spec())
    verifier, _ = Verifier.fit(head, pairs, same, routes=routes, training=facts)
    verifier.save(tmp_path / "model")
    secret_hex = head.state()[1]["key"].tobytes().hex()
    for shown in (
        (tmp_path / "model" / "verifier.json").read_text("utf-8"),
        mitigation.describe(NAMES), mitigation.spec(), json.dumps(mitigation.public_settings()),
        repr(mitigation.settings), repr(head.settings),
    ):  # fmt: skip
        assert KEY not in shown
        assert secret_hex not in shown
    again = Verifier.load(tmp_path / "model").head
    assert again.settings == head.settings
    # Fitted anew it keeps the key it was given.
    retrained = again.fresh()
    retrained.fit(pairs, same, seed=9)
    assert retrained.state()[1]["key"].tobytes().hex() == secret_hex


def test_damaged_states_are_refused(toy):
    config, arrays = fitted(toy, assignment="pair", query="secret").state()

    def load(changed=None, without=None, **settings):
        kept = {k: v for k, v in arrays.items() if k != without} | (changed or {})
        return head_from_state(config | {"settings": config["settings"] | settings}, kept)

    assert isinstance(load(), FaceBoneHead)
    for lost in ("key", "centre", "map.1", "head.weight.0"):
        with pytest.raises(WeightsError, match=f"missing or too many: {lost}"):
            load(without=lost)
    with pytest.raises(WeightsError, match=r"key has shape \(5,\), needs \(32,\)"):
        load({"key": np.zeros(5, dtype=np.uint8)})
    with pytest.raises(WeightsError, match=r"map\.1 has shape"):
        load({"map.1": np.zeros((3, 3))})
    with pytest.raises(WeightsError, match=r"head\.bias\.0 is not finite"):
        load({"head.bias.0": np.full(16, np.nan)})
    with pytest.raises(UnknownNameError, match="unknown assignment of facebone 'pairs'"):
        load(assignment="pairs")
    with pytest.raises(UnknownNameError, match="unknown head 'mpl'"):
        load(head="mpl")
    with pytest.raises(UsageError, match="backbone 3 is to answer, but there are 3"):
        load(answering=3)
    with pytest.raises(UsageError, match="needs the name and the settings of a head"):
        load(head_settings=[1])


def test_the_composed_head_cannot_be_asked_for_by_name():
    assert "facebone" not in HEADS
    with pytest.raises(UnknownNameError, match="unknown head 'facebone'"):
        make_head("facebone")
    assert RotationSettings().assignment == "pair"


# ---- wrong use ---------------------------------------------------------------------------------


@pytest.mark.parametrize("assignment", ["batch", "pair", "epoch", "all", "fusion"])
def test_one_backbone_is_too_few(assignment, toy):
    mitigation = make_mitigation("facebone", {"assignment": assignment})
    with pytest.raises(UsageError, match="needs two backbones or more, got 1; name more of them"):
        mitigation.protect("mlp", QUICK, backbones=("one",))


def test_one_backbone_is_too_few_when_fitting(toy):
    with pytest.raises(UsageError, match="needs two backbones or more, got 1"):
        protect(assignment="pair").fit(*toy(widths=(12,)), seed=0)


@pytest.mark.parametrize("head", ["cosine", "euclidean"])
@pytest.mark.parametrize("assignment", ["batch", "pair", "epoch"])
def test_a_head_that_learns_nothing_cannot_be_rotated(head, assignment):
    with pytest.raises(UsageError, match=f"head {head} learns nothing, so no backbone can be"):
        protect(head, assignment=assignment)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quality": 1}, "quality: must be true or false, got 1"),
        ({"quality": True, "assignment": "all"}, "quality means something under assignment=fusion"),
        ({"assignment": "pairs"}, "unknown assignment of facebone 'pairs'; did you mean 'pair'"),
        ({"assignment": 3}, "unknown assignment of facebone '3'"),
        ({"assignment": ["pair"]}, "unknown assignment of facebone"),
        ({"assignment": "pair", "query": "secrte"}, "query of facebone .* did you mean 'secret'"),
        ({"assignment": "pair", "space": "procrust"}, "did you mean 'procrustes'"),
        ({"asignment": "pair"}, "unknown setting of mitigation facebone 'asignment'; did you mean"),
        ({"query": "mean"}, "query means something under assignment=batch, pair or epoch alone"),
        ({"assignment": "all", "query": "fixed"}, "query means something under assignment=batch"),
        ({"assignment": "all", "space": "raw"}, "space means something under assignment=batch"),
        ({"assignment": "pair", "answering": "one"}, "answering means something under query=fixed"),
        ({"assignment": "pair", "query": "mean", "key": KEY}, "key means something under query=se"),
        ({"assignment": "pair", "block": 8}, "block means something under assignment=batch alone"),
        ({"assignment": "pair", "width": 8}, "width means something under space=random alone"),
        ({"assignment": "pair", "space": "raw", "regularisation": 1.0}, "under space=learned"),
        ({"assignment": "batch", "block": 0}, "block: must be an integer of at least 1, got 0"),
        ({"assignment": "pair", "space": "random", "width": 0}, "width: must be an integer of at"),
        (
            {"assignment": "pair", "space": "learned", "regularisation": 0},
            "regularisation: must be a number of more than 0, got 0",
        ),
        (
            {"assignment": "pair", "query": "fixed", "answering": 1},
            "answering: must be the name of a backbone, got 1",
        ),
        ({"assignment": "pair", "query": "secret", "key": "short"}, "at least 16 characters, got"),
        ({"assignment": "pair", "query": "secret", "key": 12}, "key: must be text, got a int"),
        ({"backbones": ["one", "one"]}, "backbones: 'one' is named twice"),
        ({"backbones": 5}, "backbones: must be names of backbones, got 5"),
        ({"backbones": [""]}, "backbones: must be names of backbones"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        make_mitigation("facebone", settings)


def test_the_message_about_a_key_does_not_show_it():
    with pytest.raises(UsageError) as caught:
        make_mitigation("facebone", {"assignment": "pair", "query": "secret", "key": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_an_unknown_backbone_to_answer_is_refused():
    with pytest.raises(UnknownNameError, match="unknown backbone 'thre'; did you mean 'three'"):
        protect(assignment="pair", query="fixed", answering="thre")


def test_a_wrong_setting_of_a_head_that_is_replaced_is_still_refused():
    with pytest.raises(UnknownNameError, match="unknown setting of head mlp 'epoch'"):
        protect("mlp", {"epoch": 3})
    with pytest.raises(UnknownNameError, match="unknown head 'mpl'"):
        protect("mpl", {})


def test_raw_needs_one_width(toy):
    head = protect(assignment="pair", space="raw")
    with pytest.raises(UsageError, match="needs backbones of one width, got 12, 12, 8"):
        head.fit(*toy(), seed=0)


# ---- what people read --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["one + two + three", "assignment fusion", "all of them answer", "own space"]),
        ({"quality": True}, ["their cosines and how long embeddings are", "assignment fusion"]),
        ({"assignment": "all"}, ["assignment all", "all of them answer", "own space"]),
        (
            {"assignment": "batch"},
            ["blocks of 64", "assignment batch", "query mean", "space procrustes"],
        ),
        ({"assignment": "batch", "block": 9}, ["blocks of 9"]),
        (
            {"assignment": "pair", "query": "fixed", "answering": "two", "space": "raw"},
            ["assignment pair", "two answers (query fixed)", "space raw"],
        ),
        (
            {"assignment": "epoch", "query": "random", "space": "random"},
            ["assignment epoch", "query random", "space random"],
        ),
    ],
)
def test_a_description_says_assignment_policy_and_space_in_one_line(settings, words):
    line = make_mitigation("facebone", settings).describe(NAMES)
    assert "\n" not in line
    for word in words:
        assert word in line
