"""Plug-ins are found by entry points, imported when used, and refused with the reason."""

from __future__ import annotations

import itertools
import sys

import pytest

from facebone.attacks.asking import Asking, parse_attack
from facebone.attacks.base import ATTACKS
from facebone.attacks.linkage.base import LINKAGES
from facebone.audit.attack_choice import split_goals
from facebone.audit.environment import code_fingerprint, describe_environment
from facebone.backbones.zoo import Zoo, load_backbone
from facebone.data.dataset import load_dataset
from facebone.errors import PluginError, UnknownNameError, UsageError
from facebone.mitigations.base import MITIGATIONS
from facebone.plugins import passed_over
from facebone.scale.executor import make_executor
from facebone.testing.found import find
from facebone.verification.heads import head_kind

MEMBERSHIP = "facebone.attacks.membership"

ATTACK = '''
from facebone.attacks.membership.loss_threshold import LossThreshold

class Mine(LossThreshold):
    """Goal: another name for the loss threshold."""
    name = "NAME"
'''


def attack(name: str) -> str:
    return ATTACK.replace("NAME", name)


def test_a_part_of_another_package_is_found_listed_and_made(install) -> None:
    install("their-attack", {MEMBERSHIP: {"their_attack": "Mine"}}, attack("their_attack"))
    assert "their_attack" in ATTACKS
    assert "their_attack" in ATTACKS.names()
    assert "their_attack" not in ATTACKS.own_names()
    assert "their_attack" not in LINKAGES
    assert ATTACKS.make("their_attack").summary == ATTACKS.get("loss_threshold").summary
    assert parse_attack("their_attack:ask=centre").name == "their_attack"
    assert split_goals(["their_attack"]) == (("their_attack",), ())
    with pytest.raises(UnknownNameError, match="did you mean 'their_attack'"):
        split_goals(["their_atack"])
    assert describe_environment(device="cpu")["packages"]["their-attack"] == "1.0"


def test_nothing_is_imported_before_it_is_used(install) -> None:
    install("lazy-attack", {MEMBERSHIP: {"lazy_attack": "Mine"}}, attack("lazy_attack"))
    assert "lazy_attack" in ATTACKS.names()
    assert ATTACKS.make("lira").name == "lira"
    code_fingerprint(["lazy_attack"])
    assert "lazy_attack" not in sys.modules
    ATTACKS.get("lazy_attack")
    assert "lazy_attack" in sys.modules


