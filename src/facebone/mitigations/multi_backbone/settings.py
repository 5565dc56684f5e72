"""The settings of FaceBone: as people give them, and as a composed head keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from facebone.errors import UnknownNameError, UsageError
from facebone.mitigations.base import SECRET, MitigationSettings
from facebone.mitigations.keys import check_key
from facebone.mitigations.multi_backbone.assignment import ASSIGNMENTS
from facebone.mitigations.multi_backbone.people_settings import PeopleSettings
from facebone.mitigations.multi_backbone.query import POLICIES
from facebone.mitigations.multi_backbone.spaces import SPACES
from facebone.settings import check_flag, check_integer, check_number, plain

JOINED = ("all", "fusion")
"""Assignments under which every pair meets all backbones at once."""

OF_PEOPLE = ("parts", "left_out", "splits", "answer")
"""Settings that mean something with an adaptation alone; see `PeopleSettings`."""


@dataclass(frozen=True, slots=True)
class FaceBoneSettings(MitigationSettings):
    """How pairs meet backbones, and how the verifier answers. None is the default of a setting.

    A setting that would change nothing under the others is refused rather than ignored.

    Args:
        backbones: see `MitigationSettings`.
        assignment: which backbone a pair meets in training. ``fusion``: the head is replaced by
            logistic regression on the K cosines. ``all``: all of them as one widened input of the
            head. The rotating ones show one at a time: ``batch``: blocks of pairs, in the order
            given, meet the backbones in list order, the same in every epoch, as the prototype did;
            ``pair``: each pair meets a random one, drawn anew in each epoch; ``epoch``: all pairs
            meet the same one, the next one in the next epoch. The default is ``fusion``: rotation
            does not hold against an attacker who averages over backbones, few numbers on many
            backbones do.
        query: how a verifier trained by rotation answers. ``mean`` (default): mean of the K log
            odds. ``fixed``: through one backbone. ``random``: through another for each query.
            ``secret``: through one for each pair that a key decides, so that repeats do not
            average out.
        answering: the backbone that answers under ``query=fixed``, by name; the first by default.
        space: where backbones meet under rotation: ``procrustes`` (default), ``learned``,
            ``random`` or ``raw``; see `spaces`.
        width: of the random space; by default that of the narrowest backbone.
        block: pairs in a block of ``assignment=batch``, 64 by default, the prototype's batch. It
            is no concern of the head's own batches.
        regularisation: of the learned space, 0.001 by default; see `spaces.Learned`.
        key: the secret of ``query=secret``: any text of 16 characters or more, best 32 random
            hexadecimal digits. None derives it from the seed, so that an audit can be repeated;
            whoever can guess the seed then knows it, so a verifier that goes out into the world
            needs a key of its own. It is saved with the verifier's arrays and shown nowhere.
        quality: under ``fusion``, whether each cosine is believed by how long the shorter embedding
            was, which is head ``quality`` in the place of ``logistic``. Default: false.
        parts: with an adaptation, groups that people are split into, 4 by default.
        left_out: groups that each adaptation is trained without, 2 by default.
        splits: how often people are split anew, 2 by default.
        answer: ``unseen`` (default): each pair is answered by adaptations that never saw whom it
            shows. ``distilled``: by one adapter that they taught; it keeps no list of people, and
            leaks more. See `PeopleSettings` for all four.
    """

    assignment: str = "fusion"
    query: str | None = None
    answering: str | None = None
    space: str | None = None
    width: int | None = None
    block: int | None = None
    regularisation: float | None = None
    key: str | None = field(default=None, repr=False, metadata=SECRET)
    quality: bool | None = None
    parts: int | None = None
    left_out: int | None = None
    splits: int | None = None
    answer: str | None = None

    def __post_init__(self) -> None:
        # slots=True makes another class of this one, which super() without arguments would miss.
        MitigationSettings.__post_init__(self)
        check_word("assignment", self.assignment, (*ASSIGNMENTS, *JOINED))
        rotating = self.assignment not in JOINED
        self._only("query", rotating, "assignment=batch, pair or epoch")
        self._only("space", rotating, "assignment=batch, pair or epoch")
        if self.query is not None:
            check_word("query", self.query, POLICIES)
        if self.space is not None:
            check_word("space", self.space, SPACES)
        self._only("quality", self.assignment == "fusion", "assignment=fusion")
        if self.quality is not None:
            check_flag("quality", self.quality)
        self._only("answering", self.query == "fixed", "query=fixed")
        self._only("key", self.query == "secret", "query=secret")
        self._only("block", self.assignment == "batch", "assignment=batch")
        self._only("width", self.space == "random", "space=random")
        self._only("regularisation", self.space == "learned", "space=learned")
        if self.answering is not None and not isinstance(self.answering, str):
            raise UsageError(
                f"must be the name of a backbone, got {self.answering!r}", where="answering"
            )
        check_numbers(self.width, self.block, self.regularisation)
        if self.key is not None:
            check_key(self.key)
        people = {name: getattr(self, name) for name in OF_PEOPLE}
        PeopleSettings(**{name: value for name, value in people.items() if value is not None})

    def _only(self, name: str, applies: bool, where: str) -> None:
        if getattr(self, name) is not None and not applies:
            raise UsageError(
                f"{name} means something under {where} alone",
                where="mitigation facebone",
                hint=f"leave {name} out or add that",
            )


@dataclass(frozen=True, slots=True)
class RotationSettings:
    """What a composed head is made of and how it answers; defaults are filled in.

    Args:
        head: name of the head inside.
        head_settings: names and plain values of its settings.
        assignment: a rotating one.
        query: see `FaceBoneSettings`.
        answering: position of the backbone that answers under ``query=fixed``.
        space: see `FaceBoneSettings`.
        width: see `FaceBoneSettings`.
        block: see `FaceBoneSettings`.
        regularisation: see `FaceBoneSettings`.
        key: see `FaceBoneSettings`; `KEPT` in a saved head, whose key is among the arrays.
    """

    head: str = "mlp"
    head_settings: dict[str, Any] = field(default_factory=dict)
    assignment: str = "pair"
    query: str = "mean"
    answering: int = 0
    space: str = "procrustes"
    width: int | None = None
    block: int = 64
    regularisation: float = 1e-3
    key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.head, str) or not isinstance(self.head_settings, dict):
            raise UsageError("needs the name and the settings of a head", where="facebone")
        object.__setattr__(self, "head_settings", plain(self.head_settings))
        check_word("assignment", self.assignment, ASSIGNMENTS)
        check_word("query", self.query, POLICIES)
        check_word("space", self.space, SPACES)
        check_integer("answering", self.answering, low=0)
        check_numbers(self.width, self.block, self.regularisation)
        if self.key is not None:
            check_key(self.key)


def check_word(name: str, value: object, known: Iterable[str]) -> None:
    """Refuse a word that is none of `known`.

    Raises:
        UnknownNameError: it is not; the error carries the nearest one.
    """
    if value not in (words := tuple(known)):
        raise UnknownNameError(f"{name} of facebone", str(value), words)


def check_numbers(width: int | None, block: int | None, regularisation: float | None) -> None:
    """Refuse numbers out of range.

    Raises:
        UsageError: one is.
    """
    if width is not None:
        check_integer("width", width, low=1)
    if block is not None:
        check_integer("block", block, low=1)
    if regularisation is not None:
        check_number("regularisation", regularisation, low=0, low_open=True)
