"""The page of FaceBone, from the results of its study: docs/facebone.md.

``python -m benchmarks.facebone_page`` writes it again without running it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.page_cells import Figure, highest, mean, rates, table
from benchmarks.results_file import RESULTS

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "facebone.md"
PICTURE = "images/facebone_counts.svg"

ATTACKS = {
    "loss_threshold": "loss threshold",
    "lira": "LiRA",
    "rmia": "RMIA",
    "shadow_boosting": "boosting on shadows",
}
HEADS = {
    "none mlp": ("undefended MLP", "o-", "#b8430b"),
    "none products": ("logistic regression on all products", "D--", "#8e3b8a"),
    "facebone mlp": ("FaceBone", "s-", "#0b5fa5"),
}

INTRODUCTION = """# FaceBone: few numbers on many backbones

A head on frozen embeddings leaks its pairs because it has room for them: an MLP on two embeddings
of 128 numbers has hundreds of thousands of weights, and each pair it is trained on moves them
towards itself. FaceBone takes that room away and puts public knowledge in its place. A pair is
described by K similarities, one for each backbone, none of which has ever seen it; logistic
regression learns K weights and an offset, how much to believe each backbone, from thousands of
pairs together. One pair more or less moves each of these few numbers by next to nothing, so there
is nothing for an attacker to find, whatever shadows they train; and where backbones err about
different pairs, believing each of them a little is right more often than believing one.

A backbone need not be another network. The same network that is shown the middle of the picture
(`NAME%60`) or the picture and its mirror image (`NAME%mirror`) errs about other pairs, too.

## The verifiers to take

On LFW's View 2, audited by the command, 64 shadows; the strongest of ten attacks, two of which see
templates or weights; 95 % intervals over people:

| pictures | backbones | accuracy | strongest attack's AUC | highest TPR at FPR 0.1 % |
| --- | --- | --- | --- | --- |
| whole | MobileFaceNets a, b, `%60-mirror` | 0.970 [0.965, 0.974] | 0.502 [0.496, 0.508] | 0.2 % |
| aligned | MobileFaceNets a, b and dlib | 0.996 [0.994, 0.998] | 0.505 [0.483, 0.525] | 0.3 % |

```text
facebone audit --data lfw --root $FACEBONE_ASSETS/lfw --alignment none \\
  --backbone mobilefacenet_ms1m_a%60-mirror --backbone mobilefacenet_ms1m_b%60-mirror \\
  --mitigation facebone --access weights --attack gap --attack loss_threshold --attack lira \\
  --attack rmia --attack reference --attack quantile --attack shadow_boosting --attack art_rf \\
  --attack template_probing --attack white_box --shadows 64 --no-shifts --out runs/whole
```

and the same without `--alignment none`, with the three backbones. The tables below are written by
`python -m benchmarks.facebone_study`, which needs FACEBONE_ASSETS.
"""

TRIED = """
## What was tried

Of each way {models} models learn from a random half of View 2's 6,000 pairs each, and each is
attacked with the other {others} as shadows, trained in the same way. Accuracy is on the pairs that
a model did not learn from. Figures are means over the models; behind ± stands how far the mean may
be off (95 %). The highest AUC is that of the strongest of {attacks}; `shadow_boosting`, which takes
long, on the first {few} models.

The backbones are MobileFaceNets a and b and dlib; "with views" adds the mean with the mirror image
under a and b, and of whole pictures the same of their middle, 60 % of each side. Two views alone
are the last two of these.
"""

COUNTED = """
## How many backbones

Synthetic faces, aligned; the five tiny backbones that come with FaceBone, and views of three of
them to make eight. {models} models of each head and number, each attacked with all others.

![Accuracy and strongest attack against the number of backbones]({picture})

{table}
"""


def write_page() -> Path:
    """Write the page and its picture from the results there are, and return its path."""
    figures = json.loads((RESULTS / "facebone_study.json").read_text("utf-8"))["figures"]
    PAGE.write_text(render(figures), "utf-8")
    draw_counts(figures["counted"], DOCS / PICTURE)
    print(f"wrote {PAGE}", file=sys.stderr)
    return PAGE


def render(figures: dict[str, Any]) -> str:
    """The page from all figures."""
    models = figures["models"]
    names = [*ATTACKS.values()]
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    parts = [
        INTRODUCTION,
        TRIED.format(models=models, others=models - 1, attacks=listed, few=figures["few"]),
    ]
    for aligned in (False, True):
        title = "Aligned faces" if aligned else "Whole pictures, not aligned"
        rows = [row for row in figures["tried"] if row["aligned"] == aligned]
        parts.append(f"\n### {title}\n\n{_tried(rows)}\n")
    parts.append(READING)
    counted = _counted(figures["counted"])
    parts.append(COUNTED.format(models=models, picture=PICTURE, table=counted))
    return "".join(parts)


READING = """
### What to take from it

