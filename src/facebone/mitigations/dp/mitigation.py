"""DP-SGD as a mitigation: from settings to a head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from facebone.errors import UsageError
from facebone.mitigations.base import Mitigation
from facebone.mitigations.choices import Choice, Number, Words
from facebone.mitigations.dp.guarantee import promise
from facebone.mitigations.dp.head import DPHead, check_opacus
from facebone.mitigations.dp.settings import DPSettings
from facebone.verification.heads import ADAPTATIONS, Head


class DPSGD(Mitigation):
    """Trains the head so that its parameters provably tell little of any person, image or pair.

    The guarantee has conditions that a reader must know: see `guarantee.Guarantee`.

    References:
        M. Abadi et al.: Deep learning with differential privacy. CCS, 2016.
        A. Ganesh, R. McKenna, B. McMahan, A. Smith, F. Wu: It's my data too: private ML for
        datasets with multi-user training examples. ICML, 2025.
    """

    name = "dp_sgd"
    summary = "gradients are clipped pair by pair and their sums hidden in noise"
    settings_type = DPSettings
    promises = True
    choices: ClassVar[Mapping[str, Choice]] = {
        "epsilon": Number(0.5, 64.0, log=True),
        "unit": Words((None, "pair")),
        "clip": Number(0.1, 10.0, log=True),
    }

    def protect(
        self,
        head: str,
        head_settings: Mapping[str, Any],
        *,
        backbones: tuple[str, ...],
        device: str = "cpu",
    ) -> Head:
        """The head, to be trained by DP-SGD.

        Raises:
            UnknownNameError: no such head, or no such setting.
            UsageError: it learns nothing by gradients of single pairs, or has settings that
                DP-SGD does not know.
            MissingPartError: Opacus is not installed.
        """
        del backbones  # it takes them side by side, as the head does
        if head in ADAPTATIONS:
            raise UsageError(
                f"trains heads that learn from pairs, which {head} does not",
                where=f"mitigation {self.name}",
            )
        check_opacus()
        return DPHead(self.settings.for_head(head, head_settings), device=device)

    def effect(self) -> str:
        """What is promised, and to whom."""
        chosen = self.settings.for_head("", {})
        promised = promise(
            chosen.epsilon,
            chosen.delta,
            chosen.unit,
            chosen.most_pairs,
            secret=chosen.randomness == "secret",
        )
        return f"{self.summary}: {promised}"

    def describe(self, backbones: tuple[str, ...], *, head: str = "mlp") -> str:
        """What is promised, and what of the head is left out for it."""
        without = "; batch normalisation is left out" if head == "mlp" else ""
        return f"{super().describe(backbones, head=head)}{without}"
