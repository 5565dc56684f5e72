"""What stands between the tables of the page of attacks of other goals."""

INTRODUCTION = """# Defences against the other attacks, measured

**Guards of answers blunt what asks for scores, and nothing but a key touches a stolen database.**
Rounding, MemGuard and decisions alone lower what is rebuilt from scores, and so does training that
flattens them: weight decay, HAMP, adversarial regularisation. It leaves templates as they are, and
so does FaceBone, whose scores give a face away as others do. A key on templates keeps faces in
them, and links between databases, from who has no account. How often a recogniser that no attack
used takes a rebuilt face for another photograph of the person:

{answer}

Written by `python -m benchmarks.reconstruction_study`, which needs FACEBONE_ASSETS; it runs the
parts of this command, for each defence:

```text
facebone audit --data lfw --root $FACEBONE_ASSETS/lfw --backbone mobilefacenet_ms1m_a \\
  --judge mobilefacenet_ms1m_b --mitigation none --mitigation rounding --attack loss_threshold \\
  --attack template_ridge --attack score_regression --attack decision_bisection:queries=1000 \\
  --attack copy_head:queries=1000 --attack direct --attack score_identification \\
  --no-shifts --seed 7 --out runs/other-attacks
```

## What stands in the table

LFW, faces aligned; the target is the default MLP on `mobilefacenet_ms1m_a`, trained once, under
each defence at its defaults unless the name says otherwise. Faces are judged by
`mobilefacenet_ms1m_b` where one in a thousand pairs of strangers passes; of 200 people attacked the
first 100 are rebuilt from scores and the first 10 from decisions, where each takes 1,000 questions,
so that those intervals are wide. Behind stolen templates the attacker has all of their own faces
enrolled; behind a key, none: they know the public networks. Copies are judged on people whom
neither has met. Attributes are those of 480 synthetic people under `tiny_residual`, the mean over
all. Links are of the best match, by other pictures, of people in the database of another
installation; names are told with one public picture each. Intervals are 95 %. An empty cell was not
measured.
"""

DEFENDED = """
*As none* are templates that the same public network makes: guards stand in front of the matcher,
and who has stolen the database, or holds the weights, does not meet them. Each verifier was trained
once, so that small differences between defences of training may be chance.{missing}

*Two networks* are `mobilefacenet_ms1m_a` and `dlib`, whose faces are cut out in its own way; there
100 people are attacked. FaceBone needs several, and its templates are theirs, as they stand.

**The head matters.** A linear head answers nearly in proportion to the cosine, so that its scores
and its boundary give the template away; an MLP that has learnt from few pairs bends both.

"""

UNDEFENDED = """## Every attack without a defence
"""

KEYED = """
## Templates under a key

`knows=networks` is who has the public networks alone; `both,enrolled=N` who had N faces of their
own enrolled beside; plain `template_ridge` who had all of theirs.
"""

READING = """
`direct` compares records as they stand; who is enrolled in both databases undoes the keys
([linkage](other-goals.md)). [How reconstructions are judged](reconstruction.md) is on a page of
its own.
"""
