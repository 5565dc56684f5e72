"""What an attack is: goal, access, level and knowledge, and scores, larger for members."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Ask, Channel
from facebone.attacks.attack import Attack, Attacks, Goal
from facebone.attacks.observations import Floats, Mask, Observations
from facebone.data.splits import Level
from facebone.errors import UsageError
from facebone.seeding import check_seed


class MembershipAttack(Attack):
    """Says of each candidate how surely it was in the training.

    This class checks what goes in; a subclass implements `_score`, and `_fit` if it learns. The
    docstring of a subclass opens with goal, access, knowledge and success.

    Args:
        settings: an instance of `settings_type`; None for the defaults.

    Raises:
        UsageError: settings of another attack.
    """

    goal = Goal.MEMBERSHIP
    levels: ClassVar[tuple[Level, ...]] = tuple(Level)
    """What it can be asked about: pairs, pictures, people."""
    channels: ClassVar[tuple[Channel, ...]] = ()
    """What it must see besides scores."""
    asks: ClassVar[Ask] = Ask.ONCE
    """Which answers it collects unless it is told otherwise."""
    learns: ClassVar[bool] = False
    """Whether it must be fitted to known members and non-members."""
    averages: ClassVar[bool] = True
    """Whether more answers about one candidate tell it more."""
    needs_shadows: ClassVar[bool] = False
    """Whether the attacker trains verifiers of their own and compares."""

    def __init__(self, settings: object | None = None) -> None:
        super().__init__(settings)
        self._fitted = False

    def fit(self, known: Observations, member: Mask, *, seed: int) -> None:
        """Learn from candidates whose membership the attacker knows.

        Args:
            known: n candidates.
            member: (n,) bool.
            seed: for everything random.

        Raises:
            UsageError: labels that do not fit, or of one class only.
        """
        check_seed(seed)
        if member.shape != (len(known),) or member.dtype != np.bool_:
            raise UsageError(
                f"membership must be bool of shape ({len(known)},), got {member.dtype} of "
                f"{member.shape}",
                where=f"attack {self.name}",
            )
        if member.all() or not member.any():
            raise UsageError(
                f"needs members and non-members to learn from, got {int(member.sum())} and "
                f"{int((~member).sum())}",
                where=f"attack {self.name}",
            )
        self._fit(known, member, seed=seed)
        self._fitted = True

    def score(self, observed: Observations) -> Floats:
        """How surely each candidate was in the training, (n,) float64, larger for members.

        Raises:
            UsageError: the attack learns and was not fitted, or it needs shadows or more access
                than there is.
        """
        if self.learns and not self._fitted:
            raise UsageError("scores nothing before it is fitted", where=f"attack {self.name}")
        if self.needs_shadows and observed.shadows is None:
            raise UsageError(
                "needs shadow verifiers, and none were trained",
                where=f"attack {self.name}",
                hint="ask for some, as with --shadows 16",
            )
        missing = [channel for channel in self.channels if channel not in observed.channels]
        if missing:
            raise UsageError(
                f"needs {self.access} access, to see {missing[0]}, which were not recorded",
                where=f"attack {self.name}",
            )
        if not len(observed):
            return np.empty(0)
        found = np.asarray(self._score(observed), dtype=np.float64)
        if found.shape != (len(observed),) or np.isnan(found).any():
            # A defect of the attack, not of what it was given.
            raise RuntimeError(f"attack {self.name} gave {found.shape} scores or NaN")
        return found

    def _fit(self, known: Observations, member: Mask, *, seed: int) -> None:
        """Learn; all checks are done."""

    @abstractmethod
    def _score(self, observed: Observations) -> npt.NDArray[np.floating]:
        """Score at least one candidate; all checks are done."""


ATTACKS: Attacks[MembershipAttack] = Attacks("attack", Goal.MEMBERSHIP, MembershipAttack)
ATTACKS.add("loss_threshold", "facebone.attacks.membership.loss_threshold:LossThreshold")
ATTACKS.add("entropy", "facebone.attacks.membership.entropy:Entropy")
ATTACKS.add("modified_entropy", "facebone.attacks.membership.modified_entropy:ModifiedEntropy")
ATTACKS.add("gap", "facebone.attacks.membership.gap:Gap")
ATTACKS.add("score_bits", "facebone.attacks.membership.score_bits:ScoreBits")
for _kind in ("rf", "gb", "nn", "lr", "dt", "knn", "svm"):
    ATTACKS.add(f"art_{_kind}", f"facebone.attacks.membership.art_black_box:{_kind.upper()}Attack")
ATTACKS.add("population", "facebone.attacks.membership.population:Population")
ATTACKS.add("reference", "facebone.attacks.membership.reference:Reference")
ATTACKS.add("lira", "facebone.attacks.membership.lira:LiRA")
ATTACKS.add("rmia", "facebone.attacks.membership.rmia:RMIA")
ATTACKS.add("quantile", "facebone.attacks.membership.quantile:Quantile")
ATTACKS.add("shadow_boosting", "facebone.attacks.membership.shadow_boosting:ShadowBoosting")
ATTACKS.add("label_only", "facebone.attacks.membership.label_only:LabelOnly")
ATTACKS.add("label_only_shadows", "facebone.attacks.membership.label_only_shadows:LabelOnlyShadows")
ATTACKS.add("gradient_norm", "facebone.attacks.membership.gradient_norm:GradientNorm")
ATTACKS.add("white_box", "facebone.attacks.membership.white_box:WhiteBox")
ATTACKS.add("template_probing", "facebone.attacks.membership.template_probing:TemplateProbing")
ATTACKS.add("set_likelihood", "facebone.attacks.membership.set_likelihood:SetLikelihood")
ATTACKS.add("set_classifier", "facebone.attacks.membership.set_classifier:SetClassifier")
