"""A whole extraction: copies after more and more questions, budgets, control and baseline."""

from __future__ import annotations

from itertools import chain, repeat

import numpy as np
import pytest

from facebone.attacks.access import Access
from facebone.attacks.extraction.answers import AnswerFile
from facebone.attacks.extraction.base import EXTRACTIONS
from facebone.attacks.extraction.curve import extract
from facebone.attacks.extraction.figures import Verifier, measure_copy
from facebone.attacks.extraction.known import KnownPictures
from facebone.attacks.extraction.oracle import Oracle
from facebone.data.pairs import Pairs
from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import make_head
from facebone.verification.metrics import auc

LINEAR = {"heads": ["logistic", "products"]}


def run(world, strangers, attack="copy_head", settings=LINEAR, oracle=None, **changes):
    made = EXTRACTIONS.make(attack, settings)
    if oracle is None:
        oracle = ask(world, access=made.access)
    left, right, _ = strangers.pairs()
    given = {"far": 0.01, "seed": 1, "checkpoints": (100, 300, 1000)}
    return extract(made, oracle, world.known, strangers.embedded(left, right), **given | changes)


def ask(world, **changes):
    given = {"pictures": len(world.people), "access": Access.SCORE, "queries": 2000}
    return Oracle(world.victim, **given | changes)


def agreement(point, strangers):
    left, right, _ = strangers.pairs()
    victim = strangers.victim(left, right) >= 0
    return np.mean((point.scores >= point.threshold) == victim)


def test_a_victim_is_copied_the_better_the_more_it_is_asked(world, strangers):
    found = run(world, strangers)
    assert [point.queries for point in found.points] == [100, 300, 1000]
    shares = [agreement(point, strangers) for point in found.points]
    assert shares[-1] > 0.97
    assert shares[-1] >= shares[0]
    assert found.stopped is None
    assert found.points[-1].made_of == "products"


def test_a_victim_asked_about_decisions_is_copied_by_asking_near_its_boundary(world, strangers):
    found = run(world, strangers, "copy_decisions")
    assert agreement(found.points[-1], strangers) > 0.93


def test_what_was_copied_is_told_from_what_is_public_and_from_chance(world, strangers):
    found = run(world, strangers)
    left, right, same = strangers.pairs()
    victim = Verifier(strangers.victim(left, right), 0.0)
    baseline = Verifier(found.baseline.scores, found.baseline.threshold)

    def measured(point):
        copy = Verifier(point.scores, point.threshold)
        people = strangers.people[left], strangers.people[right]
        return measure_copy(copy, victim, baseline, same=same, people=people, seed=0)

    assert measured(found.points[-1]).learnt
    assert measured(found.points[-1]).gain.low > 0.01
    assert not measured(found.control).learnt
    assert found.control.queries == 1000


@pytest.mark.parametrize("access", [Access.SCORE, Access.DECISION])
@pytest.mark.parametrize("kind", ["random", "key"])
def test_nothing_is_learnt_of_a_victim_that_answers_by_chance_or_by_a_key(
    world, strangers, kind, access
):
    rng = np.random.default_rng(3)
    key = np.array([31, 17])

    def victim(left, right):
        if kind == "random":
            return rng.normal(size=len(left))
        # A number that belongs to the pair, and says nothing of who is on it.
        pairs = np.stack([left, right], axis=1)
        return np.array([np.random.default_rng([*(pair * key), 9]).normal() for pair in pairs])

    world.victim = victim
    attack = "copy_head" if access is Access.SCORE else "copy_decisions"
    found = run(world, strangers, attack, control=0)
    left, right, _ = strangers.pairs()
    truth = victim(left, right) >= 0
    # The deviation of an AUC of 500 against 500 without a difference is sqrt(1 / (6 * 500)); pairs
    # share pictures, so it is larger here.
    assert auc(found.points[-1].scores, truth) == pytest.approx(0.5, abs=0.08)


def test_an_mlp_is_copied_with_the_order_that_it_minds(world, strangers):
    victim = make_head("mlp", {"layers": [16, 8], "batch_norm": [], "epochs": 30})
    left, right, same = strangers.pairs(600, seed=9)
    victim.fit(strangers.embedded(left, right), same, seed=0)
    world.victim = lambda left, right: victim.logit(world.embedded(left, right))
    left, right, _ = strangers.pairs()
    questions = strangers.embedded(left, right)
    wanted = victim.logit(questions)
    turned = victim.logit(questions.turned())
    assert np.corrcoef(wanted, turned)[0, 1] < 0.98
    settings = {"heads": "mlp", "networks": 2, "steps": 400, "learning_rate": 1e-3}
    found = run(
        world, strangers, settings=settings, checkpoints=[2000], oracle=ask(world), control=0
    )
    point = found.points[0]
    assert point.made_of == "mlp"
    assert np.corrcoef(point.scores, wanted)[0, 1] > np.corrcoef(turned, wanted)[0, 1]


def test_a_regression_is_copied_exactly_and_no_network_is_tried(world, strangers):
    victim = make_head("logistic")
    left, right, same = strangers.pairs(600, seed=9)
    victim.fit(strangers.embedded(left, right), same, seed=0)
    world.victim = lambda left, right: victim.logit(world.embedded(left, right))
    # A network of as many steps would take minutes.
    settings = {"steps": 10**6, "heads": ["logistic", "mlp"]}
    found = run(world, strangers, settings=settings, checkpoints=[100], control=0)
    point = found.points[0]
    assert point.made_of == "logistic"
    left, right, _ = strangers.pairs()
    wanted = victim.logit(strangers.embedded(left, right))
    np.testing.assert_allclose(point.scores, wanted, atol=0.1)


