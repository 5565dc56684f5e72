"""`facebone evaluate`: how well backbones and a head recognise people, with intervals."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from facebone.commands import options
from facebone.commands.assemble import (
    describe_routes,
    open_data,
    open_engine,
    show_problems,
)
from facebone.commands.console import note, print_columns, print_json
from facebone.settings import parse_words

if TYPE_CHECKING:
    from facebone.verification.utility import Utility

EXAMPLES = """
**Examples**

`facebone evaluate --data synthetic --backbone tiny_residual`

`facebone evaluate --data lfw --root lfw.tgz --backbone dlib --json`
"""


class Protocol(StrEnum):
    """How pairs are drawn and thresholds chosen."""

    VIEW2 = "view2"


def evaluate(
    data: options.Data,
    backbone: options.Backbones,
    root: options.Root = None,
    head: options.Head = "cosine",
    setting: options.Settings = None,
    alignment: options.AlignmentOption = options.Alignment.FIVE_POINT,
    detector: options.Detector = "auto",
    face: options.FaceOption = options.FaceChoice.CENTRE,
    missing_face: options.MissingOption = None,
    protocol: Annotated[
        Protocol,
        typer.Option(
            help="`view2`: ten folds, each decided at the threshold that is best on the other "
            "nine. LFW's own pairs where the data set is LFW, else drawn by seed, no person in "
            "two folds."
        ),
    ] = Protocol.VIEW2,
    device: options.Device = "auto",
    seed: options.Seed = 0,
    workers: options.Workers = None,
    store: options.Store = True,
    trust: options.Trust = False,
    as_json: options.Json = False,
) -> None:
    """Measure accuracy, AUC, EER and TAR at FAR, each with a 95 % interval."""
    from facebone.backbones.devices import resolve_torch_device
    from facebone.data.sampling import draw_folds
    from facebone.verification.heads import make_head
    from facebone.verification.pairing import embed_pairs
    from facebone.verification.protocol import evaluate_folds

    # The one protocol there is; the option is here for those to come.
    del protocol
    unfitted = make_head(
        head, parse_words(setting or (), where="--set"), device=resolve_torch_device(device)
    )
    engine = open_engine(
        data,
        backbone,
        alignment=alignment,
        detector=detector,
        face=face,
        missing=missing_face,
        device=device,
        workers=workers,
        store=store,
        trust=trust,
    )
    dataset = open_data(data, root, seed)
    pairs = dataset.official_pairs
    if pairs is None or pairs.fold is None:
        pairs = draw_folds(dataset, seed=seed)
    paired = embed_pairs(engine, dataset, pairs)
    show_problems(paired.problems, paired.guessed)
    if paired.dropped:
        note(f"{paired.dropped} of {len(pairs)} pairs left out with them")
    fold = paired.pairs.fold
    if fold is None:  # pairs above have folds, and what is taken from them keeps them
        raise RuntimeError("pairs lost their folds")
    evaluation = evaluate_folds(
        unfitted.fresh, paired.embedded, paired.pairs.same, fold, paired.people, seed=seed
    )
    if as_json:
        print_json(evaluation.utility.to_json())
        return
    note(
        f"{dataset.name}: {len(paired.pairs)} pairs, {int(paired.pairs.same.sum())} of them "
        f"matched, of {len(dataset.people)} people; head {head}"
    )
    note(describe_routes(engine.routes))
    print_utility(evaluation.utility)


def print_utility(utility: Utility) -> None:
    """The figures as a table on stdout."""
    error = utility.accuracy_standard_error
    note(f"accuracy: mean of {len(utility.fold_accuracy)} folds, standard error {error:.4f}")
    rows = [("accuracy", str(utility.accuracy))]
    rows += [("AUC", str(utility.auc)), ("EER", str(utility.eer))]
    rows += [(f"TAR at FAR {far:g}", str(tar)) for far, tar in utility.tar_at_far.items()]
    print_columns(rows)
