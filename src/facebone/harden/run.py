"""The whole of a hardening: halves, search, choice, confirmation, verifier, harden.json."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import facebone
from facebone.audit.environment import describe_environment
from facebone.audit.job_store import JobStore, bind
from facebone.audit.names import UNDEFENDED
from facebone.audit.trained import Sources
from facebone.data.dataset import Dataset
from facebone.harden.choice import Standing, ranked, shortlist
from facebone.harden.confirm import Confirmation, audit_chosen, judge_chosen
from facebone.harden.finish import (
    VERIFIER_FOLDER,
    check_can_train,
    remove_earlier,
    train_recommended,
)
from facebone.harden.halves import Halves, split_halves
from facebone.harden.hardening import Hardening
from facebone.harden.report import standings
from facebone.harden.schema import (
    DataFacts,
    HalfFacts,
    Harden,
    RefusedTrial,
    RuleFacts,
    Trial,
    VerifierFacts,
    write_harden,
)
from facebone.harden.searching import search_half
from facebone.harden.settings import CONFIRMED
from facebone.progress import ProgressFactory, SilentProgress


def harden(
    asked: Hardening,
    out: Path,
    *,
    progress: ProgressFactory = SilentProgress,
    tell: Callable[[str], None] = lambda _line: None,
) -> Harden:
    """Search, confirm, train what is recommended, and write it all to a folder.

    Args:
        asked: what is to be done.
        out: its folder; one of an interrupted run is gone on with.
        progress: of the run.
        tell: told lines for people.

    Raises:
        DatasetError: too few people or pictures.
        UsageError: the folder holds something else, or nothing can be measured.
        StorageError: the folder cannot be written.
        KeyboardInterrupt: passed on; the folder is one to go on with.
    """
    check_can_train(asked.dataset, target_far=asked.target_far, seed=asked.settings.seed)
    with bind(out, asked.identity(), shared=asked.shared) as store:
        halves = split_halves(
            asked.dataset, seed=asked.settings.seed, executor=asked.engine.executor
        )
        searched = search_half(asked, halves.search, out, store, progress, tell)
        trials = searched.trials
        every = standings(trials)
        undefended = next(one for one in every if one.name == UNDEFENDED)
        limit = asked.rule.limit(undefended.accuracy)
        order = ranked(every, limit)
        began = time.monotonic()
        confirmation = _confirm(asked, halves, trials, order, out, store, progress)
        seconds = time.monotonic() - began
        notes = _notes(asked, order[0].name if order else None, confirmation)
        verifier = None
        remove_earlier(out / VERIFIER_FOLDER)
        if confirmation.recommended is not None:
            verifier, keyed = _train(asked, confirmation.recommended, out)
            if keyed:
                notes.append("the verifier has a secret key of its own, drawn at random")
        report = Harden(
            facebone_version=facebone.__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            seed=asked.settings.seed,
            command=asked.command(),
            environment=describe_environment(device=f"heads on {asked.device}"),
            data=_data(asked, halves, searched.pairs, confirmation),
            level=asked.settings.level.value,
            models=asked.settings.models,
            rule=RuleFacts(
                min_accuracy=asked.rule.min_accuracy,
                max_drop=asked.rule.max_drop,
                words=asked.rule.words(),
                limit_in_search=limit,
                limit_in_confirmation=confirmation.limit,
            ),
            trials=trials,
            refused=[RefusedTrial(name=name, why=why) for name, why in searched.refused.items()],
            chosen=order[0].name if order else None,
            recommended=confirmation.recommended,
            confirmation=list(confirmation.confirmed),
            verifier=verifier,
            notes=notes,
            search_seconds=searched.seconds,
            confirmation_seconds=seconds,
        )
        write_harden(report, out)
    return report


def _confirm(
    asked: Hardening,
    halves: Halves,
    trials: Sequence[Trial],
    order: Sequence[Standing],
    out: Path,
    store: JobStore,
    progress: ProgressFactory,
) -> Confirmation:
    """Audit the best ones and the undefended one on the confirmation half."""
    chosen = shortlist(order, standings(trials), most=CONFIRMED)
    preference = [one.name for one in order]
    # Where all others fail, the undefended one is the last resort.
    names = list(dict.fromkeys([*(one.name for one in chosen), UNDEFENDED]))
    names.sort(key=lambda name: preference.index(name) if name in preference else len(preference))
    audit = audit_chosen(
        asked.settings,
        [UNDEFENDED, *(name for name in names if name != UNDEFENDED)],
        Sources(halves.confirmation, asked.engine, None, asked.device),
        store,
        asked.executor,
        out=out,
        shadow_folder=asked.shadow_folder,
        command=asked.command(),
        pictures=asked.pictures,
        progress=progress,
    )
    by_name = {one.name: one for one in trials}
    return judge_chosen(
        audit, [by_name[name] for name in names], asked.rule, asked.settings, eligible=preference
    )


def _train(asked: Hardening, name: str, out: Path) -> tuple[VerifierFacts, bool]:
    return train_recommended(
        asked.make(name),
        asked.settings,
        asked.dataset,
        asked.engine,
        out / VERIFIER_FOLDER,
        target_far=asked.target_far,
    )


def _notes(asked: Hardening, first: str | None, confirmation: Confirmation) -> list[str]:
    """What a reader must know of the recommendation."""
    by_name = {one.name: one for one in confirmation.confirmed}
    final = confirmation.recommended
    notes = []
    if first is None:
        notes.append(f"no recipe of the search is one {asked.rule.words()}")
    elif final is None:
        notes.append(f"no recipe that was confirmed is one {asked.rule.words()}")
    elif final != first:
        notes.append(
            f"{first} was best in the search, but not one {asked.rule.words()} on other people: "
            f"{final} takes its place"
        )
    if final is not None:
        one = by_name[final]
        for what, agrees in (("accuracy", one.accuracy_agrees), ("leak", one.leak_agrees)):
            if agrees is False:
                notes.append(
                    f"the {what} of {final} on other people does not lie in the interval that the "
                    "search gave: trust the confirmation"
                )
    return notes


def _data(asked: Hardening, halves: Halves, pairs: int, confirmation: Confirmation) -> DataFacts:
    def half(dataset: Dataset, count: int) -> HalfFacts:
        return HalfFacts(
            people=len(dataset.people),
            images=len(dataset.pictures),
            pairs=count,
            fingerprint=dataset.fingerprint,
        )

    return DataFacts(
        name=asked.dataset.name,
        people=len(asked.dataset.people),
        images=len(asked.dataset.pictures),
        fingerprint=asked.dataset.fingerprint,
        alignment=asked.settings.alignment,
        backbones=list(asked.names),
        search=half(halves.search, pairs),
        confirmation=half(halves.confirmation, confirmation.audit.data.pairs),
        copies=len(halves.copies),
    )