- **Fusion stays the default**: it is at chance under every attack, aligned or not, needs no picture
  but those of the pairs, and nothing is kept beside its few numbers.
- **Views are worth more than any learning.** On LFW's whole pictures, where the face is in the
  middle, two networks that see 60 % of each side recognise as no head on the whole pictures does.
  It is a coarse alignment that costs no detector, and works where faces are where a crop finds
  them. The undefended MLP gains by it too, and [leaks on](defences-measured.md).
- **Axes leak more than they seem to.** Centring costs little. Axes scaled by the learnt pictures'
  own deviations leak, by other pictures' they do not. The axes along which pictures of one person
  differ help most and leak most: some thousand matched pairs say of 128 directions which pairs
  these were. Noise on the covariance takes leak and help away together.
- **Who never saw a pair cannot tell.** Answering each pair by models that learnt from none of its
  part keeps the help of those axes, at chance; so it does for products. The price is a registry of
  who was learnt from: it protects against who asks, not against who holds the file.
- **Distilling and dropping backbones do not help** products: what is learnt is still a number for
  each coordinate.
- **Quality helps where faces are aligned**: the length of the shorter embedding, beside the cosine
  and as its weight, wins two errors in a thousand at no leak. `--mitigation facebone:quality=true`
  does it. By the command above one model of each cannot be told apart: both have 0.996, and the
  highest AUC is 0.523 [0.502, 0.544] with quality, which does not beat its control.
- Noise on the cosines in training changes nothing, for there is nothing to hide.
"""


def strongest(row: dict[str, Any]) -> tuple[str, Sequence[Figure]]:
    """The attack of the highest mean AUC, and its figures: AUC, TPR at FPR 1 % and at 0.1 %."""
    return highest({name: row["figures"][name] for name in ATTACKS})


def _tried(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        name, found = strongest(row)
        accuracy = mean(row["figures"]["accuracy"][0], 4)
        lines.append([row["name"], accuracy, mean(found[0]), ATTACKS[name], rates(found[1:])])
    return table(("way", "accuracy", "highest AUC", "by", "its TPR at FPR 1 % / 0.1 %"), lines)


def _counted(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        figures = mean(row["figures"]["accuracy"][0], 4), mean(strongest(row)[1][0])
        lines.append([HEADS[row["way"]][0], str(len(row["backbones"])), *figures])
    return table(("head", "backbones", "accuracy", "highest AUC"), lines)


def draw_counts(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Accuracy, and the strongest attack's AUC, against the number of backbones."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 3.4), layout="constrained")
    right, leak = figure.subplots(1, 2)
    for way, (name, style, colour) in HEADS.items():
        mine = [row for row in rows if row["way"] == way]
        counts = [len(row["backbones"]) for row in mine]
        for axes, chosen in (
            (right, [row["figures"]["accuracy"][0] for row in mine]),
            (leak, [strongest(row)[1][0] for row in mine]),
        ):
            means, off = ([one[key] for one in chosen] for key in ("mean", "off"))
            axes.errorbar(
                counts, means, off, fmt=style, color=colour, capsize=3, markersize=5, label=name
            )
    leak.axhline(0.5, color="#59626d", linewidth=1)
    leak.annotate("guessing", (8, 0.5), xytext=(0, -11), textcoords="offset points", ha="right")
    right.set_ylabel("accuracy on pairs not learnt from")
    leak.set_ylabel("AUC of the strongest attack")
    right.legend(frameon=False, fontsize=8)
    for axes in (right, leak):
        axes.set_xscale("log", base=2)
        counts = sorted({len(row["backbones"]) for row in rows})
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.minorticks_off()
        axes.set_xlabel("backbones")
        axes.grid(alpha=0.3)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    path.parent.mkdir(exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "facebone counts"}):  # the same figures, the same file
        figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    write_page()
