"""`facebone harden`: search defences, confirm the best on other people, keep the verifier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facebone.commands import executors, options
from facebone.commands.assemble import (
    choose_head,
    describe_routes,
    open_data,
    open_engine,
)
from facebone.commands.console import note
from facebone.commands.executors import ExecutorName
from facebone.errors import UsageError

EXAMPLES = """
**Examples**

`facebone harden --data synthetic --backbone tiny_plain --backbone tiny_mobile --budget 20 --out runs/hard`

`facebone harden --data folder --root people --backbone dlib --views --max-drop 0.005 --out runs/mine`

`facebone harden --data lfw --backbone mobilefacenet_ms1m_a --min-accuracy 0.98 --budget 120 --out runs/lfw`

`facebone harden --data synthetic --backbone tiny_plain --adapt adapter --budget 60 --out runs/adapted`
"""  # noqa: E501 - a command that is broken in two cannot be copied

LIMIT_NOT_MET = 1


def harden(
    data: options.Data,
    backbone: options.Backbones,
    out: Annotated[
        Path,
        typer.Option(help="Folder of the results; name it again to go on with an interrupted run."),
    ],
    root: options.Root = None,
    head: Annotated[
        list[str] | None,
        typer.Option(
            help="Head to choose among: `mlp`, `logistic`, `products`. Repeat; all by default. "
            "The first one stands undefended beside all others."
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="Setting of the first head, such as `epochs=10`. May repeat."),
    ] = None,
    adapt: options.Adapt = None,
    views: Annotated[
        bool,
        typer.Option(
            "--views",
            help="Add views of each backbone to choose among: the middle 80 % and 60 % of the "
            "picture, and the mean with the mirror image.",
        ),
    ] = False,
    min_accuracy: Annotated[
        float | None,
        typer.Option(help="Accuracy that the verifier must have, on people it has not met."),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            show_default="0",
            help="Accuracy that it may have less than the undefended one. Of all that keep the "
            "accuracy, the one that leaks least is recommended.",
        ),
    ] = None,
    budget: Annotated[
        float, typer.Option(help="Minutes for the search and the confirmation together.")
    ] = 30.0,
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="Different recipes at most; by default what there is time for."),
    ] = None,
    models: Annotated[
        int,
        typer.Option(min=3, help="Models of each recipe, each attacked with the others."),
    ] = 8,
    pairs: Annotated[
        int,
        typer.Option(
            min=1,
            help="Matched candidate pairs of a half of the people at most; as many mismatched.",
        ),
    ] = 3000,
    training_pictures: Annotated[
        int,
        typer.Option(min=2, help="Pictures of a person to train on at most, under --adapt."),
    ] = 10,
    seeds: Annotated[int, typer.Option(min=1, help="Repeats of the confirmation.")] = 2,
    shadows: Annotated[
        int, typer.Option(min=2, help="Verifiers that attack each confirmed one.")
    ] = 16,
    far: Annotated[
        float, typer.Option(help="False accept rate at which the verifier's threshold is set.")
    ] = 0.01,
    alignment: options.AlignmentOption = options.Alignment.FIVE_POINT,
    pictures_of_people: Annotated[
        bool,
        typer.Option(
            "--pictures/--no-pictures",
            help="Keep faces of those most at risk, and show them in the report.",
        ),
    ] = True,
    detector: options.Detector = "auto",
    face: options.FaceOption = options.FaceChoice.CENTRE,
    missing_face: options.MissingOption = None,
    device: options.Device = "auto",
    executor: executors.Chosen = ExecutorName.PROCESSES,
    ray_address: executors.RayAddress = None,
    gpu_share: executors.GpuShare = 1.0,
    seed: options.Seed = 0,
    workers: options.Workers = None,
    store: options.Store = True,
    shared: options.Shared = None,
    trust: options.Trust = False,
) -> int:
    """Search defences on half of the people, confirm the best on the others, keep the verifier.

    Heads, backbones, defences and their settings are tried; models of each recipe are attacked
    with one another. The best are audited on people whom the search did not see, and the one that
    leaks least and keeps the accuracy is trained on the whole data set.
    """
    from facebone.backbones.devices import resolve_torch_device
    from facebone.backbones.zoo import Zoo
    from facebone.commands.harden_summary import print_harden
    from facebone.harden.choice import Rule
    from facebone.harden.hardening import Hardening
    from facebone.harden.run import harden as run
    from facebone.harden.settings import HEADS, HardenSettings, with_views
    from facebone.progress import for_console
    from facebone.scale.cores import available_cores
    from facebone.scale.kept import kept_in, kept_results

    if not budget > 0:
        raise UsageError(f"must be more than 0 minutes, got {budget:g}", where="--budget")
    rule = Rule(min_accuracy, max_drop)
    kind, head_settings = choose_head(head[0] if head else None, setting, adapt)
    heads: tuple[str, ...] = (kind,)
    if head:
        heads = tuple(choose_head(one, None, None)[0] for one in head)
    elif adapt is None:
        heads = HEADS
    zoo = Zoo()
    names = [zoo.find(word).spec.name for word in backbone]
    settings = HardenSettings(
        data=data,
        backbones=with_views(names) if views else tuple(names),
        root=root,
        heads=heads,
        head_settings=head_settings,
        alignment=alignment.value,
        detector=detector,
        face=face.value,
        missing_face=missing_face.value if missing_face else None,
        pairs=pairs,
        training_pictures=training_pictures,
        models=models,
        shadows=shadows,
        seeds=seeds,
        seed=seed,
        device=device,
    )
    jobs = executors.open_executor(
        executor, workers, address=ray_address, device=device, gpu_share=gpu_share
    )
    engine = open_engine(
        data,
        settings.routes,
        alignment=alignment,
        detector=detector,
        face=face,
        missing=missing_face,
        device=device,
        workers=workers,
        store=store,
        trust=trust,
        shared=shared,
        executor=executors.takes_batches(executor, jobs),
    )
    asked = Hardening(
        settings=settings,
        rule=rule,
        dataset=open_data(data, root, seed),
        engine=engine,
        device=resolve_torch_device(device),
        executor=jobs,
        workers=1 if executor is ExecutorName.SERIAL else workers or available_cores(),
        shadow_folder=kept_in("shadows", shared),
        shared=kept_results(shared),
        minutes=budget,
        trials=trials,
        target_far=far,
        pictures=pictures_of_people,
    )
    note(describe_routes(engine.routes))
    report = run(asked, out, progress=for_console, tell=note)
    print_harden(report, out)
    return 0 if report.recommended is not None else LIMIT_NOT_MET
