"""A copy by teaching heads of the library what the victim decides, where it is hard to foretell."""

from __future__ import annotations

from facebone.attacks.access import Access
from facebone.attacks.extraction.answers import Answers
from facebone.attacks.extraction.base import ExtractionAttack, Scorer
from facebone.attacks.extraction.head_learning import HeadLearningSettings, learn_heads
from facebone.attacks.extraction.known import KnownPictures


class CopyDecisions(ExtractionAttack):
    """Goal: a verifier that decides as the victim does.

    Access: the decision. Knowledge: public embeddings of pictures of other people, and whom these
    show. Success: the copy decides about strangers as the victim does.

    Half of the questions are about pairs of which the copy so far is least sure: about most pairs a
    decision tells nothing new. Heads learn from decisions as from labels.

    References:
        Tramer, Zhang, Juels, Reiter and Ristenpart, "Stealing Machine Learning Models via
        Prediction APIs", 2016, on questions near the boundary; Lewis and Gale, "A Sequential
        Algorithm for Training Text Classifiers", 1994, on asking what one is least sure of.
    """

    name = "copy_decisions"
    summary = "heads are taught the victim's decisions about pairs near the copy's boundary"
    access = Access.DECISION
    knowledge = "Public embeddings of pictures of other people, and whom these show."
    settings_type = HeadLearningSettings
    seeks_boundary = True

    def _copy(
        self, known: KnownPictures, learnt: Answers, aside: Answers, *, seed: int
    ) -> tuple[Scorer, str]:
        return learn_heads(self.settings, known, learnt, aside, seed=seed)
