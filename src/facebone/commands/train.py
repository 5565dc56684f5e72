"""`facebone train`: make a verifier, the target of later attacks."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facebone.commands import options
from facebone.commands.assemble import (
    choose_head,
    describe_routes,
    open_data,
    open_engine,
    show_problems,
)
from facebone.commands.console import note, print_json
from facebone.commands.evaluate import print_utility

if TYPE_CHECKING:
    from facebone.verification.training import Adapted

EXAMPLES = """
**Examples**

`facebone train --data synthetic --backbone tiny_residual --head mlp --out model`

`facebone train --data synthetic --backbone tiny_plain --backbone tiny_mixer \
--mitigation facebone --out model`

`facebone train --data synthetic --backbone tiny_residual --adapt adapter --out model`

`facebone train --data synthetic --backbone tiny_wide --head mlp --mitigation hamp --out model`

`facebone train --data folder --root people --backbone dlib --head logistic --far 0.001 --out model`
"""


class Copies(StrEnum):
    """What to do about one picture in two parts of the split."""

    ERROR = "error"
    DROP = "drop"


def train(
    data: options.Data,
    backbone: options.Backbones,
    out: Annotated[Path, typer.Option(help="Folder of the verifier.")],
    root: options.Root = None,
    head: options.TrainedHead = None,
    setting: options.Settings = None,
    adapt: options.Adapt = None,
    mitigation: Annotated[
        str,
        typer.Option(
            metavar="NAME[:SETTING=VALUE,..]",
            help="Defence to train with, such as `facebone` with several backbones, or several in "
            "a row, as in `early_stopping/rounding:digits=2`.",
        ),
    ] = "none",
    far: Annotated[
        float, typer.Option(help="False accept rate at which the threshold is set.")
    ] = 0.01,
    pairs: Annotated[
        int, typer.Option(min=1, help="Matched pairs to learn from at most; as many mismatched.")
    ] = 3000,
    training_pictures: Annotated[
        int,
        typer.Option(
            min=2, help="Pictures of a person to learn from at most, under --adapt; others measure."
        ),
    ] = 20,
    copies: Annotated[
        Copies | None,
        typer.Option(
            help="A picture, or a near-duplicate, of a training person among other people: stop "
            "with an `error` (default), or `drop` it there (default for lfw, which has one)."
        ),
    ] = None,
    alignment: options.AlignmentOption = options.Alignment.FIVE_POINT,
    detector: options.Detector = "auto",
    face: options.FaceOption = options.FaceChoice.CENTRE,
    missing_face: options.MissingOption = None,
    device: options.Device = "auto",
    seed: options.Seed = 0,
    workers: options.Workers = None,
    store: options.Store = True,
    trust: options.Trust = False,
    as_json: options.Json = False,
) -> None:
    """Train a head, or an adaptation, on 60 % of the people; set and measure it on the others."""
    from facebone.backbones.devices import resolve_torch_device
    from facebone.backbones.zoo import Zoo
    from facebone.mitigations.base import make_mitigation, parse_mitigation
    from facebone.verification.adaptation.placing import place
    from facebone.verification.adapted_training import train_adapted
    from facebone.verification.heads import PeopleHead
    from facebone.verification.training import train_verifier
    from facebone.verification.training_parts import PARTS
    from facebone.verification.verifier_folder import check_target

    check_target(out)
    kind, settings = choose_head(head, setting, adapt)
    defence = make_mitigation(*parse_mitigation(mitigation))
    zoo = Zoo()
    names = [zoo.find(word).spec.name for word in backbone]
    used = [names[column] for column in defence.columns(names)]
    settings, routes = place(kind, settings, used)
    unfitted = defence.protect(
        kind,
        settings,
        backbones=routes,
        device=resolve_torch_device(device),
    )
    engine = open_engine(
        data,
        routes,
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
    if copies is None:
        # One photograph of LFW was published under two names; everybody's LFW has that copy.
        copies = Copies.DROP if data == "lfw" else Copies.ERROR
    common: dict[str, Any] = {
        "seed": seed,
        "target_far": far,
        "limit": pairs,
        "copies": copies.value,
        "mitigation": defence.spec(),
    }
    if isinstance(unfitted, PeopleHead):
        trained = train_adapted(dataset, engine, unfitted, pictures=training_pictures, **common)
    else:
        trained = train_verifier(dataset, engine, unfitted, **common)
    trained.verifier.save(out)
    show_problems(trained.problems, ())
    if trained.removed:
        note(f"copies of other pictures, dropped: {', '.join(trained.removed[:3])}")
    adapted = trained.adapted
    if as_json:
        report = {"model": str(out), "utility": trained.utility.to_json()}
        print_json(report if adapted is None else report | {"adapted": adapted.to_json()})
        return
    counts = [f"{count} pairs" for count in trained.pairs]
    if adapted is not None:
        counts[0] = f"{adapted.pictures} pictures"
    for name, people, count in zip(PARTS, trained.people, counts, strict=True):
        note(f"{name:>11}: {people} people, {count}")
    note(describe_routes(engine.routes))
    note(defence.describe(routes, head=kind))
    note(f"threshold {trained.verifier.threshold:.4f} at FAR {far:g}; on people never met:")
    print_utility(trained.utility)
    if trained.accepted == 0:
        note(
            f"warning: this threshold accepts nobody: too few scores differ for FAR {far:g}; raise "
            "--far, or say where decisions are made, as decision_only:at=0.9 does"
        )
    if adapted is not None:
        _print_change(adapted)
    note(f"wrote {out}")


def _print_change(adapted: Adapted) -> None:
    """What adapting changed, a line a kind of people, on stdout."""
    for who, change in (
        ("people never met", adapted.strangers),
        ("people trained on, by other pictures", adapted.members),
    ):
        if change is None:
            note(f"{who}: too few were kept aside to measure, bring 8 or more of each person")
            continue
        typer.echo(f"{who}: {change}")
