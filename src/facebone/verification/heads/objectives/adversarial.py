"""Adversarial regularisation: the network learns to foil an attacker that is trained beside it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from facebone.seeding import derive_seed
from facebone.settings import check_integer, check_number
from facebone.verification.heads.adamw import AdamW
from facebone.verification.heads.mlp_network import Network, forward, start
from facebone.verification.heads.objectives.base import Deck, Objective


@dataclass(frozen=True, slots=True)
class AdversarialSettings:
    """How strong the attacker is, and how much it counts.

    Args:
        strength: weight of the attacker's gain beside the cross-entropy (the paper's lambda).
        steps: of the attacker before each of the network.
        hidden: width of the attacker's two hidden layers.
        learning_rate: of the attacker's Adam.
    """

    strength: float = 0.3
    steps: int = 1
    hidden: int = 64
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        check_number("strength", self.strength, low=0)
        check_integer("steps", self.steps, low=1)
        check_integer("hidden", self.hidden, low=1)
        check_number("learning_rate", self.learning_rate, low=0, low_open=True)


class Adversarial(Objective):
    """Cross-entropy plus what an attacker gains on the batch.

    The attacker h sees a pair's logit and label and says how likely the pair is trained on. It
    learns from random pairs of training and as many kept aside: it maximises the mean of log h on
    the former plus that of log(1 - h) on the latter. The network then descends on its
    cross-entropy plus `strength` times the mean of log h on its batch.

    The attacker learns from logits as the finished network would give them: dropout and
    normalisation by a batch would show it which pairs are trained on, and the network could not
    unlearn that.

    References:
        M. Nasr, R. Shokri and A. Houmansadr, "Machine Learning with Membership Privacy using
        Adversarial Regularization", CCS 2018, algorithm 1.
    """

    name = "adversarial"
    settings_type = AdversarialSettings
    mixes = False
    keeps_aside = True
    _network: Network
    _attacker: Network
    _optimiser: AdamW
    _trained: Deck
    _aside: Deck

    def start(self, network: Network, *, seed: int) -> None:
        """Make an attacker from random weights."""
        device, hidden = network.biases[0].device, self.settings.hidden
        self._generator = torch.Generator().manual_seed(derive_seed(seed, "mlp", "attacker"))
        attacker = start(
            2, (hidden, hidden), (), initialisation="he", generator=self._generator
        ).map(lambda tensor: tensor.to(device).requires_grad_())
        self._network, self._attacker = network, attacker
        self._optimiser = AdamW(attacker.learnt(), rate=self.settings.learning_rate)

    def show(self, epoch: int, trained: Deck, aside: Deck | None) -> None:
        """Remember what to draw from."""
        if aside is None:  # the training keeps some, for `keeps_aside` asks for them
            raise RuntimeError("no pairs are kept aside")
        self._trained, self._aside = trained, aside

    def slope(self, logits: Tensor, truth: Tensor, out: Tensor) -> None:
        """Train the attacker, then add to the cross-entropy's slope that of its gain."""
        for _ in range(self.settings.steps):
            self._attack(len(logits))
        torch.sigmoid(logits, out=out)
        out.sub_(truth).div_(len(out))
        with torch.enable_grad():
            asked = logits.detach().requires_grad_()
            gain = logsigmoid(self._suspect(asked, truth)).mean()
            (by_logit,) = torch.autograd.grad(gain, asked)
        out.add_(by_logit, alpha=self.settings.strength)

    def _attack(self, count: int) -> None:
        """One step of the attacker on `count` pairs of each kind."""
        members, member_truth = self._trained.draw(count, self._generator)
        others, other_truth = self._aside.draw(count, self._generator)
        with torch.no_grad():
            logits = forward(self._network, torch.cat([members, others]))
        with torch.enable_grad():
            suspicion = self._suspect(logits, torch.cat([member_truth, other_truth]))
            # With h = sigmoid(s), 1 - h = sigmoid(-s).
            gain = logsigmoid(suspicion[:count]).mean() + logsigmoid(-suspicion[count:]).mean()
            self._optimiser.zero_grad()
            (-gain).backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()

    def _suspect(self, logits: Tensor, truth: Tensor) -> Tensor:
        """The attacker's log odds that pairs are trained on, (b,)."""
        return forward(self._attacker, torch.stack([logits, truth * 2 - 1], dim=1))
