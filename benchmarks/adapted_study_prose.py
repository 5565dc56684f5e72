"""What the page of adapted models says besides its figures; numbers in braces are filled in."""

from __future__ import annotations

INTRODUCTION = """# Adapted models on LFW

A verifier can be adapted: a small network, or a mean and a covariance, learnt from pictures of
known people, makes templates of what published backbones make of a face. This page measures what
that changes for strangers, and what it tells an attacker of who was trained on.

Written by `python -m benchmarks.adapted_study`, "From pixels" from the results of
`python -m benchmarks.fine_tune_lfw`, and "How fast" from those of
`python -m benchmarks.bench_adapters`; `make bench` runs all three. With the command, one such audit
is

```text
facebone audit --data lfw --root $FACEBONE_ASSETS/lfw --backbone mobilefacenet_ms1m_b \\
  --adapt adapter --mitigation none --attack lira --attack lira:ask=among --shadows 15 \\
  --out runs/adapted
```

Of each recipe {models} models are trained, unless another number is given, each on its own random
half of the {people} people with 4 pictures or more who are not control people; each is attacked
with all others, trained by the same recipe under the same defence, as shadows. Half of a person's
pictures may be trained on, as many as the tables say at most; the attacker asks with the others. a
and b are MobileFaceNets; "a + b" is an adaptation of both together. What the attacks are called
stands on [their page](attacks.md): "among probes" looks at how alike a person's own pictures are to
each other alone.

Accuracy is over ten folds, on matched and mismatched pairs of pictures that were not trained on, of
people who were not (strangers) or who were (members); before the arrow, that of the mean cosine of
the backbones as published, on the same pairs. Figures are means over models; behind ± stands how
far the mean may be off (95 %). Models of one study share their people, so this says how sure the
mean is for these people, not for others.
"""

TABLE = """
## Who leaks how much

The adapter with default settings: an MLP of one hidden layer, CosFace loss, 40 epochs.

{table}

{said}
"""

PROBES = """
## One picture or many

The same models with 10 pictures of each in training, asked with fewer pictures of a person. A
single one can only be compared with strangers'. AUC, and in parentheses the share of members that
is found at one false alarm in 100.

{table}

{said}
"""

MANY = """
## More shadows, other people, the model itself

The adapter of aligned faces over b, with 10 pictures of each person, once more. Models of other
people were trained on control people and are asked about everyone else, of whom a coin calls half
members. `template_probing` also has the templates of the pictures it asks about, `white_box` the
model's file. Training learns a centre of each person, which verification does not need, and which
only a checkpoint keeps.

{table}

{said}
"""

EPOCHS = """
## The longer, the more

The adapter of aligned faces over b, with 10 pictures of each person, trained for {first[epochs]} to
{last[epochs]} epochs.

![AUC of each attack against epochs of training, and accuracy on strangers and on members beside
that of the unadapted backbone]({picture})

{table}

From {first[epochs]} to {last[epochs]} epochs the highest AUC goes from {first[leak]} to
{last[leak]}, accuracy on strangers from {first[strangers]} to {last[strangers]}.
"""

TRADE = """
## What helps, and what it costs

Adaptations of a + b, with default settings where the name says nothing else. The centred and the
whitened take a mean and a covariance from the pictures; only within people are labels used. All
attackers, of models with FaceBone too, have shadows that were trained under the target's own
defence. "Highest AUC" is the highest mean of {attacks}; a maximum over so many lies by chance a
little above what any of them finds. `set_classifier` and the two attacks in the last columns, which
take long, were tried on the first {few} models of each recipe.
"""

TRADE_READ = """
![Highest AUC of attacks on scores against the change of accuracy on strangers, for each recipe
without defence and with FaceBone]({picture})

Right is more help, down is less leak; an arrow leads from each recipe to the same with FaceBone.

{said}
"""

