"""The report's prose: threat model, protocol and limits, from the facts of one audit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from facebone.audit.names import (
    ASKING,
    MEMBERS,
    UNDEFENDED,
    UNKNOWN,
    counted,
    listed,
    sentence,
)
from facebone.audit.schema import (
    AttackResult,
    AttributeResult,
    Audit,
    ExtractionResult,
    LinkageResult,
    ReconstructionResult,
    TargetResult,
)

Further = ReconstructionResult | ExtractionResult | LinkageResult | AttributeResult

_SEES = {
    "decision": "only the decision, same or not the same",
    "score": "the score of any pair it asks about",
    "embedding": "stored templates, as in a leaked database, and scores of templates it hands in",
    "weights": "everything: weights and gradients",
}

_LEVELS = {
    "pair": "whether this very pair of pictures was trained on",
    "image": "whether this picture was trained on, in any pair",
    "identity": "whether this person was trained on, by any picture",
}

_OTHER_GOALS = {
    "reconstruction": "rebuilding a face from a template or a score (template and model inversion)",
    "extraction": "copying the verifier by asking it (model extraction)",
    "attributes": "inferring traits such as age from templates (attribute inference)",
    "linkage": "linking templates of one person across databases (linkability)",
}

_WANTS = {
    "reconstruction": "what a person looks like",
    "extraction": "how to decide as the verifier does, without it",
    "attributes": "what a person is like",
    "linkage": "which records of two databases show one person, or whose they are",
}

_MORE_THAN_ONCE = ("repeated", "augmented", "through")
"""Ways of asking that take several answers about one pair."""


@dataclass(frozen=True, slots=True)
class Adversary:
    """One attack as a threat.

    Args:
        name: of the attack.
        summary: what it does.
        sees: of the target; of several where they differ.
        asks: what it wants to know; of several targets where they differ.
        manner: how it asks, where that is more than once; else empty.
        knows: beyond that.
        adaptive: whether it makes use of knowing the defence.
        queries: the most answers it takes for each candidate, from any target.
    """

    name: str
    summary: str
    sees: str
    asks: str
    manner: str
    knows: str
    adaptive: bool
    queries: int


def adversaries(audit: Audit) -> list[Adversary]:
    """Every attack once, those on membership first, in the order of the json."""
    found: dict[str, list[AttackResult]] = {}
    for target in audit.targets:
        for attack in target.attacks:
            found.setdefault(attack.name, []).append(attack)
    return [
        Adversary(
            name,
            same[0].summary,
            _either(_SEES.get(attack.access, attack.access) for attack in same),
            _either(_LEVELS[attack.level] for attack in same),
            _either(ASKING.get(a.ask, a.ask) for a in same if a.ask != "once"),
            same[0].knowledge,
            any(attack.adaptive for attack in same),
            max(attack.queries for attack in same),
        )
        for name, same in found.items()
    ] + _of_other_goals(audit)


def _of_other_goals(audit: Audit) -> list[Adversary]:
    """Every attack that wants something else than membership, once."""
    found: dict[str, Adversary] = {}
    for target in audit.targets:
        for one in further_results(target):
            asked = getattr(one, "queries", None) or 0
            manner = f"{asked:,.0f} questions about each person or picture" if asked else ""
            found.setdefault(
                one.name,
                Adversary(
                    one.name,
                    one.summary,
                    _SEES.get(one.access, one.access),
                    _WANTS.get(one.goal, one.goal),
                    manner,
                    one.knowledge,
                    adaptive=False,
                    queries=1,
                ),
            )
    return list(found.values())


def further_results(target: TargetResult) -> list[Further]:
    """What attacks that want something else than membership found on a target."""
    return [
        *target.reconstructions,
        *target.extractions,
        *target.linkages,
        *target.attributes,
    ]


def _either(words: Iterable[str]) -> str:
    """Different words, each once, as alternatives."""
    return "; or ".join(dict.fromkeys(words))


def not_tested(audit: Audit, called: Mapping[str, str]) -> list[str]:
    """Attackers and questions that this audit says nothing about."""
    attacks = [attack for target in audit.targets for attack in target.attacks]
    levels = [level for level in _LEVELS if any(a.level == level for a in attacks)]
    found = []
    for access, what in _SEES.items():
        missing = [
            level
            for level in levels
            if not any(a.access == access and a.level == level for a in attacks)
        ]
        if len(missing) == len(levels):
            found.append(f"An attacker who sees {what}.")
        elif missing:
            about = listed([MEMBERS[level] for level in missing])
            found.append(f"An attacker who asks about {about} and sees {what}.")
    found += [f"The question {what}." for level, what in _LEVELS.items() if level not in levels]
    if attacks and not any(attack.ask in _MORE_THAN_ONCE for attack in attacks):
        found.append(
            "An attacker who asks about a candidate more than once, with changed pictures or "
            "through each backbone."
        )
    unmet = [
        called[target.name]
        for target in audit.targets
        if target.mitigation not in (UNDEFENDED, UNKNOWN)
        and not any(a.adaptive for a in target.attacks)
    ]
    if unmet:
        found.append(
            f"An attacker who knows the defence of {listed(unmet)} and adapts to it. A defence "
            "should be judged by that attacker too."
        )
    goals = {attack.goal for attack in attacks}
    goals |= {one.goal for target in audit.targets for one in further_results(target)}
    found += [
        f"{what[0].upper()}{what[1:]}." for goal, what in _OTHER_GOALS.items() if goal not in goals
    ]
    return found


def protocol(audit: Audit) -> list[tuple[str, str]]:
    """The rules that every figure obeys, with this audit's numbers: title and text."""
    data, attacks = audit.data, [a for target in audit.targets for a in target.attacks]
    shares = sorted({f"{attack.member_share:.2f}" for attack in attacks})
    share = f" Members are {listed(shares)} of them." if shares else ""
    apart = counted(data.control_people, "person", "people")
    control = (
        f"{counted(data.control_pairs, 'pair')} of {apart} in neither set, called member by the "
        "toss of a coin"
        if data.control_pairs
        else "people in neither set; this audit has none"
    )
    copies = (
        f" {counted(data.copies, 'pair was', 'pairs were')} left out because another shows the "
        "same pictures."
        if data.copies
        else ""
    )
    passed = sum(test.passed for test in audit.self_tests)
    source = (
        "One source, one split",
        f"Members (trained on) and non-members come from the same data by one seeded draw: "
        f"{counted(data.pairs, 'pair')} a seed, with the same mix of matched and mismatched "
        f"ones on both sides.{share}{copies}",
    )
    if all(target.mitigation == UNKNOWN for target in audit.targets):
        source = (
            "Members as handed in",
            f"Who is a member was handed in with the scores: {counted(data.pairs, 'pair')}, not "
            f"drawn by this audit.{share}{copies}",
        )
    return [
        source,
        (
            "Fitted here, scored there",
            "An attack that learns is fitted on one half of the candidates and scored on the "
            "other, and the reverse, so that every pair is scored by an attack that never saw it.",
        ),
        (
            "Control",
            f"Every attack also runs on a control: {control}. What it finds there is not leak.",
        ),
        (
            "Blind baseline",
            "Every attack also runs without the target, on a verifier that never learnt from these "
            "pairs. An attack that does not beat both is reported so.",
        ),
        (
            "Intervals",
            "Every figure has a 95 % interval: by resampling people where they are known (pairs "
            "elsewhere), exact (Clopper-Pearson) for rates at few false positives. A figure whose "
            "sample is too small is refused and shown as a dash with the reason.",
        ),
        (
            "Seeds",
            f"{counted(len(audit.seeds), 'repeat')}, each with other members. Figures are means "
            "over them; intervals hold the value of every seed, and their number narrows none."
            if len(audit.seeds) > 1
            else "One seed: how far figures spread from seed to seed is not known.",
        ),
        (
            "Self-tests",
            f"The audit checks itself with a leak planted on purpose and with a target that cannot "
            f"leak: {passed} of {len(audit.self_tests)} checks passed."
            if audit.self_tests
            else "The audit can check itself with a planted leak; this one ran no such check.",
        ),
    ]


def limits(audit: Audit) -> list[str]:
    """What a reader must keep in mind: the audit's own warnings first."""
    found = [sentence(line) for line in audit.warnings]
    found.append(
        "No leak found means: none that these attacks find in a sample of this size. A stronger "
        "attack may find more."
    )
    if any(len(target.attacks) > 1 for target in audit.targets):
        found.append(
            "The strongest attack is picked by its own AUC, so that its figure errs on the high "
            "side, more so where several attacks are close."
        )
    if len(audit.targets) > 1:
        found.append(
            "Two figures are called different where their 95 % intervals do not overlap, which is "
            "careful: smaller differences may be real."
        )
    if 1 < len(audit.seeds) < 5:
        found.append(
            f"With {counted(len(audit.seeds), 'seed')} the spread between seeds is known only "
            "roughly."
        )
    if len(audit.seeds) > 1 and any(further_results(target) for target in audit.targets):
        found.append(
            "Attacks that want something else than membership were run on the targets of seed "
            f"{audit.seeds[0]} alone: their intervals do not hold the spread between seeds."
        )
    found.append(
        "The figures hold for these data, this alignment and this training. Another data set "
        "needs an audit of its own."
    )
    return found
