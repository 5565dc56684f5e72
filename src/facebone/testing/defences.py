"""The contract of defences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import safetensors.numpy

from facebone.errors import MissingPartError, UnknownNameError, UsageError
from facebone.mitigations.base import Mitigation, MitigationSettings
from facebone.settings import parse_settings, parse_spec
from facebone.testing.contract import Contract, expect, refused
from facebone.testing.heads_world import NAMES, turned_pairs
from facebone.testing.quiet import silent
from facebone.verification.heads import Head, head_from_state
from facebone.verification.metrics import auc

QUICK = {"layers": [16, 8], "batch_norm": [1], "epochs": 12, "learning_rate": 1e-2}
"""Settings of the head ``mlp``."""

HEADS = ("mlp", "logistic", "quality")
"""Heads that a defence is tried on; it may refuse some."""

LEAST_AUC = 0.85
"""Of a defended head on a problem that is easy."""


@dataclass(frozen=True)
class DefenceSubject:
    """A defence's class, and what its checks need to know.

    Args:
        kind: the class.
        settings: names and plain values that ease it until it learns from a few hundred pairs.
    """

    kind: type[Mitigation]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the defence."""
        return self.kind.name

    def make(self, settings: Mapping[str, Any] | None = None) -> Mitigation:
        """The defence under these settings, or its defaults."""
        owner = f"mitigation {self.name}"
        return self.kind(parse_settings(self.kind.settings_type, settings or {}, owner=owner))


def head_settings(head: str) -> dict[str, Any]:
    """Quick settings of a head."""
    return dict(QUICK) if head == "mlp" else {}


def protected(mitigation: Mitigation, head: str) -> Head | None:
    """An unfitted head with the defence; None where the defence says that it is for others.

    Raises:
        AssertionError: the refusal does not say who refuses.
    """
    try:
        return mitigation.protect(head, head_settings(head), backbones=NAMES)
    except MissingPartError:
        raise
    except UsageError as error:
        named = f"mitigation {mitigation.name}" in str(error)
        expect(named, f"refuses head {head} without saying who does: {error}")
        return None


def fitted(mitigation: Mitigation, head: str, seed: int) -> Head | None:
    """A fitted head with the defence; None where the defence says that it is for others."""
    made = protected(mitigation, head)
    if made is not None:
        made.fit(*turned_pairs(), seed=seed)
    return made


def answers(head: Head, seed: int = 0) -> np.ndarray:
    """What it answers, drawing from `seed` where it draws."""
    head.reseed(np.random.default_rng(seed))
    return np.asarray(head.score(turned_pairs(seed=1)[0]))


def expect_round_trip(head: Head) -> None:
    """A saved head is the same head.

    Raises:
        AssertionError: it is not.
    """
    config, arrays = head.state()
    read = safetensors.numpy.load(safetensors.numpy.save(arrays))
    again = head_from_state(json.loads(json.dumps(config)), read)
    expect(type(again) is type(head), f"is saved as a {type(head).__name__}, comes back as another")
    expect(again.settings == head.settings, "saved settings come back as others")
    expect(again.answers_vary == head.answers_vary, "answers of a saved head vary otherwise")
    expect(answers(again).tobytes() == answers(head).tobytes(), "a saved head answers otherwise")
    found, saved = again.state()
    expect(found == config, f"is saved as {config}, and then as {found}")
    for name, array in saved.items():
        alike = array.dtype == arrays[name].dtype and array.tobytes() == arrays[name].tobytes()
        expect(alike, f"the array {name} comes back as another")


def says_what_it_is(subject: DefenceSubject) -> None:
    """In one line, with all backbones that it uses."""
    made = subject.make()
    expect(bool(made.summary) and "\n" not in made.summary, f"summary is {made.summary!r}")
    proper = issubclass(subject.kind.settings_type, MitigationSettings)
    expect(proper, "settings_type is not derived from MitigationSettings")
    line = made.describe(NAMES)
    expect("\n" not in line, f"describe gives several lines: {line!r}")
    expect(all(name in line for name in NAMES), f"describe leaves out a backbone: {line!r}")


def docstring_says_what_it_does(subject: DefenceSubject) -> None:
    """For people who choose among defences."""
    words = subject.kind.__doc__ or ""
    expect(len(words.split()) > 5, "has no docstring")


