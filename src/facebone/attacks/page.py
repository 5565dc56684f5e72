"""The page of all attacks: ``python -m facebone.attacks.page > docs/attacks.md`` writes it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from facebone.attacks.access import Access, Channel
from facebone.attacks.attack import Attack
from facebone.attacks.attributes.base import ATTRIBUTE_ATTACKS
from facebone.attacks.base import ATTACKS, MembershipAttack
from facebone.attacks.extraction.base import EXTRACTIONS
from facebone.attacks.inversion.base import INVERSIONS
from facebone.attacks.linkage.base import LINKAGES
from facebone.data.splits import Level
from facebone.docstrings import references

INTRODUCTION = """# Attacks

Written by `python -m facebone.attacks.page`. `facebone audit --attack NAME` runs one, repeated for
several; `--attack all` runs all that `--access` allows at the levels that `--level` names.

## What an attacker sees

| `--access` | sees |
| --- | --- |
| `decision` | same or not |
| `score` | the score |
| `embedding` | stored templates too, and the matcher's answers to templates of their own making |
| `weights` | everything: loss, gradients and activations |

Each access includes those above it. An attack that needs more than is given is refused by name.

## What is asked

| `--level` | question |
| --- | --- |
| `pair` | was this pair in the training? |
| `image` | was this picture in any training pair? |
| `identity` | was any picture of this person used? Asked with other pictures of theirs. |

At each level other targets are trained, on a random half of the pairs, the pictures or the people;
in `audit.json` the level stands behind the target's name. About a picture or a person many pairs
are asked, matched ones and such with strangers. Most attacks take a mean of their margins: of each
kind apart, the two weighed by the square root of how many there are. `set_likelihood` sums
likelihood ratios, and `set_classifier` learns on shadows to look at all of them. `probes=2` uses
two pictures of a person, or two partners of a picture, at most.

## How it is asked

Any attack on scores takes the setting `ask`, as in `--attack lira:ask=augmented`:

| `ask` | answers |
| --- | --- |
| `once` | the first |
| `repeated` | 16 to the same question, where answers vary; their mean counts |
| `augmented` | also those to mirrored, shifted, noisy and cropped pictures |
| `through` | through each backbone of a head that takes any of several; needs templates |
| `among` | the first, about pairs of the candidate's own pictures alone |
| `centre` | how alike each picture's template is to the centre of the others'; needs templates |
| `gain` | the first, less what the public backbones lead one to expect of the pair |

The last three ask about pictures and people. `among` is what an adapted model says most with: it
draws pictures of its people together, and says little of them beside strangers. `centre` is the
mean over the pictures, on the scale of the target's scores; a head without templates of its own
stores the backbones', which tell nothing of it. `gain` takes from each answer a straight line on
the mean cosine under the backbones, fitted to all candidates, without their membership, for target
and shadows each.

Attackers who know the defence adapt: where answers vary, each attack is also run with repeated
questions (`x16`); where a head takes any of several backbones, also through each of them; and
shadows are trained under the target's own defence. On adapted models, asked about pictures or
people, attacks that compare means with shadows are also run `among`, and `loss_threshold` with
`gain`.

## Attacks on membership

`shadows`: the attacker trains verifiers of their own by the target's recipe and compares. `known`:
the attacker knows some members and non-members to learn from.

"""


OTHER_GOALS = """
## Other goals

`--attack NAME` runs these too, on the targets of the first seed, beside a control and what needs no
target. A third of the people with two pictures or more are attacked, as many stand by as control,
and the others are the attacker's; audit.json and the report have a section for each goal.

- **Extraction** asks about pairs of the attacker's pictures and judges the copy on pairs of the
  others, after 100, 1,000 and 10,000 questions; `copy_head:queries=100+500` asks for other numbers.
  The target decides at a false accept rate of 1 %.
- **Linkage** compares the target's database with that of another installation, trained anew and
  under a key of its own (`direct`, `unaligned`), with that of another network, `--judge`
  (`linear_alignment`), or with names and public pictures, half of them of people who are in it.
  `score_identification:hit=0.8,wrong=0.2` adds a list of names, of customers for instance, on which
  that share of those in the database stands, and that share of the others.
- **Attributes** are those that the data set states: `celeba` and `synthetic` do.

| attack | goal | access | knows | what it does |
| --- | --- | --- | --- | --- |"""


def render() -> str:
    """The page."""
    kinds = [ATTACKS.get(name) for name in ATTACKS.own_names()]
    lines = [
        "| attack | access | levels | needs | what it does |",
        "| --- | --- | --- | --- | --- |",
    ]
    for access in Access:
        lines += [_row(kind) for kind in kinds if kind.access is access]
    return INTRODUCTION + "\n".join([*lines, *_other_goals(), *_papers(kinds)]) + "\n"


def _other_goals() -> list[str]:
    """The attacks that want something else than membership."""
    lines = [OTHER_GOALS]
    for kind in _others():
        knows = kind.knowledge.rstrip(".")
        cells = (f"`{kind.name}`", kind.goal, kind.access, knows, kind.summary)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _others() -> Iterator[type[Attack]]:
    for registry in (INVERSIONS, EXTRACTIONS, ATTRIBUTE_ATTACKS, LINKAGES):
        yield from (registry.get(name) for name in registry.own_names())


def _papers(kinds: Sequence[type[Attack]]) -> list[str]:
    """Who thought of what, attacks of one paper together."""
    named: dict[str, list[str]] = {}
    for kind in (*kinds, *_others()):
        if papers := references(kind):
            named.setdefault(papers, []).append(f"`{kind.name}`")
    lines = ["", "## Papers", ""]
    return lines + [f"- {', '.join(names)}: {papers}" for papers, names in named.items()]


def _row(kind: type[MembershipAttack]) -> str:
    levels = "all" if set(kind.levels) == set(Level) else ", ".join(kind.levels)
    needs = ["shadows"] * kind.needs_shadows + ["known"] * kind.learns
    if Channel.DECISIONS in kind.channels:
        needs.append("changed pictures")
    cells = (f"`{kind.name}`", kind.access, levels, ", ".join(needs), kind.summary)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(render())
