"""The page of the studies of attacks with shadows, from their results: docs/shadow-attacks.md.

``python -m benchmarks.shadow_study_page`` writes it again without running them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "shadow-attacks.md"
PICTURE = "images/few_shadows.svg"

INTRODUCTION = """# Attacks with shadows on LFW

Written by `python -m benchmarks.shadow_study`, with the last table from
`python -m benchmarks.unit_study`; `make bench` runs both. With the command, one such audit is

```text
facebone audit --data lfw --root $FACEBONE_ASSETS/lfw --backbone mobilefacenet_ms1m_b \\
  --alignment none --set 'batch_norm=[]' --mitigation none --attack lira --attack rmia \\
  --attack shadow_boosting --shadows 31 --out runs/shadows
```

## Who leaks how much

Of each recipe {models} models are trained, each on its own random half of View 2's 6,000 pairs;
each is attacked with the other {others} as shadows. Figures are means over the {models}; behind ±
stands the standard deviation over them. Accuracy is on the 3,000 pairs that a model was not trained
on. The MLP is the prototype's, 512-256-128-64-32-16-8 on the difference of the embeddings, 30
epochs of AdamW, no batch normalisation. Under rotation each pair meets a random one of the three
backbones in each epoch, in their own spaces; it is asked through b, or by an adaptive attacker, who
hands in templates, through each of the three, and averages over them.
"""

READING = """
A loss threshold, the strongest of many audits, sees little of what comparison with shadows shows.
Rotation lowers what is seen through one backbone, and an attacker who averages over all three sees
more than of a verifier without defence: it leaks more, not less. Heads that learn few numbers from
many backbones are more accurate and leak little or nothing.

`shadow_boosting` lets each shadow play the target in turn and learns what gives its members away.
It needs no normal distributions: members' margins end up in a narrow band, which others overshoot.
"""

FEW = """
## With few shadows

The first target, with fewer shadows. Attacks were compared on models 0 to {last} (left figure) and
are reported on {models} others, trained on other halves (right figure), so that none was chosen on
what it is reported on.

{table}

![AUC against the number of shadows]({picture})

With 4 shadows each candidate has two answers in training and two out of it. The paper's LiRA, with
a variance of its own for each candidate, needs dozens; one variance for all, or each drawn towards
the usual one as far as the shadows bid (`variance=shrunk`, the default), is right at any number.
`shadow_boosting` adds what thousands of other candidates teach: how answers out of training predict
those in training (an empirical Bayes estimate with a bivariate normal prior), each verifier's
answers brought to one distribution, and a classifier learnt on the shadows in turn. With 4 shadows
it knows more than LiRA with 31.
"""

UNITS = """
## Pictures and people

The same MLP on backbone b, trained on random halves of the people with 4 pictures or more (or of
the pictures of people with 2 or more), {models} models each attacked with the others. A person is
asked about with pictures that nobody trained on; each is paired with the person's other such
pictures and with 8 of control people's, so that a single one meets strangers alone. A picture is
asked about with partners from among the candidates; the number of probes is that of partners. AUC,
mean over the models, ± how far the mean may be off (95 %); `set_classifier`, which takes longer, on
8 of the models and with all probes.

{table}

