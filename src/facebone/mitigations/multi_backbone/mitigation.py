"""FaceBone as a mitigation: from settings to a head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from facebone.errors import UnknownNameError, UsageError
from facebone.mitigations.base import Mitigation
from facebone.mitigations.choices import Choice, Integer, Number, Words
from facebone.mitigations.keys import key_bytes
from facebone.mitigations.multi_backbone.assignment import ASSIGNMENTS
from facebone.mitigations.multi_backbone.head import FaceBoneHead, check_several
from facebone.mitigations.multi_backbone.people_head import PeopleSplitHead
from facebone.mitigations.multi_backbone.people_settings import PeopleSettings
from facebone.mitigations.multi_backbone.query import POLICIES
from facebone.mitigations.multi_backbone.settings import (
    OF_PEOPLE,
    FaceBoneSettings,
    RotationSettings,
)
from facebone.mitigations.multi_backbone.spaces import SPACES
from facebone.settings import parse_settings, plain
from facebone.verification.heads import ADAPTATIONS, HEADS, Head, make_head

_MEETINGS = {
    "batch": "blocks of {block} pairs meet them in turn, the same in every epoch",
    "pair": "each pair meets a random one, drawn anew in each epoch",
    "epoch": "all pairs meet one of them, the next one in the next epoch",
    "all": "the head learns from all of them side by side, as one widened input",
    "fusion": "the head is a logistic regression on their cosines{weighed}",
}

ROTATING = tuple(ASSIGNMENTS)


class FaceBone(Mitigation):
    """Trains a head on embeddings from many backbones, so that it memorises none of them.

    An adaptation learns people, which many backbones do not change. It is trained many times, each
    time without some of the people, and each person is answered by those that never saw them.

    References:
        The idea, as one backbone a batch: guyelov/Face-Recognition-Mitigation-Method.
    """

    name = "facebone"
    summary = "the head learns from many backbones instead of one"
    settings_type = FaceBoneSettings
    choices: ClassVar[Mapping[str, Choice]] = {
        "assignment": Words(("fusion", "all", "pair", "epoch", "batch"), learnt="pairs"),
        "quality": Words((None, True), when=("assignment", ("fusion",))),
        "query": Words((None, "random", "secret", "fixed"), when=("assignment", ROTATING)),
        "space": Words((None, "learned", "random", "raw"), when=("assignment", ROTATING)),
        "regularisation": Number(1e-4, 1e-1, log=True, usual=1e-3, when=("space", ("learned",))),
        "parts": Integer(3, 6, usual=4, learnt="people"),
        "left_out": Integer(2, 3, usual=2, learnt="people"),
        "splits": Integer(1, 3, usual=2, learnt="people"),
        "answer": Words((None, "distilled"), learnt="people"),
    }

    def protect(
        self,
        head: str,
        head_settings: Mapping[str, Any],
        *,
        backbones: tuple[str, ...],
        device: str = "cpu",
    ) -> Head:
        """The head that the assignment makes.

        Under ``fusion`` it is the logistic or the quality head, whatever was asked for;
        `head_settings` are its own only if that is what was asked for. An adaptation is trained on
        people split over many.
        """
        if head in ADAPTATIONS:
            people = self._people(head=head, head_settings=plain(dict(head_settings)))
            return PeopleSplitHead(people, device=device)
        kind = HEADS.get(head)
        # A wrong setting is an error even where the head is replaced.
        parse_settings(kind.settings_type, head_settings, owner=f"head {head}")
        self._refuse(OF_PEOPLE, f"with an adaptation alone, which {head} is not")
        check_several(len(backbones))
        if self.settings.assignment == "all":
            return make_head(head, head_settings, device=device)
        if self.settings.assignment == "fusion":
            fused = self._fused()
            return make_head(fused, head_settings if head == fused else {}, device=device)
        rotation = self._rotation(backbones, head=head, head_settings=dict(head_settings))
        return FaceBoneHead(rotation, device=device)

    def trained_head(self, head: str) -> str:
        """That of the fusion where it fuses cosines, whatever was asked for."""
        fuses = self.settings.assignment == "fusion" and head not in ADAPTATIONS
        return self._fused() if fuses else head

    def describe(self, backbones: tuple[str, ...], *, head: str = "mlp") -> str:
        """Assignment, query policy and space, or how people are split, in one line."""
        settings: FaceBoneSettings = self.settings
        listed = " + ".join(backbones)
        if head in ADAPTATIONS:
            return f"{listed}: {self._people().describe()}"
        if settings.assignment in ("all", "fusion"):
            weighed = " and how long embeddings are" if settings.quality else ""
            meeting = _MEETINGS[settings.assignment].format(weighed=weighed)
            how = f"{meeting} (assignment {settings.assignment})"
            return f"{listed}: {how}; all of them answer, each in its own space"
        rotation = self._rotation(backbones)
        how = _MEETINGS[rotation.assignment].format(block=rotation.block)
        who = POLICIES[rotation.query].summary
        if rotation.query == "fixed":
            who = f"{backbones[rotation.answering]} answers"
        space = SPACES[rotation.space].summary
        return (
            f"{listed}: {how} (assignment {rotation.assignment}); {who} (query {rotation.query}); "
            f"{space} (space {rotation.space})"
        )

    def _fused(self) -> str:
        """Name of the head that fuses cosines."""
        return "quality" if self.settings.quality else "logistic"

    def _people(self, **head: Any) -> PeopleSettings:
        """The settings of the head of an adaptation, defaults left to it."""
        self._refuse(("quality",), "with heads that learn from pairs alone")
        if self.settings.assignment != FaceBoneSettings().assignment:
            raise UsageError(
                "means something with heads that learn from pairs alone",
                where="mitigation facebone, assignment",
                hint="leave it out",
            )
        given = {
            name: getattr(self.settings, name)
            for name in OF_PEOPLE
            if getattr(self.settings, name) is not None
        }
        return PeopleSettings(**given, **head)

    def _refuse(self, names: Iterable[str], where: str) -> None:
        for name in names:
            if getattr(self.settings, name) is not None:
                raise UsageError(
                    f"{name} means something {where}",
                    where=f"mitigation {self.name}",
                    hint=f"leave {name} out",
                )

    def _rotation(self, backbones: tuple[str, ...], **head: Any) -> RotationSettings:
        """The settings of the composed head, defaults left to it."""
        settings: FaceBoneSettings = self.settings
        given: dict[str, Any] = {
            name: getattr(settings, name)
            for name in ("query", "space", "width", "block", "regularisation")
            if getattr(settings, name) is not None
        }
        if settings.answering is not None:
            if settings.answering not in backbones:
                raise UnknownNameError("backbone", settings.answering, backbones)
            given["answering"] = backbones.index(settings.answering)
        if settings.key is not None:
            given["key"] = key_bytes(settings.key).hex()
        return RotationSettings(assignment=settings.assignment, **given, **head)
