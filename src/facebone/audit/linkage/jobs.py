"""The job of a linkage: both databases are made, linked, and what was found is measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from facebone.attacks.linkage.base import LINKAGES
from facebone.attacks.linkage.figures import measure_linkage
from facebone.attacks.linkage.open_set import OpenSetSettings
from facebone.attacks.linkage.open_set_figures import measure_open_set
from facebone.attacks.linkage.trial import Linked, run_linkage
from facebone.audit.jobs import Inputs, Settings, material_of
from facebone.audit.linkage.databases import open_databases
from facebone.audit.linkage.listed import draw_list, with_list
from facebone.audit.other_goals.crowd import CROWD, Crowd
from facebone.audit.other_goals.victim import train_victim
from facebone.audit.plan import Result
from facebone.audit.target import TargetRecipe
from facebone.seeding import derive_seed, make_rng

REPLICATES, MOST_PAIRS = 500, 20_000
"""Resamples, and pairs of different people that are looked at."""


def link_records(settings: Settings, inputs: Inputs) -> Result:
    """What links a target's records to those of another database.

    Settings: ``attack``, ``attack_settings``, ``recipe`` of the target, ``material`` that it is
    trained on, and ``seed``.
    """
    crowd, material = Crowd.from_result(inputs[CROWD]), material_of(settings, inputs)
    recipe, seed = TargetRecipe(**settings["recipe"]), settings["seed"]
    attack = LINKAGES.make(settings["attack"], settings["attack_settings"])
    target = train_victim(recipe, material, seed=seed)
    other = target
    if not target.head.public_templates and not (attack.names_people or attack.needs_anchors):
        # Somebody else's: another training, and another key unless the recipe says which.
        other = train_victim(recipe, material, seed=derive_seed(seed, "another installation"))
    opened = open_databases(attack, crowd, target, other, seed=seed)
    linked = run_linkage(attack, opened.view, opened.first, opened.second, seed=seed)
    if attack.names_people:
        figures = _measure_names(linked, attack.settings, seed=seed)
    else:
        figures = _measure_records(linked, seed=seed)
    return Result(figures | {"second": opened.made_by, "anchors": opened.anchors})


def _measure_records(linked: Linked, *, seed: int) -> dict[str, Any]:
    figures, control = (
        measure_linkage(
            scores, linked.first, second, seed=seed, replicates=REPLICATES, most=MOST_PAIRS
        ).to_json()
        for scores, second in (
            (linked.scores, linked.second),
            (linked.control, linked.control_second),
        )
    )
    return {
        "people": figures["same"],
        "strangers": 0,
        **{name: figures[name] for name in ("auc", "tpr_at_fpr", "rank_one", "chance")},
        "found": {},
        "control": {"auc": control["auc"]},
    }


def _measure_names(linked: Linked, settings: OpenSetSettings, *, seed: int) -> dict[str, Any]:
    # The control deals the names out anew among those who are listed.
    dealt = make_rng(seed, "names dealt out").permutation(linked.first)
    scores, unrelated = linked.scores, linked.scores
    if settings.hit is not None and settings.wrong is not None:
        enrolled = np.isin(linked.first, linked.second)
        listed = draw_list(enrolled, hit=settings.hit, wrong=settings.wrong, seed=seed)
        scores, unrelated = (
            with_list(linked.scores, names, linked.second, listed, seed=seed)
            for names in (linked.first, dealt)
        )
    figures, control = (
        measure_open_set(values, names, linked.second, seed=seed, replicates=REPLICATES).to_json()
        for values, names in ((scores, linked.first), (unrelated, dealt))
    )
    return {
        "people": figures["enrolled"],
        "strangers": figures["strangers"],
        "auc": figures["auc"],
        "tpr_at_fpr": {},
        "rank_one": None,
        "chance": None,
        "found": figures["found"],
        "control": {"auc": control["auc"]},
    }
