"""One contract over every registered extraction attack."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import numpy as np
import pytest

from facebone.attacks.access import Access
from facebone.attacks.attack import Goal
from facebone.attacks.extraction.answers import Answers
from facebone.attacks.extraction.base import EXTRACTIONS
from facebone.attacks.extraction.curve import extract
from facebone.attacks.extraction.known import KnownPictures
from facebone.attacks.extraction.oracle import Oracle
from facebone.errors import UsageError
from facebone.verification.metrics import auc

# Small enough to be quick; every other setting keeps its default.
QUICK = {
    "copy_head": {"layers": [32], "networks": 1, "steps": 300},
    "copy_decisions": {"layers": [32], "networks": 1, "steps": 300},
    "metric_copy": {"hidden": 32, "steps": 400, "learning_rate": 1e-2},
    "knockoff": {"layers": [64], "steps": 300},
    "copycat": {"layers": [64], "steps": 300},
}
SCORED = [name for name in EXTRACTIONS.names() if EXTRACTIONS.get(name).access is Access.SCORE]

WEIGHTS = np.array([0.1, 3.0, 0.1, 3.0, 3.0, 0.1, 0.1, 0.1])


def pictures(seed, people=60, each=5):
    """Embeddings of people under one backbone of eight numbers."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), each)
    rows = rng.normal(size=(people, 8))[who] + 0.5 * rng.normal(size=(len(who), 8))
    return KnownPictures((rows.astype(np.float32),), who)


def drawn(known, n, seed):
    """Pairs, a third of them matched."""
    rng = np.random.default_rng((seed, 1))
    left, right = rng.integers(0, len(known), (2, n))
    near = left // 5 * 5 + (left + rng.integers(1, 5, n)) % 5
    right = np.where(np.arange(n) % 3 == 0, near, right)
    kept = left != right
    return left[kept], right[kept]


def margins(pairs):
    """A victim that weighs some directions far more than others, which no public cosine shows."""
    return 8.0 * (pairs.products().astype(np.float64) @ WEIGHTS) - 5.0


def asked(name, known, n=1500, seed=0, victim=margins):
    """What the attack may see of answers about n pairs."""
    left, right = drawn(known, n, seed)
    margin = victim(known.embedded(left, right))
    if EXTRACTIONS.get(name).access is Access.DECISION:
        margin = np.where(margin >= 0, np.inf, -np.inf)
    return Answers(left, right, margin)


def copied(name, known, answers, seed=0, **settings):
    return EXTRACTIONS.make(name, QUICK[name] | settings).copy(known, answers, seed=seed)


@pytest.fixture(params=EXTRACTIONS.names())
def name(request):
    return request.param


@pytest.fixture(scope="module")
def known():
    return pictures(1)


@pytest.fixture(scope="module")
def judged():
    """Pairs of other people."""
    others = pictures(2)
    return others.embedded(*drawn(others, 1500, 3))


def test_declares_what_it_wants_sees_and_knows(name):
    kind = EXTRACTIONS.get(name)
    assert kind.name == name
    assert kind.goal is Goal.EXTRACTION
    assert kind.access in (Access.DECISION, Access.SCORE)
    for sentence in (kind.summary, kind.knowledge):
        assert len(sentence) > 5
        assert "\n" not in sentence
    assert kind.knowledge.endswith(".")


def test_docstring_opens_with_goal_access_knowledge_and_success(name):
    words = (EXTRACTIONS.get(name).__doc__ or "").split()
    assert words[0] == "Goal:"
    places = [words.index(part) for part in ("Goal:", "Access:", "Knowledge:", "Success:")]
    assert places == sorted(places)
    assert "References:" in words


def test_copies_what_public_embeddings_do_not_show(name, known, judged):
    copy = copied(name, known, asked(name, known))
    truth = margins(judged) >= 0
    public = auc(judged.cosines()[:, 0], truth)
    assert auc(copy.score(judged), truth) > max(0.93, public + 0.05)
    agreement = np.mean((copy.score(judged) >= copy.threshold) == truth)
    assert agreement > 0.85
    assert copy.queries == len(asked(name, known))


def test_copies_nothing_where_answers_are_chance(name, known, judged):
    """Answers of another world entirely: they have the victim's distribution, and no sense."""

    def chance(pairs):
        return np.random.default_rng(5).permutation(margins(pairs))

    copy = copied(name, known, asked(name, known, victim=chance))
    # Pairs of the same people share what little there is, so an AUC strays further than by chance.
    truth = np.random.default_rng(6).permutation(margins(judged)) >= 0
    count = int(truth.sum())
    spread = (len(truth) / (12 * count * (len(truth) - count))) ** 0.5
    assert auc(copy.score(judged), truth) == pytest.approx(0.5, abs=4 * spread)


def test_refuses_the_wrong_access_by_name(name, known, judged):
    attack = EXTRACTIONS.make(name, QUICK[name])

    def victim(left, right):
        return margins(known.embedded(left, right))

    oracle = Oracle(victim, pictures=len(known), access=Access.DECISION, queries=100)

    def run():
        return extract(attack, oracle, known, judged, far=0.05, seed=0, checkpoints=[100])

    if attack.access is Access.DECISION:
        assert len(run().points) == 1
        return
    with pytest.raises(UsageError, match=f"attack {name}: needs score access"):
        run()
    left, right = drawn(known, 100, 0)
    decisions = Answers(left, right, np.where(np.arange(len(left)) % 2, np.inf, -np.inf))
    with pytest.raises(UsageError, match=f"attack {name}: needs score access"):
        attack.copy(known, decisions, seed=0)