A small head over frozen embeddings, whose backbones never met these people, remembers *people*
and not only pairs: who holds other pictures of a person tells those it was trained on from
strangers, the more surely the more pictures of each were trained on. One picture in the attacker's
hands shows most of it, two nearly all. Whole pictures leak pairs and pictures much more and people
less: what is learnt by heart there is the picture rather than the face. Where there is much to
find, a classifier of the whole set of answers, learnt on shadows, finds most; means and likelihood
ratios of single pairs miss a part of it, since the pairs of one person rise together.
"""


def write_page() -> Path:
    """Write the page and its picture from the results there are, and return its path."""
    figures = json.loads((RESULTS / "shadow_study.json").read_text("utf-8"))["figures"]
    PAGE.write_text(render(figures), "utf-8")
    _draw(figures["few"], figures["models"], DOCS / PICTURE)
    print(f"wrote {PAGE}", file=sys.stderr)
    return PAGE


def render(figures: dict[str, Any]) -> str:
    """The page from all figures."""
    models = figures["models"]
    parts = [INTRODUCTION.format(models=models, others=models - 1)]
    for aligned in (False, True):
        title = "Aligned faces" if aligned else "Whole pictures, not aligned"
        rows = [row for row in figures["rows"] if row["aligned"] == aligned]
        parts.append(f"\n### {title}\n\n{_table(rows)}\n")
    parts.append(READING)
    few = figures["few"]
    parts.append(FEW.format(last=models - 1, models=models, table=_few(few), picture=PICTURE))
    found = RESULTS / "unit_study.json"
    if found.exists():
        units = json.loads(found.read_text("utf-8"))["figures"]
        parts.append(UNITS.format(models=units["models"], table=_units(units["rows"])))
    return "".join(parts)


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| target | accuracy | loss threshold, AUC | LiRA, AUC | LiRA, TPR at FPR 1 % / 0.1 % | "
        "RMIA, AUC | boosting on shadows, AUC | its TPR at 1 % / 0.1 % |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        found = row["figures"]
        name = row["target"] + (f", asked through {row['asked']}" if row["asked"] else "")
        if "rotation" in name and not row["asked"]:
            name += ", asked through b"
        cells = [
            name,
            _spread(found["accuracy"][0]),
            _spread(found["loss_threshold"][0]),
            _spread(found["lira"][0]),
            _rates(found["lira"]),
            _spread(found["rmia"][0]),
            _spread(found["shadow_boosting"][0]),
            _rates(found["shadow_boosting"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(figure: dict[str, float]) -> str:
    return f"{figure['mean']:.3f} ± {figure['deviation']:.3f}"


def _rates(figures: list[dict[str, float]]) -> str:
    return f"{figures[1]['mean']:.1%} / {figures[2]['mean']:.1%}"


def _few(few: dict[str, dict[str, dict[str, float]]]) -> str:
    counts = sorted({int(key.split()[1]) for key in few})
    attacks = list(few[f"0 {counts[0]}"])
    attacks.sort(key=lambda name: -few[f"0 {counts[0]}"][name]["mean"])
    lines = [
        f"| attack, AUC | {' | '.join(f'{count} shadows' for count in counts)} |",
        f"| --- |{' --- |' * len(counts)}",
    ]
    for name in attacks:
        cells = [
            f"{few[f'0 {count}'][name]['mean']:.3f} / **{few[f'1 {count}'][name]['mean']:.3f}**"
            for count in counts
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _draw(few: dict[str, dict[str, dict[str, float]]], models: int, path: Path) -> None:
    """AUC against the number of shadows, on the models that nothing was chosen on."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    counts = sorted({int(key.split()[1]) for key in few})
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    shown = ["boosting on shadows", "LiRA, shrunk variances", "LiRA, each its own variance", "RMIA"]
    for name, style in zip(shown, ("o-", "s-", "^--", "D:"), strict=True):
        means = [few[f"1 {count}"][name]["mean"] for count in counts]
        off = [few[f"1 {count}"][name]["off"] for count in counts]
        axes.errorbar(counts, means, off, fmt=style, capsize=3, label=name, markersize=5)
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set_xlabel("shadows")
    axes.set_ylabel(f"AUC, mean over {models} targets (bars: 95 %)")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="center right", bbox_to_anchor=(1.0, 0.42))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    path.parent.mkdir(exist_ok=True)
    # The same figures give the same file.
    with mpl.rc_context({"svg.hashsalt": "few shadows"}):
        figure.savefig(path, metadata={"Date": None})


def _units(rows: list[dict[str, Any]]) -> str:
    probes = ("1", "2", "5", "all")
    parts = []
    for level, title in (("identity", "people"), ("image", "pictures")):
        chosen = [row for row in rows if row["level"] == level]
        first = "trained on, of each" if level == "identity" else "trained on"
        lines = [
            f"Candidates: {chosen[0]['units']:,} {title}.\n",
            f"| faces | {first} | attack | {' | '.join(map(_probes, probes))} |",
            f"| --- | --- | --- |{' --- |' * len(probes)}",
        ]
        for row in chosen:
            trained = f"{row['training']} pictures at most" if level == "identity" else "a half"
            faces = "aligned" if row["aligned"] else "whole pictures"
            for attack in dict.fromkeys(name.rsplit(" ", 1)[0] for name in row["auc"]):
                found = (row["auc"].get(f"{attack} {probe}") for probe in probes)
                cells = [f"{f['mean']:.3f} ± {f['off']:.3f}" if f else "" for f in found]
                lines.append(f"| {faces} | {trained} | `{attack}` | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _probes(count: str) -> str:
    return f"{count} probe" if count == "1" else f"{count} probes"


if __name__ == "__main__":
    write_page()
