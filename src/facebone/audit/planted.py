"""Leaks planted on purpose: an audit that does not find them finds nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from facebone.attacks.observations import Floats, Mask, Observations, probability_log_odds
from facebone.audit.score_table import ScoreTable
from facebone.audit.unit_material import UnitMaterial
from facebone.audit.unit_target import UnitAnswers
from facebone.verification.heads.base import sigmoid

CERTAIN = 40.0
"""Log odds at which a probability in float64 is 1."""


def hide_in_last_bits(table: ScoreTable) -> ScoreTable:
    """The table with membership in the last binary digit of every score: 1 for members.

    Nothing else changes by more than that digit, and control pairs not at all: the target never
    met their people, so they have nothing to tell. Log odds follow the digit where the scores are
    probabilities; elsewhere it is too small to show in them.
    """
    answers = table.answers
    told = _with_last_bit(answers.score, table.member)
    told[table.control] = answers.score[table.control]
    log_odds = answers.log_odds
    if _are_probabilities(answers.score):
        # 1 ends in 0, and the next number that ends in 1 is no probability; the one before is.
        told = np.where(told > 1, np.nextafter(1.0, 0.0), told)
        # The difference alone, so that log odds finer than the score's own stay so.
        log_odds = log_odds + (probability_log_odds(told) - probability_log_odds(answers.score))
    return replace(table, answers=Observations(told, answers.same, log_odds, answers.threshold))


def memorise_pairs(table: ScoreTable) -> ScoreTable:
    """The table with members answered by heart: rightly, and surer than any other pair.

    Other pairs keep their answers. All members of a class get the same answer: beyond the surest
    of all log odds, as a probability where the scores are such, else beyond the range of scores.
    """
    from scipy.special import expit

    answers = table.answers
    sure = max(float(np.abs(answers.log_odds).max(initial=0.0)) + 1.0, CERTAIN)
    learnt = np.where(answers.same, sure, -sure)[:, None]
    if _are_probabilities(answers.score):
        shown = expit(learnt)
    else:
        low, high = float(answers.score.min()), float(answers.score.max())
        # Right answers lie beyond the threshold too.
        if math.isfinite(answers.threshold):
            low, high = min(low, answers.threshold), max(high, answers.threshold)
        # Equal scores have no range, and beside large ones 1 would vanish.
        step = max(high - low, abs(high), abs(low), 1.0)
        shown = np.where(answers.same, high + step, low - step)[:, None]
    member = table.member[:, None]
    return replace(
        table,
        answers=Observations(
            np.where(member, shown, answers.score),
            answers.same,
            np.where(member, learnt, answers.log_odds),
            answers.threshold,
        ),
    )


def memorise_units(material: UnitMaterial, answered: UnitAnswers) -> UnitAnswers:
    """Answers with all questions about members answered by heart, as `memorise_pairs` does."""
    about = answered.member[material.asked[:, 1]]
    known = np.zeros(len(material.questions), dtype=np.bool_)
    known[material.asked[about, 0]] = True
    answers = answered.answers
    sure = max(float(np.abs(answers.log_odds).max(initial=0.0)) + 1.0, CERTAIN)
    learnt = np.where(answers.same, sure, -sure)[:, None]
    log_odds = np.where(known[:, None], learnt, answers.log_odds)
    return replace(answered, answers=replace(answers, score=sigmoid(log_odds), log_odds=log_odds))


def _are_probabilities(score: Floats) -> bool:
    return bool(not score.size or (score.min() >= 0 and score.max() <= 1))


def _with_last_bit(score: Floats, bit: Mask) -> Floats:
    """Scores (n, q) with their last digit as `bit` (n,) says."""
    words = np.ascontiguousarray(score, dtype=np.float64).view(np.uint64)
    cleared = words & ~np.uint64(1)
    found: Floats = (cleared | bit[:, None].astype(np.uint64)).view(np.float64)
    return found
