"""SELENA as a mitigation: from settings to a head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from facebone.errors import UsageError
from facebone.mitigations.base import Mitigation
from facebone.mitigations.choices import Choice, Integer, Words
from facebone.mitigations.selena.head import SelenaHead
from facebone.mitigations.selena.settings import SelenaHeadSettings, SelenaSettings
from facebone.verification.heads import ADAPTATIONS, Head


class Selena(Mitigation):
    """Trains many heads, each without some of the pairs, to teach one what they never learnt.

    A pair that is trained on is answered as by heads that never saw it, so its answer should not
    tell that it was trained on. It costs as much training as all teachers and the student: with the
    defaults 16 times as much as the head alone.

    References:
        X. Tang, S. Mahloujifar, L. Song, V. Shejwalkar, M. Nasr, A. Houmansadr and P. Mittal,
        "Mitigating Membership Inference Attacks by Self-Distillation Through a Novel Ensemble
        Architecture", USENIX Security 2022.
    """

    name = "selena"
    summary = "the head learns what heads that never saw a pair say of it"
    settings_type = SelenaSettings
    choices: ClassVar[Mapping[str, Choice]] = {
        "parts": Integer(3, 25),
        "left_out": Integer(1, 12),
        "unit": Words((None, "image", "person")),
    }

    def protect(
        self,
        head: str,
        head_settings: Mapping[str, Any],
        *,
        backbones: tuple[str, ...],
        device: str = "cpu",
    ) -> Head:
        """The head, to be taught by others of its kind.

        Raises:
            UnknownNameError: no such head, or no such setting.
            UsageError: it cannot learn from the answers of others.
        """
        del backbones  # it takes them side by side, as the head does
        if head in ADAPTATIONS:
            raise UsageError(
                f"trains heads that learn from pairs, which {head} does not",
                where=f"mitigation {self.name}",
            )
        chosen: SelenaSettings = self.settings
        settings = SelenaHeadSettings(
            head=head,
            head_settings=dict(head_settings),
            parts=chosen.parts,
            left_out=chosen.left_out,
            unit=chosen.unit,
        )
        return SelenaHead(settings, device=device)

    def effect(self) -> str:
        """How many teach, and who is kept from them."""
        chosen: SelenaSettings = self.settings
        return (
            f"{self.summary}: {chosen.parts} of them, each {chosen.unit} left out of "
            f"{chosen.left_out}"
        )
