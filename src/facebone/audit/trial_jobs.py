"""The jobs of an audit that try attacks: answers, perhaps beside shadows, become figures."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from facebone.attacks.access import Ask, Channel
from facebone.attacks.asking import as_asked, was_asked
from facebone.attacks.base import ATTACKS
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.fidelity import fidelity
from facebone.audit.jobs import Inputs, Settings, units_of
from facebone.audit.plan import Result
from facebone.audit.score_table import ScoreTable
from facebone.audit.shadows import ShadowBatch, attach
from facebone.audit.trial import run_trial
from facebone.audit.unit_target import UnitAnswers, unit_table


def try_attack(settings: Settings, inputs: Inputs) -> Result:
    """One attack on one target, beside shadows if the settings name them.

    Settings: ``table`` and, at the levels of pictures and people, ``material`` name inputs; for an
    attack with shadows so do ``shadows``, ``control`` (a target of other people) and, at the level
    of pairs, ``rows``.
    """
    table = _table(settings, inputs, settings["table"])
    control = settings.get("control")
    trial = run_trial(
        partial(ATTACKS.make, settings["attack"], settings["attack_settings"]),
        table,
        seed=settings["seed"],
        queries=table.answers.queries,
        control=None if control is None else _table(settings, inputs, control),
    )
    values = trial.to_json() | {
        "beats_control": trial.beats_control,
        "beats_baseline": trial.beats_baseline,
        "queries": _queries(settings, table),
    }
    arrays: dict[str, Any] = {
        "attack_score": trial.attack_score,
        "claimed": trial.claimed,
        "risk": trial.risk,
    }
    if "material" in settings:
        # The rows of this trial's table depend on how many pictures were used.
        bare = replace(table.answers, shadows=None, channels={}, probes=None)
        arrays |= replace(table, answers=bare.first_queries(1), blind=None).to_arrays()
    return Result(values, arrays)


def compare_with_shadows(settings: Settings, inputs: Inputs) -> Result:
    """Whether shadows are like the target of a seed."""
    return Result(fidelity(_table(settings, inputs, settings["table"])).to_json())


def _table(settings: Settings, inputs: Inputs, name: str) -> ScoreTable:
    """The table of a target, asked as the settings say, beside shadows if they name some."""
    arrays, ask = inputs[name].arrays, Ask(settings.get("ask", Ask.ONCE))
    batch = None
    if "shadows" in settings:
        batch = ShadowBatch.from_arrays(inputs[settings["shadows"]].arrays)
    if "material" in settings:
        material = units_of(settings, inputs)
        shadows = None
        if batch is not None:
            # About questions nobody is trained; units are, and the table says which.
            nobody = np.zeros(batch.log_odds.shape, dtype=np.bool_)
            shadows = ShadowAnswers(batch.log_odds, nobody, batch.channels)
        return unit_table(
            material,
            UnitAnswers.from_arrays(arrays),
            shadows,
            shadow_members=None if batch is None else batch.trained,
            ask=ask,
            probes=settings.get("probes"),
        )
    table = ScoreTable.from_arrays(arrays)
    if batch is not None:
        table = attach(table, batch, inputs[settings["rows"]].arrays["rows"])
    blind = table.blind
    return replace(
        table,
        answers=as_asked(table.answers, ask),
        blind=as_asked(blind, ask) if blind is not None and was_asked(blind, ask) else None,
    )


def _queries(settings: Settings, table: ScoreTable) -> int:
    """How many answers of the target the attack takes about each candidate, mean and rounded."""
    asked = [table.answers.queries]
    for channel in ATTACKS.get(settings["attack"]).channels:
        if channel is Channel.DECISIONS:
            asked.append(table.answers.channels[channel].shape[1])
        if channel is Channel.TEMPLATES:
            from facebone.verification.heads.probing import PROBE_QUERIES, probe_names

            # Templates of an adapted model are compared at home: it is asked nothing more.
            noisy = table.answers.channels[channel].shape[1] == len(probe_names())
            asked.append(PROBE_QUERIES if noisy else 1)
    probes = table.answers.probes
    pairs = 1.0 if probes is None else len(probes.candidate) / max(probes.size, 1)
    return round(max(asked) * pairs)
