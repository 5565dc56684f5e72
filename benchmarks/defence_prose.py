"""What stands between the tables of the page of all defences."""

INTRODUCTION = """# Defences, measured

Every defence of [the list](defences.md) on real faces: how well a verifier recognises under it,
what an attacker who knows it finds out, and what it costs. Written by `python -m
benchmarks.defence_study`, which needs FACEBONE_ASSETS. One of them, with all that belongs to it,
by the command:

```text
facebone audit --data lfw --root $FACEBONE_ASSETS/lfw --alignment none --missing-face centre \\
  --backbone mobilefacenet_ms1m_b --mitigation none --mitigation relaxloss --attack lira \\
  --attack shadow_boosting --attack label_only_shadows --shadows 64 --out runs/relaxloss
```

## What stands in the table

LFW's View 2, whole pictures that are not aligned, so that there is something to learn and to leak.
Under each defence {models} models learn from a random half of the 6,000 pairs each (* {some},
where one takes many heads), and each is attacked with the {others} others as shadows: trained
under the same defence, questions repeated where answers vary, label-only attacks with changed
pictures on the undefended verifier, `early_stopping`, `weight_decay`, `selena` and the guarded
ones but for `query_budget`; on others by `gap`, which needs no such pictures.
`shadow_boosting`, which learns for long, attacks the first {few}. Accuracy and equal error rate
are those on pairs that a model did not learn from. Figures are means over models; behind ± stands
how far the mean may be off (95 %). *AUC by decisions* is the highest of attacks that see the
verdict alone. Training and query are times beside those of the undefended MLP, on one core: of
stacked models, a model's share.

Unless the row says so the head is the default MLP on MobileFaceNet b, and settings are the
defaults, which were chosen on other models. The three backbones are MobileFaceNets a and b and
dlib; the two views are `mobilefacenet_ms1m_a%60-mirror` and `mobilefacenet_ms1m_b%60-mirror`.
"""

READING = """
## What to take from it

- **Hiding answers does not hide training.** Who sees decisions alone, changes the pictures a
  little and compares with shadows finds as much behind decisions alone, rounding and keyed noise
  as without them; MemGuard, which makes scores say little, tells more by its decisions than by
  these.
- **Softer labels leak more.** Label smoothing and mixup pull answers about training pairs to a
  value that few other pairs get, and shadows know where it lies.
- **Less room leaks less.** Dropout leaves eight units too little to learn pairs by heart and
  costs no accuracy; SELENA comes to the same for sixteen times the training. Logistic regression
  on products of coordinates has a weight for each and leaks little; on a cosine it has two
  numbers, and there is nothing to find.
- **Many backbones, or views, then win more accuracy than any of this costs.** See
  [FaceBone](facebone.md). Verifiers that are adapted to people have [a page](adapted-models.md)
  of their own.
"""

DP = """
## Differential privacy for each person

`dp_sgd` promises each person that their pairs change little (δ = 10⁻⁵, two pairs a person at most).
The MLP has MobileFaceNet b, FaceBone's head, logistic regression on cosines, all three backbones.
{models} models a row. *ε shown* is what attacks prove that ε is at least, at a confidence of 95 % a
model: the threshold chosen on one model, the bound from the next, its mean over models and the
largest of all, by the attack that shows most. It must not exceed what is claimed.
"""

DP_READING = """
FaceBone's head keeps its accuracy at every ε, for the noise of a step falls on a handful of numbers
that all pairs agree about. In the MLP it falls on hundreds of thousands, and drowns them.
"""
