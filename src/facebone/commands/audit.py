"""`facebone audit`: the whole audit, from pictures to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facebone.commands import executors, options
from facebone.commands.assemble import choose_head
from facebone.commands.audit_choices import (
    GIVEN,
    AccessName,
    Attacks,
    Judge,
    LevelName,
    Protocol,
    choose_attacks,
)
from facebone.commands.config_file import read_config
from facebone.commands.console import note
from facebone.commands.executors import ExecutorName
from facebone.commands.summary import print_audit, print_paths
from facebone.errors import UsageError

EXAMPLES = """
**Examples**

`facebone audit --data synthetic --backbone tiny_plain --backbone tiny_mobile --seeds 2 --out runs/first`

`facebone audit --data folder --root people --backbone dlib --mitigation none --fail-above auc=0.6 --out runs/mine`

`facebone audit --data synthetic --backbone tiny_plain --level pair --level identity --attack lira --attack set_likelihood --out runs/people`

`facebone audit --data synthetic --backbone tiny_plain --backbone tiny_mobile --adapt adapter --out runs/adapted`

`facebone audit --scores table.csv --attack loss_threshold --attack art_gb --out runs/table`

`facebone audit --config audit.toml --out runs/asked`
"""  # noqa: E501 - a command that is broken in two cannot be copied

LIMIT_EXCEEDED = 1


def audit(
    out: Annotated[
        Path,
        typer.Option(help="Folder of the audit; name it again to go on with an interrupted one."),
    ],
    data: Annotated[
        str | None,
        typer.Option(help="Data set: `synthetic`, `lfw`, `celeba`, `folder` or a plug-in's."),
    ] = None,
    root: options.Root = None,
    backbone: Annotated[
        list[str] | None,
        typer.Option(help="Name in `facebone backbones list`. Repeat for several."),
    ] = None,
    head: options.TrainedHead = None,
    setting: options.Settings = None,
    adapt: options.Adapt = None,
    mitigation: Annotated[
        list[str] | None,
        typer.Option(
            help="Defence, a target each: `none`, `facebone`, or with settings as in "
            "`facebone:query=mean`; several in a row as in `relaxloss/rounding`; on another head "
            "than --head as in `none@logistic`. Repeat; `none` and `facebone` by default."
        ),
    ] = None,
    attack: Attacks = None,
    judge: Judge = "auto",
    access: Annotated[
        AccessName,
        typer.Option(
            metavar="ACCESS",
            help="What the attacker sees, each with the ones before: `decision`, `score`, "
            "`embedding` (templates) or `weights`.",
        ),
    ] = AccessName.WEIGHTS,
    level: Annotated[
        list[LevelName] | None,
        typer.Option(
            metavar="LEVEL",
            help="What a member is: a `pair`; a picture in any pair (`image`); or a person "
            "(`identity`), asked about with pictures that were not trained on. Repeat; each is a "
            "target of its own; `pair` by default, `identity` with --adapt.",
        ),
    ] = None,
    training_pictures: Annotated[
        int,
        typer.Option(help="Pictures of a person to train on at most, at the level `identity`."),
    ] = 10,
    alignment: options.AlignmentOption = options.Alignment.FIVE_POINT,
    protocol: Annotated[
        Protocol,
        typer.Option(
            help="`reference` adds the prototype's own protocol beside the honest one, to compare."
        ),
    ] = Protocol.HONEST,
    seeds: Annotated[
        int, typer.Option(help="Repeats, each with other members: seed, seed + 1, ..")
    ] = 1,
    shadows: Annotated[
        int,
        typer.Option(
            help="Verifiers that an attacker trains to compare with, where one needs them."
        ),
    ] = 16,
    pairs: Annotated[
        int,
        typer.Option(help="Matched candidate pairs at most, as many mismatched; half are members."),
    ] = 3000,
    fail_above: Annotated[
        list[str] | None,
        typer.Option(
            help="Exit with code 1 if an attack does better: `auc=0.6`, `tpr@0.001=0.01`. Repeat."
        ),
    ] = None,
    pictures_of_people: Annotated[
        bool,
        typer.Option(
            "--pictures/--no-pictures",
            help="Keep faces of those most at risk, and show them in the report.",
        ),
    ] = True,
    shifts: Annotated[
        bool,
        typer.Option(
            "--shifts/--no-shifts",
            help="Measure what training bought in shifted domains too: whole pictures, low "
            "resolution, blur, a mask over the mouth.",
        ),
    ] = True,
    scores: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=GIVEN,
            help="Audit a table of scores with membership (CSV or Parquet) instead.",
        ),
    ] = None,
    verifier: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=GIVEN,
            help="Audit a Python function instead: `file.py:function`; runs that code.",
        ),
    ] = None,
    onnx_head: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=GIVEN,
            help="Audit an ONNX file of a head on the embeddings of the backbones.",
        ),
    ] = None,
    onnx_form: Annotated[
        str,
        typer.Option(
            rich_help_panel=GIVEN,
            help="What --onnx-head takes: `pair`, `concat`, `difference`, `absolute_difference` "
            "or `product` of the embeddings; `auto` goes by its inputs.",
        ),
    ] = "auto",
    candidates: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=GIVEN,
            help="Pairs and their membership, for --verifier and --onnx-head.",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=GIVEN,
            help="Of a verifier that is given: it decides same at this score or above.",
        ),
    ] = None,
    smaller_is_same: Annotated[
        bool,
        typer.Option(
            rich_help_panel=GIVEN, help="Scores of a verifier that is given are distances."
        ),
    ] = False,
    queries: Annotated[
        int,
        typer.Option(
            rich_help_panel=GIVEN, min=1, help="How often --verifier is asked about each pair."
        ),
    ] = 1,
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
    config: Annotated[
        Path | None,
        typer.Option(
            is_eager=True,
            callback=read_config,
            help="TOML file of options by their long names; those given here come first.",
        ),
    ] = None,
) -> int:
    """Train targets, attack them, and prove with intervals what they leak and what defence buys."""
    del config  # its callback has made its values the defaults of the other options
    from facebone.audit.limits import exceeded, parse_limits
    from facebone.audit.settings import DEFAULT_MITIGATIONS, AuditSettings
    from facebone.commands import audit_runs as runs

    limits = parse_limits(fail_above or ())
    asked = [
        name
        for name, value in (
            ("--scores", scores),
            ("--verifier", verifier),
            ("--onnx-head", onnx_head),
        )
        if value is not None
    ]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} exclude each other", where="audit")
    jobs = executors.open_executor(
        executor, workers, address=ray_address, device=device, gpu_share=gpu_share
    )
    if asked and adapt is not None:
        raise UsageError(
            f"is for targets that the audit trains, {asked[0]} names one that is there already",
            where="--adapt",
        )
    kind, head_settings = choose_head(head, setting, adapt)
    usual = LevelName.PAIR if adapt is None else LevelName.IDENTITY
    levels = tuple(one.value for one in level or (usual,))
    attacks, others, seen_by = choose_attacks(
        attack or (),
        access.value,
        levels,
        given=asked[0] if asked else None,
        adapts=adapt is not None,
    )

    def pictures() -> runs.Pictures:
        """Data set and engines, for the audits that look at pictures."""
        if data is None:
            raise UsageError("needs a data set", where="--data", hint="such as --data synthetic")
        if not backbone:
            raise UsageError("needs at least one", where="--backbone")
        return runs.Pictures(
            data=data,
            root=root,
            backbones=tuple(backbone),
            alignment=alignment,
            detector=detector,
            face=face,
            missing=missing_face,
            device=device,
            workers=workers,
            store=store,
            trust=trust,
            seed=seed,
            executor=executors.takes_batches(executor, jobs),
            shared=shared,
        )

    given = runs.Given(
        attacks=attacks,
        threshold=threshold,
        sign=-1 if smaller_is_same else 1,
        seed=seed,
        access=seen_by,
        shared=shared,
    )
    if scores is not None:
        result = runs.audit_scores(scores, given, out, jobs)
    elif verifier is not None:
        result = runs.audit_callable(
            verifier, _needed(candidates, "--verifier"), given, out, jobs, queries=queries
        )
    elif onnx_head is not None:
        result = runs.audit_onnx(
            onnx_head,
            _needed(candidates, "--onnx-head"),
            pictures(),
            given,
            out,
            jobs,
            form=onnx_form,
        )
    else:
        seen = pictures()
        settings = AuditSettings(
            data=seen.data,
            root=root,
            backbones=seen.backbones,
            head=kind,
            head_settings=head_settings,
            mitigations=tuple(mitigation or DEFAULT_MITIGATIONS),
            attacks=attacks,
            others=others,
            judge=judge,
            access=access.value,
            levels=levels,
            alignment=alignment.value,
            detector=detector,
            face=face.value,
            missing_face=missing_face.value if missing_face else None,
            pairs=pairs,
            training_pictures=training_pictures,
            protocol=protocol.value,
            seed=seed,
            seeds=seeds,
            shadows=shadows,
            device=device,
            shifts=shifts,
        )
        result = runs.audit_trained(settings, seen, out, jobs, faces=pictures_of_people)
    print_audit(result)
    over = exceeded(result, limits)
    for line in over:
        note(f"limit exceeded: {line}")
    print_paths(out)
    return LIMIT_EXCEEDED if over else 0


def _needed(path: Path | None, option: str) -> Path:
    if path is None:
        raise UsageError(
            f"{option} needs the pairs to ask about and their membership",
            where="--candidates",
            hint="name a CSV or Parquet file with the columns left, right, same, member",
        )
    return path
