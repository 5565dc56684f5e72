"""From results of jobs to what audit.json says of reconstructions."""

from __future__ import annotations

from collections.abc import Sequence

from facebone.attacks.inversion.base import INVERSIONS
from facebone.audit.plan import Finished
from facebone.audit.pooling import to_schema
from facebone.audit.reconstruction.planned import PlannedReconstruction
from facebone.audit.reconstruction.recognition import FAR, Recognition
from facebone.audit.schema import RecognisedFigures, ReconstructionResult
from facebone.audit.statistics import figure_from_json
from facebone.settings import parse_spec


def reconstruction_result(
    planned: PlannedReconstruction, backbones: Sequence[str], done: Finished
) -> ReconstructionResult:
    """One attack on one target.

    Args:
        planned: it.
        backbones: the target's.
        done: all jobs.
    """
    attack = INVERSIONS.make(*parse_spec(planned.spec, where="--attack"))
    made, seen = done[planned.made], done[planned.seen]
    found = seen.values
    return ReconstructionResult(
        name=planned.spec,
        summary=attack.summary,
        goal=attack.goal.value,
        access=attack.access.value,
        knowledge=attack.knowledge,
        people=found["people"],
        control_people=found["control_people"],
        own_faces=found["own_faces"],
        queries=found["queries"],
        attacked=_figures(" + ".join(backbones), found["recognised"]["attacked"]),
        judge=_figures(planned.judge, found["recognised"]["judge"]),
        ssim=to_schema(figure_from_json(found["likeness"]["ssim"])),
        ssim_control=to_schema(figure_from_json(found["likeness"]["control"])),
        seconds=made.seconds + seen.seconds,
    )


def _figures(name: str, values: dict[str, object]) -> RecognisedFigures:
    found = Recognition.from_json(values)
    return RecognisedFigures(
        recogniser=name,
        threshold=found.threshold,
        far=FAR,
        type_i=to_schema(found.type_i),
        type_ii=to_schema(found.type_ii),
        control=to_schema(found.control),
        genuine=to_schema(found.genuine),
    )
