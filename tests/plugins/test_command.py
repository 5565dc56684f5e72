"""`facebone plugins` lists what was found, and refuses what breaks the contract."""

from __future__ import annotations

import json

import pytest

from facebone.cli import run

MEMBERSHIP = "facebone.attacks.membership"

ATTACK = '''
import numpy as np
from facebone.attacks.access import Access
from facebone.attacks.base import MembershipAttack

class Mine(MembershipAttack):
    """Goal: DOC. Access: x. Knowledge: x. Success: x. References: nobody."""
    name = "NAME"
    summary = "an attack of a test"
    access = Access.SCORE
    knowledge = "Whether each candidate shows one person."

    def _score(self, observed):
        BODY
'''


MARGIN = "return observed.margin()"


def attack(name: str, score: str) -> str:
    return ATTACK.replace("NAME", name).replace("BODY", score)


BROKEN = {
    "blind": ("return np.zeros(len(observed))", "finds what is known by heart: AUC 0.500 on pairs"),
    "reversed": ("return -observed.margin()", "finds what is known by heart: AUC 0.000 on pairs"),
    "drawn": (
        "return observed.margin() + np.random.rand()",
        "a score depends on its own row alone: in another order: scores differ by",
    ),
    "chatty": ("print('hello'); return observed.margin()", "nothing is printed: prints: hello"),
    "greedy": (
        "observed.score[:] = 0.5; return observed.margin()",
        "inputs are not changed: changes an array that it was given",
    ),
    "crashing": ("return observed.no_such_thing", "raises AttributeError"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_contract_is_refused_with_the_reason(install, capsys, name) -> None:
    score, why = BROKEN[name]
    package = f"{name}-attack"
    install(package, {MEMBERSHIP: {name: "Mine"}}, attack(name, score))
    assert run(["plugins", "--check", name]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(
        f"error: attack {name}: from package {package} 1.0 breaks the contract: "
    )
    assert why in error


def test_one_that_keeps_it_is_said_to(install, capsys) -> None:
    install("good-attack", {MEMBERSHIP: {"good": "Mine"}}, attack("good", MARGIN))
    assert run(["plugins", "--check", "good"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("attack good from package good-attack 1.0 keeps the contract: ")
    assert "holds: finds what is known by heart" in shown.err


def test_the_list_shows_what_can_be_used_and_what_cannot(install, capsys) -> None:
    install("fine-attack", {MEMBERSHIP: {"fine": "Mine"}}, attack("fine", MARGIN))
    install("sick-attack", {MEMBERSHIP: {"sick": "Mine"}}, "raise OSError('no disk')", "2.3")
    assert run(["plugins"]) == 0
    shown = capsys.readouterr()
    assert [line.split() for line in shown.out.splitlines()] == [
        ["KIND", "NAME", "PACKAGE", "VERSION", "STATE"],
        ["attack", "fine", "fine-attack", "1.0", "ready"],
        ["attack", "sick", "sick-attack", "2.3", "refused"],
    ]
    assert shown.err == (
        "attack sick: from package sick-attack 2.3 cannot be imported: OSError: no disk; mend or "
        "uninstall that package\n"
    )
    assert run(["plugins", "--json"]) == 0
    fine, sick = json.loads(capsys.readouterr().out)
    assert (fine["name"], fine["problem"]) == ("fine", None)
    assert "no disk" in sick["problem"]


def test_wrong_use(install, capsys) -> None:
    install("only-attack", {MEMBERSHIP: {"only": "Mine"}}, attack("only", MARGIN))
    for words, message in (
        (["--check", "onyl"], "unknown plug-in 'onyl'; did you mean 'only'?"),
        (["--root", "x"], "--set and --root go with --check"),
        (["--check", "only", "--root", "x"], "attack only takes no root"),
        (["--check", "only", "--set", "epochs=3"], "unknown setting of attack only 'epochs'"),
    ):
        assert run(["plugins", *words]) == 2
        assert message in capsys.readouterr().err


def test_nothing_installed_says_so(capsys) -> None:
    assert run(["plugins"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert "no installed package brings parts" in shown.err