REFUSED = {
    "broken_import": ("import no_such_module_at_all", "cannot be imported: ModuleNotFoundError"),
    "leaves_python": ("raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
    "lacks_it": ("Other = 1", "cannot be imported: AttributeError"),
    "is_no_class": ("Mine = 3", "is no class derived from facebone.attacks.base.MembershipAttack"),
    "is_a_head": (
        "from facebone.verification.heads.cosine import CosineHead as Mine",
        "is no class derived from facebone.attacks.base.MembershipAttack",
    ),
    "is_abstract": (
        "from facebone.attacks.base import MembershipAttack as Mine",
        "lacks the method _score",
    ),
    "says_nothing": (
        "from facebone.attacks.base import MembershipAttack\n"
        "class Mine(MembershipAttack):\n"
        "    name = 'says_nothing'\n"
        "    def _score(self, observed): return observed.margin()\n",
        "lacks the attribute summary",
    ),
    "other_name": (
        attack("another_name"),
        "calls itself 'another_name', and its entry point 'other_name': both must be one name",
    ),
    "odd_settings": (
        attack("odd_settings") + "    settings_type = dict\n",
        "has a settings_type that is no dataclass",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_with_package_and_reason(install, name: str) -> None:
    code, why = REFUSED[name]
    package = name.replace("_", "-")
    install(package, {MEMBERSHIP: {name: "Mine"}}, code)
    with pytest.raises(PluginError) as caught:
        ATTACKS.make(name)
    text = str(caught.value)
    assert text.startswith(f"attack {name}: from package {package} 1.0 ")
    assert why in text
    assert "\n" not in text
    assert ATTACKS.make("lira").name == "lira"
    (found,) = [one for one in find() if one.plugin.package == package]
    assert found.problem == text


def test_one_that_cannot_be_used_is_passed_over_where_all_are_tried(install) -> None:
    install("no-defence", {"facebone.defences": {"no_defence": "Mine"}}, "raise OSError('no disk')")
    passed_over()
    kinds = dict(MITIGATIONS.usable())
    assert set(kinds) == set(MITIGATIONS.own_names())
    (line,) = passed_over()
    assert line.startswith("mitigation no_defence: from package no-defence 1.0 cannot be imported")
    assert "OSError: no disk" in line
    assert passed_over() == []


def test_our_own_parts_keep_their_names(install) -> None:
    groups = {
        MEMBERSHIP: {"lira": "Mine"},
        "facebone.attacks.linkage": {"gap": "Mine"},
        "facebone.adaptations": {"mlp": "Mine"},
        "facebone.backbones": {"tiny_plain": "Mine"},
    }
    install("name-thief", groups, "raise RuntimeError('must not be imported')")
    assert ATTACKS.get("lira").__module__ == "facebone.attacks.membership.lira"
    assert "gap" not in LINKAGES
    assert split_goals(["gap"]) == (("gap",), ())
    assert head_kind("mlp").__module__ == "facebone.verification.heads.mlp"
    assert Zoo().get("tiny_plain").origin == "shipped"
    problems = [one.problem or "" for one in find() if one.plugin.package == "name-thief"]
    assert len(problems) == 4
    assert all("has a name that FaceBone itself uses" in problem for problem in problems)


def test_two_packages_with_one_name_are_both_refused(install) -> None:
    install("first-twin", {MEMBERSHIP: {"twin": "Mine"}}, attack("twin"))
    install("other-twin", {"facebone.attacks.linkage": {"twin": "Mine"}}, attack("twin"))
    assert "twin" not in ATTACKS.names()
    with pytest.raises(PluginError, match=r"has a name that package other-twin 1\.0 offers too"):
        ATTACKS.get("twin")
    with pytest.raises(PluginError, match=r"has a name that package first-twin 1\.0 offers too"):
        LINKAGES.get("twin")


@pytest.mark.parametrize(
    ("group", "name", "why"),
    [
        ("facebone.attacks", "wrong_group", "stands in the group facebone.attacks; groups: "),
        (MEMBERSHIP, "my:attack", "needs a name of letters, digits and underscores"),
        (MEMBERSHIP, "2fast", "needs a name of letters, digits and underscores"),
    ],
)
def test_groups_and_names_that_nobody_can_ask_for(install, group, name, why) -> None:
    install("odd-words", {group: {name: "Mine"}}, attack(name))
    assert name not in ATTACKS.names()
    (found,) = [one for one in find() if one.plugin.package == "odd-words"]
    assert why in (found.problem or "")


def test_results_are_of_the_code_of_the_plug_ins_that_they_name(install) -> None:
    groups = {MEMBERSHIP: {"changing": "Mine"}}
    plan = {"attacks": ["gap", "changing:ask=once"], "seed": 0}
    without = code_fingerprint(plan)
    install("changing-attack", groups, attack("changing"))
    first = code_fingerprint(plan)
    assert first != without
    assert code_fingerprint({"attacks": ["gap", "unchanging"]}) == without
    install("changing-attack", groups, attack("changing"), version="1.1")
    assert code_fingerprint(plan) not in (without, first)


def test_a_change_of_code_alone_is_another_result(install, monkeypatch) -> None:
    from facebone import plugins

    groups = {MEMBERSHIP: {"edited": "Mine"}}
    found = []
    for change in ("", "# another line\n"):
        install("edited-attack", groups, attack("edited") + change)
        plugins._fingerprint.cache_clear()  # what a program that runs already does not notice
        found.append(code_fingerprint(["edited"]))
    assert found[0] != found[1]


NUMBERS = itertools.count()

BACKBONE = """
from dataclasses import replace
from facebone.backbones.zoo import Zoo

def describe():
    entry = Zoo().get("tiny_plain")
    return replace(entry.spec, name="NAME", sha256=None), entry.path
"""


def test_a_backbone_is_listed_loaded_and_named_by_its_code(install) -> None:
    code = BACKBONE.replace("NAME", "their_tiny")
    install("their-tiny", {"facebone.backbones": {"their_tiny": "describe"}}, code)
    assert "their_tiny" in Zoo().names()
    entry = Zoo().get("their_tiny")
    assert (entry.origin, entry.ready) == ("plug-in", True)
    assert entry.spec.name in [one.spec.name for one in Zoo()]
    backbone = load_backbone("their_tiny", device="cpu")
    plain = load_backbone("tiny_plain", device="cpu")
    assert backbone.weights_hash != plain.weights_hash
    assert load_backbone("their_tiny", device="cpu").weights_hash == backbone.weights_hash
    install("their-tiny", {"facebone.backbones": {"their_tiny": "describe"}}, code, version="2.0")
    assert load_backbone("their_tiny", device="cpu").weights_hash != backbone.weights_hash
    with pytest.raises(UsageError, match="'their_tiny' is a backbone of another package"):
        Zoo().add(plain_weights(), Zoo().get("their_tiny").spec)


def plain_weights():
    path = Zoo().get("tiny_plain").path
    assert path is not None
    return path


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def describe():\n    return 1 / 0\n", "cannot be described: ZeroDivisionError"),
        ("def describe():\n    return 'lbp'\n", "must return a BackboneSpec and a pathlib.Path"),
        ("def describe(spec):\n    return spec\n", "cannot be called with ()"),
        (BACKBONE.replace("NAME", "other"), "calls itself 'other'"),
    ],
)
def test_a_backbone_that_cannot_be_described_breaks_no_other(install, code, why) -> None:
    # What was imported once stays: each is another package.
    number = next(NUMBERS)
    name, package = f"bad_backbone_{number}", f"bad-backbone-{number}"
    install(package, {"facebone.backbones": {name: "describe"}}, code)
    passed_over()
    assert "tiny_plain" in [entry.spec.name for entry in Zoo()]
    assert why in passed_over()[0]
    with pytest.raises(PluginError, match=rf"backbone {name}: from package {package} 1\.0"):
        load_backbone(name)


def test_a_data_set_that_takes_other_arguments_is_refused(install) -> None:
    code = "def load(folder):\n    return folder\n"
    install("odd-data", {"facebone.datasets": {"odd_data": "load"}}, code)
    with pytest.raises(PluginError, match=r"odd-data 1.0 cannot be called with \(root, seed=..\)"):
        load_dataset("odd_data")


def test_worker_processes_find_plug_ins_too(install) -> None:
    install("worker-attack", {MEMBERSHIP: {"worker_attack": "Mine"}}, attack("worker_attack"))
    found: list[Asking] = []

    def keep(_spec: str, asking: Asking) -> tuple[str, ...]:
        found.append(asking)
        return ()

    make_executor("processes", 1).run(parse_attack, ["worker_attack"], on_result=keep)
    assert [asking.name for asking in found] == ["worker_attack"]
