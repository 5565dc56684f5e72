"""How an attacker asks about each candidate: once, repeatedly, with changed pictures, and so on.

Any attack on scores can be run on any of these: what it takes for the answer is the mean over the
queries, of the target and of the shadows alike. Some look at what several pairs say of a picture or
a person: which pairs are asked, and what is made of them, is decided where these are put together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from facebone.attacks.access import Access, Ask, Channel
from facebone.attacks.base import ATTACKS, MembershipAttack
from facebone.attacks.gain import gained
from facebone.attacks.observations import Observations
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.data.splits import Level
from facebone.errors import UnknownNameError, UsageError
from facebone.settings import check_integer, parse_spec
from facebone.verification.heads.base import sigmoid


@dataclass(frozen=True, slots=True)
class Asking:
    """An attack as it was asked for: which one, its settings, and how it asks.

    Args:
        name: in the registry.
        settings: of the attack.
        ask: which answers it collects.
        probes: pictures of a candidate person, or partners of a candidate picture, that are used
            at most; None for all. Of pairs there are none to choose from.
    """

    name: str
    settings: Mapping[str, Any]
    ask: Ask
    probes: int | None = None

    @property
    def kind(self) -> type[MembershipAttack]:
        """The attack's class."""
        return ATTACKS.get(self.name)

    @property
    def levels(self) -> tuple[Level, ...]:
        """What it can be asked about."""
        levels = self.kind.levels
        if self.probes is None and not self.ask.of_units:
            return levels
        return tuple(level for level in levels if level is not Level.PAIR)

    @property
    def access(self) -> Access:
        """What the attacker must see: for the attack, and to ask so."""
        return max(self.kind.access, self.ask.access, key=lambda access: access.rank)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What must be recorded of the target, and of shadows."""
        own = () if self.ask.channel is None else (self.ask.channel,)
        return (*self.kind.channels, *own)


def parse_attack(spec: str, *, where: str = "--attack") -> Asking:
    """An attack from ``NAME`` or ``NAME:SETTING=VALUE,..``.

    Every attack knows the settings ``ask`` (a name of `Ask`) and ``probes`` (a number) besides its
    own.

    Raises:
        UnknownNameError: no such attack or setting.
        UsageError: a value is wrong.
    """
    name, given = parse_spec(spec, where=where)
    settings = dict(given)
    kind = ATTACKS.get(name)
    asked = settings.pop("ask", kind.asks)
    probes = settings.pop("probes", None)
    known = [field.name for field in fields(kind.settings_type)]
    for setting in settings:
        if setting not in known:
            every = [*known, "ask", "probes"]
            raise UnknownNameError(f"setting of attack {name}", setting, every)
    if asked not in list(Ask):
        raise UsageError(f"must be {', '.join(Ask)}, got {asked!r}", where=f"{where} {name}, ask")
    if probes is not None:
        check_integer(f"{where} {name}, probes", probes, low=1)
    return Asking(name, settings, Ask(asked), probes)


def was_asked(observed: Observations, ask: Ask) -> bool:
    """Whether the answers that asking so takes were recorded."""
    return ask.channel is None or ask.channel in observed.channels


def as_asked(observed: Observations, ask: Ask) -> Observations:
    """What the attacker sees who asks so: one column a query, and of shadows their mean.

    Raises:
        UsageError: such answers were not recorded.
    """
    if ask is Ask.REPEATED:
        return observed
    channel, shadows = ask.channel, observed.shadows
    if channel is None:
        return observed.first_queries(1)
    recorded = [observed.channels] if shadows is None else [observed.channels, shadows.channels]
    if any(channel not in channels for channels in recorded):
        raise UsageError(
            f"answers of this kind were not recorded: {channel}",
            where=f"ask={ask}",
            hint="leave that setting out",
        )
    if ask is Ask.CENTRE:
        return observed.first_queries(1)
    if ask is Ask.GAIN:
        return gained(observed)
    queries = _columns(observed.log_odds[:, :1], observed.channels[channel], ask)
    if shadows is not None:
        every = _columns(shadows.log_odds[:, :, None], shadows.channels[channel], ask)
        shadows = ShadowAnswers(every.mean(axis=-1), shadows.trained, shadows.channels)
    return replace(
        observed, score=sigmoid(queries), log_odds=queries, threshold=0.5, shadows=shadows
    )


def _columns(plain: Any, others: Any, ask: Ask) -> Any:
    """The queries side by side: through each backbone, the plain answer is one of them or none."""
    return others if ask is Ask.THROUGH else np.concatenate([plain, others], axis=-1)
