"""The contract of attacks that rebuild pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from facebone.attacks.attack import Goal
from facebone.attacks.inversion.asked_leak import AskedLeak
from facebone.attacks.inversion.base import InversionAttack, OwnFaces
from facebone.attacks.inversion.classifier_leak import ClassifierLeak
from facebone.attacks.inversion.decision_leak import DecisionLeak
from facebone.attacks.inversion.leaks import Leak, TemplateLeak
from facebone.attacks.inversion.linear_decoder import Templates
from facebone.attacks.inversion.score_leak import ScoreLeak
from facebone.attacks.inversion.slope_leak import SlopeLeak
from facebone.backbones.base import Faces
from facebone.errors import UsageError
from facebone.testing.contract import Contract, expect, refused
from facebone.testing.declared import DECLARED, AttackSubject, words_of
from facebone.testing.quiet import silent, unchanged

Subject = AttackSubject[InversionAttack]

SIDE = 8
"""Pixels of a face."""

LEAST_FOUND = 0.9
"""Share of people whose picture is nearest to what was made of them, by a leak wide open."""

MOST_FOUND = 0.3
"""The same where nothing leaks."""


def look(pictures: object) -> object:
    """A network that sees every pixel: the best leak that can be planted."""
    from torch.nn import functional

    return functional.normalize(pictures.flatten(1) - 0.5)  # type: ignore[attr-defined]


def templates_of(faces: Faces) -> Templates:
    """What that network says of faces."""
    from facebone.attacks.inversion.tensors import to_tensor

    found: Templates = look(to_tensor(faces)).numpy()  # type: ignore[attr-defined]
    return found


def people(count: int, seed: int) -> Faces:
    """Symmetric faces that differ smoothly."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 2, 1, 3))
    half = np.kron(coarse, np.ones((1, SIDE // 2, SIDE // 2, 1)))
    return np.concatenate([half, half[:, :, ::-1]], axis=2).astype(np.uint8)


class Door:
    """A verifier that tells ten times the cosine with what is enrolled.

    Args:
        enrolled: templates of those who are attacked.
        owned: templates of the attacker's own faces.
    """

    def __init__(self, enrolled: Templates, owned: Templates) -> None:
        self.enrolled, self.owned = enrolled, owned

    def own(self, people: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Log odds of own faces against people."""
        return self.log_odds(people, self.owned[positions])

    def made(self, people: np.ndarray, pictures: Faces) -> np.ndarray:
        """Log odds of made pictures against people."""
        return self.log_odds(people, templates_of(pictures))

    def log_odds(self, people: np.ndarray, rows: Templates) -> np.ndarray:
        """Log odds of templates against people."""
        found = np.einsum("qd,qd->q", rows, self.enrolled[people], dtype=np.float64)
        return np.asarray(10 * found)


def leak_of(
    attack: InversionAttack,
    templates: Templates,
    owned: Templates,
    *,
    queries: int | None = None,
    seconds: float | None = None,
) -> Leak:
    """What such an attack is handed of people with these templates."""
    door = Door(templates, owned)

    def scores() -> Leak:
        asked = queries or attack.settings.queries
        return ScoreLeak(door, people=len(templates), queries=asked, seconds=seconds)

    def decisions() -> Leak:
        asked = queries or attack.settings.queries
        # One in twenty of the attacker's own faces passes.
        passed = 10 * float(np.quantile(owned @ templates.T, 0.95)) if len(templates) else 0.0
        return DecisionLeak(
            door, people=len(templates), queries=asked, threshold=passed, seconds=seconds
        )

    makers: dict[type[Leak], Callable[[], Leak]] = {
        TemplateLeak: lambda: TemplateLeak(templates),
        ScoreLeak: scores,
        DecisionLeak: decisions,
        SlopeLeak: lambda: SlopeLeak(door.log_odds, people=len(templates)),
        ClassifierLeak: lambda: ClassifierLeak.fit(templates, np.arange(len(templates))),
    }
    return makers[attack.leak_type]()


def nearest(made: Faces, real: Faces) -> np.ndarray:
    """Which real picture each reconstruction is nearest to."""
    apart = ((made[:, None].astype(float) - real[None]) ** 2).sum(axis=(2, 3, 4))
    return np.asarray(apart.argmin(axis=1))


def taught(subject: Subject, own: Faces, owned: Templates) -> InversionAttack:
    """The attack, having learnt from faces of its own."""
    attack = subject.make()
    attack.learn(OwnFaces(own, owned, look, templates_of))  # type: ignore[arg-type]
    return attack


def says_what_leak_it_takes(subject: Subject) -> None:
    """One that its access shows."""
    kind = subject.kind
    expect(kind.goal is Goal.RECONSTRUCTION, f"goal is {kind.goal}")
    known = (TemplateLeak, ScoreLeak, DecisionLeak, SlopeLeak, ClassifierLeak)
    expect(kind.leak_type in known, f"leak_type is {kind.leak_type.__name__}, which nobody makes")
    shown = kind.leak_type.access
    expect(shown is kind.access, f"access is {kind.access}, its leak takes {shown}")


def finds_a_planted_leak_and_nothing_where_there_is_none(subject: Subject) -> None:
    """Of thirty people."""
    own, real = people(400, seed=0), people(30, seed=1)
    owned = templates_of(own)
    attack = taught(subject, own, owned)
    made = attack.reconstruct(leak_of(attack, templates_of(real), owned), seed=0)
    what = f"made {made.dtype} of {made.shape}, not uint8 of {real.shape}"
    expect(made.shape == real.shape and made.dtype == np.uint8, what)
    share = float((nearest(made, real) == np.arange(30)).mean())
    least = LEAST_FOUND if subject.least is None else subject.least
    expect(share > least, f"finds {share:.0%} of people whose leak is wide open, not {least:.0%}")
    nothing = np.random.default_rng(0).normal(size=(30, 3 * SIDE * SIDE)).astype(np.float32)
    nothing /= np.linalg.norm(nothing, axis=1, keepdims=True)
    made = attack.reconstruct(leak_of(attack, nothing, owned), seed=0)
    share = float((nearest(made, real) == np.arange(30)).mean())
    expect(share < MOST_FOUND, f"finds {share:.0%} of people of whom nothing leaks")


def same_seed_same_pictures_and_none_of_nobody(subject: Subject) -> None:
    """To the byte."""
    own = people(100, seed=0)
    owned, wanted = templates_of(own), templates_of(people(5, seed=1))
    attack = taught(subject, own, owned)
    one, again = (attack.reconstruct(leak_of(attack, wanted, owned), seed=3) for _ in range(2))
    expect(one.tobytes() == again.tobytes(), "one seed made two pictures of one person")
    if attack.leak_type is not ClassifierLeak:
        none = attack.reconstruct(leak_of(attack, wanted[:0], owned), seed=0)
        expect(none.shape == (0, SIDE, SIDE, 3), f"made {none.shape} of nobody")


def no_budget_of_questions_is_overdrawn(subject: Subject) -> None:
    """Nor is one asked after time is up; who asks nothing has no such setting."""
    if not issubclass(subject.kind.leak_type, AskedLeak):
        what = "has a setting queries, and asks nothing"
        expect(not hasattr(subject.make().settings, "queries"), what)
        return
    own = people(100, seed=0)
    owned, wanted = templates_of(own), templates_of(people(12, seed=1))
    attack = taught(subject, own, owned)
    for queries in (1, 7, 60):
        leak = leak_of(attack, wanted, owned, queries=queries)
        made = attack.reconstruct(leak, seed=0)
        expect(made.shape == (12, SIDE, SIDE, 3), f"made {made.shape} of 12 people")
        asked = leak.asked
        most = 0 if asked is None else int(asked.max())
        what = f"asked {most} times, was given {queries}"
        expect(0 < most <= queries or queries == 1, what)
    late = leak_of(attack, wanted, owned, queries=60, seconds=0)
    made = attack.reconstruct(late, seed=0)
    expect(made.shape == (12, SIDE, SIDE, 3), f"made {made.shape} of 12 people without time")
    expect(late.asked is not None and not late.asked.any(), "asks after time is up")


def wrong_use_is_refused(subject: Subject) -> None:
    """Before it has learnt, with another leak, and without gradients that it needs."""
    own = people(100, seed=0)
    owned, wanted = templates_of(own), templates_of(people(5, seed=1))
    attack = subject.make()
    with refused(UsageError, f"attack {subject.name}: must learn before", when="not taught"):
        attack.reconstruct(leak_of(attack, wanted, owned), seed=0)
    attack = taught(subject, own, owned)
    other = next(kind for kind in (TemplateLeak, SlopeLeak) if kind is not attack.leak_type)
    given: Leak = (
        TemplateLeak(wanted)
        if other is TemplateLeak
        else SlopeLeak(Door(wanted, owned).log_odds, people=5)
    )
    needs = f"attack {subject.name}: needs {attack.access} access, to a "
    with refused(UsageError, needs, when=f"given a {other.__name__}"):
        attack.reconstruct(given, seed=0)
    if attack.needs_sight:
        with refused(UsageError, "needs to look at pictures", when="given no sight"):
            subject.make().learn(OwnFaces(own, owned))
    if attack.needs_gradients:
        with refused(UsageError, "take one that needs none", when="given no gradients"):
            subject.make().learn(OwnFaces(own, owned))


def nothing_is_printed_or_changed(subject: Subject) -> None:
    """By nobody inside it."""
    own, wanted = people(100, seed=0), templates_of(people(5, seed=1))
    owned = templates_of(own)
    with silent(), unchanged(own, owned, wanted):
        attack = taught(subject, own, owned)
        attack.reconstruct(leak_of(attack, wanted, owned), seed=3)


RECONSTRUCTION: Contract[Subject] = Contract(
    words_of,
    *DECLARED,
    says_what_leak_it_takes,
    finds_a_planted_leak_and_nothing_where_there_is_none,
    same_seed_same_pictures_and_none_of_nobody,
    no_budget_of_questions_is_overdrawn,
    wrong_use_is_refused,
    nothing_is_printed_or_changed,
)
