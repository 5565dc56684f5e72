"""A copy by teaching heads of the library what the victim scores."""

from __future__ import annotations

from facebone.attacks.access import Access
from facebone.attacks.extraction.answers import Answers
from facebone.attacks.extraction.base import ExtractionAttack, Scorer
from facebone.attacks.extraction.head_learning import HeadLearningSettings, learn_heads
from facebone.attacks.extraction.known import KnownPictures


class CopyHead(ExtractionAttack):
    """Goal: a verifier that scores as the victim does.

    Access: the score. Knowledge: public embeddings of pictures of other people, and whom these
    show. Success: the copy decides about strangers as the victim does.

    Heads of several families learn the victim's chances of one person, as a pupil learns from a
    teacher; the one that foretells answers kept aside best is the copy. Chances are taken about the
    victim's threshold and in units of the scores' deviation, so that what lies near the decision
    counts. Where the victim minds which picture comes first, which a few pairs asked in both orders
    tell, so does the copy.

    References:
        Tramer, Zhang, Juels, Reiter and Ristenpart, "Stealing Machine Learning Models via
        Prediction APIs", 2016; Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural
        Network", 2015.
    """

    name = "copy_head"
    summary = "heads of several families are taught the victim's scores, the best is the copy"
    access = Access.SCORE
    knowledge = "Public embeddings of pictures of other people, and whom these show."
    settings_type = HeadLearningSettings

    def _copy(
        self, known: KnownPictures, learnt: Answers, aside: Answers, *, seed: int
    ) -> tuple[Scorer, str]:
        return learn_heads(self.settings, known, learnt, aside, seed=seed)
