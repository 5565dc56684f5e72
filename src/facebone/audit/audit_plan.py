"""What an audit consists of: targets, attacks on them, self-tests, and the jobs that make each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from facebone.attacks.access import Access, Ask, Channel
from facebone.attacks.asking import Asking, parse_attack
from facebone.attacks.base import ATTACKS
from facebone.audit import jobs as work
from facebone.audit import trial_jobs as trials
from facebone.audit.assemble import AttackFacts, TargetFacts
from facebone.audit.names import UNDEFENDED, UNKNOWN
from facebone.audit.other_goals.planned import PlannedAttack
from facebone.audit.plan import Job, JobFunction
from facebone.audit.reconstruction.planned import PlannedReconstruction
from facebone.audit.schema import DataFacts
from facebone.audit.self_tests import AT_LEVEL
from facebone.data.splits import Level
from facebone.errors import UsageError

SELF_TEST_ATTACKS = {"planted bits": "score_bits", "planted table": "loss_threshold"}
NULL_ATTACK = "loss_threshold"


@dataclass(frozen=True, slots=True)
class PlannedShadows:
    """Names of jobs about the shadows of one target.

    Args:
        trained: the answers of all of them.
        rows: where the candidates of a seed stand in these, a seed each; none at the levels of
            pictures and people.
        control: a target of other people, a seed each.
        compared: whether shadows and target are alike, a seed each.
    """

    trained: str
    rows: tuple[str, ...]
    control: tuple[str, ...]
    compared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedTarget:
    """A target and the jobs that make it, one a seed.

    Args:
        facts: of it.
        made: name of the job that makes its answers, a seed each.
        queries: answers recorded for each candidate.
        ways: backbones through which its head can be asked.
        adapts: whether its head makes templates of its own, and so knows people.
        material: name of the job that made the candidates; None at the level of pairs, where the
            answers name them.
        shadows: jobs that attacks which compare with shadows need; None where there are none.
    """

    facts: TargetFacts
    made: tuple[str, ...]
    queries: int = 1
    ways: int = 1
    adapts: bool = False
    material: str | None = None
    shadows: PlannedShadows | None = None


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """A self-test.

    Args:
        name: of it, with its level.
        kind: what is planted, or what makes sure that there is no leak.
        attack: that is tried.
        source: name of the job that makes the answers.
        material: see `PlannedTarget`.
        planted_in: name of the job whose answers the leak is planted into; None where none is.
    """

    name: str
    kind: str
    attack: str
    source: str
    material: str | None = None
    planted_in: str | None = None


@dataclass(slots=True)
class AuditPlan:
    """All jobs of an audit, and what to make of their results.

    Args:
        seeds: of the repeats.
        data: facts of the data.
        command: to run it again.
        environment: where it runs.
        targets: with the jobs that make them.
        attacks: specs, as ``NAME`` or ``NAME:SETTING=VALUE,..``.
        jobs: by now.
        access: what the attacker sees.
        nulls: self-tests on answers that leak nothing.
        reference: under the prototype's protocol: jobs of each target, a seed each.
        reconstructions: attacks on the templates of targets.
        others: attacks of yet other goals.
        warnings: for the reader.
    """

    seeds: tuple[int, ...]
    data: DataFacts
    command: str
    environment: Mapping[str, Any]
    targets: list[PlannedTarget]
    attacks: tuple[str, ...]
    jobs: list[Job]
    access: Access = Access.SCORE
    nulls: list[PlannedTest] = field(default_factory=list)
    reference: list[tuple[TargetFacts, tuple[str, ...]]] = field(default_factory=list)
    reconstructions: list[PlannedReconstruction] = field(default_factory=list)
    others: list[PlannedAttack] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def attacks_on(self, target: PlannedTarget) -> list[AttackFacts]:
        """The attacks as they are run on one target; see `attacks_on`."""
        return attacks_on(self.attacks, target, self.access)

    def channels_of(self, target: PlannedTarget) -> tuple[Channel, ...]:
        """What must be recorded of a target, and of its shadows, in the order of `Channel`."""
        wanted = {one for attack in self.attacks_on(target) for one in attack.asking.channels}
        return tuple(channel for channel in Channel if channel in wanted)

    def plan(self) -> list[Job]:
        """Every job, those of attacks and self-tests included."""
        every = list(self.jobs)
        for target in self.targets:
            for attack in self.attacks_on(target):
                every += [trial_job(target, i, attack, seed) for i, seed in enumerate(self.seeds)]
        return every + self._self_tests()

    def _self_tests(self) -> list[Job]:
        found = []
        for test in self.tests():
            if test.planted_in is not None:
                settings = {"plant": test.kind, "table": test.planted_in}
                found.append(
                    _with_material(
                        test.source, work.plant, settings, test.planted_in, test.material
                    )
                )
            found.append(_test_job(test, self.seeds[0]))
        return found

    def tests(self) -> list[PlannedTest]:
        """Self-tests: leaks planted into the first target of each level, and absent ones."""
        found = []
        for level in dict.fromkeys(target.facts.level for target in self.targets):
            first = next(target for target in self.targets if target.facts.level is level)
            for kind, attack in SELF_TEST_ATTACKS.items():
                if level in ATTACKS.get(attack).levels:
                    name = at_level(kind, level)
                    source, made = f"self-test {name}", first.made[0]
                    found.append(PlannedTest(name, kind, attack, source, first.material, made))
        return found + self.nulls


def attacks_on(specs: Sequence[str], target: PlannedTarget, access: Access) -> list[AttackFacts]:
    """The attacks as they are run on one target.

    An attacker who knows the defence makes use of it: shadows are trained under it; where
    answers vary from query to query, each attack that gains by it also asks again and again
    and averages; where the head takes any of several backbones, it also asks through each of
    them, if the access allows to hand in templates.

    Where a head is adapted to people, and pictures or people are asked about, attacks that
    compare mean answers with shadows also look at the candidate's own pictures alone, and the
    loss threshold also at what was gained over the public backbones: anybody would.
    """
    found = []
    for spec in specs:
        asking = parse_attack(spec)
        kind = asking.kind
        if target.facts.level not in asking.levels:
            continue
        defended = target.facts.mitigation not in (UNDEFENDED, UNKNOWN)
        adaptive = kind.needs_shadows and defended
        found.append(AttackFacts(spec, asking, adaptive or asking.ask is Ask.THROUGH))
        if asking.ask is not Ask.ONCE or not kind.averages or kind.channels:
            continue
        if target.queries > 1:
            again = replace(asking, ask=Ask.REPEATED)
            found.append(AttackFacts(f"{spec} x{target.queries}", again, adaptive=True))
        if target.ways > 1 and access.allows(Ask.THROUGH.access):
            each = replace(asking, ask=Ask.THROUGH)
            found.append(AttackFacts(f"{spec} through each", each, adaptive=True))
        if target.adapts and target.facts.level is not Level.PAIR:
            ask = _asked_of_people(asking)
            if ask is not None:
                more = replace(asking, ask=ask)
                found.append(AttackFacts(f"{spec} {ask}", more, adaptive))
    return found


def at_level(name: str, level: Level) -> str:
    """The name of a target or a self-test, with its level behind it unless that is pairs."""
    return name if level is Level.PAIR else f"{name}{AT_LEVEL}{level}"


def _asked_of_people(asking: Asking) -> Ask | None:
    """How else an attack is run on an adapted model, if it gains by it."""
    kind = asking.kind
    if kind.needs_shadows:
        # An attack on sets of pictures sees by itself which pairs tell something.
        return Ask.AMONG if Level.PAIR in kind.levels else None
    return Ask.GAIN if asking.name == "loss_threshold" else None


def trial_name(made: str, attack: str) -> str:
    """Name of the job that tries an attack on the answers of a job."""
    return f"{made} {attack}"


def trial_job(target: PlannedTarget, i: int, attack: AttackFacts, seed: int) -> Job:
    """The job that tries an attack on the target of the i-th seed.

    Raises:
        UsageError: it needs shadows, and none are planned.
    """
    made, asking = target.made[i], attack.asking
    inputs = [made]
    settings = _trial_settings(made, attack, seed)
    if target.material is not None:
        settings |= {"material": target.material, "probes": asking.probes}
        inputs.append(target.material)
    if asking.kind.needs_shadows:
        if target.shadows is None:
            raise UsageError(
                "needs shadow verifiers, which only an audit that trains its targets can train",
                where=f"attack {asking.name}",
                hint="leave it out",
            )
        beside = {"shadows": target.shadows.trained, "control": target.shadows.control[i]}
        if target.shadows.rows:
            beside["rows"] = target.shadows.rows[i]
        settings |= beside
        inputs += beside.values()
    return Job(trial_name(made, attack.label), trials.try_attack, settings, tuple(inputs))


def _trial_settings(made: str, attack: AttackFacts, seed: int) -> dict[str, Any]:
    return {
        "attack": attack.asking.name,
        "attack_settings": dict(attack.asking.settings),
        "ask": attack.asking.ask.value,
        "seed": seed,
        "table": made,
    }


def _test_job(test: PlannedTest, seed: int) -> Job:
    facts = AttackFacts(test.attack, parse_attack(test.attack))
    return _with_material(
        f"self-test {test.name} try",
        trials.try_attack,
        _trial_settings(test.source, facts, seed),
        test.source,
        test.material,
    )


def _with_material(
    name: str,
    function: JobFunction,
    settings: dict[str, Any],
    table: str,
    material: str | None,
) -> Job:
    """A job on a target's answers, which at the levels of units needs their material too."""
    if material is None:
        return Job(name, function, settings, (table,))
    return Job(name, function, settings | {"material": material}, (table, material))
