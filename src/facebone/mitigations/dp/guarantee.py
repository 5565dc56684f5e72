"""What a head that was trained by DP-SGD guarantees, and by what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guarantee:
    """What the parameters of one head tell of each unit, at most.

    Two trainings are neighbours if one of them has the pairs of one unit and the other has them
    contribute nothing. For neighbours, and whatever is done with the parameters, the probability of
    an event under one training is at most exp(epsilon) times that under the other, plus delta.

    Who stands in which pair is taken to be known and the same for both, which Ganesh and others
    call fixed-graph privacy: which pairs are kept, and how many, depends on that and on a random
    order, not on any picture. Were a person taken out of the data altogether, other pairs of those
    they stood with might be kept in the place of theirs; this is not covered. Nor is what is made
    of the training pairs elsewhere, such as a threshold.

    Args:
        epsilon: what was spent, no more than what was asked for.
        delta: of the guarantee.
        unit: to whom it is given: ``pair``, ``image`` or ``person``.
        most_pairs: of one unit that were trained on at most.
        noise: standard deviation of the noise on a step's sum of gradients, over their clip.
        rate: probability that a step meets a pair, for each pair by itself.
        steps: number of steps.
        secret: whether the noise was drawn from entropy that is forgotten. If not, nothing is
            guaranteed to hold against those who know the seed.

    References:
        M. Abadi et al.: Deep learning with differential privacy. CCS, 2016.
        A. Ganesh, R. McKenna, B. McMahan, A. Smith, F. Wu: It's my data too: private ML for
        datasets with multi-user training examples. ICML, 2025.
    """

    epsilon: float
    delta: float
    unit: str
    most_pairs: int
    noise: float
    rate: float
    steps: int
    secret: bool

    def describe(self) -> str:
        """The guarantee in one line for people."""
        return promise(self.epsilon, self.delta, self.unit, self.most_pairs, secret=self.secret)


def promise(epsilon: float, delta: float, unit: str, most: int, *, secret: bool) -> str:
    """A guarantee in one line for people."""
    bounded = "" if unit == "pair" else f", at most {most} pair{'s' * (most > 1)} each"
    knows = "" if secret else ", against those who do not know the seed"
    return f"({epsilon:.3g}, {delta:g})-DP for each {unit}{bounded}{knows}"