FACEBONE = """
## How FaceBone works on adaptations, and why

An adaptation answers otherwise about people whom it was trained on. So what is said of a person
comes from adaptations that never saw them. People are split at random into 4 groups, and for each
choice of 2 groups an adaptation is trained without them: 6 adaptations, each on half of the people,
and of any two people there is one that saw neither. People are split twice, and the answers by both
splits are averaged: an adaptation of half as many people answers less steadily.

Who is shown is decided by nothing that was learnt: a registry holds a mean template of everybody
who was trained on, under the published backbones. Left out are the group of the person whom the
left picture is likest to, that of the right picture, and those that come next, until 2 are left
out; so exactly one adaptation of each split answers each pair. Were fewer left out where both
pictures fall into one group, as members' do, their number would tell members from strangers.

The mean of all adaptations would be no defence: half of them saw the person, and what they remember
stays in it. What still leaks comes from pictures that the published backbones take for somebody
else, so that an adaptation may answer that saw the person. All this protects against who asks, also
with stolen templates, which are the published backbones' own. Who holds the model's file has the
registry and all adaptations: nothing is hidden from them. The variant `answer=distilled` keeps no
registry: one adapter learns, without labels, what those say that saw neither person, and leaks more
than they do.

What was tried on the way, and what it gave: earlier measurements, with trial code, on 8 to 64
models each, none of which is in the tables above. Cells hold accuracy on strangers and the highest
AUC of the attacks on scores, or that AUC alone.

{table}

Registry and number of adaptations are the price. Groups by place in face space need no registry,
but cosines of different adaptations do not compare, and a part of the help is lost. Less whitening,
by fewer axes or a shrunk covariance, trades help for leak and cures nothing; whitening within
people helps more and leaks less than all of that, because how a picture differs from others of the
same person tells little of who they are.
"""

_WITHIN = "whole pictures, a + b, whitened within people"
_HALF = "aligned, b, half-whitened"
_WHOLE_HALF = "whole pictures, a + b, half-whitened"
_MLP = "aligned, b, MLP"
_SHORT = "whole pictures, a + b, MLP, residual, 10 epochs"

TRIED = (
    ("the mean of all 6 adaptations answers", _WITHIN, "0.858, 0.609", "0.858, 0.605"),
    ("the mean of all 6 adaptations answers", _MLP, "0.982, 0.795", "0.992, 0.797"),
    ("an oracle says who is shown", _MLP, "0.982, 0.795", "0.986, 0.501"),
    ("an oracle says who is shown", _HALF, "0.993, 0.974", "0.993, 0.514"),
    ("only the groups of the likest people are left out", _HALF, "0.993, 0.974", "0.992, 0.565"),
    ("the same, only where a likeness passes a threshold", _HALF, "0.570", "0.508"),
    ("the same, only where a likeness passes a threshold", _WHOLE_HALF, "0.559", "0.559"),
    ("always 2 groups left out, one adaptation a pair", _HALF, "0.570", "0.529"),
    ("always 2 groups left out, one adaptation a pair", _WHOLE_HALF, "0.559", "0.530"),
    ("the likest people found by adapted templates", _WHOLE_HALF, "0.530", "0.530"),
    ("one split, one adaptation a pair", _MLP, "0.982, 0.795", "0.982, 0.506"),
    ("two splits, as it is now", _MLP, "0.982, 0.795", "0.988, 0.507"),
    ("two splits, as it is now", _SHORT, "0.835, 0.653", "0.841, 0.521"),
    ("8 groups by place in face space, no registry", _WITHIN, "0.857, 0.567", "0.839, 0.507"),
    ("distilled into a residual MLP", _MLP, "0.982, 0.795", "0.993, 0.632"),
    ("distilled into a residual MLP", _SHORT, "0.835, 0.653", "0.840, 0.546"),
    ("distilled by correlation, not squared error", _SHORT, "0.840, 0.546", "0.846, 0.588"),
    ("distilled with noise on the student's embeddings", _MLP, "0.993, 0.632", "0.993, 0.586"),
    ("a covariance shrunk by 0.9", "whole pictures, a + b, whitened", "0.808, 0.768",
     "0.826, 0.647"),
    ("a covariance within people", "whole pictures, a + b, whitened", "0.808, 0.768",
     "0.858, 0.551"),
)  # fmt: skip
"""What, on what, and accuracy and AUC without and with it; a single number is the AUC."""

PIXELS = """
## From pixels

The last {recipe[blocks]} units of MobileFaceNet a, on aligned faces, trained for {recipe[epochs]}
epochs with batch normalisation frozen: {models} models, each on about {pictures:,} pictures of half
of the {people} people, in {seconds} seconds each, on one core, beside other work. Accuracy on
strangers goes from {accuracy[strangers before]} to {accuracy[strangers]} ({change[strangers]}
percentage points), on members from {accuracy[members before]} to {accuracy[members]}
({change[members]}).

{table}
"""

SPEED = """
## How fast

{adapters} adapters with default settings, {epochs} epochs on about {pictures:,} pictures each;
medians of {rounds} rounds, on {machine[cores]} cores of "{machine[processor]}". The loop trains one
after another, written as anyone would in PyTorch; the engine stacks several and computes them
together. "As audits train" is the engine in a process of one thread for each core, against the loop
in one process that has all cores.

{table}

The last column is how many times as fast as the loop an engine would be that did nothing but the
matrix products and the optimiser's update, at the rates that they reach alone.{same}
"""