def protected_heads_learn_and_repeat_for_a_seed(subject: DefenceSubject) -> None:
    """Of the heads that it takes, at least one; saved, they are the same."""
    pairs, same = turned_pairs(seed=1)
    taken = 0
    for head in HEADS:
        mitigation = subject.make(subject.settings)
        one = fitted(mitigation, head, seed=2)
        if one is None:
            continue
        taken += 1
        figure = auc(one.score(pairs), same)
        expect(figure > LEAST_AUC, f"AUC {figure:.3f} of {head} under it, needs {LEAST_AUC}")
        again = fitted(mitigation, head, seed=2)
        alike = again is not None and answers(again).tobytes() == answers(one).tobytes()
        expect(alike, f"one seed made two of {head}")
        expect_round_trip(one)
    expect(taken > 0, f"takes none of the heads {', '.join(HEADS)}")


def a_protected_head_is_unfitted_and_independent_of_another(subject: DefenceSubject) -> None:
    """Fitting one leaves the other alone."""
    mitigation = subject.make()
    for head in HEADS:
        first, second = (protected(mitigation, head) for _ in range(2))
        if first is None or second is None:
            continue
        expect(first.dimensions is None, f"{head} is fitted before anybody fits it")
        first.fit(*turned_pairs(), seed=0)
        expect(second.dimensions is None, f"fitting one {head} fits another")
        if second.learns:
            with refused(UsageError, "before it is fitted", when="asked before it is fitted"):
                second.score(turned_pairs()[0])
        return


def defaults_have_a_short_name(subject: DefenceSubject) -> None:
    """Its own."""
    made = subject.make()
    expect(made.public_settings() == {}, f"changes its own defaults: {made.public_settings()}")
    expect(made.spec() == subject.name, f"is called {made.spec()!r}")


def settings_of_others_are_refused(subject: DefenceSubject) -> None:
    """Unknown names, and settings of another type."""
    kind: Any = subject.kind
    message = f"mitigation {subject.name}: needs settings of type"
    with refused(UsageError, message, when="given settings of another type"):
        kind("none")
    message = f"unknown setting of mitigation {subject.name}"
    with refused(UnknownNameError, message, when="given a setting that it does not have"):
        subject.make({"no_such_setting": "one"})


def backbones_are_chosen_by_name_and_in_order(subject: DefenceSubject) -> None:
    """All of them by default."""

    def columns(given: Any, names: Any = NAMES) -> tuple[int, ...]:
        return subject.make({"backbones": given}).columns(names)

    expect(subject.make().columns(NAMES) == (0, 1, 2), "does not use all backbones by default")
    expect(columns("two") == columns(["two"]) == columns(("two",)) == (1,), "one is not chosen")
    expect(columns(["three", "one"]) == (2, 0), "the order of backbones is not kept")
    message = "unknown backbone 'tow'; did you mean 'two'"
    with refused(UnknownNameError, message, when="given a backbone that is not there"):
        columns(["one", "tow"])
    message = "backbones: 'two' is named twice; name it once"
    with refused(UsageError, message, when="given a backbone twice"):
        columns(["two", "one", "two"])


def a_spec_says_all_that_is_needed_to_make_it_again(subject: DefenceSubject) -> None:
    """As a command names it."""
    one = subject.make({"backbones": ["three", "one"]})
    expect(one.spec() == f"{subject.name}:backbones=three+one", f"is called {one.spec()!r}")
    name, settings = parse_spec(one.spec(), where="spec")
    again = subject.make(settings)
    expect(name == subject.name and again.settings == one.settings, "a spec makes another")
    public = one.public_settings()
    expect(public == {"backbones": ["three", "one"]}, f"public settings are {public}")


def nothing_is_printed(subject: DefenceSubject) -> None:
    """By nobody inside it."""
    with silent():
        for head in HEADS:
            if (made := fitted(subject.make(subject.settings), head, seed=0)) is not None:
                answers(made)
                return


DEFENCE: Contract[DefenceSubject] = Contract(
    lambda subject: f"mitigation {subject.name}",
    says_what_it_is,
    docstring_says_what_it_does,
    protected_heads_learn_and_repeat_for_a_seed,
    a_protected_head_is_unfitted_and_independent_of_another,
    defaults_have_a_short_name,
    settings_of_others_are_refused,
    backbones_are_chosen_by_name_and_in_order,
    a_spec_says_all_that_is_needed_to_make_it_again,
    nothing_is_printed,
)
