"""Whether a target's shadows are like it, in words. Pure."""

from __future__ import annotations

from facebone.audit.names import percent
from facebone.audit.schema import TargetResult


def fidelity_in_words(target: TargetResult) -> str:
    """Accuracy and margins of a target beside those of its shadows; empty where it has none."""
    found = target.shadow_fidelity
    if found is None:
        return ""
    far, usual = found.distance, found.usual_distance
    judged = (
        "are like this target"
        if found.alike
        else "are not like this target, so that attacks which compare with them may miss what it "
        "leaks"
    )
    return (
        f"{found.count} shadows trained by the same recipe {judged}. They are right about "
        f"{percent(found.shadows.on_members)} of the pairs they were trained on and "
        f"{percent(found.shadows.on_others)} of others, the target about "
        f"{percent(found.target.on_members)} and {percent(found.target.on_others)}. How sure it "
        f"is of its answers differs from them by {far.on_members:.2f} on members and "
        f"{far.on_others:.2f} on others, where shadows differ from each other by up to "
        f"{usual.on_members:.2f} and {usual.on_others:.2f} (0 is no difference, 1 the largest; the "
        "distance of Kolmogorov and Smirnov)."
    )