@pytest.mark.parametrize("name", SCORED)
def test_the_unit_of_scores_does_not_matter(name, known, judged):
    answers = asked(name, known)
    stretched = Answers(answers.left, answers.right, answers.margin * 4)
    one, other = copied(name, known, answers), copied(name, known, stretched)
    np.testing.assert_allclose(other.score(judged), 4 * one.score(judged), rtol=1e-3, atol=1e-2)


def test_same_seed_same_copy(name, known, judged):
    answers = asked(name, known)
    first, second = (copied(name, known, answers, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.score(judged), second.score(judged))
    assert first.threshold == second.threshold


def test_another_seed_another_copy(name, known, judged):
    answers = asked(name, known)
    first, second = (copied(name, known, answers, seed=seed) for seed in (5, 6))
    assert (first.score(judged) != second.score(judged)).any()


def test_no_global_seed_is_used_or_changed(name, known, judged):
    import torch

    answers = asked(name, known, n=300)
    wanted = copied(name, known, answers).score(judged)
    torch.manual_seed(99)
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002

    def state():
        numpy_state = np.random.get_state()[1].tolist()  # noqa: NPY002
        threads = torch.get_num_threads()
        return torch.get_rng_state().tolist(), random.getstate(), numpy_state, threads

    before = state()
    np.testing.assert_array_equal(copied(name, known, answers).score(judged), wanted)
    assert state() == before


def test_nothing_is_printed(name, known, judged, capfd):
    copied(name, known, asked(name, known, n=300)).score(judged)
    assert capfd.readouterr() == ("", "")


def test_inputs_are_not_changed(name, known):
    answers = asked(name, known, n=300)
    before = [answers.left.copy(), answers.right.copy(), answers.margin.copy()]
    matrix = known.matrices[0].copy()
    copied(name, known, answers)
    for a, b in zip((answers.left, answers.right, answers.margin), before, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(known.matrices[0], matrix)


def test_a_score_depends_on_its_own_pair_alone(name, known, judged):
    copy = copied(name, known, asked(name, known, n=300))
    found = copy.score(judged)
    order = np.random.default_rng(0).permutation(len(judged))
    np.testing.assert_allclose(copy.score(judged.take(order)), found[order], rtol=1e-4, atol=1e-4)
    alone = copy.score(judged.take(np.array([7])))
    np.testing.assert_allclose(alone, found[[7]], rtol=1e-4, atol=1e-4)
    assert copy.score(judged.take(np.arange(0))).shape == (0,)


@pytest.mark.parametrize("value", [-3.0, 3.0])
def test_a_victim_that_always_answers_alike_is_copied_so(name, known, judged, value):
    answers = asked(name, known, n=300, victim=lambda pairs: np.full(len(pairs), value))
    copy = copied(name, known, answers)
    assert ((copy.score(judged) >= copy.threshold) == (value > 0)).all()


@pytest.mark.parametrize("count", [2, 3, 10, 40])
def test_however_few_answers_scores_are_finite(name, known, judged, count):
    answers = asked(name, known, n=300)
    yes, no = np.flatnonzero(answers.decided), np.flatnonzero(~answers.decided)
    some = answers.take(np.concatenate([yes[:1], no[: count - 1]]))
    copy = copied(name, known, some)
    assert np.isfinite(copy.score(judged)).all()
    assert np.isfinite(copy.threshold)


def test_fewer_than_two_answers_are_refused(name, known):
    answers = asked(name, known, n=300)
    with pytest.raises(UsageError, match=f"attack {name}: needs two answers or more, got 1"):
        copied(name, known, answers.take(np.arange(1)))


def test_several_backbones(name):
    rng = np.random.default_rng(4)
    one, other = pictures(1), pictures(2)

    def second(known):
        moved = known.matrices[0] @ rng.normal(size=(8, 5)).astype(np.float32)
        return KnownPictures((known.matrices[0], moved), known.people)

    known, others = second(one), second(other)
    left, right = drawn(known, 1500, 0)
    answers = asked(name, one)
    copy = copied(name, known, answers)
    left, right = drawn(others, 1500, 3)
    truth = margins(other.embedded(left, right)) >= 0
    assert auc(copy.score(others.embedded(left, right)), truth) > 0.9


def test_settings_of_another_attack_are_refused(name):
    with pytest.raises(UsageError, match=f"attack {name}: needs settings of type"):
        EXTRACTIONS.get(name)(object())


def test_a_copy_is_the_same_in_another_process():
    """Nothing hangs on the hash seed or on what was imported before."""
    code = """
import numpy as np
from facebone.attacks.extraction.answers import Answers
from facebone.attacks.extraction.base import EXTRACTIONS
from facebone.attacks.extraction.known import KnownPictures
rng = np.random.default_rng(0)
known = KnownPictures((rng.normal(size=(60, 6)).astype(np.float32),), np.arange(60) // 3)
left, right = np.arange(0, 59), np.arange(1, 60)
answers = Answers(left, right, rng.normal(size=59))
attack = EXTRACTIONS.make("knockoff", {"layers": [8], "steps": 20})
found = attack.copy(known, answers, seed=1).score(known.embedded(left, right)).tobytes().hex()
"""
    here: dict[str, str] = {}
    exec(code, here)
    there = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}print(found)"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "7"},
    ).stdout
    assert there.strip() == here["found"]