def test_an_attacker_with_other_eyes_learns_from_the_victims_answers(world, strangers):
    """They embed pictures by a backbone that the victim does not have."""
    mixing = np.random.default_rng(11).normal(size=(12, 8)).astype(np.float32)
    eyes = KnownPictures((world.matrix @ mixing,), world.people)
    left, right, _ = strangers.pairs()
    questions = EmbeddedPairs.gather(
        [strangers.matrix @ mixing], Pairs(left, right, strangers.people[left] == 0)
    )
    made = EXTRACTIONS.make("copy_head", LINEAR)
    found = extract(made, ask(world), eyes, questions, far=0.01, seed=1, checkpoints=[1000])
    victim = strangers.victim(left, right) >= 0
    assert auc(found.points[0].scores, victim) > auc(found.baseline.scores, victim)


@pytest.mark.parametrize("attack", ["copy_head", "copy_decisions"])
def test_no_more_questions_are_asked_than_the_budget_has(world, strangers, attack):
    found = run(world, strangers, attack, oracle=ask(world, queries=250), control=0)
    assert world.asked == 250
    assert found.stopped == "queries"
    assert [point.queries for point in found.points] == [100, 250]


def test_it_stops_when_the_time_is_used_up(world, strangers):
    clock = chain([0.0, 1.0, 2.0], repeat(11.0))
    oracle = ask(world, seconds=10, clock=lambda: next(clock))
    found = run(world, strangers, oracle=oracle)
    assert found.stopped == "seconds"
    assert [point.queries for point in found.points] == [100]
    assert found.control is None
    assert world.asked == 100


@pytest.mark.parametrize("attack", ["copy_head", "copy_decisions"])
def test_what_was_interrupted_goes_on_and_ends_the_same(world, strangers, tmp_path, attack):
    kept = AnswerFile(tmp_path / "answers.npz", identity="the victim")
    whole = run(world, strangers, attack, control=0)
    world.asked = 0
    first = run(world, strangers, attack, oracle=ask(world, queries=250, kept=kept), control=0)
    assert (first.stopped, world.asked) == ("queries", 250)
    second = run(world, strangers, attack, oracle=ask(world, kept=kept), control=0)
    # A round of those who look for the boundary may have been cut short by the budget: what it
    # asked is known, and the round goes another way from there.
    assert 1000 <= world.asked <= 1000 + 250
    for one, other in zip(second.points, whole.points, strict=True):
        np.testing.assert_array_equal(one.scores, other.scores)


def test_an_attack_that_needs_scores_refuses_decisions_by_name(world, strangers):
    oracle = ask(world, access=Access.DECISION)
    with pytest.raises(
        UsageError, match="attack copy_head: needs score access, and the victim shows decision"
    ):
        run(world, strangers, oracle=oracle)
    assert world.asked == 0


def test_who_sees_scores_may_look_at_decisions_alone(world, strangers):
    one = run(world, strangers, "copy_decisions", oracle=ask(world), control=0)
    oracle = ask(world, access=Access.DECISION)
    other = run(world, strangers, "copy_decisions", oracle=oracle, control=0)
    np.testing.assert_array_equal(one.points[-1].scores, other.points[-1].scores)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"checkpoints": (300, 100)}, "must rise"),
        ({"checkpoints": ()}, "must rise"),
        ({"checkpoints": (1,)}, "checkpoints: must be an integer of at least 2"),
        ({"far": 0.0}, "far"),
        ({"far": 1e-6}, "at least 3000000 mismatched pairs, and 360 pictures make 63720"),
        ({"control": -1}, "control"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_question_is_asked(
    world, strangers, change, message
):
    with pytest.raises(UsageError, match=message):
        run(world, strangers, **change)
    assert world.asked == 0


def test_pictures_and_backbones_that_do_not_fit_are_refused(world, strangers):
    with pytest.raises(UsageError, match="holds 360 pictures, and the victim answers about 10"):
        run(world, strangers, oracle=ask(world, pictures=10))
    left, right, same = strangers.pairs()
    other = EmbeddedPairs.gather([strangers.matrix[:, :8]], Pairs(left, right, same))
    made = EXTRACTIONS.make("copy_head")
    with pytest.raises(UsageError, match=r"backbones of width \(12,\), .* of width \(8,\)"):
        extract(made, ask(world), world.known, other, far=0.01, seed=0)


def test_the_baseline_asks_nothing_and_works_at_the_rate_asked_for(world, strangers):
    found = run(world, strangers, far=0.05).baseline
    assert found.queries == 0
    left, right, same = strangers.pairs(20_000, seed=3)
    accepted = found.copy.score(strangers.embedded(left, right)) >= found.threshold
    assert accepted[~same].mean() == pytest.approx(0.05, abs=0.02)
    assert accepted[same].mean() > 0.5


def test_progress_is_told_of_every_question(world, strangers):
    told = []

    class Told:
        def __init__(self, label, total):
            told.append((label, total))

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def advance(self, count):
            told.append(count)

    run(world, strangers, progress=Told)
    assert told[0] == ("asking for copy_head", 1000)
    assert sum(told[1:]) == 1000


def test_pictures_of_nobody_twice_give_no_baseline(strangers):
    alone = KnownPictures((strangers.matrix[::6],), strangers.people[::6])
    left, right, _ = strangers.pairs()
    oracle = Oracle(strangers.victim, pictures=60, access=Access.SCORE, queries=100)
    with pytest.raises(UsageError, match="known pictures: show nobody twice"):
        extract(
            EXTRACTIONS.make("copy_head"),
            oracle,
            alone,
            strangers.embedded(left, right),
            far=0.01,
            seed=0,
        )
